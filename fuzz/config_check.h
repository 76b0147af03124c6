// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"

#include "target.h"

#include <vector>

namespace hydravp::fuzz {

/// A folder with the memories that the platforms of `configs/` name.
class ConfigFolder : public InputFolder {
public:
    ConfigFolder() {
        std::filesystem::copy(HYDRAVP_SOURCE_DIR "/configs/memory", path() / "memory");
        std::filesystem::copy(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", path());
    }
};

/// Loads a configuration and checks that what it says in full is the same one. False if it is refused.
inline bool loads_config(const InputFolder& folder, const std::string& path,
                         const std::vector<std::string>& overrides = {}) {
    return accepts<core::InputError>([&] {
        const std::string full = platform::effective_yaml(platform::load_config(path, overrides));
        const std::string full_path = folder.write("full.yaml", full);
        const bool again = accepts<core::InputError>([&] {
            require(platform::effective_yaml(platform::load_config(full_path)) == full,
                    "the configuration in full loads as itself");
        });
        require(again, "the configuration in full loads");
    });
}

} // namespace hydravp::fuzz
