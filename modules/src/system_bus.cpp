// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/system_bus.h"

#include "hydravp/core/time.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace hydravp::modules {
namespace {

/// Names the initiator of an access, unless it does so itself; as long as this lives, also if its process is
/// killed.
class Identified {
public:
    Identified(tlm::tlm_generic_payload& payload, core::InitiatorId& id)
        : payload_(payload), id_(payload.get_extension<core::InitiatorId>() == nullptr ? &id : nullptr) {
        if (id_ != nullptr) {
            payload_.set_extension(id_);
        }
    }
    ~Identified() {
        if (id_ != nullptr) {
            payload_.clear_extension(id_);
        }
    }
    Identified(const Identified&) = delete;
    Identified& operator=(const Identified&) = delete;

private:
    tlm::tlm_generic_payload& payload_;
    core::InitiatorId* id_;
};

} // namespace

SystemBus::SystemBus(const sc_core::sc_module_name& name, const SystemBusConfig& config)
    : sc_core::sc_module(name), config_(config) {
    initiators.register_b_transport(this, &SystemBus::b_transport);
    initiators.register_transport_dbg(this, &SystemBus::transport_dbg);
    initiators.register_get_direct_mem_ptr(this, &SystemBus::get_direct_mem_ptr);
}

SystemBus::TargetPort& SystemBus::add_target(std::uint64_t base, std::uint64_t bytes) {
    for (const Target& other : targets_) {
        if (base >= other.base ? base - other.base < other.bytes : other.base - base < bytes) {
            throw std::invalid_argument("system bus: target address ranges overlap");
        }
    }
    simcontext()->hierarchy_push(this); // the port is the bus's, whoever asks for it
    auto port = std::make_unique<TargetPort>(sc_core::sc_gen_unique_name("target"));
    simcontext()->hierarchy_pop();
    port->register_invalidate_direct_mem_ptr(this, &SystemBus::invalidate, static_cast<int>(targets_.size()));
    targets_.push_back({base, bytes, std::move(port)});
    return *targets_.back().port;
}

SystemBus::Target* SystemBus::find(const tlm::tlm_generic_payload& payload) {
    const std::uint64_t address = payload.get_address();
    for (Target& target : targets_) {
        if (address >= target.base && address - target.base < target.bytes) {
            return &target;
        }
    }
    return nullptr;
}

void SystemBus::b_transport(int port, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    Target* target = find(payload);
    if (target == nullptr ||
        payload.get_data_length() > target->bytes - (payload.get_address() - target->base)) {
        ++rejected_accesses_;
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return;
    }
    const core::Picoseconds now = core::now();
    const core::Picoseconds duration = config_.bandwidth.time_for(payload.get_data_length());
    const core::Picoseconds end = wires_.occupy(now + core::from_sc_time(delay), duration);
    busy_.hold(end - duration, end, 1);
    delay = core::to_sc_time(end + config_.latency - now);
    const Identified identified(payload, id_of(port));
    (*target->port)->b_transport(payload, delay);
    if (busy_) {
        payload.set_dmi_allowed(false);
    }
}

core::InitiatorId& SystemBus::id_of(int port) {
    while (ids_.size() <= static_cast<std::size_t>(port)) {
        ids_.emplace_back(static_cast<std::uint32_t>(ids_.size() + 1));
    }
    return ids_[static_cast<std::size_t>(port)];
}

bool SystemBus::get_direct_mem_ptr(int, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    constexpr std::uint64_t line_bytes = 64;
    Target* const target = find(payload);
    if (target == nullptr || busy_ || !(*target->port)->get_direct_mem_ptr(payload, dmi)) {
        dmi.init();
        dmi.set_start_address(payload.get_address()); // others may be granted
        dmi.set_end_address(payload.get_address());
        return false;
    }
    // What lies outside of the target's range is somebody else's.
    const std::uint64_t first = std::max<std::uint64_t>(dmi.get_start_address(), target->base);
    dmi.set_dmi_ptr(dmi.get_dmi_ptr() + (first - dmi.get_start_address()));
    dmi.set_start_address(first);
    dmi.set_end_address(std::min<std::uint64_t>(dmi.get_end_address(), target->base + (target->bytes - 1)));
    const sc_core::sc_time crossing =
        core::to_sc_time(config_.latency + config_.bandwidth.time_for(line_bytes));
    dmi.set_read_latency(dmi.get_read_latency() + crossing);
    dmi.set_write_latency(dmi.get_write_latency() + crossing);
    return true;
}

void SystemBus::invalidate(int, sc_dt::uint64 first, sc_dt::uint64 last) {
    for (unsigned i = 0; i < initiators.size(); ++i) {
        initiators[static_cast<int>(i)]->invalidate_direct_mem_ptr(first, last);
    }
}

void SystemBus::trace(core::Tracer& tracer) {
    busy_ = tracer.wire(*this, "busy", 1);
}

unsigned SystemBus::transport_dbg(int, tlm::tlm_generic_payload& payload) {
    Target* target = find(payload);
    if (target == nullptr) {
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return 0;
    }
    return (*target->port)->transport_dbg(payload);
}

} // namespace hydravp::modules
