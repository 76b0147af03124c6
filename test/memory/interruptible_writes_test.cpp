// SPDX-License-Identifier: Apache-2.0
// Interruptions of array writes as a channel takes them; the times alone are in array_write_audit_test.cpp.
#include "hydravp/memory/interruptible_writes.h"

#include "command_driver.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandExtension;
using memory::CommandKind;
using memory::InterruptibleWrites;

namespace {

CommandExtension at(CommandExtension command, Picoseconds earliest) {
    command.earliest = earliest;
    return command;
}

} // namespace

TEST_CASE("a channel interrupts a write that is under way, and nothing else") {
    CommandDriver d(interruptible_pcm(), geometry(1, 64));
    run_in_thread([&] {
        const auto refused = [&](CommandKind kind, std::uint32_t bank, std::uint32_t row, Picoseconds t) {
            return d.issue(at(make(kind, 0, bank, row, 0, 8), t)) == tlm::TLM_COMMAND_ERROR_RESPONSE;
        };
        const auto issue = [&](CommandKind kind, std::uint32_t bank, std::uint32_t row, Picoseconds t) {
            REQUIRE(d.issue(at(make(kind, 0, bank, row, 0, 8), t)) == tlm::TLM_OK_RESPONSE);
            return d.command.data_end;
        };
        REQUIRE(refused(CommandKind::pause_write, 0, 0, clocks(0))); // no write yet
        REQUIRE(refused(CommandKind::resume_write, 0, 0, clocks(0)));
        issue(CommandKind::activate, 0, 1, clocks(0));
        issue(CommandKind::activate, 1, 1, clocks(2));
        issue(CommandKind::write, 0, 1, clocks(22));
        issue(CommandKind::read, 1, 1, clocks(40));
        REQUIRE(refused(CommandKind::cancel_write, 0, 0, clocks(50)));           // the row is still open
        REQUIRE(issue(CommandKind::precharge, 0, 0, clocks(60)) == clocks(120)); // written for 60
        issue(CommandKind::precharge, 1, 0, clocks(71));
        REQUIRE(refused(CommandKind::pause_write, 1, 0, clocks(80))); // a clean row
        REQUIRE(refused(CommandKind::cancel_write, 1, 0, clocks(80)));
        REQUIRE(refused(CommandKind::pause_write, 0, 0, clocks(106))); // in the last step
        REQUIRE(refused(CommandKind::cancel_write, 0, 0, clocks(105)));
        REQUIRE(issue(CommandKind::pause_write, 0, 0, clocks(80)) ==
                clocks(90)); // the end of the second step
        REQUIRE(refused(CommandKind::pause_write, 0, 0, clocks(90)));
        REQUIRE(refused(CommandKind::activate, 0, 1, clocks(90))); // waits in the latch
        REQUIRE(refused(CommandKind::refresh, 0, 0, clocks(90)));
        issue(CommandKind::activate, 0, 2, clocks(81));
        REQUIRE(d.command.issued == clocks(90)); // not t_rc after the one before
        REQUIRE(refused(CommandKind::write, 0, 2, clocks(112)));
        REQUIRE(refused(CommandKind::precharge, 0, 0, clocks(126)));
        issue(CommandKind::read, 0, 2, clocks(112));
        REQUIRE(issue(CommandKind::resume_write, 0, 0, clocks(113)) == clocks(126 + 30));
        REQUIRE(d.command.issued == clocks(126)); // t_ras of the row that is read
        REQUIRE(refused(CommandKind::read, 0, 2, clocks(130)));
        issue(CommandKind::activate, 0, 1, clocks(130));
        REQUIRE(d.command.issued == clocks(156));
    });
}

TEST_CASE("a cancelled write is charged for what it has done, each time") {
    CommandDriver d(interruptible_pcm(), geometry(1, 64));
    run_in_thread([&] {
        const auto issue = [&](CommandKind kind, std::uint32_t row, Picoseconds t) {
            REQUIRE(d.issue(at(make(kind, 0, 0, row, 0, 8), t)) == tlm::TLM_OK_RESPONSE);
            return d.command.data_end;
        };
        const double line = 16.82 * 64 * 8;
        issue(CommandKind::activate, 1, clocks(0));
        issue(CommandKind::write, 1, clocks(22));
        issue(CommandKind::precharge, 0, clocks(100));
        REQUIRE(total("mem_array_write") == Approx(line));
        REQUIRE(issue(CommandKind::cancel_write, 0, clocks(106)) == clocks(106));
        REQUIRE(total("mem_array_write") == Approx(1.1 * line));
        REQUIRE(issue(CommandKind::resume_write, 0, clocks(200)) == clocks(260));
        REQUIRE(issue(CommandKind::pause_write, 0, clocks(215)) == clocks(215));
        REQUIRE(issue(CommandKind::resume_write, 0, clocks(300)) == clocks(345));
        REQUIRE(issue(CommandKind::cancel_write, 0, clocks(315)) == clocks(315)); // half of it
        REQUIRE(total("mem_array_write") == Approx(1.6 * line));
        REQUIRE(issue(CommandKind::resume_write, 0, clocks(400)) == clocks(460));
        REQUIRE(total("mem_array_words") == 32);
    });
}

TEST_CASE("a memory without refresh whose writes cannot be interrupted refuses the commands") {
    CommandDriver d(pcm(), geometry(1, 64));
    run_in_thread([&] {
        for (const CommandKind kind :
             {CommandKind::pause_write, CommandKind::cancel_write, CommandKind::resume_write}) {
            REQUIRE(d.issue(make(kind, 0, 0)) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        }
    });
    REQUIRE_FALSE(InterruptibleWrites(pcm(), 4).on());
}
