// SPDX-License-Identifier: Apache-2.0
// Batches of frames on the simulated platform: every word of every frame, and what a batch is good for.
#include "hydravp/core/error.h"
#include "hydravp/platform/results_collector.h"

#include "bit_exact.h"
#include "branching_networks.h"
#include "grouped_networks.h"
#include "program.h"
#include "schema_check.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using test::InferenceRig;
using test::TimedFrame;

namespace {

constexpr std::uint32_t batch = 3;

std::vector<std::string> with_batch(std::vector<std::string> overrides) {
    overrides.push_back(fmt::format("batch={}", batch));
    return overrides;
}

/// Frames of different images, compared with the golden executor word by word when their batch is complete.
class BatchRig : public InferenceRig {
public:
    BatchRig(const core::Network& network, const std::vector<std::string>& overrides, unsigned seed,
             std::uint64_t frames, const std::string& system)
        : InferenceRig(network, test::small_platform(with_batch(overrides), system), seed,
                       fmt::format("platform{}", seed).c_str()),
          golden_(quantized) {
        for (std::uint64_t frame = 0; frame < frames; ++frame) {
            images_.push_back(workloads::random_image(network.input, 100 * seed + frame));
        }
        platform::Inference::Callbacks callbacks;
        callbacks.input = [this](std::uint64_t frame) {
            return workloads::quantize_image(quantized, images_.at(frame));
        };
        callbacks.frame_done = [this](std::uint64_t frame) { compare(frame); };
        inference->install(frames, callbacks);
    }
    std::uint64_t compared() const { return compared_; }

private:
    void compare(std::uint64_t frame) {
        const auto& expected = golden_.run(workloads::quantize_image(quantized, images_.at(frame)));
        for (std::size_t layer = 0; layer < expected.size(); ++layer) {
            CAPTURE(frame, layer);
            REQUIRE(inference->read_tensor(mapped.outputs[layer], inference->place_of(frame)) ==
                    expected[layer]);
        }
        ++compared_;
    }

    workloads::GoldenExecutor golden_;
    std::vector<std::vector<std::uint8_t>> images_;
    std::uint64_t compared_ = 0;
};

/// Two batches that are full and one that is not.
void check_batches(const std::vector<std::string>& overrides, unsigned first_seed,
                   const std::string& system = "hydra") {
    constexpr std::uint64_t frames = 2 * batch + 2;
    constexpr unsigned count = 6;
    std::vector<std::unique_ptr<BatchRig>> rigs;
    std::vector<InferenceRig*> all;
    for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
        std::mt19937 random(seed);
        const core::Network network = seed % 3 == 0   ? test::small_random_network(random)
                                      : seed % 3 == 1 ? test::random_grouped_network(random, 12)
                                                      : test::random_branching_network(random);
        rigs.push_back(std::make_unique<BatchRig>(network, overrides, seed, frames, system));
        all.push_back(rigs.back().get());
    }
    simulate(all);
    for (const auto& rig : rigs) {
        REQUIRE(rig->compared() == frames);
        REQUIRE(rig->inference->frames_done() == frames);
        REQUIRE(rig->inference->frames().size() == 3);
        std::uint64_t executed = 0;
        for (const auto& unit : rig->machine->units) {
            executed += unit->mac_count();
        }
        const core::Network& network = rig->quantized.network;
        REQUIRE(executed == frames * network.macs());
        for (std::size_t i = 0; i < network.layers.size(); ++i) { // unique weights: once per batch
            REQUIRE(test::metered(*rig->machine, "weight_words", i) == 3 * network.layers[i].weights());
        }
    }
}

} // namespace

