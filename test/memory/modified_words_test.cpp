// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/modified_words.h"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using hydravp::memory::ModifiedWords;

TEST_CASE("a word counts once, a partly written one too") {
    ModifiedWords words(1024);
    REQUIRE(words.count() == 0);
    words.mark(3, 1, 7);
    REQUIRE(words.count() == 1);
    words.mark(2, 2, 8);
    REQUIRE(words.count() == 1);
    words.mark(3, 2, 9);
    REQUIRE(words.count() == 2);
    REQUIRE(words.last_writer() == 9);
    words.mark(0, 0, 10);
    REQUIRE(words.last_writer() == 9);
    words.mark(0, 1024, 1);
    REQUIRE(words.count() == 512);
    words.clear();
    REQUIRE(words.count() == 0);
}

TEST_CASE("counting equals a set of words") {
    std::mt19937 random(3);
    for (int n = 0; n < 100; ++n) {
        ModifiedWords words(1000); // not a multiple of the block
        std::set<unsigned> expected;
        for (int k = 0; k < 6; ++k) {
            const auto first = static_cast<std::uint32_t>(random() % 1000);
            const auto bytes = static_cast<std::uint32_t>(random() % (1001 - first));
            words.mark(first, bytes, 0);
            for (unsigned byte = first; byte < first + bytes; ++byte) {
                expected.insert(byte / 2);
            }
            REQUIRE(words.count() == expected.size());
        }
    }
}
