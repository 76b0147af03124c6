// SPDX-License-Identifier: Apache-2.0
//
// Accesses per CPU second of `hydravp replay`, from the trace to its statistics, by the format of the trace:
// half a stream, half at random, 70 % reads, into one DDR3-1600 channel. Every iteration is a process of its
// own; `peak_mb` is its largest resident memory, `one_mb` that of a replay of its first access.
#include "hydravp/workloads/synthetic_traffic.h"
#include "hydravp/workloads/trace_writer.h"

#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemc>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

using namespace hydravp;

namespace {

namespace fs = std::filesystem;

struct Usage {
    double cpu_s;
    double peak_mb;
};

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// What a replay by the program has used; nothing if it failed.
std::optional<Usage> replay(const std::string& trace, const std::string& options) {
    const std::string folder = trace + ".out";
    // A shell between the two: a process counts the memory of the one that it was started from as its own.
    std::string command = "'" HYDRAVP_PROGRAM "' replay '" + trace +
                          "' --memory '" HYDRAVP_SOURCE_DIR
                          "/configs/memory/ddr3-1600.yaml' --timing saturate"
                          " --out '" +
                          folder + "' " + options + " > /dev/null; exit $?";
    std::string words[] = {"sh", "-c", command};
    char* const argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_t child = 0;
    int status = 0;
    rusage usage{};
    if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, argv, environ) != 0 ||
        wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return std::nullopt;
    }
    std::ifstream file(folder + "/trace.json");
    const std::string json{std::istreambuf_iterator<char>(file), {}};
    const std::string name = "\"peak_rss_mb\":";
    const std::size_t at = json.find(name);
    fs::remove_all(folder);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    return Usage{seconds(usage.ru_utime) + seconds(usage.ru_stime), std::stod(json.substr(at + name.size()))};
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
    const std::optional<Usage> one = replay(trace.string(), "--limit 1");
    double peak_mb = 0;
    for (auto _ : state) {
        const std::optional<Usage> used = replay(trace.string(), "");
        if (!one || !used) {
            state.SkipWithError("the program failed");
            break;
        }
        state.SetIterationTime(used->cpu_s);
        peak_mb = std::max(peak_mb, used->peak_mb);
    }
    fs::remove(trace);
    state.SetItemsProcessed(static_cast<std::int64_t>(accesses) *
                            static_cast<std::int64_t>(state.iterations()));
    state.counters["peak_mb"] = peak_mb;
    state.counters["one_mb"] = one ? one->peak_mb : 0;
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
