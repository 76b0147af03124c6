// SPDX-License-Identifier: Apache-2.0
//
// Accesses per CPU second of `hydravp replay`, from the trace to its statistics, by the format of the trace:
// half a stream, half at random, 70 % reads, into one DDR3-1600 channel. Every iteration is a process of its
// own; `peak_mb` is its largest resident memory, `idle_mb` that of a replay of one access.
#include "hydravp/workloads/synthetic_traffic.h"
#include "hydravp/workloads/trace_writer.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemc>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

namespace fs = std::filesystem;

/// What a replay by the program has used; nothing if it failed.
std::optional<rusage> replay(const std::string& trace, const std::string& limit) {
    std::vector<std::string> words{
        HYDRAVP_PROGRAM, "replay",  trace, "--memory", HYDRAVP_SOURCE_DIR "/configs/memory/ddr3-1600.yaml",
        "--timing",      "saturate"};
    if (!limit.empty()) {
        words.insert(words.end(), {"--limit", limit});
    }
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error = posix_spawn(&child, HYDRAVP_PROGRAM, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    rusage usage{};
    if (error != 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        return std::nullopt;
    }
    return usage;
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double megabytes(const rusage& usage) {
    return static_cast<double>(usage.ru_maxrss) * 1024e-6;
}

void replay_trace(benchmark::State& state, const fs::path& trace, std::uint64_t accesses) {
    workloads::SyntheticTrafficConfig load;
    load.capacity = std::uint64_t{8} << 30;
    load.random_share = 0.5;
    load.read_share = 0.7;
    workloads::SyntheticTraffic traffic(load);
    workloads::TraceWriter writer(trace.string());
    for (std::uint64_t i = 0; i < accesses; ++i) {
        writer.write(traffic.next());
    }
    writer.close();
    const std::optional<rusage> idle = replay(trace.string(), "1");
    double peak_mb = 0;
    for (auto _ : state) {
        const std::optional<rusage> used = replay(trace.string(), "");
        if (!idle || !used) {
            state.SkipWithError("the program failed");
            break;
        }
        state.SetIterationTime(seconds(used->ru_utime) + seconds(used->ru_stime));
        peak_mb = std::max(peak_mb, megabytes(*used));
    }
    fs::remove(trace);
    state.SetItemsProcessed(static_cast<std::int64_t>(accesses) *
                            static_cast<std::int64_t>(state.iterations()));
    state.counters["peak_mb"] = peak_mb;
    state.counters["idle_mb"] = idle ? megabytes(*idle) : 0;
}

} // namespace

int sc_main(int argc, char** argv) { // SystemC's library has the main()
    const std::string prefix =
        (fs::temp_directory_path() / ("hydravp-bench-" + std::to_string(getpid()))).string();
    for (const char* ending : {".hvt", ".hvt.zst", ".stl", ".stl.gz"}) {
        for (const std::uint64_t accesses : {100000, 1000000}) {
            benchmark::RegisterBenchmark(("replay " + std::to_string(accesses) + " of " + ending).c_str(),
                                         replay_trace, prefix + ending, accesses)
                ->UseManualTime()
                ->Unit(benchmark::kMillisecond);
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
