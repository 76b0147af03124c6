// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/golden_executor.h"

#include "hydravp/core/channel_split.h"

#include "naive_network.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using namespace hydravp;
using namespace hydravp::workloads;
using naive::Dice;

namespace {

std::int16_t random_word(Dice& dice, int extreme_percent) {
    if (dice(1, 100) <= extreme_percent) {
        return dice(0, 3) != 0 ? std::int16_t{-32768} : std::int16_t{32767};
    }
    return static_cast<std::int16_t>(dice(-32768, 32767));
}

PartialSumFormat random_format(Dice& dice, std::uint32_t channels) {
    PartialSumFormat format;
    constexpr std::uint32_t units[] = {1, 4, 16, 32};
    format.channel_split = core::channel_split(channels, units[dice(0, 3)]);
    constexpr int widths[] = {16, 32, 48};
    format.bits = widths[dice(0, 2)];
    format.shift = static_cast<int>(dice(0, 1) * dice(0, 20));
    return format;
}

QuantizedNetwork random_quantized(Dice& dice, int extreme_percent) {
    QuantizedNetwork net;
    net.network = naive::random_topology(dice);
    for (const auto& desc : net.network.layers) {
        QuantizedLayer layer;
        if (desc.has_weights()) {
            for (std::uint64_t i = 0; i < desc.weights(); ++i) {
                layer.weights.push_back(random_word(dice, extreme_percent));
            }
            const auto bias = std::int64_t{1} << dice(1, 46);
            for (std::uint32_t f = 0; f < desc.out.channels; ++f) {
                layer.bias.push_back(dice(-bias, bias));
            }
            layer.output_shift = static_cast<int>(dice(0, 36));
            layer.residual_shift = static_cast<int>(dice(-17, 30));
            layer.partial_sum = random_format(dice, desc.in.channels);
            layer.negative_slope = static_cast<std::uint32_t>(dice(0, 65535));
            if (desc.activation == core::Activation::relu6) {
                layer.output_ceiling = static_cast<std::int32_t>(dice(0, 32767));
            }
        }
        net.layers.push_back(std::move(layer));
    }
    return net;
}

/// One 1x1 convolution with weight 1 from `words` to `words`, or whatever the caller makes of it.
QuantizedNetwork one_layer(std::uint32_t channels, std::uint32_t filters, std::uint32_t width) {
    QuantizedNetwork net;
    net.network.name = "one layer";
    net.network.input = {channels, 1, width};
    core::LayerDescriptor desc;
    desc.name = "layer";
    desc.in = net.network.input;
    desc.out = {filters, 1, width};
    net.network.layers.push_back(desc);
    QuantizedLayer layer;
    layer.weights.assign(std::size_t{filters} * channels, 1);
    layer.bias.assign(filters, 0);
    net.layers.push_back(layer);
    return net;
}

} // namespace

TEST_CASE("random small networks agree with plain loops, word for word") {
    const int extreme_percent = GENERATE(0, 10, 100);
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        CAPTURE(seed, extreme_percent);
        Dice dice(seed * 3 + static_cast<std::uint64_t>(extreme_percent));
        const auto net = random_quantized(dice, extreme_percent);
        GoldenExecutor golden(net);
        for (int frame = 0; frame < 2; ++frame) { // the second must not see traces of the first
            std::vector<std::int16_t> image;
            for (std::uint64_t i = 0; i < net.network.input.words(); ++i) {
                image.push_back(random_word(dice, extreme_percent));
            }
            if (frame == 1) { // like pixels
                for (auto& word : image) {
                    word = word < 0 ? std::int16_t{0} : word;
                }
            }
            const auto expected = naive::run(net, image);
            const auto& actual = golden.run(image);
            REQUIRE(actual.size() == expected.size());
            for (std::size_t i = 0; i < expected.size(); ++i) {
                CAPTURE(i, net.layers[i].partial_sum.bits, net.layers[i].partial_sum.shift);
                REQUIRE(actual[i] == expected[i]);
            }
        }
    }
}

