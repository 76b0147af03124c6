// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/internal_bus.h"

#include <catch2/catch.hpp>

#include <random>
#include <utility>
#include <vector>

using hydravp::core::Picoseconds;
using hydravp::memory::InternalBus;

TEST_CASE("an ideal bus takes any number of bursts at once") {
    InternalBus bus(Picoseconds{0}, Picoseconds{0});
    bus.occupy(Picoseconds{5}, Picoseconds{5});
    const InternalBus::Fit fit = bus.fit(Picoseconds{5}, Picoseconds{5}, 99);
    REQUIRE(fit.bursts == 99);
    REQUIRE(fit.end == Picoseconds{5});
    REQUIRE(bus.fit(Picoseconds{6}, Picoseconds{5}, 99).bursts == 0);
}

TEST_CASE("bursts go between the channel's intervals as a step by step placement does") {
    std::mt19937 random(23);
    for (int n = 0; n < 3000; ++n) {
        const int t_ck = 1 + static_cast<int>(random() % 3);
        const int t_ccd = 1 + static_cast<int>(random() % 9);
        InternalBus bus(Picoseconds{t_ccd}, Picoseconds{t_ck});
        std::vector<std::pair<int, int>> taken;
        int t = static_cast<int>(random() % 10);
        for (int k = 0; k < 10; ++k) {
            const int end = t + static_cast<int>(random() % 20);
            bus.occupy(Picoseconds{t}, Picoseconds{end});
            taken.emplace_back(t, end);
            t = end + static_cast<int>(random() % 30);
        }
        const int from = static_cast<int>(random() % 100);
        const int until = static_cast<int>(random() % 400);
        const auto bursts = static_cast<std::uint32_t>(random() % 40);
        if (random() % 2 == 0) {
            bus.forget(Picoseconds{from});
        }
        const InternalBus::Fit fit = bus.fit(Picoseconds{from}, Picoseconds{until}, bursts);
        std::uint32_t placed = 0;
        int end = from;
        for (int at = from; placed < bursts && at + t_ccd <= until;) {
            bool free =
                at % t_ck == 0 || at > from; // only the start of a gap lies on the grid, the rest follows
            int next = at + 1;
            for (const auto& [b, e] : taken) {
                if (at < e && at + t_ccd > b && e > b) {
                    free = false;
                    next = (e + t_ck - 1) / t_ck * t_ck;
                    break;
                }
            }
            if (at == from && at % t_ck != 0 && free == false && next == at + 1) {
                next = (at + t_ck - 1) / t_ck * t_ck;
            }
            if (free) {
                ++placed;
                end = at + t_ccd;
                next = end;
            }
            at = next;
        }
        REQUIRE(fit.bursts == placed);
        REQUIRE(fit.end == Picoseconds{end});
    }
}
