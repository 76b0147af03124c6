// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/transfer_energy.h"

#include "hydravp/platform/config_reader.h"
#include "hydravp/workloads/network_library.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <numeric>
#include <string>

using namespace hydravp;
using namespace hydravp::platform;

namespace {

TransferMemories memories_of(const std::string& system, const std::vector<std::string>& overrides = {}) {
    return transfer_memories(load_config(HYDRAVP_SOURCE_DIR "/configs/" + system + ".yaml", overrides));
}

struct Words {
    double weights = 0;
    double outputs = 0;
};

Words words_of(const std::string& name) {
    Words words;
    for (const core::LayerDescriptor& layer : workloads::make_network(name).layers) {
        words.weights += static_cast<double>(layer.weights());
        words.outputs += layer.is_pool() ? 0 : static_cast<double>(layer.out.words());
    }
    return words;
}

struct Ratios {
    std::array<double, 3> pcm_to_hydra;
    std::array<double, 3> pcm_to_dram;
};

double mean(const std::array<double, 3>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / 3;
}

const std::array<std::string, 3> networks{"vgg16", "vgg19", "resnet34"};

Ratios ratios(TransferAccounting accounting) {
    Ratios result{};
    for (std::size_t i = 0; i < networks.size(); ++i) {
        const Words w = words_of(networks[i]);
        const auto energy = [&](const char* system) {
            return transfer_energy_mj(w.weights, w.outputs, memories_of(system), accounting);
        };
        result.pcm_to_hydra[i] = energy("pure-pcm") / energy("hydra");
        result.pcm_to_dram[i] = energy("pure-pcm") / energy("pure-dram");
    }
    return result;
}

void check(const std::array<double, 3>& found, const std::array<double, 3>& expected, double margin) {
    for (std::size_t i = 0; i < 3; ++i) {
        CAPTURE(networks[i]);
        CHECK(found[i] == Approx(expected[i]).margin(margin));
    }
}

} // namespace

TEST_CASE("arrays with the migration write give the energies in mJ and the paper's two ratios") {
    const std::array<std::array<double, 3>, 3> by_hand{
        {{2.928, 3.060, 0.493}, {6.669, 6.944, 1.078}, {9.652, 10.264, 1.954}}};
    const std::array<const char*, 3> systems{"pure-dram", "hydra", "pure-pcm"};
    for (std::size_t s = 0; s < 3; ++s) {
        for (std::size_t n = 0; n < 3; ++n) {
            CAPTURE(systems[s], networks[n]);
            const Words w = words_of(networks[n]);
            CHECK(transfer_energy_mj(w.weights, w.outputs, memories_of(systems[s]), {false, true}) ==
                  Approx(by_hand[s][n]).margin(0.0006));
        }
    }
    const Ratios r = ratios({false, true});
    check(r.pcm_to_hydra, {1.447, 1.478, 1.813}, 0.0006);
    check(r.pcm_to_dram, {3.296, 3.354, 3.959}, 0.0006);
    CHECK(mean(r.pcm_to_hydra) == Approx(1.579).margin(0.0006));
    CHECK(mean(r.pcm_to_dram) == Approx(3.537).margin(0.0006));
}

TEST_CASE("row buffers bring the systems together") {
    const Ratios r = ratios({true, true});
    check(r.pcm_to_hydra, {1.06, 1.08, 1.28}, 0.006);
    check(r.pcm_to_dram, {2.24, 2.27, 2.58}, 0.006);
}

TEST_CASE("only weights that change the technology migrate") {
    for (const char* system : {"pure-dram", "pure-pcm"}) {
        CHECK_FALSE(memories_of(system).migrates);
        CHECK(transfer_energy_mj(7, 3, memories_of(system), {true, true}) ==
              transfer_energy_mj(7, 3, memories_of(system), {true, false}));
    }
    CHECK_FALSE(memories_of("hydra", {"weights=resident"}).migrates);
    const TransferMemories hydra = memories_of("hydra");
    CHECK(hydra.migrates);
    const double bits = 16e6;
    CHECK(transfer_energy_mj(1e6, 0, hydra, {false, false}) == Approx(2.47 * bits * 1e-9));
    CHECK(transfer_energy_mj(1e6, 0, hydra, {false, true}) == Approx((2.47 + 0.39) * bits * 1e-9));
    CHECK(transfer_energy_mj(1e6, 0, hydra, {true, true}) ==
          Approx((2.47 + 0.93 + 0.39 + 1.02) * bits * 1e-9));
    CHECK(transfer_energy_mj(0, 1e6, hydra, {true, true}) ==
          Approx((1.17 + 0.93 + 0.39 + 1.02) * bits * 1e-9));
}

TEST_CASE("every account belongs to one part, and the simulated traffic to arrays and buffers") {
    Activity activity;
    activity.energy_mj = {{"dram_array_read", 1},  {"pcm_array_write", 2},  {"dram_buffer_write", 4},
                          {"pcm_buffer_read", 8},  {"channel_io", 16},      {"link", 32},
                          {"dram_background", 64}, {"dram_refresh", 128},   {"hydra_mac", 256},
                          {"hydra_buffer", 512},   {"hydra_control", 1024}, {"pcm_background", 2048}};
    activity.counts = {{"weight_words", 7}, {"output_words", 3}};
    const Figures split = energy_split(activity.energy_mj);
    CHECK(split == Figures{{"compute", 1792}, {"transfer", 63}, {"background", 2112}, {"refresh", 128}});
    const TransferMemories hydra = memories_of("hydra");
    const Figures figures = transfer_energies(activity, hydra);
    CHECK(figures.at("simulated_array") == 3);
    CHECK(figures.at("simulated_array_buffer") == 15);
    CHECK(figures.at("array_only") == transfer_energy_mj(7, 3, hydra, {false, false}));
    CHECK(figures.at("array_only_migration") == transfer_energy_mj(7, 3, hydra, {false, true}));
    CHECK(figures.at("array_buffer") == transfer_energy_mj(7, 3, hydra, {true, false}));
    CHECK(figures.at("array_buffer_migration") == transfer_energy_mj(7, 3, hydra, {true, true}));
}
