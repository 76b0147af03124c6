// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/command_scheduler.h"

#include <algorithm>
#include <stdexcept>

namespace hydravp::modules {

using core::Picoseconds;
using memory::TimedCommand;

CommandScheduler::CommandScheduler(const ChannelControllerConfig& config,
                                   const memory::Technology& technology, const memory::Geometry& geometry)
    : config_(config),
      technology_(technology),
      geometry_(geometry),
      unit_slot_(std::size_t{geometry.ranks} * geometry.banks),
      queue_(config, unit_slot_ + 1),
      timing_(technology, geometry),
      banks_(unit_slot_ + 1),
      candidates_{Candidates(unit_slot_ + 1), Candidates(unit_slot_ + 1)},
      // A burst group may be on its way in every bank that is to be closed, and its row only just open.
      refresh_margin_(
          technology.t_rcd + config.burst_group * technology.column_cycle() +
          std::max(technology.t_ras, technology.t_wl + technology.burst_time() + technology.t_wr) +
          technology.t_rp),
      waiting_(geometry.ranks),
      power_(geometry.ranks),
      interruption_(config, technology, unit_slot_) {
    const bool per_bank_refresh = config.refresh == RefreshMode::per_bank;
    const bool sleeps = config.power_down_after.count() > 0 || config.self_refresh_after.count() > 0;
    const bool refreshed = technology.t_refi.count() > 0;
    if ((per_bank_refresh && refreshed && technology.t_rfc_pb.count() == 0) ||
        (sleeps && technology.t_cke.count() == 0)) {
        throw std::invalid_argument(
            "channel controller: refreshes of single banks need t_rfc_pb, power-down and self-refresh t_cke");
    }
    if (config.shares_with_units && (per_bank_refresh || sleeps)) {
        throw std::invalid_argument(
            "channel controller: no refreshes of single banks, power-down or self-refresh beside near-memory "
            "units");
    }
    if (interruption_.on() &&
        (config.shares_with_units || sleeps || config.scheduling == SchedulingPolicy::fcfs)) {
        throw std::invalid_argument("channel controller: no interruptions of array writes with strict order, "
                                    "power-down or self-refresh, or beside near-memory units");
    }
    make_classes(candidates_[false], false);
    make_classes(candidates_[true], true);
    if (technology_.t_refi.count() > 0) {
        refresh_interval_ = per_bank_refresh ? technology_.t_refi / geometry.banks : technology_.t_refi;
        for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
            const Picoseconds stagger = rank * refresh_interval_ / geometry.ranks;
            refreshes_.push_back({refresh_interval_ + stagger, stagger, Picoseconds{0}, 0});
        }
        first_due_ = refreshes_.front().due;
    }
}

void CommandScheduler::push_draft(Picoseconds now) {
    const QueuedRun& run = queue_.draft();
    queue_.push_draft(now);
    ++waiting_[run.rank.value()];
    reconsider_batches();
    const bool overlooked = overlooks(candidates_[run.write].by_slot[run.slot], run);
    if (!overlooked) {
        reconsider(run.slot, run.write);
    }
    if (!known_) {
        return;
    }
    // Among reads, one more that waits for no write changes nothing.
    const bool plain = overlooked && !run.write && run.blockers == 0 && decision_.run != nullptr &&
                       !decision_.run->write && config_.page_policy == PagePolicy::open;
    known_ = plain || stands(run, now);
}

/// What the bank does next is the same with the run that has just come, the youngest.
bool CommandScheduler::overlooks(const Candidate& candidate, const QueuedRun& run) const {
    if (!candidate.known || candidate.run == nullptr) {
        return false;
    }
    return candidate.step == Step::column || !banks_[run.slot].open || banks_[run.slot].row != run.row ||
           config_.scheduling == SchedulingPolicy::fcfs;
}

/// The decision is the same with the run that has just come, the youngest.
bool CommandScheduler::stands(const QueuedRun& run, Picoseconds now) {
    if (decision_.run == nullptr || config_.page_policy != PagePolicy::open ||
        power_[run.rank.value()].asleep) {
        return false;
    }
    if (config_.scheduling == SchedulingPolicy::fcfs) {
        return true;
    }
    const RequestQueue::Direction direction = queue_.choose_direction(now);
    valid_until_ = std::min(valid_until_, direction.until);
    if (direction.write != decision_.run->write) {
        return false;
    }
    if (run.write != direction.write) {
        return true;
    }
    const Candidate& candidate = this->candidate(run.slot, run.write, now);
    if (candidate.run != nullptr) {
        valid_until_ = std::min(valid_until_, candidate.until);
    }
    const bool no_better = candidate.run == nullptr || candidate.run == decision_.run ||
                           allowed(candidate, run.write, now) > decision_.at;
    return no_better && decision_.at <= valid_until_;
}

