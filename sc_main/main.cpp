// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/mram_config.h"
#include "hydravp/platform/mram_reproduction.h"
#include "hydravp/platform/mram_run.h"
#include "hydravp/platform/nearest_name.h"
#include "hydravp/platform/reproduction.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/workloads/network_library.h"

#include "arguments.h"
#include "child_runs.h"
#include "exit_code.h"
#include "generate_command.h"
#include "interference_command.h"
#include "map_command.h"
#include "replay_command.h"
#include "sensitivity_command.h"
#include "terminal.h"
#include "trace_command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <systemc>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#ifndef HYDRAVP_VERSION
#define HYDRAVP_VERSION "unknown"
#endif

namespace {

namespace fs = std::filesystem;
using namespace hydravp;

// SystemC's main() prints its copyright before it calls sc_main(), unless this is set.
[[maybe_unused]] const int copyright_message_disabled = setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);

/// Evaluated in closed form and in this process, unlike the studies of `find_study`.
const std::string mram_study = "mram";

const std::vector<std::string> result_files{"results.json", "layers.csv"};

/// What the command line asks for.
struct Arguments {
    std::string platform;
    std::string network;
    std::string batch;
    std::vector<std::string> overrides;
    std::string output_folder;
    std::string data;
    std::string golden = "on";
    std::string count;
    std::string seed = "1";
    std::string trace_from;
    std::string trace_to;
    std::string load_alone;
    std::string study;
    platform::RunOptions run;
};

bool is_onnx_file(const std::string& network) {
    return fs::path(network).extension() == ".onnx";
}

/// Takes over the options of the waveform.
void read_trace_options(const Arguments& arguments, platform::TraceOptions& trace) {
    if (trace.file.empty() &&
        !(trace.patterns.empty() && arguments.trace_from.empty() && arguments.trace_to.empty())) {
        throw core::InputError("found --trace, --trace-from or --trace-to without --vcd");
    }
    if (!arguments.trace_from.empty()) {
        trace.from = parse_time("--trace-from", arguments.trace_from);
    }
    if (!arguments.trace_to.empty()) {
        trace.to = parse_time("--trace-to", arguments.trace_to);
    }
    if (trace.from >= trace.to) {
        throw core::InputError(fmt::format("--trace-to: found {}, expected a time after --trace-from, {}",
                                           core::format_time(trace.to), core::format_time(trace.from)));
    }
}

ExitCode run(Arguments arguments) {
    platform::RunOptions& options = arguments.run;
    options.seed = parse_whole_number<std::uint64_t>("--seed", arguments.seed, 0);
    if (!arguments.count.empty()) {
        options.count = parse_whole_number<std::uint64_t>("--count", arguments.count, 1);
    }
    if (!arguments.load_alone.empty()) {
        if (!arguments.network.empty() || !options.images.empty() || !arguments.count.empty()) {
            throw core::InputError("found --load-alone with --network, --images or --count, expected a load "
                                   "without an inference or an inference");
        }
        options.load_alone = parse_time("--load-alone", arguments.load_alone);
    }
    const std::string path = arguments.platform.empty() ? find_default_platform() : arguments.platform;
    const bool mram = platform::is_mram_platform(path);
    if (mram && options.load_alone) {
        throw core::InputError(
            fmt::format("{}: found a bank in MRAM, expected a platform whose other cores carry "
                        "a load for --load-alone",
                        path));
    }
    apply_batch(arguments.batch, arguments.overrides);
    platform::PlatformConfig config;
    platform::MramPlatformConfig mram_config;
    if (mram) {
        mram_config = platform::load_mram_config(path, arguments.overrides);
        options.network = arguments.network.empty() ? "svhn" : arguments.network;
    } else {
        config = platform::load_config(path, arguments.overrides);
        options.network = arguments.network.empty() ? options.network : arguments.network;
    }
    if (!is_onnx_file(options.network)) {
        workloads::make_network(options.network); // refuses a name that nobody knows
    }
    if (!options.labels.empty() && options.images.empty()) {
        throw core::InputError("found --labels without --images, expected both");
    }
    if (!arguments.data.empty()) {
        options.functional = arguments.data == "functional";
    }
    options.golden = arguments.golden == "on";
    read_trace_options(arguments, options.trace);

    const fs::path name = options.load_alone ? "load" : fs::path(options.network).stem();
    const fs::path folder =
        arguments.output_folder.empty() ? fs::path("out") / name : fs::path(arguments.output_folder);
    platform::prepare_output_folder(folder.string());
    platform::remove_old_files(folder.string(), result_files);

    stop_on_signals();
    options.stop = stopping;
    ProgressBar progress;
    options.progress = [&progress](std::uint64_t frame, std::uint64_t frames, std::size_t layer,
                                   std::size_t layers) { progress.show(frame, frames, layer, layers); };
    const platform::RunResults results =
        mram ? platform::run_mram(mram_config, options) : platform::run(config, options);
    progress.clear();

    try {
        platform::write_file((folder / "platform.yaml").string(),
                             mram ? platform::effective_yaml(mram_config) : platform::effective_yaml(config));
        platform::write_layers_csv((folder / "layers.csv").string(), results);
        platform::write_results_json((folder / "results.json").string(), results);
    } catch (const core::SimulationError&) {
        platform::remove_old_files(folder.string(), result_files); // all or nothing
        throw;
    }
    std::cout << platform::format_table(results)
              << fmt::format("\nresults.json, layers.csv and platform.yaml are in {}\n", folder.string());
    if (!options.trace.file.empty()) {
        std::cout << fmt::format("the waveform is {}\n", options.trace.file);
    }
    if (!results.complete) {
        std::cout.flush();
        fmt::print(stderr, "hydravp: interrupted; the results are incomplete\n");
        return interrupted;
    }
    return success;
}

