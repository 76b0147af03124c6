// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/random_network.h"

#include "hydravp/workloads/network_library.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

std::vector<double> weights_of(const FloatNetwork& net, std::size_t layer, std::uint32_t first,
                               std::uint32_t count) {
    const auto& desc = net.network.layers[layer];
    std::vector<double> weights(count * desc.in.channels * desc.taps());
    read_weights(net, layer, first, count, weights.data());
    return weights;
}

} // namespace

TEST_CASE("the same seed gives the same weights, in whatever pieces they are fetched") {
    const auto a = random_network(make_network("resnet34"), 5);
    const auto b = random_network(make_network("resnet34"), 5);
    const auto other = random_network(make_network("resnet34"), 6);
    // conv1 has an odd number of weights per filter (147), so pieces start inside a random word.
    const auto all = weights_of(a, 0, 0, 64);
    CHECK(weights_of(b, 0, 0, 64) == all);
    CHECK(weights_of(other, 0, 0, 64) != all);
    CHECK(weights_of(a, 2, 0, 64) != weights_of(a, 3, 0, 64));
    std::vector<double> pieces;
    for (std::uint32_t f = 0; f < 64;) {
        const std::uint32_t n = std::min(1 + f % 4, 64 - f);
        const auto piece = weights_of(a, 0, f, n);
        pieces.insert(pieces.end(), piece.begin(), piece.end());
        f += n;
    }
    CHECK(pieces == all);
    CHECK(a.layers[0].bias == b.layers[0].bias);
    CHECK(a.layers[0].bias != other.layers[0].bias);
}

TEST_CASE("weights have He's variance, biases are small") {
    const auto net = random_network(make_network("resnet34"), 1);
    for (const std::size_t layer : {std::size_t{0}, std::size_t{2}, std::size_t{3}, net.layers.size() - 1}) {
        const auto& desc = net.network.layers[layer];
        const auto w = weights_of(net, layer, 0, desc.out.channels);
        const double n = static_cast<double>(w.size());
        const double mean = std::accumulate(w.begin(), w.end(), 0.0) / n;
        const double square = std::inner_product(w.begin(), w.end(), w.begin(), 0.0) / n;
        const double he = 2.0 / static_cast<double>(desc.in.channels * desc.taps()) / (desc.residual ? 4 : 1);
        // Five standard deviations of the estimates for a uniform distribution.
        CHECK(std::abs(mean) < 5 * std::sqrt(he / n));
        CHECK(std::abs(square / he - 1) < 5 * std::sqrt(0.8 / n));
        for (const double b : net.layers[layer].bias) {
            CHECK(std::abs(b) <= 0.05);
        }
    }
}

TEST_CASE("the fan-in of a grouped convolution's filters is that of their group") {
    core::Network depthwise;
    depthwise.name = "depthwise";
    depthwise.input = {512, 14, 14};
    core::LayerDescriptor layer;
    layer.name = "depthwise";
    layer.in = layer.out = depthwise.input;
    layer.kernel_height = layer.kernel_width = 3;
    layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = 1;
    layer.groups = 512;
    depthwise.layers = {layer};
    const auto net = random_network(depthwise, 1);
    std::vector<double> w(512 * 9);
    read_weights(net, 0, 0, 512, w.data());
    const double square =
        std::inner_product(w.begin(), w.end(), w.begin(), 0.0) / static_cast<double>(w.size());
    CHECK(std::abs(square / (2.0 / 9) - 1) < 5 * std::sqrt(0.8 / static_cast<double>(w.size())));
    // Pieces are parts of the same stream.
    std::vector<double> piece(9 * 3);
    read_weights(net, 0, 100, 3, piece.data());
    CHECK(std::equal(piece.begin(), piece.end(), w.begin() + 900));
}

TEST_CASE("generated numbers are pinned: they must not change between platforms or versions") {
    const auto net = random_network(make_network("vgg16"), 1);
    const auto image = random_image({1, 2, 4}, 1);
    CHECK(image == random_image({1, 2, 4}, 1));
    CHECK(image != random_image({1, 2, 4}, 2));
    const auto w = weights_of(net, 0, 0, 1);
    // SplitMix64 by hand: limit * int32(word) / 2^31.
    const auto mix = [](std::uint64_t key, std::uint64_t position) {
        std::uint64_t z = key + (position + 1) * 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    };
    CHECK(mix(0, 0) == 0xE220A8397B1DCDAFU); // the generator's published first output for seed 0
    const auto word = mix(mix(mix(1, 0), 0), 0);
    const double step = std::sqrt(6.0 / 27) / 2147483648.0;
    CHECK(w[0] == static_cast<std::int32_t>(word & 0xFFFFFFFFU) * step);
    CHECK(w[1] == static_cast<std::int32_t>(word >> 32) * step);
}

TEST_CASE("random images use the whole range evenly") {
    const auto image = random_image({3, 224, 224}, 9);
    REQUIRE(image.size() == 150528);
    std::vector<int> histogram(256);
    for (const auto p : image) {
        ++histogram[p];
    }
    const double expected = 150528.0 / 256;
    double chi_square = 0;
    for (const int count : histogram) {
        chi_square += (count - expected) * (count - expected) / expected;
    }
    CHECK(chi_square > 150); // 255 degrees of freedom: mean 255, standard deviation 22.6
    CHECK(chi_square < 370);
}
