// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/reproduction.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hydravp {

/// Runs of this program in processes of their own (SystemC elaborates once per process).
struct ChildRuns {
    std::string platform;               ///< the configuration file
    std::vector<std::string> overrides; ///< of every run; those of a `StudyRun` win
    std::function<bool()> stop;         ///< asked after each signal
    std::function<void(std::size_t done, std::size_t of)> progress;

    /// Their figures; two runs at a time. Throws core::InputError or core::SimulationError with the message
    /// of the first run that fails. Returns early, without all figures, if `stop` says so.
    platform::Measurements measure(const std::vector<platform::StudyRun>& runs) const;
};

/// The same with a progress bar; nothing if SIGINT or SIGTERM ended it, which it says then.
std::optional<platform::Measurements> measure_with_progress(const std::string& platform,
                                                            const std::vector<std::string>& overrides,
                                                            const std::vector<platform::StudyRun>& runs);

} // namespace hydravp
