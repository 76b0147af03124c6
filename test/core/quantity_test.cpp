// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/quantity.h"

#include "hydravp/core/error.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace hydravp::core;

TEST_CASE("a time is converted exactly") {
    CHECK(parse_time("2.5 ns").count() == 2500);
    CHECK(parse_time("336 ps").count() == 336);
    CHECK(parse_time("7.8 us").count() == 7'800'000);
    CHECK(parse_time("0.1 ms").count() == 100'000'000);
    CHECK(parse_time("1 s").count() == 1'000'000'000'000);
    CHECK(parse_time("0 ns").count() == 0);
    CHECK(parse_time("  2.500ns ").count() == 2500);
    CHECK(parse_time("0.0003 us").count() == 300);
    CHECK(parse_time("2.5e3 ps").count() == 2500);
    CHECK(parse_time("9223372036854775807 ps").count() == 9'223'372'036'854'775'807);
}

TEST_CASE("cycles are a time where there is a clock") {
    CHECK(parse_time("5 cy", Picoseconds{2500}).count() == 12'500);
    CHECK(parse_time("12.5 ns", Picoseconds{2500}).count() == 12'500);
    CHECK_THROWS_AS(parse_time("5 cy"), InputError);
    CHECK_THROWS_WITH(parse_time("0.5 cy", Picoseconds{2500}),
                      "found '0.5 cy', expected a whole number of clock cycles");
    CHECK_THROWS_AS(parse_time("9223372036854775807 cy", Picoseconds{2500}), InputError);
}

TEST_CASE("a bare number is not a quantity") {
    CHECK_THROWS_WITH(parse_time("2.5"), "found '2.5', expected a time with its unit, e.g. 2.5 ns");
    CHECK_THROWS_WITH(parse_size("64"), "found '64', expected a size with its unit, e.g. 64 B or 8 GiB");
    CHECK_THROWS_AS(parse_clock_period("3"), InputError);
    CHECK_THROWS_AS(parse_energy("69.1"), InputError);
    CHECK_THROWS_AS(parse_energy_per_bit("1.17"), InputError);
    CHECK_THROWS_AS(parse_power("1"), InputError);
    CHECK_THROWS_AS(parse_bandwidth("15.75"), InputError);
}

TEST_CASE("what is not a quantity is refused") {
    const char* const text = GENERATE(
        "", " ", "ns", "-1 ns", "+1 ns", "nan ns", "inf ns", "1 NS", "1 ns ns", "1,5 ns", "1..5 ns", ".5 ns",
        "5. ns", "0x10 ns", "1e ns", "1e999 ns", "1 n s", "2.5 nsx", "0.3 ps", "0.0001 ns",
        "9223372036854775808 ps", "10000000 s", "1.5e-2147483648 ns", "99999999999999999999999 ps", "1 pJ");
    CAPTURE(text);
    CHECK_THROWS_AS(parse_time(text), InputError);
    CHECK_THROWS_AS(parse_clock_period(text), InputError);
}

TEST_CASE("the resolution of time is named") {
    CHECK_THROWS_WITH(parse_time("0.3 ps"),
                      "found '0.3 ps', expected a time in whole picoseconds, at most 9223372 s");
}

TEST_CASE("a clock is a period or a frequency") {
    CHECK(parse_clock_period("336 ps").count() == 336);
    CHECK(parse_clock_period("4 GHz").count() == 250);
    CHECK(parse_clock_period("400 MHz").count() == 2500);
    CHECK(parse_clock_period("3 GHz").count() == 333);
    CHECK(parse_clock_period("1.5 GHz").count() == 667);
    CHECK(parse_clock_period("32768 Hz").count() == 30'517'578);
    CHECK_THROWS_AS(parse_clock_period("0 Hz"), InputError);
    CHECK_THROWS_AS(parse_clock_period("3000 GHz"), InputError);
}

TEST_CASE("sizes are binary or decimal, in whole bytes") {
    CHECK(parse_size("64 B").count == 64);
    CHECK(parse_size("1 KiB").count == 1024);
    CHECK(parse_size("8 GiB").count == 8ULL << 30);
    CHECK(parse_size("1.5 KiB").count == 1536);
    CHECK(parse_size("0.5 GiB").count == 1ULL << 29);
    CHECK(parse_size("8 GB").count == 8'000'000'000);
    CHECK_THROWS_AS(parse_size("0.3 B"), InputError);
    CHECK_THROWS_AS(parse_size("0.1 KiB"), InputError);
    CHECK_THROWS_AS(parse_size("9000000 TiB"), InputError);
    CHECK_THROWS_AS(parse_size("-1 B"), InputError);
    CHECK_THROWS_AS(parse_size("1 Gb"), InputError);
}

TEST_CASE("energies, powers and bandwidths are the nearest double") {
    CHECK(parse_energy("69.1 nJ").pj == 69100.0);
    CHECK(parse_energy_per_bit("1.17 pJ/bit").pj == 1.17);
    CHECK(parse_energy_per_bit("390 fJ/bit").pj == 0.39);
    CHECK(parse_power("43.125 mW").watts == 0.043125);
    CHECK(parse_power("1.4 W").watts == 1.4);
    CHECK(parse_bandwidth("15.75 GB/s").bytes_per_s == 15.75e9);
    CHECK(parse_bandwidth("1 GiB/s").bytes_per_s == 1073741824.0);
    CHECK(parse_bandwidth("unlimited").bytes_per_s == 0);
    CHECK(parse_voltage("1.35 V").volts == 1.35);
    CHECK(parse_voltage("600 mV").volts == 0.6);
    CHECK(parse_current("55 mA").amps == 0.055);
    CHECK(parse_current("2 A").amps == 2);
    CHECK(parse_current("300 uA").amps == 0.0003);
    CHECK(parse_area("0.1024 mm2").mm2 == 0.1024);
    CHECK(parse_area("102400 um2").mm2 == 0.1024);
    CHECK(parse_endurance("1e8 writes") == 100'000'000);
    CHECK(parse_endurance("0 writes") == 0);
    CHECK_THROWS_AS(parse_area("0.1"), InputError);
    CHECK_THROWS_AS(parse_area("0.1 mm"), InputError);
    CHECK_THROWS_AS(parse_endurance("1e8"), InputError);
    CHECK_THROWS_AS(parse_endurance("1.5 writes"), InputError);
    CHECK_THROWS_AS(parse_endurance("1e19 writes"), InputError);
    CHECK_THROWS_AS(parse_voltage("1.35"), InputError);
    CHECK_THROWS_AS(parse_current("55 mW"), InputError);
    CHECK_THROWS_AS(parse_current("-1 mA"), InputError);
    CHECK_THROWS_AS(parse_bandwidth("0 GB/s"), InputError);
    CHECK_THROWS_AS(parse_power("-1 W"), InputError);
    CHECK_THROWS_AS(parse_energy("1e400 nJ"), InputError);
    CHECK_THROWS_AS(parse_energy("nan pJ"), InputError);
    CHECK_THROWS_AS(parse_bandwidth("1e308 GiB/s"), InputError); // infinite with its binary prefix
}

TEST_CASE("quantities are written in a readable unit") {
    CHECK(format_time(Picoseconds{2500}) == "2.5 ns");
    CHECK(format_time(Picoseconds{336}) == "336 ps");
    CHECK(format_time(Picoseconds{7'800'000}) == "7.8 us");
    CHECK(format_time(Picoseconds{0}) == "0 ps");
    CHECK(format_time(Picoseconds{1'000'000'000'000}) == "1 s");
    CHECK(format_size({8ULL << 30}) == "8 GiB");
    CHECK(format_size({1000}) == "1000 B");
    CHECK(format_size({0}) == "0 B");
    CHECK(format_energy({69100}) == "69.1 nJ");
    CHECK(format_energy({0.05}) == "0.05 pJ");
    CHECK(format_energy_per_bit({1.17}) == "1.17 pJ/bit");
    CHECK(format_energy_per_bit({0.39}) == "0.39 pJ/bit");
    CHECK(format_power({0}) == "0 W");
    CHECK(format_power({0.043125}) == "43.125 mW");
    CHECK(format_power({120}) == "120 W");
    CHECK(format_area({0.1024}) == "102400 um2");
    CHECK(format_area({80}) == "80 mm2");
    CHECK(format_endurance(100'000'000) == "100000000 writes");
    CHECK(format_bandwidth({15.75e9}) == "15.75 GB/s");
    CHECK(format_bandwidth({0}) == "unlimited");
}

TEST_CASE("what is written reads back as the same value") {
    std::mt19937_64 random(1);
    std::uniform_int_distribution<int> bits(0, 62);
    std::uniform_real_distribution<double> mantissa(1, 10);
    std::uniform_int_distribution<int> exponent(-15, 15);
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t n = random() >> (63 - bits(random)) >> 1;
        const Picoseconds time{static_cast<std::int64_t>(n)};
        const double x = mantissa(random) * std::pow(10.0, exponent(random));
        REQUIRE(parse_time(format_time(time)) == time);
        REQUIRE(parse_size(format_size({n})).count == n);
        REQUIRE(parse_energy(format_energy({x})).pj == x);
        REQUIRE(parse_energy_per_bit(format_energy_per_bit({x})).pj == x);
        REQUIRE(parse_power(format_power({x})).watts == x);
        REQUIRE(parse_area(format_area({x})).mm2 == x);
        REQUIRE(parse_endurance(format_endurance(n)) == n);
        REQUIRE(parse_bandwidth(format_bandwidth({x})).bytes_per_s == x);
        REQUIRE(parse_voltage(format_voltage({x})).volts == x);
        REQUIRE(parse_current(format_current({x})).amps == x);
        REQUIRE(parse_resistance(format_resistance({x})).ohms == x);
        REQUIRE(parse_resistance_area(format_resistance_area({x})).ohm_um2 == x);
        REQUIRE(parse_length(format_length({x})).nm == x);
        REQUIRE(parse_area(format_area({x})).mm2 == x);
        REQUIRE(parse_percent(format_percent(x)) == x);
    }
}

TEST_CASE("quantities of devices are read with their units") {
    CHECK(parse_resistance("4 kohm").ohms == 4000);
    CHECK(parse_resistance("560 ohm").ohms == 560);
    CHECK(parse_resistance_area("10.58 ohm.um2").ohm_um2 == 10.58);
    CHECK(parse_length("60 nm").nm == 60);
    CHECK(parse_length("0.06 um").nm == 60);
    CHECK(parse_area("326 mm2").mm2 == 326);
    CHECK(parse_area("0.2 um2").mm2 == 0.2e-6);
    CHECK(parse_percent("171.2 %") == 1.712);
    CHECK(parse_endurance("1e8 writes") == 100000000);
    CHECK(format_endurance(100000000) == "100000000 writes");
    CHECK_THROWS_AS(parse_endurance("1.5 writes"), InputError);
    CHECK(format_percent(1.712) == "171.2 %");
    CHECK(format_percent(0.05) == "5 %");
    CHECK(format_area({326}) == "326 mm2");
    CHECK(format_current({50e-6}) == "50 uA");
    CHECK_THROWS_AS(parse_resistance("4"), InputError);
    CHECK_THROWS_AS(parse_resistance_area("4 ohm"), InputError);
    CHECK_THROWS_AS(parse_percent("0.05"), InputError);
    CHECK_THROWS_AS(parse_area("-1 um2"), InputError);
}

TEST_CASE("error messages do not repeat endless or unprintable text") {
    CHECK(in_quotes("2.5") == "'2.5'");
    CHECK(in_quotes("") == "nothing");
    CHECK(in_quotes("a\nb\x01") == "'a?b?'");
    CHECK(in_quotes(std::string(100, 'x')) == "'" + std::string(60, 'x') + "...'");
}
