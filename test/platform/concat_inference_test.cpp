// SPDX-License-Identifier: Apache-2.0
// Networks that branch and join their branches again on the simulated platform, word by word.
#include "bit_exact.h"
#include "branching_networks.h"
#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

void check(const std::vector<std::string>& overrides, unsigned first_seed,
           const std::string& system = "hydra") {
    test::check_bit_exact([](std::mt19937& random) { return test::random_branching_network(random); },
                          overrides, first_seed, 16, system);
}

} // namespace

TEST_CASE("results name the kinds that their schema knows, and joining takes no time") {
    const test::TemporaryFolder folder;
    const test::Outcome outcome =
        test::hydravp_in(folder, "run --network squeezenet --data timing --out out");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    const auto json = nlohmann::json::parse(test::read_file(folder / "out/results.json"));
    const auto schema =
        nlohmann::json::parse(test::read_file(HYDRAVP_SOURCE_DIR "/docs/results.schema.json"));
    const auto kinds = schema.at("$defs").at("layer").at("properties").at("kind").at("enum");
    std::size_t joined = 0;
    for (const auto& layer : json.at("layers")) {
        CAPTURE(layer.at("name"));
        CHECK(std::find(kinds.begin(), kinds.end(), layer.at("kind")) != kinds.end());
        if (layer.at("kind") == "concat") {
            ++joined;
            CHECK(layer.at("latency_ms") == 0);
            CHECK(layer.at("start_ms") == layer.at("end_ms"));
        }
    }
    CHECK(joined == 8);
}

TEST_CASE("networks that join branches are bit-exact, timed") {
    check({}, 1);
}
TEST_CASE("networks that join branches are bit-exact, ideal, 48-bit sums") {
    check({"transfers=ideal", "partial_sum_bits=48"}, 40);
}
TEST_CASE("networks that join branches are bit-exact, mapped as in the paper's text, 16-bit sums") {
    check({"mapping=paper-text", "partial_sum_bits=16"}, 80);
}
TEST_CASE("networks that join branches are bit-exact, optimized") {
    check({"mapping=optimized"}, 120);
}
TEST_CASE("networks that join branches are bit-exact, weights migrate") {
    check({"weights=migrate"}, 160);
}
TEST_CASE("networks that join branches are bit-exact, weights resident, few banks") {
    check({"weights=resident", "pcm.channels=0", "dram.banks=4"}, 200);
}
TEST_CASE("networks that join branches are bit-exact, 8 units with small buffers") {
    check({"hydra.units=8", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
           "hydra.activation_buffer=2 KiB"},
          240);
}
TEST_CASE("networks that join branches are bit-exact, 32 units in four ranks") {
    check({"hydra.units=32", "dram.ranks=4"}, 280);
}
TEST_CASE("networks that join branches are bit-exact, pure DRAM") {
    check({}, 320, "pure-dram");
}
