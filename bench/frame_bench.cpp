// SPDX-License-Identifier: Apache-2.0
//
// CPU time of a simulated frame, with data and without, beside that of its convolutions alone as im2col and a
// matrix product in double precision (OpenBLAS, one thread): `of_dgemm` is the ratio, measured in one run.
// Weights are made, quantised and loaded before; the golden executor is off. A frame with data is one that
// follows another, so that all pages of the simulated memory are there.
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/workloads/network_library.h"

#include <benchmark/benchmark.h>
#include <cblas.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemc>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// SystemC elaborates once per process, so every simulation has one of its own.
struct Figures {
    double seconds = 0;
    double peak_mb = 0;
};
template <class Function>
Figures in_child(Function function) {
    int ends[2];
    if (pipe(ends) != 0) {
        throw std::runtime_error("pipe failed");
    }
    const pid_t child = fork();
    if (child == 0) {
        Figures figures;
        figures.seconds = function();
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        figures.peak_mb = static_cast<double>(usage.ru_maxrss) / 1024;
        const bool written = write(ends[1], &figures, sizeof(figures)) == sizeof(figures);
        _exit(written ? 0 : 1);
    }
    close(ends[1]);
    Figures figures;
    const bool read_all = read(ends[0], &figures, sizeof(figures)) == sizeof(figures);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!read_all || status != 0) {
        throw std::runtime_error("the simulation failed");
    }
    return figures;
}

/// CPU seconds from the end of the first frame to that of the second.
Figures frame(const std::string& network, bool functional) {
    return in_child([&] {
        platform::RunOptions options;
        options.network = network;
        options.functional = functional;
        options.golden = false;
        options.count = 2;
        double ends[2] = {0, 0};
        options.progress = [&](std::uint64_t frame, std::uint64_t, std::size_t layer, std::size_t layers) {
            if (layer == layers) {
                ends[frame] = cpu_seconds();
            }
        };
        platform::run(platform::load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml"), options);
        return ends[1] - ends[0];
    });
}

/// All patches that a convolution's filters see, one column per output position.
void im2col(const core::LayerDescriptor& layer, const std::vector<double>& in, std::vector<double>& columns) {
    const auto height = static_cast<int>(layer.in.height);
    const auto width = static_cast<int>(layer.in.width);
    std::size_t at = 0;
    for (std::uint32_t channel = 0; channel < layer.in.channels; ++channel) {
        for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
            for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx) {
                for (std::uint32_t oy = 0; oy < layer.out.height; ++oy) {
                    const int y =
                        static_cast<int>(oy * layer.stride_height + ky) - static_cast<int>(layer.pad_top);
                    for (std::uint32_t ox = 0; ox < layer.out.width; ++ox) {
                        const int x =
                            static_cast<int>(ox * layer.stride_width + kx) - static_cast<int>(layer.pad_left);
                        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
                        columns[at++] = inside
                                            ? in[(channel * layer.in.height + static_cast<std::size_t>(y)) *
                                                     layer.in.width +
                                                 static_cast<std::size_t>(x)]
                                            : 0.0;
                    }
                }
            }
        }
    }
}

double convolutions(const std::string& name) {
    const core::Network network = workloads::make_network(name);
    std::mt19937 random(1);
    std::uniform_int_distribution<int> word(-32768, 32767);
    double seconds = 0;
    for (const core::LayerDescriptor& layer : network.layers) {
        if (layer.kind != core::LayerKind::conv) {
            continue;
        }
        const std::size_t depth = layer.in.channels * layer.taps();
        const std::size_t positions = std::size_t{layer.out.height} * layer.out.width;
        std::vector<double> in(layer.in.words()), weights(depth * layer.out.channels);
        std::vector<double> columns(depth * positions), out(positions * layer.out.channels);
        for (auto* values : {&in, &weights}) {
            for (double& value : *values) {
                value = word(random);
            }
        }
        const double begin = cpu_seconds();
        im2col(layer, in, columns);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(layer.out.channels),
                    static_cast<int>(positions), static_cast<int>(depth), 1.0, weights.data(),
                    static_cast<int>(depth), columns.data(), static_cast<int>(positions), 0.0, out.data(),
                    static_cast<int>(positions));
        benchmark::DoNotOptimize(out.data());
        seconds += cpu_seconds() - begin;
    }
    return seconds;
}

/// The convolutions alone, of the last of its runs.
double& dgemm_seconds(const std::string& network) {
    static std::map<std::string, double> seconds;
    return seconds[network];
}

void run_convolutions(benchmark::State& state, const std::string& network) {
    for (auto _ : state) {
        const double seconds = in_child([&] { return convolutions(network); }).seconds;
        dgemm_seconds(network) = seconds;
        state.SetIterationTime(seconds);
    }
}

void run_frame(benchmark::State& state, const std::string& network, bool functional) {
    Figures figures;
    for (auto _ : state) {
        figures = frame(network, functional);
        state.SetIterationTime(figures.seconds);
    }
    if (dgemm_seconds(network) > 0) {
        state.counters["of_dgemm"] = figures.seconds / dgemm_seconds(network);
    }
    state.counters["peak_mb"] = figures.peak_mb;
}

} // namespace

int sc_main(int argc, char** argv) {
    setenv("OPENBLAS_NUM_THREADS", "1", 1); // NOLINT(concurrency-mt-unsafe): there is one thread
    for (const std::string network : {"vgg16", "resnet34"}) {
        const auto add = [](const std::string& name, auto function) {
            benchmark::RegisterBenchmark(name.c_str(), function)
                ->UseManualTime()
                ->Iterations(1)
                ->Unit(benchmark::kMillisecond);
        };
        add(network + ", im2col and dgemm", [=](benchmark::State& s) { run_convolutions(s, network); });
        add(network + ", frame with data", [=](benchmark::State& s) { run_frame(s, network, true); });
        add(network + ", frame, timing only", [=](benchmark::State& s) { run_frame(s, network, false); });
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
