// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"
#include "hydravp/memory/timing_rules.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/ready_banks.h"
#include "hydravp/modules/request_queue.h"
#include "hydravp/modules/write_interruption_policy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// Decides which command a channel controller issues next, and when; free of SystemC.
///
/// Of the commands that the timing rules let go first, a column command goes before one to a bank, and the
/// command of the run that has waited longest before others. A stream that has had its turn, or that starves
/// others, does not go on only because its rank needs no pause on the data bus.
///
/// A decision holds until something is entered, issued or changed; so a controller has to look at it once for
/// each command, and can sleep until its time.
class CommandScheduler {
public:
    enum class Step {
        none,       ///< nothing to do; ask again at `at`
        column,     ///< a turn of the run
        activate,   ///< the run's row
        precharge,  ///< the run's bank, which has another row open
        recall,     ///< takes the run's bank back from the units
        close,      ///< precharges a bank whose row nobody wants
        interrupt,  ///< the array write of the run's bank
        resume,     ///< an interrupted array write: of the run's bank, or of `slot`
        refresh,    ///< `rank`; `RefreshMode::per_bank`: `slot`
        power_down, ///< `rank`
        self_refresh,
        power_up
    };
    struct Decision {
        Step step = Step::none;
        core::Picoseconds at = core::Picoseconds::max();
        QueuedRun* run = nullptr;
        std::size_t slot = 0; ///< close, resume; refresh of a single bank
        core::Rank rank;      ///< refresh, power
    };
    struct BankEntry {
        bool open = false;
        core::Row row;
        std::uint32_t leased = 0;   ///< mask of chips
        std::uint32_t recalled = 0; ///< of them, for the moment back with the channel
        std::uint32_t served_since_recall = 0;
        core::Picoseconds last_access{};
        bool refresh_is_due = false; ///< of this bank alone
    };

    CommandScheduler(const ChannelControllerConfig& config, const memory::Technology& technology,
                     const memory::Geometry& geometry);
    CommandScheduler(const CommandScheduler&) = delete;
    CommandScheduler& operator=(const CommandScheduler&) = delete;

    const RequestQueue& queue() const { return queue_; }
    const BankEntry& bank(std::size_t slot) const { return banks_[slot]; }
    /// For the controller to change leases.
    BankEntry& change_bank(std::size_t slot) {
        reconsider(slot);
        return banks_[slot];
    }
    std::size_t slot(core::Rank rank, core::Bank bank) const {
        return std::size_t{rank.value()} * geometry_.banks + bank.value();
    }
    /// How array writes are interrupted.
    memory::CommandKind interruption() const { return interruption_.interruption(); }
    /// Of the runs that go to near-memory units.
    std::size_t unit_slot() const { return unit_slot_; }
    core::Rank rank_of(std::size_t slot) const { return core::Rank{slot / geometry_.banks}; }
    core::Bank bank_of(std::size_t slot) const { return core::Bank{slot % geometry_.banks}; }

    /// See `RequestQueue`.
    QueuedRun& draft() { return queue_.draft(); }
    void push_draft(core::Picoseconds now);
    /// The next command, as far as is known at `now`. `at` lies not before `now`; nobody has asked about a
    /// later time before.
    const Decision& next(core::Picoseconds now);
    /// Sets the times of a command that is due at `now` by the rules that the scheduler knows
    /// (`CommandExtension::placed`).
    void place(memory::CommandExtension& command, core::Picoseconds now) const;
    /// Takes the times of a command into account that has been placed.
    void issued(const memory::CommandExtension& command, core::Picoseconds now);
    /// A turn of the run has been served.
    void served(QueuedRun& run, core::Picoseconds now);
    /// All of it has; its reference ends.
    void finished(QueuedRun& run);

private:
    /// The run of a slot and direction whose turn is next, and its next command; found once and kept until
    /// something changes in the slot.
    struct Candidate {
        bool known = true;
        bool listed = false; ///< among those to be looked at again
        Step step = Step::none;
        QueuedRun* run = nullptr;
        core::Picoseconds ready{};                          ///< of the run, and of its bank for the command
        std::uint32_t number = ReadyBanks::none;            ///< of its class
        core::Picoseconds until = core::Picoseconds::max(); ///< then another run starves
    };
    /// The candidates of the reads or of the writes.
    struct Candidates {
        std::vector<Candidate> by_slot;
        ReadyBanks ready;
        std::vector<std::size_t> unknown;                   ///< slots
        core::Picoseconds until = core::Picoseconds::max(); ///< of the first of them, or earlier
        // Classes of `ready`: by rank or bank group of the channel.
        std::vector<std::uint32_t> activates, precharges, columns, unit_columns;
        std::uint32_t recalls = ReadyBanks::none;

