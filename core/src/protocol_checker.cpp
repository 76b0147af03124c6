// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/protocol_checker.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace hydravp::core {

namespace {

using Payload = tlm::tlm_generic_payload;

sc_core::sc_time absolute(const sc_core::sc_time& delay) {
    return sc_core::sc_time_stamp() + delay;
}

bool is_base_phase(const tlm::tlm_phase& phase) {
    return static_cast<unsigned>(phase) <= tlm::END_RESP;
}

/// Of a phase of the base protocol only.
tlm::tlm_phase_enum to_enum(const tlm::tlm_phase& phase) {
    return static_cast<tlm::tlm_phase_enum>(static_cast<unsigned>(phase));
}

/// May the target go on from `last` to `next`? (15.2.4)
bool may_follow(tlm::tlm_phase_enum last, tlm::tlm_phase_enum next) {
    return (next == tlm::END_REQ && last == tlm::BEGIN_REQ) ||
           (next == tlm::BEGIN_RESP && (last == tlm::BEGIN_REQ || last == tlm::END_REQ));
}

std::string after(const tlm::tlm_phase& phase, tlm::tlm_phase_enum last) {
    return fmt::format("{} after {}", phase.get_name(), tlm::tlm_phase(last).get_name());
}

const char* to_string(tlm::tlm_sync_enum status) {
    switch (status) {
    case tlm::TLM_ACCEPTED:
        return "TLM_ACCEPTED";
    case tlm::TLM_UPDATED:
        return "TLM_UPDATED";
    case tlm::TLM_COMPLETED:
        return "TLM_COMPLETED";
    }
    return "no tlm_sync_enum";
}

std::string answered(tlm::tlm_sync_enum status, const tlm::tlm_phase& now, const tlm::tlm_phase& called) {
    return status == tlm::TLM_UPDATED
               ? fmt::format("TLM_UPDATED and {} to {}", now.get_name(), called.get_name())
               : fmt::format("{} to {}", to_string(status), called.get_name());
}

std::string to_string(tlm::tlm_command command, std::uint64_t address, unsigned length) {
    const std::string name = command == tlm::TLM_READ_COMMAND     ? "read"
                             : command == tlm::TLM_WRITE_COMMAND  ? "write"
                             : command == tlm::TLM_IGNORE_COMMAND ? "ignore"
                                                                  : fmt::format("command {}", int{command});
    return fmt::format("{} of {} bytes at {:#x}", name, length, address);
}

std::string to_string(const ProtocolCheckerBase::Violation& v) {
    return fmt::format("{} ps, {}, {}: {}", v.time.count(), v.socket,
                       to_string(v.command, v.address, v.length), v.text);
}

} // namespace

