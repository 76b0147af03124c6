// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>

/// Typed physical quantities. A bare number never stands for a time, an energy or a size.
namespace hydravp::core {

/// Simulated time, exact to 1 ps (the clock periods of the modelled machine, 2.5 ns, 336 ps and
/// 626 ps, are whole picoseconds).
using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;

/// Milliseconds as a real number, for printing.
constexpr double to_ms(Picoseconds t) {
    return static_cast<double>(t.count()) * 1e-9;
}

/// Energy in picojoules.
struct Energy {
    double pj = 0;
    friend constexpr Energy operator+(Energy a, Energy b) { return {a.pj + b.pj}; }
    friend constexpr Energy operator*(Energy a, double n) { return {a.pj * n}; }
};

/// Energy per bit in pJ/bit.
struct EnergyPerBit {
    double pj = 0;
    constexpr Energy for_bits(double bits) const { return {pj * bits}; }
};

/// Power in watts.
struct Power {
    double watts = 0;
    /// 1 W over 1 ps is 1 pJ.
    constexpr Energy over(Picoseconds t) const { return {watts * static_cast<double>(t.count())}; }
    friend constexpr Power operator*(Power p, double n) { return {p.watts * n}; }
};

/// Area in square millimetres.
struct Area {
    double mm2 = 0;
    friend constexpr Area operator*(Area a, double n) { return {a.mm2 * n}; }
};

/// Voltage in volts.
struct Voltage {
    double volts = 0;
};

/// Current in amperes.
struct Current {
    double amps = 0;
    friend constexpr Power operator*(Current i, Voltage u) { return {i.amps * u.volts}; }
};

/// Resistance in ohms.
struct Resistance {
    double ohms = 0;
};

/// Length in nanometres.
struct Length {
    double nm = 0;
};

/// Resistance times area of a tunnel junction, in ohm * um2.
struct ResistanceArea {
    double ohm_um2 = 0;
    friend constexpr Resistance operator/(ResistanceArea ra, Area a) { return {ra.ohm_um2 / (a.mm2 * 1e6)}; }
};

/// Data rate in bytes per second; zero stands for "infinitely fast".
struct Bandwidth {
    double bytes_per_s = 0;
    /// Time `bytes` occupy the wire, rounded up to a picosecond.
    Picoseconds time_for(std::uint64_t bytes) const {
        if (bytes_per_s <= 0) {
            return Picoseconds{0};
        }
        const double ps = static_cast<double>(bytes) * 1e12 / bytes_per_s;
        const auto whole = static_cast<std::int64_t>(ps);
        return Picoseconds{whole + (static_cast<double>(whole) < ps ? 1 : 0)};
    }
};

/// A size in bytes.
struct Bytes {
    std::uint64_t count = 0;
};

} // namespace hydravp::core
