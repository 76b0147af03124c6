// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/fixed_point.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace hydravp::core;

namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

/// n / d by its definition: the nearest whole number, of two equally near ones the even one.
Wide nearest(Wide n, Wide d) {
    Wide q = n / d;
    while (q * d > n) {
        --q;
    }
    const Wide below = n - q * d;
    const Wide above = d - below;
    return below < above || (below == above && q % 2 == 0) ? q : q + 1;
}

std::vector<std::int64_t> interesting(std::uint64_t seed) {
    std::vector<std::int64_t> list{lowest, lowest + 1, highest, highest - 1, 0, 1, -1, 2, -2, 3, -3, 5, -5};
    for (int bit = 1; bit < 63; ++bit) {
        for (const std::int64_t factor : {1, 3, 5}) {
            for (const std::int64_t off : {-1, 0, 1}) {
                const auto x = static_cast<std::int64_t>(static_cast<std::uint64_t>(factor) << bit) + off;
                list.push_back(x);
                list.push_back(x == lowest ? x : -x);
            }
        }
    }
    std::mt19937_64 random(seed);
    for (int i = 0; i < 2000; ++i) {
        list.push_back(static_cast<std::int64_t>(random()) >> (random() % 64));
    }
    return list;
}

} // namespace

TEST_CASE("a right shift rounds half to even, for every value and every width of shift") {
    for (const std::int64_t x : interesting(1)) {
        for (int shift = 0; shift <= 63; ++shift) {
            const auto expected = static_cast<std::int64_t>(nearest(x, Wide{1} << shift));
            if (round_shift(x, shift) != expected) {
                CAPTURE(x, shift);
                REQUIRE(round_shift(x, shift) == expected);
            }
        }
        REQUIRE(round_shift(x, 64) == 0); // at most one half, and zero is even
        REQUIRE(round_shift(x, 1000) == 0);
    }
}

TEST_CASE("halves go to the even neighbour on both sides of zero") {
    CHECK(round_shift(1, 1) == 0);
    CHECK(round_shift(3, 1) == 2);
    CHECK(round_shift(5, 1) == 2);
    CHECK(round_shift(-1, 1) == 0);
    CHECK(round_shift(-3, 1) == -2);
    CHECK(round_shift(-5, 1) == -2);
    CHECK(round_shift(-7, 2) == -2);
    CHECK(round_divide(-5, 2) == -2);
    CHECK(round_divide(5, 2) == 2);
    CHECK(round_divide(-7, 2) == -4);
    CHECK(round_divide(-1, 3) == 0);
    CHECK(round_divide(-2, 3) == -1);
}

TEST_CASE("a negative shift multiplies") {
    CHECK(round_shift(-3, -4) == -48);
    CHECK(round_shift(32767, -47) == std::int64_t{32767} << 47);
    CHECK(round_shift(-32768, -47) == -(std::int64_t{1} << 62));
    CHECK(round_shift(-1, -63) == lowest);
}

TEST_CASE("a division rounds half to even") {
    for (const std::int64_t n : interesting(2)) {
        for (const std::int64_t d :
             {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{4}, std::int64_t{9},
              std::int64_t{49}, std::int64_t{64}, std::int64_t{1} << 40, std::int64_t{1} << 62, highest}) {
            const auto expected = static_cast<std::int64_t>(nearest(n, d));
            if (round_divide(n, d) != expected) {
                CAPTURE(n, d);
                REQUIRE(round_divide(n, d) == expected);
            }
        }
    }
    for (std::int64_t d = 1; d < 50; ++d) { // averages of small windows, exhaustively
        for (std::int64_t n = -200; n <= 200; ++n) {
            REQUIRE(round_divide(n, d) == static_cast<std::int64_t>(nearest(n, d)));
        }
    }
}

TEST_CASE("saturation keeps what fits and clamps the rest") {
    for (const std::int64_t x : interesting(3)) {
        for (const int bits : {1, 2, 15, 16, 17, 32, 48, 62, 63}) {
            const Wide top = (Wide{1} << (bits - 1)) - 1;
            const Wide bottom = -(Wide{1} << (bits - 1));
            const Wide expected = x > top ? top : (x < bottom ? bottom : Wide{x});
            REQUIRE(saturate(x, bits) == static_cast<std::int64_t>(expected));
        }
        REQUIRE(saturate16(x) == saturate(x, 16));
    }
    CHECK(saturate16(32768) == 32767);
    CHECK(saturate16(-32769) == -32768);
    CHECK(saturate(5, 1) == 0);
    CHECK(saturate(-5, 1) == -1);
}