const char* ProtocolCheckerBase::description(Rule rule) {
    switch (rule) {
    case Rule::response_status_at_start:
        return "response status is not INCOMPLETE at the start (14.17)";
    case Rule::dmi_allowed_at_start:
        return "dmi_allowed is set at the start (14.16)";
    case Rule::command:
        return "command is none that this call takes (14.9)";
    case Rule::data_pointer:
        return "data pointer is null (14.11)";
    case Rule::data_length:
        return "data length is 0 (14.12)";
    case Rule::streaming_width:
        return "streaming width is 0 (14.15)";
    case Rule::byte_enable_length:
        return "byte enable length is 0 though there are byte enables (14.14)";
    case Rule::memory_manager:
        return "payload of nb_transport has no memory manager (14.5)";
    case Rule::reference_count:
        return "nobody holds a reference to the payload (14.5)";
    case Rule::response_missing:
        return "response status is still INCOMPLETE in the response (14.17)";
    case Rule::time_backwards:
        return "time goes backwards (11.1.1, 15.2.7)";
    case Rule::command_changed:
        return "command has changed (14.7)";
    case Rule::address_changed:
        return "address was not restored";
    case Rule::data_pointer_changed:
        return "data pointer has changed (14.7)";
    case Rule::data_length_changed:
        return "data length has changed (14.7)";
    case Rule::streaming_width_changed:
        return "streaming width has changed (14.7)";
    case Rule::byte_enables_changed:
        return "byte enables have changed (14.7)";
    case Rule::write_data_changed:
        return "data of a write have changed (14.7)";
    case Rule::disabled_byte_changed:
        return "a read has changed a byte that is not enabled (14.13)";
    case Rule::phase_path:
        return "phase is not one of this path (15.2.3)";
    case Rule::phase_order:
        return "phase is out of order (15.2.4)";
    case Rule::phase_repeated:
        return "phase comes twice (15.2.4)";
    case Rule::unknown_transaction:
        return "phase of a transaction that is not under way (15.2.4)";
    case Rule::request_exclusion:
        return "BEGIN_REQ while another request is outstanding (15.2.6)";
    case Rule::response_exclusion:
        return "BEGIN_RESP while another response is outstanding (15.2.6)";
    case Rule::payload_in_use:
        return "payload begins anew before its transaction is complete (14.5)";
    case Rule::mixed_interfaces:
        return "b_transport and nb_transport have the same payload at once (15.2.10)";
    case Rule::response_changed:
        return "response status has changed between BEGIN_RESP and END_RESP (14.17)";
    case Rule::return_value:
        return "nb_transport returns what may not follow (15.2.4)";
    case Rule::accepted_changed:
        return "phase or time has changed though the call returns TLM_ACCEPTED (11.1.2)";
    case Rule::dmi_range:
        return "granted DMI range ends before it starts (11.2)";
    case Rule::dmi_address:
        return "granted DMI range does not contain the requested address (11.2)";
    case Rule::dmi_access:
        return "granted DMI access does not allow the requested command (11.2)";
    case Rule::dmi_pointer:
        return "granted DMI pointer is null (11.2)";
    case Rule::invalidated_range:
        return "invalidated DMI range ends before it starts (11.2)";
    case Rule::debug_count:
        return "debug transport returns more bytes than it was asked for (11.3)";
    }
    return "unknown rule";
}

ProtocolCheckerBase::Access::Access(const Payload& payload)
    : Access(payload.get_command(), payload.get_address(), payload.get_data_length()) {}

ProtocolCheckerBase::ProtocolCheckerBase(const sc_core::sc_module_name& name, const Options& options)
    : PassThroughBase(name), options_(options) {}

std::uint64_t ProtocolCheckerBase::transactions() const {
    return std::accumulate(transactions_.begin(), transactions_.end(), std::uint64_t{0});
}

std::string ProtocolCheckerBase::report_open() const {
    std::vector<const Transaction*> sorted;
    for (const auto& [payload, transaction] : open_) {
        sorted.push_back(&transaction);
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const Transaction* a, const Transaction* b) { return a->number < b->number; });
    std::string text;
    for (const Transaction* t : sorted) {
        text += fmt::format("{}, {} since {} ps\n", to_string(t->command, t->address, t->length),
                            t->blocking ? "b_transport" : tlm::tlm_phase(t->phase).get_name(),
                            from_sc_time(t->time).count());
    }
    return text;
}

std::string ProtocolCheckerBase::summary() const {
    std::string text;
    for (const Violation& violation : violations_) {
        text += to_string(violation) + "\n";
    }
    if (violation_count_ > violations_.size()) {
        text += fmt::format("and {} more\n", violation_count_ - violations_.size());
    }
    return text;
}

void ProtocolCheckerBase::report(Rule rule, Side side, const Access& access, const std::string& detail) {
    Violation violation;
    violation.time = now();
    violation.rule = rule;
    violation.text = description(rule);
    if (!detail.empty()) {
        violation.text += ": " + detail;
    }
    violation.command = access.command;
    violation.address = access.address;
    violation.length = access.length;
    violation.socket = std::string(name()) + (side == Side::front ? ".front" : ".back");
    ++violation_count_;
    if (violations_.size() < options_.max_recorded) {
        violations_.push_back(violation);
    }
    if (options_.on_violation == OnViolation::raise) {
        throw SimulationError(to_string(violation));
    }
}

