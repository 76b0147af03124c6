// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/results.h"

#include <systemc>

#include <chrono>
#include <functional>

namespace hydravp::platform {

/// Simulates until `end` is notified and `finished` says so, or nothing is left to do, and asks `stop` (may
/// be empty) in between; false if that ended it. Throws core::SimulationError for an error report of SystemC.
bool simulate(const sc_core::sc_event& end, const std::function<bool()>& finished,
              const std::function<bool()>& stop);

class HybridPlatform;

/// Simulates until the host's program ends; false if `stop` ended it before. Throws core::SimulationError if
/// the program, or the load of another core, failed.
bool simulate_host(HybridPlatform& platform, const std::function<bool()>& stop);

/// What this process cost since `begin`.
HostFigures host_figures(std::chrono::steady_clock::time_point begin);

} // namespace hydravp::platform
