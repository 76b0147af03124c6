// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/sense_errors.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

namespace {

memory::SotMramCell cell() {
    memory::SotMramCell c;
    c.resistance_area = {10.58};
    c.tmr = 1.712;
    c.mtj_length = {60};
    c.mtj_width = {40};
    return c;
}

memory::SenseMargins noisy_margins() {
    memory::SenseVariation variation;
    variation.sigma_ra = 0.1;
    return {cell(), variation};
}

int different(const BitRow& a, const BitRow& b) {
    int count = 0;
    for (const std::uint64_t word : (a ^ b).word) {
        count += __builtin_popcountll(word);
    }
    return count;
}

} // namespace

TEST_CASE("wrong bits are as frequent as the margins say, state by state") {
    const memory::SenseMargins margins = noisy_margins();
    constexpr int senses = 4000;
    constexpr double columns = BitRow::columns;
    for (int ones = 0; ones <= 2; ++ones) {
        SenseErrors errors(margins, SenseAmplifierKind::sa1, 1);
        const BitRow a = BitRow::filled(ones > 0);
        const BitRow b = BitRow::filled(ones > 1);
        int wrong = 0;
        for (int i = 0; i < senses; ++i) {
            wrong += different(errors.and2(a, b), a & b);
        }
        const double p = margins.failure(memory::enable::and2, 2, ones);
        const double expected = p * senses * columns;
        CAPTURE(ones, expected);
        CHECK(wrong == Approx(expected).margin(5 * std::sqrt(expected) + 3));
        CHECK(errors.failures() == static_cast<std::uint64_t>(wrong));
    }
}

TEST_CASE("wrong comparisons go through the gates of an addition") {
    const memory::SenseMargins margins = noisy_margins();
    constexpr int senses = 4000;
    for (const SenseAmplifierKind kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
        for (int ones = 0; ones <= 3; ++ones) {
            SenseErrors errors(margins, kind, 2);
            RowProgram program(kind);
            BitStep step;
            step.carry_in = BitStep::CarryIn::row;
            step.a = 0;
            step.b = 1;
            step.c = 2;
            step.sum = 3;
            step.carry = 4;
            program.append(step);
            const auto cells = std::make_unique<MramCells>();
            int wrong_sums = 0;
            int wrong_carries = 0;
            for (int row = 0; row < 3; ++row) {
                cells->row[static_cast<std::size_t>(row)] = BitRow::filled(row < ones);
            }
            for (int i = 0; i < senses; ++i) {
                errors.run(program, *cells);
                wrong_sums += different(cells->row[3], BitRow::filled(ones % 2 == 1));
                wrong_carries += different(cells->row[4], BitRow::filled(ones >= 2));
            }
            const double n = senses * double{BitRow::columns};
            const double maj = margins.failure(memory::enable::maj, 3, ones);
            const double carries = n * maj;
            CAPTURE(memory::to_string(kind), ones);
            CHECK(wrong_carries == Approx(carries).margin(5 * std::sqrt(carries) + 3));
            double sums = 0;
            if (kind == SenseAmplifierKind::sa1) {
                const int two = std::min(ones, 2); // rows a and b alone
                sums = n * (margins.failure(memory::enable::or2, 2, two) +
                            margins.failure(memory::enable::and2, 2, two));
            } else {
                // 0: OR3 wrong gives MIN = 1. 1: OR3 or MAJ wrong. 2: MAJ or AND3 wrong. 3: AND3 wrong gives
                // MIN = 0.
                const double or3 = margins.failure(memory::enable::or3, 3, ones);
                const double and3 = margins.failure(memory::enable::and3, 3, ones);
                sums = n * (ones == 0 ? or3 : ones == 1 ? or3 + maj : ones == 2 ? maj + and3 : and3);
            }
            CHECK(wrong_sums == Approx(sums).epsilon(0.03).margin(5 * std::sqrt(sums) + 3));
        }
    }
}

TEST_CASE("with the paper's variation nothing fails, and a seed fixes what does") {
    SenseErrors quiet(memory::SenseMargins(cell(), {}), SenseAmplifierKind::sa2, 1);
    const BitRow a = BitRow::filled(true);
    for (int i = 0; i < 1000; ++i) {
        CHECK(quiet.read(a) == a);
    }
    CHECK(quiet.failures() == 0);
    SenseErrors one(noisy_margins(), SenseAmplifierKind::sa1, 7);
    SenseErrors two(noisy_margins(), SenseAmplifierKind::sa1, 7);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(one.and2(a, BitRow{}) == two.and2(a, BitRow{}));
    }
}
