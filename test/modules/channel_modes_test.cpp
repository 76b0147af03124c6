// SPDX-License-Identifier: Apache-2.0
//
// A controller that works command by command and one that catches up: the same commands, times, energies and
// counts.
#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using modules::ChannelControllerConfig;

namespace {

struct Item {
    Picoseconds time;
    tlm::tlm_command command;
    std::uint64_t address;
    std::uint32_t bytes;
};

/// Streams and random accesses of a byte to several rows, in dense bursts with pauses.
std::vector<Item> load(const memory::Geometry& g, unsigned seed, int accesses, std::uint32_t largest) {
    std::mt19937_64 random(seed);
    std::vector<Item> items;
    std::uint64_t next = 0;
    Picoseconds time{};
    for (int n = 0; n < accesses; ++n) {
        Item item;
        const std::uint32_t kind = random() % 4;
        item.bytes = kind == 0   ? 1 + static_cast<std::uint32_t>(random() % largest)
                     : kind == 1 ? static_cast<std::uint32_t>(largest)
                                 : 64;
        item.command = random() % 3 == 0 ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
        if (random() % 2 == 0) {
            next = random() % (g.channel_bytes() / 64) * 64 + (kind == 0 ? random() % 64 : 0);
        }
        next = next + item.bytes > g.channel_bytes() ? 0 : next;
        item.address = next;
        next += item.bytes;
        time +=
            clock_period * static_cast<std::int64_t>(random() % 200 == 0 ? random() % 8000 : random() % 12);
        item.time = time;
        items.push_back(item);
    }
    return items;
}

std::map<std::string, double> totals(const sc_core::sc_object& root) {
    std::map<std::string, double> sums;
    for (const core::Meter* meter : core::collect_meters(root)) {
        for (std::size_t i = 0; i < meter->accounts().size(); ++i) {
            sums[meter->accounts()[i].name] += meter->total(i);
        }
    }
    return sums;
}

using Line = std::tuple<std::int64_t, int, std::uint32_t, std::uint32_t, std::uint32_t, std::int64_t>;
std::vector<Line> commands(const ChannelFixture& f) {
    std::vector<Line> lines;
    for (const memory::CommandExtension& c : f.recorder.history) {
        lines.emplace_back(c.issued.count(), static_cast<int>(c.kind), c.rank.value(), c.bank.value(),
                           c.kind == memory::CommandKind::activate ? c.row.value() : c.column,
                           c.data_end.count());
    }
    return lines;
}

void compare(const memory::Technology& technology, const memory::Geometry& g, ChannelControllerConfig config,
             unsigned seed, int accesses, std::uint32_t largest) {
    config.command_by_command = true;
    ChannelFixture stepping(technology, g, 0, config, "stepping");
    config.command_by_command = false;
    ChannelFixture catching_up(technology, g, 0, config, "catching_up");
    const std::vector<Item> items = load(g, seed, accesses, largest);
    std::vector<std::vector<AtInitiator::Transaction*>> all(2);
    run_in_thread([&] {
        std::vector<unsigned char> data(largest);
        sc_core::sc_event posted;
        std::size_t running = 2;
        const auto post = [&](ChannelFixture& f, std::vector<AtInitiator::Transaction*>& transactions) {
            sc_core::sc_spawn([&] {
                for (const Item& item : items) {
                    core::wait_until(item.time);
                    transactions.push_back(&f.post(item.command, item.address, data.data(), item.bytes));
                }
                --running;
                posted.notify();
            });
        };
        post(stepping, all[0]);
        post(catching_up, all[1]);
        while (running > 0) {
            sc_core::wait(posted);
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            stepping.initiator.wait_for(*all[0][i]);
            catching_up.initiator.wait_for(*all[1][i]);
            REQUIRE(all[0][i]->accepted == all[1][i]->accepted);
            REQUIRE(all[0][i]->responded == all[1][i]->responded);
            REQUIRE(all[1][i]->payload->is_response_ok());
        }
        core::wait_until(core::now() + std::max(technology.t_refi, 100 * clock_period));
    });
    REQUIRE(commands(stepping) == commands(catching_up));
    const std::map<std::string, double> found = totals(catching_up);
    for (const auto& [name, total] : totals(stepping)) {
        CAPTURE(name);
        REQUIRE(found.at(name) == Approx(total));
    }
    for (ChannelFixture* f : {&stepping, &catching_up}) {
        f->auditor.finish();
        REQUIRE(f->auditor.summary() == "");
        REQUIRE(f->checker.summary() == "");
        REQUIRE(f->recorder.delayed == 0);
    }
}

memory::Geometry small(std::uint32_t ranks) {
    memory::Geometry g = geometry(ranks);
    g.rows = 256; // hits and conflicts
    return g;
}

} // namespace

TEST_CASE("catching up is working command by command: lines and pieces of rows, refreshed DRAM") {
    compare(refreshed_dram(), small(2), {}, 1, 6000, 300);
}
TEST_CASE("catching up is working command by command: several rows at once, refreshed DRAM") {
    compare(refreshed_dram(), small(2), {}, 2, 1500, 20000);
}
TEST_CASE("catching up is working command by command: PCM") {
    compare(pcm(), small(1), {}, 3, 4000, 9000);
}
TEST_CASE("catching up is working command by command: strict order") {
    ChannelControllerConfig config;
    config.scheduling = modules::SchedulingPolicy::fcfs;
    compare(refreshed_dram(), small(2), config, 4, 3000, 9000);
}
TEST_CASE("catching up is working command by command: closed pages") {
    ChannelControllerConfig config;
    config.page_policy = modules::PagePolicy::closed;
    compare(refreshed_dram(), small(2), config, 5, 3000, 9000);
}
TEST_CASE("catching up is working command by command: page timeout, postponed refreshes") {
    ChannelControllerConfig config;
    config.page_policy = modules::PagePolicy::timeout;
    config.page_timeout = Picoseconds{200'000};
    config.postponed_refreshes = 8;
    compare(refreshed_dram(), small(2), config, 6, 3000, 9000);
}
TEST_CASE("catching up is working command by command: a controller with a pipeline") {
    ChannelControllerConfig config;
    config.latency = Picoseconds{12'345};
    config.starvation_limit = Picoseconds{300'000};
    compare(refreshed_dram(), small(2), config, 7, 4000, 2000);
}
TEST_CASE("catching up is working command by command: refreshes of single banks, power-down, self-refresh") {
    memory::Technology technology = refreshed_dram();
    technology.t_rfc_pb = technology.t_rfc / 2;
    technology.t_cke = clocks(3);
    technology.t_xp = clocks(4);
    technology.t_xs = clocks(60);
    ChannelControllerConfig config;
    config.refresh = modules::RefreshMode::per_bank;
    config.power_down_after = clocks(20);
    config.self_refresh_after = clocks(400);
    compare(technology, small(2), config, 8, 4000, 2000);
}
