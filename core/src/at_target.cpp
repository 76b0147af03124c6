// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/at_target.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace hydravp::core {

AtTarget::AtTarget(const sc_core::sc_module_name& name, Request request, Backward backward)
    : sc_core::sc_module(name), request_(std::move(request)), backward_(std::move(backward)) {
    SC_HAS_PROCESS(AtTarget);
    SC_METHOD(arrive);
    sensitive << arrivals_.get_event();
    dont_initialize();
    SC_METHOD(send_responses);
    sensitive << response_ended_;
    dont_initialize();
}

tlm::tlm_sync_enum AtTarget::nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                             sc_core::sc_time& delay) {
    if (phase == tlm::END_RESP) {
        if (!response_under_way_ || ending_ || responses_.empty() || responses_.front() != &payload) {
            throw std::logic_error(std::string(name()) + ": END_RESP without a response");
        }
        end_response(delay);
        return tlm::TLM_COMPLETED;
    }
    if (phase != tlm::BEGIN_REQ) {
        throw std::logic_error(std::string(name()) + ": unexpected phase on the forward path");
    }
    if (!payload.has_mm()) {
        payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
        return tlm::TLM_COMPLETED;
    }
    payload.acquire();
    if (delay != sc_core::SC_ZERO_TIME) {
        arrivals_.notify(payload, delay);
        return tlm::TLM_ACCEPTED;
    }
    switch (request_(payload)) {
    case Answer::completed:
        payload.release();
        return tlm::TLM_COMPLETED;
    case Answer::accepted:
        phase = tlm::END_REQ;
        return tlm::TLM_UPDATED;
    case Answer::queued:
        break;
    }
    return tlm::TLM_ACCEPTED;
}

void AtTarget::arrive() {
    while (tlm::tlm_generic_payload* payload = arrivals_.get_next_transaction()) {
        switch (request_(*payload)) {
        case Answer::completed:
            respond(*payload);
            break;
        case Answer::accepted:
            accept(*payload);
            break;
        case Answer::queued:
            break;
        }
    }
}

void AtTarget::accept(tlm::tlm_generic_payload& payload) {
    tlm::tlm_phase phase = tlm::END_REQ;
    sc_core::sc_time delay;
    backward_(payload, phase, delay);
}

void AtTarget::respond(tlm::tlm_generic_payload& payload) {
    responses_.push_back(&payload);
    send_responses();
}

void AtTarget::send_responses() {
    if (sending_) { // the initiator asked for something inside nb_transport_bw; the loop below goes on
        return;
    }
    if (response_under_way_ && ending_ && sc_core::sc_time_stamp() >= response_ends_) {
        response_under_way_ = ending_ = false;
    }
    sending_ = true;
    while (!response_under_way_ && !responses_.empty()) {
        response_under_way_ = true;
        tlm::tlm_phase phase = tlm::BEGIN_RESP;
        sc_core::sc_time delay;
        const tlm::tlm_sync_enum answer = backward_(*responses_.front(), phase, delay);
        if (answer == tlm::TLM_COMPLETED || (answer == tlm::TLM_UPDATED && phase == tlm::END_RESP)) {
            end_response(delay);
        }
    }
    sending_ = false;
}

void AtTarget::end_response(const sc_core::sc_time& delay) {
    tlm::tlm_generic_payload* const payload = responses_.front();
    responses_.pop_front();
    payload->release();
    if (delay == sc_core::SC_ZERO_TIME) {
        response_under_way_ = false;
        if (!responses_.empty() && !sending_) {
            response_ended_.notify(sc_core::SC_ZERO_TIME);
        }
        return;
    }
    ending_ = true; // the next one may begin at the annotated time
    response_ends_ = sc_core::sc_time_stamp() + delay;
    response_ended_.notify(delay);
}

} // namespace hydravp::core