TEST_CASE("a convolution of more than one tile agrees with plain loops") {
    Dice dice(7);
    QuantizedNetwork net = one_layer(64, 5, 1);
    auto& desc = net.network.layers[0];
    net.network.input = desc.in = {64, 40, 37};
    desc.out = {5, 20, 19};
    desc.kernel_height = desc.kernel_width = 5;
    desc.stride_height = desc.stride_width = 2;
    desc.pad_top = desc.pad_left = desc.pad_bottom = desc.pad_right = 2;
    auto& layer = net.layers[0];
    layer.weights.resize(desc.weights());
    for (auto& w : layer.weights) {
        w = random_word(dice, 1);
    }
    layer.output_shift = 20;
    std::vector<std::int16_t> image(net.network.input.words());
    for (auto& word : image) {
        word = random_word(dice, 1);
    }
    for (const auto& format :
         {PartialSumFormat{1, 48, 0}, PartialSumFormat{16, 48, 0}, PartialSumFormat{16, 32, 4}}) {
        layer.partial_sum = format;
        GoldenExecutor golden(net);
        CHECK(golden.run(image) == naive::run(net, image));
    }
}

TEST_CASE("large grouped, depthwise and dilated convolutions agree with plain loops") {
    const std::uint32_t groups = GENERATE(2U, 12U, 24U); // 24: depthwise, two filters per channel
    const std::uint32_t dilation = GENERATE(1U, 3U);
    CAPTURE(groups, dilation);
    Dice dice(groups * 10 + dilation);
    QuantizedNetwork net = one_layer(24, 48, 1);
    auto& desc = net.network.layers[0];
    net.network.input = desc.in = {24, 150, 131}; // more than one tile of unfolded input
    desc.groups = groups;
    desc.kernel_height = desc.kernel_width = 3;
    desc.dilation_height = dilation;
    desc.dilation_width = 2;
    desc.pad_top = desc.pad_bottom = dilation;
    desc.pad_left = desc.pad_right = 2;
    desc.out = {48, 150, 131};
    auto& layer = net.layers[0];
    layer.weights.resize(desc.weights());
    for (auto& w : layer.weights) {
        w = random_word(dice, 1);
    }
    layer.output_shift = 18;
    std::vector<std::int16_t> image(net.network.input.words());
    for (auto& word : image) {
        word = random_word(dice, 1);
    }
    for (const auto& format :
         {PartialSumFormat{1, 48, 0}, PartialSumFormat{8, 48, 0}, PartialSumFormat{8, 16, 14}}) {
        layer.partial_sum = format;
        GoldenExecutor golden(net);
        CHECK(golden.run(image) == naive::run(net, image));
    }
}

TEST_CASE("filters of a grouped convolution see the channels of their own group only") {
    auto net = one_layer(4, 4, 1);
    net.network.layers[0].groups = 2;
    net.layers[0].weights = {1, 10, 2, 20, 3, 30, 4, 40};
    GoldenExecutor grouped(net);
    CHECK(grouped.run({1, 2, 3, 4}).back() == std::vector<std::int16_t>{21, 42, 129, 172});
    net.network.layers[0].groups = 4;
    net.layers[0].weights = {1, 10, 100, 1000};
    net.layers[0].partial_sum = {4, 16, 1}; // each channel is its own class: 1, 20, 300, 4000
    GoldenExecutor depthwise(net);
    CHECK(depthwise.run({1, 2, 3, 4}).back() == std::vector<std::int16_t>{0, 20, 300, 4000});
}

TEST_CASE("a kernel that spans its input only by its dilation leaves rows out") {
    auto net = one_layer(1, 1, 1);
    auto& desc = net.network.layers[0];
    net.network.input = desc.in = {1, 1, 3};
    desc.kernel_width = 3;
    desc.dilation_width = 2;
    desc.pad_right = 2; // as many outputs as if the kernel lay on the input
    desc.out = {1, 1, 1};
    net.layers[0].weights = {1, 10, 100};
    GoldenExecutor golden(net);
    CHECK(golden.run({1, 2, 3}).back() == std::vector<std::int16_t>{31});
}

TEST_CASE("results are rounded half to even and saturate") {
    auto net = one_layer(1, 1, 10);
    net.layers[0].output_shift = 1;
    GoldenExecutor golden(net);
    CHECK(golden.run({0, 1, 2, 3, 5, 7, -1, -3, -5, -32768}).back() ==
          std::vector<std::int16_t>{0, 0, 1, 2, 2, 4, 0, -2, -2, -16384});
    net.layers[0].output_shift = 0;
    net.layers[0].weights[0] = 2;
    GoldenExecutor doubling(net);
    CHECK(doubling.run({16383, 16384, -16384, -16385, 32767, -32768, 0, 1, -1, 5}).back() ==
          std::vector<std::int16_t>{32766, 32767, -32768, -32768, 32767, -32768, 0, 2, -2, 10});
}

