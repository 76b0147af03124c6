// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/config.h"
#include "hydravp/modules/config.h"
#include "hydravp/workloads/binary_network.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::platform {

/// The resolved configuration of a platform that computes in SOT-MRAM.
struct MramPlatformConfig {
    std::string name;
    std::uint32_t batch = 8; ///< frames that are computed together
    workloads::Binarizer binarizer = workloads::Binarizer::recognised;
    std::uint32_t binarizer_seed = 1;
    bool inject_failures = false; ///< sense amplifiers fail as the variation says
    modules::HostConfig host;
    modules::SystemBusConfig bus;
    accelerators::mram_pim::MramPimConfig mram;
};

/// Reads it; as strict as `load_config`, and with the same overrides. `mram.technology` names a file with
/// cell, times and energies.
MramPlatformConfig load_mram_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// Whether a file configures such a platform (it has a section `mram`). Throws core::InputError if it cannot
/// be read or is no YAML.
bool is_mram_platform(const std::string& path);

/// The configuration with every default and technology filled in; loading it gives the same configuration.
std::string effective_yaml(const MramPlatformConfig& config);

} // namespace hydravp::platform
