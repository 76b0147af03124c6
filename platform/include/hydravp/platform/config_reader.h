// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"

#include <string>
#include <vector>

namespace hydravp::platform {

/// Reads a platform's configuration.
///
/// Strict: a key that is unknown, missing or given twice, a bare number where a quantity belongs and a value
/// that no machine can have are errors. All of them are collected and thrown as one core::InputError of a
/// line each: `file:line:column: key: found X, expected Y`.
///
/// `dram` and `pcm` may name a technology file, relative to the folder of the file that names it. It holds
/// keys of that section (`name`, `geometry`, `timing`, `currents`, `energy`); keys beside `technology` win
/// over it. The keys of `geometry` may also stand in the section itself. Where there are `currents`, the
/// energies derive from them, and `energy` holds those that don't.
///
/// `overrides` are `key=value` with a dotted key of the configuration, also of one that a technology file
/// holds, e.g. `dram.timing.t_rcd=6 cy`; the last one of a key wins. A file name among them is relative to
/// the current folder.
PlatformConfig load_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same with one channel of a technology in place of its `dram`, for the use of that channel alone,
/// without the platform's near-memory units. Its shape is the platform's where the file has no `geometry`.
PlatformConfig load_config_with_memory(const std::string& path, const std::string& technology,
                                       const std::vector<std::string>& overrides = {});

/// The memory of a platform's configuration alone, for a `modules::HybridMemory`; ideal transfers are
/// resolved.
modules::HybridMemoryConfig load_hybrid_memory(const std::string& path,
                                               const std::vector<std::string>& overrides = {});

/// Whether a file describes a memory technology (`kind`, `geometry`, `timing`, `energy`) instead of a
/// platform. Throws core::InputError if it cannot be read or is no YAML.
bool is_technology_file(const std::string& path);

/// The configuration with every default and technology filled in, each key with its meaning; loading it gives
/// the same configuration.
std::string effective_yaml(const PlatformConfig& config);

} // namespace hydravp::platform