TEST_CASE("every word of every frame of a batch is exact, timed") {
    check_batches({}, 1);
}
TEST_CASE("every word of every frame of a batch is exact, ideal, 16-bit sums") {
    check_batches({"transfers=ideal", "partial_sum_bits=16"}, 21);
}
TEST_CASE("every word of every frame of a batch is exact, mapped as in the paper's text") {
    check_batches({"mapping=paper-text"}, 41);
}
TEST_CASE("every word of every frame of a batch is exact, optimized") {
    check_batches({"mapping=optimized"}, 61);
}
TEST_CASE("every word of every frame of a batch is exact, weights migrate") {
    check_batches({"weights=migrate"}, 81);
}
TEST_CASE("every word of every frame of a batch is exact, pure DRAM, optimized") {
    check_batches({"mapping=optimized"}, 101, "pure-dram");
}
TEST_CASE("every word of every frame of a batch is exact, pure PCM") {
    check_batches({}, 121, "pure-pcm");
}
TEST_CASE("every word of every frame of a batch is exact, 8 units with small buffers") {
    check_batches({"hydra.units=8", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
                   "hydra.activation_buffer=2 KiB"},
                  141);
}
TEST_CASE("every word of every frame of a batch is exact, words of 8 bits") {
    check_batches({"hydra.precision=8"}, 161);
}
TEST_CASE("every word of every frame of a batch is exact, words of 8 bits, optimized") {
    check_batches({"hydra.precision=8", "mapping=optimized"}, 181);
}

namespace {

/// Per frame, a batch takes no more time than a frame alone.
void check_never_slower(const std::string& system, const std::vector<std::string>& overrides,
                        const std::string& frames, unsigned first_seed) {
    constexpr unsigned count = 12;
    struct Pair {
        std::unique_ptr<TimedFrame> one, batch;
    };
    std::vector<Pair> all;
    std::vector<TimedFrame*> each;
    for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
        std::mt19937 random(seed);
        const core::Network network =
            seed % 3 == 0 ? test::random_grouped_network(random, 40) : test::busy_network(random);
        std::vector<std::string> batched = overrides;
        batched.push_back("batch=" + frames);
        all.push_back({std::make_unique<TimedFrame>(network, test::shipped_config(system, overrides),
                                                    fmt::format("one{}", seed)),
                       std::make_unique<TimedFrame>(network, test::shipped_config(system, batched),
                                                    fmt::format("batch{}", seed))});
        each.push_back(all.back().one.get());
        each.push_back(all.back().batch.get());
    }
    test::simulate(each);
    double gain = 0;
    for (unsigned i = 0; i < count; ++i) {
        CAPTURE(first_seed + i);
        constexpr double division = 1 + 1e-12; // of picoseconds by frames
        CHECK(all[i].batch->per_frame_ms() <= all[i].one->per_frame_ms() * division);
        gain += all[i].one->per_frame_ms() / all[i].batch->per_frame_ms() / count;
    }
    CHECK(gain >= 1);
}

} // namespace

TEST_CASE("a batch is never slower per frame on random networks, paper-numbers") {
    check_never_slower("hydra", {"pcm.ranks=1"}, "8", 1);
}
TEST_CASE("a batch is never slower per frame on random networks, paper-text") {
    check_never_slower("hydra", {"pcm.ranks=1", "mapping=paper-text"}, "5", 100);
}
TEST_CASE("a batch is never slower per frame on random networks, optimized") {
    check_never_slower("hydra", {"pcm.ranks=1", "mapping=optimized"}, "8", 200);
}
TEST_CASE("a batch is never slower per frame on random networks, optimized, ideal") {
    check_never_slower("hydra", {"pcm.ranks=1", "mapping=optimized", "transfers=ideal"}, "4", 300);
}
TEST_CASE("a batch is never slower per frame on random networks, ideal") {
    check_never_slower("hydra", {"pcm.ranks=1", "transfers=ideal"}, "3", 400);
}
TEST_CASE("a batch is never slower per frame on random networks, weights migrate") {
    check_never_slower("hydra", {"pcm.ranks=1", "weights=migrate"}, "8", 500);
}
TEST_CASE("a batch is never slower per frame on random networks, pure DRAM") {
    check_never_slower("pure-dram", {"mapping=optimized"}, "8", 600);
}
TEST_CASE("a batch is never slower per frame on random networks, pure PCM") {
    check_never_slower("pure-pcm", {"pcm.ranks=1"}, "8", 700);
}

