// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip.h"

#include "command_driver.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandExtension;
using memory::CommandKind;

namespace {

constexpr auto ok = tlm::TLM_OK_RESPONSE;
constexpr auto read = tlm::TLM_READ_COMMAND;
constexpr auto write = tlm::TLM_WRITE_COMMAND;

/// Chip address of (bank, row, column) for `geometry()`.
std::uint64_t at(std::uint32_t bank, std::uint32_t row, std::uint32_t column = 0) {
    return (std::uint64_t{bank} * 64 + row) * 1024 + column;
}

CommandExtension release(std::uint32_t bank, bool recall = false) {
    CommandExtension c = make(CommandKind::release, 0, bank);
    c.recall = recall;
    return c;
}
CommandExtension lease(std::uint32_t bank, bool recall = false) {
    CommandExtension c = make(CommandKind::lease, 0, bank);
    c.recall = recall;
    return c;
}

} // namespace

TEST_CASE("a unit's transfers on an idle bus: opening, streaming, pausing, conflict") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        REQUIRE(unit.access(read, at(1, 0), nullptr, 512) == ok);
        REQUIRE(core::now() == clocks(5 + 5 + 64 * 4));
        REQUIRE(unit.access(read, at(1, 0, 512), nullptr, 512) == ok); // streams on
        REQUIRE(core::now() == clocks(10 + 128 * 4));
        wait_until(clocks(1000));
        REQUIRE(unit.access(read, at(1, 0, 5), nullptr, 4) == ok); // bytes 5 to 8: two bursts
        REQUIRE(core::now() == clocks(1000 + 5 + 2 * 4));
        REQUIRE(unit.access(write, at(1, 0, 8), nullptr, 8) == ok);
        REQUIRE(core::now() == clocks(1013 + 4));
        REQUIRE(unit.access(read, at(1, 1), nullptr, 8) == ok); // t_wr, t_rp, t_rcd, t_cl
        REQUIRE(core::now() == clocks(1017 + 6 + 5 + 5 + 5 + 4));
        wait_until(clocks(2000) + Picoseconds{1}); // off the clock grid
        REQUIRE(unit.access(read, at(1, 1), nullptr, 8) == ok);
        REQUIRE(core::now() == clocks(2001 + 5 + 4));
        REQUIRE(total("chip_bus") == (128 + 2 + 1 + 1 + 1) * 10000.0);
        REQUIRE(total("mem_array_read") == Approx(2 * 1.17 * 8192));
        REQUIRE(total("mem_read") == 1024 + 4 + 8 + 8);
        REQUIRE(total("mem_written") == 8);
        REQUIRE(total("mem_words_activation") == 4);
        REQUIRE(total("mem_array_words") == 4);
    });
}

TEST_CASE("a delay that a unit passes is waited for") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(0));
        tlm::tlm_generic_payload payload;
        payload.set_command(read);
        payload.set_address(0);
        payload.set_data_length(8);
        payload.set_streaming_width(8);
        sc_core::sc_time delay = core::to_sc_time(clocks(7));
        d.units[0]->banks->b_transport(payload, delay);
        REQUIRE(delay == sc_core::SC_ZERO_TIME);
        REQUIRE(core::now() == clocks(7 + 5 + 5 + 4));
    });
}

