// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/channel.h"

#include "command_driver.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <stdexcept>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandExtension;
using memory::CommandKind;

constexpr auto ok = tlm::TLM_OK_RESPONSE;
constexpr auto command_error = tlm::TLM_COMMAND_ERROR_RESPONSE;
constexpr auto address_error = tlm::TLM_ADDRESS_ERROR_RESPONSE;
constexpr auto burst_error = tlm::TLM_BURST_ERROR_RESPONSE;

TEST_CASE("an impossible geometry is refused") {
    memory::Geometry g;
    g.row_bytes = 1001;
    REQUIRE_THROWS_AS(memory::Channel("channel", memory::Technology{}, g, "mem", "bus"),
                      std::invalid_argument);
}

TEST_CASE("the commands' times") {
    CommandDriver d(dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> data(8 * 20, 1);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 2, 7)) == ok);
        REQUIRE(d.command.issued == clocks(0));
        REQUIRE(d.command.data_end == clocks(5));
        REQUIRE(d.reported == clocks(0));
        CommandExtension write = make(CommandKind::write, 0, 2, 7, 16, 20);
        write.skip = 3; // 23 bytes: three bursts
        REQUIRE(d.issue(write, data.data()) == ok);
        REQUIRE(d.command.issued == clocks(5));
        REQUIRE(d.command.last_issued == clocks(13));
        REQUIRE(d.command.data_begin == clocks(9));
        REQUIRE(d.command.data_end == clocks(21));
        REQUIRE(d.reported == clocks(21));
        // between the column commands there is room on the command bus, on the slot itself there is not
        CommandExtension other = make(CommandKind::activate, 1, 0, 0);
        other.earliest = clocks(9);
        REQUIRE(d.issue(other) == ok);
        REQUIRE(d.command.issued == clocks(10));
        CommandExtension off_grid = make(CommandKind::activate, 1, 1, 0);
        off_grid.earliest = clocks(14) + Picoseconds{1};
        REQUIRE(d.issue(off_grid) == ok);
        REQUIRE(d.command.issued == clocks(15));
        REQUIRE(d.issue(make(CommandKind::precharge, 0, 2)) == ok);
        REQUIRE(d.command.issued == clocks(27));
        REQUIRE(d.command.data_end == clocks(32));
        wait_for(clocks(40));
        REQUIRE(d.issue(make(CommandKind::activate, 0, 2, 7)) == ok);
        REQUIRE(d.command.issued == clocks(40)); // never before the present
    });
}

TEST_CASE("illegal commands are answered with errors and change nothing") {
    CommandDriver d(dram(), geometry(2, 64));
    run_in_thread([&] {
        unsigned char data[64] = {};
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 0, 0, 8), data) == command_error); // closed
        REQUIRE(d.issue(make(CommandKind::activate, 0, 0, 3)) == ok);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 0, 3)) == command_error);         // open
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 2, 0, 8), data) == command_error); // another row
        REQUIRE(d.issue(make(CommandKind::lease, 0, 0)) == command_error);               // open
        REQUIRE(d.issue(make(CommandKind::release, 0, 1)) == command_error);             // not leased
        REQUIRE(d.issue(make(CommandKind::lease, 0, 1)) == ok);
        REQUIRE(d.issue(make(CommandKind::lease, 0, 1)) == command_error);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 1, 3)) == command_error); // leased
        REQUIRE(d.issue(make(CommandKind::precharge, 0, 1)) == command_error);
        CommandExtension one_chip = make(CommandKind::lease, 0, 2);
        one_chip.chips = 0x10;
        REQUIRE(d.issue(one_chip) == ok);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 2, 3)) == command_error); // in one chip only
        one_chip.kind = CommandKind::release;
        one_chip.chips = 0x18;
        REQUIRE(d.issue(one_chip) == command_error); // one of them is not
        CommandExtension end_of_recall = make(CommandKind::lease, 0, 1);
        end_of_recall.recall = true;
        REQUIRE(d.issue(end_of_recall) == command_error);
        CommandExtension nobody = make(CommandKind::read, 0, 0, 3, 0, 8);
        nobody.chips = 0xF00;
        REQUIRE(d.issue(nobody, data) == command_error);

        REQUIRE(d.issue(make(CommandKind::activate, 2, 0)) == address_error);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 16)) == address_error);
        REQUIRE(d.issue(make(CommandKind::activate, 0, 3, 64)) == address_error);
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 3, 1016, 9), data) == address_error);
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 3, 8, ~0u), data) == address_error);
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 3, 4, 8), data) == burst_error);
        REQUIRE(d.issue(make(CommandKind::read, 0, 0, 3, 8, 0), data) == burst_error);
        CommandExtension skipped = make(CommandKind::read, 0, 0, 3, 8, 8);
        skipped.skip = 8;
        REQUIRE(d.issue(skipped, data) == burst_error);
        CommandExtension unit = make(CommandKind::read, 0, 0, 0, 0, 8);
        unit.space = memory::AccessSpace::unit;
        REQUIRE(d.issue(unit, data) == address_error); // nothing is attached

        tlm::tlm_generic_payload bare;
        sc_core::sc_time delay;
        d.out->b_transport(bare, delay);
        REQUIRE(bare.get_response_status() == command_error);
        REQUIRE(d.out->transport_dbg(bare) == 0);
    });
    REQUIRE(total("mem_array_read") == Approx(1.17 * 8 * 8192)); // the one activate
}

