// SPDX-License-Identifier: Apache-2.0
// The mappings on the simulated platform: what the optimizer promises, and how well it estimates.
#include "hydravp/core/error.h"
#include "hydravp/workloads/network_library.h"

#include "grouped_networks.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using test::TimedFrame;

namespace {

constexpr std::array<const char*, 3> mappings{"optimized", "paper-numbers", "paper-text"};

platform::PlatformConfig config_of(const std::string& system, std::vector<std::string> overrides,
                                   const std::string& mapping) {
    overrides.insert(overrides.begin(), "mapping=" + mapping);
    return test::shipped_config(system, overrides);
}

/// The optimized mapping takes at most the time of each of the paper's.
void check_never_slower(
    const std::string& system, const std::vector<std::string>& overrides, unsigned first_seed, unsigned count,
    const std::function<core::Network(std::mt19937&)>& make_network = test::busy_network) {
    std::vector<std::array<std::unique_ptr<TimedFrame>, 3>> all;
    std::vector<TimedFrame*> each;
    for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
        std::mt19937 random(seed);
        const core::Network network = make_network(random);
        auto& frames = all.emplace_back();
        for (std::size_t i = 0; i < mappings.size(); ++i) {
            frames[i] = std::make_unique<TimedFrame>(network, config_of(system, overrides, mappings[i]),
                                                     fmt::format("platform{}_{}", seed, i));
            each.push_back(frames[i].get());
        }
    }
    simulate(each);
    double gain = 0;
    for (unsigned i = 0; i < count; ++i) {
        CAPTURE(first_seed + i);
        const double optimized = all[i][0]->latency_ms();
        const double paper = std::min(all[i][1]->latency_ms(), all[i][2]->latency_ms());
        CAPTURE(all[i][1]->latency_ms(), all[i][2]->latency_ms());
        CHECK(optimized <= paper * (1 + 1e-9));
        gain += paper / optimized / count;
    }
    WARN(system << ": " << gain << " times as fast as the better of the paper's mappings, on average");
}

/// Frames of a known network, one after the other in this process.
std::vector<std::unique_ptr<TimedFrame>> simulate_known(const std::string& network,
                                                        const std::vector<const char*>& with,
                                                        const std::vector<std::string>& overrides) {
    std::vector<std::unique_ptr<TimedFrame>> frames;
    std::vector<TimedFrame*> each;
    for (const char* mapping : with) {
        frames.push_back(std::make_unique<TimedFrame>(workloads::make_network(network),
                                                      config_of("hydra", overrides, mapping),
                                                      fmt::format("platform{}", frames.size())));
        each.push_back(frames.back().get());
    }
    simulate(each);
    return frames;
}

void check_known(const std::string& network, double gain) {
    const auto frames = simulate_known(network, {"optimized", "paper-numbers", "paper-text"}, {});
    CHECK(frames[0]->latency_ms() * gain <= frames[1]->latency_ms());
    CHECK(frames[0]->latency_ms() * gain <= frames[2]->latency_ms());
    // The estimate of the frame is close, and so is that of each layer that takes some time.
    double estimate = 0;
    for (std::size_t i = 0; i < frames[0]->layers(); ++i) {
        estimate += frames[0]->estimate_ms(i);
        if (frames[0]->layer_ms(i) > 1) {
            CAPTURE(i, frames[0]->layer_ms(i));
            CHECK(frames[0]->estimate_ms(i) == Approx(frames[0]->layer_ms(i)).epsilon(0.07));
        }
    }
    CHECK(estimate == Approx(frames[0]->latency_ms()).epsilon(0.02));
}

void check_known_ideal(const std::string& network) {
    const auto frames =
        simulate_known(network, {"optimized", "paper-numbers", "paper-text"}, {"transfers=ideal"});
    CHECK(frames[0]->latency_ms() <= frames[1]->latency_ms());
    CHECK(frames[0]->latency_ms() <= frames[2]->latency_ms());
}

} // namespace

TEST_CASE("optimized VGG-16 is 1.2 times as fast as the paper's mappings, as estimated") {
    check_known("vgg16", 1.2);
}
TEST_CASE("optimized VGG-19 is 1.2 times as fast as the paper's mappings, as estimated") {
    check_known("vgg19", 1.2);
}
TEST_CASE("optimized ResNet-34 is 1.5 times as fast as the paper's mappings, as estimated") {
    check_known("resnet34", 1.5);
}
TEST_CASE("without transfer times optimized VGG-16 is not slower than the paper's mappings") {
    check_known_ideal("vgg16");
}
TEST_CASE("without transfer times optimized ResNet-34 is not slower than the paper's mappings") {
    check_known_ideal("resnet34");
}

