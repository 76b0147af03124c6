// SPDX-License-Identifier: Apache-2.0
#include "map_command.h"

#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/mapping_report.h"
#include "hydravp/platform/results_writer.h"

#include "arguments.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

using namespace hydravp;

const CLI::App* add_map_command(CLI::App& app, MapArguments& arguments) {
    CLI::App* command = app.add_subcommand(
        "map", "Show how the mapper cuts the layers of a network, what binds them, and their rooflines");
    command
        ->add_option("network", arguments.network, "A known network (see hydravp networks) or an ONNX file")
        ->type_name("NAME|FILE.onnx")
        ->required();
    command
        ->add_option("platform", arguments.platform,
                     "Configuration of the platform (default: configs/hydra.yaml)")
        ->type_name("PLATFORM.yaml");
    command
        ->add_option("--mapping", arguments.mapping,
                     "How layers are cut; short for --set mapping=... (default: optimized)")
        ->option_text("paper-numbers|paper-text|optimized")
        ->check(CLI::IsMember({"paper-numbers", "paper-text", "optimized"}));
    add_batch(*command, arguments.batch);
    add_overrides(*command, arguments.overrides);
    command->add_option("--out", arguments.output_folder, "Folder for mapping.csv (default: only print)")
        ->type_name("DIR");
    return command;
}

ExitCode map(MapArguments arguments) {
    const std::string path = arguments.platform.empty() ? find_default_platform() : arguments.platform;
    // Whoever asks for a mapping in --set wins over the default.
    const std::string mapping = arguments.mapping.empty() ? "optimized" : arguments.mapping;
    arguments.overrides.insert(arguments.mapping.empty() ? arguments.overrides.begin()
                                                         : arguments.overrides.end(),
                               "mapping=" + mapping);
    apply_batch(arguments.batch, arguments.overrides);
    const platform::PlatformConfig config = platform::load_config(path, arguments.overrides);
    const platform::MappingReport report = platform::map_report(config, arguments.network);
    std::cout << platform::format_mapping(report);
    if (!arguments.output_folder.empty()) {
        platform::prepare_output_folder(arguments.output_folder);
        const std::filesystem::path folder(arguments.output_folder);
        platform::write_file((folder / "mapping.csv").string(), platform::mapping_csv(report));
        std::cout << fmt::format("\nmapping.csv is in {}\n", arguments.output_folder);
    }
    return success;
}