TEST_CASE("data go chip by chip, honour the mask, the skip and byte enables") {
    CommandDriver d(dram(), geometry());
    run_in_thread([&] {
        REQUIRE(d.issue(make(CommandKind::activate, 0, 0, 3)) == ok);
        std::vector<unsigned char> data(8 * 10);
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(1));
        CommandExtension write = make(CommandKind::write, 0, 0, 3, 8, 10);
        write.skip = 5;
        write.chips = 0xFD; // all but chip 1
        REQUIRE(d.issue(write, data.data()) == ok);
        std::vector<unsigned char> back(8 * 16, 0xEE);
        REQUIRE(d.debug(make(CommandKind::read, 0, 0, 3, 8, 16), tlm::TLM_READ_COMMAND, back.data()) == 128);
        REQUIRE(back[4] == 0);
        REQUIRE(back[5] == 1);
        REQUIRE(back[14] == 10);
        REQUIRE(back[15] == 0);
        REQUIRE(back[16 + 5] == 0); // chip 1
        REQUIRE(back[7 * 16 + 5] == 71);
        // a masked read leaves the other chips' bytes alone
        back.assign(back.size(), 0xEE);
        CommandExtension read = make(CommandKind::read, 0, 0, 3, 8, 16);
        read.chips = 0x1;
        REQUIRE(d.issue(read, back.data()) == ok);
        REQUIRE(back[5] == 1);
        REQUIRE(back[16 + 5] == 0xEE);
        // debug writes any kind of command's place
        REQUIRE(d.debug(read, tlm::TLM_WRITE_COMMAND, data.data()) == 16);
        REQUIRE(d.debug(read, tlm::TLM_READ_COMMAND, back.data()) == 16);
        REQUIRE(back[0] == 1);
        REQUIRE(d.debug(make(CommandKind::read, 0, 99, 3, 8, 16), tlm::TLM_READ_COMMAND, back.data()) == 0);
        REQUIRE(total("mem_read") == 16);
        REQUIRE(total("mem_written") == 70);
    });
}

TEST_CASE("a refresh closes the banks, waits for all of them and blocks the rank") {
    CommandDriver d(refreshed_dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> data(8 * 8, 1);
        d.issue(make(CommandKind::activate, 0, 0, 3));
        CommandExtension write = make(CommandKind::write, 0, 0, 3, 0, 8);
        write.layer = 4;
        d.issue(write, data.data()); // data end at 13
        REQUIRE(d.issue(make(CommandKind::refresh, 0, 0)) == ok);
        REQUIRE(d.command.issued == clocks(13 + 6));
        REQUIRE(d.command.last_issued == clocks(13 + 6 + 5));
        REQUIRE(d.command.data_end == clocks(13 + 6 + 5 + 104));
        REQUIRE(total("mem_refresh") == Approx(8 * 69100));
        REQUIRE(total("mem_array_words") == 32);
        d.issue(make(CommandKind::activate, 0, 5, 3));
        REQUIRE(d.command.issued == clocks(128));
        d.issue(make(CommandKind::activate, 1, 5, 3)); // the other rank
        REQUIRE(d.command.issued == clocks(1));        // the first slot after the activate at 0
        // nothing open: no precharge-all, the refresh itself at once
        wait_until(clocks(1000));
        d.issue(make(CommandKind::precharge, 1, 5));
        wait_until(clocks(2000));
        d.issue(make(CommandKind::refresh, 1, 0));
        REQUIRE(d.command.last_issued == clocks(2000));
    });
}

TEST_CASE("background power is charged per chip") {
    CommandDriver d(dram(), geometry());
    run_in_thread([&] {
        for (core::BackgroundConsumer* consumer : core::collect_background_consumers()) {
            consumer->charge_background(Picoseconds{1000}, 2);
        }
    });
    REQUIRE(total("mem_background") == Approx(16 * 0.05 * 1000));
}
