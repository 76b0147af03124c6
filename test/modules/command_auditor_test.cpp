// SPDX-License-Identifier: Apache-2.0
// The auditor against controllers and channels that work with a wrong technology.
#include "hydravp/memory/command_auditor.h"

#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"

#include "at_initiator.h"
#include "memory_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <set>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandAuditor;
using memory::Technology;

namespace {

struct Memory {
    Technology technology;
    memory::Geometry geometry;
    modules::ChannelControllerConfig controller = timing_only();

    static modules::ChannelControllerConfig timing_only() {
        modules::ChannelControllerConfig config;
        config.keep_data = false;
        return config;
    }
};

/// Each technology has every rule's value such that the rule itself counts: not the sum of others.
Memory ddr2() {
    return {refreshed_dram(), geometry(2, 16)};
}
Memory slow_pcm() {
    Memory m{pcm(), geometry(2, 16)};
    m.technology.t_rc = clocks(98); // t_ras + t_rp is 96
    return m;
}
Memory pausing_pcm() {
    Memory m = slow_pcm();
    m.technology.write_iterations = 4;
    m.controller.write_interruption = modules::WriteInterruption::pause;
    return m;
}
Memory cancelling_pcm() {
    Memory m = slow_pcm();
    m.technology.write_cancel_threshold = 0.5;
    m.controller.write_interruption = modules::WriteInterruption::cancel;
    return m;
}
Memory ddr3() { // DDR3-1600K, 4 Gb x8
    Memory m{{}, geometry(2, 16)};
    const Picoseconds ck{1250};
    Technology& t = m.technology;
    t.t_ck = ck;
    t.t_rcd = t.t_cl = t.t_rp = 11 * ck;
    t.t_wl = 8 * ck;
    t.t_ccd = 4 * ck;
    t.t_wr = 12 * ck;
    t.t_rtp = t.t_wtr = 6 * ck;
    t.t_ras = 28 * ck;
    t.t_rc = 40 * ck; // t_ras + t_rp is 39
    t.t_rrd = 5 * ck;
    t.t_faw = 24 * ck;
    t.t_rtrs = 2 * ck;
    t.t_refi = 6240 * ck;
    t.t_rfc = 208 * ck;
    m.geometry.banks = 8;
    return m;
}
Memory sleepy_ddr3() { // refreshes bank by bank, powered down whenever there is nothing to do
    Memory m = ddr3();
    m.technology.t_rfc_pb = 72 * m.technology.t_ck;
    m.technology.t_cke = 40 * m.technology.t_ck;
    m.technology.t_xp = 50 * m.technology.t_ck; // over a row cycle: no other rule hides it
    m.controller.refresh = modules::RefreshMode::per_bank;
    m.controller.power_down_after = 5 * m.technology.t_ck;
    return m;
}
Memory refreshing_itself() {
    Memory m = sleepy_ddr3();
    m.technology.t_xs = 220 * m.technology.t_ck;
    m.controller.refresh = modules::RefreshMode::all_banks;
    m.controller.power_down_after = Picoseconds{0};
    m.controller.self_refresh_after = 20 * m.technology.t_ck;
    return m;
}
Memory ddr4() { // DDR4-2400, 8 Gb x8, with bank groups
    Memory m{{}, geometry(2, 16)};
    const Picoseconds ck{833};
    Technology& t = m.technology;
    t.t_ck = ck;
    t.t_rcd = t.t_cl = t.t_rp = 16 * ck;
    t.t_wl = 12 * ck;
    t.t_ccd = t.t_rrd = 4 * ck;
    t.t_ccd_l = t.t_rrd_l = 6 * ck;
    t.t_wr = 18 * ck;
    t.t_rtp = t.t_wtr_l = 9 * ck;
    t.t_wtr = 3 * ck;
    t.t_ras = 39 * ck;
    t.t_rc = 56 * ck; // t_ras + t_rp is 55
    t.t_faw = 26 * ck;
    t.t_rtrs = 2 * ck;
    t.t_refi = 9360 * ck;
    t.t_rfc = 420 * ck;
    m.geometry.bank_groups = 4;
    return m;
}

/// A way to get a technology wrong, and the rules that must see it.
struct Mutation {
    const char* field;
    std::function<bool(const Technology&)> applies;
    std::function<void(Technology&)> spoil;
    std::set<std::string> seen_by;
};

Mutation shorten(const char* field, Picoseconds Technology::*value, std::set<std::string> seen_by = {}) {
    if (seen_by.empty()) {
        seen_by = {field};
    }
    return {field, [value](const Technology& t) { return (t.*value).count() > 0; },
            [value](Technology& t) { t.*value -= t.t_ck; }, std::move(seen_by)};
}

std::vector<Mutation> mutations() {
    const auto always = [](const Technology&) { return true; };
    return {
        shorten("t_rcd", &Technology::t_rcd),
        shorten("t_cl", &Technology::t_cl),
        shorten("t_wl", &Technology::t_wl),
        shorten("t_ccd", &Technology::t_ccd, {"t_ccd", "data_bus"}), // t_burst is 0: the data as well
        shorten("t_wr", &Technology::t_wr),
        shorten("t_rtp", &Technology::t_rtp),
        shorten("t_rp", &Technology::t_rp),
        shorten("t_ras", &Technology::t_ras),
        shorten("t_rc", &Technology::t_rc),
        shorten("t_rrd", &Technology::t_rrd),
        shorten("t_rrd_pre", &Technology::t_rrd_pre),
        shorten("t_faw", &Technology::t_faw),
        shorten("t_wtr", &Technology::t_wtr),
        shorten("t_ccd_l", &Technology::t_ccd_l),
        shorten("t_rrd_l", &Technology::t_rrd_l),
        shorten("t_wtr_l", &Technology::t_wtr_l),
        shorten("t_rtrs", &Technology::t_rtrs),
        shorten("t_rfc", &Technology::t_rfc),
        shorten("t_rfc_pb", &Technology::t_rfc_pb),
        shorten("t_cke", &Technology::t_cke),
        shorten("t_xp", &Technology::t_xp),
        shorten("t_xs", &Technology::t_xs),
        {"t_burst", always, [](Technology& t) { t.t_burst = t.t_ccd - t.t_ck; }, {"t_burst"}},
        {"t_ck", always, [](Technology& t) { t.t_ck /= 2; }, {"clock_grid", "command_bus"}},
        {"t_rp, resumed",
         [](const Technology& t) { return t.interruptible_writes(); },
         [](Technology& t) { t.t_rp -= t.t_ck; },
         {"write_end"}},
        {"write_iterations",
         [](const Technology& t) { return t.write_iterations > 1; },
         [](Technology& t) { ++t.write_iterations; },
         {"write_iteration"}},
        {"write_cancel_threshold",
         [](const Technology& t) { return t.write_cancel_threshold > 0; },
         [](Technology& t) { t.write_cancel_threshold += 0.1; },
         {"write_cancel_threshold"}},
        {"t_refi",
         [](const Technology& t) { return t.t_refi.count() > 0; },
         [](Technology& t) { t.t_refi *= 10; },
         {"t_refi"}},
    };
}

/// What is no matter of time; the tests of the auditor and of `ArrayWriteAudit` have them.
const std::set<std::string> state_rules{"row_open",        "row_closed", "wrong_row",  "leased",
                                        "not_leased",      "place",      "issue_time", "asleep",
                                        "write_under_way", "write_latch"};

/// A controller and a channel of one technology, an auditor of another, and a random load.
class Mutant : public sc_core::sc_module {
public:
    AtInitiator initiator{"initiator"};
    modules::ChannelController controller;
    CommandAuditor auditor;
    memory::Channel channel;