const CommandScheduler::Decision& CommandScheduler::next(Picoseconds now) {
    if (!known_ || now > valid_until_ || (decision_.step == Step::none && now >= decision_.at)) {
        decide(now);
    }
    return decision_;
}

void CommandScheduler::decide(Picoseconds now) {
    known_ = true;
    valid_until_ = Picoseconds::max();
    decision_ = Decision{};
    decision_.at = first_due_ > now ? first_due_ : Picoseconds::max();
    const bool per_bank = config_.refresh == RefreshMode::per_bank;
    if (now >= first_due_ && !per_bank && decide_refresh(now)) {
        return;
    }
    if (now >= first_due_ && per_bank) {
        decide_bank_refresh(now);
    }
    if (!queue_.empty()) {
        config_.scheduling == SchedulingPolicy::fcfs ? choose_fcfs(now) : choose_direction(now);
    }
    if (config_.page_policy != PagePolicy::open) {
        close_idle_banks(now);
    }
    if (interruption_.on() && interruption_.writes().interrupted() > 0) {
        resume_writes(now);
    }
    if (config_.power_down_after.count() > 0 || config_.self_refresh_after.count() > 0) {
        decide_power(now);
    }
    if (decision_.at > valid_until_) { // by then something starves
        decision_ = Decision{};
        decision_.at = valid_until_ + Picoseconds{1};
    }
}

/// The refresh that is due and may not be postponed any longer, or whose rank has nothing else to do.
bool CommandScheduler::decide_refresh(Picoseconds now) {
    decision_.at = Picoseconds::max();
    for (std::size_t rank = 0; rank < refreshes_.size(); ++rank) {
        const Refresh& refresh = refreshes_[rank];
        if (power_[rank].asleep) { // it wakes up first, or refreshes itself
            continue;
        }
        const Picoseconds must =
            std::max(refresh.due, refresh.due - refresh.stagger +
                                      config_.postponed_refreshes * technology_.t_refi - refresh_margin_);
        const Picoseconds idle = waiting_[rank] == 0 ? std::max(refresh.due, refresh.busy_until) : must;
        if (now >= must || now >= idle) {
            decision_.step = Step::refresh;
            decision_.at = now;
            decision_.rank = core::Rank{rank};
            return true;
        }
        decision_.at = std::min(decision_.at, now >= refresh.due ? std::min(must, idle) : refresh.due);
    }
    return false;
}

/// Every bank has its turn; it is precharged first, and let alone by others until then.
void CommandScheduler::decide_bank_refresh(Picoseconds now) {
    decision_.at = Picoseconds::max();
    for (std::size_t rank = 0; rank < refreshes_.size(); ++rank) {
        const Refresh& refresh = refreshes_[rank];
        if (now < refresh.due) {
            offer(Step::none, refresh.due, rank);
            continue;
        }
        if (power_[rank].asleep) {
            continue;
        }
        const std::size_t slot = this->slot(core::Rank{rank}, core::Bank{refresh.next_bank});
        if (!banks_[slot].refresh_is_due) {
            banks_[slot].refresh_is_due = true;
            reconsider(slot, false);
            reconsider(slot, true);
        }
        const TimedCommand first = banks_[slot].open ? TimedCommand::precharge : TimedCommand::activate;
        const Picoseconds ready = banks_[slot].open
                                      ? timing_.rules_allow(first, slot)
                                      : std::max(timing_.bank_allows(first, slot), power_[rank].awake_from);
        offer(banks_[slot].open ? Step::close : Step::refresh, timing_.bus_allows(std::max(now, ready)), rank,
              slot);
    }
}

/// Takes a step if nothing else is to be done by then.
void CommandScheduler::offer(Step step, Picoseconds at, std::size_t rank, std::size_t slot) {
    if (at < decision_.at) {
        decision_ = Decision{};
        decision_.step = step;
        decision_.at = at;
        decision_.rank = core::Rank{rank};
        decision_.slot = slot;
    }
}

