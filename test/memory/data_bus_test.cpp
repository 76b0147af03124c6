// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/data_bus.h"

#include <catch2/catch.hpp>

using hydravp::core::Picoseconds;
using hydravp::core::Rank;
using hydravp::memory::DataBus;

TEST_CASE("a change of rank or direction leaves a gap") {
    DataBus bus(Picoseconds{3});
    REQUIRE(bus.earliest(Rank{1}, DataBus::Direction::write) == Picoseconds{0});
    bus.occupy(Rank{1}, DataBus::Direction::write, Picoseconds{100});
    REQUIRE(bus.earliest(Rank{1}, DataBus::Direction::write) == Picoseconds{100});
    REQUIRE(bus.earliest(Rank{1}, DataBus::Direction::read) == Picoseconds{103});
    REQUIRE(bus.earliest(Rank{0}, DataBus::Direction::write) == Picoseconds{103});
    bus.occupy(Rank{0}, DataBus::Direction::read, Picoseconds{120});
    REQUIRE(bus.earliest(Rank{0}, DataBus::Direction::read) == Picoseconds{120});
}
