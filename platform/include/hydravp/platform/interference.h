// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/platform/config.h"
#include "hydravp/platform/reproduction.h"

#include <string>
#include <vector>

namespace hydravp::platform {

/// A figure without and with the other side at work.
struct AloneAndBeside {
    double alone = 0;
    double beside = 0;
};

/// What an inference and the other cores of the host do to each other at one rate of the cores' accesses.
struct InterferencePoint {
    double asked_gb_s = 0;    ///< by all cores together
    AloneAndBeside frame_ms;  ///< latency of the frame
    AloneAndBeside load_gb_s; ///< what the cores get, all together
    AloneAndBeside mean_ns;   ///< latency of their accesses
    AloneAndBeside median_ns; ///< half of the accesses don't take longer
    AloneAndBeside p95_ns;    ///< 95 % don't
    AloneAndBeside p99_ns;    ///< 99 % don't
    double channel_load = 0;  ///< share of the time that the DRAM channel's data bus is busy: the load alone
    double channel_together = 0; ///< and both

    /// How many times as long a frame takes.
    double frame_slowdown() const { return frame_ms.beside / frame_ms.alone; }
    /// How many times as much the cores would get alone.
    double load_slowdown() const { return load_gb_s.alone / load_gb_s.beside; }
    /// How many times as long an access takes on average.
    double access_slowdown() const { return mean_ns.beside / mean_ns.alone; }
};

/// What `hydravp interference` reports: the content of interference.json.
struct Interference {
    std::string platform;
    std::string network;
    std::vector<std::string> overrides;
    std::uint32_t cores = 0;      ///< that carry the load
    double frame_ms = 0;          ///< without it
    double channel_inference = 0; ///< share of the frame that the channel's data bus is busy without it
    std::vector<InterferencePoint> points;
};

/// Rates per core that are tried if none is asked for.
std::vector<core::Bandwidth> default_load_rates();

/// Cores that carry the load: those of the configuration, or all but the first.
std::uint32_t interfering_cores(const PlatformConfig& config);

/// The run of the inference alone.
StudyRun inference_alone(const std::string& network);
/// For each rate a run of the load alone, for `frame` (the inference alone, control included), and one of
/// both.
std::vector<StudyRun> interference_runs(const std::string& network, std::uint32_t cores,
                                        const std::vector<core::Bandwidth>& rates, core::Picoseconds frame);
/// Fills in the figures from all these runs. Throws core::SimulationError if one is missing, or if a side
/// made no progress.
void fill_in(Interference& interference, const std::vector<core::Bandwidth>& rates,
             const Measurements& measurements);

/// Time of a frame with its control, as `inference_alone` measured it.
core::Picoseconds frame_time(const Measurements& measurements);

/// A table, for a terminal.
std::string format_interference(const Interference& interference);
/// interference.json (as docs/interference.schema.json describes it), interference.csv and interference.md in
/// the folder.
void write_interference(const std::string& folder, const Interference& interference);

} // namespace hydravp::platform
