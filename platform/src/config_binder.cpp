// SPDX-License-Identifier: Apache-2.0
#include "config_binder.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

namespace hydravp::platform {
namespace {

using core::in_quotes;
using core::InputError;
using core::Picoseconds;

[[noreturn]] void refuse(const std::string& text, const std::string& expected) {
    throw InputError(fmt::format("found {}, expected {}", in_quotes(text), expected));
}

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// As a YAML scalar: plain where nobody can misread it.
std::string yaml_text(const std::string& text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
    const bool begins_with_letter =
        !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
    if (plain && begins_with_letter && text != "null" && text != "Null" && text != "NULL") {
        return text;
    }
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + '"';
}

bool is_power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

/// The time that `text` stands for, if sums of such times fit their type.
Picoseconds bounded(Picoseconds time, const std::string& text) {
    constexpr Picoseconds longest = std::chrono::hours{1};
    if (time > longest) {
        refuse(text, "a time of at most 3600 s");
    }
    return time;
}

} // namespace

ConfigKey& ConfigBinder::text(const char* name, std::string& field, const char* meaning) {
    const std::string expected = "a name";
    return add(
        name, expected, meaning,
        [&field, expected](const std::string& text) {
            const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
                return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
            });
            if (text.empty() || !printable) {
                refuse(text, expected);
            }
            field = text;
        },
        [&field] { return yaml_text(field); });
}

ConfigKey& ConfigBinder::mapping(const char* name, std::string& field, const char* meaning) {
    const std::string expected = "fields of an address, e.g. row rank bank column offset";
    return add(
        name, expected, meaning,
        [&field, expected](const std::string& text) {
            if (text.empty()) {
                refuse(text, expected);
            }
            field = text;
        },
        [&field] { return field.empty() ? std::string{} : yaml_text(field); });
}

ConfigKey& ConfigBinder::count(const char* name, std::uint32_t& field, const char* meaning) {
    return number(
        name, field, [](std::uint32_t n) { return n >= 1; }, "a whole number, at least 1", meaning);
}

ConfigKey& ConfigBinder::depth(const char* name, std::uint32_t& field, const char* meaning) {
    return number(
        name, field, [](std::uint32_t n) { return n >= 1 && n <= 4096; }, "a whole number from 1 to 4096",
        meaning);
}

ConfigKey& ConfigBinder::power_of_two(const char* name, std::uint32_t& field, const char* meaning) {
    return number(name, field, is_power_of_two, "a power of two", meaning);
}

ConfigKey& ConfigBinder::power_of_two_or_zero(const char* name, std::uint32_t& field, const char* meaning) {
    return number(
        name, field, [](std::uint32_t n) { return n == 0 || is_power_of_two(n); }, "a power of two or 0",
        meaning);
}

ConfigKey& ConfigBinder::number(const char* name, std::uint32_t& field,
                                const std::function<bool(std::uint32_t)>& is_allowed,
                                const std::string& expected, const char* meaning) {
    return add(
        name, expected, meaning,
        [&field, is_allowed, expected](const std::string& text) {
            const auto value = parse_number<std::uint32_t>(text);
            if (!value || !is_allowed(*value)) {
                refuse(text, expected);
            }
            field = *value;
        },
        [&field] { return std::to_string(field); });
}

ConfigKey& ConfigBinder::fraction(const char* name, double& field, const char* meaning) {
    const std::string expected = "a number from 0 to 1";
    return add(
        name, expected, meaning,
        [&field, expected](const std::string& text) {
            const auto value = parse_number<double>(text);
            if (!value || !(*value >= 0 && *value <= 1)) {
                refuse(text, expected);
            }
            field = *value;
        },
        [&field] { return fmt::format("{}", field); });
}

ConfigKey& ConfigBinder::real(const char* name, double& field, double lowest, double highest,
                              const char* meaning) {
    const std::string expected = fmt::format("a number from {} to {}", lowest, highest);
    return add(
        name, expected, meaning,
        [&field, lowest, highest, expected](const std::string& text) {
            const auto value = parse_number<double>(text);
            if (!value || !(*value >= lowest && *value <= highest)) {
                refuse(text, expected);
            }
            field = *value;
        },
        [&field] { return fmt::format("{}", field); });
}

ConfigKey& ConfigBinder::clock(const char* name, Picoseconds& field, const char* meaning) {
    return add(
        name, "a clock period or frequency with its unit, e.g. 336 ps or 3 GHz", meaning,
        [&field](const std::string& text) {
            field = bounded(core::parse_clock_period(text), text);
            if (field.count() == 0) {
                refuse(text, "a period above zero");
            }
        },
        [&field] { return core::format_time(field); });
}

ConfigKey& ConfigBinder::time(const char* name, Picoseconds& field, const char* meaning) {
    return add(
        name, "a time with its unit, e.g. 2.5 ns", meaning,
        [&field](const std::string& text) { field = bounded(core::parse_time(text), text); },
        [&field] { return core::format_time(field); });
}