    Mutant(const Technology& technology, const Memory& right, const CommandAuditor::Options& options = {},
           const sc_core::sc_module_name& name = sc_core::sc_gen_unique_name("mutant"))
        : sc_core::sc_module(name),
          controller("controller", right.controller, technology, right.geometry),
          auditor("auditor", right.technology, right.geometry, options),
          channel("channel", technology, right.geometry, "mem", "data_bus"),
          shape_(right.geometry),
          period_(right.technology.t_ck) {
        initiator.socket.bind(controller.front);
        controller.channel.bind(auditor.front);
        auditor.back.bind(channel.commands);
        initiator.on_response = [this](AtInitiator::Transaction& t) { initiator.recycle(t); };
    }

    bool saw(const std::string& rule) const { return auditor.violations_by_rule().count(rule) == 1; }

    /// Stretches of load, each with its own mix: all banks or few of them, or the banks of one group; many
    /// rows or one; one rank or both; reads, writes or both; crowded or one after the other.
    void run(const std::function<bool()>& enough) {
        while (!enough()) {
            const bool one_rank = pick(2) == 0;
            const std::uint32_t rank = pick(shape_.ranks);
            const std::uint32_t choice = pick(4);
            const std::uint32_t banks = choice == 0   ? 1
                                        : choice == 1 ? 2
                                        : choice == 2 ? shape_.banks_per_group()
                                                      : shape_.banks;
            const std::uint32_t first_bank = pick(shape_.banks / banks) * banks;
            const std::uint32_t rows = pick(3) == 0 ? 1 : 1 + pick(shape_.rows);
            const std::uint32_t writes = pick(5) * 25; // in 100
            const std::uint32_t bursts = pick(3) == 0 ? 8 : 1;
            const std::uint32_t under_way = pick(3) == 0 ? 1 : 40;
            for (std::uint32_t n = 0; n < 60; ++n) {
                while (initiator.under_way() >= under_way) {
                    sc_core::wait(initiator.responded());
                }
                const std::uint32_t bytes = (1 + pick(bursts)) * 64;
                const std::uint64_t row =
                    (std::uint64_t{pick(rows)} * shape_.ranks + (one_rank ? rank : pick(shape_.ranks))) *
                        shape_.banks +
                    first_bank + pick(banks);
                const std::uint64_t column = std::uint64_t{pick(shape_.bursts_per_row() - 8)} * 64;
                initiator.access(pick(100) < writes ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
                                 row * shape_.row_bytes * shape_.chips_per_rank + column, data_, bytes);
                if (pick(16) == 0) {
                    wait_for(pick(60) * period_);
                }
            }
        }
        while (initiator.under_way() > 0) {
            sc_core::wait(initiator.responded());
        }
    }

private:
    std::uint32_t pick(std::uint64_t n) { return static_cast<std::uint32_t>(random_() % n); }

