// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/conv_schedule.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/workloads/network_library.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

platform::RunResults run_shape(const std::string& network, const std::vector<std::string>& overrides) {
    platform::RunOptions options;
    options.network = network;
    return platform::run(platform::load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", overrides), options);
}

/// The least time in ms that the DRAM channel is busy with one frame, by hand: 64 bytes in 10 ns; every
/// weight once, the partial sums that each unit makes of its own channels, every result once.
double least_channel_time(const core::Network& network, unsigned partial_sum_bits) {
    double bytes = 0;
    for (const core::LayerDescriptor& layer : network.layers) {
        if (layer.is_pool()) {
            continue;
        }
        const double outputs = static_cast<double>(layer.out.words());
        const double makers =
            layer.in.channels >= 16 ? 16 : 1; // with 3 channels each output is one unit's alone
        bytes += 2.0 * static_cast<double>(layer.weights()) + outputs * makers * partial_sum_bits / 8 +
                 2.0 * outputs;
    }
    return bytes / 64 * 10e-6;
}

void check_timed_vgg16(unsigned partial_sum_bits, double at_least_ms) {
    const platform::RunResults results =
        run_shape("vgg16", {"partial_sum_bits=" + std::to_string(partial_sum_bits)});
    const core::Network network = workloads::make_network("vgg16");
    const double channel = results.total.busy_ms.at("channel");
    CHECK(channel >= least_channel_time(network, partial_sum_bits));
    CHECK(channel >= at_least_ms);
    CHECK(channel <
          1.1 * least_channel_time(network, partial_sum_bits)); // refetched weights, padding, registers
    for (const auto& [resource, busy] : results.total.busy_ms) {
        CAPTURE(resource);
        CHECK(results.latency_ms >= busy);
    }
    CHECK(results.macs == network.macs());
    for (const platform::LayerResult& layer : results.layers) {
        CAPTURE(layer.name);
        CHECK(layer.end_ms - layer.start_ms > 0);
        if (layer.kind == "fc") { // 247 MB of weights and hardly any work
            CHECK(layer.bound_by == "channel");
            CHECK(layer.activity.busy_ms.at("mac") < 0.1 * (layer.end_ms - layer.start_ms));
        }
    }
}

/// Ideal time in ms by hand: groups of 32 outputs, 8 cycles of 336 ps per product, 16 units.
double ideal_time(const core::Network& network) {
    double steps = 0;
    for (const core::LayerDescriptor& layer : network.layers) {
        const auto outputs = static_cast<std::uint32_t>(layer.out.words());
        steps += layer.is_pool() ? 0
                                 : static_cast<double>(core::ceil_divide(outputs, 32)) * layer.in.channels *
                                       static_cast<double>(layer.taps()) / 16;
    }
    return steps * 8 * 336e-9;
}

void check_ideal(const std::string& network, double printed) {
    const platform::RunResults results = run_shape(network, {"transfers=ideal"});
    CHECK(results.latency_ms == Approx(ideal_time(workloads::make_network(network))).epsilon(2e-5));
    CHECK(results.latency_ms == Approx(printed).margin(0.005));
    CHECK(results.control_ms == 0);
}

} // namespace

TEST_CASE("timed VGG-16, 16-bit partial sums: the channel is as busy as it must be") {
    check_timed_vgg16(16, 102);
}
TEST_CASE("timed VGG-16, 32-bit partial sums: the channel is as busy as it must be") {
    check_timed_vgg16(32, 157);
}
TEST_CASE("timed VGG-16, 48-bit partial sums: the channel is as busy as it must be") {
    check_timed_vgg16(48, 212);
}

TEST_CASE("ideal VGG-16 takes the paper's time") {
    check_ideal("vgg16", 81.22);
}
TEST_CASE("ideal VGG-19 takes the paper's time") {
    check_ideal("vgg19", 103.07);
}
TEST_CASE("ideal ResNet-34 takes the paper's time") {
    check_ideal("resnet34", 19.13);
}
TEST_CASE("ideal ResNet-34 with projections takes 19.23 ms") {
    check_ideal("resnet34-projection", 19.23);
}

TEST_CASE("half the units take twice the ideal time") {
    const platform::RunResults results = run_shape("vgg16", {"transfers=ideal", "hydra.units=8"});
    CHECK(results.latency_ms == Approx(2 * ideal_time(workloads::make_network("vgg16"))).epsilon(2e-5));
}
TEST_CASE("a MAC of four cycles takes half the ideal time") {
    const platform::RunResults results = run_shape("vgg16", {"transfers=ideal", "hydra.mac_cycles=4"});
    CHECK(results.latency_ms == Approx(0.5 * ideal_time(workloads::make_network("vgg16"))).epsilon(2e-5));
}

TEST_CASE("the mapping of the paper's text takes 84.7 ms for VGG-16") {
    CHECK(run_shape("vgg16", {"transfers=ideal", "mapping=paper-text"}).latency_ms ==
          Approx(84.7).margin(0.1));
}
TEST_CASE("the mapping of the paper's text takes 107.1 ms for VGG-19") {
    CHECK(run_shape("vgg19", {"transfers=ideal", "mapping=paper-text"}).latency_ms ==
          Approx(107.1).margin(0.1));
}
TEST_CASE("the mapping of the paper's text takes 23.9 ms for ResNet-34") {
    CHECK(run_shape("resnet34", {"transfers=ideal", "mapping=paper-text"}).latency_ms ==
          Approx(23.9).margin(0.1));
}
