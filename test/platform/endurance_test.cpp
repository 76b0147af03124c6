// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/endurance.h"

#include <catch2/catch.hpp>

using namespace hydravp::platform;

namespace {

constexpr double seconds_per_year = 365.25 * 86400;

hydravp::memory::Technology technology() {
    hydravp::memory::Technology technology;
    technology.name = "lee-pcm";
    technology.endurance = 1'000'000;
    return technology;
}

} // namespace

TEST_CASE("the busiest word ends an unlevelled memory, the mean a levelled one") {
    // 1000 words of which 50 are written 2 times in each of 10 frames of 100 ms
    const EnduranceFigures figures = endurance_figures("dram", technology(), 2000, {1000, 20}, 10, 100);
    CHECK(figures.memory == "dram");
    CHECK(figures.technology == "lee-pcm");
    CHECK(figures.endurance == 1'000'000);
    CHECK(figures.array_words == 100);
    CHECK(figures.most_writes == 2);
    CHECK(figures.years.value() == Approx(1e6 / 2 * 0.1 / seconds_per_year));
    CHECK(figures.years_levelled.value() == Approx(1e6 / 0.1 * 0.1 / seconds_per_year));
}

TEST_CASE("a memory that is never written lives for ever") {
    const EnduranceFigures figures = endurance_figures("pcm", technology(), 2000, {0, 0}, 1, 100);
    CHECK_FALSE(figures.years.has_value());
    CHECK_FALSE(figures.years_levelled.has_value());
    CHECK(figures.array_words == 0);
}