    memory::Geometry shape_;
    Picoseconds period_;
    std::mt19937_64 random_{1};
    unsigned char data_[512] = {};
};

/// Every mutation that means something to this memory must be seen.
void check_mutations(const Memory& right) {
    CommandAuditor::Options options;
    options.max_recorded = 3;
    std::vector<Mutation> list;
    for (const Mutation& mutation : mutations()) {
        if (mutation.applies(right.technology)) {
            list.push_back(mutation);
        }
    }
    std::deque<Mutant> mutants;
    for (const Mutation& mutation : list) {
        Technology wrong = right.technology;
        mutation.spoil(wrong);
        mutants.emplace_back(wrong, right, options);
    }
    run_in_thread([&] {
        std::size_t running = mutants.size();
        sc_core::sc_event finished;
        for (std::size_t i = 0; i < mutants.size(); ++i) {
            sc_core::sc_spawn([&, i] {
                const auto seen = [&](const std::string& rule) { return mutants[i].saw(rule); };
                mutants[i].run([&] {
                    return std::all_of(list[i].seen_by.begin(), list[i].seen_by.end(), seen) ||
                           mutants[i].auditor.commands() >= 100'000;
                });
                --running;
                finished.notify(sc_core::SC_ZERO_TIME);
            });
        }
        while (running > 0) {
            sc_core::wait(finished);
        }
    });
    for (std::size_t i = 0; i < list.size(); ++i) {
        CAPTURE(list[i].field, mutants[i].auditor.summary());
        for (const std::string& rule : list[i].seen_by) {
            CAPTURE(rule);
            CHECK(mutants[i].saw(rule));
        }
    }
}

/// The same load with the right technology.
void check_clean(const Memory& memory, std::uint64_t commands) {
    Mutant right(memory.technology, memory);
    run_in_thread([&] { right.run([&] { return right.auditor.commands() >= commands; }); });
    using Kind = CommandAuditor::Kind;
    for (const Kind kind : {Kind::activate, Kind::precharge, Kind::read, Kind::write}) {
        CHECK(right.auditor.commands(kind) > 1000);
    }
    if (memory.controller.refresh == modules::RefreshMode::per_bank) {
        CHECK(right.auditor.commands(Kind::refresh_bank) > 100);
    } else if (memory.controller.self_refresh_after.count() > 0) {
        CHECK(right.auditor.commands(Kind::self_refresh) > 100);
        CHECK(right.auditor.commands(Kind::self_refresh_exit) > 100);
    } else if (memory.technology.t_refi.count() > 0) {
        CHECK(right.auditor.commands(Kind::refresh) > 10);
    }
    if (memory.technology.interruptible_writes()) {
        CHECK(right.auditor.commands(Kind::resume_write) > 1000);
    }
    if (memory.controller.power_down_after.count() > 0) {
        CHECK(right.auditor.commands(Kind::power_down) > 100);
        CHECK(right.auditor.commands(Kind::power_up) > 100);
    }
    CHECK(right.auditor.summary() == "");
}

} // namespace

