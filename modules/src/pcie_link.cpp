// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/pcie_link.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/time.h"

#include <algorithm>

namespace hydravp::modules {

PcieLink::PcieLink(const sc_core::sc_module_name& name, const PcieLinkConfig& config)
    : sc_core::sc_module(name),
      config_(config),
      energy_(meter_.add(core::Quantity::energy, "link")),
      bytes_(meter_.add(core::Quantity::bytes, "link")) {
    upstream.register_b_transport(this, &PcieLink::b_transport);
    upstream.register_transport_dbg(this, &PcieLink::transport_dbg);
    SC_HAS_PROCESS(PcieLink);
    SC_METHOD(interrupt_changed);
    sensitive << interrupt_in;
    dont_initialize();
    SC_METHOD(drive_interrupt);
    sensitive << interrupt_arrives_;
    dont_initialize();
}

void PcieLink::trace(core::Tracer& tracer) {
    down_.busy = tracer.wire(*this, "down_busy", 1);
    up_.busy = tracer.wire(*this, "up_busy", 1);
    interrupt_trace_ = tracer.wire(*this, "interrupt", 1);
}

core::Picoseconds PcieLink::cross(Direction& direction, core::Picoseconds from, std::uint64_t data_bytes,
                                  core::LayerId layer) {
    const std::uint64_t payload = std::max<std::uint32_t>(config_.packet_payload_bytes, 1);
    const std::uint64_t packets = std::max<std::uint64_t>((data_bytes + payload - 1) / payload, 1);
    const std::uint64_t bytes = data_bytes + packets * config_.packet_header_bytes;
    meter_.charge(bytes_, layer, static_cast<double>(bytes));
    meter_.charge(energy_, layer, config_.energy.for_bits(static_cast<double>(bytes) * 8));
    const core::Picoseconds duration = config_.bandwidth.time_for(bytes);
    const core::Picoseconds end = direction.wires.occupy(from, duration);
    direction.busy.hold(end - duration, end, 1);
    return end + config_.latency;
}

void PcieLink::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const core::Picoseconds now = core::now();
    const core::LayerId layer = core::Attribution::layer_of(payload);
    const std::uint64_t length = payload.get_data_length();
    const bool is_write = payload.is_write();
    core::Picoseconds at = cross(down_, now + core::from_sc_time(delay), is_write ? length : 0, layer);
    delay = core::to_sc_time(at - now);
    downstream->b_transport(payload, delay);
    payload.set_dmi_allowed(false); // past the link nobody would see it
    if (!is_write) {
        at = cross(up_, core::now() + core::from_sc_time(delay), length, layer);
        delay = core::to_sc_time(at - core::now());
    }
}

unsigned PcieLink::transport_dbg(tlm::tlm_generic_payload& payload) {
    return downstream->transport_dbg(payload);
}

void PcieLink::interrupt_changed() {
    interrupt_levels_.push_back(interrupt_in.read());
    interrupt_arrives_.notify(core::to_sc_time(config_.latency));
}

void PcieLink::drive_interrupt() {
    interrupt_out.write(interrupt_levels_.front());
    interrupt_trace_.set(interrupt_levels_.front() ? 1 : 0);
    interrupt_levels_.pop_front();
}

} // namespace hydravp::modules
