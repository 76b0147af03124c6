// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/mram_mapper.h"

#include "hydravp/core/error.h"
#include "hydravp/workloads/onnx_reader.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

core::MramBankShape bank() {
    core::MramBankShape shape;
    shape.compute_subarrays = 3584;
    shape.ports = 16;
    shape.sense_time = core::Picoseconds{1418};
    shape.write_time = core::Picoseconds{1586};
    shape.bit_addition_time = core::Picoseconds{6008};
    shape.htree_read = core::Picoseconds{21380};
    shape.htree_write = core::Picoseconds{10910};
    shape.dpu_lanes = 512;
    shape.dpu_clock = core::Picoseconds{1000};
    return shape;
}

BinaryNetwork svhn() {
    const FloatNetwork net =
        read_onnx(std::string(HYDRAVP_SOURCE_DIR) + "/workloads/models/svhn_bwn_fashion.onnx");
    return binarize_network(net, {std::vector<std::uint8_t>(net.network.input.words(), 100)});
}

constexpr std::uint64_t base = 3584ULL * 16384;
constexpr std::uint64_t bytes = 512ULL * 16384;

} // namespace

TEST_CASE("every term of every output of the SVHN network gets into a row once") {
    const BinaryNetwork net = svhn();
    const MappedBinaryNetwork mapped = map_binary_network(net, bank(), base, bytes, 1);
    std::uint64_t macs = 0;
    std::uint64_t binary_macs = 0;
    for (std::size_t i = 0; i < mapped.layers.size(); ++i) {
        const core::MramLayerRegisters& r = mapped.layers[i];
        const core::MramPlan& plan = mapped.plans[i];
        CHECK(plan.subarrays <= bank().compute_subarrays);
        if (r.layer_kind() == core::MramLayerKind::add_tree) {
            CHECK(plan.combined_operands == r.terms() * r.outputs());
            CHECK(plan.mapped_rows == plan.groups * r.terms() * 9);
            binary_macs += plan.combined_operands;
        }
        macs += r.weight_bytes() > 0 ? r.terms() * r.outputs() : 0;
    }
    CHECK(macs == 41735424);
    CHECK(binary_macs == 37064704);
}

TEST_CASE("the chosen plan is the fastest of all that were possible") {
    const BinaryNetwork net = svhn();
    const MappedBinaryNetwork mapped = map_binary_network(net, bank(), base, bytes, 8);
    const core::MramLayerRegisters* conv1 = &mapped.layers[2];
    REQUIRE(conv1->layer_kind() == core::MramLayerKind::add_tree);
    for (std::uint32_t chunks = 16; chunks < 200; ++chunks) {
        core::MramLayerRegisters other = *conv1;
        other.chunks = chunks;
        // Only operands per sub-array that differ are tried; a chunk more of the same size is never faster by
        // much.
        CHECK(plan_mram_layer(other, bank()).times.total().count() >=
              mapped.plans[2].times.total().count() * 0.98);
    }
}

TEST_CASE("tensors lie in the bank's part for them, side by side") {
    const BinaryNetwork net = svhn();
    for (const std::uint32_t batch : {1U, 8U, 32U}) {
        const MappedBinaryNetwork mapped = map_binary_network(net, bank(), base, bytes, batch);
        std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{
            {mapped.input, net.network.input.words() * batch}};
        for (const auto& r : mapped.layers) {
            ranges.emplace_back(r.output, r.outputs() * batch * r.output_bytes);
            CHECK(r.batch == batch);
        }
        for (const auto& load : mapped.loads) {
            ranges.emplace_back(load.address, load.bytes.size());
        }
        std::sort(ranges.begin(), ranges.end());
        std::uint64_t end = base;
        for (const auto& [address, size] : ranges) {
            CHECK(address >= end);
            CHECK(address % 64 == 0);
            end = address + size;
        }
        CHECK(end <= base + bytes);
    }
}

TEST_CASE("a network that does not fit is refused clearly") {
    const BinaryNetwork net = svhn();
    CHECK_THROWS_WITH(map_binary_network(net, bank(), base, 1 << 20, 32),
                      Catch::Contains("with a batch of 32, expected at most 1048576"));
    core::MramBankShape tiny = bank();
    tiny.compute_subarrays = 8;
    CHECK_THROWS_WITH(map_binary_network(net, tiny, base, bytes, 1),
                      Catch::Contains("does not fit the bank"));
}

TEST_CASE("larger batches write the kernels less often per frame") {
    const BinaryNetwork net = svhn();
    const auto rows = [&](std::uint32_t batch) {
        const MappedBinaryNetwork mapped = map_binary_network(net, bank(), base, bytes, batch);
        double sum = 0;
        for (const auto& plan : mapped.plans) {
            sum += static_cast<double>(plan.mapped_rows);
        }
        return sum / batch;
    };
    CHECK(rows(32) < rows(8));
    CHECK(rows(8) < rows(1));
}
