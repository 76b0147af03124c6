// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/datasheet_energy.h"

#include "hydravp/memory/power_residency.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using core::Picoseconds;
using memory::DatasheetCurrents;
using memory::Geometry;
using memory::Technology;

namespace {

/// Round figures: 2 V, a row of 1000 bytes open for 30 of 50 ns, bursts of 8 bytes in 4 ns.
Technology technology() {
    Technology t;
    t.t_ccd = Picoseconds{4000};
    t.t_ras = Picoseconds{30'000};
    t.t_rc = Picoseconds{50'000};
    t.t_rfc = Picoseconds{100'000};
    return t;
}

Geometry geometry() {
    Geometry g;
    g.banks = 8;
    g.row_bytes = 1000;
    return g;
}

DatasheetCurrents currents() {
    DatasheetCurrents i;
    i.vdd = {2};
    i.idd0 = {0.060};
    i.idd2p = core::Current{0.010};
    i.idd2n = {0.020};
    i.idd3p = core::Current{0.015};
    i.idd3n = {0.040};
    i.idd4r = {0.140};
    i.idd4w = {0.120};
    i.idd5 = {0.240};
    i.idd6 = core::Current{0.005};
    return i;
}

} // namespace

TEST_CASE("a row cycle costs what IDD0 draws beyond standby") {
    Technology t = technology();
    derive_energies(t, currents(), geometry());
    // 60 mA x 50 ns - 40 mA x 30 ns - 20 mA x 20 ns = 1.4 nC; at 2 V 2800 pJ, by 8000 bits
    CHECK(t.array_read.pj == Approx(0.35));
    CHECK(t.array_write.pj == 0);
}

TEST_CASE("a burst costs what IDD4 draws beyond active standby") {
    Technology t = technology();
    derive_energies(t, currents(), geometry());
    CHECK(t.buffer_read.pj == Approx(12.5));  // 100 mA x 4 ns x 2 V = 800 pJ, by 64 bits
    CHECK(t.buffer_write.pj == Approx(10.0)); // 80 mA: 640 pJ
    SECTION("a wider and longer burst") {
        Geometry g = geometry();
        g.device_bits = 16;
        g.burst_length = 16;
        t.t_ccd = Picoseconds{8000};
        derive_energies(t, currents(), g);
        CHECK(t.buffer_read.pj == Approx(6.25)); // 1600 pJ, by 256 bits
    }
    SECTION("bursts as close together as the data allow, not as the bank group does") {
        t.t_ccd_l = Picoseconds{6000};
        derive_energies(t, currents(), geometry());
        CHECK(t.buffer_read.pj == Approx(12.5));
    }
}

TEST_CASE("a refresh costs what IDD5 draws beyond active standby") {
    Technology t = technology();
    DatasheetCurrents i = currents();
    derive_energies(t, i, geometry());
    CHECK(t.refresh.pj == Approx(40'000)); // 200 mA x 100 ns x 2 V
    CHECK(t.refresh_bank.pj == 0);
    t.t_rfc_pb = Picoseconds{50'000};
    derive_energies(t, i, geometry());
    CHECK(t.refresh_bank.pj == Approx(5000)); // an eighth
    i.idd5_pb = core::Current{0.100};
    derive_energies(t, i, geometry());
    CHECK(t.refresh_bank.pj == Approx(6000)); // 60 mA x 50 ns x 2 V
    i.idd5 = {};
    derive_energies(t, i, geometry());
    CHECK(t.refresh.pj == 0);
}

TEST_CASE("each state draws its current") {
    Technology t = technology();
    derive_energies(t, currents(), geometry());
    CHECK(t.background.watts == Approx(0.040));
    CHECK(t.active_standby.value().watts == Approx(0.080));
    CHECK(t.power_down.value().watts == Approx(0.020));
    CHECK(t.active_power_down.value().watts == Approx(0.030));
    CHECK(t.self_refresh.value().watts == Approx(0.010));
}

TEST_CASE("a state without a current draws that of the state above it, and one of 0 draws nothing") {
    using memory::background_power;
    using memory::PowerState;
    Technology t = technology();
    DatasheetCurrents i = currents();
    i.idd2p = i.idd3p = i.idd6 = std::nullopt;
    derive_energies(t, i, geometry());
    CHECK(background_power(t, PowerState::power_down).watts == Approx(0.040));
    CHECK(background_power(t, PowerState::active_power_down).watts == Approx(0.080));
    CHECK(background_power(t, PowerState::self_refresh).watts == Approx(0.040));
    t.power_down = core::Power{0.01};
    CHECK(background_power(t, PowerState::self_refresh).watts == 0.01);
    t.active_standby = t.self_refresh = core::Power{0};
    CHECK(background_power(t, PowerState::active_standby).watts == 0);
    CHECK(background_power(t, PowerState::active_power_down).watts == 0); // as active standby
    CHECK(background_power(t, PowerState::self_refresh).watts == 0);
    CHECK(background_power(t, PowerState::power_down).watts == 0.01);
}
