// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Text of typed quantities, as configurations write them: a decimal number, a space (optional), a unit.
///
/// Conversion is exact decimal arithmetic; a value that its type cannot hold exactly, or at all, is refused.
/// Every parse function throws core::InputError, "found X, expected Y", for a missing or unknown unit, a
/// sign, an overflow or anything else that is not such a quantity.
namespace hydravp::core {

/// `text` in quotes, shortened and without control characters, as error messages show it.
std::string in_quotes(std::string_view text);

/// ps, ns, us, ms or s, to a whole picosecond. `5 cy` are five periods of `clock`, if there is one.
Picoseconds parse_time(std::string_view text, std::optional<Picoseconds> clock = std::nullopt);

/// A period in a unit of time, or a frequency in Hz, kHz, MHz or GHz, whose period is rounded to the nearest
/// picosecond (3 GHz is 333 ps).
Picoseconds parse_clock_period(std::string_view text);

/// B, KiB, MiB, GiB, TiB, or the decimal KB, MB, GB, TB.
Bytes parse_size(std::string_view text);

/// pJ, nJ, uJ or mJ.
Energy parse_energy(std::string_view text);

/// fJ/bit, pJ/bit or nJ/bit.
EnergyPerBit parse_energy_per_bit(std::string_view text);

/// uW, mW or W.
Power parse_power(std::string_view text);

/// um2 or mm2.
Area parse_area(std::string_view text);

/// Writes that a cell survives: `1e8 writes`, a whole number.
std::uint64_t parse_endurance(std::string_view text);

/// mV or V.
Voltage parse_voltage(std::string_view text);

/// uA, mA or A.
Current parse_current(std::string_view text);

/// ohm or kohm.
Resistance parse_resistance(std::string_view text);

/// ohm.um2.
ResistanceArea parse_resistance_area(std::string_view text);

/// nm or um.
Length parse_length(std::string_view text);

/// A share or a ratio in %; 5 % gives 0.05.
double parse_percent(std::string_view text);

/// B/s, KB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s or GiB/s, above zero; or `unlimited`.
Bandwidth parse_bandwidth(std::string_view text);

/// The inverse of the parse functions: what comes out reads back as the same value.
std::string format_time(Picoseconds time);
std::string format_size(Bytes size);
std::string format_energy(Energy energy);
std::string format_energy_per_bit(EnergyPerBit energy);
std::string format_power(Power power);
std::string format_area(Area area);
std::string format_endurance(std::uint64_t writes);
std::string format_bandwidth(Bandwidth bandwidth);
std::string format_voltage(Voltage voltage);
std::string format_current(Current current);
std::string format_resistance(Resistance resistance);
std::string format_resistance_area(ResistanceArea product);
std::string format_length(Length length);
std::string format_percent(double ratio);

} // namespace hydravp::core
