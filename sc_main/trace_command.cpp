// SPDX-License-Identifier: Apache-2.0
#include "trace_command.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/platform/trace_replay_writer.h"

#include "arguments.h"
#include "terminal.h"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

using namespace hydravp;

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> trace_files{"trace.json", "histogram.csv"};

platform::TraceReplayOptions options_of(const TraceArguments& arguments) {
    platform::TraceReplayOptions options;
    options.trace = arguments.trace;
    options.format = workloads::trace_format_from(arguments.format);
    options.timing =
        arguments.timing == "saturate" ? workloads::TraceTiming::saturate : workloads::TraceTiming::trace;
    if (!arguments.clock_period.empty()) {
        options.clock_period = parse_clock_period("--clock-period", arguments.clock_period);
    }
    options.bytes_per_access = parse_whole_number<std::uint32_t>("--access-bytes", arguments.access_bytes, 1);
    options.outstanding = parse_whole_number<std::uint32_t>("--outstanding", arguments.outstanding, 1);
    if (!arguments.limit.empty()) {
        options.limit = parse_whole_number<std::uint64_t>("--limit", arguments.limit, 1);
    }
    return options;
}

} // namespace

const CLI::App* add_trace_command(CLI::App& app, TraceArguments& arguments) {
    CLI::App* const command =
        app.add_subcommand("replay", "Replay a memory trace into a memory; report bandwidth and latency");
    command
        ->add_option("trace", arguments.trace,
                     "Trace of DRAMSys (.stl), Ramulator 2, DRAMsim3, NVMain (.nvt) or HydraVP; may be "
                     "compressed with gzip or zstd")
        ->type_name("TRACE")
        ->required();
    command
        ->add_option("--memory", arguments.memory,
                     "A memory technology, for one channel of it, or a platform, for its hybrid memory "
                     "(default: configs/hydra.yaml)")
        ->type_name("FILE.yaml");
    command->add_option("--format", arguments.format, "Format of the trace")
        ->option_text("auto|stl|ramulator|dramsim3|nvmain|binary")
        ->capture_default_str();
    command
        ->add_option("--timing", arguments.timing,
                     "Issue accesses at the times of the trace, or as fast as the memory takes them "
                     "(default: trace)")
        ->option_text("trace|saturate")
        ->check(CLI::IsMember({"trace", "saturate"}));
    command
        ->add_option("--clock-period", arguments.clock_period,
                     "Of the trace's cycles, e.g. 2.5ns or 400MHz (default: the clock of the memory's DRAM)")
        ->type_name("TIME");
    command->add_option("--access-bytes", arguments.access_bytes, "Bytes of an access whose line doesn't say")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--outstanding", arguments.outstanding, "Accesses under way at a time, at most")
        ->type_name("N")
        ->capture_default_str();
    command->add_option("--limit", arguments.limit, "Only the first N accesses (default: all)")
        ->type_name("N");
    add_overrides(*command, arguments.overrides);
    command
        ->add_option("--out", arguments.output_folder,
                     "Folder for trace.json and histogram.csv (default: only print)")
        ->type_name("DIR");
    return command;
}

ExitCode replay_trace(const TraceArguments& arguments) {
    platform::TraceReplayOptions options = options_of(arguments);
    const std::string default_platform = find_default_platform();
    const platform::ReplayMemory memory =
        platform::load_replay_memory(arguments.memory.empty() ? default_platform : arguments.memory,
                                     default_platform, arguments.overrides);
    workloads::TraceOptions reading;
    reading.format = options.format;
    std::error_code error;
    if (fs::is_regular_file(options.trace, error) || !fs::exists(options.trace, error)) { // a pipe opens once
        workloads::open_trace(options.trace, reading);
    }
    const fs::path folder(arguments.output_folder);
    const bool write = !arguments.output_folder.empty();
    if (write) {
        platform::prepare_output_folder(folder.string());
        platform::remove_old_files(folder.string(), trace_files);
    }

    stop_on_signals();
    options.stop = stopping;
    ProgressBar progress;
    options.progress = [&progress](double done) { progress.draw(done, fmt::format("{:.0f} %", done * 100)); };
    const platform::TraceReplayResults results = platform::replay_trace(memory, options);
    progress.clear();

    if (write) {
        try {
            platform::write_latency_histogram((folder / "histogram.csv").string(), results);
            platform::write_trace_json((folder / "trace.json").string(), results);
        } catch (const core::SimulationError&) {
            platform::remove_old_files(folder.string(), trace_files); // all or nothing
            throw;
        }
    }
    std::cout << platform::format_trace_replay(results);
    if (write) {
        std::cout << fmt::format("\ntrace.json and histogram.csv are in {}\n", folder.string());
    }
    if (!results.complete) {
        std::cout.flush();
        fmt::print(stderr, "hydravp: interrupted; the results are incomplete\n");
        return interrupted;
    }
    return success;
}
