// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/synthetic_traffic.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::Picoseconds;

namespace {

SyntheticTrafficConfig config(std::uint64_t capacity, std::uint32_t bytes, double random_share,
                              double read_share) {
    SyntheticTrafficConfig c;
    c.capacity = capacity;
    c.bytes = bytes;
    c.random_share = random_share;
    c.read_share = read_share;
    return c;
}

} // namespace

TEST_CASE("a stream goes through the memory and starts over") {
    SyntheticTrafficConfig c = config(1000, 96, 0, 1); // ten whole accesses
    c.interval = Picoseconds{1250};
    SyntheticTraffic traffic(c);
    for (int i = 0; i < 35; ++i) {
        const TraceAccess expected{Picoseconds{i * 1250}, false, static_cast<std::uint64_t>(i % 10) * 96, 96};
        REQUIRE(traffic.next() == expected);
    }
}

TEST_CASE("random accesses fill the memory evenly") {
    constexpr std::uint64_t places = 16;
    constexpr int accesses = 160000;
    SyntheticTraffic traffic(config(places * 64, 64, 1, 0));
    std::vector<int> hits(places);
    for (int i = 0; i < accesses; ++i) {
        const TraceAccess access = traffic.next();
        REQUIRE(access.write);
        REQUIRE(access.address % 64 == 0);
        ++hits.at(access.address / 64);
    }
    for (const int n : hits) { // binomial: the standard deviation is 97
        REQUIRE(std::abs(n - accesses / 16) < 500);
    }
}

TEST_CASE("a mixture has both shares, independent of each other, and a stream without gaps") {
    constexpr int accesses = 100000;
    SyntheticTraffic traffic(config(std::uint64_t{8} << 30, 64, 0.5, 0.7));
    std::uint64_t stream = 0;
    int reads = 0, streamed = 0, streamed_reads = 0;
    for (int i = 0; i < accesses; ++i) {
        const TraceAccess access = traffic.next();
        reads += access.write ? 0 : 1;
        if (access.address == stream) { // by chance: once in 2^27
            stream += 64;
            ++streamed;
            streamed_reads += access.write ? 0 : 1;
        }
    }
    REQUIRE(std::abs(reads - 70000) < 800);
    REQUIRE(std::abs(streamed - 50000) < 800);
    REQUIRE(std::abs(streamed_reads - 35000) < 800);
}

TEST_CASE("a seed gives the same accesses again, another seed others") {
    SyntheticTrafficConfig c = config(1 << 20, 64, 0.5, 0.5);
    SyntheticTraffic a(c), b(c);
    c.seed = 2;
    SyntheticTraffic other(c);
    int differ = 0;
    for (int i = 0; i < 1000; ++i) {
        const TraceAccess access = a.next();
        REQUIRE(access == b.next());
        differ += access == other.next() ? 0 : 1;
    }
    REQUIRE(differ > 500);
    // The generator is std::mt19937_64, whose 10000th number the standard gives; so are the accesses fixed.
    c = config(64 * 1000, 64, 1, 0.5);
    SyntheticTraffic fixed(c);
    std::mt19937_64 reference(1);
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t draw = reference();
        const TraceAccess access = fixed.next();
        REQUIRE(access.write == (draw >> 63 != 0));
        REQUIRE(access.address == reference() % 1000 * 64);
    }
}

TEST_CASE("traffic that makes no sense is refused") {
    REQUIRE_THROWS_AS(SyntheticTraffic(config(63, 64, 0, 1)), std::invalid_argument);
    REQUIRE_THROWS_AS(SyntheticTraffic(config(64, 0, 0, 1)), std::invalid_argument);
    REQUIRE_THROWS_AS(SyntheticTraffic(config(1 << 30, (1 << 20) + 1, 0, 1)), std::invalid_argument);
    for (const double share : {-0.1, 1.1, std::nan("")}) {
        REQUIRE_THROWS_AS(SyntheticTraffic(config(64, 64, share, 1)), std::invalid_argument);
        REQUIRE_THROWS_AS(SyntheticTraffic(config(64, 64, 0, share)), std::invalid_argument);
    }
    SyntheticTrafficConfig back = config(64, 64, 0, 1);
    back.interval = Picoseconds{-1};
    REQUIRE_THROWS_AS(SyntheticTraffic(back), std::invalid_argument);
}