// ---- Transactions under way ----

ProtocolCheckerBase::Transaction* ProtocolCheckerBase::find(const Payload& payload) {
    const auto found = open_.find(&payload);
    return found == open_.end() ? nullptr : &found->second;
}

/// The payload's transaction, unless it is complete and the payload perhaps in use for another.
ProtocolCheckerBase::Transaction* ProtocolCheckerBase::find(const Payload& payload, std::uint64_t number) {
    Transaction* const transaction = find(payload);
    return transaction != nullptr && transaction->number == number ? transaction : nullptr;
}

ProtocolCheckerBase::Transaction& ProtocolCheckerBase::begin(Payload& payload, bool blocking,
                                                             const sc_core::sc_time& time) {
    Transactions::iterator place = open_.find(&payload);
    if (place != open_.end()) {
        // A payload that begins anew: the old transaction can't be told from the new one any more.
    } else if (spare_.empty()) {
        place = open_.try_emplace(&payload).first;
    } else {
        spare_.back().key() = &payload;
        place = open_.insert(std::move(spare_.back())).position;
        spare_.pop_back();
    }
    Transaction& t = place->second;
    t.number = ++begun_;
    t.blocking = blocking;
    if (!t.acquired && !blocking && payload.has_mm() && payload.get_ref_count() > 0) {
        t.acquired = true;
        payload.acquire();
    }
    t.phase = tlm::BEGIN_REQ;
    t.time = time;
    t.response = payload.get_response_status();
    t.command = payload.get_command();
    t.address = payload.get_address();
    t.data = payload.get_data_ptr();
    t.length = payload.get_data_length();
    t.width = payload.get_streaming_width();
    t.enables = payload.get_byte_enable_ptr();
    t.enables_length = payload.get_byte_enable_length();
    t.data_copy.clear();
    t.enables_copy.clear();
    if (options_.check_data) {
        if (t.enables != nullptr) {
            t.enables_copy.assign(t.enables, t.enables + t.enables_length);
        }
        if (t.data != nullptr && (payload.is_write() || (payload.is_read() && !t.enables_copy.empty()))) {
            t.data_copy.assign(t.data, t.data + t.length);
        }
    }
    return t;
}

/// Ends a transaction with the scope, also if the target or a check throws.
struct ProtocolCheckerBase::End {
    ProtocolCheckerBase& checker;
    Payload& payload;
    ~End() { checker.end(payload); }
};

/// The payload may be gone afterwards.
void ProtocolCheckerBase::end(Payload& payload) {
    request_ = request_ == &payload ? nullptr : request_;
    response_ = response_ == &payload ? nullptr : response_;
    spare_.push_back(open_.extract(&payload));
    if (std::exchange(spare_.back().mapped().acquired, false)) {
        payload.release();
    }
}

// ---- Checks ----

void ProtocolCheckerBase::check_start(const Payload& payload, bool blocking) {
    const Access access(payload);
    const bool ignore = payload.get_command() == tlm::TLM_IGNORE_COMMAND;
    const auto require = [&](bool condition, Rule rule) {
        if (!condition) {
            report(rule, Side::front, access);
        }
    };
    require(payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE, Rule::response_status_at_start);
    require(!payload.is_dmi_allowed(), Rule::dmi_allowed_at_start);
    require(payload.is_read() || payload.is_write() || ignore, Rule::command);
    require(payload.get_data_ptr() != nullptr || ignore || options_.null_data_allowed, Rule::data_pointer);
    require(payload.get_data_length() > 0 || ignore, Rule::data_length);
    require(payload.get_streaming_width() > 0, Rule::streaming_width);
    require(payload.get_byte_enable_ptr() == nullptr || payload.get_byte_enable_length() > 0,
            Rule::byte_enable_length);
    require(payload.has_mm() || blocking, Rule::memory_manager);
    require(!payload.has_mm() || payload.get_ref_count() > 0, Rule::reference_count);
}