TEST_CASE("every timing rule has a mutation that a technology of the tests can have") {
    std::set<std::string> seen;
    for (const Mutation& mutation : mutations()) {
        for (const Memory& memory : {ddr2(), slow_pcm(), pausing_pcm(), cancelling_pcm(), ddr3(),
                                     sleepy_ddr3(), refreshing_itself(), ddr4()}) {
            if (mutation.applies(memory.technology)) {
                seen.insert(mutation.seen_by.begin(), mutation.seen_by.end());
            }
        }
    }
    for (const std::string& rule : CommandAuditor::rules()) {
        CAPTURE(rule);
        CHECK(seen.count(rule) + state_rules.count(rule) == 1);
    }
}

TEST_CASE("a DDR2 with any constraint too short is found out") {
    check_mutations(ddr2());
}
TEST_CASE("a PCM with any constraint too short is found out") {
    check_mutations(slow_pcm());
}
TEST_CASE("a PCM whose writes pause at the wrong times is found out") {
    check_mutations(pausing_pcm());
}
TEST_CASE("a PCM whose writes are cancelled at the wrong times is found out") {
    check_mutations(cancelling_pcm());
}
TEST_CASE("a DDR3 with any constraint too short is found out") {
    check_mutations(ddr3());
}
TEST_CASE("a DDR4 with any constraint too short is found out") {
    check_mutations(ddr4());
}

/// Of a memory that saves power, the rules for that only.
void check_sleep(const Memory& right, const std::set<std::string>& rules) {
    CommandAuditor::Options options;
    options.max_recorded = 3;
    std::deque<Mutant> mutants;
    std::vector<std::string> list;
    for (const Mutation& mutation : mutations()) {
        if (rules.count(mutation.field) == 1) {
            Technology wrong = right.technology;
            mutation.spoil(wrong);
            mutants.emplace_back(wrong, right, options);
            list.emplace_back(mutation.field);
        }
    }
    REQUIRE(list.size() == rules.size());
    run_in_thread([&] {
        for (std::size_t i = 0; i < list.size(); ++i) {
            mutants[i].run(
                [&] { return mutants[i].saw(list[i]) || mutants[i].auditor.commands() >= 100'000; });
        }
    });
    for (std::size_t i = 0; i < list.size(); ++i) {
        CAPTURE(list[i], mutants[i].auditor.summary());
        CHECK(mutants[i].saw(list[i]));
    }
}

TEST_CASE("a memory that is powered down with any constraint too short is found out") {
    check_sleep(sleepy_ddr3(), {"t_rfc_pb", "t_cke", "t_xp"});
}
TEST_CASE("a memory that refreshes itself with any constraint too short is found out") {
    check_sleep(refreshing_itself(), {"t_cke", "t_xs"});
}
TEST_CASE("the load of the mutations keeps every rule of a memory that is powered down") {
    check_clean(sleepy_ddr3(), 200'000);
}
TEST_CASE("the load of the mutations keeps every rule of a memory that refreshes itself") {
    check_clean(refreshing_itself(), 200'000);
}

TEST_CASE("the load of the mutations keeps every rule of DDR2") {
    check_clean(ddr2(), 200'000);
}
TEST_CASE("the load of the mutations keeps every rule of PCM") {
    check_clean(slow_pcm(), 200'000);
}
TEST_CASE("the load of the mutations keeps every rule of a PCM whose writes pause") {
    check_clean(pausing_pcm(), 200'000);
}
TEST_CASE("the load of the mutations keeps every rule of a PCM whose writes are cancelled") {
    check_clean(cancelling_pcm(), 200'000);
}
TEST_CASE("the load of the mutations keeps every rule of DDR4") {
    check_clean(ddr4(), 200'000);
}
TEST_CASE("ten million random commands keep every rule") {
#ifdef __SANITIZE_ADDRESS__
    check_clean(ddr3(), 500'000);
#else
    check_clean(ddr3(), 10'000'000);
#endif
}
