// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/adder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

namespace {

constexpr std::size_t columns = BitRow::columns;

void store(MramCells& cells, const Rows& rows, const std::vector<std::int64_t>& values) {
    for (std::size_t bit = 0; bit < rows.size(); ++bit) {
        for (std::size_t column = 0; column < values.size(); ++column) {
            cells.row[rows[bit]].set(column, (values[column] >> bit & 1) != 0);
        }
    }
}

std::int64_t load(const MramCells& cells, const Rows& rows, std::size_t column, bool is_signed) {
    std::int64_t value = 0;
    for (std::size_t bit = 0; bit < rows.size(); ++bit) {
        value |= std::int64_t{cells.row[rows[bit]].bit(column)} << bit;
    }
    if (is_signed && cells.row[rows.back()].bit(column)) {
        value -= std::int64_t{1} << rows.size();
    }
    return value;
}

std::int64_t wrap(std::int64_t value, std::size_t bits, bool is_signed) {
    const std::int64_t modulus = std::int64_t{1} << bits;
    value = (value % modulus + modulus) % modulus;
    return is_signed && value >= modulus / 2 ? value - modulus : value;
}

/// Runs the program in both modes, and checks that cells, events, and thereby time and energy, are the same.
void run_both(const RowProgram& program, MramCells& cells) {
    const auto stepped = std::make_unique<MramCells>(cells);
    MramSubarray subarray(*stepped, program.kind());
    std::uint64_t operations = 0;
    program.step(subarray, [&](const BitStep&, const RowOperation&, const MramSubarray&) { ++operations; });
    program.run(cells);
    REQUIRE(cells.row == stepped->row);
    REQUIRE(program.events() == subarray.events());
    REQUIRE(operations == program.events().row_operations());
}

struct Layout {
    Rows a, b, sum;
    CarryRows carry;
    Layout(int a_bits, int b_bits, int sum_bits) {
        std::uint8_t next = 0;
        for (auto [rows, bits] : {std::pair{&a, a_bits}, {&b, b_bits}, {&sum, sum_bits}}) {
            for (int i = 0; i < bits; ++i) {
                rows->push_back(next++);
            }
        }
        carry = {next, static_cast<std::uint8_t>(next + 1)};
    }
};

/// All pairs of numbers, 512 at a time; the sum rows and the working carry row hold rubbish before.
void check_pairs(SenseAmplifierKind kind, int a_bits, int b_bits, int sum_bits, bool is_signed, bool subtract,
                 const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs) {
    const Layout layout(a_bits, b_bits, sum_bits);
    RowProgram program(kind);
    if (subtract) {
        append_subtract(program, layout.a, layout.b, layout.sum, layout.carry);
        REQUIRE(program.events() == subtract_events(kind, sum_bits, b_bits));
    } else {
        append_add(program, layout.a, layout.b, layout.sum, layout.carry,
                   is_signed ? Signedness::twos_complement : Signedness::unsigned_numbers);
        const int positions = is_signed ? sum_bits : std::min(sum_bits, std::max(a_bits, b_bits));
        REQUIRE(program.events() == add_events(kind, positions));
    }
    std::mt19937_64 random(9);
    for (std::size_t first = 0; first < pairs.size(); first += columns) {
        const std::size_t count = std::min(columns, pairs.size() - first);
        std::vector<std::int64_t> a(count);
        std::vector<std::int64_t> b(count);
        for (std::size_t i = 0; i < count; ++i) {
            std::tie(a[i], b[i]) = pairs[first + i];
        }
        const auto cells = std::make_unique<MramCells>();
        for (BitRow& row : cells->row) {
            std::generate(row.word.begin(), row.word.end(), random);
        }
        cells->row[layout.carry.zero] = BitRow{};
        store(*cells, layout.a, a);
        store(*cells, layout.b, b);
        run_both(program, *cells);
        const auto bits = static_cast<std::size_t>(sum_bits);
        for (std::size_t i = 0; i < count; ++i) {
            const std::int64_t exact = subtract ? a[i] - b[i] : a[i] + b[i];
            REQUIRE(load(*cells, layout.sum, i, is_signed) == wrap(exact, bits, is_signed));
            REQUIRE(load(*cells, layout.a, i, is_signed) == a[i]);
            if (!subtract) {
                REQUIRE(load(*cells, layout.b, i, is_signed) == b[i]);
            }
        }
        REQUIRE(cells->row[layout.carry.zero] == BitRow{});
    }
}

std::pair<std::int64_t, std::int64_t> range(int bits, bool is_signed) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return is_signed ? std::pair{-half, half - 1} : std::pair{std::int64_t{0}, 2 * half - 1};
}

} // namespace

TEST_CASE("all sums and differences of numbers up to 8 bits are right") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    for (int bits = 1; bits <= 8; ++bits) {
        for (const bool is_signed : {false, true}) {
            const auto [low, high] = range(bits, is_signed);
            std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
            for (std::int64_t a = low; a <= high; ++a) {
                for (std::int64_t b = low; b <= high; ++b) {
                    pairs.emplace_back(a, b);
                }
            }
            check_pairs(kind, bits, bits, bits + 1, is_signed, false, pairs);
            if (is_signed) {
                check_pairs(kind, bits, bits, bits, is_signed, false, pairs);
                check_pairs(kind, bits, bits, bits + 1, is_signed, true, pairs);
            }
        }
    }
}

