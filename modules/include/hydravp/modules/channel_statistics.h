// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/latency_histogram.h"
#include "hydravp/core/units.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// What a channel controller did to one bank. Commands of near-memory units are not in it.
struct BankStatistics {
    std::uint64_t runs = 0; ///< of column accesses to one row, served to the end
    // In which state a run found the bank, by the first command that was issued for it:
    std::uint64_t row_hits = 0;      ///< its row open
    std::uint64_t row_misses = 0;    ///< the bank closed
    std::uint64_t row_conflicts = 0; ///< another row open
    std::uint64_t forwarded = 0;     ///< read runs answered from the write queue; not among `runs`
    // Commands.
    std::uint64_t activates = 0;
    std::uint64_t precharges = 0;
    std::uint64_t reads = 0;               ///< bursts
    std::uint64_t writes = 0;              ///< likewise
    std::uint64_t refreshes = 0;           ///< of this bank alone
    std::uint64_t write_pauses = 0;        ///< of array writes
    std::uint64_t write_cancellations = 0; ///< likewise

    BankStatistics& operator+=(const BankStatistics& other);
};

/// What it did to one rank, beside its banks.
struct RankStatistics {
    std::uint64_t refreshes = 0;
    std::uint64_t precharge_alls = 0; ///< before refreshes
    std::uint64_t power_downs = 0;
    std::uint64_t self_refreshes = 0;
    std::uint64_t unit_reads = 0;  ///< bursts from near-memory units
    std::uint64_t unit_writes = 0; ///< and to them

    RankStatistics& operator+=(const RankStatistics& other);
};

/// Reads, or writes, that ended without an error. The latency of an access, from its acceptance at the socket
/// to its last data, is the sum of two parts:
struct AccessStatistics {
    std::uint64_t accesses = 0;
    std::uint64_t bytes = 0;
    core::Picoseconds queueing{}; ///< of all: from acceptance to the first column command
    core::Picoseconds service{};  ///< of all: from there to the last data
    core::Picoseconds longest_queueing{};
    core::Picoseconds longest_service{};
    core::LatencyHistogram latency; ///< of all: from acceptance to the last data

    void add(std::uint64_t access_bytes, core::Picoseconds accepted, core::Picoseconds first_column,
             core::Picoseconds end) {
        ++accesses;
        bytes += access_bytes;
        queueing += first_column - accepted;
        service += end - first_column;
        longest_queueing = std::max(longest_queueing, first_column - accepted);
        longest_service = std::max(longest_service, end - first_column);
        latency.add(end - accepted);
    }
    /// 0 if there are none.
    double mean_latency_ps() const {
        return accesses == 0
                   ? 0
                   : static_cast<double>((queueing + service).count()) / static_cast<double>(accesses);
    }
    AccessStatistics& operator+=(const AccessStatistics& other);
};

/// Levels of a read and a write queue over time. Its memory does not depend on the time: when the intervals
/// of the series are used up, each takes the place of two.
class QueueOccupancy {
public:
    static constexpr std::size_t most_intervals = 64;

    /// A level changes at `now`, which is not before the change before it.
    void set(bool write, core::Picoseconds now, std::uint32_t level) {
        pass(now);
        level_[write] = level;
    }
    /// The levels stay until `now`.
    void pass(core::Picoseconds now) {
        if (now >= end_) {
            turn_over(now);
        }
        fill(now);
    }

    /// Of the levels that lasted.
    std::uint32_t max(bool write) const { return max_[write]; }
    /// Level times time, up to the last change or `pass`.
    double area_ps(bool write) const;
    /// When the series begins: at the first change.
    core::Picoseconds from() const { return from_; }
    /// Of each of its intervals; the last one may have ended early.
    core::Picoseconds interval() const { return interval_; }
    /// Mean level of each interval up to the last change or `pass`.
    std::vector<double> series(bool write) const;

private:
    void fill(core::Picoseconds now) {
        const std::int64_t time = (now - last_).count();
        if (time == 0) {
            return;
        }
        for (const bool write : {false, true}) {
            area_[write][index_] += static_cast<double>(level_[write] * time);
            max_[write] = std::max(max_[write], level_[write]);
        }
        last_ = now;
    }
    void turn_over(core::Picoseconds now);

    std::array<std::uint32_t, 2> level_{}, max_{};
    core::Picoseconds last_{}, from_{}, end_{}; ///< end: of the interval at `index_`
    core::Picoseconds interval_{1000};
    std::size_t index_ = 0;
    bool began_ = false;
    std::array<std::array<double, most_intervals>, 2> area_{};
};

/// The figures of one channel, gathered by its controller at the times of its commands.
struct ChannelStatistics {
    std::vector<RankStatistics> ranks;
    std::vector<BankStatistics> banks; ///< rank * banks of a rank + bank
    AccessStatistics read, write;
    /// Reads and writes together, by initiator (`core::InitiatorId`); empty as long as nobody but initiator 0
    /// has had an access.
    std::vector<AccessStatistics> initiators;
    QueueOccupancy occupancy; ///< runs that wait or whose data have not passed

    /// The entry of an initiator for an access that is about to be counted.
    AccessStatistics& count_initiator(std::uint32_t initiator);
};

} // namespace hydravp::modules