TEST_CASE("a fully-connected layer of a batch reads its weights once, and fills the lanes with its frames") {
    core::Network net;
    net.name = "fc";
    net.input = {512, 1, 1};
    net.layers.push_back(test::fully_connected("fc", net.input, core::network_input, 1024));
    TimedFrame one(net, test::shipped_config("hydra", {"pcm.ranks=1"}), "one");
    TimedFrame eight(net, test::shipped_config("hydra", {"pcm.ranks=1", "batch=8"}), "eight");
    test::simulate(std::vector<TimedFrame*>{&one, &eight});
    const double bytes = test::metered(one.machine(), "pcm_read");
    CHECK(bytes >= 512 * 1024 * 2);
    CHECK(test::metered(eight.machine(), "pcm_read") == Approx(bytes).epsilon(0.02));
    CHECK(eight.latency_ms() < 2 * one.latency_ms());
}

TEST_CASE("a batch's figures are those of a frame, and its own time stands beside them") {
    core::Network net;
    net.name = "small";
    net.input = {16, 12, 12};
    net.layers.push_back(test::conv("conv", net.input, core::network_input, 32, 3, 1, 1));
    net.layers.push_back(test::fully_connected("fc", net.layers[0].out, 0, 10));
    TimedFrame frame(net, test::shipped_config("hydra", {"pcm.ranks=1", "batch=4"}), "platform");
    test::simulate(std::vector<TimedFrame*>{&frame});
    platform::RunResults results;
    collect_results(results, net, frame.frames());
    REQUIRE(results.batch);
    CHECK(results.batch->frames == 4);
    CHECK(results.batch->latency_ms == Approx(frame.latency_ms()));
    CHECK(results.latency_ms == Approx(frame.latency_ms() / 4));
    CHECK(results.layers.back().end_ms == Approx(results.latency_ms));
    CHECK(results.macs == net.macs());
    CHECK(results.total.counts.at("output_words") == net.layers[0].out.words() + net.layers[1].out.words());
    CHECK(results.total.counts.at("weight_words") * 4 == net.layers[0].weights() + net.layers[1].weights());
}

TEST_CASE("the program runs frames in batches, the last of which need not be full") {
    const test::TemporaryFolder folder;
    const test::Outcome outcome =
        test::hydravp_in(folder, "run --network resnet34 --data timing --batch 2 --count 3 --out b");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    CHECK_THAT(outcome.text, Catch::Contains("3 frames") && Catch::Contains("ms for 2 frames together"));
    const auto json = nlohmann::json::parse(test::read_file(folder / "b/results.json"));
    CHECK(json.at("frames") == 3);
    CHECK(json.at("batch").at("frames") == 2);
    CHECK(json.at("batch").at("latency_ms").get<double>() > json.at("latency_ms").get<double>());
    const auto schema =
        nlohmann::json::parse(test::read_file(HYDRAVP_SOURCE_DIR "/docs/results.schema.json"));
    test::check_names(json.at("batch"), schema.at("properties").at("batch"));
    CHECK_THAT(test::read_file(folder / "b/platform.yaml"), Catch::Contains("batch: 2"));

    const test::Outcome map = test::hydravp_in(folder, "map vgg16 --batch 8");
    CHECK_THAT(map.text, Catch::Contains("batches of 8 frames") && Catch::Contains("8 x 1"));
    test::check_bad_input(test::hydravp_in(folder, "run --batch 0"), "--batch");
    test::check_bad_input(test::hydravp_in(folder, "run --batch 1025"), "batch");
    test::check_bad_input(test::hydravp_in(folder, "run --batch 1000"), "1000 frames");
    test::check_bad_input(test::hydravp_in(folder, "replay-layers --memory " HYDRAVP_SOURCE_DIR
                                                   "/configs/hydra.yaml --set batch=2"),
                          "one frame");
}
