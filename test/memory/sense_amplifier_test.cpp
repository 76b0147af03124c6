// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sense_amplifier.h"

#include <catch2/catch.hpp>

#include <random>
#include <stdexcept>

using namespace hydravp;
using namespace hydravp::memory;

namespace {

SotMramCell cell_with_access(double ohms) {
    SotMramCell cell;
    cell.resistance_area = {10.58};
    cell.tmr = 1.712;
    cell.mtj_length = {60};
    cell.mtj_width = {40};
    cell.access = {ohms};
    return cell;
}

struct Expected {
    bool out = false;
    bool sum = false;
};

/// By truth table, from the number of ones: no code shared with either path.
Expected expected(SenseFunction function, int rows, int ones, bool latch) {
    switch (function) {
    case SenseFunction::read:
        return {ones == 1};
    case SenseFunction::or2:
    case SenseFunction::or3:
        return {ones != 0};
    case SenseFunction::and2:
    case SenseFunction::and3:
        return {ones == rows};
    case SenseFunction::maj:
        return {ones >= 2};
    case SenseFunction::xor2:
        return {ones == 1, (ones == 1) != latch};
    case SenseFunction::add:
        return {ones >= 2, ones % 2 == 1};
    }
    return {};
}

} // namespace

TEST_CASE("comparing resistances, whole rows and the truth table agree for all enables and all inputs") {
    const double access = GENERATE(0.0, 4000.0);
    const SotMramCell cell = cell_with_access(access);
    for (const SenseAmplifierKind kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
        const SenseAmplifier amplifier(kind, cell);
        int listed = 0;
        for (int enables = 0; enables < 256; ++enables) {
            for (int rows = 0; rows <= 5; ++rows) {
                for (int inputs = 0; inputs < 1 << rows; ++inputs) {
                    for (const bool latch : {false, true}) {
                        std::vector<core::Resistance> paths;
                        BitRow raised[5];
                        int ones = 0;
                        for (int row = 0; row < rows; ++row) {
                            const bool bit = (inputs >> row & 1) != 0;
                            paths.push_back(cell.path(bit));
                            raised[row] = BitRow::filled(bit);
                            ones += bit ? 1 : 0;
                        }
                        const auto bits = static_cast<SenseEnables>(enables);
                        const SenseMode* mode = nullptr;
                        for (const SenseMode& candidate : sense_modes(kind)) {
                            if (candidate.enables == bits && candidate.rows == rows) {
                                mode = &candidate;
                            }
                        }
                        if (mode == nullptr) {
                            REQUIRE_THROWS_AS(amplifier.sense(bits, paths, latch), std::invalid_argument);
                            REQUIRE_THROWS_AS(select_mode(kind, bits, rows), std::invalid_argument);
                            continue;
                        }
                        ++listed;
                        const SenseBit bit = amplifier.sense(bits, paths, latch);
                        const SenseRow row = sense_rows(kind, mode->function, raised[0], raised[1], raised[2],
                                                        BitRow::filled(latch));
                        const Expected truth = expected(mode->function, rows, ones, latch);
                        REQUIRE(bit.out == truth.out);
                        REQUIRE(bit.sum == truth.sum);
                        REQUIRE(row.out == BitRow::filled(truth.out));
                        REQUIRE(row.sum == BitRow::filled(truth.sum));
                    }
                }
            }
        }
        // 2 latch states times the inputs: read 2, two-row functions 4 each, three-row functions 8 each
        CHECK(listed == 2 * (kind == SenseAmplifierKind::sa1 ? 2 + 3 * 4 + 8 : 2 + 2 * 4 + 4 * 8));
    }
}

TEST_CASE("columns do not see each other") {
    const SotMramCell cell = cell_with_access(0);
    std::mt19937_64 random(7);
    BitRow row[4];
    for (BitRow& r : row) {
        for (auto& word : r.word) {
            word = random();
        }
    }
    for (const SenseAmplifierKind kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
        const SenseAmplifier amplifier(kind, cell);
        for (const SenseMode& mode : sense_modes(kind)) {
            const SenseRow fast = sense_rows(kind, mode.function, row[0], row[1], row[2], row[3]);
            for (std::size_t column = 0; column < BitRow::columns; ++column) {
                std::vector<core::Resistance> paths;
                for (int i = 0; i < mode.rows; ++i) {
                    paths.push_back(cell.path(row[i].bit(column)));
                }
                const SenseBit bit = amplifier.sense(mode.enables, paths, row[3].bit(column));
                REQUIRE(bit.out == fast.out.bit(column));
                REQUIRE(bit.sum == fast.sum.bit(column));
            }
        }
    }
}

TEST_CASE("the enable tables are the paper's") {
    using namespace enable;
    const auto enables_of = [](SenseAmplifierKind kind, SenseFunction function) {
        return find_mode(kind, function).enables;
    };
    constexpr auto sa1 = SenseAmplifierKind::sa1;
    constexpr auto sa2 = SenseAmplifierKind::sa2;
    // Table I: read, OR2, AND2, MAJ, XOR2
    CHECK(sense_modes(sa1).size() == 5);
    CHECK(enables_of(sa1, SenseFunction::read) == m);
    CHECK(enables_of(sa1, SenseFunction::or2) == or2);
    CHECK(enables_of(sa1, SenseFunction::and2) == and2);
    CHECK(enables_of(sa1, SenseFunction::maj) == maj);
    CHECK(enables_of(sa1, SenseFunction::xor2) == (or2 | and2));
    // Table II: read, OR2, AND2, MAJ, OR3, AND3, Add
    CHECK(sense_modes(sa2).size() == 7);
    CHECK(enables_of(sa2, SenseFunction::or3) == or3);
    CHECK(enables_of(sa2, SenseFunction::and3) == and3);
    CHECK(enables_of(sa2, SenseFunction::add) == (or3 | and3 | maj));
    CHECK_THROWS_WITH(find_mode(sa1, SenseFunction::add), Catch::Contains("found add"));
    CHECK_THROWS_WITH(find_mode(sa2, SenseFunction::xor2), Catch::Contains("found xor2"));
}

TEST_CASE("what the tables do not list is refused clearly") {
    constexpr auto sa1 = SenseAmplifierKind::sa1;
    CHECK_THROWS_WITH(select_mode(sa1, enable::maj, 4),
                      Catch::Contains("found 4 raised rows, expected at most 3"));
    CHECK_THROWS_WITH(select_mode(sa1, enable::maj, 2),
                      Catch::Contains("found 2 raised rows, expected 3 with EN_MAJ"));
    CHECK_THROWS_WITH(select_mode(sa1, enable::or3, 3),
                      Catch::Contains("found EN_OR3, expected enable bits"));
    CHECK_THROWS_WITH(select_mode(sa1, enable::m | enable::maj, 3), Catch::Contains("EN_M EN_MAJ"));
    CHECK_THROWS_WITH(select_mode(sa1, 0, 1), Catch::Contains("no enable bit"));
}

TEST_CASE("a reference lies in the middle of what it tells apart") {
    const SenseReferences r(cell_with_access(0));
    CHECK(r.m.ohms == Approx(10.4e3).epsilon(0.005));
    CHECK(r.or2.ohms == Approx(3.46e3).epsilon(0.005));
    CHECK(r.and2.ohms == Approx(5.86e3).epsilon(0.005));
    CHECK(r.or3.ohms == Approx(2.12e3).epsilon(0.005));
    CHECK(r.maj.ohms == Approx(2.80e3).epsilon(0.005));
    CHECK(r.and3.ohms == Approx(4.15e3).epsilon(0.005));
}
