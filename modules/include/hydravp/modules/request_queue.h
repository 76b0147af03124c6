// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/request_batches.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// A run of column accesses to one row, or to a near-memory unit, that waits in a channel controller.
struct QueuedRun {
    std::size_t slot = 0; ///< rank * banks + bank; the last slot: the near-memory units
    bool write = false;
    Source source = Source::host;
    std::uint32_t initiator = 0; ///< see `core::InitiatorId`
    core::Rank rank;
    core::Row row;
    std::uint32_t first = 0;       ///< byte within each chip's row
    std::uint32_t bytes = 0;       ///< per chip; all of the run, also what has been served
    core::Picoseconds ready{};     ///< the front-end pipeline lets commands go from here on
    std::size_t request = 0;       ///< the controller's
    std::uint64_t offset = 0;      ///< the controller's: of the first byte in the request
    std::uint64_t length = 0;      ///< the controller's: bytes of the request that it covers
    std::uint64_t served = 0;      ///< the controller's: of them
    std::uint64_t turn_bytes = 0;  ///< the controller's: of them, in the next turn
    std::uint32_t turn_bursts = 0; ///< the controller's: column commands of the next turn
    std::uint64_t row_byte = 0;    ///< the controller's: of the first byte in the row, as the request sees it
    bool begun = false;            ///< the controller's: a command has gone for it
    bool chip_local = false;       ///< the controller's: the request's view, and so that of `row_byte`

    core::Picoseconds age{};    ///< since when it waits for its next turn; see RequestQueue::waits_from
    std::uint64_t order = 0;    ///< of arrival
    std::uint64_t turn = 0;     ///< of its turns: the lower, the longer it waits
    std::uint32_t blockers = 0; ///< older runs that it must not overtake
    bool blocks = false;        ///< a younger run waits for this one
    bool blocks_read = false;   ///< among those a read
    bool marked = false;        ///< of the batch

    struct Link {
        QueuedRun* before = nullptr;
        QueuedRun* after = nullptr;
    };
    Link in_slot, in_queue; ///< the queue's
};

/// The read queue and the write queue of a channel controller with the rules of FR-FCFS (first ready, first
/// come first served), free of SystemC.
///
/// - Reads go before writes. Writes are drained when their queue reaches the high watermark, when no read can
///   be served, or when a read waits for the data of a write, until the low watermark is reached.
/// - Within a bank, runs to its open row go before others; the oldest of them first.
/// - A run that has waited longer than the starvation limit goes before everything else of its bank, and its
///   direction before the other.
/// - With `Fairness::batch`, runs of the batch go before others of their direction; these rules hold among
///   them, and among the others (`RequestBatches`).
/// - A run never overtakes an older one that touches the same bytes, if either writes. Runs to the
///   near-memory units stay in order, reads and writes each.
class RequestQueue {
public:
    /// An answer, and the last moment at which it holds if nothing is entered or removed: then a run begins
    /// to starve.
    struct Direction {
        bool write = false;
        core::Picoseconds until{};
    };
    struct Choice {
        QueuedRun* run = nullptr;
        core::Picoseconds until{};
    };

    RequestQueue(const ChannelControllerConfig& config, std::size_t slots);

    bool empty() const { return waiting_[0] + waiting_[1] == 0; }
    std::size_t waiting(bool write) const { return waiting_[write]; }
    bool draining() const { return draining_; }

    /// A run to be filled in and entered; its queue has room for it. What an earlier run has left in it is
    /// still there.
    QueuedRun& draft() { return *free_.back(); }
    /// Enters the draft as a run that arrives at `now`.
    void push_draft(core::Picoseconds now);
    /// Chooses between reads and writes for the commands at `now`. The queue is not empty.
    Direction choose_direction(core::Picoseconds now);
    /// The run of that slot whose turn is next; null if all of them must let older ones go first.
    /// @param open_row of the bank; null if it is closed
    Choice next(std::size_t slot, bool write, const core::Row* open_row, core::Picoseconds now) const;
    bool has_any(std::size_t slot) const {
        return lists_[0][slot].first != nullptr || lists_[1][slot].first != nullptr;
    }
    /// The runs of a slot and direction, by turn: the first, behind it `in_slot.after`; null: none.
    const QueuedRun* first(std::size_t slot, bool write) const { return lists_[write][slot].first; }
    /// They must not overtake each other.
    static bool conflict(const QueuedRun& a, const QueuedRun& b) {
        return (a.write || b.write) && a.row == b.row && a.first < b.first + b.bytes &&
               b.first < a.first + a.bytes;
    }
    /// Some run of the slot wants that row.
    bool wants(std::size_t slot, core::Row row) const;
    /// The run that has waited longest among those that may go; null if there is none.
    QueuedRun* oldest(bool write) const;

    /// A part of the run has been served at `now`: the rest waits for another turn, and with it what its
    /// source has lined up behind it, as if the queue had had no room for them before.
    /// Returns the runs that have lost their places; valid until the next call.
    const std::vector<QueuedRun*>& rotate(QueuedRun& run, core::Picoseconds now);
    /// The run has been served, its reference ends.
    void remove(QueuedRun& run);

    bool starving(const QueuedRun& run, core::Picoseconds now) const {
        return now - waits_from(run) > config_.starvation_limit;
    }
    /// `a` has waited longer for its turn.
    static bool older(const QueuedRun& a, const QueuedRun& b) { return a.turn < b.turn; }
    /// The lower, the sooner a run goes: by turn, and with batches those of the batch before all others.
    std::uint64_t precedence(const QueuedRun& run) const {
        return batches_.on() && !run.marked ? run.turn | outside_batch : run.turn;
    }
    static constexpr std::uint64_t outside_batch = std::uint64_t{1} << 62;
    /// To be called after each change: forms the batches that are due. Returns whether one has been formed,
    /// and so the order of the runs has changed.
    bool renew_batches() { return batches_.on() && form_batches(); }

private:
    struct List {
        QueuedRun* first = nullptr;
        QueuedRun* last = nullptr;
    };
    static void append(List& list, QueuedRun& run, QueuedRun::Link QueuedRun::*link);
    static void unlink(List& list, QueuedRun& run, QueuedRun::Link QueuedRun::*link);
    void note_conflicts(QueuedRun& run);
    bool form_batches();
    Choice next_by_batch(std::size_t slot, bool write, const core::Row* open_row,
                         core::Picoseconds now) const;
    void settle_ages();
    core::Picoseconds waits_from(const QueuedRun& run) const {
        return run.order >= served_order_ ? std::max(run.age, served_at_) : run.age;
    }
    core::Picoseconds starves_after(const QueuedRun& run) const {
        return waits_from(run) + config_.starvation_limit;
    }

    ChannelControllerConfig config_;
    std::size_t unit_slot_;
    std::vector<List> lists_[2]; ///< by slot; by turn, those to units by arrival
    List queues_[2];             ///< all of a direction, by turn
    std::vector<QueuedRun> storage_;
    std::vector<QueuedRun*> free_, moving_;
    std::size_t waiting_[2] = {0, 0};
    std::array<std::size_t, sources> by_source_{};
    std::size_t writes_that_block_reads_ = 0;
    std::uint64_t next_order_ = 0;
    std::uint64_t next_turn_ = 0;
    /// Runs of that order and later ones wait since then, at the earliest; the ages of others are theirs.
    std::uint64_t served_order_ = 0;
    core::Picoseconds served_at_{};
    bool draining_ = false;
    RequestBatches batches_;
};

} // namespace hydravp::modules
