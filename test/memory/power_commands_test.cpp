// SPDX-License-Identifier: Apache-2.0
#include "command_driver.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;

namespace {

memory::Technology technology() {
    memory::Technology t = sleepy_dram();
    t.t_rfc_pb = clocks(30);
    return t;
}

} // namespace

TEST_CASE("a rank that is asleep takes no command but power-up") {
    CommandDriver d(technology(), geometry());
    run_in_thread([&] {
        const auto refused = [&](CommandKind kind) {
            return d.issue(make(kind, 0, 1)) == tlm::TLM_COMMAND_ERROR_RESPONSE;
        };
        REQUIRE(refused(CommandKind::power_up)); // it is awake
        d.issue(make(CommandKind::power_down, 0, 0));
        for (const CommandKind kind :
             {CommandKind::activate, CommandKind::precharge, CommandKind::refresh, CommandKind::refresh_bank,
              CommandKind::power_down, CommandKind::self_refresh, CommandKind::lease}) {
            REQUIRE(refused(kind));
        }
        d.issue(make(CommandKind::activate, 1, 1)); // the other rank
        REQUIRE(d.command.issued == clocks(1));
        d.issue(make(CommandKind::power_up, 0, 0));
        REQUIRE(d.command.issued == clocks(3));
        d.issue(make(CommandKind::activate, 0, 1));
        REQUIRE(d.command.issued == clocks(3 + 4));
        REQUIRE(refused(CommandKind::self_refresh)); // a row is open
        REQUIRE(refused(CommandKind::activate));
    });
}

TEST_CASE("a single bank is refreshed when it is closed") {
    CommandDriver d(technology(), geometry());
    run_in_thread([&] {
        d.issue(make(CommandKind::activate, 0, 1));
        REQUIRE(d.issue(make(CommandKind::refresh_bank, 0, 1)) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        d.issue(make(CommandKind::precharge, 0, 1));
        d.issue(make(CommandKind::refresh_bank, 0, 1));
        REQUIRE(d.command.issued == clocks(22)); // t_rc
        d.issue(make(CommandKind::activate, 0, 2));
        REQUIRE(d.command.issued == clocks(3)); // another bank: t_rrd
        d.issue(make(CommandKind::activate, 0, 1));
        REQUIRE(d.command.issued == clocks(22 + 30));
    });
}
