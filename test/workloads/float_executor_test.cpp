// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/float_executor.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"
#include "hydravp/workloads/random_network.h"

#include "naive_network.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

std::uint32_t split16(std::uint32_t channels) {
    return core::channel_split(channels, 16);
}

/// The same network with its weights in the layers.
FloatNetwork materialised(FloatNetwork net) {
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const auto& layer = net.network.layers[i];
        if (layer.has_weights()) {
            net.layers[i].weights.resize(layer.weights());
            read_weights(net, i, 0, layer.out.channels, net.layers[i].weights.data());
        }
    }
    net.weight_source = nullptr;
    return net;
}

} // namespace

TEST_CASE("random networks agree with plain loops in results, ranges and partial sums") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        naive::Dice dice(seed);
        const auto net = materialised(random_network(naive::random_topology(dice), seed));
        std::vector<std::vector<std::uint8_t>> images;
        for (std::uint64_t i = 0; i < 3; ++i) {
            images.push_back(random_image(net.network.input, seed + i));
        }
        const auto results = run_float(net, images);
        const auto ranges = measure_ranges(net, images, channel_splits(net.network, split16));
        std::vector<LayerRange> expected(net.layers.size());
        for (std::size_t i = 0; i < images.size(); ++i) {
            const auto frame = naive::run(net, images[i], split16);
            for (std::size_t l = 0; l < expected.size(); ++l) {
                for (const double x : frame.outputs[l]) {
                    expected[l].output = std::max(expected[l].output, std::abs(x));
                }
                expected[l].partial_sum = std::max(expected[l].partial_sum, frame.largest_partial_sum[l]);
            }
            REQUIRE(results[i].size() == frame.outputs.back().size());
            for (std::size_t k = 0; k < results[i].size(); ++k) {
                REQUIRE(results[i][k] == Approx(frame.outputs.back()[k]).margin(1e-12));
            }
        }
        for (std::size_t l = 0; l < expected.size(); ++l) {
            REQUIRE(ranges[l].output == Approx(expected[l].output).margin(1e-12));
            REQUIRE(ranges[l].partial_sum == Approx(expected[l].partial_sum).margin(1e-12));
        }
        const auto without = measure_ranges(net, images);
        for (std::size_t l = 0; l < expected.size(); ++l) {
            REQUIRE(without[l].output == Approx(expected[l].output).margin(1e-12));
            REQUIRE(without[l].partial_sum == 0);
        }
    }
}

TEST_CASE("more images than one batch holds") {
    naive::Dice dice(3);
    const auto net = random_network(naive::random_topology(dice), 3);
    std::vector<std::vector<std::uint8_t>> images;
    for (std::uint64_t i = 0; i < 600; ++i) {
        images.push_back(random_image(net.network.input, i));
    }
    const auto results = run_float(net, images);
    REQUIRE(results.size() == 600);
    for (const std::size_t i : {0, 255, 256, 599}) {
        const auto alone = run_float(net, {images[i]})[0];
        for (std::size_t k = 0; k < alone.size(); ++k) {
            CHECK(results[i][k] == Approx(alone[k]).margin(1e-12));
        }
    }
}

TEST_CASE("images of the wrong size are refused") {
    naive::Dice dice(4);
    const auto net = random_network(naive::random_topology(dice), 4);
    auto image = random_image(net.network.input, 1);
    image.pop_back();
    CHECK_THROWS_AS(run_float(net, {image}), core::InputError);
    CHECK_THROWS_AS(measure_ranges(net, {random_image(net.network.input, 1), image}), core::InputError);
}