/// A figure outside its tolerance is an error.
void check_tolerances(const platform::Reproduction& reproduction) {
    std::string outside;
    for (const platform::ReproducedRow& row : reproduction.rows) {
        outside += row.within() ? "" : (outside.empty() ? "" : "; ") + row.name;
    }
    if (!outside.empty()) {
        throw core::SimulationError(fmt::format("outside of the tolerance: {}", outside));
    }
}

/// The figures of the paper on processing in MRAM.
ExitCode reproduce_mram(const Arguments& arguments) {
    const std::string path =
        arguments.platform.empty() ? find_default_platform("mram-sa2.yaml") : arguments.platform;
    const platform::MramPlatformConfig config = platform::load_mram_config(path, arguments.overrides);
    const platform::MramReproduction result = platform::reproduce_mram(config, arguments.overrides);
    std::cout << platform::format_reproduction(result.figures) << '\n' << result.tables;
    if (!arguments.output_folder.empty()) {
        const fs::path folder(arguments.output_folder);
        platform::prepare_output_folder(arguments.output_folder);
        std::string names;
        for (const auto& [name, content] : result.extras) {
            platform::write_file((folder / name).string(), content);
            names += ", " + name;
        }
        platform::write_reproduction(arguments.output_folder, result.figures);
        std::cout << fmt::format("\nreproduce.json, reproduce.csv, reproduce.md{} are in {}\n", names,
                                 arguments.output_folder);
    }
    std::cout.flush();
    check_tolerances(result.figures);
    return success;
}

/// Runs what a paper's figures need and compares. A figure outside its tolerance is an error.
ExitCode reproduce(const Arguments& arguments) {
    if (arguments.study == mram_study) {
        return reproduce_mram(arguments);
    }
    const platform::Study& study = platform::find_study(arguments.study);
    const std::string path = arguments.platform.empty() ? find_default_platform() : arguments.platform;
    platform::Reproduction reproduction;
    reproduction.study = study.name;
    reproduction.platform = platform::load_config(path, arguments.overrides).name;
    reproduction.overrides = arguments.overrides;
    if (!arguments.output_folder.empty()) {
        platform::prepare_output_folder(arguments.output_folder);
        platform::remove_old_files(arguments.output_folder,
                                   {"reproduce.json", "reproduce.csv", "reproduce.md"});
    }

    const auto measurements = measure_with_progress(path, arguments.overrides, study.runs);
    if (!measurements) {
        return interrupted;
    }
    reproduction.rows = platform::compare(study, *measurements);
    std::cout << platform::format_reproduction(reproduction);
    if (!arguments.output_folder.empty()) {
        platform::write_reproduction(arguments.output_folder, reproduction);
        std::cout << fmt::format("\nreproduce.json, reproduce.csv and reproduce.md are in {}\n",
                                 arguments.output_folder);
    }
    std::cout.flush();
    check_tolerances(reproduction);
    return success;
}

