// SPDX-License-Identifier: Apache-2.0
// A frame of each known network at its full size, with random weights: every word of every layer, as it lies
// in the simulated DRAM, is that of the golden executor.
#include "hydravp/platform/reproduction.h"
#include "hydravp/workloads/network_library.h"

#include "program.h"

#include <catch2/catch.hpp>

#include <string>

using namespace hydravp;

namespace {

void check_frame(const std::string& network, const std::string& with = "") {
    const test::TemporaryFolder folder;
    const test::Outcome outcome = test::hydravp_in(folder, "run " + with + " --network " + network +
                                                               " --data functional --seed 7 --out out");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    const platform::Figures figures = platform::read_results_json(folder / "out/results.json");
    CHECK(figures.at("/accuracy/images") == 1);
    CHECK(figures.at("/accuracy/golden_agreement") == 1);
    CHECK(figures.at("/macs") == static_cast<double>(workloads::make_network(network).macs()));
}

} // namespace

TEST_CASE("VGG-16 is bit-exact at full size") {
    check_frame("vgg16");
}
TEST_CASE("VGG-16 is bit-exact at full size, optimized, 16-bit sums") {
    check_frame("vgg16", "--set mapping=optimized --set partial_sum_bits=16");
}
TEST_CASE("VGG-19 is bit-exact at full size") {
    check_frame("vgg19");
}
TEST_CASE("ResNet-34 is bit-exact at full size") {
    check_frame("resnet34");
}
TEST_CASE("ResNet-34 with projections is bit-exact at full size, weights migrate") {
    check_frame("resnet34-projection", "--set weights=migrate");
}
TEST_CASE("ResNet-34 is bit-exact at full size, as in the paper's text, ideal, 48-bit sums") {
    check_frame("resnet34", "--set mapping=paper-text --set transfers=ideal --set partial_sum_bits=48");
}
TEST_CASE("ResNet-50 is bit-exact at full size") {
    check_frame("resnet50");
}
TEST_CASE("AlexNet and its groups are bit-exact at full size, optimized") {
    check_frame("alexnet", "--set mapping=optimized");
}
TEST_CASE("MobileNets and their depthwise convolutions are bit-exact at full size") {
    check_frame("mobilenet-v1");
    check_frame("mobilenet-v2");
    check_frame("mobilenet-v2", "--set mapping=optimized --set partial_sum_bits=16");
}
TEST_CASE("GoogLeNet and SqueezeNet and their joined branches are bit-exact at full size") {
    check_frame("googlenet");
    check_frame("squeezenet");
    check_frame("squeezenet", "--set mapping=optimized --set partial_sum_bits=16");
}
TEST_CASE("ResNet-34 is bit-exact at full size, in pure DRAM and in pure PCM") {
    check_frame("resnet34", "'" HYDRAVP_SOURCE_DIR "/configs/pure-dram.yaml'");
    check_frame("resnet34", "'" HYDRAVP_SOURCE_DIR "/configs/pure-pcm.yaml'");
}
