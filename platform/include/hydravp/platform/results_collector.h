// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/platform/inference.h"
#include "hydravp/platform/results.h"

#include <vector>

namespace hydravp::platform {

/// Fills in the simulated figures of `results` (latency, control, MACs, totals, layers), all per frame, from
/// the frames' times and from every meter of the simulation's module hierarchy. `frames` is at least one, all
/// frames complete.
void collect_results(RunResults& results, const core::Network& network,
                     const std::vector<FrameTimes>& frames);

} // namespace hydravp::platform