TEST_CASE("optimized is never slower on random networks, timed") {
    check_never_slower("hydra", {"pcm.ranks=1"}, 1, 25);
}
TEST_CASE("optimized is never slower on random networks, ideal") {
    check_never_slower("hydra", {"pcm.ranks=1", "transfers=ideal"}, 100, 25);
}
TEST_CASE("optimized is never slower on random networks, 16-bit sums") {
    check_never_slower("hydra", {"pcm.ranks=1", "partial_sum_bits=16"}, 200, 15);
}
TEST_CASE("optimized is never slower on random networks, pure DRAM") {
    check_never_slower("pure-dram", {}, 300, 15);
}
TEST_CASE("optimized is never slower on random networks, pure PCM") {
    check_never_slower("pure-pcm", {"pcm.ranks=1"}, 400, 15);
}
TEST_CASE("optimized is never slower on random networks, 32 units") {
    check_never_slower("hydra", {"pcm.ranks=1", "hydra.units=32", "dram.ranks=4"}, 500, 10);
}
TEST_CASE("optimized is never slower on random networks, fast MACs") {
    check_never_slower("hydra", {"pcm.ranks=1", "hydra.mac_cycles=2", "hydra.ab_port_bits=256"}, 600, 15);
}
TEST_CASE("optimized is never slower on random networks: words of 8 bits") {
    check_never_slower("hydra", {"pcm.ranks=1", "hydra.precision=8"}, 700, 15);
}
TEST_CASE("optimized is never slower on random networks, weights migrate") {
    check_never_slower("hydra", {"pcm.ranks=1", "weights=migrate"}, 700, 10);
}

namespace {

core::Network grouped_shape(std::mt19937& random) {
    return test::random_grouped_network(random, 56);
}

} // namespace

TEST_CASE("optimized is never slower on grouped networks, timed") {
    check_never_slower("hydra", {"pcm.ranks=1"}, 800, 20, grouped_shape);
}
TEST_CASE("optimized is never slower on grouped networks, ideal") {
    check_never_slower("hydra", {"pcm.ranks=1", "transfers=ideal"}, 900, 20, grouped_shape);
}
TEST_CASE("optimized is never slower on grouped networks, weights migrate") {
    check_never_slower("hydra", {"pcm.ranks=1", "weights=migrate"}, 1000, 10, grouped_shape);
}
TEST_CASE("optimized is never slower on grouped networks, pure DRAM") {
    check_never_slower("pure-dram", {}, 1100, 10, grouped_shape);
}

TEST_CASE("a depthwise layer of 512 channels on 14 x 14 words is bound by the channel, as estimated") {
    core::Network net;
    net.name = "depthwise";
    net.input = {512, 14, 14};
    net.layers.push_back(test::grouped("depthwise", net.input, core::network_input, 512, 3, 512, 1));
    std::vector<std::unique_ptr<TimedFrame>> frames;
    for (const char* mapping : mappings) {
        frames.push_back(std::make_unique<TimedFrame>(net, config_of("hydra", {"pcm.ranks=1"}, mapping),
                                                      fmt::format("platform{}", frames.size())));
    }
    while (!std::all_of(frames.begin(), frames.end(), [](const auto& frame) { return frame->finished(); })) {
        sc_core::sc_start(10, sc_core::SC_US);
    }
    for (const auto& frame : frames) {
        frame->rethrow();
        // 100,352 sums of 32 bits and as many results of 16 bits cross the channel at 6.4 GB/s.
        const double channel_ms = 100352 * (4 + 2) / 6.4e6;
        CAPTURE(frame->layer_ms(0), frame->estimate_ms(0));
        CHECK(frame->layer_ms(0) > channel_ms);
        CHECK(frame->layer_ms(0) < 1.5 * channel_ms);
        CHECK(frame->estimate_ms(0) == Approx(frame->layer_ms(0)).epsilon(0.15));
    }
}

namespace {

/// Per frame, a batch of 8 takes no more time than a frame alone, and timed `gain` times less.
void check_known_batch(const std::string& network, double gain) {
    struct Pair {
        double gain;
        std::unique_ptr<TimedFrame> one, eight;
    };
    std::vector<Pair> all;
    std::vector<TimedFrame*> each;
    for (const char* mapping : mappings) {
        for (const char* transfers : {"timed", "ideal"}) {
            const auto run = [&](const char* batch) {
                auto frame = std::make_unique<TimedFrame>(
                    workloads::make_network(network),
                    config_of("hydra", {fmt::format("transfers={}", transfers), batch}, mapping),
                    fmt::format("platform{}", each.size()));
                each.push_back(frame.get());
                return frame;
            };
            all.push_back({std::string(transfers) == "timed" ? gain : 1.0, run("batch=1"), run("batch=8")});
        }
    }
    simulate(each);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(i, all[i].one->per_frame_ms(), all[i].eight->per_frame_ms());
        constexpr double division = 1 + 1e-12; // of picoseconds by frames
        CHECK(all[i].eight->per_frame_ms() * all[i].gain <= all[i].one->per_frame_ms() * division);
    }
}

} // namespace

TEST_CASE("VGG-16 in batches of 8 is 1.2 times as fast, under every mapping") {
    check_known_batch("vgg16", 1.2);
}
TEST_CASE("VGG-19 in batches of 8 is 1.17 times as fast, under every mapping") {
    check_known_batch("vgg19", 1.17);
}
TEST_CASE("ResNet-34 in batches of 8 is 1.1 times as fast, under every mapping") {
    check_known_batch("resnet34", 1.1);
}
