// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/meter.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace hydravp::core;

namespace {

struct Part : sc_core::sc_module {
    Meter meter{"meter"};
    explicit Part(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
};

struct Consumer : sc_core::sc_module, BackgroundConsumer {
    Picoseconds charged{0};
    explicit Consumer(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
    void charge_background(Picoseconds duration, LayerId) override { charged += duration; }
};

/// Parts within parts, one of which draws power, too.
struct Whole : sc_core::sc_module {
    Part left{"left"};
    Consumer consumer{"consumer"};
    Part right{"right"};
    Meter own{"own"};
    explicit Whole(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
};

} // namespace

TEST_CASE("charges are kept by account and layer") {
    Part part("part");
    Meter& meter = part.meter;
    const Meter::Account energy = meter.add(Quantity::energy, "array");
    const Meter::Account busy = meter.add(Quantity::busy, "bus");
    meter.charge(energy, 2, Energy{1.5});
    meter.charge(energy, 0, Energy{0.25});
    meter.charge(energy, 2, Energy{1});
    meter.charge(energy, no_layer, Energy{4});
    meter.charge(busy, 1, Picoseconds{2500});
    meter.charge(busy, 0, 7.0);

    REQUIRE(meter.accounts().size() == 2);
    const Meter::AccountData& array = meter.accounts()[energy];
    REQUIRE(array.name == "array");
    REQUIRE(array.quantity == Quantity::energy);
    REQUIRE(array.by_layer == std::vector<double>{0.25, 0, 2.5});
    REQUIRE(array.unattributed == 4);
    REQUIRE(meter.accounts()[busy].by_layer == std::vector<double>{7, 2500});
    REQUIRE(meter.accounts()[busy].unattributed == 0);
    REQUIRE(meter.total(energy) == 6.75);
    REQUIRE(meter.total(busy) == 2507);
}

TEST_CASE("totals by name add up the accounts of that name") {
    Part part("part");
    const Meter::Account first = part.meter.add(Quantity::bytes, "bus");
    const Meter::Account second = part.meter.add(Quantity::bytes, "bus");
    part.meter.add(Quantity::energy, "bus energy");
    part.meter.charge(first, no_layer, 3.0);
    part.meter.charge(second, 5, 4.0);
    REQUIRE(first != second);
    REQUIRE(part.meter.total("bus") == 7);
    REQUIRE(part.meter.total("bus energy") == 0);
    REQUIRE(part.meter.total("BUS") == 0);
}

TEST_CASE("the last layer before `no_layer` is a layer") {
    Part part("part");
    const Meter::Account account = part.meter.add(Quantity::count, "events");
    part.meter.charge(account, no_layer - 1, 1.0);
    REQUIRE(part.meter.accounts()[account].by_layer.size() == no_layer);
    REQUIRE(part.meter.accounts()[account].by_layer.back() == 1);
    REQUIRE(part.meter.accounts()[account].unattributed == 0);
}

TEST_CASE("all meters are found wherever they are, in order, and only the living ones") {
    REQUIRE(collect_meters().empty());
    REQUIRE(collect_background_consumers().empty());
    Whole one("one");
    {
        Part gone("gone");
        REQUIRE(collect_meters().size() == 4);
    }
    Consumer alone("alone");
    std::vector<std::string> names;
    for (const Meter* meter : collect_meters()) {
        names.emplace_back(meter->name());
        REQUIRE(std::string(meter->kind()) == "hydravp_meter");
    }
    REQUIRE(names == std::vector<std::string>{"one.left.meter", "one.right.meter", "one.own"});
    REQUIRE(collect_background_consumers() == std::vector<BackgroundConsumer*>{&one.consumer, &alone});
    for (BackgroundConsumer* consumer : collect_background_consumers()) {
        consumer->charge_background(Picoseconds{9}, no_layer);
    }
    REQUIRE(one.consumer.charged == Picoseconds{9});
}
