// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/energy_breakdown.h"
#include "hydravp/modules/channel_statistics.h"
#include "hydravp/platform/replay_memory.h"
#include "hydravp/platform/results.h"
#include "hydravp/workloads/trace_player.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

struct TraceReplayOptions {
    std::string trace; ///< file
    workloads::TraceFormat format = workloads::TraceFormat::automatic;
    /// Of the cycles of a format that counts them; default: the clock of the memory (of its DRAM).
    std::optional<core::Picoseconds> clock_period;
    std::uint32_t bytes_per_access = 64; ///< where the trace doesn't say, 1 to 1 MiB
    /// A trace without times (`TraceReader::has_times`) is always played with `saturate`.
    workloads::TraceTiming timing = workloads::TraceTiming::trace;
    std::uint32_t outstanding = 64; ///< accesses under way at a time, 1 to 65536
    std::uint64_t limit = 0;        ///< accesses, 0 for all
    /// Called now and then with the share of the file that was read (0 if unknown); may be empty.
    std::function<void(double done)> progress;
    /// Asked often; true ends the replay, whose results are then incomplete.
    std::function<bool()> stop;
};

/// Where the energy of a channel went: each part is in all that it belongs to.
struct ChannelEnergy {
    memory::EnergyBreakdown total;              ///< of the ranks, and the data bus
    std::vector<memory::EnergyBreakdown> ranks; ///< of their banks, background, refreshes of all banks
    std::vector<memory::EnergyBreakdown> banks; ///< rank * banks of a rank + bank
};

/// The content of trace.json and histogram.csv.
struct TraceReplayResults {
    bool complete = false;
    std::string memory;
    std::string trace;
    std::string format;
    std::string transfers;
    std::string timing;
    std::uint32_t outstanding = 0;
    std::optional<core::Picoseconds> clock_period; ///< nothing if the format counts no cycles
    workloads::TraceStatistics statistics;
    modules::AccessStatistics read, write; ///< the parts of the latencies in `statistics`
    struct Channel {
        std::string name;
        std::uint32_t banks; ///< of a rank
        modules::ChannelStatistics statistics;
        ChannelEnergy energy;
    };
    std::vector<Channel> channels;
    Activity activity; ///< what the memory's meters were charged with
    HostFigures host;
};

const char* to_string(workloads::TraceTiming timing);

/// Builds the memory, plays the trace into it, returns the figures. One call per process (SystemC). What is
/// under way when `stop` ends the replay is not in the figures. Throws core::InputError for bad input, also
/// in the middle of the trace.
TraceReplayResults replay_trace(const ReplayMemory& memory, const TraceReplayOptions& options);

} // namespace hydravp::platform