void print_networks() {
    constexpr const char* row = "{:<20}  {:>6}  {:>10}  {:>12}  {}\n";
    std::cout << fmt::format(fmt::runtime(row), "network", "layers", "MACs [M]", "weights [M]",
                             "description");
    for (const workloads::NetworkInfo& info : workloads::known_networks()) {
        const core::Network network = workloads::make_network(info.name);
        std::uint64_t weights = 0;
        for (const core::LayerDescriptor& layer : network.layers) {
            weights += layer.weights();
        }
        std::cout << fmt::format(fmt::runtime(row), info.name, network.layers.size(),
                                 fmt::format("{:.2f}", static_cast<double>(network.macs()) * 1e-6),
                                 fmt::format("{:.2f}", static_cast<double>(weights) * 1e-6),
                                 info.description);
    }
}

void print_config(const Arguments& arguments) {
    std::cout << (platform::is_mram_platform(arguments.platform)
                      ? platform::effective_yaml(
                            platform::load_mram_config(arguments.platform, arguments.overrides))
                      : platform::effective_yaml(
                            platform::load_config(arguments.platform, arguments.overrides)));
}

/// Refuses a first argument that is no command, and names the one that was meant.
void check_command(const CLI::App& app, const std::string& name) {
    std::vector<std::string> names;
    std::string list;
    for (const CLI::App* command : app.get_subcommands({})) {
        names.push_back(command->get_name());
        list += (list.empty() ? "" : ", ") + command->get_name();
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        throw core::InputError(fmt::format("found {}, expected a command: {}{}", core::in_quotes(name), list,
                                           platform::did_you_mean(name, names)));
    }
}