        explicit Candidates(std::size_t slots) : by_slot(slots), ready(slots) {}
    };

    using Age = std::uint64_t; ///< the lower, the older; of nobody the highest
    static constexpr Age nobody = ~Age{0};

    bool overlooks(const Candidate& candidate, const QueuedRun& run) const;
    bool stands(const QueuedRun& run, core::Picoseconds now);
    void decide(core::Picoseconds now);
    bool decide_refresh(core::Picoseconds now);
    void decide_bank_refresh(core::Picoseconds now);
    void decide_power(core::Picoseconds now);
    void fall_asleep(std::size_t rank, core::Picoseconds now);
    bool refresh_due(std::size_t rank, core::Picoseconds now) const {
        return !refreshes_.empty() && now >= refreshes_[rank].due;
    }
    void offer(Step step, core::Picoseconds at, std::size_t rank, std::size_t slot = 0);
    void note_quiet(const memory::CommandExtension& command);
    void find_first_due();
    void reconsider_rank(core::Rank rank);
    void reconsider_batches();
    void make_classes(Candidates& candidates, bool write);
    void choose_fcfs(core::Picoseconds now);
    void choose_direction(core::Picoseconds now);
    void look_again(bool write, core::Picoseconds now);
    const Candidate& candidate(std::size_t slot, bool write, core::Picoseconds now) {
        Candidate& candidate = candidates_[write].by_slot[slot];
        if (!candidate.known || now > candidate.until) {
            find_candidate(candidate, slot, write, now);
        }
        return candidate;
    }
    core::Picoseconds allowed(const Candidate& candidate, bool write, core::Picoseconds now) const;
    core::Picoseconds next_free(const ReadyBanks& ready, core::Picoseconds at) const;
    void choose(Candidates& candidates, core::Picoseconds now);
    void close_idle_banks(core::Picoseconds now);
    void resume_writes(core::Picoseconds now);
    void consider_array_write(Candidate& candidate, Candidates& candidates, std::size_t slot,
                              core::Picoseconds now);
    bool served_between(std::size_t slot, const QueuedRun& run) const;
    core::Picoseconds resume_ready(std::size_t slot) const;
    void find_candidate(Candidate& candidate, std::size_t slot, bool write, core::Picoseconds now);
    Step next_step(const QueuedRun& run) const;
    void reconsider(std::size_t slot, bool write) {
        Candidate& candidate = candidates_[write].by_slot[slot];
        candidate.known = false;
        if (!candidate.listed) {
            candidate.listed = true;
            candidates_[write].unknown.push_back(slot);
        }
    }
    void reconsider(std::size_t slot) {
        reconsider(slot, false);
        reconsider(slot, true);
        known_ = false;
    }

    ChannelControllerConfig config_;
    memory::Technology technology_;
    memory::Geometry geometry_;
    std::size_t unit_slot_;
    RequestQueue queue_;
    memory::ChannelTiming timing_;         ///< of what the controller knows; a unit's activates may add to it
    std::vector<BankEntry> banks_;         ///< by slot; the units' slot is always closed
    std::array<Candidates, 2> candidates_; ///< reads, writes
    struct Refresh {
        core::Picoseconds due{};
        core::Picoseconds stagger{};    ///< of the ranks against each other
        core::Picoseconds busy_until{}; ///< with the one before; a postponed one lets accesses go before it
        std::uint32_t next_bank = 0;
    };
    std::vector<Refresh> refreshes_; ///< by rank
    core::Picoseconds refresh_interval_{};
    core::Picoseconds refresh_margin_;   ///< from the decision to the refresh, at most
    std::vector<std::uint32_t> waiting_; ///< runs by rank
    core::Picoseconds first_due_ = core::Picoseconds::max();

    /// A rank that saves power, or could.
    struct Power {
        bool asleep = false;
        bool self_refresh = false;
        core::Picoseconds since{};      ///< asleep
        core::Picoseconds awake_from{}; ///< commands may follow the last power_up
        core::Picoseconds quiet_from{}; ///< all that its commands have begun has ended
        core::Picoseconds idle_from{};  ///< likewise, refreshes not counted
    };
    std::vector<Power> power_; ///< by rank

    WriteInterruptionPolicy interruption_;

    core::Picoseconds valid_until_{};
    Decision decision_;
    bool known_ = false;
    core::Picoseconds always_{}; ///< no rule
};

} // namespace hydravp::modules
