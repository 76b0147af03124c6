// SPDX-License-Identifier: Apache-2.0
// 8-bit precision: the words that the machine computes, and what halving them does to its traffic and time.
#include "bit_exact.h"
#include "branching_networks.h"
#include "grouped_networks.h"
#include "naive_network.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using test::conv;
using test::InferenceRig;
using test::small_platform;

namespace {

void check(std::vector<std::string> overrides, unsigned first_seed, const std::string& system = "hydra") {
    overrides.emplace_back("hydra.precision=8");
    test::check_bit_exact(
        [](std::mt19937& random) {
            switch (random() % 3) {
            case 0:
                return test::small_random_network(random);
            case 1:
                return test::random_grouped_network(random, 14);
            default:
                return test::random_branching_network(random);
            }
        },
        overrides, first_seed, 15, system);
}

/// Rows and planes are whole bursts in both precisions.
core::Network even_network() {
    core::Network net;
    net.name = "even";
    net.input = {16, 16, 16};
    net.layers.push_back(conv("a", net.input, core::network_input, 32, 3, 1, 1));
    net.layers.push_back(conv("b", net.layers[0].out, 0, 32, 3, 1, 1));
    net.layers.back().residual = core::ResidualInput{0, 1};
    net.layers.push_back(test::pool("p", net.layers[1].out, 1, true, 2, 2, 0));
    net.layers.push_back(test::fully_connected("f", net.layers[2].out, 2, 64));
    net.validate();
    return net;
}

/// Every weight and every word of the image at an extreme.
InferenceRig extreme(std::int16_t weight, std::int16_t word, const char* name) {
    const platform::PlatformConfig config = small_platform({"hydra.precision=8"});
    core::Network net = even_network();
    for (auto& layer : net.layers) {
        layer.activation = core::Activation::none;
    }
    test::RandomNetwork random(net, config, 1);
    std::fill(random.input.begin(), random.input.end(), word);
    for (auto& layer : random.quantized.layers) {
        std::fill(layer.weights.begin(), layer.weights.end(), weight);
    }
    return {std::move(random), config, name};
}

} // namespace

TEST_CASE("words of 8 bits are those of the golden executor, timed") {
    check({}, 1);
}
TEST_CASE("words of 8 bits are those of the golden executor, ideal, 48-bit sums") {
    check({"transfers=ideal", "partial_sum_bits=48"}, 40);
}
TEST_CASE("words of 8 bits are those of the golden executor, 16-bit sums, as in the paper's text") {
    check({"mapping=paper-text", "partial_sum_bits=16"}, 80);
}
TEST_CASE("words of 8 bits are those of the golden executor, optimized") {
    check({"mapping=optimized"}, 120);
}
TEST_CASE("words of 8 bits are those of the golden executor, weights migrate") {
    check({"weights=migrate"}, 160);
}
TEST_CASE("words of 8 bits are those of the golden executor, weights resident, small buffers") {
    check({"weights=resident", "pcm.channels=0", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
           "hydra.activation_buffer=2 KiB"},
          200);
}
TEST_CASE("words of 8 bits are those of the golden executor, pure PCM") {
    check({}, 240, "pure-pcm");
}

TEST_CASE("extremes of 8 bits saturate") {
    InferenceRig a = extreme(-128, -128, "a");
    InferenceRig b = extreme(127, -128, "b");
    InferenceRig c = extreme(127, 127, "c");
    for (InferenceRig* rig : {&a, &b, &c}) {
        rig->install();
    }
    test::simulate({&a, &b, &c});
    for (const InferenceRig* rig : {&a, &b, &c}) {
        CHECK(rig->agreement() == 1.0);
        const auto expected = naive::run(rig->quantized, rig->input);
        CHECK(rig->found == expected);
    }
    const auto largest = [](const InferenceRig& rig) {
        return *std::max_element(rig.found[0].begin(), rig.found[0].end());
    };
    CHECK(largest(a) == 127);
    CHECK(*std::min_element(b.found[0].begin(), b.found[0].end()) == -128);
    CHECK(largest(c) == 127);
}

TEST_CASE("activations, weights and results of 8 bits are half the traffic, in half the ideal time") {
    const auto frame = [](const char* precision, const char* name) {
        return std::make_unique<InferenceRig>(even_network(), small_platform({precision, "transfers=ideal"}),
                                              3, name);
    };
    const auto wide = frame("hydra.precision=16", "wide");
    const auto narrow = frame("hydra.precision=8", "narrow");
    wide->install();
    narrow->install();
    test::simulate(std::vector<InferenceRig*>{wide.get(), narrow.get()});
    CHECK(narrow->agreement() == 1.0);
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        for (const char* words : {"dram_words_activation", "dram_words_pool"}) { // of 16 bits, in memory
            CHECK(2 * test::metered(*narrow->machine, words, i) == test::metered(*wide->machine, words, i));
        }
        for (const char* unique : {"weight_words", "output_words", "macs"}) {
            CHECK(test::metered(*narrow->machine, unique, i) == test::metered(*wide->machine, unique, i));
        }
    }
    const core::Picoseconds of_wide = wide->inference->frames()[0].latency();
    CHECK(2 * narrow->inference->frames()[0].latency() == of_wide);
    // Biases have 8 bytes in both.
    std::uint64_t biases = 0;
    std::uint64_t models[2] = {0, 0};
    for (std::size_t i = 0; i < 4; ++i) {
        biases += i == 2 ? 0 : core::bias_block_bytes(even_network().layers[i].out.channels);
        models[0] += narrow->mapped.layers[i].model_bytes;
        models[1] += wide->mapped.layers[i].model_bytes;
    }
    CHECK(2 * (models[0] - biases) == models[1] - biases);
}

TEST_CASE("a multiplier takes as many cycles as its bits need") {
    accelerators::hydra::HydraConfig config;
    using accelerators::hydra::Multiplier;
    const auto cycles = [&](Multiplier multiplier, std::uint32_t precision) {
        config.multiplier = multiplier;
        config.precision = precision;
        return config.cycles_per_mac();
    };
    CHECK(cycles(Multiplier::booth_radix_4, 16) == 8);
    CHECK(cycles(Multiplier::booth_radix_4, 8) == 4);
    CHECK(cycles(Multiplier::booth_radix_2, 16) == 16);
    CHECK(cycles(Multiplier::booth_radix_2, 8) == 8);
    CHECK(cycles(Multiplier::parallel, 16) == 1);
    config.mac_cycles = 3;
    CHECK(cycles(Multiplier::booth_radix_4, 16) == 3);
    // 32 operands of 8 bits fill a port of 64 bits for 4 cycles.
    config.precision = 8;
    config.mac_cycles = 1;
    CHECK(config.step_time() == 4 * config.clock_period);
}
