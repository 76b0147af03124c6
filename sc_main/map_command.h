// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What `hydravp map` is asked for.
struct MapArguments {
    std::string network;
    std::string platform;
    std::string mapping;
    std::string batch;
    std::vector<std::string> overrides;
    std::string output_folder;
};

/// Adds the command with its options, which refer to `arguments`.
const CLI::App* add_map_command(CLI::App& app, MapArguments& arguments);

/// Shows how the mapper cuts a network, and why.
ExitCode map(MapArguments arguments);
