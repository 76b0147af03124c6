// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/ready_banks.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using modules::ReadyBanks;

TEST_CASE("a class is held up by its rank, its group and its banks, whichever is last") {
    Picoseconds in_rank{10}, in_group{20};
    ReadyBanks ready(4);
    const std::uint32_t number = ready.add_class(true, &in_rank, &in_group);
    REQUIRE(ready.empty());
    REQUIRE(ready.earliest(Picoseconds{0}) == Picoseconds::max());
    ready.put(number, {Picoseconds{5}, 1, 2, 1});
    REQUIRE(ready.earliest(Picoseconds{0}) == Picoseconds{20});
    REQUIRE(ready.earliest(Picoseconds{25}) == Picoseconds{25});
    in_rank = Picoseconds{30}; // read when it is needed
    REQUIRE(ready.earliest(Picoseconds{25}) == Picoseconds{30});
    REQUIRE(ready.allows(number, Picoseconds{40}) == Picoseconds{40});
    ready.put(number, {Picoseconds{50}, 1, 2, 1}); // instead of the one before
    REQUIRE(ready.earliest(Picoseconds{25}) == Picoseconds{50});
    ready.put(number, {Picoseconds{35}, 2, 3, 1});
    REQUIRE(ready.earliest(Picoseconds{25}) == Picoseconds{35});
    ready.put(ReadyBanks::none, {{}, 0, 3, 0});
    REQUIRE(ready.earliest(Picoseconds{25}) == Picoseconds{50});
    ready.put(ReadyBanks::none, {{}, 0, 3, 0}); // it has none already
    ready.put(ReadyBanks::none, {{}, 0, 2, 0});
    REQUIRE(ready.empty());
}

TEST_CASE("banks that change their class at random are where they were put") {
    constexpr std::uint32_t slots = 40, classes = 9;
    std::mt19937 random(3);
    std::vector<Picoseconds> in_rank(classes), in_group(classes);
    ReadyBanks ready(slots);
    for (std::uint32_t i = 0; i < classes; ++i) {
        REQUIRE(ready.add_class(i % 2 == 0, &in_rank[i], &in_group[i]) == i);
    }
    std::map<std::uint32_t, std::pair<std::uint32_t, Picoseconds>> golden; // by slot
    for (int step = 0; step < 20000; ++step) {
        const std::uint32_t slot = random() % slots;
        if (random() % 4 == 0) {
            ready.put(ReadyBanks::none, {{}, 0, slot, 0});
            golden.erase(slot);
        } else {
            const std::uint32_t number = random() % classes;
            const Picoseconds bank{random() % 1000};
            ready.put(number, {bank, 0, slot, 0});
            golden[slot] = {number, bank};
        }
        const std::uint32_t held = random() % classes;
        in_rank[held] = Picoseconds{random() % 1000};
        in_group[held] = Picoseconds{random() % 1000};
        const Picoseconds now{random() % 1000};
        Picoseconds first = Picoseconds::max();
        for (const auto& [s, entry] : golden) {
            first =
                std::min(first, std::max({now, entry.second, in_rank[entry.first], in_group[entry.first]}));
        }
        REQUIRE(ready.earliest(now) == first);
        REQUIRE(ready.empty() == golden.empty());
        const Picoseconds latest{random() % 1000};
        std::set<std::uint32_t> found, expected;
        ready.for_each_class(latest, [&](const ReadyBanks::Class& c) {
            REQUIRE(std::max(c.bound, c.first) <= latest);
            for (const ReadyBanks::Entry& entry : c.entries) {
                REQUIRE(found.insert(entry.slot).second);
                REQUIRE(golden.at(entry.slot).second == entry.ready);
                REQUIRE((golden.at(entry.slot).first % 2 == 0) == c.column);
            }
        });
        std::vector<bool> goes(classes);
        for (const auto& [s, entry] : golden) {
            const Picoseconds bound = std::max({now, in_rank[entry.first], in_group[entry.first]});
            goes[entry.first] = goes[entry.first] || std::max(bound, entry.second) <= latest;
        }
        for (const auto& [s, entry] : golden) {
            if (goes[entry.first]) {
                expected.insert(s);
            }
        }
        REQUIRE(found == expected);
    }
}
