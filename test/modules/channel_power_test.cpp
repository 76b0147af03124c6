// SPDX-License-Identifier: Apache-2.0
#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using modules::ChannelControllerConfig;

namespace {

memory::Technology sleepy() {
    memory::Technology t = sleepy_dram();
    t.background.watts = 1;
    t.active_standby = core::Power{2};
    t.power_down = core::Power{0.25};
    t.active_power_down = core::Power{0.5};
    t.self_refresh = core::Power{0.125};
    return t;
}

double background(const ChannelFixture& f) {
    for (core::BackgroundConsumer* consumer : core::collect_background_consumers()) {
        consumer->charge_background(core::now(), core::no_layer);
    }
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters(f)) {
        sum += meter->total("mem_background");
    }
    return sum;
}

/// One clock period at one watt, eight chips.
constexpr double per_clock = 8 * 2500;

void check(const ChannelFixture& f) {
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.recorder.delayed == 0);
}

} // namespace

TEST_CASE("an idle rank is powered down, and pays t_xp for the next access") {
    ChannelControllerConfig config;
    config.power_down_after = clocks(10);
    ChannelFixture f(sleepy(), geometry(1), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        REQUIRE(f.read(0, line, 64).end == clocks(5 + 5 + 4));
        wait_until(clocks(100));
        REQUIRE(f.read(64, line, 64).end == clocks(4 + 5 + 4)); // the row has stayed open
        wait_until(clocks(200));
        // A row is open from the activate at 0 on; down from 24 to 100 and from 123 on.
        REQUIRE(background(f) == Approx(per_clock * (2 * (24 + 23) + 0.5 * (76 + 77))));
        REQUIRE(f.recorder.count(CommandKind::power_down) == 2);
        REQUIRE(f.recorder.count(CommandKind::power_up) == 1);
    });
    check(f);
}

TEST_CASE("a rank that is idle for long closes its rows and refreshes itself, and pays t_xs") {
    ChannelControllerConfig config;
    config.self_refresh_after = clocks(20);
    memory::Technology t = sleepy();
    t.t_refi = clocks(1000);
    t.t_rfc = clocks(40);
    ChannelFixture f(t, geometry(1), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.read(0, line, 64);
        wait_until(clocks(5000));
        REQUIRE(f.recorder.count(CommandKind::refresh) == 0);
        // Standby until the activate at 0; precharge at 34, self-refresh t_rp later.
        REQUIRE(background(f) == Approx(per_clock * (2 * 34 + 1 * 5 + 0.125 * (5000 - 39))));
        REQUIRE(f.read(0, line, 64).end == clocks(50 + 5 + 5 + 4));
    });
    check(f);
}

TEST_CASE("power-down goes over into self-refresh") {
    ChannelControllerConfig config;
    config.power_down_after = clocks(10);
    config.self_refresh_after = clocks(100);
    ChannelFixture f(sleepy(), geometry(1), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.read(0, line, 64);
        wait_until(clocks(500));
        // Down at 24; up at 114, precharge t_xp later, self-refresh t_rp later.
        REQUIRE(background(f) ==
                Approx(per_clock * (2 * (24 + 4) + 0.5 * (114 - 24) + 1 * 5 + 0.125 * (500 - 123))));
    });
    check(f);
}

TEST_CASE("a rank that is down is refreshed all the same") {
    ChannelControllerConfig config;
    config.power_down_after = clocks(10);
    memory::Technology t = sleepy();
    t.t_refi = clocks(1000);
    t.t_rfc = clocks(40);
    ChannelFixture f(t, geometry(1), 0, config);
    run_in_thread([&] {
        wait_until(clocks(10'500));
        REQUIRE(f.recorder.count(CommandKind::refresh) == 10);
        REQUIRE(f.recorder.count(CommandKind::power_up) == 10);
    });
    check(f);
}

TEST_CASE("refreshes of single banks leave the others alone") {
    ChannelControllerConfig config;
    config.refresh = modules::RefreshMode::per_bank;
    memory::Technology t = dram();
    t.t_refi = clocks(1600);
    t.t_rfc = clocks(40);
    t.t_rfc_pb = clocks(30);
    ChannelFixture f(t, geometry(1), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        // Of 16 banks one in 100 clocks. Bank 0 is refreshed at 100; bank 1 goes on.
        wait_until(clocks(101));
        REQUIRE(f.read(f.address(0, 1, 0), line, 64).end == clocks(5 + 5 + 4));
        REQUIRE(f.read(f.address(0, 0, 0), line, 64).at == clocks(100 + 30 + 5 + 5 + 4));
        wait_until(clocks(1601));
        REQUIRE(f.recorder.count(CommandKind::refresh_bank) == 16);
        REQUIRE(total("mem_refresh") == Approx(0));
    });
    check(f);
}

TEST_CASE("what a memory or its controller cannot do is refused") {
    const auto refused = [](const memory::Technology& t, const ChannelControllerConfig& config) {
        REQUIRE_THROWS_AS(modules::CommandScheduler(config, t, geometry(1)), std::invalid_argument);
    };
    ChannelControllerConfig per_bank;
    per_bank.refresh = modules::RefreshMode::per_bank;
    refused(refreshed_dram(), per_bank); // no t_rfc_pb
    ChannelControllerConfig down;
    down.power_down_after = clocks(1);
    refused(dram(), down); // no t_cke
    down.shares_with_units = true;
    refused(sleepy(), down);
}
