// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace_recorder.h"

#include "hydravp/core/time.h"

#include <utility>

namespace hydravp::workloads {

TraceRecorderBase::TraceRecorderBase(const sc_core::sc_module_name& name, Sink sink)
    : core::PassThroughBase(name), sink_(std::move(sink)) {}

void TraceRecorderBase::record(const tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay) {
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND || payload.get_data_length() == 0) {
        return;
    }
    sink_({core::now() + core::from_sc_time(delay), payload.is_write(), payload.get_address(),
           payload.get_data_length()});
    ++accesses_;
}

void TraceRecorderBase::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    record(payload, delay);
    target().b_transport(payload, delay);
    payload.set_dmi_allowed(false);
}

tlm::tlm_sync_enum TraceRecorderBase::nb_transport_fw(tlm::tlm_generic_payload& payload,
                                                      tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    const bool request = phase == tlm::BEGIN_REQ;
    if (request) {
        record(payload, delay);
    }
    const tlm::tlm_sync_enum answer = target().nb_transport_fw(payload, phase, delay);
    if (request &&
        (answer == tlm::TLM_COMPLETED || (answer == tlm::TLM_UPDATED && phase == tlm::BEGIN_RESP))) {
        payload.set_dmi_allowed(false);
    }
    return answer;
}

tlm::tlm_sync_enum TraceRecorderBase::nb_transport_bw(tlm::tlm_generic_payload& payload,
                                                      tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    if (phase == tlm::BEGIN_RESP) {
        payload.set_dmi_allowed(false);
    }
    return initiator().nb_transport_bw(payload, phase, delay);
}

bool TraceRecorderBase::get_direct_mem_ptr(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.init(); // no access, to no address
    return false;
}

} // namespace hydravp::workloads
