// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/adder_tree.h"

#include <catch2/catch.hpp>

#include <set>

using namespace hydravp::core;

TEST_CASE("bits of a signed number follow from its bound") {
    CHECK(signed_bits(0) == 1);
    CHECK(signed_bits(1) == 2);
    CHECK(signed_bits(255) == 9);
    CHECK(signed_bits(256) == 10);
    CHECK(signed_bits(255 * 27) == 14);
}

TEST_CASE("a tree adds all operands once, and never writes a row that is still needed") {
    for (int count = 1; count <= 40; ++count) {
        for (const unsigned bound : {1U, 3U, 255U, 6885U}) {
            const AdderTreePlan plan = plan_adder_tree(count, bound);
            REQUIRE(plan.additions.size() == static_cast<std::size_t>(count) - 1);
            REQUIRE(plan.result.bound == static_cast<std::uint64_t>(count) * bound);
            REQUIRE(plan.result.rows.size() == static_cast<std::size_t>(signed_bits(plan.result.bound)));
            std::set<int> live;
            for (int row = 0; row < count * signed_bits(bound); ++row) {
                live.insert(row);
            }
            std::uint64_t bits = 0;
            for (const TreeAddition& addition : plan.additions) {
                for (const int row : addition.sum.rows) {
                    REQUIRE(live.insert(row).second);
                    REQUIRE(row < plan.rows);
                }
                for (const TreeNumber* operand : {&addition.a, &addition.b}) {
                    for (const int row : operand->rows) {
                        REQUIRE(live.erase(row) == 1);
                    }
                }
                bits += addition.sum.rows.size();
            }
            REQUIRE(live == std::set<int>(plan.result.rows.begin(), plan.result.rows.end()));
            REQUIRE(plan.bit_additions == bits);
        }
    }
}

TEST_CASE("the largest tree fits, the next does not") {
    const int largest = largest_adder_tree(254, 255);
    CHECK(largest == 27);
    CHECK(plan_adder_tree(largest, 255).rows <= 254);
    CHECK(plan_adder_tree(largest + 1, 255).rows > 254);
    CHECK(largest_adder_tree(5, 255) == 0);
    CHECK(largest_adder_tree(9, 255) == 1);
}