TEST_CASE("every tie around zero, for every shift") {
    for (int shift = 0; shift <= 12; ++shift) {
        auto net = one_layer(1, 1, 4001);
        net.layers[0].output_shift = shift;
        GoldenExecutor golden(net);
        std::vector<std::int16_t> image, expected;
        for (int x = -2000; x <= 2000; ++x) {
            image.push_back(static_cast<std::int16_t>(x));
            expected.push_back(static_cast<std::int16_t>(std::nearbyint(std::ldexp(x, -shift))));
        }
        CHECK(golden.run(image).back() == expected);
    }
}

TEST_CASE("ReLU comes after bias and shortcut") {
    auto net = one_layer(1, 1, 3);
    net.network.layers[0].activation = core::Activation::relu;
    net.network.layers[0].residual = core::ResidualInput{core::network_input, 1};
    net.layers[0].bias[0] = -10;
    net.layers[0].residual_shift = 1;
    GoldenExecutor golden(net);
    CHECK(golden.run({3, 4, -5}).back() == std::vector<std::int16_t>{0, 2, 0}); // x - 10 + 2 x
}

TEST_CASE("a leaky ReLU multiplies negative sums and rounds once") {
    auto net = one_layer(1, 1, 8);
    net.network.layers[0].activation = core::Activation::leaky_relu;
    net.layers[0].negative_slope = 1 << 14; // a quarter
    net.layers[0].output_shift = 1;
    GoldenExecutor golden(net);
    // Sums of -4, -12, -20 are halves of -0.5, -1.5, -2.5 after both; -13 / 8 rounded twice would be -1.
    CHECK(golden.run({7, 5, 0, -4, -12, -20, -13, -32768}).back() ==
          std::vector<std::int16_t>{4, 2, 0, 0, -2, -2, -2, -4096});
    // The multiplier's operand has 48 bits.
    net.layers[0].output_shift = 44;
    net.layers[0].weights[0] = 0;
    net.layers[0].bias[0] = -(std::int64_t{1} << 47) + 1;
    net.network.layers[0].residual = core::ResidualInput{core::network_input, 1};
    net.layers[0].residual_shift = 44;
    GoldenExecutor saturating(net);
    CHECK(saturating.run({0, -1, -8, -9, -1000, -32768, 20, 8}).back() ==
          std::vector<std::int16_t>{-2, -2, -2, -2, -2, -2, 12, 0});
}

TEST_CASE("ReLU6 clips at its ceiling") {
    auto net = one_layer(1, 1, 5);
    net.network.layers[0].activation = core::Activation::relu6;
    net.layers[0].output_ceiling = 24576;
    GoldenExecutor golden(net);
    CHECK(golden.run({-5, 3, 24575, 24577, 32767}).back() ==
          std::vector<std::int16_t>{0, 3, 24575, 24576, 24576});
}

TEST_CASE("padding counts as zeros in an average if the layer says so, what lies beyond it never") {
    QuantizedNetwork net;
    net.network.name = "average";
    net.network.input = {1, 1, 4};
    core::LayerDescriptor desc;
    desc.name = "average";
    desc.kind = core::LayerKind::average_pool;
    desc.in = net.network.input;
    desc.kernel_width = 3;
    desc.stride_width = 2;
    desc.pad_left = desc.pad_right = 1;
    desc.count_include_pad = true;
    desc.ceil_mode = true;
    desc.out = {1, 1, 3}; // windows [-1, 2), [1, 4), [3, 6) of which 5 lies beyond the padding
    net.network.layers = {desc};
    net.layers.resize(1);
    GoldenExecutor golden(net);
    CHECK(golden.run({300, 600, 900, 1200})[0] == std::vector<std::int16_t>{300, 900, 600});
    net.network.layers[0].count_include_pad = false;
    GoldenExecutor inside(net);
    CHECK(inside.run({300, 600, 900, 1200})[0] == std::vector<std::int16_t>{450, 900, 1200});
}

TEST_CASE("a shortcut with fewer channels and subsampling leaves the other channels alone") {
    auto net = one_layer(1, 2, 5);
    auto& desc = net.network.layers[0];
    desc.stride_width = 2;
    desc.out.width = 3;
    desc.residual = core::ResidualInput{core::network_input, 2};
    net.layers[0].weights = {0, 1};
    GoldenExecutor golden(net);
    CHECK(golden.run({1, 2, 3, 4, 5}).back() == std::vector<std::int16_t>{1, 3, 5, 1, 3, 5});
}

