// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/replay.h"

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What `hydravp replay-layers` and `hydravp capture` are asked for.
struct ReplayArguments {
    std::string memory;
    std::string mapping;
    std::string access_bytes = "64";
    std::string outstanding = "16";
    std::vector<std::string> overrides;
    std::string output_folder; ///< replay-layers
    std::string trace;         ///< capture
    std::string clock_period;  ///< capture
    hydravp::platform::ReplayOptions options;
};

/// Adds a command with its options, which refer to `arguments`.
const CLI::App* add_replay_command(CLI::App& app, ReplayArguments& arguments);
const CLI::App* add_capture_command(CLI::App& app, ReplayArguments& arguments);

/// Replays a network's traffic into a memory without the units.
ExitCode replay(ReplayArguments arguments);

/// The same, and writes the accesses to a trace.
ExitCode capture(ReplayArguments arguments);
