// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace_player.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <utility>

namespace hydravp::workloads {

using core::Picoseconds;

/// An access under way, known by its payload.
struct TracePlayer::Slot : public tlm::tlm_extension<Slot> {
    TraceAccess access;
    Picoseconds begin{};

    tlm_extension_base* clone() const override { return new Slot(*this); }
    void copy_from(const tlm_extension_base& other) override { *this = static_cast<const Slot&>(other); }
};

TracePlayer::TracePlayer(const sc_core::sc_module_name& name, std::unique_ptr<TraceReader> reader,
                         const TracePlayerConfig& config)
    : sc_core::sc_module(name),
      reader_(std::move(reader)),
      config_(config),
      // Zeroed pages that nobody touches take no memory.
      read_data_(static_cast<unsigned char*>(std::calloc(largest_trace_access, 1))),
      write_data_(static_cast<unsigned char*>(std::calloc(largest_trace_access, 1))) {
    if (read_data_ == nullptr || write_data_ == nullptr) {
        throw std::bad_alloc();
    }
    if (reader_ == nullptr || config.outstanding == 0) {
        throw std::invalid_argument("trace player: needs a trace and at least one access under way");
    }
    for (std::uint32_t i = 0; i < config.outstanding; ++i) {
        slots_.push_back(std::make_unique<Slot>());
        free_slots_.push_back(slots_.back().get());
    }
    memory.register_nb_transport_bw(this, &TracePlayer::nb_transport_bw);
    SC_HAS_PROCESS(TracePlayer);
    SC_METHOD(issue);
    sensitive << wake_;
    SC_METHOD(complete_due);
    sensitive << responses_.get_event();
    dont_initialize();
}

TracePlayer::~TracePlayer() = default;

void TracePlayer::stop() {
    stopped_ = true;
    wake_.notify(sc_core::SC_ZERO_TIME);
}

void TracePlayer::rethrow() const {
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

/// Issues what may be issued now. Whatever holds up an access wakes this method when it is over.
void TracePlayer::issue() {
    while (!finished_) {
        if (stopped_ || (!pending_ && !take())) {
            if (!finished_ && free_slots_.size() == slots_.size()) {
                finish();
            }
            return;
        }
        if (request_ != nullptr || free_slots_.empty()) {
            return;
        }
        const Picoseconds present = core::now();
        const Picoseconds due =
            config_.timing == TraceTiming::trace ? std::max(request_free_, next_.time) : request_free_;
        if (due > present) {
            wake_.notify(core::to_sc_time(due - present));
            return;
        }
        send();
    }
}

/// The next access of the trace; false if there is none.
bool TracePlayer::take() {
    constexpr std::uint64_t heartbeat_accesses = 4096;
    if (heartbeat && taken_ % heartbeat_accesses == 0) {
        heartbeat();
    }
    if (stopped_ || exhausted_ || (config_.limit != 0 && taken_ == config_.limit)) {
        return false;
    }
    try {
        pending_ = reader_->next(next_);
    } catch (const core::InputError&) {
        failure_ = std::current_exception();
        finish();
        return false;
    }
    exhausted_ = !pending_;
    taken_ += pending_ ? 1 : 0;
    return pending_;
}

void TracePlayer::finish() {
    finished_ = true;
    finished_event_.notify();
}

void TracePlayer::send() {
    const Picoseconds present = core::now();
    Slot& slot = *free_slots_.back();
    free_slots_.pop_back();
    slot.access = next_;
    slot.begin = present;
    pending_ = false;
    if (taken_ == 1) {
        statistics_.first = present;
    }
    if (config_.timing == TraceTiming::trace && present > next_.time) {
        ++statistics_.late_accesses;
        statistics_.max_lateness = std::max(statistics_.max_lateness, present - next_.time);
    }
    tlm::tlm_generic_payload& payload = payloads_.allocate();
    payload.set_command(next_.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(next_.address);
    payload.set_data_ptr(next_.write ? write_data_.get() : read_data_.get());
    payload.set_data_length(next_.bytes);
    payload.set_streaming_width(next_.bytes);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_dmi_allowed(false);
    payload.set_extension(&slot);
    if (prepare) {
        prepare(payload);
    }

    request_ = &payload;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    const tlm::tlm_sync_enum answer = memory->nb_transport_fw(payload, phase, delay);
    if (answer == tlm::TLM_COMPLETED) {
        end_request(core::from_sc_time(delay));
        respond(payload, delay);
    } else if (answer == tlm::TLM_UPDATED) {
        end_request(core::from_sc_time(delay));
        if (phase == tlm::BEGIN_RESP) {
            phase = tlm::END_RESP;
            sc_core::sc_time at_once = delay;
            memory->nb_transport_fw(payload, phase, at_once);
            respond(payload, delay);
        }
    }
}

void TracePlayer::end_request(Picoseconds delay) {
    request_ = nullptr;
    request_free_ = core::now() + delay;
}

tlm::tlm_sync_enum TracePlayer::nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
    if (phase != tlm::END_REQ && phase != tlm::BEGIN_RESP) {
        return tlm::TLM_ACCEPTED; // not of the base protocol: ignored
    }
    if (request_ == &payload) { // BEGIN_RESP implies END_REQ
        end_request(core::from_sc_time(delay));
        wake_.notify(sc_core::SC_ZERO_TIME);
    }
    if (phase == tlm::END_REQ) {
        return tlm::TLM_ACCEPTED;
    }
    respond(payload, delay);
    return tlm::TLM_COMPLETED;
}

/// The response has come, or comes after `delay`.
void TracePlayer::respond(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay) {
    if (delay == sc_core::SC_ZERO_TIME) {
        complete(payload);
    } else {
        responses_.notify(payload, delay);
    }
}

void TracePlayer::complete_due() {
    while (tlm::tlm_generic_payload* payload = responses_.get_next_transaction()) {
        complete(*payload);
    }
}

void TracePlayer::complete(tlm::tlm_generic_payload& payload) {
    Slot& slot = *payload.get_extension<Slot>();
    statistics_.last = core::now();
    if (payload.is_response_ok()) {
        TraceDirectionStatistics& direction = slot.access.write ? statistics_.write : statistics_.read;
        ++direction.accesses;
        direction.bytes += slot.access.bytes;
        direction.latency.add(core::now() - slot.begin);
    } else if (payload.get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE) {
        ++statistics_.address_errors;
    } else {
        ++statistics_.other_errors;
    }
    payload.clear_extension(&slot);
    payload.release();
    free_slots_.push_back(&slot);
    wake_.notify(sc_core::SC_ZERO_TIME);
}

} // namespace hydravp::workloads