void ProtocolCheckerBase::check_response(const Transaction& t, const Payload& payload) {
    const auto require = [&](bool condition, Rule rule) {
        if (!condition) {
            report(rule, Side::back, t.access());
        }
    };
    require(payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE, Rule::response_missing);
    require(payload.get_command() == t.command, Rule::command_changed);
    require(payload.get_address() == t.address || options_.address_may_change, Rule::address_changed);
    require(payload.get_data_ptr() == t.data, Rule::data_pointer_changed);
    require(payload.get_data_length() == t.length, Rule::data_length_changed);
    require(payload.get_streaming_width() == t.width, Rule::streaming_width_changed);
    require(payload.get_byte_enable_ptr() == t.enables &&
                payload.get_byte_enable_length() == t.enables_length &&
                std::equal(t.enables_copy.begin(), t.enables_copy.end(), t.enables),
            Rule::byte_enables_changed);
    check_data(t);
}

/// Looks where the data were at the beginning: those are what the initiator uses.
void ProtocolCheckerBase::check_data(const Transaction& t) {
    if (t.data_copy.empty() || std::memcmp(t.data_copy.data(), t.data, t.length) == 0) {
        return;
    }
    if (t.command == tlm::TLM_WRITE_COMMAND) {
        report(Rule::write_data_changed, Side::back, t.access());
        return;
    }
    for (unsigned i = 0; i < t.length; ++i) {
        if (t.enables_copy[i % t.enables_length] == TLM_BYTE_DISABLED && t.data[i] != t.data_copy[i]) {
            report(Rule::disabled_byte_changed, Side::back, t.access(), fmt::format("byte {}", i));
            return;
        }
    }
}

void ProtocolCheckerBase::check_time(Transaction& t, const sc_core::sc_time& delay, Side side) {
    const sc_core::sc_time before = t.time;
    t.time = absolute(delay);
    if (t.time < before) {
        report(
            Rule::time_backwards, side, t.access(),
            fmt::format("from {} ps to {} ps", from_sc_time(before).count(), from_sc_time(t.time).count()));
    }
}

// ---- Blocking transport ----

void ProtocolCheckerBase::b_transport(Payload& payload, sc_core::sc_time& delay) {
    ++transactions_[static_cast<std::size_t>(Kind::blocking)];
    if (const Transaction* other = find(payload)) {
        report(other->blocking ? Rule::payload_in_use : Rule::mixed_interfaces, Side::front, Access(payload));
        target().b_transport(payload, delay);
        return;
    }
    check_start(payload, true);
    Transaction& transaction = begin(payload, true, absolute(delay));
    const End end{*this, payload};
    target().b_transport(payload, delay);
    check_time(transaction, delay, Side::back);
    check_response(transaction, payload);
}

// ---- Non-blocking transport ----

tlm::tlm_sync_enum ProtocolCheckerBase::nb_transport_fw(Payload& payload, tlm::tlm_phase& phase,
                                                        sc_core::sc_time& delay) {
    const tlm::tlm_phase called = phase;
    const sc_core::sc_time called_delay = delay;
    const Access access(payload);
    const std::uint64_t number = receive_forward(payload, called, delay);

    const tlm::tlm_sync_enum status = target().nb_transport_fw(payload, phase, delay);
    if (number == 0) {
        return status;
    }
    Transaction* t = find(payload, number);
    if (t != nullptr && called == tlm::END_RESP) {
        end(payload);
        t = nullptr;
    }
    if (status == tlm::TLM_ACCEPTED) {
        if (phase != called || delay != called_delay) {
            report(Rule::accepted_changed, Side::back, access, called.get_name());
        }
    } else if (status == tlm::TLM_COMPLETED) {
        if (t != nullptr) {
            complete(*t, payload, delay);
        }
    } else if (status != tlm::TLM_UPDATED || called == tlm::END_RESP) {
        report(Rule::return_value, Side::back, access, answered(status, phase, called));
    } else if (t != nullptr && is_base_phase(phase)) {
        if (may_follow(t->phase, to_enum(phase))) {
            advance(*t, payload, to_enum(phase), delay);
        } else {
            report(Rule::return_value, Side::back, access, answered(status, phase, called));
        }
    }
    return status;
}

