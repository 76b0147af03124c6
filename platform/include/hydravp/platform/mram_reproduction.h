// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/mram_config.h"
#include "hydravp/platform/reproduction.h"

#include <string>
#include <utility>
#include <vector>

namespace hydravp::platform {

/// What `hydravp reproduce mram` reports: Angizi, Fan, "Deep Neural Network Acceleration in Non-Volatile
/// Memory: A Digital Approach".
struct MramReproduction {
    Reproduction figures;
    std::string tables;                                      ///< for a terminal
    std::vector<std::pair<std::string, std::string>> extras; ///< names and contents of further files
};

/// Evaluates SA-I and SA-II on one configuration, whichever of them it names.
MramReproduction reproduce_mram(const MramPlatformConfig& config, const std::vector<std::string>& overrides);

/// The enable table of a sense amplifier as the paper prints it (Tables I and II).
std::string format_enable_table(memory::SenseAmplifierKind kind);

} // namespace hydravp::platform
