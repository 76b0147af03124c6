// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/trace_replay.h"

#include "exit_code.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// What `hydravp replay` is asked for.
struct TraceArguments {
    std::string trace;
    std::string memory;
    std::string format = "auto";
    std::string timing = "trace";
    std::string clock_period;
    std::string access_bytes = "64";
    std::string outstanding = "64";
    std::string limit;
    std::vector<std::string> overrides;
    std::string output_folder;
};

/// Adds the command with its options, which refer to `arguments`.
const CLI::App* add_trace_command(CLI::App& app, TraceArguments& arguments);

/// Plays a trace into a memory.
ExitCode replay_trace(const TraceArguments& arguments);
