// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>
#include <tlm>
#include <tlm_utils/peq_with_get.h>

#include <deque>
#include <functional>

namespace hydravp::core {

/// The target's side of the approximately-timed base protocol (IEEE 1666-2011, clause 15): the phases, their
/// annotated times, and one response at a time. The module behind it sees requests, and says when it has
/// taken one over and when its response is due.
///
/// Requests without annotated time reach the module inside nb_transport_fw, so that it can answer on the
/// return path: END_REQ if it has room, TLM_COMPLETED where there is nothing to wait for (early completion).
/// While it has no room END_REQ stays away, and the initiator may not send its next request (back-pressure).
class AtTarget : public sc_core::sc_module {
public:
    enum class Answer {
        queued,   ///< no room yet: `accept()` follows
        accepted, ///< END_REQ
        completed ///< the response status is set and nothing takes time
    };
    using Request = std::function<Answer(tlm::tlm_generic_payload&)>;
    using Backward =
        std::function<tlm::tlm_sync_enum(tlm::tlm_generic_payload&, tlm::tlm_phase&, sc_core::sc_time&)>;

    /// @param request  a request has arrived; not to call `accept` or `respond` for it before it returns
    /// @param backward the socket's nb_transport_bw
    AtTarget(const sc_core::sc_module_name& name, Request request, Backward backward);

    /// To be called by the socket. A payload without memory manager is refused with a GENERIC error response.
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
    /// The module has made room for a request that it had to leave waiting: END_REQ.
    void accept(tlm::tlm_generic_payload& payload);
    /// The response status is set: BEGIN_RESP, as soon as the response before it has ended.
    void respond(tlm::tlm_generic_payload& payload);

private:
    void arrive();
    void send_responses();
    void end_response(const sc_core::sc_time& delay);

    Request request_;
    Backward backward_;
    tlm_utils::peq_with_get<tlm::tlm_generic_payload> arrivals_{"arrivals"};
    std::deque<tlm::tlm_generic_payload*> responses_; ///< the first may be on its way
    bool response_under_way_ = false;
    bool ending_ = false; ///< END_RESP has come, its annotated time not yet
    bool sending_ = false;
    sc_core::sc_time response_ends_;
    sc_core::sc_event response_ended_{"response_ended"};
};

} // namespace hydravp::core
