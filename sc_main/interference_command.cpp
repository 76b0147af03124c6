// SPDX-License-Identifier: Apache-2.0
#include "interference_command.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/interference.h"
#include "hydravp/platform/results_writer.h"

#include "arguments.h"
#include "child_runs.h"

#include <fmt/format.h>

#include <iostream>
#include <utility>

using namespace hydravp;

namespace {

std::vector<core::Bandwidth> rates_of(const InterferenceArguments& arguments) {
    if (arguments.rates.empty()) {
        return platform::default_load_rates();
    }
    std::vector<core::Bandwidth> rates;
    for (const std::string& text : arguments.rates) {
        try {
            rates.push_back(core::parse_bandwidth(text));
        } catch (const core::InputError& e) {
            throw core::InputError(fmt::format("--rate: {}", e.what()));
        }
        if (rates.back().bytes_per_s <= 0) {
            throw core::InputError(
                fmt::format("--rate: found {}, expected a limited rate", core::in_quotes(text)));
        }
    }
    return rates;
}

} // namespace

const CLI::App* add_interference_command(CLI::App& app, InterferenceArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "interference", "Run an inference beside a load of the host's other cores: how both slow down");
    command
        ->add_option("network", arguments.network, "A known network (see hydravp networks) or an ONNX file")
        ->type_name("NAME|FILE.onnx")
        ->required();
    command
        ->add_option(
            "platform", arguments.platform,
            "Configuration of the platform (default: configs/hydra.yaml); its host.load describes the "
            "accesses, of all cores but the first if it names none")
        ->type_name("PLATFORM.yaml");
    command
        ->add_option("--rate", arguments.rates,
                     "That a core asks for, e.g. '500 MB/s'; may be repeated (default: 0.1 to 2 GB/s)")
        ->type_name("RATE")
        ->allow_extra_args(false);
    add_overrides(*command, arguments.overrides);
    command
        ->add_option(
            "--out", arguments.output_folder,
            "Folder for interference.json, interference.csv and interference.md (default: only print)")
        ->type_name("DIR");
    return command;
}

ExitCode interference(const InterferenceArguments& arguments) {
    const std::vector<core::Bandwidth> rates = rates_of(arguments);
    const std::string path = arguments.platform.empty() ? find_default_platform() : arguments.platform;
    const platform::PlatformConfig config = platform::load_config(path, arguments.overrides);
    platform::Interference result;
    result.platform = config.name;
    result.network = arguments.network;
    result.overrides = arguments.overrides;
    result.cores = platform::interfering_cores(config);
    if (!arguments.output_folder.empty()) {
        platform::prepare_output_folder(arguments.output_folder);
        platform::remove_old_files(arguments.output_folder,
                                   {"interference.json", "interference.csv", "interference.md"});
    }

    auto measurements =
        measure_with_progress(path, arguments.overrides, {platform::inference_alone(arguments.network)});
    if (!measurements) {
        return interrupted;
    }
    auto beside = measure_with_progress(path, arguments.overrides,
                                        platform::interference_runs(arguments.network, result.cores, rates,
                                                                    platform::frame_time(*measurements)));
    if (!beside) {
        return interrupted;
    }
    measurements->merge(std::move(*beside));
    platform::fill_in(result, rates, *measurements);
    std::cout << platform::format_interference(result);
    if (!arguments.output_folder.empty()) {
        platform::write_interference(arguments.output_folder, result);
        std::cout << fmt::format("\ninterference.json, interference.csv and interference.md are in {}\n",
                                 arguments.output_folder);
    }
    return success;
}
