// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/golden_executor.h"
#include "hydravp/workloads/idx_reader.h"
#include "hydravp/workloads/onnx_reader.h"
#include "hydravp/workloads/quantizer.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

const std::string images_folder = "/usr/share/datasets/fashion-mnist/";

FloatNetwork read_model() {
    return read_onnx(std::string(HYDRAVP_SOURCE_DIR) + "/workloads/models/vggs_fashion.onnx");
}

QuantizedNetwork quantized(const FloatNetwork& net, int partial_sum_bits, int word_bits = 16) {
    const auto train = read_idx_images(images_folder + "train-images-idx3-ubyte.gz", 500);
    return quantize(net, train.first(500), {partial_sum_bits, {}, word_bits});
}

LabelledImages test_set(std::size_t count) {
    return read_idx_dataset(images_folder + "t10k-images-idx3-ubyte.gz",
                            images_folder + "t10k-labels-idx1-ubyte.gz", 10, count);
}

std::size_t top1(const QuantizedNetwork& net, const LabelledImages& set) {
    GoldenExecutor golden(net);
    std::size_t right = 0;
    for (std::size_t i = 0; i < set.images.count; ++i) {
        right += argmax(golden.run(quantize_image(net, set.images.image(i))).back()) == set.labels[i] ? 1 : 0;
    }
    return right;
}

} // namespace

TEST_CASE("16-bit words keep the trained network's accuracy on all 10,000 test images") {
    // Measured in training, in floating point: 92.65 %.
    CHECK(std::abs(static_cast<int>(top1(quantized(read_model(), 48), test_set(0))) - 9265) <= 10);
}

TEST_CASE("8-bit words, one scale per tensor, cost the trained network less than 0.5 % of the test images") {
    CHECK(top1(quantized(read_model(), 32, 8), test_set(0)) >= 9215);
}

TEST_CASE("16-bit words predict the floating-point network's class") {
    const auto net = read_model();
    const auto q = quantized(net, 48);
    const auto set = test_set(1000);
    const auto expected = run_float(net, set.images.first(1000));
    GoldenExecutor golden(q);
    std::size_t same = 0;
    std::size_t right = 0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const auto label = argmax(golden.run(quantize_image(q, set.images.image(i))).back());
        const auto& e = expected[i];
        same += label == static_cast<std::size_t>(std::max_element(e.begin(), e.end()) - e.begin()) ? 1 : 0;
        right += label == set.labels[i] ? 1 : 0;
    }
    CHECK(same >= 998); // an image between two classes may flip
    // The first 1000 images are a sample of the 10,000: 926.5 expected, standard deviation 8; four of them
    // allowed.
    CHECK(right >= 894);
    CHECK(right <= 959);
}

TEST_CASE("narrow partial sums keep the accuracy") {
    const auto net = read_model();
    const auto set = test_set(1000);
    const auto exact = static_cast<int>(top1(quantized(net, 48), set));
    CHECK(std::abs(static_cast<int>(top1(quantized(net, 32), set)) - exact) <= 2);
    CHECK(std::abs(static_cast<int>(top1(quantized(net, 16), set)) - exact) <= 10);
}
