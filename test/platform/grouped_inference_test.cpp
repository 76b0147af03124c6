// SPDX-License-Identifier: Apache-2.0
// Grouped, depthwise and dilated convolutions on the simulated platform, word by word.
#include "bit_exact.h"
#include "grouped_networks.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

void check(const std::vector<std::string>& overrides, unsigned first_seed, unsigned count,
           const std::string& system = "hydra") {
    test::check_bit_exact([](std::mt19937& random) { return test::random_grouped_network(random, 14); },
                          overrides, first_seed, count, system);
}

} // namespace

TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, timed") {
    check({}, 1, 12);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, ideal, 48-bit sums") {
    check({"transfers=ideal", "partial_sum_bits=48"}, 40, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, 16-bit sums") {
    check({"partial_sum_bits=16"}, 80, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, mapped as in the paper's text") {
    check({"mapping=paper-text"}, 120, 12);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, optimized") {
    check({"mapping=optimized"}, 160, 12);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, optimized, ideal, 16-bit sums") {
    check({"mapping=optimized", "transfers=ideal", "partial_sum_bits=16"}, 200, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, weights migrate") {
    check({"weights=migrate"}, 240, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, weights resident") {
    check({"weights=resident", "pcm.channels=0"}, 280, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, 8 units with small buffers") {
    check({"hydra.units=8", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
           "hydra.activation_buffer=2 KiB"},
          320, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, 32 units in four ranks") {
    check({"hydra.units=32", "dram.ranks=4"}, 360, 8);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, a single unit") {
    check({"hydra.units=1"}, 400, 6);
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, pure DRAM") {
    check({}, 440, 6, "pure-dram");
}
TEST_CASE("grouped networks are bit-exact and execute exactly their MACs, pure PCM") {
    check({}, 480, 6, "pure-pcm");
}
