// SPDX-License-Identifier: Apache-2.0
#include "replay_command.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/replay_writer.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/trace_writer.h"

#include "arguments.h"
#include "terminal.h"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> replay_files{"replay.json", "replay.csv"};

/// What both commands are asked for: the traffic and the memory.
void add_traffic_options(CLI::App& command, ReplayArguments& arguments) {
    command
        .add_option("--network", arguments.options.network,
                    "A known network (see hydravp networks) or an ONNX file")
        ->type_name("NAME|FILE.onnx")
        ->capture_default_str();
    command
        .add_option("--memory", arguments.memory,
                    "A memory technology, for one channel of it, or a platform, for its hybrid memory")
        ->type_name("FILE.yaml")
        ->required();
    command
        .add_option("--access-bytes", arguments.access_bytes,
                    "Largest access: a power of two from 8 to a row of the memory")
        ->type_name("N")
        ->capture_default_str();
    command.add_option("--outstanding", arguments.outstanding, "Accesses that are under way at a time")
        ->type_name("N")
        ->capture_default_str();
    command.add_option("--mapping", arguments.mapping, "How layers are cut; short for --set mapping=...")
        ->option_text("paper-numbers|paper-text|optimized")
        ->check(CLI::IsMember({"paper-numbers", "paper-text", "optimized"}));
    add_overrides(command, arguments.overrides);
}

/// Resolves what `add_traffic_options` has read, and checks it as far as possible without a simulation.
platform::ReplayMemory load_memory(ReplayArguments& arguments) {
    platform::ReplayOptions& options = arguments.options;
    options.access_bytes = parse_whole_number<std::uint32_t>("--access-bytes", arguments.access_bytes, 1);
    options.outstanding = parse_whole_number<std::uint32_t>("--outstanding", arguments.outstanding, 1);
    if (!arguments.mapping.empty()) {
        arguments.overrides.push_back("mapping=" + arguments.mapping);
    }
    platform::ReplayMemory memory =
        platform::load_replay_memory(arguments.memory, find_default_platform(), arguments.overrides);
    if (fs::path(options.network).extension() != ".onnx") {
        workloads::make_network(options.network); // refuses a name that nobody knows
    }
    return memory;
}

/// Runs the replay until its end or a signal.
platform::ReplayResults replay_layers(const platform::ReplayMemory& memory,
                                      platform::ReplayOptions& options) {
    stop_on_signals();
    options.stop = stopping;
    ProgressBar progress;
    options.progress = [&progress](std::size_t layer, std::size_t layers) {
        progress.show(layer == layers ? 1 : 0, 1, layer == layers ? 0 : layer, layers);
    };
    return platform::replay_layers(memory, options);
}

} // namespace

const CLI::App* add_replay_command(CLI::App& app, ReplayArguments& arguments) {
    CLI::App* const command = app.add_subcommand(
        "replay-layers", "Replay the memory traffic of a network's layers into a memory, without the units");
    add_traffic_options(*command, arguments);
    command
        ->add_option("--out", arguments.output_folder,
                     "Folder for replay.json and replay.csv (default: only print)")
        ->type_name("DIR");
    return command;
}

const CLI::App* add_capture_command(CLI::App& app, ReplayArguments& arguments) {
    CLI::App* const command = app.add_subcommand(
        "capture", "Write the memory traffic of a network's layers to a trace, with the times of a memory");
    add_traffic_options(*command, arguments);
    command
        ->add_option("-o,--output", arguments.trace,
                     "Trace to write: DRAMSys's text if its name ends with .stl, otherwise HydraVP's binary "
                     "format; compressed if the name ends with .gz or .zst")
        ->type_name("FILE")
        ->required();
    command
        ->add_option(
            "--clock-period", arguments.clock_period,
            "Of the cycles in a .stl trace, e.g. 2.5ns or 400MHz (default: the clock of the memory's DRAM)")
        ->type_name("TIME");
    return command;
}

ExitCode replay(ReplayArguments arguments) {
    const platform::ReplayMemory memory = load_memory(arguments);
    const fs::path folder(arguments.output_folder);
    const bool write = !arguments.output_folder.empty();
    if (write) {
        platform::prepare_output_folder(folder.string());
        platform::remove_old_files(folder.string(), replay_files);
    }

    const platform::ReplayResults results = replay_layers(memory, arguments.options);

    if (write) {
        try {
            platform::write_replay_csv((folder / "replay.csv").string(), results);
            platform::write_replay_json((folder / "replay.json").string(), results);
        } catch (const core::SimulationError&) {
            platform::remove_old_files(folder.string(), replay_files); // all or nothing
            throw;
        }
    }
    std::cout << platform::format_replay(results);
    if (write) {
        std::cout << fmt::format("\nreplay.json and replay.csv are in {}\n", folder.string());
    }
    if (!results.complete) {
        std::cout.flush();
        fmt::print(stderr, "hydravp: interrupted; the results are incomplete\n");
        return interrupted;
    }
    return success;
}

ExitCode capture(ReplayArguments arguments) {
    const platform::ReplayMemory memory = load_memory(arguments);
    const core::Picoseconds clock_period = arguments.clock_period.empty()
                                               ? memory.config.memory.dram.technology.t_ck
                                               : parse_clock_period("--clock-period", arguments.clock_period);
    workloads::TraceWriter writer(arguments.trace, clock_period);
    arguments.options.record = [&writer](const workloads::TraceAccess& access) { writer.write(access); };
    const platform::ReplayResults results = replay_layers(memory, arguments.options);
    writer.close();
    std::cout << fmt::format("{} of {} into {}: {} accesses in {}\n",
                             results.complete ? "traffic" : "INCOMPLETE traffic", results.network,
                             results.memory, writer.accesses(), arguments.trace);
    if (!results.complete) {
        std::cout.flush();
        fmt::print(stderr, "hydravp: interrupted; the trace is incomplete\n");
        return interrupted;
    }
    return success;
}
