// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/initiator_id.h"
#include "hydravp/core/timeline.h"
#include "hydravp/core/trace.h"
#include "hydravp/modules/config.h"

#include <systemc>
#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace hydravp::modules {

/// The host's system bus: a router of base-protocol transactions by address.
///
/// LT, debug and DMI. A transaction occupies the bus for its bytes at the bus's bandwidth; whoever comes
/// second waits. Addresses are passed on unchanged. An access that says nothing of its initiator
/// (`core::InitiatorId`) gets the number of the port that it comes from, counted from 1, for its time on the
/// bus and behind it. To the latencies of DMI the bus adds its own and the time of 64 bytes on the free bus;
/// while its waveform is traced it denies DMI. Not modelled: split transactions, AT.
class SystemBus : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::multi_passthrough_target_socket<SystemBus> initiators{"initiators"};

    SystemBus(const sc_core::sc_module_name& name, const SystemBusConfig& config);

    using TargetPort = tlm_utils::simple_initiator_socket_tagged<SystemBus>;
    /// A new port that receives the addresses [base, base + bytes). Ranges must not overlap.
    TargetPort& add_target(std::uint64_t base, std::uint64_t bytes);
    /// Accesses that led to no target, or out of it; answered with an address error response.
    std::uint64_t rejected_accesses() const { return rejected_accesses_; }

    void trace(core::Tracer& tracer) override;

private:
    struct Target {
        std::uint64_t base, bytes;
        std::unique_ptr<TargetPort> port;
    };
    void b_transport(int id, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned transport_dbg(int id, tlm::tlm_generic_payload& payload);
    bool get_direct_mem_ptr(int id, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
    void invalidate(int target, sc_dt::uint64 first, sc_dt::uint64 last);
    Target* find(const tlm::tlm_generic_payload& payload);
    core::InitiatorId& id_of(int port);

    SystemBusConfig config_;
    core::Timeline wires_;
    core::TraceSignal busy_;
    std::vector<Target> targets_;
    std::deque<core::InitiatorId> ids_; ///< by port
    std::uint64_t rejected_accesses_ = 0;
};

} // namespace hydravp::modules