int main_program(int argc, char* argv[]) {
    Arguments arguments;
    CLI::App app{"HydraVP: a virtual platform of near- and in-memory CNN acceleration", "hydravp"};
    app.set_version_flag("--version", fmt::format("hydravp {}, SystemC {}", HYDRAVP_VERSION, SC_VERSION));
    app.require_subcommand(0, 1);
    app.footer(
        "Exit codes: 0 success, 1 the simulation failed or a figure is outside its tolerance, 2 bad input, "
        "130 interrupted.");

    CLI::App* run_command =
        app.add_subcommand("run", "Run a network on a platform and report time, energy, traffic");
    run_command
        ->add_option("platform", arguments.platform,
                     "Configuration of the platform (default: configs/hydra.yaml)")
        ->type_name("PLATFORM.yaml");
    run_command
        ->add_option(
            "--network", arguments.network,
            "A known network (see hydravp networks) or an ONNX file (default: vgg16, or svhn in MRAM)")
        ->type_name("NAME|FILE.onnx");
    run_command->add_option("--images", arguments.run.images, "Images in idx format, may be gzipped")
        ->type_name("FILE");
    run_command->add_option("--labels", arguments.run.labels, "Their labels in idx format, may be gzipped")
        ->type_name("FILE");
    run_command
        ->add_option("--count", arguments.count,
                     "Number of frames (default: all images; one batch without images)")
        ->type_name("N");
    add_batch(*run_command, arguments.batch);
    add_overrides(*run_command, arguments.overrides);
    run_command
        ->add_option("--out", arguments.output_folder, "Folder of the results (default: out/<network>)")
        ->type_name("DIR");
    run_command
        ->add_option("--data", arguments.data,
                     "Compute on real data, or model time, energy and counts only "
                     "(default: functional for an ONNX file or with --images, else timing)")
        ->option_text("functional|timing")
        ->check(CLI::IsMember({"functional", "timing"}));
    run_command->add_option("--seed", arguments.seed, "Of random weights and images")
        ->type_name("N")
        ->capture_default_str();
    run_command
        ->add_option("--golden", arguments.golden,
                     "Compare every output word with the golden executor's, with real data")
        ->option_text("on|off")
        ->check(CLI::IsMember({"on", "off"}))
        ->capture_default_str();

    run_command
        ->add_option("--load-alone", arguments.load_alone,
                     "No inference: only the load of the host's other cores (host.load), for so long")
        ->type_name("TIME");
    run_command
        ->add_option("--vcd", arguments.run.trace.file, "Write a waveform (value change dump) to this file")
        ->type_name("FILE");
    run_command
        ->add_option("--trace", arguments.run.trace.patterns,
                     "Signals in the waveform, e.g. 'platform.hydra0.*'; may be repeated (default: all)")
        ->type_name("PATTERN")
        ->allow_extra_args(false);
    run_command->add_option("--trace-from", arguments.trace_from, "The waveform begins here, e.g. 10us")
        ->type_name("TIME");
    run_command->add_option("--trace-to", arguments.trace_to, "It ends here")->type_name("TIME");
    CLI::App* reproduce_command = app.add_subcommand(
        "reproduce", "Run what the figures of a paper need, and compare the model's with the paper's");
    reproduce_command->add_option("paper", arguments.study, "Whose figures: hydra or mram")
        ->type_name("PAPER")
        ->required();
    reproduce_command
        ->add_option("platform", arguments.platform,
                     "Configuration of the platform (default: configs/hydra.yaml or configs/mram-sa2.yaml)")
        ->type_name("PLATFORM.yaml");
    add_overrides(*reproduce_command, arguments.overrides);
    reproduce_command
        ->add_option("--out", arguments.output_folder,
                     "Folder for reproduce.json, reproduce.csv and reproduce.md (default: only print)")
        ->type_name("DIR");

    MapArguments map_arguments;
    const CLI::App* map_command = add_map_command(app, map_arguments);
    InterferenceArguments interference_arguments;
    const CLI::App* interference_command = add_interference_command(app, interference_arguments);
    SensitivityArguments sensitivity_arguments;
    const CLI::App* sensitivity_command = add_sensitivity_command(app, sensitivity_arguments);
    ReplayArguments replay_arguments;
    const CLI::App* replay_command = add_replay_command(app, replay_arguments);
    ReplayArguments capture_arguments;
    const CLI::App* capture_command = add_capture_command(app, capture_arguments);
    TraceArguments trace_arguments;
    const CLI::App* trace_command = add_trace_command(app, trace_arguments);
    GenerateArguments generate_arguments;
    const CLI::App* generate_command = add_generate_command(app, generate_arguments);

    CLI::App* networks_command = app.add_subcommand("networks", "List the known networks");

    CLI::App* config_command =
        app.add_subcommand("config", "Check a configuration and print it with every default filled in");
    config_command->add_option("platform", arguments.platform, "Configuration of the platform")
        ->type_name("PLATFORM.yaml")
        ->required();
    add_overrides(*config_command, arguments.overrides);

    try {
        if (argc < 2 || argv[1][0] != '-') {
            check_command(app, argc < 2 ? "" : argv[1]);
        }
        app.parse(argc, argv);
    } catch (const CLI::Success& e) { // --help, --version
        return app.exit(e, std::cout, std::cerr);
    } catch (const CLI::ParseError& e) {
        throw core::InputError(e.what());
    }

    if (run_command->parsed()) {
        return run(std::move(arguments));
    }
    if (reproduce_command->parsed()) {
        return reproduce(arguments);
    }
    if (map_command->parsed()) {
        return map(std::move(map_arguments));
    }
    if (interference_command->parsed()) {
        return interference(interference_arguments);
    }
    if (sensitivity_command->parsed()) {
        return sensitivity(sensitivity_arguments);
    }
    if (replay_command->parsed()) {
        return replay(std::move(replay_arguments));
    }
    if (capture_command->parsed()) {
        return capture(std::move(capture_arguments));
    }
    if (trace_command->parsed()) {
        return replay_trace(trace_arguments);
    }
    if (generate_command->parsed()) {
        return generate(generate_arguments);
    }
    if (networks_command->parsed()) {
        print_networks();
    } else if (config_command->parsed()) {
        print_config(arguments);
    }
    return success;
}

} // namespace

int sc_main(int argc, char* argv[]) {
    std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of its write
    // Ending a simulation is no news; it would stand among the results on standard output.
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    try {
        const int code = main_program(argc, argv);
        std::cout.flush();
        if (!std::cout) {
            fmt::print(stderr, "hydravp: error: standard output cannot be written\n");
            return simulation_failed;
        }
        return code;
    } catch (const core::InputError& e) {
        fmt::print(stderr, "hydravp: error: {}\n", e.what());
        return bad_input;
    } catch (const std::exception& e) {
        fmt::print(stderr, "hydravp: error: {}\n", e.what());
        return simulation_failed;
    }
}
