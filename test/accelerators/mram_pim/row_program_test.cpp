// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/row_program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

TEST_CASE("random programs give the same cells and events step by step and at once") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    std::mt19937_64 random(11);
    constexpr std::uint8_t zero = 255;
    constexpr std::uint8_t working = 254;
    for (int round = 0; round < 20; ++round) {
        RowProgram program(kind);
        for (int i = 0; i < 200; ++i) {
            BitStep step;
            step.kind = static_cast<BitStep::Kind>(random() % 8);
            std::uint8_t rows[3];
            do {
                std::generate(std::begin(rows), std::end(rows),
                              [&] { return static_cast<std::uint8_t>(random() % 100); });
            } while (rows[0] == rows[1] || rows[0] == rows[2] || rows[1] == rows[2]);
            step.a = rows[0];
            step.b = rows[1];
            step.sum = rows[2];
            step.c = zero;
            step.carry = working;
            if (step.kind == BitStep::Kind::add) {
                step.carry_in = BitStep::CarryIn::zero;
                program.append(step); // a second bit takes its carry
                step.a = 100;
                step.carry_in = BitStep::CarryIn::row;
                step.c = working;
            }
            program.append(step);
        }
        const auto fast = std::make_unique<MramCells>();
        for (BitRow& row : fast->row) {
            std::generate(row.word.begin(), row.word.end(), random);
        }
        fast->row[zero] = BitRow{};
        const auto slow = std::make_unique<MramCells>(*fast);
        program.run(*fast);
        MramSubarray subarray(*slow, kind);
        program.step(subarray);
        REQUIRE(fast->row == slow->row);
        REQUIRE(program.events() == subarray.events());
    }
}

TEST_CASE("every function of two rows, by its truth table") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    for (int input = 0; input < 4; ++input) {
        const bool a = (input & 1) != 0;
        const bool b = (input & 2) != 0;
        const std::pair<BitStep::Kind, bool> functions[] = {
            {BitStep::Kind::complement, !a}, {BitStep::Kind::copy, a},      {BitStep::Kind::and2, a && b},
            {BitStep::Kind::or2, a || b},    {BitStep::Kind::xor2, a != b}, {BitStep::Kind::clear, false},
            {BitStep::Kind::fill, true}};
        for (const auto& [function, expected] : functions) {
            const auto cells = std::make_unique<MramCells>();
            cells->row[1] = BitRow::filled(a);
            cells->row[2] = BitRow::filled(b);
            cells->row[4] = BitRow::filled(!expected);
            RowProgram program(kind);
            BitStep step;
            step.kind = function;
            step.a = 1;
            step.b = 2;
            step.c = 3;
            step.sum = 4;
            program.append(step);
            program.run(*cells);
            CHECK(cells->row[4] == BitRow::filled(expected));
        }
    }
}
