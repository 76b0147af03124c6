// SPDX-License-Identifier: Apache-2.0
// Row operations per second of the bank's engine beside a bare loop, and frames per second of a whole
// network.
#include "hydravp/accelerators/mram_pim/adder.h"
#include "hydravp/accelerators/mram_pim/layer_engine.h"
#include "hydravp/platform/mram_config.h"
#include "hydravp/workloads/binary_network.h"
#include "hydravp/workloads/mram_mapper.h"
#include "hydravp/workloads/onnx_reader.h"
#include "hydravp/workloads/random_network.h"

#include <benchmark/benchmark.h>
#include <systemc>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

namespace {

/// An adder tree of 27 operands in one sub-array: two row operations of work per bit (sum, carry).
void adder_tree(benchmark::State& state) {
    const AdderTree tree(SenseAmplifierKind::sa1, 27, 255);
    const auto cells = std::make_unique<MramCells>();
    for (auto _ : state) {
        tree.program().run(*cells);
        benchmark::ClobberMemory();
    }
    state.counters["bit additions/s"] = benchmark::Counter(static_cast<double>(tree.bit_additions()),
                                                           benchmark::Counter::kIsIterationInvariantRate);
    state.counters["row operations/s"] =
        benchmark::Counter(static_cast<double>(tree.program().events().row_operations()),
                           benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(adder_tree);

/// The same without programs: one full addition of rows after the other, as fast as the compiler makes it.
void bare_loop(benchmark::State& state) {
    const auto cells = std::make_unique<MramCells>();
    constexpr std::size_t additions = 300;
    for (auto _ : state) {
        for (std::size_t i = 0; i < additions; ++i) {
            const BitRow& a = cells->row[i % 200];
            const BitRow& b = cells->row[i % 200 + 20];
            const BitRow differ = a ^ b;
            const BitRow carry = cells->row[255];
            cells->row[i % 30 + 221] = differ ^ carry;
            cells->row[255] = (a & b) | (differ & carry);
        }
        benchmark::ClobberMemory();
    }
    state.counters["bit additions/s"] =
        benchmark::Counter(additions, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(bare_loop);

/// Every row operation of a frame of the SVHN network, on its trained weights and a random image.
void svhn_frame(benchmark::State& state, const std::string& platform) {
    const std::string source = HYDRAVP_SOURCE_DIR;
    const platform::MramPlatformConfig config = platform::load_mram_config(source + "/configs/" + platform);
    const workloads::FloatNetwork net =
        workloads::read_onnx(source + "/workloads/models/svhn_bwn_fashion.onnx");
    const std::vector<std::uint8_t> image = workloads::random_image(net.network.input, 1);
    const workloads::BinaryNetwork binary = workloads::binarize_network(net, {image});
    memory::MramStorage storage(config.mram.subarrays);
    LayerEngine engine(config.mram, storage);
    const auto batch = static_cast<std::uint32_t>(state.range(0));
    const workloads::MappedBinaryNetwork mapped = workloads::map_binary_network(
        binary, bank_shape(config.mram), engine.tensor_base(), storage.size() - engine.tensor_base(), batch);
    for (const auto& load : mapped.loads) {
        storage.write(load.address, load.bytes.data(), load.bytes.size());
    }
    for (std::uint32_t i = 0; i < batch; ++i) {
        storage.write(mapped.input + i * image.size(), image.data(), image.size());
    }
    std::uint64_t row_operations = 0;
    for (auto _ : state) {
        row_operations = 0;
        for (const core::MramLayerRegisters& layer : mapped.layers) {
            row_operations += engine.execute(layer).row_operations();
        }
    }
    state.counters["frames/s"] = benchmark::Counter(batch, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["row operations/s"] = benchmark::Counter(static_cast<double>(row_operations),
                                                            benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(svhn_frame, sa1, "mram-sa1.yaml")->Arg(1)->Arg(8)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(svhn_frame, sa2, "mram-sa2.yaml")->Arg(8)->Unit(benchmark::kMillisecond);

/// Sense voltages of all states, 10,000 samples each: the six thresholds.
void sense_margins(benchmark::State& state) {
    const platform::MramPlatformConfig config =
        platform::load_mram_config(std::string(HYDRAVP_SOURCE_DIR) + "/configs/mram-sa2.yaml");
    for (auto _ : state) {
        benchmark::DoNotOptimize(memory::SenseMargins(config.mram.technology.cell, config.mram.variation));
    }
}
BENCHMARK(sense_margins)->Unit(benchmark::kMillisecond);

} // namespace

int sc_main(int argc, char* argv[]) { // SystemC's library has the main()
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
