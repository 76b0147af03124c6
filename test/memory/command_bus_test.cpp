// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command_bus.h"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using hydravp::core::Picoseconds;
using hydravp::memory::CommandBus;

TEST_CASE("without a clock there is no bus to be taken") {
    CommandBus bus(Picoseconds{0}, Picoseconds{0});
    bus.reserve(Picoseconds{7}, 3);
    REQUIRE(bus.earliest(Picoseconds{7}, 2) == Picoseconds{7});
}

TEST_CASE("one command per clock, runs take a slot every t_ccd") {
    std::mt19937 random(17);
    for (int n = 0; n < 1000; ++n) {
        const int t_ck = 1 + static_cast<int>(random() % 4);
        const int t_ccd = t_ck * (1 + static_cast<int>(random() % 5));
        CommandBus bus(Picoseconds{t_ck}, Picoseconds{t_ccd});
        std::set<int> taken;
        for (int k = 0; k < 30; ++k) {
            int expected = static_cast<int>(random() % 200);
            const int commands = random() % 2 == 0 ? 1 : 1 + static_cast<int>(random() % 20);
            const Picoseconds found =
                bus.earliest(Picoseconds{expected}, static_cast<std::uint32_t>(commands));
            expected = (expected + t_ck - 1) / t_ck * t_ck;
            const auto free = [&] {
                for (int j = 0; j < commands; ++j) {
                    if (taken.count(expected + j * t_ccd) != 0) {
                        return false;
                    }
                }
                return true;
            };
            while (!free()) {
                expected += t_ck;
            }
            REQUIRE(found == Picoseconds{expected});
            bus.reserve(found, static_cast<std::uint32_t>(commands));
            for (int j = 0; j < commands; ++j) {
                taken.insert(expected + j * t_ccd);
            }
        }
    }
}

TEST_CASE("what is forgotten lies in the past") {
    CommandBus bus(Picoseconds{1}, Picoseconds{1});
    for (int n = 0; n < 33; ++n) {
        bus.reserve(Picoseconds{10 * n});
    }
    REQUIRE(bus.earliest(Picoseconds{0}) == Picoseconds{1});
    bus.reserve(Picoseconds{1000});
    REQUIRE(bus.earliest(Picoseconds{0}) == Picoseconds{11});
}
