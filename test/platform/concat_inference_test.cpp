// SPDX-License-Identifier: Apache-2.0
// Networks that branch and join their branches again on the simulated platform, word by word.
#include "bit_exact.h"
#include "branching_networks.h"

#include <catch2/catch.hpp>

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
