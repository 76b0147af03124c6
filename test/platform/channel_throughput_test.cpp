// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config_reader.h"
#include "hydravp/workloads/synthetic_traffic.h"

#include "bare_core.h"
#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

using namespace hydravp;
using namespace hydravp::test;

namespace {

modules::HybridMemoryConfig ddr3() {
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    return platform::load_config_with_memory(configs + "hydra.yaml", configs + "memory/ddr3-1600.yaml")
        .memory;
}

workloads::SyntheticTraffic lines(const memory::Geometry& geometry, double random_share, double read_share) {
    workloads::SyntheticTrafficConfig load;
    load.capacity = geometry.channel_bytes();
    load.random_share = random_share;
    load.read_share = read_share;
    return workloads::SyntheticTraffic(load);
}

/// Time of a request by the time that its data need, refreshes of the whole channel counted.
double by_bound(double random_share, double read_share) {
    const modules::MemoryConfig memory = ddr3().dram;
    const memory::Geometry& g = memory.geometry;
    const memory::Technology& t = memory.technology;
    modules::ChannelControllerConfig config;
    config.keep_data = false;
    ChannelFixture f(t, g, 0, config);
    constexpr int requests = 60000;
    Picoseconds end{};
    run_in_thread([&] {
        workloads::SyntheticTraffic traffic = lines(g, random_share, read_share);
        unsigned char line[64] = {};
        int done = 0;
        f.initiator.on_response = [&](AtInitiator::Transaction& transaction) {
            ++done;
            end = core::now();
            f.initiator.recycle(transaction);
        };
        for (int n = 0; n < requests; ++n) {
            const workloads::TraceAccess access = traffic.next();
            f.post(access.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, access.address, line,
                   access.bytes);
        }
        while (done < requests) {
            sc_core::wait(f.initiator.responded());
        }
    });
    REQUIRE(f.recorder.delayed == 0);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
    const double refreshed =
        static_cast<double>(t.t_refi.count()) / static_cast<double>((t.t_refi - t.t_rfc).count());
    const double bound = requests * static_cast<double>(t.t_ccd.count()) * refreshed;
    return static_cast<double>(end.count()) / bound;
}

/// Cycles of the data bus: every one carries data or is lost to one of these.
struct Cycles {
    std::int64_t total = 0; ///< until the last data
    std::int64_t data = 0;
    std::int64_t turns = 0;   ///< gaps that a change of the rank or the direction needs
    std::int64_t refresh = 0; ///< longer gaps, within a refresh or before the first data behind it
    std::int64_t rows = 0;    ///< longer gaps beside: no row is open in time
};

/// A million lines, by the core of the controller alone (see bare_core_test.cpp), as docs/validation.md has
/// them.
Cycles count_cycles(double random_share, double read_share) {
    using memory::CommandKind;
    modules::HybridMemoryConfig config = ddr3();
    config.controller.address_mapping = "row bank rank column offset";
    const memory::Geometry& g = config.dram.geometry;
    const memory::Technology& t = config.dram.technology;
    Cycles cycles;
    memory::CommandExtension last; // burst
    last.kind = CommandKind::activate;
    int too_early = 0;
    Picoseconds refreshed{-1}; // until the first data of its rank behind it
    bench::BareCore core(config.controller, t, g);
    core.on_command = [&](const memory::CommandExtension& command) {
        if (command.kind == CommandKind::refresh) {
            refreshed = std::max(refreshed, command.data_end + t.t_rcd + t.t_cl);
            return;
        }
        if (command.kind != CommandKind::read && command.kind != CommandKind::write) {
            return;
        }
        const bool write = command.kind == CommandKind::write;
        const Picoseconds begin = command.issued + (write ? t.t_wl : t.t_cl);
        Picoseconds turn{};
        if (last.kind != CommandKind::activate && (last.rank != command.rank || last.kind != command.kind)) {
            turn = t.t_rtrs;
            if (last.rank == command.rank && !write) {
                turn = std::max(turn, t.t_wtr + t.t_cl); // from the last data written to the first read
            }
        }
        const Picoseconds longer = begin - last.data_end - turn;
        too_early += longer < Picoseconds{0} ? 1 : 0;
        cycles.data += (command.data_end - begin) / t.t_ck;
        cycles.turns += turn / t.t_ck;
        (last.data_end <= refreshed ? cycles.refresh : cycles.rows) += longer / t.t_ck;
        last = command;
    };
    workloads::SyntheticTraffic traffic = lines(g, random_share, read_share);
    core.run(traffic, 1000000);
    cycles.total = core.now() / t.t_ck;
    REQUIRE(too_early == 0);
    REQUIRE(core.now() == last.data_end);
    REQUIRE(cycles.data == 4000000);
    REQUIRE(cycles.data + cycles.turns + cycles.refresh + cycles.rows == cycles.total);
    return cycles;
}

} // namespace

TEST_CASE("a stream of reads uses the whole channel, less refreshes") {
    const double ratio = by_bound(0, 1);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.02);
    REQUIRE(ratio > 6032.0 / 6240); // no data without their time
}
TEST_CASE("random reads need at most 1.15 times the bound") {
    const double ratio = by_bound(1, 1);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.15);
    REQUIRE(ratio > 1);
}
TEST_CASE("half stream, half random, 70 % reads need at most 1.25 times the bound") {
    const double ratio = by_bound(0.5, 0.7);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.25);
    REQUIRE(ratio > 1);
}

TEST_CASE("what a stream loses against the bound") {
    const Cycles cycles = count_cycles(0, 1);
    CAPTURE(cycles.total, cycles.turns, cycles.refresh, cycles.rows);
    constexpr std::int64_t rows_of_lines = 1000000 / 128;
    REQUIRE(cycles.turns == 2 * rows_of_lines); // each in the other rank
    REQUIRE(cycles.rows < 100);                 // opened under the data of the row before
    REQUIRE(cycles.refresh < 2 * (cycles.total / 6240) * (11 + 208 + 11));
}
TEST_CASE("what random reads lose against the bound") {
    const Cycles cycles = count_cycles(1, 1);
    CAPTURE(cycles.total, cycles.turns, cycles.refresh, cycles.rows);
    REQUIRE(cycles.turns < 0.35 * 2 * 1000000); // at random every other read changes the rank
    REQUIRE(cycles.rows < 0.06 * 4000000);
}
TEST_CASE("what a mixture loses against the bound") {
    const Cycles cycles = count_cycles(0.5, 0.7);
    CAPTURE(cycles.total, cycles.turns, cycles.refresh, cycles.rows);
    REQUIRE(cycles.turns < 0.35 * 2 * 1000000);
    REQUIRE(cycles.rows < 0.08 * 4000000);
}
