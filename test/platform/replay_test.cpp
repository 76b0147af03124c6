// SPDX-License-Identifier: Apache-2.0
// Replaying a network's traffic into the project's own memories.
#include "hydravp/platform/replay.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/platform/replay_writer.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/workloads/network_library.h"

#include "program.h"
#include "schema_check.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

using Catch::Contains;
using namespace hydravp;
using platform::Figures;
using platform::ReplayFigures;
using platform::ReplayLayerResult;
using platform::ReplayResults;
using workloads::AccessKind;
using Json = nlohmann::json;

namespace {

const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
const std::string small_network = HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx";

platform::ReplayMemory load(const std::string& file, std::vector<std::string> overrides = {}) {
    overrides.insert(overrides.begin(), "pcm.ranks=1");
    return platform::load_replay_memory(configs + file, configs + "hydra.yaml", overrides);
}

platform::ReplayOptions options(const std::string& network, std::uint32_t access_bytes = 64) {
    platform::ReplayOptions o;
    o.network = network;
    o.access_bytes = access_bytes;
    o.keep_data = true; // every word is checked on its way
    return o;
}

double figure(const Figures& figures, const std::string& name) {
    const auto found = figures.find(name);
    return found == figures.end() ? 0 : found->second;
}

double sum(const Figures& figures) {
    double all = 0;
    for (const auto& [name, value] : figures) {
        all += value;
    }
    return all;
}

/// The memories' own meters have seen exactly what was replayed.
void check_bytes(const ReplayFigures& figures, const std::string& weights, const std::string& activations) {
    Figures expected;
    expected[weights + "_read"] += static_cast<double>(figures.traffic[AccessKind::weight_read]);
    expected[activations + "_read"] += static_cast<double>(figures.traffic[AccessKind::activation_read] +
                                                           figures.traffic[AccessKind::residual_read]);
    expected[activations + "_written"] += static_cast<double>(figures.written_bytes());
    for (const char* account : {"dram_read", "dram_written", "pcm_read", "pcm_written"}) {
        CAPTURE(account);
        CHECK(figure(figures.activity.bytes, account) == figure(expected, account));
    }
    CHECK(figure(figures.activity.writes, activations + "_words") ==
          static_cast<double>(figures.written_bytes()) / 2);
}

void check_replay(const ReplayResults& results, const std::string& weights, const std::string& activations) {
    CHECK(results.complete);
    ReplayFigures all;
    double energy = 0;
    for (const ReplayLayerResult& layer : results.layers) {
        CAPTURE(layer.name);
        check_bytes(layer.figures, weights, activations);
        CHECK(layer.start_ms == Approx(all.time_ms).margin(1e-9));
        CHECK(sum(layer.figures.activity.energy_mj) > 0);
        all.time_ms += layer.figures.time_ms;
        all.accesses += layer.figures.accesses;
        energy += sum(layer.figures.activity.energy_mj);
        for (std::size_t kind = 0; kind < workloads::access_kinds; ++kind) {
            all.traffic.bytes[kind] += layer.figures.traffic.bytes[kind];
        }
        CHECK(layer.figures.mean_latency_ns > 0);
        CHECK(layer.figures.max_latency_ns >= layer.figures.mean_latency_ns);
    }
    check_bytes(results.total, weights, activations);
    CHECK(results.total.time_ms == Approx(all.time_ms));
    CHECK(results.total.accesses == all.accesses);
    CHECK(results.total.traffic == all.traffic);
    CHECK(sum(results.total.activity.energy_mj) == Approx(energy));
    CHECK(figure(results.total.activity.writes, activations + "_array_words") > 0);
}

} // namespace

TEST_CASE("a channel of DRAM sees the bytes that are replayed, at no more than its bandwidth") {
    const ReplayResults results =
        platform::replay_layers(load("memory/hydra-dram.yaml"), options(small_network));
    CHECK(results.memory == "hydra-dram");
    check_replay(results, "dram", "dram");
    for (const ReplayLayerResult& layer : results.layers) {
        CAPTURE(layer.name);
        const double least_ms = static_cast<double>(layer.figures.traffic.total()) / 64 * 10e-6;
        CHECK(layer.figures.time_ms >= least_ms); // 64 bytes in 10 ns
        CHECK(layer.figures.time_ms >= layer.figures.activity.busy_ms.at("channel"));
    }
}

