// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/binary_network.h"

#include "hydravp/core/error.h"
#include "hydravp/workloads/binary_executor.h"
#include "hydravp/workloads/float_executor.h"
#include "hydravp/workloads/onnx_reader.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

using namespace hydravp;
using namespace hydravp::workloads;
using core::LayerKind;

namespace {

core::LayerDescriptor layer(const char* name, LayerKind kind, int input, core::TensorShape in,
                            std::uint32_t filters, std::uint32_t kernel, std::uint32_t stride,
                            std::uint32_t pad, bool relu) {
    core::LayerDescriptor d;
    d.name = name;
    d.kind = kind;
    d.input = input;
    d.in = in;
    d.kernel_height = d.kernel_width = kernel;
    d.stride_height = d.stride_width = stride;
    d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = pad;
    d.out = {filters, (in.height + 2 * pad - kernel) / stride + 1,
             (in.width + 2 * pad - kernel) / stride + 1};
    d.activation = relu ? core::Activation::relu : core::Activation::none;
    return d;
}

/// 8-bit convolution, binary convolution with a scale per filter, pooling, 8-bit classifier.
FloatNetwork example() {
    FloatNetwork net;
    net.network.name = "example";
    net.network.input = {2, 8, 8};
    net.network.layers = {layer("c0", LayerKind::conv, -1, {2, 8, 8}, 6, 3, 1, 1, true),
                          layer("c1", LayerKind::conv, 0, {6, 8, 8}, 10, 3, 1, 0, true),
                          layer("p", LayerKind::average_pool, 1, {10, 6, 6}, 10, 2, 2, 0, false),
                          layer("fc", LayerKind::fully_connected, 2, {10, 3, 3}, 4, 3, 1, 0, false)};
    std::mt19937 random(6);
    std::normal_distribution<double> normal;
    for (const auto& d : net.network.layers) {
        FloatLayer values;
        if (!d.is_pool()) {
            for (std::uint32_t f = 0; f < d.out.channels; ++f) {
                const double scale = 0.05 + 0.01 * f;
                for (std::uint64_t t = 0; t < d.in.channels * d.taps(); ++t) {
                    values.weights.push_back(d.name == "c1" ? (random() % 2 == 0 ? scale : -scale)
                                                            : 0.2 * normal(random));
                }
                values.bias.push_back(0.1 * normal(random));
            }
        }
        net.layers.push_back(std::move(values));
    }
    net.network.validate();
    return net;
}

std::vector<std::uint8_t> random_image(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> image(size);
    std::generate(image.begin(), image.end(), [&] { return static_cast<std::uint8_t>(random()); });
    return image;
}

} // namespace

TEST_CASE("weights that are exactly plus and minus one magnitude are recognised") {
    const FloatNetwork net = example();
    const BinaryNetwork binary = binarize_network(net, {random_image(128, 1)});
    REQUIRE(binary.layers.size() == 4);
    CHECK_FALSE(binary.layers[0].binary);
    CHECK(binary.layers[1].binary);
    CHECK_FALSE(binary.layers[3].binary);
    for (std::size_t i = 0; i < net.layers[1].weights.size(); ++i) {
        CHECK(binary.layers[1].weights[i] == (net.layers[1].weights[i] > 0 ? 1 : -1));
    }
    CHECK(binary.layers[0].output_bytes == 1);
    CHECK(binary.layers[3].output_bytes == 2);
    CHECK(binary.layers[2].output_fraction == binary.layers[1].output_fraction);

    FloatNetwork off = net;
    off.layers[1].weights[0] *= 1 + 1e-15;
    CHECK_FALSE(binarize_network(off, {random_image(128, 1)}).layers[1].binary);
    CHECK(binarize_network(off, {random_image(128, 1)}, Binarizer::deterministic).layers[1].binary);
}

TEST_CASE("the fixed-point network follows the real one") {
    const FloatNetwork net = example();
    std::vector<std::vector<std::uint8_t>> images;
    for (unsigned seed = 0; seed < 20; ++seed) {
        images.push_back(random_image(128, seed));
    }
    const BinaryNetwork binary = binarize_network(net, images);
    BinaryExecutor executor(binary);
    const auto exact = run_float(net, images);
    double largest = 0;
    double error = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto& output = executor.run(images[i]).back();
        for (std::size_t k = 0; k < output.size(); ++k) {
            const double value = std::ldexp(output[k], -binary.layers.back().output_fraction);
            largest = std::max(largest, std::abs(exact[i][k]));
            error = std::max(error, std::abs(value - exact[i][k]));
        }
    }
    CHECK(error < 0.03 * largest);
}

TEST_CASE("a network that does not fit the model is refused") {
    const std::vector<std::vector<std::uint8_t>> images{random_image(128, 1)};
    FloatNetwork net = example();
    net.network.layers[0].activation = core::Activation::none;
    CHECK_THROWS_WITH(binarize_network(net, images), Catch::Contains("layer 'c0': found no ReLU"));
    net = example();
    net.network.layers[1].residual = core::ResidualInput{0, 1};
    CHECK_THROWS_WITH(binarize_network(net, images), Catch::Contains("found a shortcut"));
    net = example();
    net.network.layers[1].groups = 2;
    net.layers[1].weights.resize(net.network.layers[1].weights());
    CHECK_THROWS_WITH(binarize_network(net, images), Catch::Contains("found 2 groups"));
    CHECK_THROWS_AS(binarize_network(example(), {}), core::InputError);
    net = example();
    net.layers[1].bias[0] = 1e30;
    CHECK_THROWS_AS(binarize_network(net, images), core::InputError);
}

TEST_CASE("stochastic binarisation draws, and a seed fixes the draw") {
    FloatNetwork net = example();
    net.layers[1].weights[0] *= 1.5;
    const std::vector<std::vector<std::uint8_t>> images{random_image(128, 1)};
    const auto one = binarize_network(net, images, Binarizer::stochastic, 1).layers[1].weights;
    CHECK(one == binarize_network(net, images, Binarizer::stochastic, 1).layers[1].weights);
    // Filters whose weights share a magnitude stay as they are; the first one is drawn.
    const auto sign = binarize_network(net, images, Binarizer::deterministic).layers[1].weights;
    CHECK(std::equal(one.begin() + 54, one.end(), sign.begin() + 54));
    bool differs = false;
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
        differs =
            differs || binarize_network(net, images, Binarizer::stochastic, seed).layers[1].weights != sign;
    }
    CHECK(differs);
}

TEST_CASE("the shipped binary networks have the layers they were trained with") {
    const std::string models = std::string(HYDRAVP_SOURCE_DIR) + "/workloads/models/";
    struct Model {
        const char* file;
        std::uint64_t macs;
        std::vector<bool> binary; ///< of the layers with weights
    };
    for (const Model& model :
         {Model{"svhn_bwn_fashion.onnx", 41735424, {false, true, true, true, true, true, true, false}},
          Model{"vggs_bwn_fashion.onnx", 5606912, {false, true, true, true, true, true, false}}}) {
        const FloatNetwork net = read_onnx(models + model.file);
        CHECK(net.network.macs() == model.macs);
        const BinaryNetwork binary = binarize_network(net, {random_image(net.network.input.words(), 1)});
        std::vector<bool> found;
        for (std::size_t i = 0; i < binary.layers.size(); ++i) {
            if (!net.network.layers[i].is_pool()) {
                found.push_back(binary.layers[i].binary);
            }
        }
        CHECK(found == model.binary);
    }
}
