// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip_timing.h"

#include <catch2/catch.hpp>

using namespace hydravp::memory;
using hydravp::core::Bank;
using hydravp::core::Picoseconds;
using hydravp::core::Row;

namespace {

constexpr auto channel = BankOwner::channel;
constexpr auto unit = BankOwner::unit;
constexpr Picoseconds zero{0};

/// Every constraint a different prime, so that a wrong one shows.
Technology primes() {
    Technology t;
    t.t_rcd = Picoseconds{11};
    t.t_cl = Picoseconds{7};
    t.t_wl = Picoseconds{5};
    t.t_ccd = Picoseconds{3};
    t.t_wr = Picoseconds{13};
    t.t_rtp = Picoseconds{2};
    t.t_rp = Picoseconds{17};
    t.t_ras = Picoseconds{31};
    t.t_rc = Picoseconds{53};
    t.t_rrd = Picoseconds{19};
    t.t_rrd_pre = Picoseconds{23};
    t.t_faw = Picoseconds{101};
    t.t_wtr = Picoseconds{29};
    return t;
}

} // namespace

TEST_CASE("after an activate") {
    ChipTiming timing(primes(), 8);
    timing.activate(channel, Bank{0}, Row{4}, Picoseconds{1000});
    REQUIRE(timing.bank(channel, Bank{0}).open);
    REQUIRE(timing.bank(channel, Bank{0}).row == Row{4});
    REQUIRE(timing.earliest_read(Bank{0}, zero) == Picoseconds{1011});
    REQUIRE(timing.earliest_write(Bank{0}, zero) == Picoseconds{1011});
    REQUIRE(timing.earliest_precharge(channel, Bank{0}, zero) == Picoseconds{1031});
    REQUIRE(timing.earliest_activate(channel, Bank{1}, Picoseconds{990}) == Picoseconds{1019});
    REQUIRE(timing.earliest_activate(unit, Bank{1}, Picoseconds{990}) == Picoseconds{1019});
    REQUIRE(timing.earliest_activate(unit, Bank{1}, Picoseconds{900}) == Picoseconds{900});
    timing.precharge(channel, Bank{0}, Picoseconds{1031});
    REQUIRE(timing.earliest_activate(channel, Bank{0}, zero) == Picoseconds{1053}); // t_rc
    timing.activate(channel, Bank{0}, Row{5}, Picoseconds{1053});
    timing.precharge(channel, Bank{0}, Picoseconds{1100});
    REQUIRE(timing.earliest_activate(channel, Bank{0}, zero) == Picoseconds{1117}); // t_rp
}

TEST_CASE("after reads and writes") {
    ChipTiming timing(primes(), 8);
    timing.activate(channel, Bank{0}, Row{0}, zero);
    timing.activate(channel, Bank{1}, Row{0}, Picoseconds{19});
    timing.read(Bank{0}, Picoseconds{100}, 4); // commands at 100, 103, 106, 109
    REQUIRE(timing.earliest_read(Bank{1}, zero) == Picoseconds{112});
    REQUIRE(timing.earliest_unit_write(zero) == Picoseconds{112});
    REQUIRE(timing.earliest_precharge(channel, Bank{0}, zero) == Picoseconds{111});
    timing.write(Bank{0}, Picoseconds{200}, 2); // data end at 211
    REQUIRE(timing.earliest_write(Bank{1}, zero) == Picoseconds{206});
    REQUIRE(timing.earliest_read(Bank{1}, zero) == Picoseconds{240});
    REQUIRE(timing.earliest_unit_read(zero) == Picoseconds{240});
    REQUIRE(timing.earliest_precharge(channel, Bank{0}, zero) == Picoseconds{224});
    REQUIRE(timing.earliest_precharge(channel, Bank{1}, zero) == Picoseconds{50});
    timing.precharge(channel, Bank{1}, Picoseconds{210});
    REQUIRE(timing.earliest_precharge(channel, Bank{0}, Picoseconds{224}) == Picoseconds{233}); // t_rrd_pre
    REQUIRE(timing.earliest_precharge(channel, Bank{1}, Picoseconds{211}) ==
            Picoseconds{211}); // it is closed
}

TEST_CASE("at most four activates in t_faw, of channel and unit together") {
    ChipTiming timing(primes(), 8);
    for (std::uint32_t i = 0; i < 4; ++i) {
        timing.activate(i % 2 == 0 ? channel : unit, Bank{i}, Row{0}, Picoseconds{19 * i});
    }
    REQUIRE(timing.earliest_activate(channel, Bank{5}, Picoseconds{76}) == Picoseconds{101});
    REQUIRE(timing.earliest_activate(unit, Bank{5}, Picoseconds{200}) == Picoseconds{200});
}

TEST_CASE("the unit's data hold its row open") {
    ChipTiming timing(primes(), 8);
    timing.activate(unit, Bank{0}, Row{0}, zero);
    timing.unit_read(Bank{0}, Picoseconds{100}); // command at 90
    REQUIRE(timing.earliest_precharge(unit, Bank{0}, zero) == Picoseconds{92});
    timing.unit_write(Bank{0}, Picoseconds{150});
    REQUIRE(timing.earliest_precharge(unit, Bank{0}, zero) == Picoseconds{163});
    timing.hand_over(unit, Bank{0}, Picoseconds{500});
    REQUIRE_FALSE(timing.bank(unit, Bank{0}).open);
    REQUIRE(timing.earliest_activate(unit, Bank{0}, zero) == Picoseconds{500});
    timing.block(unit, Bank{0}, Picoseconds{400});
    REQUIRE(timing.earliest_activate(unit, Bank{0}, zero) == Picoseconds{500});
    REQUIRE(timing.row_cycle_before_precharge() == Picoseconds{36}); // t_rc - t_rp > t_ras
}

TEST_CASE("without constraints everything may happen at once") {
    ChipTiming timing(Technology{}, 2);
    for (int n = 0; n < 20; ++n) {
        timing.activate(channel, Bank{0}, Row{0}, Picoseconds{9});
        timing.write(Bank{0}, Picoseconds{9}, 100);
        REQUIRE(timing.earliest_read(Bank{0}, Picoseconds{9}) == Picoseconds{9});
        REQUIRE(timing.earliest_precharge(channel, Bank{0}, Picoseconds{9}) == Picoseconds{9});
        timing.precharge(channel, Bank{0}, Picoseconds{9});
        REQUIRE(timing.earliest_activate(channel, Bank{0}, Picoseconds{9}) == Picoseconds{9});
    }
}