/// Returns the transaction's number, 0 if it can't be followed.
std::uint64_t ProtocolCheckerBase::receive_forward(Payload& payload, const tlm::tlm_phase& phase,
                                                   const sc_core::sc_time& delay) {
    if (phase == tlm::BEGIN_REQ) {
        return begin_request(payload, delay);
    }
    if (phase == tlm::END_RESP) {
        return end_response(payload, delay);
    }
    if (is_base_phase(phase)) {
        report(Rule::phase_path, Side::front, Access(payload), phase.get_name());
        return 0;
    }
    const Transaction* const t = find(payload);
    return t == nullptr || t->blocking ? 0 : t->number;
}

std::uint64_t ProtocolCheckerBase::begin_request(Payload& payload, const sc_core::sc_time& delay) {
    ++transactions_[static_cast<std::size_t>(Kind::nonblocking)];
    if (const Transaction* const t = find(payload)) {
        if (t->blocking) {
            report(Rule::mixed_interfaces, Side::front, t->access());
            return 0;
        }
        if (t->phase == tlm::BEGIN_REQ) {
            report(Rule::phase_repeated, Side::front, t->access(), "BEGIN_REQ");
            return 0;
        }
        report(Rule::payload_in_use, Side::front, t->access(), after(tlm::BEGIN_REQ, t->phase));
        response_ = response_ == &payload ? nullptr : response_;
    }
    check_start(payload, false);
    if (request_ != nullptr) {
        report(Rule::request_exclusion, Side::front, Access(payload));
    }
    request_ = &payload;
    return begin(payload, false, absolute(delay)).number;
}

std::uint64_t ProtocolCheckerBase::end_response(Payload& payload, const sc_core::sc_time& delay) {
    Transaction* const t = find(payload);
    if (t == nullptr || t->blocking) {
        report(Rule::unknown_transaction, Side::front, Access(payload), "END_RESP");
        return 0;
    }
    if (t->phase != tlm::BEGIN_RESP) {
        report(Rule::phase_order, Side::front, t->access(), after(tlm::END_RESP, t->phase));
        return 0;
    }
    t->phase = tlm::END_RESP;
    response_ = response_ == &payload ? nullptr : response_;
    check_time(*t, delay, Side::front);
    if (payload.get_response_status() != t->response) {
        report(Rule::response_changed, Side::front, t->access());
    }
    return t->number;
}

/// The target returns TLM_COMPLETED.
void ProtocolCheckerBase::complete(Transaction& t, Payload& payload, const sc_core::sc_time& delay) {
    const End end{*this, payload};
    check_time(t, delay, Side::back);
    if (t.phase != tlm::BEGIN_RESP) { // else it was checked then
        check_response(t, payload);
    }
}

/// The target's side goes on to a phase that may follow.
void ProtocolCheckerBase::advance(Transaction& t, const Payload& payload, tlm::tlm_phase_enum phase,
                                  const sc_core::sc_time& delay) {
    t.phase = phase;
    request_ = request_ == &payload ? nullptr : request_; // BEGIN_RESP implies END_REQ
    const bool response = phase == tlm::BEGIN_RESP;
    const bool excluded = response && response_ != nullptr;
    if (response) {
        response_ = &payload;
        t.response = payload.get_response_status();
    }
    check_time(t, delay, Side::back);
    if (excluded) {
        report(Rule::response_exclusion, Side::back, t.access());
    }
    if (response) {
        check_response(t, payload);
    }
}

