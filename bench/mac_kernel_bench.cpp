// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/mac_kernel.h"

#include <benchmark/benchmark.h>
#include <systemc>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace hydravp::accelerators::hydra;

namespace {

struct Shape {
    const char* name;
    std::size_t depth, scalar_count, vector_length;
};

constexpr Shape shapes[] = {
    {"conv 36x8x784", 36, 8, 784},     {"conv 144x8x784", 144, 8, 784}, {"conv 288x8x784", 288, 8, 784},
    {"conv 288x64x196", 288, 64, 196}, {"conv 576x8x49", 576, 8, 49},   {"conv 288x8x39", 288, 8, 39},
    {"fc 1000x1x512", 1000, 1, 512},
};

void run(benchmark::State& state, const std::string& target, const Shape& shape, int scalar_magnitude) {
    select_mac_kernel_target(target);
    std::mt19937 random(1);
    std::vector<std::int16_t> vectors(shape.depth * shape.vector_length);
    std::vector<std::int16_t> scalars(shape.depth * shape.scalar_count);
    std::vector<std::int64_t> acc(shape.scalar_count * shape.vector_length);
    std::vector<const std::int16_t*> rows;
    std::uniform_int_distribution<std::int16_t> activation(0, 32767);
    std::uniform_int_distribution<int> weight(-scalar_magnitude, scalar_magnitude - 1);
    for (auto& word : vectors) {
        word = activation(random);
    }
    for (auto& word : scalars) {
        word = static_cast<std::int16_t>(weight(random));
    }
    for (std::size_t k = 0; k < shape.depth; ++k) {
        rows.push_back(&vectors[k * shape.vector_length]);
    }
    MacScratch scratch;
    for (auto _ : state) {
        multiply_accumulate(rows.data(), scalars.data(), shape.scalar_count, shape.depth, shape.scalar_count,
                            shape.vector_length, acc.data(), shape.vector_length, scratch);
        benchmark::ClobberMemory();
    }
    state.counters["MAC/s"] =
        benchmark::Counter(static_cast<double>(shape.depth * shape.scalar_count * shape.vector_length),
                           benchmark::Counter::kIsIterationInvariantRate);
    select_mac_kernel_target("");
}

} // namespace

int sc_main(int argc, char* argv[]) { // SystemC's library has the main()
    for (const std::string& target : mac_kernel_targets()) {
        for (const Shape& shape : shapes) {
            // Weights of 8 bits take the direct path in one block, 12 bits in several; 16 bits the
            // split one.
            for (const int magnitude : {128, 2048, 32768}) {
                const std::string name =
                    "mac_kernel/" + target + "/" + shape.name + "/weights below " + std::to_string(magnitude);
                benchmark::RegisterBenchmark(name.c_str(), run, target, shape, magnitude);
            }
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
