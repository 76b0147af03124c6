// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command_spacing.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using hydravp::core::Picoseconds;
using hydravp::memory::CommandSpacing;

namespace {

bool legal(std::vector<int> times, int t, int gap, int window) {
    times.push_back(t);
    std::sort(times.begin(), times.end());
    for (std::size_t i = 1; i < times.size(); ++i) {
        if (times[i] - times[i - 1] < gap || (i >= 4 && times[i] - times[i - 4] < window)) {
            return false;
        }
    }
    return true;
}

} // namespace

TEST_CASE("without rules every time is right") {
    CommandSpacing spacing(Picoseconds{0}, Picoseconds{0});
    for (int n = 0; n < 40; ++n) {
        spacing.record(Picoseconds{5});
        REQUIRE(spacing.earliest(Picoseconds{5}) == Picoseconds{5});
    }
}

TEST_CASE("the earliest legal time between commands that are recorded in any order") {
    std::mt19937 random(11);
    for (int n = 0; n < 3000; ++n) {
        const int gap = static_cast<int>(random() % 8);
        const int window = static_cast<int>(random() % 50);
        CommandSpacing spacing(Picoseconds{gap}, Picoseconds{window});
        std::vector<int> times;
        for (int k = 0; k < 12; ++k) {
            int expected = static_cast<int>(random() % 150);
            const Picoseconds found = spacing.earliest(Picoseconds{expected});
            while (!legal(times, expected, gap, window)) {
                ++expected;
            }
            REQUIRE(found == Picoseconds{expected});
            spacing.record(found);
            times.push_back(expected);
        }
    }
}