/// Ranks without anything to do fall asleep, and wake up when there is something.
void CommandScheduler::decide_power(Picoseconds now) {
    for (std::size_t rank = 0; rank < power_.size(); ++rank) {
        const Power& power = power_[rank];
        const bool wanted = waiting_[rank] > 0 || (!power.self_refresh && refresh_due(rank, now));
        if (!power.asleep) {
            if (!wanted) {
                fall_asleep(rank, now);
            }
            continue;
        }
        const Picoseconds deeper = power.idle_from + config_.self_refresh_after;
        const bool goes_deeper = config_.self_refresh_after.count() > 0 && !power.self_refresh;
        if (wanted || (goes_deeper && now >= deeper)) {
            offer(Step::power_up, timing_.bus_allows(std::max(now, power.since + technology_.t_cke)), rank);
        } else if (goes_deeper) {
            offer(Step::none, deeper, rank);
        }
    }
}

void CommandScheduler::fall_asleep(std::size_t rank, Picoseconds now) {
    const Picoseconds quiet = std::max(now, power_[rank].quiet_from);
    const Picoseconds idle = power_[rank].idle_from;
    const Picoseconds deep = idle + config_.self_refresh_after;
    if (config_.self_refresh_after.count() == 0 || now < deep) {
        if (config_.self_refresh_after.count() > 0) {
            offer(Step::none, deep, rank);
        }
        if (config_.power_down_after.count() > 0) {
            offer(Step::power_down, timing_.bus_allows(std::max(quiet, idle + config_.power_down_after)),
                  rank);
        }
        return;
    }
    Picoseconds closed = quiet;
    for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
        const std::size_t slot = this->slot(core::Rank{rank}, core::Bank{bank});
        if (banks_[slot].open) {
            const Picoseconds ready = timing_.rules_allow(TimedCommand::precharge, slot);
            offer(Step::close, timing_.bus_allows(std::max(now, ready)), rank, slot);
            return;
        }
        closed = std::max(closed, timing_.bank_allows(TimedCommand::activate, slot));
    }
    offer(Step::self_refresh, timing_.bus_allows(closed), rank);
}

void CommandScheduler::make_classes(Candidates& candidates, bool write) {
    const TimedCommand column = write ? TimedCommand::write : TimedCommand::read;
    ReadyBanks& ready = candidates.ready;
    for (std::uint32_t rank = 0; rank < geometry_.ranks; ++rank) {
        const auto in_rank = [&](TimedCommand command) {
            return &timing_.rank_allows(command, core::Rank{rank});
        };
        candidates.unit_columns.push_back(ready.add_class(true, in_rank(column), in_rank(column)));
        for (std::uint32_t group = 0; group < geometry_.bank_groups; ++group) {
            const std::size_t first =
                slot(core::Rank{rank}, core::Bank{std::size_t{group} * geometry_.banks_per_group()});
            const auto add = [&](TimedCommand command) {
                return ready.add_class(command == column, in_rank(command),
                                       &timing_.group_allows(command, first));
            };
            candidates.activates.push_back(add(TimedCommand::activate));
            candidates.precharges.push_back(add(TimedCommand::precharge));
            candidates.columns.push_back(add(column));
        }
    }
    candidates.recalls = ready.add_class(false, &always_, &always_);
}

/// Strict order: the next command of the oldest run.
void CommandScheduler::choose_fcfs(Picoseconds now) {
    const QueuedRun* const read = queue_.oldest(false);
    const QueuedRun* const write = queue_.oldest(true);
    const bool writes = read == nullptr || (write != nullptr && RequestQueue::older(*write, *read));
    const QueuedRun* const first = writes ? write : read;
    if (first == nullptr) {
        return;
    }
    const Candidate& only = candidate(first->slot, writes, now);
    if (only.run == nullptr) {
        return;
    }
    const Picoseconds earliest = allowed(only, writes, now);
    const std::uint32_t bursts = only.step == Step::column ? only.run->turn_bursts : 1;
    const Picoseconds at = timing_.bus_allows(earliest);
    const Picoseconds then = bursts > 1 ? timing_.bus_allows(at, bursts) : at;
    if (then >= decision_.at) { // a refresh comes first
        return;
    }
    decision_ = Decision{};
    decision_.at = then;
    if (then == at) {
        decision_.step = only.step;
        decision_.run = only.run;
        decision_.slot = only.run->slot;
    }
}

