// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What `hydravp interference` is asked for.
struct InterferenceArguments {
    std::string network;
    std::string platform;
    std::vector<std::string> rates;
    std::vector<std::string> overrides;
    std::string output_folder;
};

/// Adds the command with its options, which refer to `arguments`.
const CLI::App* add_interference_command(CLI::App& app, InterferenceArguments& arguments);

/// Runs an inference, a load of the host's other cores, and both, and says what they do to each other.
ExitCode interference(const InterferenceArguments& arguments);
