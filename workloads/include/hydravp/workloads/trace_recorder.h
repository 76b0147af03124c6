// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/pass_through.h"
#include "hydravp/workloads/trace.h"

#include <systemc>
#include <tlm>

#include <cstdint>
#include <functional>
#include <utility>

namespace hydravp::workloads {

/// What a `TraceRecorder` does that doesn't depend on the width of its sockets.
class TraceRecorderBase : public core::PassThroughBase {
public:
    using Sink = std::function<void(const TraceAccess&)>;

    std::uint64_t accesses() const { return accesses_; } ///< recorded so far

    // The sockets' interfaces.
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override;
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override;
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override;
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) override;

protected:
    TraceRecorderBase(const sc_core::sc_module_name& name, Sink sink);

private:
    void record(const tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);

    Sink sink_;
    std::uint64_t accesses_ = 0;
};

/// Stands between an initiator and a target, passes everything on, and hands every read and write to `sink`
/// (for example `TraceWriter::write`) with the simulated time of its request: b_transport or BEGIN_REQ, with
/// the annotated delay. It takes no simulated time.
///
/// DMI is denied, because accesses by it would not be seen. Debug transport is no access. An access without
/// bytes is not recorded; byte enables and streaming width are not part of a trace. Accesses are recorded in
/// the order of the calls, so with temporal decoupling times may go back. What `sink` throws leaves the call.
template <unsigned int BUSWIDTH = 32>
class BasicTraceRecorder : public core::PassThrough<TraceRecorderBase, BUSWIDTH> {
public:
    BasicTraceRecorder(const sc_core::sc_module_name& name, TraceRecorderBase::Sink sink)
        : core::PassThrough<TraceRecorderBase, BUSWIDTH>(name, std::move(sink)) {}
};

/// With sockets as wide as those of HydraVP's modules.
using TraceRecorder = BasicTraceRecorder<>;

} // namespace hydravp::workloads
