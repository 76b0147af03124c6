// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_statistics.h"

#include "hydravp/modules/channel_controller.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using modules::AccessStatistics;
using modules::BankStatistics;
using modules::ChannelStatistics;
using modules::QueueOccupancy;
using modules::RankStatistics;

namespace {

BankStatistics sum_of_banks(const ChannelStatistics& s) {
    BankStatistics sum;
    for (const BankStatistics& bank : s.banks) {
        sum += bank;
    }
    return sum;
}

RankStatistics sum_of_ranks(const ChannelStatistics& s) {
    RankStatistics sum;
    for (const RankStatistics& rank : s.ranks) {
        sum += rank;
    }
    return sum;
}

void check_same(const AccessStatistics& a, const AccessStatistics& b) {
    CHECK(a.accesses == b.accesses);
    CHECK(a.bytes == b.bytes);
    CHECK(a.queueing == b.queueing);
    CHECK(a.service == b.service);
    CHECK(a.longest_queueing == b.longest_queueing);
    CHECK(a.longest_service == b.longest_service);
    CHECK(a.latency.count() == b.latency.count());
    CHECK(a.latency.percentile(50) == b.latency.percentile(50));
    CHECK(a.latency.percentile(99) == b.latency.percentile(99));
    CHECK(a.latency.max() == b.latency.max());
}

} // namespace

TEST_CASE("hits, misses and conflicts of a sequence that is known") {
    modules::ChannelControllerConfig config;
    config.latency = clocks(2);
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[256] = {};
        f.read(f.address(0, 0, 0), line, 64);             // miss
        f.read(f.address(0, 0, 0, 64), line, 64);         // hit
        f.write(f.address(0, 0, 0, 128), line, 64);       // hit
        f.read(f.address(0, 0, 1), line, 64);             // conflict
        f.read(f.address(1, 3, 5), line, 256);            // miss, four bursts of one run
        f.read(f.address(1, 3, 5), line, 64);             // hit
        f.read(f.address(1, 3, 5, 8192 - 64), line, 128); // two runs: a hit, and a miss of bank 4
    });
    const ChannelStatistics& s = f.controller.statistics();
    const BankStatistics& first = s.banks[0];
    CHECK(first.runs == 4);
    CHECK(first.row_hits == 2);
    CHECK(first.row_misses == 1);
    CHECK(first.row_conflicts == 1);
    CHECK(first.activates == 2);
    CHECK(first.precharges == 1);
    CHECK(first.reads == 3);
    CHECK(first.writes == 1);
    const BankStatistics& other = s.banks[16 + 3];
    CHECK(other.runs == 3);
    CHECK(other.row_hits == 2);
    CHECK(other.row_misses == 1);
    CHECK(other.reads == 6);
    CHECK(s.banks[16 + 4].row_misses == 1);
    CHECK(sum_of_banks(s).runs == 8);
    CHECK(s.read.accesses == 6);
    CHECK(s.read.bytes == 64 * 4 + 256 + 128);
    CHECK(s.write.accesses == 1);
    CHECK(s.write.queueing == s.write.longest_queueing);
    CHECK(s.write.service == clocks(4 + 4));
}

TEST_CASE("queueing ends and service begins with the first column command") {
    modules::ChannelControllerConfig config;
    config.latency = clocks(2);
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[256] = {};
        const Picoseconds miss = f.read(0, line, 256, clocks(7)).end - clocks(7); // a delay is not part of it
        const AccessStatistics& read = f.controller.statistics().read;
        REQUIRE(read.queueing == clocks(2 + 5));
        REQUIRE(read.service == clocks(5 + 4 * 4));
        REQUIRE(read.queueing + read.service == miss);
    });
}