TEST_CASE("a channel of PCM sees the bytes that are replayed") {
    const ReplayResults results =
        platform::replay_layers(load("memory/lee-pcm.yaml"), options(small_network, 1024));
    CHECK(results.memory == "lee-pcm");
    check_replay(results, "pcm", "pcm");
}

TEST_CASE("in the hybrid memory weights are in the PCM and activations in the DRAM") {
    const ReplayResults results = platform::replay_layers(load("hydra.yaml"), options("resnet34", 4096));
    CHECK(results.memory == "hydra");
    CHECK(results.layers.size() == workloads::make_network("resnet34").layers.size());
    CHECK(results.total.traffic[AccessKind::residual_read] > 0);
    check_replay(results, "pcm", "dram");
}

TEST_CASE("joining branches moves nothing, words of 8 bits half as much") {
    std::uint64_t bytes[2] = {0, 0};
    std::size_t joined = 0;
    const platform::ReplayMemory memory = load("hydra.yaml", {"hydra.precision=8"});
    const ReplayResults results = platform::replay_layers(memory, options("squeezenet", 4096));
    const core::Network network = workloads::make_network("squeezenet");
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const ReplayFigures& figures = results.layers[i].figures;
        CAPTURE(results.layers[i].name);
        const bool concat = network.layers[i].is_concat();
        joined += concat ? 1 : 0;
        CHECK((figures.traffic.total() == 0) == concat);
        CHECK(figure(figures.activity.bytes, "dram_written") == static_cast<double>(figures.written_bytes()));
        CHECK(figure(figures.activity.bytes, "pcm_read") ==
              static_cast<double>(figures.traffic[AccessKind::weight_read]));
        bytes[0] += figures.written_bytes();
        bytes[1] += concat ? 0 : network.layers[i].out.words();
    }
    CHECK(joined == 8);
    CHECK(bytes[0] == bytes[1]);
}

TEST_CASE("without PCM everything is in the DRAM") {
    check_replay(platform::replay_layers(load("pure-dram.yaml"), options(small_network, 256)), "dram",
                 "dram");
}

TEST_CASE("one access after the other takes the sum of their latencies") {
    platform::ReplayOptions one = options(small_network);
    one.outstanding = 1;
    const ReplayResults results = platform::replay_layers(load("memory/hydra-dram.yaml"), one);
    CHECK(results.total.time_ms * 1e6 ==
          Approx(results.total.mean_latency_ns * static_cast<double>(results.total.accesses)));
}

TEST_CASE("a memory that takes no time has no bandwidth") {
    const ReplayResults results =
        platform::replay_layers(load("hydra.yaml", {"transfers=ideal"}), options(small_network, 512));
    CHECK(results.total.time_ms == 0);
    CHECK(results.total.max_latency_ns == 0);
    check_bytes(results.total, "pcm", "dram");
    CHECK_THAT(platform::format_replay(results),
               Contains("transfers ideal") && Contains("0.0000                 -"));
}

TEST_CASE("a replay that is stopped reports the complete layers") {
    platform::ReplayOptions o = options("resnet34", 4096);
    std::size_t done = 0;
    o.progress = [&](std::size_t layers_done, std::size_t) { done = layers_done; };
    o.stop = [&] { return done >= 3; };
    const ReplayResults results = platform::replay_layers(load("memory/hydra-dram.yaml"), o);
    CHECK_FALSE(results.complete);
    REQUIRE(results.layers.size() >= 3);
    CHECK(results.layers.size() < 10);
    double energy = 0;
    for (const ReplayLayerResult& layer : results.layers) {
        check_bytes(layer.figures, "dram", "dram");
        energy += sum(layer.figures.activity.energy_mj);
    }
    check_bytes(results.total, "dram", "dram");
    CHECK(sum(results.total.activity.energy_mj) == Approx(energy));
    CHECK_THAT(platform::format_replay(results), Contains("INCOMPLETE: "));
}

