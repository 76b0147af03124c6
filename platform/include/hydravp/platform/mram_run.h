// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/mram_config.h"
#include "hydravp/platform/results.h"
#include "hydravp/platform/run_options.h"

namespace hydravp::platform {

/// Builds the platform, runs the network on it in batches, returns the figures. One call per process
/// (SystemC). Images of another size than the network's input are resized (workloads::fit_image). If `stop`
/// ends it early, the figures are those of the batches that are complete. Throws core::InputError for bad
/// input, core::SimulationError if the simulated machine fails.
RunResults run_mram(const MramPlatformConfig& config, const RunOptions& options);

} // namespace hydravp::platform
