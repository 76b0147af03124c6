// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command_auditor.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace hydravp::memory {

using core::Picoseconds;
using Kind = CommandAuditor::Kind;

namespace {

/// Of what has never been: no rule reaches so far back.
constexpr Picoseconds long_ago{-4'000'000'000'000'000'000};

CommandAuditor::Command never() {
    CommandAuditor::Command command;
    command.time = long_ago;
    return command;
}

constexpr std::size_t index(Kind kind) {
    return static_cast<std::size_t>(kind);
}
constexpr bool is_column(Kind kind) {
    return kind == Kind::read || kind == Kind::write;
}
constexpr bool interrupts_write(Kind kind) {
    return kind == Kind::pause_write || kind == Kind::cancel_write;
}
constexpr bool needs_closed_bank(Kind kind) {
    return kind == Kind::activate || kind == Kind::refresh_bank || interrupts_write(kind);
}
/// Leases and releases go over the side band.
constexpr bool on_command_bus(Kind kind) {
    return kind != Kind::lease && kind != Kind::release;
}

const char* name_of(Kind kind) {
    switch (kind) {
    case Kind::activate:
        return "activate";
    case Kind::precharge:
        return "precharge";
    case Kind::precharge_all:
        return "precharge-all";
    case Kind::read:
        return "read";
    case Kind::write:
        return "write";
    case Kind::refresh:
        return "refresh";
    case Kind::refresh_bank:
        return "refresh of a bank";
    case Kind::power_down:
        return "power-down";
    case Kind::self_refresh:
        return "self-refresh";
    case Kind::power_up:
        return "power-up";
    case Kind::self_refresh_exit:
        return "end of self-refresh";
    case Kind::lease:
        return "lease";
    case Kind::release:
        return "release";
    case Kind::pause_write:
        return "pause of a write";
    case Kind::cancel_write:
        return "cancellation of a write";
    case Kind::resume_write:
        return "resumption of a write";
    }
    return "command";
}

} // namespace

std::string to_string(const CommandAuditor::Command& c) {
    std::string text = fmt::format("{} at {} ps, rank {}", name_of(c.kind), c.time.count(), c.rank);
    if (c.has_bank) {
        text += fmt::format(", bank {}", c.bank);
    } else if (is_column(c.kind)) {
        text += ", unit";
    }
    if (c.has_bank && (is_column(c.kind) || c.kind == Kind::activate)) {
        text += fmt::format(", row {}", c.row);
    }
    return text;
}

// ------------------------------------------------------------------------------------------------- rules

