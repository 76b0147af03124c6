// SPDX-License-Identifier: Apache-2.0
#include "sensitivity_command.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/mapping_report.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/platform/sensitivity.h"

#include "arguments.h"
#include "child_runs.h"

#include <fmt/format.h>

#include <iostream>

using namespace hydravp;

namespace {

std::vector<platform::Variation> variations_of(const SensitivityArguments& arguments,
                                               const platform::PlatformConfig& config) {
    if (arguments.variations.empty()) {
        return platform::design_variations(config);
    }
    std::vector<platform::Variation> variations;
    for (const std::string& setting : arguments.variations) {
        try {
            variations.push_back(platform::variation_of(setting));
        } catch (const core::InputError& e) {
            throw core::InputError(fmt::format("--vary: {}", e.what()));
        }
    }
    return variations;
}

} // namespace

const CLI::App* add_sensitivity_command(CLI::App& app, SensitivityArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "sensitivity", "Change one parameter of the machine at a time: what that does to latency and energy");
    command
        ->add_option("network", arguments.network, "A known network (see hydravp networks) or an ONNX file")
        ->type_name("NAME|FILE.onnx")
        ->required();
    command
        ->add_option("platform", arguments.platform,
                     "Configuration of the platform (default: configs/hydra.yaml)")
        ->type_name("PLATFORM.yaml");
    command
        ->add_option("--vary", arguments.variations,
                     "A change to try; may be repeated (default: half and twice of what makes the machine)")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    add_overrides(*command, arguments.overrides);
    command
        ->add_option("--out", arguments.output_folder,
                     "Folder for sensitivity.json, sensitivity.csv and sensitivity.md (default: only print)")
        ->type_name("DIR");
    return command;
}

ExitCode sensitivity(const SensitivityArguments& arguments) {
    const std::string path = arguments.platform.empty() ? find_default_platform() : arguments.platform;
    const platform::PlatformConfig config = platform::load_config(path, arguments.overrides);
    const std::vector<platform::Variation> variations = variations_of(arguments, config);
    platform::map_report(config,
                         arguments.network); // refuses a network that nobody knows or that doesn't fit
    platform::Sensitivity result;
    result.platform = config.name;
    result.network = arguments.network;
    result.overrides = arguments.overrides;
    result.rows = platform::plan_sensitivity(path, arguments.overrides, arguments.network, variations);
    if (!arguments.output_folder.empty()) {
        platform::prepare_output_folder(arguments.output_folder);
        platform::remove_old_files(arguments.output_folder,
                                   {"sensitivity.json", "sensitivity.csv", "sensitivity.md"});
    }
    const auto measurements = measure_with_progress(
        path, arguments.overrides, platform::sensitivity_runs(arguments.network, result.rows));
    if (!measurements) {
        return interrupted;
    }
    platform::fill_in(result, *measurements);
    std::cout << platform::format_sensitivity(result);
    if (!arguments.output_folder.empty()) {
        platform::write_sensitivity(arguments.output_folder, result);
        std::cout << fmt::format("\nsensitivity.json, sensitivity.csv and sensitivity.md are in {}\n",
                                 arguments.output_folder);
    }
    return success;
}
