// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/payload_pool.h"
#include "hydravp/core/time.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <vector>

namespace hydravp::test {

/// An initiator of the AT base protocol with any number of transactions under way, written from the standard
/// and not from the project's own initiator.
class AtInitiator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<AtInitiator> socket{"socket"};

    /// How BEGIN_RESP is answered.
    enum class Reply { completed, updated, accepted };
    struct Transaction {
        tlm::tlm_generic_payload* payload = nullptr;
        core::Picoseconds begun{}, accepted{-1}, responded{-1};
        bool done = false;
        bool completed_early = false;
        core::Picoseconds end() const { return responded - begun; } ///< from BEGIN_REQ's time to BEGIN_RESP
    };
    std::function<Reply()> reply = [] { return Reply::completed; };
    /// Time that END_RESP is annotated with, or that passes before it.
    std::function<core::Picoseconds()> response_time = [] { return core::Picoseconds{0}; };
    std::function<void(Transaction&)> on_response = [](Transaction&) {};
    struct Range {
        std::uint64_t first, last;
        bool operator==(const Range& other) const { return first == other.first && last == other.last; }
    };
    std::vector<Range> invalidated; ///< DMI that was taken back

    explicit AtInitiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_nb_transport_bw(this, &AtInitiator::nb_transport_bw);
        socket.register_invalidate_direct_mem_ptr(this, &AtInitiator::invalidate);
        SC_HAS_PROCESS(AtInitiator);
        SC_THREAD(end_responses);
    }
    ~AtInitiator() override {
        for (Transaction& t : transactions_) {
            t.payload->release();
        }
    }

    /// A transaction to fill in and to begin; it lives as long as the initiator.
    Transaction& make(tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                      std::uint32_t bytes) {
        Transaction* t = nullptr;
        if (!spare_.empty()) {
            t = spare_.back();
            spare_.pop_back();
            t->payload->release();
        } else {
            t = &transactions_.emplace_back();
        }
        *t = Transaction{};
        t->payload = &pool_.allocate();
        t->payload->set_command(command);
        t->payload->set_address(address);
        t->payload->set_data_ptr(data);
        t->payload->set_data_length(bytes);
        t->payload->set_streaming_width(bytes);
        return *t;
    }
    /// The transaction is done with and may be used again.
    void recycle(Transaction& t) { spare_.push_back(&t); }

    /// Sends the request, from a thread; waits for the end of the request before it.
    void begin(Transaction& t, core::Picoseconds delay = {}) {
        while (request_ != nullptr) {
            sc_core::wait(request_ended_);
        }
        request_ = &t;
        t.begun = core::now() + delay;
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time annotated = core::to_sc_time(delay);
        switch (socket->nb_transport_fw(*t.payload, phase, annotated)) {
        case tlm::TLM_ACCEPTED:
            under_way_.push_back(&t);
            break;
        case tlm::TLM_UPDATED:
            under_way_.push_back(&t);
            if (phase != tlm::END_REQ) {
                throw std::logic_error("AtInitiator: the target skips END_REQ");
            }
            end_request(t, core::from_sc_time(annotated));
            break;
        case tlm::TLM_COMPLETED:
            t.completed_early = true;
            end_request(t, core::from_sc_time(annotated));
            respond(t, core::from_sc_time(annotated));
            break;
        }
    }
    /// Waits for the response, from a thread.
    void wait_for(Transaction& t) {
        while (!t.done) {
            sc_core::wait(responded_);
        }
        core::wait_until(t.responded);
    }
    Transaction& access(tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                        std::uint32_t bytes, core::Picoseconds delay = {}) {
        Transaction& t = make(command, address, data, bytes);
        begin(t, delay);
        return t;
    }
    std::size_t under_way() const { return under_way_.size(); }
    const sc_core::sc_event& responded() const { return responded_; }

private:
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) { invalidated.push_back({first, last}); }
    void end_request(Transaction& t, core::Picoseconds delay) {
        t.accepted = core::now() + delay;
        request_ = nullptr;
        request_ended_.notify(sc_core::SC_ZERO_TIME);
    }
    void respond(Transaction& t, core::Picoseconds delay) {
        t.responded = core::now() + delay;
        t.done = true;
        responded_.notify(sc_core::SC_ZERO_TIME);
        on_response(t);
    }
    Transaction& find(tlm::tlm_generic_payload& payload) {
        for (Transaction* t : under_way_) {
            if (t->payload == &payload) {
                return *t;
            }
        }
        throw std::logic_error("AtInitiator: a phase of an unknown transaction");
    }

    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        Transaction& t = find(payload);
        if (phase == tlm::END_REQ) {
            end_request(t, core::from_sc_time(delay));
            return tlm::TLM_ACCEPTED;
        }
        if (phase != tlm::BEGIN_RESP) {
            throw std::logic_error("AtInitiator: unexpected phase");
        }
        if (request_ == &t) { // BEGIN_RESP implies END_REQ
            end_request(t, core::from_sc_time(delay));
        }
        under_way_.erase(std::find(under_way_.begin(), under_way_.end(), &t));
        switch (reply()) {
        case Reply::completed:
            respond(t, core::from_sc_time(delay));
            delay += core::to_sc_time(response_time());
            return tlm::TLM_COMPLETED;
        case Reply::updated:
            respond(t, core::from_sc_time(delay));
            phase = tlm::END_RESP;
            delay += core::to_sc_time(response_time());
            return tlm::TLM_UPDATED;
        case Reply::accepted:
            break;
        }
        responses_.push_back(&t);
        response_arrived_.notify(delay);
        return tlm::TLM_ACCEPTED;
    }

    void end_responses() {
        for (;;) {
            while (responses_.empty()) {
                sc_core::wait(response_arrived_);
            }
            Transaction& t = *responses_.front();
            responses_.pop_front();
            const core::Picoseconds begun = core::now();
            core::wait_until(begun + response_time());
            tlm::tlm_phase phase = tlm::END_RESP;
            sc_core::sc_time delay;
            t.payload->acquire(); // the target gives its own reference back
            socket->nb_transport_fw(*t.payload, phase, delay);
            t.payload->release();
            t.responded = begun;
            t.done = true;
            responded_.notify(sc_core::SC_ZERO_TIME);
            on_response(t);
        }
    }

    core::PayloadPool pool_;
    std::deque<Transaction> transactions_;
    std::vector<Transaction*> spare_, under_way_;
    Transaction* request_ = nullptr;
    std::deque<Transaction*> responses_;
    sc_core::sc_event request_ended_{"request_ended"}, responded_{"responded"},
        response_arrived_{"response_arrived"};
};

} // namespace hydravp::test
