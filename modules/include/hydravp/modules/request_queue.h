// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/config.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// A run of column accesses to one row, or to a near-memory unit, that waits in a channel controller.
struct QueuedRun {
    std::size_t slot = 0; ///< rank * banks + bank; the last slot: the near-memory units
    bool write = false;
    core::Row row;
    std::uint32_t first = 0; ///< byte within each chip's row
    std::uint32_t bytes = 0; ///< per chip; all of the run, also what has been served
    Source source = Source::host;
    core::Picoseconds ready{};     ///< the front-end pipeline lets commands go from here on
    std::size_t request = 0;       ///< the controller's
    std::uint64_t offset = 0;      ///< the controller's: of the first byte in the request
    std::uint64_t length = 0;      ///< the controller's: bytes of the request that it covers
    std::uint64_t served = 0;      ///< the controller's: of them
    std::uint64_t turn_bytes = 0;  ///< the controller's: of them, in the next turn
    std::uint32_t turn_bursts = 0; ///< the controller's: column commands of the next turn

    core::Picoseconds age{};    ///< since when it waits for its next turn
    std::uint64_t order = 0;    ///< of arrival
    std::uint32_t blockers = 0; ///< older runs that it must not overtake
    bool blocks_read = false;   ///< a younger read waits for this write
};

/// The read queue and the write queue of a channel controller with the rules of FR-FCFS (first ready, first
/// come first served), free of SystemC.
///
/// - Reads go before writes. Writes are drained when their queue reaches the high watermark, when no read can
///   be served, or when a read waits for the data of a write, until the low watermark is reached.
/// - Within a bank, runs to its open row go before others; the oldest of them first.
/// - A run that has waited longer than the starvation limit goes before everything else of its bank, and its
///   direction before the other.
/// - A run never overtakes an older one that touches the same bytes, if either writes. Runs to the
///   near-memory units stay in order, reads and writes each.
class RequestQueue {
public:
    RequestQueue(const ChannelControllerConfig& config, std::size_t slots);

    bool has_room(bool write) const {
        return waiting_[write] < (write ? config_.write_queue : config_.read_queue);
    }
    bool empty() const { return waiting_[0] + waiting_[1] == 0; }
    std::size_t waiting(bool write) const { return waiting_[write]; }
    bool draining() const { return draining_; }

    /// Enters a run that arrives at `now`; the queue has room.
    void push(const QueuedRun& run, core::Picoseconds now);
    /// Chooses between reads (false) and writes (true) for the commands at `now`. The queue is not empty.
    bool choose_direction(core::Picoseconds now);
    /// Slots in which runs of a direction wait.
    const std::vector<std::size_t>& slots(bool write) const { return active_[write]; }
    /// The run of that slot whose turn is next; null if all of them must let older ones go first.
    /// @param open_row of the bank; null if it is closed
    QueuedRun* next(std::size_t slot, bool write, const core::Row* open_row, core::Picoseconds now);
    std::size_t waiting(std::size_t slot, bool write) const { return runs_[write][slot].size(); }
    /// Until when `next` keeps its answer if nothing is entered or removed: the next moment at which a run of
    /// the slot begins to starve.
    core::Picoseconds starves_at(std::size_t slot, bool write, core::Picoseconds now) const;
    bool has_any(std::size_t slot) const { return !runs_[0][slot].empty() || !runs_[1][slot].empty(); }

    /// A part of the run has been served at `now`: the rest waits for another turn, and with it what its
    /// source has lined up behind it, as if the queue had had no room for them before.
    void rotate(QueuedRun& run, core::Picoseconds now);
    /// The run has been served, its reference ends.
    void remove(QueuedRun& run);

    bool starving(const QueuedRun& run, core::Picoseconds now) const {
        return now - run.age > config_.starvation_limit;
    }
    /// `a` has waited longer for its turn.
    static bool older(const QueuedRun& a, const QueuedRun& b);

private:
    static bool conflict(const QueuedRun& a, const QueuedRun& b);
    const QueuedRun* oldest_servable(bool write);
    ChannelControllerConfig config_;
    std::size_t unit_slot_;
    std::vector<std::vector<QueuedRun*>> runs_[2]; ///< by slot, in the order of arrival
    std::vector<std::size_t> active_[2];           ///< slots with runs, ascending
    std::vector<QueuedRun> storage_;
    std::vector<QueuedRun*> free_;
    std::size_t waiting_[2] = {0, 0};
    std::size_t writes_that_block_reads_ = 0;
    std::uint64_t next_order_ = 0;
    bool draining_ = false;
    const QueuedRun* oldest_[2] = {nullptr, nullptr}; ///< servable ones, as far as known
    bool oldest_known_[2] = {true, true};
};

} // namespace hydravp::modules
