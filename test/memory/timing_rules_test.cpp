// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/timing_rules.h"

#include "memory_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::ChannelTiming;
using memory::TimedCommand;
using memory::TimingRule;
using memory::TimingScope;

namespace {

struct Event {
    TimedCommand command;
    std::size_t rank, bank;
    Picoseconds time;
};

constexpr std::size_t no_bank = 100; ///< of a column command to a near-memory unit; in no group either

/// The earliest moment by going through the whole history, rule by rule.
Picoseconds by_hand(const std::vector<TimingRule>& rules, const memory::Technology& t,
                    const std::vector<Event>& history, TimedCommand command, std::size_t rank,
                    std::size_t bank, std::size_t banks_per_group, Picoseconds from) {
    Picoseconds earliest = from;
    for (const TimingRule& rule : rules) {
        if (rule.after != command) {
            continue;
        }
        std::uint32_t seen = 0;
        for (auto event = history.rbegin(); event != history.rend(); ++event) {
            const bool same_rank = event->rank == rank;
            const bool same_group =
                same_rank && bank < no_bank && event->bank / banks_per_group == bank / banks_per_group;
            const bool in_scope = rule.scope == TimingScope::other_ranks  ? !same_rank
                                  : rule.scope == TimingScope::rank       ? same_rank
                                  : rule.scope == TimingScope::bank_group ? same_group
                                                                          : same_rank && event->bank == bank;
            if (event->command == rule.before && in_scope && ++seen == rule.window) {
                earliest = std::max(earliest, event->time + rule.distance);
                if (rule.window > 1) {
                    break;
                }
                seen = 0;
            }
        }
    }
    for (bool moved = true; moved;) { // the clock grid, and one command per period
        moved = false;
        if (earliest.count() % t.t_ck.count() != 0) {
            earliest += t.t_ck - earliest % t.t_ck;
        }
        for (const Event& event : history) {
            if (event.time < earliest + t.t_ck && earliest < event.time + t.t_ck) {
                earliest = event.time + t.t_ck;
                moved = true;
            }
        }
    }
    return earliest;
}

void compare_with_history(const memory::Technology& t, unsigned seed, std::uint32_t groups = 1) {
    memory::Geometry g = geometry(3);
    g.banks = 4;
    g.bank_groups = groups;
    const std::vector<TimingRule> rules = memory::timing_rules(t);
    ChannelTiming timing(t, g);
    std::vector<Event> history;
    std::mt19937 random(seed);
    Picoseconds now{};
    for (int n = 0; n < 3000; ++n) {
        const auto command = static_cast<TimedCommand>(random() % 4);
        const std::size_t rank = random() % 3;
        const std::size_t bank = random() % 4;
        const bool column = command == TimedCommand::read || command == TimedCommand::write;
        const bool without_bank = column && random() % 4 == 0;
        const std::uint32_t bursts = column ? 1 + random() % 3 : 1;
        const Picoseconds expected = by_hand(rules, t, history, command, rank, without_bank ? no_bank : bank,
                                             g.banks_per_group(), now);
        // by_hand places one command; a longer run may have to wait for its later slots
        const Picoseconds ready = without_bank ? timing.rank_allows(command, core::Rank{rank})
                                               : timing.rules_allow(command, rank * 4 + bank);
        REQUIRE(timing.bus_allows(std::max(now, ready)) == expected);
        const Picoseconds first = timing.bus_allows(std::max(now, ready), bursts);
        REQUIRE(first >= expected);
        if (without_bank) {
            timing.issue_without_bank(command, core::Rank{rank}, first, bursts);
        } else {
            timing.issue(command, rank * 4 + bank, first, bursts);
        }
        for (std::uint32_t i = 0; i < bursts; ++i) {
            history.push_back({command, rank, without_bank ? no_bank : bank, first + i * t.column_cycle()});
        }
        if (history.size() > 60) {
            history.erase(history.begin(), history.begin() + 20);
        }
        now = history.back().time; // commands come in the order of their times
        timing.forget(now);
    }
}

} // namespace

