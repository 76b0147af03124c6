// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "inference_rig.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace hydravp::test {

/// A few layers of every kind with awkward sizes, a shortcut among them.
inline core::Network small_random_network(std::mt19937& random) {
    const auto pick = [&](std::initializer_list<std::uint32_t> of) {
        return *(of.begin() + random() % of.size());
    };
    core::Network net;
    net.name = "random";
    net.input = {pick({1, 2, 3, 16}), 6 + static_cast<std::uint32_t>(random() % 12),
                 6 + static_cast<std::uint32_t>(random() % 12)};
    const std::uint32_t width = pick({5, 8, 16, 20, 24, 33, 48});
    net.layers.push_back(conv("a", net.input, core::network_input, width, pick({1, 3, 5}), pick({1, 2}), 2));
    net.layers.push_back(conv("b", net.layers.back().out, 0, width, 3, 1, 1));
    net.layers.back().residual = core::ResidualInput{0, 1};
    net.layers.push_back(
        pool("p", net.layers.back().out, 1, random() % 2 == 0, pick({2, 3}), pick({1, 2}), 1));
    net.layers.push_back(conv("c", net.layers.back().out, 2, width + pick({0, 3, 16}), 3, 2, 1));
    core::LayerDescriptor d = conv("d", net.layers.back().out, 3, net.layers.back().out.channels, 3, 1, 1);
    d.residual = core::ResidualInput{2, 2}; // half the size, fewer channels
    net.layers.push_back(d);
    net.layers.push_back(fully_connected("f", d.out, 4, pick({1, 10, 33, 70})));
    net.layers.push_back(fully_connected("g", net.layers.back().out, 5, 7));
    net.validate();
    return net;
}

/// Every weight and every output counts once, however often it is fetched or copied.
inline void check_unique_words(const InferenceRig& rig) {
    const auto& layers = rig.quantized.network.layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        CAPTURE(layers[i].name);
        REQUIRE(metered(*rig.machine, "weight_words", i) == layers[i].weights());
        REQUIRE(metered(*rig.machine, "output_words", i) ==
                (layers[i].has_weights() ? layers[i].out.words() : 0));
    }
}

/// Runs a random network for each seed, and compares every word with the golden executor's, the MACs with
/// the network's.
template <class MakeNetwork>
void check_bit_exact(MakeNetwork make_network, const std::vector<std::string>& overrides, unsigned first_seed,
                     unsigned count, const std::string& system = "hydra") {
    std::vector<std::unique_ptr<InferenceRig>> rigs;
    std::vector<InferenceRig*> all;
    for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
        std::mt19937 random(seed);
        rigs.push_back(std::make_unique<InferenceRig>(make_network(random), small_platform(overrides, system),
                                                      seed, fmt::format("platform{}", seed).c_str()));
        rigs.back()->install();
        all.push_back(rigs.back().get());
    }
    simulate(all);
    for (unsigned i = 0; i < count; ++i) {
        CAPTURE(first_seed + i);
        REQUIRE(all[i]->agreement() == 1.0);
        std::uint64_t executed = 0;
        for (const auto& unit : all[i]->machine->units) {
            executed += unit->mac_count();
        }
        REQUIRE(executed == all[i]->quantized.network.macs());
        check_unique_words(*all[i]);
    }
}

} // namespace hydravp::test