std::vector<CommandAuditor::Constraint> CommandAuditor::constraints(const Technology& t) {
    if (t.t_ck.count() <= 0) {
        return {};
    }
    using K = Kind;
    using S = Scope;
    const Picoseconds write_data = t.t_wl + t.burst_time(); // from a write to the end of its data
    const std::vector<K> awake{K::activate, K::precharge,    K::precharge_all, K::read,        K::write,
                               K::refresh,  K::refresh_bank, K::power_down,    K::self_refresh};
    std::vector<Constraint> table{
        // of a bank
        {"t_rcd", {K::activate}, {K::read, K::write}, S::bank, t.t_rcd},
        {"t_ras", {K::activate}, {K::precharge, K::precharge_all}, S::bank, t.t_ras},
        {"t_rc", {K::activate}, {K::activate, K::lease}, S::bank, t.t_rc},
        {"t_rp", {K::precharge, K::release}, {K::activate, K::lease}, S::bank, t.t_rp},
        {"t_rtp", {K::read}, {K::precharge, K::precharge_all}, S::bank, t.t_rtp},
        {"t_wr", {K::write}, {K::precharge, K::precharge_all}, S::bank, write_data + t.t_wr},
        // of a bank group
        {"t_rrd_l", {K::activate}, {K::activate}, S::bank_group, t.t_rrd_l},
        {"t_ccd_l", {K::read}, {K::read}, S::bank_group, t.t_ccd_l},
        {"t_ccd_l", {K::write}, {K::write}, S::bank_group, t.t_ccd_l},
        // of a rank
        {"t_rrd", {K::activate}, {K::activate}, S::rank, t.t_rrd},
        {"t_faw", {K::activate}, {K::activate}, S::rank, t.t_faw, 4},
        {"t_rrd_pre", {K::precharge}, {K::precharge}, S::rank, t.t_rrd_pre},
        {"t_ccd", {K::read, K::write}, {K::read, K::write}, S::rank, t.t_ccd},
        {"t_wtr", {K::write}, {K::read}, S::rank, write_data + t.t_wtr},
        // around a refresh
        {"t_rp", {K::precharge_all}, {K::activate, K::lease}, S::rank, t.t_rp},
        {"t_rp", {K::precharge, K::precharge_all, K::release}, {K::refresh}, S::rank, t.t_rp},
        {"t_rc", {K::activate}, {K::refresh}, S::rank, t.t_rc},
        {"t_rfc",
         {K::refresh},
         {K::activate, K::precharge, K::precharge_all, K::refresh, K::refresh_bank, K::self_refresh, K::lease,
          K::release},
         S::rank,
         t.t_rfc},
        {"t_rp", {K::precharge}, {K::refresh_bank}, S::bank, t.t_rp},
        {"t_rc", {K::activate}, {K::refresh_bank}, S::bank, t.t_rc},
        {"t_rfc_pb", {K::refresh_bank}, {K::activate, K::refresh_bank}, S::bank, t.t_rfc_pb},
        {"t_rfc_pb", {K::refresh_bank}, {K::refresh, K::self_refresh}, S::rank, t.t_rfc_pb},
        // around power-down and self-refresh
        {"t_rp", {K::precharge, K::precharge_all}, {K::self_refresh}, S::rank, t.t_rp},
        {"t_cke", {K::power_down, K::self_refresh}, {K::power_up, K::self_refresh_exit}, S::rank, t.t_cke},
        {"t_xp", {K::power_up}, awake, S::rank, t.t_xp},
        {"t_xs", {K::self_refresh_exit}, awake, S::rank, t.t_xs},
    };
    if (t.interruptible_writes()) { // a resumed write drops the open row, and programs as a precharge does
        table.push_back({"t_ras", {K::activate}, {K::resume_write}, S::bank, t.t_ras});
        table.push_back({"t_rtp", {K::read}, {K::resume_write}, S::bank, t.t_rtp});
        table.push_back(
            {"t_rrd_pre", {K::resume_write}, {K::precharge, K::resume_write}, S::rank, t.t_rrd_pre});
        table.push_back({"t_rrd_pre", {K::precharge}, {K::resume_write}, S::rank, t.t_rrd_pre});
    }
    if (t.t_wtr_l.count() > 0) { // else the sum would be a rule
        table.push_back({"t_wtr_l", {K::write}, {K::read}, S::bank_group, write_data + t.t_wtr_l});
    }
    table.erase(std::remove_if(table.begin(), table.end(),
                               [](const Constraint& line) { return line.distance.count() <= 0; }),
                table.end());
    return table;
}

std::vector<std::string> CommandAuditor::rules() {
    return {"t_rcd",
            "t_ras",
            "t_rc",
            "t_rp",
            "t_rtp",
            "t_wr",
            "t_rrd",
            "t_rrd_l",
            "t_faw",
            "t_rrd_pre",
            "t_ccd",
            "t_ccd_l",
            "t_wtr",
            "t_wtr_l",
            "t_rfc",
            "t_rfc_pb",
            "t_cke",
            "t_xp",
            "t_xs",
            "t_cl",
            "t_wl",
            "t_burst",
            "t_rtrs",
            "t_refi",
            "clock_grid",
            "command_bus",
            "data_bus",
            "row_open",
            "row_closed",
            "wrong_row",
            "leased",
            "not_leased",
            "asleep",
            "place",
            "issue_time",
            "write_under_way",
            "write_iteration",
            "write_cancel_threshold",
            "write_end",
            "write_latch"};
}

// ----------------------------------------------------------------------------------------------- set-up

CommandAuditor::CommandAuditor(const sc_core::sc_module_name& name, const Technology& technology,
                               const Geometry& geometry)
    : CommandAuditor(name, technology, geometry, Options()) {}

