// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <filesystem>

#ifndef HYDRAVP_CONFIG_DIR // from the folder of the installed program
#define HYDRAVP_CONFIG_DIR "../share/hydravp/configs"
#endif

namespace fs = std::filesystem;

using namespace hydravp;

std::string find_default_platform(const std::string& name) {
    std::vector<fs::path> folders;
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
        const fs::path here = program.parent_path();
        folders = {(here / HYDRAVP_CONFIG_DIR).lexically_normal(), // installed
                   here.parent_path() / "configs",                 // in a build folder of the source tree
                   here / "configs"};                              // in one elsewhere
    }
    std::string searched;
    for (const fs::path& folder : folders) {
        if (fs::is_regular_file(folder / name, error)) {
            return (folder / name).string();
        }
        searched += (searched.empty() ? "" : ", ") + folder.string();
    }
    throw core::InputError(
        fmt::format("no PLATFORM.yaml is named, and {} is not found in {}", name, searched));
}

core::Picoseconds parse_time(const char* option, const std::string& text) {
    try {
        return core::parse_time(text);
    } catch (const core::InputError& e) {
        throw core::InputError(fmt::format("{}: {}", option, e.what()));
    }
}

core::Picoseconds parse_clock_period(const char* option, const std::string& text) {
    try {
        const core::Picoseconds period = core::parse_clock_period(text);
        if (period.count() <= 0) {
            throw core::InputError(
                fmt::format("found {}, expected a period of at least 1 ps", core::in_quotes(text)));
        }
        return period;
    } catch (const core::InputError& e) {
        throw core::InputError(fmt::format("{}: {}", option, e.what()));
    }
}

void add_overrides(CLI::App& command, std::vector<std::string>& overrides) {
    command
        .add_option("--set", overrides,
                    "Change a key of the configuration, e.g. hydra.units=8 or 'dram.timing.t_rcd=6 cy'; "
                    "may be repeated, the last one of a key wins")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

void add_batch(CLI::App& command, std::string& batch) {
    command
        .add_option("--batch", batch,
                    "Frames that are computed together, layer by layer; short for --set batch=N")
        ->type_name("N");
}

void apply_batch(const std::string& batch, std::vector<std::string>& overrides) {
    if (!batch.empty()) {
        overrides.push_back(fmt::format("batch={}", parse_whole_number<std::uint32_t>("--batch", batch, 1)));
    }
}
