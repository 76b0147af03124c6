// SPDX-License-Identifier: Apache-2.0
#include "generate_command.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/workloads/synthetic_traffic.h"
#include "hydravp/workloads/trace_writer.h"

#include "arguments.h"
#include "terminal.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>
#include <system_error>

using namespace hydravp;

namespace {

double parse_share(const char* option, const std::string& text) {
    double share = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error != std::errc{} || end != text.data() + text.size() || !(share >= 0 && share <= 1)) {
        throw core::InputError(
            fmt::format("{}: found {}, expected a number from 0 to 1", option, core::in_quotes(text)));
    }
    return share;
}

workloads::SyntheticTrafficConfig config_of(const GenerateArguments& arguments) {
    workloads::SyntheticTrafficConfig config;
    config.bytes = parse_whole_number<std::uint32_t>("--access-bytes", arguments.access_bytes, 1);
    if (config.bytes > workloads::largest_trace_access) {
        throw core::InputError(fmt::format("--access-bytes: found {}, expected a whole number from 1 to {}",
                                           config.bytes, workloads::largest_trace_access));
    }
    try {
        config.capacity = core::parse_size(arguments.footprint).count;
    } catch (const core::InputError& e) {
        throw core::InputError(fmt::format("--footprint: {}", e.what()));
    }
    if (config.capacity < config.bytes) {
        throw core::InputError(fmt::format("--footprint: found {}, expected room for an access of {} bytes",
                                           core::in_quotes(arguments.footprint), config.bytes));
    }
    config.random_share = parse_share("--random", arguments.random_share);
    config.read_share = parse_share("--reads", arguments.read_share);
    config.interval = parse_time("--interval", arguments.interval);
    config.seed = parse_whole_number<std::uint64_t>("--seed", arguments.seed, 0);
    return config;
}

} // namespace

const CLI::App* add_generate_command(CLI::App& app, GenerateArguments& arguments) {
    CLI::App* const command = app.add_subcommand(
        "generate", "Write a synthetic trace: a stream, random accesses, or a mixture of both");
    command
        ->add_option("-o,--output", arguments.trace,
                     "Trace to write: DRAMSys's text if its name ends with .stl, otherwise HydraVP's binary "
                     "format; compressed if the name ends with .gz or .zst")
        ->type_name("FILE")
        ->required();
    command->add_option("--count", arguments.count, "Accesses")->type_name("N")->required();
    command
        ->add_option("--random", arguments.random_share,
                     "Share of the accesses, 0 to 1, at random addresses; the others are a stream")
        ->type_name("SHARE")
        ->capture_default_str();
    command->add_option("--reads", arguments.read_share, "Share of the accesses that are reads")
        ->type_name("SHARE")
        ->capture_default_str();
    command->add_option("--footprint", arguments.footprint, "Addresses from 0 on, e.g. '8 GiB'")
        ->type_name("SIZE")
        ->capture_default_str();
    command->add_option("--access-bytes", arguments.access_bytes, "Bytes of an access")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--interval", arguments.interval, "Time from access to access")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_option("--seed", arguments.seed, "Of the random choices")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--clock-period", arguments.clock_period, "Of the cycles in a .stl trace")
        ->type_name("TIME")
        ->capture_default_str();
    return command;
}

ExitCode generate(const GenerateArguments& arguments) {
    const std::uint64_t count = parse_whole_number<std::uint64_t>("--count", arguments.count, 1);
    const workloads::SyntheticTrafficConfig config = config_of(arguments);
    if (config.interval.count() > 0 &&
        count >
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / config.interval.count())) {
        throw core::InputError(fmt::format("--interval: found {}, expected a trace of at most {:.0f} s",
                                           core::in_quotes(arguments.interval),
                                           core::to_ms(core::Picoseconds::max()) / 1e3));
    }
    workloads::SyntheticTraffic traffic(config);
    workloads::TraceWriter writer(arguments.trace,
                                  parse_clock_period("--clock-period", arguments.clock_period));
    stop_on_signals();
    ProgressBar progress;
    constexpr std::uint64_t heartbeat_accesses = 1 << 16;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i % heartbeat_accesses == 0) {
            if (stopping()) {
                progress.clear();
                fmt::print(stderr, "hydravp: interrupted; no trace is written\n");
                return interrupted;
            }
            const double done = static_cast<double>(i) / static_cast<double>(count);
            progress.draw(done, fmt::format("{:.0f} %", done * 100));
        }
        writer.write(traffic.next());
    }
    writer.close();
    progress.clear();
    std::cout << fmt::format("{} accesses in {}\n", writer.accesses(), arguments.trace);
    return success;
}