/// The next command of the banks that have runs of the direction whose turn it is.
void CommandScheduler::choose_direction(Picoseconds now) {
    const RequestQueue::Direction direction = queue_.choose_direction(now);
    look_again(direction.write, now);
    Candidates& candidates = candidates_[direction.write];
    valid_until_ = std::min(direction.until, candidates.until);
    if (!candidates.ready.empty()) {
        choose(candidates, now);
    }
}

/// Finds the candidates of the slots in which something has changed, or another run starves by now.
void CommandScheduler::look_again(bool write, Picoseconds now) {
    Candidates& candidates = candidates_[write];
    if (now > candidates.until) {
        candidates.until = Picoseconds::max();
        for (std::size_t slot = 0; slot < candidates.by_slot.size(); ++slot) {
            const Picoseconds until = candidates.by_slot[slot].until;
            if (now > until) {
                reconsider(slot, write);
            } else {
                candidates.until = std::min(candidates.until, until);
            }
        }
    }
    for (const std::size_t slot : candidates.unknown) {
        Candidate& candidate = candidates.by_slot[slot];
        candidate.listed = false;
        if (!candidate.known) {
            find_candidate(candidate, slot, write, now);
        }
    }
    candidates.unknown.clear();
}

void CommandScheduler::find_candidate(Candidate& candidate, std::size_t slot, bool write, Picoseconds now) {
    const BankEntry& bank = banks_[slot];
    Candidates& candidates = candidates_[write];
    candidate.known = true;
    const RequestQueue::Choice choice = config_.scheduling == SchedulingPolicy::fcfs
                                            ? RequestQueue::Choice{queue_.oldest(write), Picoseconds::max()}
                                            : queue_.next(slot, write, bank.open ? &bank.row : nullptr, now);
    ReadyBanks::Entry entry;
    entry.slot = static_cast<std::uint32_t>(slot);
    if (choice.run == nullptr || bank.refresh_is_due || power_[choice.run->rank.value()].asleep) {
        candidate.run = nullptr;
        candidate.until = Picoseconds::max();
        candidates.ready.put(ReadyBanks::none, entry);
        return;
    }
    candidate.run = choice.run;
    candidate.until = choice.until;
    candidate.step = next_step(*choice.run);
    candidate.ready = choice.run->ready;
    const std::size_t group = slot != unit_slot_ ? timing_.group_of(slot) : 0;
    switch (candidate.step) {
    case Step::activate:
        candidate.number = candidates.activates[group];
        candidate.ready = std::max(candidate.ready, timing_.bank_allows(TimedCommand::activate, slot));
        break;
    case Step::precharge:
        candidate.number = candidates.precharges[group];
        candidate.ready = std::max(candidate.ready, timing_.bank_allows(TimedCommand::precharge, slot));
        break;
    case Step::column:
        if (slot == unit_slot_) {
            candidate.number = candidates.unit_columns[choice.run->rank.value()];
        } else {
            candidate.number = candidates.columns[group];
            candidate.ready = std::max(
                candidate.ready, timing_.bank_allows(write ? TimedCommand::write : TimedCommand::read, slot));
        }
        break;
    default: // recall
        candidate.number = candidates.recalls;
        break;
    }
    if (interruption_.on()) {
        consider_array_write(candidate, candidates, slot, now);
    }
    candidates.until = std::min(candidates.until, candidate.until);
    entry.ready = candidate.ready;
    entry.turn = queue_.precedence(*choice.run);
    entry.bursts = choice.run->turn_bursts;
    candidates.ready.put(candidate.number, entry);
}

/// The command is another one where the bank's array write is under way or interrupted.
void CommandScheduler::consider_array_write(Candidate& candidate, Candidates& candidates, std::size_t slot,
                                            Picoseconds now) {
    const QueuedRun& run = *candidate.run;
    if (!interruption_.writes().interrupted(slot)) {
        const Picoseconds last =
            run.write || banks_[slot].open ? Picoseconds{-1} : interruption_.last_interruption(slot, run.row);
        if (std::max(now, run.ready) <= last) {
            candidate.step = Step::interrupt;
            candidate.ready = run.ready;
            candidate.number = candidates.recalls;
            candidate.until = std::min(candidate.until, last);
        }
        return;
    }
    const bool must_go_on = interruption_.must_go_on(slot, now);
    if (!must_go_on) {
        candidate.until = std::min(candidate.until, interruption_.patient_until(slot));
    }
    if (must_go_on || !served_between(slot, run)) {
        candidate.step = Step::resume;
        candidate.ready = resume_ready(slot);
        candidate.number = candidates.precharges[timing_.group_of(slot)];
    }
}