TEST_CASE("a unit's wrong accesses are answered with errors, at once") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        REQUIRE(unit.access(read, at(0, 0), nullptr, 8) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        REQUIRE(unit.access(tlm::TLM_IGNORE_COMMAND, at(1, 0), nullptr, 8) ==
                tlm::TLM_COMMAND_ERROR_RESPONSE);
        REQUIRE(unit.access(read, at(1, 0, 1020), nullptr, 5) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(unit.access(read, at(16, 0), nullptr, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(unit.access(read, ~std::uint64_t{0}, nullptr, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(unit.access(read, at(1, 0), nullptr, 0) == tlm::TLM_BURST_ERROR_RESPONSE);
        REQUIRE(core::now() == clocks(0));
    });
    REQUIRE(total("mem_array_read") == 0);
}

TEST_CASE("the channel's bursts push a unit's back, slot by slot") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        // data at [110, 126): planned ahead, exactly on the unit's slots, which start at 10
        CommandExtension activate = make(CommandKind::activate, 0, 0, 0);
        activate.earliest = clocks(100);
        d.issue(activate);
        d.issue(make(CommandKind::read, 0, 0, 0, 0, 32));
        REQUIRE(d.command.data_begin == clocks(110));
        sc_core::sc_spawn([&] {
            // while the unit is at work: [211, 227), which cuts the slot that starts at 210
            wait_until(clocks(150));
            CommandExtension later = make(CommandKind::read, 0, 0, 0, 0, 32);
            later.earliest = clocks(206);
            d.issue(later);
            REQUIRE(d.command.data_begin == clocks(211));
        });
        REQUIRE(unit.access(read, at(1, 0), nullptr, 1024) == ok);
        // 25 bursts by 110, 21 from 126 to 210, 82 from 227 on
        REQUIRE(core::now() == clocks(227 + 82 * 4));
        REQUIRE(total("chip_bus") == (128 + 8) * 10000.0);
    });
}

TEST_CASE("a unit waits behind a whole row of the channel") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(1));
        d.issue(make(CommandKind::activate, 0, 0, 0));
        d.issue(make(CommandKind::write, 0, 0, 0, 0, 1024));
        REQUIRE(d.command.data_end == clocks(9 + 512));
        REQUIRE(d.units[0]->access(read, at(1, 0), nullptr, 64) == ok);
        REQUIRE(core::now() == clocks(9 + 512 + 32));
        REQUIRE(total("mem_array_read") == Approx(1.17 * 8192 * 9));
    });
}

TEST_CASE("a unit's activates keep t_rrd and t_faw with the channel's") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(9));
        for (std::uint32_t bank = 0; bank < 4; ++bank) {
            d.issue(make(CommandKind::activate, 0, bank, 0)); // at 0, 3, 6, 9
        }
        REQUIRE(d.units[0]->access(read, at(9, 0), nullptr, 8) == ok);
        REQUIRE(core::now() == clocks(14 + 5 + 5 + 4));
        CommandExtension activate = make(CommandKind::activate, 0, 5, 0);
        activate.earliest = clocks(15);
        d.issue(activate);
        REQUIRE(d.command.issued >= clocks(17)); // t_rrd after the unit's at 14, t_faw after the one at 3
    });
}

TEST_CASE("a refresh interrupts a unit's read") {
    CommandDriver d(refreshed_dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(1));
        sc_core::sc_spawn([&] {
            wait_until(clocks(120));
            REQUIRE(d.issue(make(CommandKind::refresh, 0, 0)) == ok);
            REQUIRE(d.command.issued == clocks(120));
            REQUIRE(d.command.last_issued == clocks(125));
            REQUIRE(d.command.data_end == clocks(229));
        });
        REQUIRE(d.units[0]->access(read, at(1, 0), nullptr, 1024) == ok);
        // from 10 to 120 there is room for 27 bursts; the row is open again at 234
        REQUIRE(core::now() == clocks(229 + 5 + 5 + 101 * 4));
        REQUIRE(total("mem_array_read") == Approx(2 * 1.17 * 8192));
        REQUIRE(total("chip_bus") == 128 * 10000.0);
    });
}

TEST_CASE("a refresh waits t_wr for a unit's write, and what it wrote goes back to the cells twice") {
    CommandDriver d(refreshed_dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(1));
        sc_core::sc_spawn([&] {
            wait_until(clocks(119));
            REQUIRE(d.issue(make(CommandKind::refresh, 0, 0)) == ok);
            REQUIRE(d.command.issued == clocks(125));
            REQUIRE(d.command.last_issued == clocks(130));
        });
        REQUIRE(d.units[0]->access(write, at(1, 0), nullptr, 1024) == ok);
        // from 9 to 119 there is room for 27 bursts
        REQUIRE(core::now() == clocks(130 + 104 + 5 + 4 + 101 * 4));
        REQUIRE(total("mem_array_words") == 27 * 4);
        d.channel.flush();
        REQUIRE(total("mem_array_words") == 512);
        REQUIRE(total("mem_array_write") == Approx(0.39 * 8192));
    });
}

