// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What `hydravp sensitivity` is asked for.
struct SensitivityArguments {
    std::string network;
    std::string platform;
    std::vector<std::string> variations;
    std::vector<std::string> overrides;
    std::string output_folder;
};

/// Adds the command with its options, which refer to `arguments`.
const CLI::App* add_sensitivity_command(CLI::App& app, SensitivityArguments& arguments);

/// Changes one parameter of the machine at a time and says what that does to a frame.
ExitCode sensitivity(const SensitivityArguments& arguments);