tlm::tlm_sync_enum ProtocolCheckerBase::nb_transport_bw(Payload& payload, tlm::tlm_phase& phase,
                                                        sc_core::sc_time& delay) {
    const tlm::tlm_phase called = phase;
    const sc_core::sc_time called_delay = delay;
    const Access access(payload);
    const std::uint64_t number = receive_backward(payload, called, delay);

    const tlm::tlm_sync_enum status = initiator().nb_transport_bw(payload, phase, delay);
    if (number == 0) {
        return status;
    }
    if (status == tlm::TLM_ACCEPTED) {
        if (phase != called || delay != called_delay) {
            report(Rule::accepted_changed, Side::front, access, called.get_name());
        }
        return status;
    }
    Transaction* const t = find(payload, number);
    if (t == nullptr || (status == tlm::TLM_UPDATED && !is_base_phase(phase))) {
        return status; // END_RESP came within the call, or nothing of the base protocol came
    }
    if (t->phase == tlm::BEGIN_RESP &&
        (status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP))) {
        const End end{*this, payload};
        check_time(*t, delay, Side::front);
    } else {
        report(Rule::return_value, Side::front, access, answered(status, phase, called));
    }
    return status;
}

/// Returns the transaction's number, 0 if it can't be followed.
std::uint64_t ProtocolCheckerBase::receive_backward(Payload& payload, const tlm::tlm_phase& phase,
                                                    const sc_core::sc_time& delay) {
    Transaction* const t = find(payload);
    if (!is_base_phase(phase)) {
        return t == nullptr || t->blocking ? 0 : t->number;
    }
    if (phase != tlm::END_REQ && phase != tlm::BEGIN_RESP) {
        report(Rule::phase_path, Side::back, Access(payload), phase.get_name());
        return 0;
    }
    if (t == nullptr || t->blocking) {
        report(Rule::unknown_transaction, Side::back, Access(payload), phase.get_name());
        return 0;
    }
    if (!may_follow(t->phase, to_enum(phase))) {
        if (phase == t->phase) {
            report(Rule::phase_repeated, Side::back, t->access(), phase.get_name());
        } else {
            report(Rule::phase_order, Side::back, t->access(), after(phase, t->phase));
        }
        return 0;
    }
    advance(*t, payload, to_enum(phase), delay);
    return t->number;
}

// ---- Direct memory interface and debug transport ----

bool ProtocolCheckerBase::get_direct_mem_ptr(Payload& payload, tlm::tlm_dmi& dmi) {
    ++transactions_[static_cast<std::size_t>(Kind::dmi)];
    const Access access(payload);
    const bool read = payload.is_read();
    const bool write = payload.is_write();
    if (!read && !write) {
        report(Rule::command, Side::front, access);
    }
    if (!target().get_direct_mem_ptr(payload, dmi)) {
        return false;
    }
    if (dmi.get_end_address() < dmi.get_start_address()) {
        report(Rule::dmi_range, Side::back, access);
    } else if (access.address < dmi.get_start_address() || access.address > dmi.get_end_address()) {
        report(Rule::dmi_address, Side::back, access);
    }
    if (dmi.is_none_allowed() || (read && !dmi.is_read_allowed()) || (write && !dmi.is_write_allowed())) {
        report(Rule::dmi_access, Side::back, access);
    }
    if (dmi.get_dmi_ptr() == nullptr) {
        report(Rule::dmi_pointer, Side::back, access);
    }
    return true;
}

void ProtocolCheckerBase::invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
    if (end < start) {
        report(Rule::invalidated_range, Side::back, {tlm::TLM_IGNORE_COMMAND, start, 0},
               fmt::format("{:#x} to {:#x}", start, end));
    }
    initiator().invalidate_direct_mem_ptr(start, end);
}

unsigned int ProtocolCheckerBase::transport_dbg(Payload& payload) {
    ++transactions_[static_cast<std::size_t>(Kind::debug)];
    const Access access(payload);
    if (!payload.is_read() && !payload.is_write() && access.command != tlm::TLM_IGNORE_COMMAND) {
        report(Rule::command, Side::front, access);
    }
    if (payload.get_data_ptr() == nullptr && access.length > 0 && access.command != tlm::TLM_IGNORE_COMMAND &&
        !options_.null_data_allowed) {
        report(Rule::data_pointer, Side::front, access);
    }
    const unsigned count = target().transport_dbg(payload);
    if (count > access.length) {
        report(Rule::debug_count, Side::back, access, fmt::format("{}", count));
    }
    return count;
}

} // namespace hydravp::core