TEST_CASE("partial sums saturate and are rounded class by class") {
    auto net = one_layer(2, 1, 1);
    net.layers[0].weights = {32767, -32767};
    net.layers[0].output_shift = 10;
    net.layers[0].partial_sum = {2, 16, 0};
    // 2 * 32767 and -32767: the first saturates before the classes meet.
    GoldenExecutor narrow(net);
    CHECK(narrow.run({2048, 1024}).back()[0] == 0); // 32767 - 32768
    net.layers[0].partial_sum = {1, 48, 0};
    GoldenExecutor exact(net);
    CHECK(exact.run({2048, 1024}).back()[0] == 32767);
    // 1 + 1 at shift 1: each class is a tie and goes to the even 0.
    net.layers[0].weights = {1, 1};
    net.layers[0].output_shift = 0;
    net.layers[0].partial_sum = {2, 32, 1};
    GoldenExecutor rounded(net);
    CHECK(rounded.run({1, 1}).back()[0] == 0);
    CHECK(rounded.run({3, 1}).back()[0] == 4);
}

TEST_CASE("pooling ignores the padding and rounds an average half to even") {
    QuantizedNetwork net;
    net.network.name = "pools";
    net.network.input = {1, 1, 4};
    core::LayerDescriptor desc;
    desc.name = "average";
    desc.kind = core::LayerKind::average_pool;
    desc.in = net.network.input;
    desc.kernel_width = 2;
    desc.pad_left = 1;
    desc.pad_right = 1;
    desc.out = {1, 1, 5};
    net.network.layers = {desc};
    desc.name = "maximum";
    desc.kind = core::LayerKind::max_pool;
    net.network.layers.push_back(desc);
    net.layers.resize(2);
    GoldenExecutor golden(net);
    const auto& out = golden.run({-1, 0, -3, -2});
    CHECK(out[0] == std::vector<std::int16_t>{-1, 0, -2, -2, -2}); // ties -0.5, -1.5, -2.5
    CHECK(out[1] == std::vector<std::int16_t>{-1, 0, 0, -2, -2});
    CHECK(golden.run({1, 2, 3, 4})[0] == std::vector<std::int16_t>{1, 2, 2, 4, 4});
    CHECK(golden.run({-32768, -32768, 32767, 32767})[1] ==
          std::vector<std::int16_t>{-32768, -32768, 32767, 32767, 32767});
}

TEST_CASE("a whole layer of -32768 is exact") {
    auto net = one_layer(4096, 3, 2);
    net.layers[0].weights.assign(3 * 4096, -32768);
    net.layers[0].output_shift = 28;
    for (const auto& format :
         {PartialSumFormat{1, 48, 0}, PartialSumFormat{16, 48, 0}, PartialSumFormat{16, 32, 8}}) {
        net.layers[0].partial_sum = format;
        GoldenExecutor golden(net);
        // 4096 * 2^30 / 2^28. A class of 256 channels sums up to 2^38, after 8 bits shift 2^30: no
        // saturation.
        CHECK(golden.run(std::vector<std::int16_t>(8192, -32768)).back() ==
              std::vector<std::int16_t>(6, 16384));
    }
}

TEST_CASE("the predicted class is the lowest index of the largest word") {
    CHECK(argmax({1, 5, 3, 5}) == 1);
    CHECK(argmax({-7, -7}) == 0);
    CHECK(argmax({-32768}) == 0);
}

TEST_CASE("contradictory networks are refused") {
    const auto broken = [](auto change) {
        auto net = one_layer(4, 2, 3);
        change(net);
        CHECK_THROWS_AS(GoldenExecutor(net), std::invalid_argument);
    };
    broken([](auto& net) { net.layers.clear(); });
    broken([](auto& net) { net.layers[0].weights.pop_back(); });
    broken([](auto& net) { net.layers[0].bias.push_back(0); });
    broken([](auto& net) { net.layers[0].bias[0] = std::int64_t{1} << 47; });
    broken([](auto& net) { net.layers[0].partial_sum.channel_split = 0; });
    broken([](auto& net) { net.layers[0].partial_sum.channel_split = 0; });
    broken([](auto& net) { net.layers[0].partial_sum.bits = 64; });
    broken([](auto& net) { net.layers[0].output_shift = -1; });
    broken([](auto& net) { net.network.layers[0].in.channels = 5; });
    const auto net = one_layer(4, 2, 3);
    GoldenExecutor golden(net);
    CHECK_THROWS_AS(golden.run(std::vector<std::int16_t>(11)), std::invalid_argument);
}