TEST_CASE("the units of a run read as much as is replayed") {
    const platform::PlatformConfig config = platform::load_config(configs + "hydra.yaml");
    const core::Network network = workloads::make_network("resnet34");
    const workloads::MappedNetwork mapped =
        workloads::map_network(network, {}, platform::machine_shape(config));
    platform::RunOptions run;
    run.network = "resnet34";
    const platform::RunResults results = platform::run(config, run);
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        CAPTURE(network.layers[i].name);
        const workloads::LayerTraffic traffic = workloads::layer_traffic(mapped.layers[i]);
        const Figures& bytes = results.layers[i].activity.bytes;
        CHECK(bytes.at("pcm_read") == static_cast<double>(traffic[AccessKind::weight_read]));
        // In the chips planes begin with a burst, and rows of 7 words end within one.
        if (!network.layers[i].is_pool()) { // units that share a copy pool it together
            CHECK(bytes.at("dram_read") == Approx(static_cast<double>(traffic[AccessKind::activation_read] +
                                                                      traffic[AccessKind::residual_read]))
                                               .epsilon(0.1));
        }
    }
}

TEST_CASE("what cannot be replayed is refused") {
    platform::ReplayOptions o = options(small_network);
    const platform::ReplayMemory hybrid = load("hydra.yaml");
    for (const std::uint32_t bytes : {0U, 4U, 100U, 16384U}) {
        o.access_bytes = bytes;
        CHECK_THROWS_WITH(platform::replay_layers(hybrid, o),
                          Contains("expected a power of two from 8 to 8192, a row of the memory"));
    }
    o.access_bytes = 64;
    o.outstanding = 1025;
    CHECK_THROWS_WITH(platform::replay_layers(hybrid, o), Contains("from 1 to 1024"));
    o.outstanding = 1;
    o.network = "vgg16";
    CHECK_THROWS_WITH(platform::replay_layers(load("memory/hydra-dram.yaml", {"dram.rows=256"}), o),
                      Contains("does not fit the memory: its activations and weights need"));
    CHECK_THROWS_WITH(platform::replay_layers(load("hydra.yaml", {"dram.rows=32"}), o),
                      Contains("its activations need") && Contains("there are 8388608"));
    CHECK_THROWS_WITH(platform::replay_layers(load("hydra.yaml", {"pcm.rows=128"}), o),
                      Contains("its weights need") && Contains("there are 33554432"));
    CHECK_THROWS_AS(platform::load_replay_memory("nowhere.yaml", configs + "hydra.yaml"), core::InputError);
}

TEST_CASE("the files hold every figure that the schema asks for") {
    const test::TemporaryFolder folder;
    const ReplayResults results =
        platform::replay_layers(load("memory/hydra-dram.yaml"), options(small_network, 1024));
    platform::write_replay_json(folder / "replay.json", results);
    platform::write_replay_csv(folder / "replay.csv", results);
    const Json json = Json::parse(test::read_file(folder / "replay.json"));
    const Json schema = Json::parse(test::read_file(HYDRAVP_SOURCE_DIR "/docs/replay.schema.json"));
    test::check_names(json, schema);
    CHECK(json.at("schema") == schema.at("$id"));
    REQUIRE(json.at("layers").size() == results.layers.size());
    for (const Json& layer : json.at("layers")) {
        test::check_names(layer, schema.at("$defs").at("layer"));
        test::check_names(layer.at("traffic"), schema.at("$defs").at("traffic"));
    }
    const std::string csv = test::read_file(folder / "replay.csv");
    CHECK_THAT(csv, Catch::StartsWith("name,kind,start_ms,time_ms,accesses,traffic.weights,"));
    CHECK_THAT(csv, Contains(",energy_mj.total,"));
    CHECK(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')) == results.layers.size() + 1);
    const std::size_t columns = static_cast<std::size_t>(std::count(csv.begin(), csv.end(), ',')) + 1;
    CHECK((columns - 1) % (results.layers.size() + 1) == 0);
}
