// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/core/timeline.h"
#include "hydravp/core/trace.h"
#include "hydravp/modules/config.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>

namespace hydravp::modules {

/// The PCIe link between host and hybrid memory: latency and bandwidth in each direction, packets with
/// headers.
///
/// Writes are posted: they cross once. A read crosses as a request and comes back with its data. The
/// interrupt crosses upstream with the link's latency. Not modelled: flow-control credits, link training,
/// retries.
class PcieLink : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::simple_target_socket<PcieLink> upstream{"upstream"};        ///< bind the host's side
    tlm_utils::simple_initiator_socket<PcieLink> downstream{"downstream"}; ///< bind the memory's side
    sc_core::sc_in<bool> interrupt_in{"interrupt_in"};
    sc_core::sc_out<bool> interrupt_out{"interrupt_out"};

    PcieLink(const sc_core::sc_module_name& name, const PcieLinkConfig& config);

    /// Packets on either direction's wires, and the interrupt as it arrives.
    void trace(core::Tracer& tracer) override;

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned transport_dbg(tlm::tlm_generic_payload& payload);
    struct Direction {
        core::Timeline wires;
        core::TraceSignal busy;
    };
    core::Picoseconds cross(Direction& direction, core::Picoseconds from, std::uint64_t data_bytes,
                            core::LayerId layer);
    void interrupt_changed();
    void drive_interrupt();

    PcieLinkConfig config_;
    Direction down_, up_;
    core::TraceSignal interrupt_trace_;
    sc_core::sc_event_queue interrupt_arrives_{"interrupt_arrives"};
    std::deque<bool> interrupt_levels_; ///< on their way, oldest first
    core::Meter meter_{"meter"};
    core::Meter::Account energy_, bytes_;
};

} // namespace hydravp::modules