TEST_CASE("random numbers of any two widths are added and subtracted") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    std::mt19937_64 random(1);
    for (int round = 0; round < 60; ++round) {
        const int a_bits = 1 + static_cast<int>(random() % 32);
        const int b_bits = 1 + static_cast<int>(random() % 32);
        const int sum_bits =
            1 + static_cast<int>(random() % static_cast<unsigned>(std::max(a_bits, b_bits) + 1));
        const bool is_signed = round % 3 != 0;
        const auto [a_low, a_high] = range(a_bits, is_signed);
        const auto [b_low, b_high] = range(b_bits, is_signed);
        std::vector<std::pair<std::int64_t, std::int64_t>> pairs{
            {a_low, b_low}, {a_high, b_high}, {a_low, b_high}};
        std::uniform_int_distribution<std::int64_t> a(a_low, a_high);
        std::uniform_int_distribution<std::int64_t> b(b_low, b_high);
        while (pairs.size() < columns) {
            pairs.emplace_back(a(random), b(random));
        }
        check_pairs(kind, a_bits, b_bits, sum_bits, is_signed, false, pairs);
        if (is_signed) {
            check_pairs(kind, a_bits, b_bits, sum_bits, is_signed, true, pairs);
        }
    }
}

TEST_CASE("the paper's layout: 3m + 2 rows, four cycles per bit with SA-I, three with SA-II") {
    const AdderLayout layout(4);
    CHECK(layout.a == Rows{0, 1, 2, 3});
    CHECK(layout.b == Rows{4, 5, 6, 7});
    CHECK(layout.sum == Rows{8, 9, 10, 11});
    CHECK(layout.carry.zero == 12);
    CHECK(layout.carry.working == 13);
    CHECK_NOTHROW(AdderLayout(84));
    CHECK_THROWS_WITH(AdderLayout(85), Catch::Contains("found operands of 85 bits, expected 1 to 84"));

    for (const auto kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
        RowProgram program(kind);
        append_add(program, layout.a, layout.b, layout.sum, layout.carry, Signedness::unsigned_numbers);
        CHECK(program.events().row_operations() == (kind == SenseAmplifierKind::sa1 ? 4U : 3U) * 4);
        std::string names;
        for (const RowOperation& operation : expand(program.steps().front(), kind)) {
            names += std::string(operation.name) + ' ';
        }
        CHECK(names == (kind == SenseAmplifierKind::sa1 ? "S1 S2 C1 C2 " : "S W1 W2 "));
    }
}

TEST_CASE("a tree sums as many operands as fit the rows") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    CHECK(core::signed_bits(255) == 9);
    CHECK(core::signed_bits(256) == 10);
    std::mt19937_64 random(4);
    for (const std::uint64_t bound : {1ULL, 255ULL, 1000ULL, 70000ULL}) {
        const int largest = AdderTree::largest_count(bound);
        CHECK_THROWS_WITH(AdderTree(kind, largest + 1, bound), Catch::Contains("expected at most 256"));
        for (int count : {1, 2, 3, 7, 8, largest}) {
            if (count > largest) {
                continue;
            }
            const AdderTree tree(kind, count, bound);
            CHECK(tree.program().events() == add_events(kind, static_cast<int>(tree.bit_additions())));
            const auto cells = std::make_unique<MramCells>();
            std::vector<std::int64_t> sums(columns);
            std::uniform_int_distribution<std::int64_t> value(-static_cast<std::int64_t>(bound),
                                                              static_cast<std::int64_t>(bound));
            for (int operand = 0; operand < count; ++operand) {
                Rows rows;
                for (int bit = 0; bit < core::signed_bits(bound); ++bit) {
                    rows.push_back(static_cast<std::uint8_t>(operand * core::signed_bits(bound) + bit));
                }
                std::vector<std::int64_t> values(columns);
                for (std::size_t column = 0; column < columns; ++column) {
                    // the first columns hold the extremes, which need every bit of the sum
                    values[column] = column == 0   ? -static_cast<std::int64_t>(bound)
                                     : column == 1 ? static_cast<std::int64_t>(bound)
                                                   : value(random);
                    sums[column] += values[column];
                }
                store(*cells, rows, values);
            }
            run_both(tree.program(), *cells);
            for (std::size_t column = 0; column < columns; ++column) {
                REQUIRE(load(*cells, tree.result().rows, column, true) == sums[column]);
            }
        }
    }
    CHECK(AdderTree::largest_count(255) >= 26);
}

TEST_CASE("programs that the circuit cannot run are refused") {
    RowProgram program(SenseAmplifierKind::sa1);
    CHECK_THROWS_WITH(append_add(program, {0, 1}, {1, 2}, {3, 4}, {8, 9}, Signedness::unsigned_numbers),
                      Catch::Contains("found row 1 in two places"));
    CHECK_THROWS_AS(append_add(program, {0, 1}, {2, 3}, {4, 5, 6, 7}, {8, 9}, Signedness::unsigned_numbers),
                    std::invalid_argument);
    BitStep twice;
    twice.kind = BitStep::Kind::and2;
    CHECK_THROWS_WITH(program.append(twice), Catch::Contains("different rows"));
    BitStep in_place;
    in_place.b = 1;
    in_place.c = 2;
    in_place.sum = 1;
    in_place.carry = 2;
    CHECK_THROWS_WITH(program.append(in_place), Catch::Contains("row of its own"));
    const auto cells = std::make_unique<MramCells>();
    MramSubarray other(*cells, SenseAmplifierKind::sa2);
    CHECK_THROWS_WITH(program.step(other), Catch::Contains("expected one with sa1"));
    CHECK(program.steps().empty());
}
