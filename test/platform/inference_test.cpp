// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/inference.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/workloads/golden_executor.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/quantizer.h"

#include "bit_exact.h"
#include "inference_rig.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <bitset>
#include <memory>
#include <random>

using namespace hydravp;
using platform::Inference;
using test::conv;
using test::fully_connected;
using test::InferenceRig;
using test::metered;
using test::pool;
using test::simulate;
using test::small_platform;

namespace {

/// conv, pool, conv, fc: small enough to run in a blink.
core::Network small_network() {
    core::Network net;
    net.name = "small";
    net.input = {1, 12, 12};
    net.layers.push_back(conv("conv1", net.input, core::network_input, 16, 3, 1, 1));
    net.layers.push_back(pool("pool1", net.layers[0].out, 0, true, 2, 2, 0));
    net.layers.push_back(conv("conv2", net.layers[1].out, 1, 32, 3, 1, 1));
    net.layers.push_back(fully_connected("fc", net.layers[2].out, 2, 10));
    net.validate();
    return net;
}

void check_random_networks(const std::vector<std::string>& overrides, unsigned first_seed, unsigned count) {
    test::check_bit_exact(test::small_random_network, overrides, first_seed, count);
}

} // namespace

TEST_CASE("random networks are bit-exact and execute exactly their MACs, timed, 32-bit partial sums") {
    check_random_networks({}, 1, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, ideal, 48-bit partial sums") {
    check_random_networks({"transfers=ideal", "partial_sum_bits=48"}, 20, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, timed, 16-bit partial sums") {
    check_random_networks({"partial_sum_bits=16"}, 40, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, 8 units with small buffers") {
    check_random_networks({"hydra.units=8", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
                           "hydra.activation_buffer=2 KiB"},
                          60, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, 32 units in four ranks") {
    check_random_networks({"hydra.units=32", "dram.ranks=4"}, 80, 6);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, mapped as in the paper's text") {
    check_random_networks({"mapping=paper-text"}, 100, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, paper's text, ideal, 16-bit sums") {
    check_random_networks({"mapping=paper-text", "transfers=ideal", "partial_sum_bits=16"}, 120, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, weights migrate by way of DRAM") {
    check_random_networks({"weights=migrate"}, 140, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, weights resident in DRAM") {
    check_random_networks({"weights=resident", "pcm.channels=0"}, 160, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, optimized, 32-bit partial sums") {
    check_random_networks({"mapping=optimized"}, 200, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, optimized, ideal, 16-bit sums") {
    check_random_networks({"mapping=optimized", "transfers=ideal", "partial_sum_bits=16"}, 220, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, optimized, weights resident") {
    check_random_networks({"mapping=optimized", "weights=resident", "pcm.channels=0"}, 240, 6);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, optimized, weights migrate") {
    check_random_networks({"mapping=optimized", "weights=migrate"}, 260, 6);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, optimized, 8 units, small buffers") {
    check_random_networks({"mapping=optimized", "hydra.units=8", "hydra.weight_buffer=512 B",
                           "hydra.output_buffer=1 KiB", "hydra.activation_buffer=2 KiB"},
                          280, 8);
}
TEST_CASE("random networks are bit-exact and execute exactly their MACs, a single unit") {
    check_random_networks({"hydra.units=1"}, 90, 6);
}

TEST_CASE("a flipped weight bit in PCM changes the answer") {
    InferenceRig rig(small_network(), small_platform(), 1);
    Inference::Callbacks callbacks;
    callbacks.input = [&](std::uint64_t) {
        const core::LayerRegisters& conv2 = rig.mapped.layers[2].controller;
        const std::uint64_t address =
            conv2.model_address + core::bias_block_bytes(conv2.geometry.filters) + 1;
        unsigned char byte = 0;
        rig.machine->host.debug_read(address, &byte, 1);
        byte ^= 0x40;
        rig.machine->host.debug_write(address, &byte, 1);
        return rig.input;
    };
    rig.install(callbacks);
    simulate({&rig});
    REQUIRE(rig.agreement() < 1.0);
    REQUIRE(rig.agreement() > 0.5); // the layers before it are untouched
}

TEST_CASE("a flipped bit of an intermediate word in DRAM changes the answer of the next layer") {
    InferenceRig rig(small_network(), small_platform(), 1);
    Inference::Callbacks callbacks;
    callbacks.layer_done = [&](std::uint64_t, std::size_t layer) {
        if (layer == 1) {
            const std::uint64_t address = rig.inference->word_address(rig.mapped.outputs[1], 3, 14);
            std::int16_t word = 0;
            rig.machine->host.debug_read(address, &word, 2);
            word = static_cast<std::int16_t>(word ^ 0x2000);
            rig.machine->host.debug_write(address, &word, 2);
        }
    };
    rig.install(callbacks);
    simulate({&rig});
    workloads::GoldenExecutor golden(rig.quantized);
    const auto& expected = golden.run(rig.input);
    REQUIRE(rig.found[0] == expected[0]);
    REQUIRE(rig.found[1] != expected[1]);
    REQUIRE(rig.found[2] != expected[2]);
    REQUIRE(rig.agreement() < 1.0);
}

TEST_CASE("units that are left idle change no word, weights streamed, migrated or resident") {
    std::vector<std::unique_ptr<InferenceRig>> rigs;
    std::vector<InferenceRig*> all;
    for (const std::string weights : {"stream", "migrate", "resident"}) {
        std::vector<std::string> overrides{"mapping=optimized", "hydra.units=32", "dram.ranks=4",
                                           "weights=" + weights};
        if (weights == "resident") {
            overrides.emplace_back("pcm.channels=0");
        }
        rigs.push_back(
            std::make_unique<InferenceRig>(small_network(), small_platform(overrides), 1, weights.c_str()));
        rigs.back()->install();
        all.push_back(rigs.back().get());
    }
    simulate(all);
    for (const InferenceRig* rig : all) {
        CAPTURE(rig->machine->name());
        REQUIRE(rig->mapped.units < 32);
        CHECK(rig->agreement() == 1.0);
        for (std::size_t unit = rig->mapped.units; unit < 32; ++unit) {
            CHECK(rig->machine->units[unit]->mac_count() == 0);
        }
    }
}

TEST_CASE("a unit that is never started makes its layer time out with an error that names it") {
    InferenceRig rig(small_network(), small_platform(), 1);
    Inference::Callbacks callbacks;
    callbacks.input = [&](std::uint64_t) {
        rig.inference->driver().set_unit_mask(0xFFFF & ~(1U << 5));
        return rig.input;
    };
    rig.install(callbacks);
    REQUIRE_THROWS_WITH(simulate({&rig}), Catch::Contains("conv1") && Catch::Contains("did not complete"));
}

TEST_CASE("hybrid, pure DRAM and pure PCM give the same answers in the same ideal time") {
    std::vector<std::unique_ptr<InferenceRig>> rigs;
    std::vector<InferenceRig*> all;
    for (const char* system : {"hydra", "pure-dram", "pure-pcm"}) {
        for (const char* transfers : {"transfers=ideal", "transfers=timed"}) {
            const std::string name = fmt::format("platform{}", rigs.size());
            rigs.push_back(std::make_unique<InferenceRig>(
                small_network(), small_platform({transfers}, system), 1, name.c_str()));
            rigs.back()->install();
            all.push_back(rigs.back().get());
        }
    }
    simulate(all);
    const auto latency = [&](std::size_t i) { return all[i]->inference->frames().front().latency(); };
    for (const InferenceRig* rig : all) {
        REQUIRE(rig->agreement() == 1.0);
        REQUIRE(rig->found == all[0]->found);
    }
    REQUIRE(latency(2) == latency(0));
    REQUIRE(latency(4) == latency(0));
    REQUIRE(latency(1) > latency(0));
    REQUIRE(latency(3) != latency(1));
    REQUIRE(latency(5) != latency(1));
}

TEST_CASE("on pure PCM the outputs are PCM writes and none is avoided") {
    InferenceRig rig(small_network(), small_platform({}, "pure-pcm"), 1);
    rig.install();
    simulate({&rig});
    rig.machine->dram.flush();
    platform::RunResults results;
    collect_results(results, rig.quantized.network, rig.inference->frames());
    REQUIRE(results.total.writes["pcm_words_avoided"] == 0);
    REQUIRE(results.total.writes["dram_words"] == 0);
    // conv1, conv2 and the pool once; the ten outputs of fc in the eight chips of their residue class.
    REQUIRE(results.total.writes["pcm_words"] == 16 * 144 + 32 * 36 + 16 * 36 + 10 * 8);
    REQUIRE(results.total.writes["pcm_array_words"] == results.total.writes["pcm_words"]);
    // No row was opened again for a word that it already had.
    REQUIRE(rig.machine->dram.wear().words == results.total.writes["pcm_words"]);
    REQUIRE(rig.machine->dram.wear().most_writes == 1);
    REQUIRE(rig.machine->pcm.front()->wear().words == 0);
}

TEST_CASE("on pure PCM with flipped-bits exactly the ones of the outputs are set") {
    // Every output is written once into cells that were zero; the image and the weights cost nothing.
    InferenceRig rig(
        small_network(),
        small_platform({"dram.energy.array_write_policy=flipped-bits", "dram.energy.array_set=13.5 pJ/bit"},
                       "pure-pcm"),
        1);
    rig.install();
    simulate({&rig});
    REQUIRE(rig.agreement() == 1.0);
    rig.machine->dram.flush();
    platform::RunResults results;
    collect_results(results, rig.quantized.network, rig.inference->frames());
    std::uint64_t ones = 0;
    for (std::size_t layer = 0; layer < rig.found.size(); ++layer) {
        const std::uint64_t copies = layer + 1 == rig.found.size() ? 8 : 1; // of fc, as above
        for (const std::int16_t word : rig.found[layer]) {
            ones += copies * std::bitset<16>(static_cast<std::uint16_t>(word)).count();
        }
    }
    REQUIRE(results.total.counts["pcm_array_bits_set"] == static_cast<double>(ones));
    REQUIRE(results.total.counts["pcm_array_bits_reset"] == 0);
    REQUIRE(results.total.energy_mj["pcm_array_write"] == Approx(static_cast<double>(ones) * 13.5e-9));
    REQUIRE(results.total.writes["pcm_array_words"] == 16 * 144 + 32 * 36 + 16 * 36 + 10 * 8);
}

TEST_CASE("accesses to nowhere get an error response, are counted, and the run goes on") {
    InferenceRig rig(small_network(), small_platform(), 1);
    const core::AddressMap& map = rig.machine->controller.address_map();
    std::vector<tlm::tlm_response_status> answers;
    Inference::Callbacks callbacks;
    callbacks.layer_done = [&](std::uint64_t, std::size_t layer) {
        if (layer != 1) {
            return;
        }
        const std::uint64_t registers = map.registers_base;
        for (const std::uint64_t address :
             {map.pcm_base + map.pcm_bytes,           // right above the PCM
              map.pcm_base + map.pcm_bytes - 4,       // runs out of it
              map.chip_view_base + map.dram_bytes,    // no such chip
              registers + core::ControllerMap::bytes, // no such register
              registers + core::AddressMap::unit_registers + 16 * core::AddressMap::unit_register_stride,
              ~std::uint64_t{0} - 7}) {
            for (const tlm::tlm_command command : {tlm::TLM_READ_COMMAND, tlm::TLM_WRITE_COMMAND}) {
                std::uint64_t data = 0;
                tlm::tlm_generic_payload payload;
                payload.set_command(command);
                payload.set_address(address);
                payload.set_data_ptr(reinterpret_cast<unsigned char*>(&data));
                payload.set_data_length(8);
                payload.set_streaming_width(8);
                sc_core::sc_time delay;
                rig.machine->host.bus->b_transport(payload, delay);
                answers.push_back(payload.get_response_status());
                REQUIRE(payload.get_address() == address);
            }
        }
    };
    rig.install(callbacks);
    simulate({&rig});
    REQUIRE(answers.size() == 12);
    REQUIRE(std::all_of(answers.begin(), answers.end(),
                        [](auto answer) { return answer == tlm::TLM_ADDRESS_ERROR_RESPONSE; }));
    REQUIRE(rig.machine->controller.rejected_accesses() + rig.machine->bus.rejected_accesses() == 12);
    REQUIRE(rig.agreement() == 1.0);
}

TEST_CASE("layers add up to the totals") {
    InferenceRig rig(small_network(), small_platform(), 1);
    rig.install();
    simulate({&rig});
    platform::RunResults results;
    collect_results(results, rig.quantized.network, rig.inference->frames());
    const auto check = [&](platform::Figures platform::Activity::*figures) {
        for (const auto& [name, total] : results.total.*figures) {
            double sum = 0;
            for (const auto& layer : results.layers) {
                const auto found = (layer.activity.*figures).find(name);
                sum += found == (layer.activity.*figures).end() ? 0 : found->second;
            }
            CAPTURE(name);
            REQUIRE(sum == Approx(total).epsilon(1e-12).margin(1e-15));
        }
    };
    check(&platform::Activity::energy_mj);
    check(&platform::Activity::bytes);
    check(&platform::Activity::writes);
    REQUIRE(results.macs == rig.quantized.network.macs());
    REQUIRE(results.total.writes["pcm_words"] == 0);
    // conv1 and conv2 keep 16 channels in 16 chips, the result's ten outputs lie in eight copies.
    REQUIRE(results.total.writes["pcm_words_avoided"] == 16 * 144 + 32 * 36 + 10);
    REQUIRE(results.total.writes["dram_words_pool"] == 16 * 36);
    for (std::size_t i = 0; i < results.layers.size(); ++i) {
        const auto& layer = results.layers[i];
        REQUIRE(layer.macs == rig.quantized.network.layers[i].macs());
        REQUIRE(layer.end_ms > layer.start_ms);
        REQUIRE((i == 0 || layer.start_ms >= results.layers[i - 1].end_ms));
    }
    for (const auto& [name, busy] : results.total.busy_ms) {
        CAPTURE(name);
        REQUIRE(busy <= results.latency_ms + results.control_ms);
    }
}
