// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/partial_sums.h"

#include "hydravp/core/fixed_point.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <vector>

using namespace hydravp::core;

namespace {

/// Byte by byte.
std::int64_t word_at(const std::vector<unsigned char>& bytes, std::size_t i, unsigned bits) {
    std::uint64_t value = 0;
    for (unsigned b = 0; b < bits / 8; ++b) {
        value |= std::uint64_t{bytes[i * bits / 8 + b]} << 8 * b;
    }
    const bool negative = (value >> (bits - 1) & 1) != 0;
    return negative ? static_cast<std::int64_t>(value) - (std::int64_t{1} << bits)
                    : static_cast<std::int64_t>(value);
}

std::vector<std::int64_t> sums(std::mt19937_64& random, std::size_t count, unsigned shift) {
    std::vector<std::int64_t> all;
    for (std::size_t i = 0; i < count; ++i) {
        const unsigned width = 1 + random() % 61;
        auto value = static_cast<std::int64_t>(random() & ((std::uint64_t{1} << width) - 1));
        if (shift > 0 && random() % 2 == 0) { // just at a half
            value = (value >> shift << shift) + (std::int64_t{1} << (shift - 1)) +
                    static_cast<std::int64_t>(random() % 3) - 1;
        }
        all.push_back(random() % 2 == 0 ? value : -value);
    }
    return all;
}

} // namespace

TEST_CASE("packed partial sums are shifted, rounded and saturated like single words, and add up") {
    std::mt19937_64 random(1);
    for (const unsigned bits : {16U, 32U, 48U}) {
        for (unsigned shift = 0; shift <= 45; ++shift) {
            const std::vector<std::int64_t> exact = sums(random, 1 + random() % 100, shift);
            std::vector<unsigned char> packed(exact.size() * bits / 8 + 8, 0xAA);
            pack_partial_sums(exact.data(), exact.size(), bits, shift, packed.data());
            std::vector<std::int64_t> total(exact.size());
            for (std::int64_t& value : total) {
                value = static_cast<std::int64_t>(random() >> 4);
            }
            const std::vector<std::int64_t> before = total;
            add_partial_sums(packed.data(), exact.size(), bits, total.data());
            for (std::size_t i = 0; i < exact.size(); ++i) {
                CAPTURE(bits, shift, exact[i]);
                const std::int64_t expected =
                    saturate(round_shift(exact[i], static_cast<int>(shift)), static_cast<int>(bits));
                REQUIRE(word_at(packed, i, bits) == expected);
                REQUIRE(total[i] == before[i] + expected);
            }
        }
    }
}

TEST_CASE("a half goes to the even word, in both signs") {
    const std::int64_t halves[] = {-6, -4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 10}; // a shift by 2
    const std::int64_t expected[] = {-2, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2};
    std::vector<unsigned char> packed(12 * 4 + 8);
    pack_partial_sums(halves, 12, 32, 2, packed.data());
    for (std::size_t i = 0; i < 12; ++i) {
        CAPTURE(halves[i]);
        REQUIRE(word_at(packed, i, 32) == expected[i]);
    }
}