TEST_CASE("statistics add up, and do not depend on when commands are issued") {
    modules::ChannelControllerConfig config;
    config.latency = clocks(2);
    ChannelFixture later(refreshed_dram(), geometry(2, 16), 0, config, "later");
    config.command_by_command = true;
    ChannelFixture at_once(refreshed_dram(), geometry(2, 16), 0, config, "at_once");
    const auto drive = [](ChannelFixture& f) {
        std::mt19937 random(17);
        static unsigned char data[4096];
        std::vector<AtInitiator::Transaction*> under_way;
        for (int i = 0; i < 3000; ++i) {
            const std::uint32_t bytes = random() % 8 == 0 ? 1 + random() % 4096 : 64;
            const std::uint64_t address =
                random() % (2 * 16 * 4 * 8192 - 4096) / (bytes == 64 ? 64 : 1) * (bytes == 64 ? 64 : 1);
            const auto command = random() % 10 < 3 ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
            under_way.push_back(&f.post(command, address, data, bytes));
            if (random() % 40 == 0) {
                wait_for(clocks(random() % 1600));
            }
        }
        Picoseconds latency{};
        for (AtInitiator::Transaction* t : under_way) {
            f.initiator.wait_for(*t);
            latency += t->end();
        }
        return latency;
    };
    Picoseconds latency[2] = {};
    run_in_thread([&] {
        bool done = false;
        sc_core::sc_event other_done;
        sc_core::sc_spawn([&] {
            latency[1] = drive(at_once);
            done = true;
            other_done.notify();
        });
        latency[0] = drive(later);
        if (!done) {
            sc_core::wait(other_done);
        }
    });
    const ChannelStatistics& a = later.controller.statistics();
    const ChannelStatistics& b = at_once.controller.statistics();
    CHECK(a.read.queueing + a.read.service + a.write.queueing + a.write.service == latency[0]);
    CHECK(latency[0] == latency[1]);
    check_same(a.read, b.read);
    check_same(a.write, b.write);
    for (std::size_t i = 0; i < a.banks.size(); ++i) {
        CHECK(a.banks[i].runs == b.banks[i].runs);
        CHECK(a.banks[i].row_hits == b.banks[i].row_hits);
        CHECK(a.banks[i].row_misses == b.banks[i].row_misses);
        CHECK(a.banks[i].row_conflicts == b.banks[i].row_conflicts);
        CHECK(a.banks[i].precharges == b.banks[i].precharges);
        CHECK(a.banks[i].runs == a.banks[i].row_hits + a.banks[i].row_misses + a.banks[i].row_conflicts);
    }
    for (const bool write : {false, true}) {
        CHECK(a.occupancy.area_ps(write) == b.occupancy.area_ps(write));
        CHECK(a.occupancy.max(write) == b.occupancy.max(write));
        CHECK(a.occupancy.max(write) <= 32);
        CHECK(a.occupancy.series(write) == b.occupancy.series(write));
    }
    const BankStatistics banks = sum_of_banks(a);
    const RankStatistics ranks = sum_of_ranks(a);
    std::uint64_t bursts = 0;
    for (const memory::CommandExtension& c : later.recorder.history) {
        if (c.kind == CommandKind::read || c.kind == CommandKind::write) {
            bursts += c.bursts(8);
        }
    }
    CHECK(banks.reads + banks.writes == bursts);
    CHECK(banks.activates == later.recorder.count(CommandKind::activate));
    CHECK(banks.precharges == later.recorder.count(CommandKind::precharge));
    CHECK(ranks.refreshes == later.recorder.count(CommandKind::refresh));
    CHECK(ranks.refreshes > 10);
    CHECK(ranks.precharge_alls <= ranks.refreshes);
    CHECK(banks.row_conflicts > 0);
    CHECK(banks.row_misses > 0);
    CHECK(banks.row_hits > 0);
}

TEST_CASE("the series of the queues' levels needs no more room in a long time") {
    QueueOccupancy occupancy;
    const std::int64_t step = 700;
    double area = 0;
    Picoseconds now{5'000'000};
    for (std::int64_t i = 0; i < 100'000; ++i) {
        const auto level = static_cast<std::uint32_t>(i % 5);
        occupancy.set(false, now, level);
        occupancy.set(true, now, 31);
        occupancy.set(true, now, 7); // the level before did not last
        area += static_cast<double>(level * step);
        now += Picoseconds{step};
    }
    occupancy.pass(now);
    CHECK(occupancy.from() == Picoseconds{5'000'000});
    CHECK(occupancy.max(false) == 4);
    CHECK(occupancy.max(true) == 7);
    CHECK(occupancy.area_ps(false) == area);
    CHECK(occupancy.area_ps(true) == 7.0 * step * 100'000);
    const std::vector<double> series = occupancy.series(true);
    CHECK(series.size() <= QueueOccupancy::most_intervals);
    CHECK(series.size() >= QueueOccupancy::most_intervals / 2);
    for (const double mean : series) {
        CHECK(mean == 7);
    }
    for (const double mean : occupancy.series(false)) {
        CHECK(mean == Approx(2).epsilon(0.01));
    }
    CHECK(static_cast<std::int64_t>(series.size()) * occupancy.interval() >= now - occupancy.from());
    occupancy.set(false, now, 1);
    occupancy.pass(now + Picoseconds{1'000'000'000'000}); // nothing happens for long
    CHECK(occupancy.area_ps(false) == area + 1e12);
}
