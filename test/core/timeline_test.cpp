// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/timeline.h"

#include <catch2/catch.hpp>

#include <random>

using hydravp::core::Bandwidth;
using hydravp::core::Picoseconds;
using hydravp::core::Timeline;

TEST_CASE("an idle resource begins when it is asked to") {
    Timeline line;
    REQUIRE(line.free_at() == Picoseconds{0});
    REQUIRE(line.occupy(Picoseconds{100}, Picoseconds{30}) == Picoseconds{130});
    REQUIRE(line.free_at() == Picoseconds{130});
    REQUIRE(line.occupy(Picoseconds{130}, Picoseconds{5}) == Picoseconds{135}); // just in time
}

TEST_CASE("a busy resource serves in the order of asking, even one who could have begun earlier") {
    Timeline line;
    line.occupy(Picoseconds{100}, Picoseconds{30});
    REQUIRE(line.occupy(Picoseconds{110}, Picoseconds{10}) == Picoseconds{140});
    REQUIRE(line.occupy(Picoseconds{0}, Picoseconds{10}) == Picoseconds{150});
    REQUIRE(line.occupy(Picoseconds{0}, Picoseconds{0}) == Picoseconds{150});
}

TEST_CASE("service intervals never overlap") {
    std::mt19937 random(1);
    Timeline line;
    Picoseconds last{0};
    Picoseconds busy{0};
    for (int i = 0; i < 1000; ++i) {
        const Picoseconds earliest{random() % 5000};
        const Picoseconds duration{random() % 20};
        const Picoseconds end = line.occupy(earliest, duration);
        REQUIRE(end - duration >= last);
        REQUIRE(end - duration >= earliest);
        REQUIRE((end - duration == last || end - duration == earliest)); // and no idling
        last = end;
        busy += duration;
    }
    REQUIRE(last >= busy);
}

TEST_CASE("the time on a wire is rounded up to a picosecond, no bandwidth is no time") {
    REQUIRE(Bandwidth{}.time_for(1 << 20) == Picoseconds{0});
    REQUIRE(Bandwidth{32e9}.time_for(0) == Picoseconds{0});
    REQUIRE(Bandwidth{32e9}.time_for(64) == Picoseconds{2000});
    REQUIRE(Bandwidth{15.75e9}.time_for(24) == Picoseconds{1524});
    REQUIRE(Bandwidth{3e12}.time_for(1) == Picoseconds{1});
}
