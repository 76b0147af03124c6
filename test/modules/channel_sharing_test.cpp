// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using core::Bank;
using core::Rank;
using memory::CommandKind;

namespace {

/// Eight units with two processes each work on their leased banks, while the host accesses everything: banks
/// of its own, and other rows of the leased ones. Data are compared with a golden copy, commands with the
/// rules.
void share(const memory::Technology& technology, int rounds) {
    ChannelFixture f(technology, geometry(1), 8);
    int active = 0;
    std::size_t bad = 0;
    double unit_bytes = 0;
    double host_bytes = 0;
    run_in_thread([&] {
        const Picoseconds start = core::now();
        for (std::uint32_t bank = 8; bank < 16; ++bank) {
            f.controller.lease(Rank{0}, Bank{bank}, 0xFF);
        }
        sc_core::sc_event finished;
        for (std::uint32_t process = 0; process < 16; ++process) {
            ++active;
            sc_core::sc_spawn([&, process] {
                const std::uint32_t first_bank =
                    8 + process / 8 * 4; // four banks for each of a unit's processes
                std::mt19937 random(process);
                std::vector<unsigned char> golden(4 * 32 * 1024, 0); // rows 0 to 31
                for (int n = 0; n < rounds; ++n) {
                    const auto bank = static_cast<std::uint32_t>(random() % 4);
                    const auto row = static_cast<std::uint32_t>(random() % 32);
                    const auto column = static_cast<std::uint32_t>(random() % 1024);
                    const auto bytes = static_cast<std::uint32_t>(1 + random() % (1024 - column));
                    const bool writes = random() % 2 == 0;
                    std::vector<unsigned char> data(bytes);
                    std::generate(data.begin(), data.end(),
                                  [&] { return static_cast<unsigned char>(random()); });
                    const auto here = golden.begin() + (bank * 32 + row) * 1024 + column;
                    if (writes) {
                        std::copy(data.begin(), data.end(), here);
                    }
                    const auto command = writes ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
                    const auto status = f.units[process % 8]->access(
                        command, f.chip_address(first_bank + bank, row, column), data.data(), bytes);
                    bad += status != tlm::TLM_OK_RESPONSE;
                    bad += !writes && !std::equal(data.begin(), data.end(), here);
                    unit_bytes += bytes;
                    if (random() % 4 == 0 && technology.t_ck.count() > 0) {
                        wait_for(Picoseconds{static_cast<std::int64_t>(random() % 1000000)});
                    }
                }
                --active;
                finished.notify(sc_core::SC_ZERO_TIME);
            });
        }
        std::mt19937 random(99);
        std::vector<unsigned char> golden(64 * 16 * 8192, 0);
        for (int n = 0; n < rounds; ++n) {
            const auto bank = static_cast<std::uint32_t>(random() % 16);
            const auto row = static_cast<std::uint32_t>(32 + random() % 32);
            const auto column = static_cast<std::uint32_t>(random() % 8192);
            const auto bytes = static_cast<std::uint32_t>(1 + random() % (8192 - column));
            const std::uint64_t address = f.address(0, bank, row, column);
            const bool writes = random() % 2 == 0;
            std::vector<unsigned char> data(bytes);
            std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
            const auto here = golden.begin() + static_cast<std::ptrdiff_t>(address);
            if (writes) {
                std::copy(data.begin(), data.end(), here);
            }
            const auto result =
                writes ? f.write(address, data.data(), bytes) : f.read(address, data.data(), bytes);
            bad += !result.ok();
            bad += !writes && !std::equal(data.begin(), data.end(), here);
            host_bytes += bytes;
            if (random() % 3 != 0) {
                wait_for(Picoseconds{static_cast<std::int64_t>(random() % 300000)});
            }
        }
        while (active > 0) {
            sc_core::wait(finished);
        }
        for (std::uint32_t bank = 8; bank < 16; ++bank) {
            f.controller.release(Rank{0}, Bank{bank}, 0xFF);
        }
        REQUIRE(bad == 0);
        REQUIRE(total("mem_read") + total("mem_written") == unit_bytes + host_bytes);
        // No chip's bus is busier than time goes by.
        wait_for(clocks(100000));
        for (std::uint32_t chip = 0; chip < 8; ++chip) {
            for (const core::Meter* meter : core::collect_meters()) {
                REQUIRE(meter->total("chip_bus") <= static_cast<double>((core::now() - start).count()));
            }
        }
    });
    REQUIRE(f.recorder.refused == 0);
    REQUIRE(f.auditor.summary() == "");
    if (technology.t_refi.count() > 0) {
        REQUIRE(f.recorder.count(CommandKind::refresh) > 20);
    }
}

} // namespace

TEST_CASE("host and units share DRAM chips") {
    share(refreshed_dram(), 600);
}
TEST_CASE("host and units share PCM chips") {
    share(pcm(), 400);
}
TEST_CASE("host and units share ideal chips") {
    share(ideal(), 300);
}
TEST_CASE("host and units share chips whose timings are odd") {
    memory::Technology t = refreshed_dram();
    t.t_ck = Picoseconds{336};
    t.t_ccd = Picoseconds{3 * 336};
    t.t_ras = Picoseconds{30001};
    t.t_wr = Picoseconds{20003};
    t.t_rtp = Picoseconds{40000};
    t.t_refi = Picoseconds{3000000};
    share(t, 600);
}

TEST_CASE("a unit that streams alone gets the whole internal bus, less refreshes") {
    ChannelFixture f(refreshed_dram(), geometry(1), 1);
    run_in_thread([&] {
        f.controller.lease(Rank{0}, Bank{0}, 1);
        f.controller.lease(Rank{0}, Bank{1}, 1);
        const int rows = 60; // one bank after the other, so each row costs an activate
        for (std::uint32_t i = 0; i < rows; ++i) {
            REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, f.chip_address(i % 2, i / 2), nullptr, 1024) ==
                    tlm::TLM_OK_RESPONSE);
        }
        // 128 slots a row, and the row's opening: t_rcd + t_cl the first two, t_rp more for the others
        const std::int64_t alone = rows * (512 + 10) + (rows - 2) * 5;
        const auto refreshes = static_cast<std::int64_t>(f.recorder.count(CommandKind::refresh));
        REQUIRE(refreshes == core::now() / refreshed_dram().t_refi);
        const std::int64_t lost = core::now() / clock_period - alone;
        // Each costs its own time and another opening, less what a row's opening hides, and at most a cut
        // slot.
        REQUIRE(lost >= refreshes * 109);
        REQUIRE(lost <= refreshes * (109 + 10 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}
