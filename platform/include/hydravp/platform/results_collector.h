// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/latency_histogram.h"
#include "hydravp/core/layer.h"
#include "hydravp/core/meter.h"
#include "hydravp/platform/inference.h"
#include "hydravp/platform/results.h"

#include <cstddef>
#include <vector>

namespace hydravp::platform {

/// What every meter of the simulation's module hierarchy shows at one moment.
class MeterReadings {
public:
    /// Reads them again; cheap enough for every frame.
    void update();
    const std::vector<std::vector<core::Meter::AccountData>>& meters() const { return accounts_; }

private:
    std::vector<const core::Meter*> meters_;
    std::vector<std::vector<core::Meter::AccountData>> accounts_;
};

/// What the meters were charged with between two readings, whichever layer it was charged to.
/// @param before an earlier reading of the same simulation, or none: from the beginning on
Activity activity_between(const MeterReadings& before, const MeterReadings& after);

/// Fills in the simulated figures of `results` (latency, control, MACs, totals, layers, batch), all per
/// frame, from the frames' times and from the meters as they are now (or as `readings` has them). `frames` is
/// at least one, all frames complete.
void collect_results(RunResults& results, const core::Network& network,
                     const std::vector<FrameTimes>& frames);
void collect_results(RunResults& results, const core::Network& network, const std::vector<FrameTimes>& frames,
                     const MeterReadings& readings);
/// The same for a machine that reports the times of a whole batch: `batches` are those of frames that were
/// computed together, `images` in all; all else is per frame.
void collect_batch_results(RunResults& results, const core::Network& network,
                           const std::vector<FrameTimes>& batches, const MeterReadings& readings,
                           std::uint64_t images);

/// The same for a first frame of which only the first layers are complete: the figures are theirs alone.
/// @param frames computed together in the first batch
void collect_partial_results(RunResults& results, const core::Network& network,
                             const std::vector<modules::LayerInterval>& layers, std::uint32_t frames = 1);

/// The same where there was no inference: the load's share of everything, over `duration`, which stands for a
/// frame.
void collect_load_alone(RunResults& results, core::Picoseconds duration);

/// Adds to the figures of a load, if there is one, how its latencies were distributed.
void add_load_latencies(RunResults& results, const core::LatencyHistogram& latencies);

} // namespace hydravp::platform
