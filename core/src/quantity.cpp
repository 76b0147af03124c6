// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/quantity.h"

#include "hydravp/core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace hydravp::core {
namespace {

/// digits * 10^exponent, the digits without leading and trailing zeros; no digits are zero.
struct Decimal {
    std::string digits;
    int exponent = 0;
};

struct Unit {
    const char* name;
    int exponent;                 ///< power of ten to the base unit
    std::uint64_t multiplier = 1; ///< and a factor, for the binary sizes
};

using Units = std::vector<Unit>;

const Units time_units = {{"ps", 0}, {"ns", 3}, {"us", 6}, {"ms", 9}, {"s", 12}};
const Units frequency_units = {{"Hz", 0}, {"kHz", 3}, {"MHz", 6}, {"GHz", 9}};
const Units energy_units = {{"pJ", 0}, {"nJ", 3}, {"uJ", 6}, {"mJ", 9}};
const Units energy_per_bit_units = {{"fJ/bit", -3}, {"pJ/bit", 0}, {"nJ/bit", 3}};
const Units power_units = {{"uW", -6}, {"mW", -3}, {"W", 0}};
const Units area_units = {{"um2", -6}, {"mm2", 0}};
const Units endurance_units = {{"writes", 0}};
const Units voltage_units = {{"mV", -3}, {"V", 0}};
const Units current_units = {{"uA", -6}, {"mA", -3}, {"A", 0}};
const Units resistance_units = {{"ohm", 0}, {"kohm", 3}};
const Units resistance_area_units = {{"ohm.um2", 0}};
const Units length_units = {{"nm", 0}, {"um", 3}};
const Units percent_units = {{"%", -2}};
const Units bandwidth_units = {{"B/s", 0}, {"KB/s", 3}, {"MB/s", 6}, {"GB/s", 9}, {"TB/s", 12}};
const Units binary_bandwidth_units = {
    {"KiB/s", 0, 1ULL << 10}, {"MiB/s", 0, 1ULL << 20}, {"GiB/s", 0, 1ULL << 30}};
const Units size_units = {{"B", 0}, {"KB", 3}, {"MB", 6}, {"GB", 9}, {"TB", 12}};
const Units binary_size_units = {
    {"KiB", 0, 1ULL << 10}, {"MiB", 0, 1ULL << 20}, {"GiB", 0, 1ULL << 30}, {"TiB", 0, 1ULL << 40}};
const Units cycle_units = {{"cy", 0}};

constexpr const char* unlimited = "unlimited";
/// Beyond this power of ten nothing fits any of the types; it keeps the exponent arithmetic from overflowing.
constexpr int largest_exponent = 400;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes an unsigned decimal number with an optional exponent from the front of `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
    Decimal result;
    std::size_t i = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
        result.digits += text[i];
    }
    if (i == 0) {
        return std::nullopt;
    }
    if (i + 1 < text.size() && text[i] == '.' && is_digit(text[i + 1])) {
        for (++i; i < text.size() && is_digit(text[i]); ++i) {
            result.digits += text[i];
            --result.exponent;
        }
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        std::size_t first = i + 1;
        if (first < text.size() && text[first] == '+') {
            ++first;
        }
        int exponent = 0;
        const auto [end, error] = std::from_chars(text.data() + first, text.data() + text.size(), exponent);
        if (error != std::errc{} || exponent < -largest_exponent || exponent > largest_exponent) {
            return std::nullopt;
        }
        result.exponent += exponent;
        i = static_cast<std::size_t>(end - text.data());
    }
    text.remove_prefix(i);
    while (!result.digits.empty() && result.digits.back() == '0') {
        result.digits.pop_back();
        ++result.exponent;
    }
    result.digits.erase(0, result.digits.find_first_not_of('0'));
    if (result.digits.empty()) {
        result.exponent = 0;
    }
    return result;
}

struct Parsed {
    Decimal value;
    Unit unit;
};

std::optional<Parsed> parse(std::string_view text, std::initializer_list<const Units*> families) {
    text = trimmed(text);
    const std::optional<Decimal> value = take_decimal(text);
    if (!value) {
        return std::nullopt;
    }
    text = trimmed(text);
    for (const Units* family : families) {
        for (const Unit& unit : *family) {
            if (text == unit.name) {
                return Parsed{*value, unit};
            }
        }
    }
    return std::nullopt;
}

/// value * multiplier * 10^shift, if that is a whole number below 2^63.
std::optional<std::uint64_t> to_integer(const Decimal& value, int shift, std::uint64_t multiplier) {
    std::uint64_t n = 0;
    if (value.digits.empty()) {
        return n;
    }
    const char* const end = value.digits.data() + value.digits.size();
    if (std::from_chars(value.digits.data(), end, n).ec != std::errc{}) {
        return std::nullopt;
    }
    int exponent = value.exponent + shift;
    for (; exponent < 0; ++exponent) {
        for (const std::uint64_t prime : {2, 5}) {
            if (multiplier % prime == 0) {
                multiplier /= prime;
            } else if (n % prime == 0) {
                n /= prime;
            } else {
                return std::nullopt;
            }
        }
    }
    if (__builtin_mul_overflow(n, multiplier, &n)) {
        return std::nullopt;
    }
    for (; exponent > 0; --exponent) {
        if (__builtin_mul_overflow(n, std::uint64_t{10}, &n)) {
            return std::nullopt;
        }
    }
    if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return std::nullopt;
    }
    return n;
}

/// The double nearest to value * 10^shift, if it is in range.
std::optional<double> to_double(const Decimal& value, int shift) {
    if (value.digits.empty()) {
        return 0.0;
    }
    const std::string text = fmt::format("{}e{}", value.digits, value.exponent + shift);
    double result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (error != std::errc{} || !std::isfinite(result)) {
        return std::nullopt;
    }
    return result;
}

[[noreturn]] void refuse(std::string_view text, const std::string& expected) {
    throw InputError(fmt::format("found {}, expected {}", in_quotes(text), expected));
}

double parse_real(std::string_view text, std::initializer_list<const Units*> families,
                  const std::string& expected) {
    if (const auto parsed = parse(text, families)) {
        if (const auto value = to_double(parsed->value, parsed->unit.exponent)) {
            const double result = *value * static_cast<double>(parsed->unit.multiplier);
            if (std::isfinite(result)) {
                return result;
            }
        }
    }
    refuse(text, expected);
}

/// The decimal in the largest unit that leaves at least one digit before the point. The units are ascending
/// and have the base unit among them.
std::string format(const Decimal& value, const Units& units) {
    if (value.digits.empty()) {
        const auto base =
            std::find_if(units.begin(), units.end(), [](const Unit& u) { return u.exponent == 0; });
        return fmt::format("0 {}", base->name);
    }
    const int leading =
        static_cast<int>(value.digits.size()) + value.exponent - 1; // power of the first digit
    const Unit* unit = &units.front();
    for (const Unit& candidate : units) {
        if (leading >= candidate.exponent) {
            unit = &candidate;
        }
    }
    const int exponent = value.exponent - unit->exponent;
    std::string text = value.digits;
    if (exponent >= 0) {
        text.append(static_cast<std::size_t>(exponent), '0');
    } else {
        const auto fraction = static_cast<std::size_t>(-exponent);
        if (fraction >= text.size()) {
            text.insert(0, fraction + 1 - text.size(), '0');
        }
        text.insert(text.size() - fraction, 1, '.');
    }
    return fmt::format("{} {}", text, unit->name);
}

/// The shortest decimal that reads back as `value`.
Decimal shortest(double value) {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    return take_decimal(text).value_or(Decimal{});
}

std::string format(std::uint64_t value, const Units& units) {
    const std::string digits = std::to_string(value);
    std::string_view text = digits;
    return format(take_decimal(text).value_or(Decimal{}), units);
}

} // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    if (text.empty()) {
        return "nothing";
    }
    std::string result = "'";
    for (const char c : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
    result += text.size() > longest ? "...'" : "'";
    return result;
}

Picoseconds parse_time(std::string_view text, std::optional<Picoseconds> clock) {
    const char* const expected = clock ? "a time with its unit, e.g. 2.5 ns, or clock cycles, e.g. 5 cy"
                                       : "a time with its unit, e.g. 2.5 ns";
    auto parsed = parse(text, {&time_units});
    if (!parsed && clock && clock->count() > 0) {
        parsed = parse(text, {&cycle_units});
        if (parsed && !to_integer(parsed->value, 0, 1)) {
            refuse(text, "a whole number of clock cycles");
        }
        if (parsed) {
            parsed->unit.multiplier = static_cast<std::uint64_t>(clock->count());
        }
    }
    if (!parsed) {
        refuse(text, expected);
    }
    const auto ps = to_integer(parsed->value, parsed->unit.exponent, parsed->unit.multiplier);
    if (!ps) {
        refuse(text, "a time in whole picoseconds, at most 9223372 s");
    }
    return Picoseconds{static_cast<std::int64_t>(*ps)};
}

Picoseconds parse_clock_period(std::string_view text) {
    const char* const expected = "a clock period or frequency with its unit, e.g. 336 ps or 3 GHz";
    if (parse(text, {&time_units})) {
        return parse_time(text);
    }
    const double hertz = parse_real(text, {&frequency_units}, expected);
    const double ps = std::round(1e12 / hertz);
    if (!(ps >= 1 && ps < 9e18)) {
        refuse(text, "a frequency whose period is at least 1 ps");
    }
    return Picoseconds{static_cast<std::int64_t>(ps)};
}

Bytes parse_size(std::string_view text) {
    const auto parsed = parse(text, {&size_units, &binary_size_units});
    if (!parsed) {
        refuse(text, "a size with its unit, e.g. 64 B or 8 GiB");
    }
    const auto bytes = to_integer(parsed->value, parsed->unit.exponent, parsed->unit.multiplier);
    if (!bytes) {
        refuse(text, "a size in whole bytes, below 2^63");
    }
    return Bytes{*bytes};
}

Energy parse_energy(std::string_view text) {
    return {parse_real(text, {&energy_units}, "an energy with its unit, e.g. 69.1 nJ")};
}

EnergyPerBit parse_energy_per_bit(std::string_view text) {
    return {parse_real(text, {&energy_per_bit_units}, "an energy per bit with its unit, e.g. 1.17 pJ/bit")};
}

Power parse_power(std::string_view text) {
    return {parse_real(text, {&power_units}, "a power with its unit, e.g. 43 mW or 1.4 W")};
}

Area parse_area(std::string_view text) {
    return {parse_real(text, {&area_units}, "an area with its unit, e.g. 0.1024 mm2")};
}

std::uint64_t parse_endurance(std::string_view text) {
    const auto parsed = parse(text, {&endurance_units});
    const auto writes = parsed ? to_integer(parsed->value, 0, 1) : std::nullopt;
    if (!writes) {
        refuse(text, "a whole number of writes, below 2^63, e.g. 1e8 writes");
    }
    return *writes;
}

Voltage parse_voltage(std::string_view text) {
    return {parse_real(text, {&voltage_units}, "a voltage with its unit, e.g. 1.2 V")};
}

Current parse_current(std::string_view text) {
    return {parse_real(text, {&current_units}, "a current with its unit, e.g. 55 mA")};
}

Resistance parse_resistance(std::string_view text) {
    return {parse_real(text, {&resistance_units}, "a resistance with its unit, e.g. 4 kohm")};
}

ResistanceArea parse_resistance_area(std::string_view text) {
    return {parse_real(text, {&resistance_area_units},
                       "a resistance-area product with its unit, e.g. 10.58 ohm.um2")};
}

Length parse_length(std::string_view text) {
    return {parse_real(text, {&length_units}, "a length with its unit, e.g. 60 nm")};
}

double parse_percent(std::string_view text) {
    return parse_real(text, {&percent_units}, "a percentage, e.g. 5 %");
}

Bandwidth parse_bandwidth(std::string_view text) {
    const char* const expected = "a bandwidth above zero with its unit, e.g. 15.75 GB/s, or 'unlimited'";
    if (trimmed(text) == unlimited) {
        return {};
    }
    const double rate = parse_real(text, {&bandwidth_units, &binary_bandwidth_units}, expected);
    if (!(rate > 0)) {
        refuse(text, expected);
    }
    return {rate};
}

std::string format_time(Picoseconds time) {
    return format(static_cast<std::uint64_t>(time.count()), time_units);
}

std::string format_size(Bytes size) {
    const char* name = "B";
    std::uint64_t count = size.count;
    for (const Unit& unit : binary_size_units) {
        if (size.count != 0 && size.count % unit.multiplier == 0) {
            name = unit.name;
            count = size.count / unit.multiplier;
        }
    }
    return fmt::format("{} {}", count, name);
}

std::string format_energy(Energy energy) {
    return format(shortest(energy.pj), energy_units);
}

std::string format_energy_per_bit(EnergyPerBit energy) {
    return format(shortest(energy.pj), {{"pJ/bit", 0}});
}

std::string format_power(Power power) {
    return format(shortest(power.watts), power_units);
}

std::string format_voltage(Voltage voltage) {
    return format(shortest(voltage.volts), voltage_units);
}

std::string format_current(Current current) {
    return format(shortest(current.amps), current_units);
}

std::string format_resistance(Resistance resistance) {
    return format(shortest(resistance.ohms), resistance_units);
}

std::string format_resistance_area(ResistanceArea product) {
    return format(shortest(product.ohm_um2), resistance_area_units);
}

std::string format_length(Length length) {
    return format(shortest(length.nm), {{"nm", 0}});
}

std::string format_percent(double ratio) {
    Decimal percent = shortest(ratio);
    percent.exponent += percent.digits.empty() ? 0 : 2;
    return format(percent, {{"%", 0}});
}

std::string format_area(Area area) {
    return format(shortest(area.mm2), area_units);
}

std::string format_endurance(std::uint64_t writes) {
    return format(writes, endurance_units);
}

std::string format_bandwidth(Bandwidth bandwidth) {
    return bandwidth.bytes_per_s > 0 ? format(shortest(bandwidth.bytes_per_s), bandwidth_units) : unlimited;
}

} // namespace hydravp::core
