// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/quantizer.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"
#include "hydravp/workloads/golden_executor.h"
#include "hydravp/workloads/random_network.h"

#include "naive_network.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

/// 1x1 convolution of `channels` channels and one filter on a single pixel, all weights given.
FloatNetwork dot_product(std::vector<double> weights, double bias) {
    FloatNetwork net;
    net.network.name = "dot";
    net.network.input = {static_cast<std::uint32_t>(weights.size()), 1, 1};
    core::LayerDescriptor desc;
    desc.name = "dot";
    desc.in = net.network.input;
    desc.out = {1, 1, 1};
    net.network.layers = {desc};
    net.layers = {{std::move(weights), {bias}}};
    return net;
}

std::string message_of(const FloatNetwork& net, const std::vector<std::vector<std::uint8_t>>& images) {
    try {
        quantize(net, images);
    } catch (const core::InputError& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("the covering scale is the finest that fits after rounding") {
    CHECK(covering_fraction(0) == 15);
    CHECK(covering_fraction(255.0 / 256) == 15);
    CHECK(covering_fraction(1.0) == 14);
    CHECK(covering_fraction(0.5) == 15);
    CHECK(covering_fraction(32767) == 0);
    CHECK(covering_fraction(32767.5) == -1); // a tie: the even neighbour is 32768
    CHECK(covering_fraction(32767.4) == 0);
    CHECK(covering_fraction(32768) == -1);
    CHECK(covering_fraction(100000) == -2);
    CHECK(covering_fraction(1e-300) == max_fraction);
    naive::Dice dice(1);
    for (int i = 0; i < 10000; ++i) {
        const double x =
            std::ldexp(static_cast<double>(dice(1, std::int64_t{1} << 50)), static_cast<int>(dice(-70, -35)));
        const int f = covering_fraction(x);
        CHECK(std::nearbyint(std::ldexp(x, f)) <= 32767);
        CHECK((f == max_fraction || std::nearbyint(std::ldexp(x, f + 1)) > 32767));
    }
    CHECK_THROWS_AS(covering_fraction(1e30), core::InputError);
    CHECK_THROWS_AS(covering_fraction(std::nan("")), core::InputError);
    CHECK_THROWS_AS(covering_fraction(INFINITY), core::InputError);
}

TEST_CASE("a pixel's word is the byte shifted left by seven, exactly") {
    const auto q =
        quantize(dot_product(std::vector<double>(256, 0.1), 0), {std::vector<std::uint8_t>(256, 1)});
    CHECK(q.input_fraction == 15);
    std::vector<std::uint8_t> pixels(256);
    for (std::size_t i = 0; i < 256; ++i) {
        pixels[i] = static_cast<std::uint8_t>(i);
    }
    const auto words = quantize_image(q, pixels);
    for (std::size_t i = 0; i < 256; ++i) {
        CHECK(words[i] == static_cast<std::int16_t>(i << 7));
    }
    CHECK_THROWS_AS(quantize_image(q, std::vector<std::uint8_t>(255)), core::InputError);
}

TEST_CASE("weights, bias and scales of a layer that can be followed by hand") {
    // 1.0 needs 14 fraction bits; one pixel of 128/256: 0.5 * 1.0 + 0.25 = 0.75 covers with 15.
    const auto q = quantize(dot_product({1.0, -0.3}, 0.25), {{128, 0}}, {48, {}});
    const auto& layer = q.layers[0];
    CHECK(layer.weight_fraction == 14);
    CHECK(layer.weights == std::vector<std::int16_t>{16384, -4915}); // 0.3 * 16384 = 4915.2
    CHECK(layer.bias == std::vector<std::int64_t>{std::int64_t{1} << 27});
    CHECK(layer.output_fraction == 15);
    CHECK(layer.output_shift == 14);
    CHECK(layer.partial_sum.shift == 0);
    CHECK(GoldenExecutor(q).run(quantize_image(q, {128, 0})).back()[0] == 24576);
}

TEST_CASE("ReLU6 has the word nearest to 6 as its ceiling, or none beyond the range") {
    auto net = dot_product({6}, 0);
    net.network.layers[0].activation = core::Activation::relu6;
    const auto tight = quantize(net, {{255}}); // 5.98 covers with 12 bits
    CHECK(tight.layers[0].output_fraction == 12);
    CHECK(tight.layers[0].output_ceiling == 24576);
    const auto low = quantize(net, {{128}}); // up to 3: 13 bits, the largest word is 4
    CHECK(low.layers[0].output_fraction == 13);
    CHECK(low.layers[0].output_ceiling == 32767);
    net.layers[0].weights[0] = 100; // saturates: real values are clipped at 6
    CHECK(quantize(net, {{128}}).layers[0].output_fraction == 12);
    CHECK(GoldenExecutor(quantize(net, {{128}})).run({16384}).back()[0] == 24576);
}

TEST_CASE("the slope of a leaky ReLU has 16 bits behind the point") {
    auto net = dot_product({1}, 0);
    net.network.layers[0].activation = core::Activation::leaky_relu;
    const auto word = [&](double slope) {
        net.network.layers[0].negative_slope = slope;
        return quantize(net, {{128}}).layers[0].negative_slope;
    };
    CHECK(word(0.1) == 6554); // 6553.6
    CHECK(word(0.01) == 655); // 655.36
    CHECK(word(0) == 0);
    CHECK(word(0.9999999) == 65535); // 65536 would not fit
}

TEST_CASE("members of a concat share the scale of the largest, and so does what is pooled") {
    core::Network net;
    net.name = "joined";
    net.input = {1, 1, 1};
    core::LayerDescriptor desc;
    desc.in = desc.out = net.input;
    for (const char* name : {"small", "large"}) {
        desc.name = name;
        net.layers.push_back(desc);
    }
    desc.name = "pool";
    desc.kind = core::LayerKind::max_pool;
    desc.input = 0;
    net.layers.push_back(desc);
    net.append_concat("join", {2, 1});
    FloatNetwork real;
    real.network = net;
    real.layers = {{{0.25}, {0.0}}, {{20.0}, {0.0}}, {}, {}};
    const auto q = quantize(real, {{255}});
    // 19.9 covers with 10 bits, 0.249 would with 17.
    for (const auto& layer : q.layers) {
        CHECK(layer.output_fraction == 10);
    }
    CHECK(q.input_fraction == 15);
    CHECK(GoldenExecutor(q).run(quantize_image(q, {128}))[3] == std::vector<std::int16_t>{128, 10240});
}

TEST_CASE("a scale that a later member makes coarser is that of all words before") {
    // The input is joined, by way of a copy, with a tensor of up to 100: pixels have 8 bits behind the point.
    core::Network net;
    net.name = "joined";
    net.input = {1, 1, 1};
    core::LayerDescriptor desc;
    desc.in = desc.out = net.input;
    desc.name = "first";
    net.layers.push_back(desc);
    desc.name = "second";
    desc.input = 0;
    net.layers.push_back(desc);
    net.append_concat("join", {core::network_input, 1});
    FloatNetwork real;
    real.network = net;
    real.layers = {{{1.0}, {0.0}}, {{100.0}, {0.0}}, {}, {}};
    const auto q = quantize(real, {{255}});
    CHECK(q.input_fraction == 8);
    CHECK(q.layers[0].output_fraction == 15);
    CHECK(q.layers[0].output_shift == 8 + 14 - 15);
    CHECK(q.layers[3].output_fraction == 8);
    // A circle: the coarser the input, the coarser the products that share its scale.
    real.layers[1] = {{std::ldexp(1.0, 30)}, {0.0}};
    CHECK_THAT(message_of(real, {{0}}),
               Catch::Contains("layer 'second'") && Catch::Contains("too far apart"));
}

TEST_CASE("products with few fraction bits make the scale of their class coarser") {
    core::Network net;
    net.name = "joined";
    net.input = {1, 1, 1};
    core::LayerDescriptor desc;
    desc.in = desc.out = net.input;
    desc.name = "first";
    net.layers.push_back(desc);
    desc.name = "reader";
    desc.input = 0;
    net.layers.push_back(desc);
    desc.name = "huge";
    desc.input = core::network_input;
    net.layers.push_back(desc);
    net.append_concat("join", {0, 2});
    FloatNetwork real;
    real.network = net;
    real.layers = {{{1.0}, {0.0}}, {{1.0}, {0.0}}, {{std::ldexp(1.0, 30)}, {0.0}}, {}};
    const auto q = quantize(real, {{0}});
    CHECK(q.input_fraction == 15);
    CHECK(q.layers[2].weight_fraction == -16);
    CHECK(q.layers[2].output_fraction == -1);
    CHECK(q.layers[2].output_shift == 0);
    CHECK(q.layers[0].output_fraction == -1); // made again when the third layer asked for it
    CHECK(q.layers[0].output_shift == 15 + 14 + 1);
    CHECK(q.layers[1].output_fraction == -1 + 14);
}

TEST_CASE("quantised weights are rounded half to even") {
    // With 32767 as the largest magnitude the scale is 1, so these are the words before rounding.
    const auto q = quantize(dot_product({32767, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 3.4999}, 0),
                            {std::vector<std::uint8_t>(8, 0)});
    CHECK(q.layers[0].weights == std::vector<std::int16_t>{32767, 0, 2, 2, 0, -2, -2, 3});
}

TEST_CASE("binary weights are exact") {
    const auto q = quantize(dot_product({1, -1, -1, 1}, 0), {{1, 2, 3, 4}});
    CHECK(q.layers[0].weights == std::vector<std::int16_t>{16384, -16384, -16384, 16384});
}

TEST_CASE("all-zero weights and outputs") {
    const auto q = quantize(dot_product({0, 0}, 0), {{7, 9}});
    CHECK(q.layers[0].weight_fraction == 15);
    CHECK(q.layers[0].output_fraction == 15);
    CHECK(GoldenExecutor(q).run(quantize_image(q, {7, 9})).back()[0] == 0);
}

TEST_CASE("an output has no more fraction bits than its products") {
    // 20000 has fraction 0; products have 15 bits; an output of 2^-40 could have more.
    auto net = dot_product({20000, -20000}, 1e-12);
    const auto q = quantize(net, {{50, 50}});
    CHECK(q.layers[0].output_fraction == 15);
    CHECK(q.layers[0].output_shift == 0);
}

TEST_CASE("a large bias makes the weights' scale coarser, an impossible one is an error") {
    const auto q = quantize(dot_product({1e-6}, 1000), {{1}});
    CHECK(std::abs(q.layers[0].bias[0]) < (std::int64_t{1} << 47));
    CHECK(std::abs(q.layers[0].bias[0]) >= (std::int64_t{1} << 46) / 2);
    const auto result = GoldenExecutor(q).run(quantize_image(q, {1})).back()[0];
    CHECK(std::ldexp(result, -q.layers[0].output_fraction) == Approx(1000).epsilon(1e-4));
    CHECK_THAT(message_of(dot_product({1e-6}, 1e25), {{1}}), Catch::Contains("layer 'dot': bias"));
    CHECK_THAT(message_of(dot_product({1e20}, 0), {{1}}), Catch::Contains("layer 'dot': values of"));
}

TEST_CASE("contradictory requests") {
    const auto net = dot_product({1, 2}, 0);
    CHECK_THAT(message_of(net, {}), Catch::Contains("no calibration image"));
    CHECK_THAT(message_of(net, {{1, 2, 3}}), Catch::Contains("takes 2x1x1 images, 2 bytes; an image has 3"));
    CHECK_THROWS_AS(quantize(net, {{1, 2}}, {24, {}}), std::invalid_argument);
    CHECK_THROWS_AS(quantize(net, {{1, 2}}, {32, ChannelSplits(net.layers.size(), 0)}),
                    std::invalid_argument);
    auto missing = net;
    missing.layers[0].weights.pop_back();
    CHECK_THROWS_AS(quantize(missing, {{1, 2}}), std::invalid_argument);
}

TEST_CASE("random networks: scales follow the rule, no calibration image saturates, results stay close") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        naive::Dice dice(seed);
        const auto net = random_network(naive::random_topology(dice), seed);
        constexpr int widths[] = {16, 32, 48};
        const int bits = widths[seed % 3];
        CAPTURE(seed, bits);
        std::vector<std::vector<std::uint8_t>> images{random_image(net.network.input, 1),
                                                      random_image(net.network.input, 2)};
        const auto split = [](std::uint32_t channels) { return core::channel_split(channels, 8); };
        const ChannelSplits splits = channel_splits(net.network, split);
        const auto q = quantize(net, images, {bits, splits});
        const auto ranges = measure_ranges(net, images, splits);
        const bool shared = std::any_of(q.network.layers.begin(), q.network.layers.end(),
                                        [](const auto& layer) { return layer.is_concat(); });
        int previous = q.input_fraction;
        std::vector<int> fractions;
        for (std::size_t i = 0; i < q.layers.size(); ++i) {
            const auto& desc = q.network.layers[i];
            const auto& layer = q.layers[i];
            previous = desc.input < 0 ? q.input_fraction : fractions[static_cast<std::size_t>(desc.input)];
            fractions.push_back(layer.output_fraction);
            if (!desc.has_weights()) {
                for (const int source : desc.sources()) {
                    REQUIRE(layer.output_fraction ==
                            (source < 0 ? q.input_fraction : fractions[static_cast<std::size_t>(source)]));
                }
                continue;
            }
            // Coarser only than what a tensor would need alone that shares words with a larger one.
            REQUIRE(layer.output_fraction <= covering_fraction(ranges[i].output));
            REQUIRE((shared || layer.output_fraction == covering_fraction(ranges[i].output)));
            REQUIRE(layer.output_shift == previous + layer.weight_fraction - layer.output_fraction);
            REQUIRE(layer.partial_sum.channel_split == split(desc.in.channels));
            if (desc.residual) {
                const int source = desc.residual->source;
                REQUIRE(layer.residual_shift ==
                        previous + layer.weight_fraction -
                            (source < 0 ? q.input_fraction : fractions[static_cast<std::size_t>(source)]));
            }
            // One bit of headroom, and no shift more than needed.
            const double top = std::ldexp(1.0, bits - 1) - 1;
            const double sum =
                std::ldexp(ranges[i].partial_sum, previous + layer.weight_fraction - layer.partial_sum.shift);
            REQUIRE(2 * std::nearbyint(sum) <= top);
            REQUIRE((layer.partial_sum.shift == 0 || 2 * std::nearbyint(2 * sum) > top));
        }
        const auto expected = run_float(net, images);
        GoldenExecutor golden(q);
        for (std::size_t i = 0; i < images.size(); ++i) {
            const auto& words = golden.run(quantize_image(q, images[i])).back();
            for (std::size_t k = 0; k < words.size(); ++k) {
                const double value = std::ldexp(words[k], -q.layers.back().output_fraction);
                // 16-bit partial sums of up to 8 classes with a bit of headroom lose a few thousandths of the
                // range.
                REQUIRE(std::abs(value - expected[i][k]) <=
                        (bits == 16 ? 8e-3 : 1e-3) * ranges.back().output);
            }
        }
    }
}