/// The run is a read that its bank can serve while its array write is interrupted.
bool CommandScheduler::served_between(std::size_t slot, const QueuedRun& run) const {
    const BankEntry& bank = banks_[slot];
    return !run.write && (bank.open ? run.row == bank.row : run.row != interruption_.writes().row(slot));
}

Picoseconds CommandScheduler::resume_ready(std::size_t slot) const {
    return timing_.bank_allows(banks_[slot].open ? TimedCommand::precharge : TimedCommand::activate, slot);
}

/// Lets interrupted writes go on that no read needs to wait, if nothing else is to be done by then.
void CommandScheduler::resume_writes(Picoseconds now) {
    for (std::size_t slot = 0; slot < unit_slot_; ++slot) {
        if (!interruption_.writes().interrupted(slot)) {
            continue;
        }
        const BankEntry& bank = banks_[slot];
        if (!interruption_.must_go_on(slot, now)) {
            const RequestQueue::Choice read = queue_.next(slot, false, bank.open ? &bank.row : nullptr, now);
            valid_until_ = std::min({valid_until_, interruption_.patient_until(slot), read.until});
            if (read.run != nullptr && served_between(slot, *read.run)) {
                continue;
            }
        }
        const Picoseconds rule = timing_.rank_allows(TimedCommand::precharge, rank_of(slot));
        offer(Step::resume, timing_.bus_allows(std::max({now, resume_ready(slot), rule})),
              slot / geometry_.banks, slot);
    }
}

/// When the command of a candidate can go but for the command bus.
Picoseconds CommandScheduler::allowed(const Candidate& candidate, bool write, Picoseconds now) const {
    return std::max(candidates_[write].ready.allows(candidate.number, now), candidate.ready);
}

CommandScheduler::Step CommandScheduler::next_step(const QueuedRun& run) const {
    const BankEntry& bank = banks_[run.slot];
    if (run.slot == unit_slot_) {
        return Step::column;
    }
    if ((bank.leased & ~bank.recalled) != 0) {
        return Step::recall;
    }
    if (!bank.open) {
        return Step::activate;
    }
    return bank.row == run.row ? Step::column : Step::precharge;
}

void CommandScheduler::choose(Candidates& candidates, Picoseconds now) {
    ReadyBanks& ready = candidates.ready;
    const Picoseconds at = timing_.bus_allows(ready.earliest(now));
    const Picoseconds soon = at + technology_.t_rtrs;
    const ReadyBanks::Entry* column = nullptr;         // can go at `at`
    const ReadyBanks::Entry* other = nullptr;          // likewise
    const ReadyBanks::Entry* waiting_column = nullptr; // can go soon
    Age column_age = nobody, other_age = nobody, waiting_age = nobody;
    std::uint32_t asked = 1; // the command bus treats runs of the same length alike
    Picoseconds answer = at;
    ready.for_each_class(soon, [&](const ReadyBanks::Class& c) {
        if (!c.column) {
            for (const ReadyBanks::Entry& entry : c.entries) {
                if (std::max(c.bound, entry.ready) <= at && entry.turn < other_age) {
                    other_age = entry.turn;
                    other = &entry;
                }
            }
            return;
        }
        for (const ReadyBanks::Entry& entry : c.entries) {
            Picoseconds t = std::max(c.bound, entry.ready);
            if (t <= at && entry.bursts > 1) {
                if (entry.bursts != asked) {
                    asked = entry.bursts;
                    answer = timing_.bus_allows(at, asked);
                }
                t = answer;
            }
            if (t <= at && entry.turn < column_age) {
                column_age = entry.turn;
                column = &entry;
            } else if (t > at && t <= soon && entry.turn < waiting_age) {
                waiting_age = entry.turn;
                waiting_column = &entry;
            }
        }
    });
    // A stream does not go on only because others need a pause on the data bus.
    const std::vector<Candidate>& by_slot = candidates.by_slot;
    if (column != nullptr && waiting_age < column_age &&
        (by_slot[column->slot].run->served > 0 || queue_.starving(*by_slot[waiting_column->slot].run, now))) {
        column = nullptr;
    }
    if (other != nullptr && column_age >= RequestQueue::outside_batch &&
        other_age < RequestQueue::outside_batch) {
        column = nullptr;
    }
    const ReadyBanks::Entry* const chosen = column != nullptr ? column : other;
    const Picoseconds then = chosen != nullptr ? at : next_free(ready, at);
    if (then >= decision_.at) { // a refresh comes first
        return;
    }
    decision_ = Decision{};
    decision_.at = then;
    if (chosen != nullptr) {
        const Candidate& candidate = by_slot[chosen->slot];
        decision_.step = candidate.step;
        decision_.run = candidate.run;
        decision_.slot = candidate.run->slot;
    }
}

