// SPDX-License-Identifier: Apache-2.0
#include "replay_command.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/replay_writer.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/workloads/network_library.h"

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

} // namespace

const CLI::App* add_replay_command(CLI::App& app, ReplayArguments& arguments) {
    CLI::App* const command = app.add_subcommand(
        "replay-layers", "Replay the memory traffic of a network's layers into a memory, without the units");
    command
        ->add_option("--network", arguments.options.network,
                     "A known network (see hydravp networks) or an ONNX file")
        ->type_name("NAME|FILE.onnx")
        ->capture_default_str();
    command
        ->add_option("--memory", arguments.memory,
                     "A memory technology, for one channel of it, or a platform, for its hybrid memory")
        ->type_name("FILE.yaml")
        ->required();
    command
        ->add_option("--access-bytes", arguments.access_bytes,
                     "Largest access: a power of two from 8 to a row of the memory")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--outstanding", arguments.outstanding, "Accesses that are under way at a time")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--mapping", arguments.mapping, "How layers are cut; short for --set mapping=...")
        ->option_text("paper-numbers|paper-text")
        ->check(CLI::IsMember({"paper-numbers", "paper-text"}));
    add_overrides(*command, arguments.overrides);
    command
        ->add_option("--out", arguments.output_folder,
                     "Folder for replay.json and replay.csv (default: only print)")
        ->type_name("DIR");
    return command;
}

ExitCode replay(ReplayArguments arguments) {
    platform::ReplayOptions& options = arguments.options;
    options.access_bytes = parse_whole_number<std::uint32_t>("--access-bytes", arguments.access_bytes, 1);
    options.outstanding = parse_whole_number<std::uint32_t>("--outstanding", arguments.outstanding, 1);
    if (!arguments.mapping.empty()) {
        arguments.overrides.push_back("mapping=" + arguments.mapping);
    }
    const platform::ReplayMemory memory =
        platform::load_replay_memory(arguments.memory, find_default_platform(), arguments.overrides);
    if (fs::path(options.network).extension() != ".onnx") {
        workloads::make_network(options.network); // refuses a name that nobody knows
    }
    const fs::path folder(arguments.output_folder);
    const bool write = !arguments.output_folder.empty();
    if (write) {
        platform::prepare_output_folder(folder.string());
        platform::remove_old_files(folder.string(), replay_files);
    }

    stop_on_signals();
    options.stop = stopping;
    ProgressBar progress;
    options.progress = [&progress](std::size_t layer, std::size_t layers) {
        progress.show(layer == layers ? 1 : 0, 1, layer == layers ? 0 : layer, layers);
    };
    const platform::ReplayResults results = platform::replay_layers(memory, options);
    progress.clear();

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
