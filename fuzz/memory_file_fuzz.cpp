// SPDX-License-Identifier: Apache-2.0
// Memory technologies, as the DRAM of a platform.
#include "config_check.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    static const fuzz::ConfigFolder folder;
    const std::string path = folder.write("input.yaml", fuzz::text_of(data, size));
    fuzz::accepts<core::InputError>([&] { platform::is_technology_file(path); });
    fuzz::refused =
        !fuzz::loads_config(folder, (folder.path() / "hydra.yaml").string(), {"dram.technology=" + path});
    return 0;
}