/// Nothing can go at `at`, because runs of column commands find no room on the command bus or wait for
/// others: when it is worth another look.
Picoseconds CommandScheduler::next_free(const ReadyBanks& ready, Picoseconds at) const {
    Picoseconds later = Picoseconds::max();
    ready.for_each_class(Picoseconds::max(), [&](const ReadyBanks::Class& c) {
        for (const ReadyBanks::Entry& entry : c.entries) {
            Picoseconds t = std::max(c.bound, entry.ready);
            if (t <= at && c.column && entry.bursts > 1) {
                t = timing_.bus_allows(at, entry.bursts);
            }
            later = t > at ? std::min(later, t) : later;
        }
    });
    return later;
}

/// Precharges what the page policy wants closed, if nothing else is to be done by then.
void CommandScheduler::close_idle_banks(Picoseconds now) {
    const Picoseconds patience =
        config_.page_policy == PagePolicy::timeout ? config_.page_timeout : Picoseconds{0};
    for (std::size_t slot = 0; slot < unit_slot_; ++slot) {
        const BankEntry& bank = banks_[slot];
        if (!bank.open || bank.leased != 0 || power_[slot / geometry_.banks].asleep ||
            (interruption_.on() && interruption_.writes().interrupted(slot))) {
            continue;
        }
        const Picoseconds t = timing_.bus_allows(
            std::max({now, bank.last_access + patience, timing_.rules_allow(TimedCommand::precharge, slot)}));
        if (t < decision_.at && !queue_.wants(slot, bank.row)) {
            decision_ = Decision{};
            decision_.step = Step::close;
            decision_.at = t;
            decision_.slot = slot;
        }
    }
}

void CommandScheduler::place(memory::CommandExtension& command, Picoseconds now) const {
    command.issued = command.last_issued = now;
    if (command.kind == memory::CommandKind::read || command.kind == memory::CommandKind::write) {
        command.last_issued += (command.bursts(geometry_.burst_bytes()) - 1) * technology_.column_cycle();
        return;
    }
    if (command.kind != memory::CommandKind::refresh) {
        return;
    }
    Picoseconds precharge = std::max(now, power_[command.rank.value()].awake_from);
    Picoseconds closed{};
    bool open = false;
    for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
        const std::size_t each = slot(command.rank, core::Bank{bank});
        closed = std::max(closed, timing_.bank_allows(TimedCommand::activate, each));
        if (banks_[each].open) { // precharge-all keeps no t_rrd_pre
            open = true;
            precharge = std::max(precharge, timing_.bank_allows(TimedCommand::precharge, each));
        }
    }
    precharge = timing_.bus_allows(precharge);
    if (!open) {
        command.issued = command.last_issued = timing_.bus_allows(std::max(precharge, closed));
        return;
    }
    command.issued = precharge;
    // The precharge has its slot, and everything of less than a period behind it.
    command.last_issued =
        timing_.bus_allows(std::max({precharge + technology_.t_rp, precharge + technology_.t_ck, closed}));
}