TEST_CASE("a refresh that is planned ahead stops a unit only when its time comes") {
    CommandDriver d(refreshed_dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        CommandExtension refresh = make(CommandKind::refresh, 0, 0);
        refresh.earliest = clocks(200);
        REQUIRE(d.issue(refresh) == ok);
        REQUIRE(d.command.last_issued == clocks(205));
        REQUIRE(unit.access(read, at(1, 0), nullptr, 128) == ok);
        REQUIRE(core::now() == clocks(10 + 64)); // long before
        // An activate at 190 could not be closed by 200, t_ras is 16: it comes after the refresh.
        wait_until(clocks(180));
        REQUIRE(unit.access(read, at(1, 1), nullptr, 8) == ok);
        REQUIRE(core::now() == clocks(205 + 104 + 5 + 5 + 4));
        REQUIRE(total("mem_array_read") == Approx(2 * 1.17 * 8192));
    });
}

TEST_CASE("an idle leased bank is closed by a refresh") {
    CommandDriver d(refreshed_dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        REQUIRE(unit.access(read, at(1, 0), nullptr, 8) == ok);
        for (int n = 1; n <= 3; ++n) {
            wait_until(clocks(1000 * n));
            d.issue(make(CommandKind::refresh, 0, 0));
        }
        wait_until(clocks(4000));
        REQUIRE(unit.access(read, at(1, 0), nullptr, 8) == ok);
        REQUIRE(core::now() == clocks(4000 + 5 + 5 + 4));
        REQUIRE(d.issue(release(1)) == ok);
        REQUIRE(d.command.data_end == clocks(4000 + 22)); // t_rc
    });
}

TEST_CASE("a recall interrupts a unit, and its bank comes back") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(1));
        std::vector<unsigned char> mine(1024);
        std::iota(mine.begin(), mine.end(), static_cast<unsigned char>(9));
        sc_core::sc_spawn([&] {
            wait_until(clocks(100));
            REQUIRE(d.issue(release(1)) == tlm::TLM_COMMAND_ERROR_RESPONSE); // a transfer is in flight
            REQUIRE(d.issue(release(1, true)) == ok);
            REQUIRE(d.command.issued == clocks(106));                              // t_wr
            REQUIRE(d.command.data_end == clocks(111));                            // t_rp
            REQUIRE(d.issue(release(1, true)) == tlm::TLM_COMMAND_ERROR_RESPONSE); // recalled already
            REQUIRE(d.issue(make(CommandKind::activate, 0, 1, 5)) == ok);
            REQUIRE(d.command.issued == clocks(111));
            REQUIRE(d.issue(make(CommandKind::read, 0, 1, 5, 0, 8)) == ok);
            REQUIRE(d.command.data_begin == clocks(121));
            REQUIRE(d.issue(make(CommandKind::precharge, 0, 1)) == ok);
            REQUIRE(d.command.issued == clocks(127));
            REQUIRE(d.issue(lease(1, true)) == ok);
            REQUIRE(d.command.data_end == clocks(133)); // t_rc
        });
        REQUIRE(d.units[0]->access(write, at(1, 0), mine.data(), 1024) == ok);
        // 22 bursts from 9 to 100, the rest after the second activate
        REQUIRE(core::now() == clocks(133 + 5 + 4 + 106 * 4));
        std::vector<unsigned char> back(1024);
        CommandExtension row = make(CommandKind::read, 0, 1, 0, 0, 1024);
        row.chips = 1;
        REQUIRE(d.debug(row, read, back.data()) == 1024);
        REQUIRE(back == mine);
    });
}

