// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>

/// What `hydravp generate` is asked for.
struct GenerateArguments {
    std::string trace;
    std::string count;
    std::string random_share = "0";
    std::string read_share = "1";
    std::string footprint = "1 GiB";
    std::string access_bytes = "64";
    std::string interval = "0 ns";
    std::string seed = "1";
    std::string clock_period = "1 ns";
};

/// Adds the command with its options, which refer to `arguments`.
const CLI::App* add_generate_command(CLI::App& app, GenerateArguments& arguments);

/// Writes a synthetic trace.
ExitCode generate(const GenerateArguments& arguments);