ConfigKey& ConfigBinder::time(const char* name, Picoseconds& field, const Picoseconds& clock,
                              const char* meaning) {
    return add(
        name, "a time with its unit, e.g. 2.5 ns, or clock cycles, e.g. 5 cy", meaning,
        [&field, &clock](const std::string& text) {
            // An invalid clock is an error of its own; any period lets the check of this key go on.
            field = bounded(core::parse_time(text, std::max(clock, Picoseconds{1})), text);
        },
        [&field] { return core::format_time(field); });
}

ConfigKey& ConfigBinder::size(const char* name, std::uint32_t& field, const char* meaning) {
    return add(
        name, "a size with its unit, e.g. 1 KiB", meaning,
        [&field](const std::string& text) {
            const core::Bytes size = core::parse_size(text);
            if (size.count > std::numeric_limits<std::uint32_t>::max()) {
                refuse(text, "a size below 4 GiB");
            }
            field = static_cast<std::uint32_t>(size.count);
        },
        [&field] { return core::format_size({field}); });
}

ConfigKey& ConfigBinder::size(const char* name, core::Bytes& field, const char* meaning) {
    return add(
        name, "a size with its unit, e.g. 16 MiB", meaning,
        [&field](const std::string& text) { field = core::parse_size(text); },
        [&field] { return core::format_size(field); });
}

ConfigKey& ConfigBinder::buffer(const char* name, core::Bytes& field, const char* meaning) {
    return add(
        name, "a size with its unit, e.g. 32 KiB", meaning,
        [&field](const std::string& text) {
            field = core::parse_size(text);
            if (field.count == 0 || field.count % 16 != 0 || field.count > 1ULL << 30) {
                refuse(text, "two halves of whole 8-byte bursts, at most 1 GiB");
            }
        },
        [&field] { return core::format_size(field); });
}

ConfigKey& ConfigBinder::energy_per_bit(const char* name, core::EnergyPerBit& field, const char* meaning) {
    return add(
        name, "an energy per bit with its unit, e.g. 1.17 pJ/bit", meaning,
        [&field](const std::string& text) { field = core::parse_energy_per_bit(text); },
        [&field] { return core::format_energy_per_bit(field); });
}

ConfigKey& ConfigBinder::energy(const char* name, core::Energy& field, const char* meaning) {
    return add(
        name, "an energy with its unit, e.g. 69.1 nJ", meaning,
        [&field](const std::string& text) { field = core::parse_energy(text); },
        [&field] { return core::format_energy(field); });
}

ConfigKey& ConfigBinder::power(const char* name, core::Power& field, const char* meaning) {
    return add(
        name, "a power with its unit, e.g. 43 mW", meaning,
        [&field](const std::string& text) { field = core::parse_power(text); },
        [&field] { return core::format_power(field); });
}

ConfigKey& ConfigBinder::power(const char* name, std::optional<core::Power>& field, const char* meaning) {
    return add(
        name, "a power with its unit, e.g. 43 mW", meaning,
        [&field](const std::string& text) { field = core::parse_power(text); },
        [&field] { return field ? core::format_power(*field) : std::string{}; });
}

ConfigKey& ConfigBinder::voltage(const char* name, core::Voltage& field, const char* meaning) {
    return add(
        name, "a voltage with its unit, e.g. 1.2 V", meaning,
        [&field](const std::string& text) { field = core::parse_voltage(text); }, nullptr);
}

ConfigKey& ConfigBinder::current(const char* name, core::Current& field, const char* meaning) {
    return add(
        name, "a current with its unit, e.g. 55 mA", meaning,
        [&field](const std::string& text) { field = core::parse_current(text); }, nullptr);
}

ConfigKey& ConfigBinder::current(const char* name, std::optional<core::Current>& field, const char* meaning) {
    return add(
        name, "a current with its unit, e.g. 55 mA", meaning,
        [&field](const std::string& text) { field = core::parse_current(text); }, nullptr);
}

ConfigKey& ConfigBinder::bandwidth(const char* name, core::Bandwidth& field, const char* meaning) {
    return add(
        name, "a bandwidth with its unit, e.g. 15.75 GB/s", meaning,
        [&field](const std::string& text) { field = core::parse_bandwidth(text); },
        [&field] { return core::format_bandwidth(field); });
}

void ConfigBinder::technology_file() {
    add("technology", "the name of a technology file", "", nullptr, nullptr).optional();
}

void ConfigBinder::also_in(const char* section, const ConfigKey& key) {
    const std::string path = prefix_ + section;
    schema_.sections_.insert(path);
    schema_.aliases_[path + key.path.substr(prefix_.size() - 1)] = key.path;
}

memory::DatasheetCurrents& ConfigBinder::currents_of(modules::MemoryConfig& memory) {
    schema_.currents_.push_back({prefix_.substr(0, prefix_.size() - 1), memory, {}});
    return schema_.currents_.back().values;
}

ConfigKey& ConfigBinder::add(const char* name, std::string expected, const char* meaning,
                             std::function<void(const std::string&)> read,
                             std::function<std::string()> write) {
    schema_.keys_.push_back({prefix_ + name,
                             std::move(expected),
                             meaning,
                             true,
                             {},
                             {},
                             {},
                             {},
                             std::move(read),
                             std::move(write)});
    return schema_.keys_.back();
}

} // namespace hydravp::platform
