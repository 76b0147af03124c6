// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"

#include <string>
#include <vector>

namespace hydravp::platform {

/// The memory that a replay goes to.
struct ReplayMemory {
    PlatformConfig config;
    PlatformConfig machine; ///< whose mapping makes the traffic of a network
    /// One channel, that of `config.memory.dram`, holds everything. Otherwise the hybrid memory: activations
    /// in the DRAM, weights in the PCM, if there is one.
    bool single_channel = false;
    std::string name; ///< of the technology or of the platform
};

/// Reads a memory technology or a platform (see `load_config`).
///
/// A technology file gives one channel of it, and everything else (the channel's shape if the file has none,
/// its controller, the mapping's machine) comes from `default_platform`, whose `dram` it replaces. Throws
/// core::InputError.
ReplayMemory load_replay_memory(const std::string& path, const std::string& default_platform,
                                const std::vector<std::string>& overrides = {});

} // namespace hydravp::platform