TEST_CASE("transfers of several processes take turns in the order of their calls") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        d.issue(lease(2));
        std::vector<Picoseconds> ends(3);
        sc_core::sc_event done;
        int finished = 0;
        for (std::uint32_t i = 0; i < 3; ++i) {
            sc_core::sc_spawn([&, i] {
                wait_for(Picoseconds{i});
                REQUIRE(unit.access(read, at(1 + i % 2, 0), nullptr, 80) == ok);
                ends[i] = core::now();
                ++finished;
                done.notify();
            });
        }
        while (finished < 3) {
            sc_core::wait(done);
        }
        REQUIRE(ends[0] == clocks(10 + 40));
        REQUIRE(ends[1] == clocks(50 + 10 + 40)); // bank 2 is opened in its turn
        REQUIRE(ends[2] == clocks(100 + 40));     // bank 1 is open still, the bus does not pause
    });
}

TEST_CASE("a queued transfer protects its lease") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        d.issue(lease(1));
        d.issue(lease(2));
        sc_core::sc_spawn([&] { d.units[0]->access(read, at(1, 0), nullptr, 80); });
        sc_core::sc_spawn([&] { d.units[0]->access(read, at(2, 0), nullptr, 80); });
        wait_for(clocks(20));
        REQUIRE(d.issue(release(2)) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        wait_for(clocks(200));
        REQUIRE(d.issue(release(2)) == ok);
        REQUIRE(d.issue(release(1)) == ok);
    });
}

TEST_CASE("in an ideal memory nothing waits") {
    CommandDriver d(ideal(), geometry(), 1);
    run_in_thread([&] {
        UnitStub& unit = *d.units[0];
        d.issue(lease(1));
        const sc_dt::uint64 deltas = sc_core::sc_delta_count();
        std::vector<unsigned char> data(1024, 3);
        for (std::uint32_t row = 0; row < 60; ++row) {
            REQUIRE(unit.access(write, at(1, row), data.data(), 1024) == ok);
            REQUIRE(d.issue(release(1, true)) == ok);
            REQUIRE(d.issue(make(CommandKind::activate, 0, 1, 63)) == ok);
            REQUIRE(d.issue(make(CommandKind::write, 0, 1, 63, 0, 1024)) == ok);
            REQUIRE(d.issue(make(CommandKind::precharge, 0, 1)) == ok);
            REQUIRE(d.issue(lease(1, true)) == ok);
        }
        REQUIRE(d.issue(release(1)) == ok);
        REQUIRE(core::now() == Picoseconds{0});
        REQUIRE(sc_core::sc_delta_count() == deltas);
        REQUIRE(total("mem_array_words") == 60 * (512 + 8 * 512));
        REQUIRE(total("chip_bus") == 0);
    });
}

TEST_CASE("debug transport reaches every bank and takes no time") {
    CommandDriver d(dram(), geometry(), 1);
    run_in_thread([&] {
        std::vector<unsigned char> data(3000, 5);
        tlm::tlm_generic_payload payload;
        payload.set_command(write);
        payload.set_address(at(3, 0, 1000));
        payload.set_data_ptr(data.data());
        payload.set_data_length(3000);
        REQUIRE(d.units[0]->banks->transport_dbg(payload) == 3000);
        payload.set_command(read);
        payload.set_address(at(16, 0) - 10);
        REQUIRE(d.units[0]->banks->transport_dbg(payload) == 10);
        payload.set_address(at(16, 0));
        REQUIRE(d.units[0]->banks->transport_dbg(payload) == 0);
        payload.set_address(at(3, 0, 1001));
        payload.set_data_length(1);
        data[0] = 0;
        REQUIRE(d.units[0]->banks->transport_dbg(payload) == 1);
        REQUIRE(data[0] == 5);
        REQUIRE(core::now() == Picoseconds{0});
    });
    REQUIRE(total("mem_written") == 0);
}