TEST_CASE("the earliest moment is that of the whole history: DRAM") {
    compare_with_history(dram(), 1);
}
TEST_CASE("the earliest moment is that of the whole history: PCM") {
    compare_with_history(pcm(), 2);
}
TEST_CASE("the earliest moment is that of the whole history: odd timings") {
    memory::Technology t = with_odd_timings(dram());
    t.t_rtrs = Picoseconds{777};
    compare_with_history(t, 3);
}

TEST_CASE("the earliest moment is that of the whole history: bank groups") {
    memory::Technology t = dram();
    t.t_burst = t.t_ccd;
    t.t_ccd_l = t.t_ccd + t.t_ck;
    t.t_rrd_l = t.t_rrd + 2 * t.t_ck;
    t.t_wtr_l = t.t_wtr + 3 * t.t_ck;
    compare_with_history(t, 4, 2);
}

TEST_CASE("a DRAM's rules by hand") {
    std::map<std::string, Picoseconds> found;
    for (const TimingRule& rule : memory::timing_rules(dram())) {
        const char* const commands[] = {"ACT", "PRE", "RD", "WR"};
        const char* const scopes[] = {"bank", "group", "rank", "others"};
        const std::string key = std::string(rule.name) + ' ' + commands[static_cast<int>(rule.before)] + ' ' +
                                commands[static_cast<int>(rule.after)] + ' ' +
                                scopes[static_cast<int>(rule.scope)];
        REQUIRE(found.emplace(key, rule.distance).second);
        REQUIRE(rule.window == (std::string(rule.name) == "t_faw" ? 4u : 1u));
    }
    const std::map<std::string, Picoseconds> expected = {
        {"t_rcd ACT RD bank", clocks(5)},
        {"t_rcd ACT WR bank", clocks(5)},
        {"t_ras ACT PRE bank", clocks(16)},
        {"t_rc ACT ACT bank", clocks(22)},
        {"t_rp PRE ACT bank", clocks(5)},
        {"t_rtp RD PRE bank", clocks(3)},
        {"t_wr WR PRE bank", clocks(4 + 4 + 6)},
        {"t_rrd ACT ACT rank", clocks(3)},
        {"t_faw ACT ACT rank", clocks(14)},
        {"t_ccd RD RD rank", clocks(4)},
        {"t_ccd WR WR rank", clocks(4)},
        {"t_ccd RD WR rank", clocks(4)},
        {"t_ccd WR RD rank", clocks(4)},
        {"t_rtrs RD WR rank", clocks(5 + 4 + 1 - 4)},
        {"t_rtrs WR RD rank", clocks(4 + 4 + 1 - 5)},
        {"t_wtr WR RD rank", clocks(4 + 4 + 3)},
        {"t_rtrs RD RD others", clocks(5)},
        {"t_rtrs WR WR others", clocks(5)},
        {"t_rtrs RD WR others", clocks(6)},
        {"t_rtrs WR RD others", clocks(4)},
    };
    REQUIRE(found == expected);
    REQUIRE(memory::timing_rules(ideal()).empty());
}

TEST_CASE("a block holds activates back, and nothing else") {
    ChannelTiming timing(dram(), geometry(1));
    timing.block(3, clocks(40));
    timing.block(3, clocks(30));
    REQUIRE(timing.rules_allow(TimedCommand::activate, 3) == clocks(40));
    REQUIRE(timing.rules_allow(TimedCommand::activate, 2) == clocks(0));
    REQUIRE(timing.rules_allow(TimedCommand::precharge, 3) == clocks(0));
    timing.take_slot(clocks(40));
    REQUIRE(timing.bus_allows(timing.rules_allow(TimedCommand::activate, 3)) == clocks(41));
}
