// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_subarray.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>

using namespace hydravp;
using namespace hydravp::memory;
using namespace std::chrono_literals;

namespace {

BitRow random_row(std::mt19937_64& random) {
    BitRow row;
    for (auto& word : row.word) {
        word = random();
    }
    return row;
}

MramTechnology technology() {
    MramTechnology t;
    t.sense_time = core::Picoseconds{1418};
    t.write_time = core::Picoseconds{1586};
    t.sense_amplifier = {0.104};
    t.bit_line = {0.029};
    t.cell_write = {0.115};
    return t;
}

} // namespace

TEST_CASE("a full addition of one bit, by SA-I in four steps and by SA-II in three") {
    std::mt19937_64 random(3);
    const auto cells = std::make_unique<MramCells>();
    const BitRow a = cells->row[0] = random_row(random);
    const BitRow b = cells->row[1] = random_row(random);
    const BitRow carry = cells->row[2] = random_row(random);
    const BitRow sum = a ^ b ^ carry;
    const BitRow carry_out = (a & b) | (a & carry) | (b & carry);

    SECTION("SA-I") {
        MramSubarray subarray(*cells, SenseAmplifierKind::sa1);
        subarray.set_latch(carry);
        CHECK(subarray.sense(enable::or2 | enable::and2, {0, 1}).sum == sum);
        subarray.write(3, subarray.sensed().sum);
        subarray.sense(enable::maj, {0, 1, 2});
        subarray.write(2, subarray.sensed().out);
        subarray.set_latch(subarray.sensed().out);
        CHECK(subarray.row(3) == sum);
        CHECK(subarray.row(2) == carry_out);
        CHECK(subarray.latch() == carry_out);
        const MramEvents events = subarray.events();
        CHECK(events.senses == 2);
        CHECK(events.comparisons == 3);
        CHECK(events.writes == 2);
        CHECK(events.row_operations() == 4);
        // 2 t_s + 2 t_w, and (2 e_sa + e_bl) + (e_sa + e_bl) + 2 e_w per column
        CHECK(events.time(technology()) == core::Picoseconds{6008});
        CHECK(events.energy(technology(), 1.4).pj == Approx(512 * 0.600));
    }
    SECTION("SA-II") {
        MramSubarray subarray(*cells, SenseAmplifierKind::sa2);
        subarray.sense(enable::or3 | enable::maj | enable::and3, {0, 1, 2});
        subarray.write(3, subarray.sensed().sum);
        subarray.write(2, subarray.sensed().out);
        CHECK(subarray.row(3) == sum);
        CHECK(subarray.row(2) == carry_out);
        // t_s + 2 t_w, and s (3 e_sa + e_bl) + 2 e_w per column
        CHECK(subarray.events().time(technology()) == core::Picoseconds{4590});
        CHECK(subarray.events().energy(technology(), 1).pj == Approx(512 * 0.571));
        CHECK(subarray.events().energy(technology(), 1.4).pj == Approx(512 * (1.4 * 0.341 + 0.23)));
    }
}

TEST_CASE("only senses that need OR3 take the larger current") {
    for (const SenseMode& mode : sense_modes(SenseAmplifierKind::sa2)) {
        const bool boosted = mode.function == SenseFunction::or3 || mode.function == SenseFunction::add;
        CHECK(sense_events(mode).boosted_senses == (boosted ? 1 : 0));
        CHECK(sense_events(mode).senses == (boosted ? 0 : 1));
        CHECK(sense_events(mode).comparisons + sense_events(mode).boosted_comparisons ==
              static_cast<std::uint64_t>(mode.sub_sas));
    }
}

TEST_CASE("events add up and multiply") {
    const MramEvents one{1, 2, 3, 4, 5};
    CHECK(one + one + one == one * 3);
    CHECK(one.row_operations() == 9);
    CHECK(one.time(technology()) * 7 == (one * 7).time(technology()));
}

TEST_CASE("a sub-array refuses what the circuit can't do") {
    const auto cells = std::make_unique<MramCells>();
    MramSubarray subarray(*cells, SenseAmplifierKind::sa1);
    CHECK_THROWS_WITH(subarray.sense(enable::maj, {1, 2, 3, 4}), Catch::Contains("at most 3"));
    CHECK_THROWS_WITH(subarray.sense(enable::and2, {7, 7}), Catch::Contains("found row 7 twice"));
    CHECK_THROWS_AS(subarray.sense(enable::and3, {1, 2, 3}), std::invalid_argument);
    CHECK(subarray.events() == MramEvents{});
    CHECK(sizeof(MramCells) == 16384);
}