CommandAuditor::CommandAuditor(const sc_core::sc_module_name& name, const Technology& technology,
                               const Geometry& geometry, const Options& options)
    : sc_core::sc_module(name),
      technology_(technology),
      geometry_(geometry),
      options_(options),
      timed_(technology.t_ck.count() > 0),
      burst_time_(timed_ ? technology.burst_time() : Picoseconds{0}),
      min_latency_(std::min(technology.t_cl, technology.t_wl)),
      last_command_(never()),
      array_writes_(technology, std::size_t{geometry.ranks} * geometry.banks) {
    front.register_b_transport(this, &CommandAuditor::transport);
    front.register_transport_dbg(this, &CommandAuditor::debug);
    front.register_get_direct_mem_ptr(this, &CommandAuditor::get_direct_mem_ptr);
    back.register_invalidate_direct_mem_ptr(this, &CommandAuditor::invalidate);
    History nothing;
    nothing.fill(never());
    BankState closed;
    closed.changed = never();
    closed.last = nothing;
    banks_.assign(std::size_t{geometry.ranks} * geometry.banks, closed);
    groups_.assign(std::size_t{geometry.ranks} * geometry.bank_groups, nothing);
    ranks_.assign(geometry.ranks, RankState{nothing, never(), Picoseconds{0}, never()});
    for (const Constraint& line : constraints(technology)) {
        auto& table = line.scope == Scope::bank         ? in_bank_
                      : line.scope == Scope::bank_group ? in_group_
                                                        : in_rank_;
        for (const Kind before : line.before) {
            if (line.window > 1) {
                windows_.push_back({line.rule, index(before), line.distance, line.window,
                                    std::vector<Command>(std::size_t{geometry.ranks} * line.window, never()),
                                    std::vector<std::uint32_t>(geometry.ranks, 0)});
                continue;
            }
            for (const Kind after : line.after) {
                table[index(after)].push_back({line.rule, index(before), line.distance});
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- commands

/// A call that is under way, also when its process is killed.
class CommandAuditor::Call {
public:
    Call(CommandAuditor& auditor, const CommandExtension& command)
        : calls_(auditor.calls_),
          begin_(command.settled ? std::min(command.earliest, core::now()) : core::now()) {
        calls_.push_back(begin_);
    }
    ~Call() { calls_.erase(std::find(calls_.begin(), calls_.end(), begin_)); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

private:
    std::vector<Picoseconds>& calls_;
    Picoseconds begin_;
};

void CommandAuditor::transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    CommandExtension* command = nullptr;
    payload.get_extension(command);
    if (command == nullptr) {
        back->b_transport(payload, delay);
        return;
    }
    const Picoseconds given = command->settled
                                  ? command->earliest
                                  : std::max(command->earliest, core::now() + core::from_sc_time(delay));
    const Picoseconds end_before = std::exchange(command->data_end, long_ago);
    {
        const Call call(*this, *command);
        back->b_transport(payload, delay);
    }
    if (command->data_end != long_ago) { // a unit may still have refused its data
        note(*command, given);
    } else {
        command->data_end = end_before;
    }
    // Nothing is issued before it is called for; those who catch up do so in order.
    const Picoseconds here = command->settled ? std::min(command->earliest, core::now()) : core::now();
    check_until(calls_.empty() ? here : *std::min_element(calls_.begin(), calls_.end()));
}

void CommandAuditor::note(const CommandExtension& command, Picoseconds given) {
    Command c;
    c.time = command.issued;
    c.rank = command.rank.value();
    c.bank = command.bank.value();
    c.row = command.row.value();
    ++calls_noted_;
    const bool column = command.kind == CommandKind::read || command.kind == CommandKind::write;
    const bool of_rank = command.kind == CommandKind::refresh || command.kind == CommandKind::power_down ||
                         command.kind == CommandKind::self_refresh || command.kind == CommandKind::power_up;
    c.has_bank = !of_rank && !(column && command.space == AccessSpace::unit);
    const bool has_row = c.has_bank && (column || command.kind == CommandKind::activate);
    switch (command.kind) {
    case CommandKind::activate:
        c.kind = Kind::activate;
        break;
    case CommandKind::precharge:
        c.kind = Kind::precharge;
        break;
    case CommandKind::read:
        c.kind = Kind::read;
        break;
    case CommandKind::write:
        c.kind = Kind::write;
        break;
    case CommandKind::refresh:
        c.kind = command.issued != command.last_issued ? Kind::precharge_all : Kind::refresh;
        break;
    case CommandKind::refresh_bank:
        c.kind = Kind::refresh_bank;
        break;
    case CommandKind::power_down:
    case CommandKind::self_refresh:
    case CommandKind::power_up:
        c.kind = power_kind(command);
        break;
    case CommandKind::lease:
        c.kind = Kind::lease;
        c.time = command.data_end;
        c.chips = command.chips & first_chips(geometry_.chips_per_rank);
        break;
    case CommandKind::release:
        c.kind = Kind::release;
        c.chips = command.chips & first_chips(geometry_.chips_per_rank);
        break;
    case CommandKind::pause_write:
        c.kind = Kind::pause_write;
        break;
    case CommandKind::cancel_write:
        c.kind = Kind::cancel_write;
        break;
    case CommandKind::resume_write:
        c.kind = Kind::resume_write;
        break;
    }
    if (c.rank >= geometry_.ranks || (c.has_bank && c.bank >= geometry_.banks) ||
        (has_row && c.row >= geometry_.rows)) {
        violation("place", nullptr, &c, Picoseconds{0}, Picoseconds{0}, "");
        return;
    }
    if (command.issued < given) {
        violation("issue_time", nullptr, &c, command.issued, given, "not before");
    }
    if (column) {
        note_run(command, c);
        return;
    }
    wait_for_turn(c);
    if (c.kind == Kind::precharge_all) {
        c.kind = Kind::refresh;
        c.time = command.last_issued;
        wait_for_turn(c);
    }
}

Kind CommandAuditor::power_kind(const CommandExtension& command) {
    if (command.rank.value() >= ranks_.size()) {
        return Kind::power_up;
    }
    bool& in_self_refresh = ranks_[command.rank.value()].noted_in_self_refresh;
    if (command.kind == CommandKind::power_up) {
        return std::exchange(in_self_refresh, false) ? Kind::self_refresh_exit : Kind::power_up;
    }
    in_self_refresh = command.kind == CommandKind::self_refresh;
    return in_self_refresh ? Kind::self_refresh : Kind::power_down;
}

/// The channel says when the run begins and ends; its commands are evenly spaced.
void CommandAuditor::note_run(const CommandExtension& command, Command c) {
    const std::uint32_t bursts = std::max(command.bursts(geometry_.burst_bytes()), 1u);
    const bool write = c.kind == Kind::write;
    const Picoseconds latency = write ? technology_.t_wl : technology_.t_cl;
    if (command.data_begin - command.issued != latency) {
        violation(write ? "t_wl" : "t_cl", nullptr, &c, command.data_begin - command.issued, latency,
                  "exactly");
    }
    const Picoseconds length = command.last_issued - command.issued + technology_.burst_time();
    if (command.data_end - command.data_begin != length) {
        violation("t_burst", nullptr, &c, command.data_end - command.data_begin, length, "exactly");
    }
    const Picoseconds run = command.last_issued - command.issued;
    wait_for_turn(c, bursts, bursts > 1 ? run / (bursts - 1) : Picoseconds{0});
}

void CommandAuditor::wait_for_turn(const Command& command, std::uint32_t left, Picoseconds spacing) {
    pending_.push_back({command, calls_noted_, left, spacing});
    std::push_heap(pending_.begin(), pending_.end());
}

void CommandAuditor::check_until(Picoseconds time) {
    while (!pending_.empty() && pending_.front().command.time <= time) {
        const Command command = pending_.front().command;
        std::pop_heap(pending_.begin(), pending_.end());
        Pending& rest = pending_.back();
        if (--rest.left > 0) {
            rest.command.time += rest.spacing;
            std::push_heap(pending_.begin(), pending_.end());
        } else {
            pending_.pop_back();
        }
        check(command);
    }
}

void CommandAuditor::finish() {
    check_until(Picoseconds::max());
    for (std::uint32_t rank = 0; rank < geometry_.ranks; ++rank) {
        check_refreshes(rank, core::now(), nullptr);
    }
}

std::uint64_t CommandAuditor::commands() const {
    return std::accumulate(commands_.begin(), commands_.end(), std::uint64_t{0});
}

// ------------------------------------------------------------------------------------------------ checks

void CommandAuditor::check(const Command& command) {
    ++commands_[index(command.kind)];
    if (timed_) {
        check_buses(command);
        check_refreshes(command.rank, command.time, &command);
    }
    const bool closes_nothing = command.kind == Kind::precharge && !bank(command).open;
    if (timed_ && !closes_nothing) {
        check_distances(command);
    }
    if (array_writes_.on() && timed_) {
        check_array_write(command);
    }
    check_state(command);
    if (!closes_nothing) {
        remember(command);
    }
}

void CommandAuditor::check_array_write(const Command& command) {
    const std::size_t first = std::size_t{command.rank} * geometry_.banks;
    const std::size_t place = first + (command.has_bank ? command.bank : 0);
    const auto report = [&](const char* rule, Picoseconds found, Picoseconds required, const char* relation) {
        const Command& before = banks_[place].changed;
        violation(rule, before.time != long_ago ? &before : nullptr, &command, found, required, relation);
    };
    switch (command.kind) {
    case Kind::activate:
        array_writes_.activate(place, command.row, command.time, report);
        break;
    case Kind::write:
        if (command.has_bank) {
            array_writes_.write(place, report);
        }
        break;
    case Kind::precharge:
        array_writes_.precharge(place, command.time, report);
        break;
    case Kind::pause_write:
    case Kind::cancel_write: {
        command.kind == Kind::pause_write ? array_writes_.pause(place, command.time, report)
                                          : array_writes_.cancel(place, command.time, report);
        History& last = bank(command).last; // t_rp and t_rc hold for writes that are not interrupted
        last[index(Kind::precharge)] = last[index(Kind::activate)] = never();
        break;
    }
    case Kind::resume_write:
        array_writes_.resume(place, command.time, report);
        bank(command).last[index(Kind::activate)] = never();
        break;
    case Kind::read:
    case Kind::power_up:
    case Kind::self_refresh_exit:
    case Kind::release:
        break;
    case Kind::refresh_bank:
    case Kind::lease:
        array_writes_.other(place, report);
        break;
    case Kind::precharge_all:
    case Kind::refresh:
    case Kind::power_down:
    case Kind::self_refresh:
        for (std::size_t each = first; each < first + geometry_.banks; ++each) {
            array_writes_.other(each, report);
        }
        break;
    }
}

void CommandAuditor::check_buses(const Command& command) {
    if (!on_command_bus(command.kind)) {
        return;
    }
    const Picoseconds off = command.time % technology_.t_ck;
    if (off.count() != 0) {
        violation("clock_grid", nullptr, &command, off, Picoseconds{0}, "behind a clock edge, exactly");
    }
    const Picoseconds distance = command.time - last_command_.time;
    if (distance < technology_.t_ck) {
        violation("command_bus", &last_command_, &command, distance, technology_.t_ck, "at least");
    }
    last_command_ = command;
    if (is_column(command.kind) && burst_time_.count() > 0) {
        check_data_bus(command);
    }
}

/// Data of a later command may come first if the latencies differ, so a burst is compared with all those that
/// are near.
void CommandAuditor::check_data_bus(const Command& command) {
    Burst burst;
    burst.begin = command.time + (command.kind == Kind::write ? technology_.t_wl : technology_.t_cl);
    burst.end = burst.begin + burst_time_;
    burst.command = command;
    for (std::size_t i = 0; i < bursts_.size();) {
        const Burst& other = bursts_[i];
        if (other.end + technology_.t_rtrs <= command.time + min_latency_) {
            bursts_[i] = bursts_.back();
            bursts_.pop_back();
            continue;
        }
        const Picoseconds gap =
            burst.begin >= other.begin ? burst.begin - other.end : other.begin - burst.end;
        const bool turn = other.command.rank != command.rank || other.command.kind != command.kind;
        if (gap.count() < 0) {
            violation("data_bus", &other.command, &command, gap, Picoseconds{0}, "at least");
        } else if (turn && gap < technology_.t_rtrs) {
            violation("t_rtrs", &other.command, &command, gap, technology_.t_rtrs, "at least");
        }
        ++i;
    }
    bursts_.push_back(burst);
}

/// A rank owes a refresh per t_refi, and may have some ahead.
void CommandAuditor::check_refreshes(std::uint32_t rank, Picoseconds time, const Command* command) {
    const Picoseconds t_refi = technology_.t_refi;
    if (!timed_ || t_refi.count() <= 0) {
        return;
    }
    RankState& state = ranks_[rank];
    if (state.asleep && state.slept.kind == Kind::self_refresh) { // it refreshes itself
        state.covered = time;
    }
    const Picoseconds most = (std::int64_t{options_.postponable_refreshes} + 1) * t_refi;
    if (time - state.covered > most) {
        const bool any = state.refreshed.time != long_ago;
        violation("t_refi", any ? &state.refreshed : nullptr, command, time - state.covered, most, "at most");
        state.covered = time;
    }
    const bool all_banks = command != nullptr && command->kind == Kind::refresh;
    const bool one_bank = command != nullptr && command->kind == Kind::refresh_bank;
    if (time - state.covered <= most && (all_banks || one_bank)) {
        const Picoseconds furthest = time + options_.postponable_refreshes * t_refi;
        const Picoseconds share = one_bank ? t_refi / geometry_.banks : t_refi;
        state.covered = std::min(state.covered + share, std::max(furthest, state.covered));
    }
    if (all_banks || one_bank) {
        state.refreshed = *command;
    }
}

void CommandAuditor::check_distances(const Command& command) {
    const std::size_t kind = index(command.kind);
    if (command.has_bank) {
        const History& in_bank = bank(command).last;
        for (const Check& check : in_bank_[kind]) {
            compare(check, in_bank[check.before], command);
        }
        const History& in_group = group(command);
        for (const Check& check : in_group_[kind]) {
            compare(check, in_group[check.before], command);
        }
    } else if (command.kind == Kind::precharge_all) {
        for (std::uint32_t b = 0; b < geometry_.banks; ++b) {
            const BankState& state = banks_[std::size_t{command.rank} * geometry_.banks + b];
            for (std::size_t i = 0; state.open && i < in_bank_[kind].size(); ++i) {
                compare(in_bank_[kind][i], state.last[in_bank_[kind][i].before], command);
            }
        }
    }
    const History& in_rank = ranks_[command.rank].last;
    for (const Check& check : in_rank_[kind]) {
        compare(check, in_rank[check.before], command);
    }
    for (const Window& window : windows_) {
        if (window.kind == kind) {
            const std::uint32_t oldest = window.next[command.rank];
            compare({window.rule, kind, window.distance},
                    window.last[std::size_t{command.rank} * window.size + oldest], command);
        }
    }
}

void CommandAuditor::compare(const Check& check, const Command& before, const Command& command) {
    const Picoseconds distance = command.time - before.time;
    if (distance < check.distance && (before.chips & command.chips) != 0) {
        violation(check.rule, &before, &command, distance, check.distance, "at least");
    }
}

void CommandAuditor::check_state(const Command& command) {
    const auto wrong = [&](const char* rule, const BankState& state) {
        const bool any = state.changed.time != long_ago;
        violation(rule, any ? &state.changed : nullptr, &command,
                  any ? command.time - state.changed.time : Picoseconds{0}, Picoseconds{0}, "");
    };
    RankState& rank = ranks_[command.rank];
    const bool wakes = command.kind == Kind::power_up || command.kind == Kind::self_refresh_exit;
    if (rank.asleep != wakes) {
        violation("asleep", rank.slept.time != long_ago ? &rank.slept : nullptr, &command,
                  command.time - rank.slept.time, Picoseconds{0}, "");
    }
    if (command.kind == Kind::power_down || command.kind == Kind::self_refresh) {
        rank.asleep = true;
        rank.slept = command;
    } else if (wakes) {
        rank.asleep = false;
    }
    if (command.kind == Kind::precharge_all || command.kind == Kind::refresh ||
        command.kind == Kind::self_refresh) {
        for (std::uint32_t b = 0; b < geometry_.banks; ++b) {
            BankState& state = banks_[std::size_t{command.rank} * geometry_.banks + b];
            if (!state.open) {
                continue;
            }
            if (command.kind != Kind::precharge_all) {
                wrong("row_open", state);
            }
            state.open = false;
            state.changed = command;
        }
        return;
    }
    if (!command.has_bank) {
        return;
    }
    BankState& state = bank(command);
    switch (command.kind) {
    case Kind::lease:
        if (state.open) {
            wrong("row_open", state);
        } else if ((state.leased & command.chips) != 0) {
            wrong("leased", state);
        }
        state.leased |= command.chips;
        break;
    case Kind::release:
        if ((state.leased & command.chips) != command.chips) {
            wrong("not_leased", state);
        }
        state.leased &= ~command.chips;
        break;
    default:
        if (state.leased != 0) {
            wrong("leased", state);
        } else if (needs_closed_bank(command.kind) && state.open) {
            wrong("row_open", state);
        } else if (is_column(command.kind) && !state.open) {
            wrong("row_closed", state);
        } else if (is_column(command.kind) && state.changed.row != command.row) {
            wrong("wrong_row", state);
        }
        if (is_column(command.kind) || command.kind == Kind::refresh_bank || interrupts_write(command.kind) ||
            (command.kind == Kind::precharge && !state.open)) {
            return;
        }
        state.open = command.kind == Kind::activate;
    }
    state.changed = command;
}

void CommandAuditor::remember(const Command& command) {
    const std::size_t kind = index(command.kind);
    if (command.has_bank) {
        bank(command).last[kind] = command;
        group(command)[kind] = command;
    }
    ranks_[command.rank].last[kind] = command;
    for (Window& window : windows_) {
        if (window.kind == kind) {
            std::uint32_t& next = window.next[command.rank];
            window.last[std::size_t{command.rank} * window.size + next] = command;
            next = next + 1 == window.size ? 0 : next + 1;
        }
    }
}

// ------------------------------------------------------------------------------------------------ reports

void CommandAuditor::violation(const char* rule, const Command* first, const Command* second,
                               Picoseconds found, Picoseconds required, const char* relation) {
    ++violation_count_;
    ++by_rule_[rule];
    const bool recorded = violations_.size() < options_.max_recorded;
    if (!recorded && options_.on_violation == OnViolation::record) {
        return;
    }
    Violation v{rule, {}, {}, found, required, fmt::format("{}: ", rule)};
    if (first != nullptr) {
        v.first = *first;
        v.text += to_string(*first) + "; ";
    }
    if (second != nullptr) {
        v.second = *second;
        v.text += to_string(*second);
    } else {
        v.text += "no refresh since";
    }
    if (first != nullptr || *relation != '\0') {
        v.text += fmt::format(": {} ps", found.count());
    }
    if (*relation != '\0') {
        v.text += fmt::format(", {} {} ps", relation, required.count());
    }
    if (recorded) {
        violations_.push_back(v);
    }
    if (options_.on_violation == OnViolation::raise) {
        throw core::SimulationError(fmt::format("{}: {}", name(), v.text));
    }
    if (options_.on_violation == OnViolation::report) {
        SC_REPORT_ERROR(name(), v.text.c_str());
    }
}

std::string CommandAuditor::summary() const {
    std::string text;
    for (const Violation& violation : violations_) {
        text += violation.text + "\n";
    }
    if (violation_count_ > 0) {
        text += fmt::format("{} violations:", violation_count_);
        for (const auto& [rule, count] : by_rule_) {
            text += fmt::format(" {} {}", rule, count);
        }
        text += "\n";
    }
    return text;
}

} // namespace hydravp::memory
