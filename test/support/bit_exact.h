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

/// Every weight and every output counts once, however often it is fetched or copied.
inline void check_unique_words(const InferenceRig& rig) {
    const auto& layers = rig.quantized.network.layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        CAPTURE(layers[i].name);
        REQUIRE(metered(*rig.machine, "weight_words", i) == layers[i].weights());
        REQUIRE(metered(*rig.machine, "output_words", i) ==
                (layers[i].is_pool() ? 0 : layers[i].out.words()));
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