void CommandScheduler::issued(const memory::CommandExtension& command, Picoseconds now) {
    using memory::CommandKind;
    timing_.forget(now);
    const std::size_t slot = this->slot(command.rank, command.bank);
    note_quiet(command);
    if (interruption_.on()) {
        interruption_.note(command, slot);
    }
    switch (command.kind) {
    case CommandKind::activate:
        timing_.issue(TimedCommand::activate, slot, command.issued);
        banks_[slot].open = true;
        banks_[slot].row = command.row;
        banks_[slot].last_access = command.issued;
        break;
    case CommandKind::precharge:
        timing_.issue(TimedCommand::precharge, slot, command.issued);
        banks_[slot].open = false;
        break;
    case CommandKind::read:
    case CommandKind::write: {
        const TimedCommand column =
            command.kind == CommandKind::read ? TimedCommand::read : TimedCommand::write;
        const std::uint32_t bursts = command.bursts(geometry_.burst_bytes());
        if (command.space == memory::AccessSpace::unit) {
            timing_.issue_without_bank(column, command.rank, command.issued, bursts);
            known_ = false;
            return;
        }
        timing_.issue(column, slot, command.issued, bursts);
        banks_[slot].last_access = command.last_issued;
        break;
    }
    case CommandKind::refresh: {
        timing_.take_slot(command.last_issued);
        if (command.issued != command.last_issued) { // precharge-all
            timing_.take_slot(command.issued);
        }
        for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
            const std::size_t each = this->slot(command.rank, core::Bank{bank});
            timing_.block(each, command.data_end);
            banks_[each].open = false;
        }
        reconsider_rank(command.rank);
        refreshes_[command.rank.value()].due += refresh_interval_;
        refreshes_[command.rank.value()].busy_until = command.data_end;
        find_first_due();
        return;
    }
    case CommandKind::refresh_bank: {
        timing_.take_slot(command.issued);
        timing_.block(slot, command.data_end);
        banks_[slot].refresh_is_due = false;
        Refresh& refresh = refreshes_[command.rank.value()];
        refresh.due += refresh_interval_;
        refresh.next_bank = (refresh.next_bank + 1) % geometry_.banks;
        find_first_due();
        break;
    }
    case CommandKind::power_down:
    case CommandKind::self_refresh: {
        timing_.take_slot(command.issued);
        const bool refreshes_itself = command.kind == CommandKind::self_refresh;
        Power& power = power_[command.rank.value()];
        power.asleep = true;
        power.self_refresh = refreshes_itself;
        power.since = command.issued;
        if (refreshes_itself && !refreshes_.empty()) {
            refreshes_[command.rank.value()].due = Picoseconds::max();
            find_first_due();
        }
        reconsider_rank(command.rank);
        return;
    }
    case CommandKind::power_up: {
        timing_.take_slot(command.issued);
        timing_.hold(command.rank, command.data_end);
        Power& power = power_[command.rank.value()];
        power.awake_from = command.data_end;
        if (power.self_refresh && !refreshes_.empty()) {
            refreshes_[command.rank.value()].due = command.issued + refresh_interval_;
            find_first_due();
        }
        power.asleep = power.self_refresh = false;
        reconsider_rank(command.rank);
        return;
    }
    case CommandKind::release:
        timing_.block(slot, command.data_end);
        break;
    case CommandKind::pause_write:
    case CommandKind::cancel_write:
        timing_.take_slot(command.issued);
        timing_.free_from(slot, command.data_end);
        break;
    case CommandKind::resume_write:
        timing_.issue(TimedCommand::precharge, slot, command.issued);
        timing_.free_from(slot, command.data_end);
        banks_[slot].open = false;
        break;
    case CommandKind::lease:
        break;
    }
    reconsider(slot);
}

void CommandScheduler::reconsider_rank(core::Rank rank) {
    for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
        reconsider(slot(rank, core::Bank{bank}));
    }
}

void CommandScheduler::find_first_due() {
    first_due_ = Picoseconds::max();
    for (const Refresh& refresh : refreshes_) {
        first_due_ = std::min(first_due_, refresh.due);
    }
}

/// A rank is quiet when data have passed and cells have been written.
void CommandScheduler::note_quiet(const memory::CommandExtension& command) {
    Power& power = power_[command.rank.value()];
    const bool write = command.kind == memory::CommandKind::write;
    const Picoseconds end = command.data_end + (write ? technology_.t_wr : Picoseconds{0});
    power.quiet_from = std::max(power.quiet_from, end);
    if (write || command.kind == memory::CommandKind::read) {
        power.idle_from = power.quiet_from;
    }
}

void CommandScheduler::served(QueuedRun& run, Picoseconds now) {
    reconsider(run.slot);
    for (const QueuedRun* other : queue_.rotate(run, now)) {
        reconsider(other->slot, other->write);
    }
    reconsider_batches();
}

void CommandScheduler::reconsider_batches() {
    if (queue_.renew_batches()) {
        for (std::size_t slot = 0; slot < banks_.size(); ++slot) {
            reconsider(slot);
        }
    }
}

void CommandScheduler::finished(QueuedRun& run) {
    --waiting_[run.rank.value()];
    reconsider(run.slot);
    queue_.remove(run);
    reconsider_batches();
}

} // namespace hydravp::modules
