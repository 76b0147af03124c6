// SPDX-License-Identifier: Apache-2.0
// Configurations of platforms.
#include "config_check.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    static const fuzz::ConfigFolder folder;
    const std::string path = folder.write("input.yaml", fuzz::text_of(data, size));
    fuzz::refused = !fuzz::loads_config(folder, path);
    return 0;
}
