// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"
#include "hydravp/platform/results.h"
#include "hydravp/platform/run_options.h"

namespace hydravp::platform {

/// The load of the host's cores without an inference, for `options.load_alone`, which stands for a frame in
/// the results. Throws core::InputError if there is no load or no time.
RunResults run_load_alone(const PlatformConfig& config, const RunOptions& options);

} // namespace hydravp::platform
