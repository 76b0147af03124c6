// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/cache_tags.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <stdexcept>

using hydravp::modules::CacheLine;
using hydravp::modules::CacheTags;

namespace {

const auto any = [](const CacheLine&) { return true; };

/// Per set a list of lines, the most recent first.
struct NaiveCache {
    std::size_t sets, ways;
    std::uint64_t line_bytes;
    std::map<std::uint64_t, std::list<std::uint64_t>> recent;

    /// Whether the line was there; and who left for it, or its own address.
    std::pair<bool, std::uint64_t> access(std::uint64_t address) {
        const std::uint64_t line = address / line_bytes;
        auto& set = recent[line % sets];
        const auto found = std::find(set.begin(), set.end(), line);
        const bool hit = found != set.end();
        std::uint64_t left = line;
        if (hit) {
            set.erase(found);
        } else if (set.size() == ways) {
            left = set.back();
            set.pop_back();
        }
        set.push_front(line);
        return {hit, left * line_bytes};
    }
    void remove(std::uint64_t address) { recent[address / line_bytes % sets].remove(address / line_bytes); }
};

void compare(std::uint64_t size, std::uint32_t ways, std::uint32_t line_bytes, unsigned seed) {
    CacheTags tags(size, ways, line_bytes);
    NaiveCache naive{size / ways / line_bytes, ways, line_bytes, {}};
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20000; ++i) {
        const std::uint64_t address =
            (random() % 4 == 0 ? ~std::uint64_t{0} - random() % size : random() % (3 * size));
        if (random() % 16 == 0) {
            const std::size_t way = tags.find(address);
            if (way != CacheTags::none) {
                tags.invalidate(way);
            }
            naive.remove(address);
            continue;
        }
        const auto [hit, left] = naive.access(address);
        std::size_t way = tags.find(address);
        REQUIRE((way != CacheTags::none) == hit);
        if (!hit) {
            way = tags.victim(address, any);
            REQUIRE(way != CacheTags::none);
            if (left != tags.line_of(address)) {
                REQUIRE(tags[way].valid);
                REQUIRE(tags[way].address == left);
            } else {
                REQUIRE_FALSE(tags[way].valid);
            }
            tags.reserve(way, address);
            REQUIRE(tags.find(address) == CacheTags::none);
            REQUIRE(tags.find_expected(address) == way);
            tags.fill(way);
        }
        tags.use(way);
        REQUIRE(tags.find(address) == way);
        REQUIRE_FALSE(tags.empty());
    }
}

} // namespace

TEST_CASE("tags behave as a list of lines per set") {
    compare(4096, 4, 64, 1);
    compare(4096, 1, 64, 2);     // direct mapped
    compare(1024, 16, 64, 3);    // fully associative
    compare(3 * 1024, 4, 32, 4); // 24 sets, no power of two
    compare(8, 1, 8, 5);
}

TEST_CASE("a shape that is none is refused") {
    CHECK_THROWS_AS(CacheTags(4096, 4, 48), std::invalid_argument);
    CHECK_THROWS_AS(CacheTags(4096, 4, 0), std::invalid_argument);
    CHECK_THROWS_AS(CacheTags(4096, 0, 64), std::invalid_argument);
    CHECK_THROWS_AS(CacheTags(0, 4, 64), std::invalid_argument);
    CHECK_THROWS_AS(CacheTags(4096, 3, 64), std::invalid_argument);
    CHECK_NOTHROW(CacheTags(4096, 64, 64));
}

TEST_CASE("lines that may not leave and reserved ways are no victims") {
    CacheTags tags(256, 4, 64);
    REQUIRE(tags.empty());
    for (std::uint64_t line = 0; line < 3; ++line) {
        const std::size_t way = tags.victim(line * 64, any);
        tags.reserve(way, line * 64);
        tags.fill(way);
    }
    const std::size_t reserved = tags.victim(1024, any);
    tags.reserve(reserved, 1024);
    REQUIRE(tags[tags.victim(2048, any)].address == 0);
    REQUIRE(tags[tags.victim(2048, [](const CacheLine& line) { return line.address != 0; })].address == 64);
    REQUIRE(tags.victim(2048, [](const CacheLine&) { return false; }) == CacheTags::none);
    tags.invalidate(reserved); // gives the reservation up
    REQUIRE(tags.victim(2048, [](const CacheLine&) { return false; }) == reserved);
    for (std::uint64_t line = 0; line < 3; ++line) {
        tags.invalidate(tags.find(line * 64));
    }
    REQUIRE(tags.empty());
}
