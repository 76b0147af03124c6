// SPDX-License-Identifier: Apache-2.0
// Activation functions and the options of poolings, on the whole platform against the golden executor.
#include "hydravp/platform/inference.h"

#include "inference_rig.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

using namespace hydravp;
using core::Activation;
using test::conv;
using test::fully_connected;
using test::InferenceRig;
using test::pool;
using test::simulate;
using test::small_platform;

namespace {

/// Two convolutions, the second with a shortcut, and a fully-connected layer, all with the same function.
core::Network activated(Activation activation, double slope) {
    core::Network net;
    net.name = core::to_string(activation);
    net.input = {3, 11, 13};
    net.layers.push_back(conv("a", net.input, core::network_input, 20, 3, 1, 1));
    net.layers.push_back(conv("b", net.layers[0].out, 0, 20, 3, 1, 1));
    net.layers.back().residual = core::ResidualInput{0, 1};
    net.layers.push_back(fully_connected("c", net.layers[1].out, 1, 40));
    for (auto& layer : net.layers) {
        layer.activation = activation;
        layer.negative_slope = slope;
    }
    net.validate();
    return net;
}

std::size_t count(const InferenceRig& rig, std::size_t layer, std::int16_t low, std::int16_t high) {
    const auto& words = rig.found.at(layer);
    return static_cast<std::size_t>(
        std::count_if(words.begin(), words.end(), [&](auto w) { return w >= low && w <= high; }));
}

/// A pooling whose output size rounds up.
core::LayerDescriptor ceiled(core::LayerDescriptor layer) {
    layer.ceil_mode = true;
    const auto outputs = [](std::uint32_t in, std::uint32_t kernel, std::uint32_t stride, std::uint32_t pad) {
        std::uint32_t windows = 1;
        // A window more as long as the last one leaves something, and the new one begins before the padding's
        // end.
        while ((windows - 1) * stride + kernel < in + 2 * pad && windows * stride < in + pad) {
            ++windows;
        }
        return windows;
    };
    layer.out.height = outputs(layer.in.height, layer.kernel_height, layer.stride_height, layer.pad_top);
    layer.out.width = outputs(layer.in.width, layer.kernel_width, layer.stride_width, layer.pad_left);
    return layer;
}

core::Network pooled(bool maximum, bool ceil_mode, bool count_include_pad, std::uint32_t kernel,
                     std::uint32_t stride, std::uint32_t pad) {
    core::Network net;
    net.name = "pooled";
    net.input = {2, 12, 15};
    net.layers.push_back(conv("a", net.input, core::network_input, 17, 3, 1, 1, false));
    net.layers.push_back(pool("p", net.layers[0].out, 0, maximum, kernel, stride, pad));
    if (ceil_mode) {
        net.layers.back() = ceiled(net.layers.back());
    }
    net.layers.back().count_include_pad = count_include_pad;
    net.layers.push_back(conv("b", net.layers[1].out, 1, 9, 1, 1, 0));
    net.validate();
    return net;
}

void check_activations(const char* overrides) {
    InferenceRig none(activated(Activation::none, 0), small_platform({overrides}), 1, "none");
    InferenceRig relu(activated(Activation::relu, 0), small_platform({overrides}), 1, "relu");
    test::RandomNetwork random(activated(Activation::relu6, 0), small_platform({overrides}), 1);
    // The random network stays below 6; with this ceiling it doesn't.
    constexpr std::int16_t ceiling = 3000;
    for (auto& layer : random.quantized.layers) {
        layer.output_ceiling = ceiling;
    }
    InferenceRig six(std::move(random), small_platform({overrides}), "six");
    InferenceRig leaky(activated(Activation::leaky_relu, 0.1), small_platform({overrides}), 1, "leaky");
    InferenceRig steep(activated(Activation::leaky_relu, 0.999), small_platform({overrides}), 1, "steep");
    const std::vector<InferenceRig*> rigs{&none, &relu, &six, &leaky, &steep};
    for (InferenceRig* rig : rigs) {
        rig->install();
    }
    simulate(rigs);
    for (const InferenceRig* rig : rigs) {
        CAPTURE(rig->quantized.network.name);
        REQUIRE(rig->agreement() == 1.0);
    }
    // Each function has had something to do in each layer.
    for (std::size_t layer = 0; layer < 3; ++layer) {
        CAPTURE(layer);
        CHECK(count(none, layer, -32768, -1) > 0);
        CHECK(count(relu, layer, -32768, -1) == 0);
        CHECK(count(relu, layer, 0, 0) > 0);
        CHECK(count(six, layer, -32768, -1) == 0);
        CHECK(count(six, layer, ceiling, ceiling) > 0);
        CHECK(count(six, layer, ceiling + 1, 32767) == 0);
        CHECK(count(leaky, layer, -32768, -1) > 0);
    }
    const auto least = [](const InferenceRig& rig) {
        return std::ldexp(*std::min_element(rig.found[0].begin(), rig.found[0].end()),
                          -rig.quantized.layers[0].output_fraction);
    };
    CHECK(least(leaky) == Approx(0.1 * least(none)).epsilon(0.001));
    CHECK(least(steep) == Approx(0.999 * least(none)).epsilon(0.001));
}

void check_poolings(const char* overrides) {
    struct Window {
        std::uint32_t kernel, stride, pad;
    };
    std::vector<std::unique_ptr<InferenceRig>> rigs;
    std::vector<InferenceRig*> all;
    for (const Window& w : {Window{3, 2, 1}, Window{2, 2, 0}, Window{3, 3, 1}, Window{2, 3, 1}}) {
        for (const int option : {0, 1, 2, 3, 4, 5}) {
            const bool maximum = option < 2;
            const bool ceil_mode = option % 2 != 0;
            const bool include = option >= 4;
            rigs.push_back(std::make_unique<InferenceRig>(
                pooled(maximum, ceil_mode, include, w.kernel, w.stride, w.pad), small_platform({overrides}),
                all.size() + 1, fmt::format("platform{}", all.size()).c_str()));
            rigs.back()->install();
            all.push_back(rigs.back().get());
        }
    }
    simulate(all);
    for (const InferenceRig* rig : all) {
        const auto& layer = rig->quantized.network.layers[1];
        CAPTURE(layer.kernel_height, layer.stride_height, layer.pad_top, core::to_string(layer.kind),
                layer.ceil_mode, layer.count_include_pad);
        REQUIRE(rig->agreement() == 1.0);
    }
}

} // namespace

TEST_CASE("activation functions are those of the golden executor, ideal") {
    check_activations("transfers=ideal");
}
TEST_CASE("activation functions are those of the golden executor, 16-bit sums") {
    check_activations("partial_sum_bits=16");
}
TEST_CASE("activation functions are those of the golden executor, mapped as in the paper's text") {
    check_activations("mapping=paper-text");
}
TEST_CASE("poolings that round up or count their padding are those of the golden executor") {
    check_poolings("transfers=timed");
}
TEST_CASE("poolings that round up or count their padding are those of the golden executor, small buffers") {
    check_poolings("hydra.activation_buffer=2 KiB");
}
TEST_CASE("poolings that round up or count their padding are those of the golden executor, optimized") {
    check_poolings("mapping=optimized");
}
