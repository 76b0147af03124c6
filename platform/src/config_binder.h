// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include "config_schema.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hydravp::platform {

/// Adds keys to a schema, each bound to its field: what its text must be, how it is read and written.
class ConfigBinder {
public:
    explicit ConfigBinder(ConfigSchema& schema) : schema_(schema) {}

    template <class Body>
    void section(const char* name, const Body& body) {
        const std::string outer = prefix_;
        schema_.sections_.insert(prefix_ + name);
        prefix_ += std::string(name) + '.';
        body();
        prefix_ = outer;
    }

    ConfigKey& text(const char* name, std::string& field, const char* meaning);

    /// Fields of an address; whether they fit the geometry is not known here.
    ConfigKey& mapping(const char* name, std::string& field, const char* meaning);

    template <class Value>
    ConfigKey& choice(const char* name, Value& field, std::vector<std::pair<std::string, Value>> values,
                      const char* meaning) {
        std::string expected;
        for (std::size_t i = 0; i < values.size(); ++i) {
            expected += i == 0 ? "" : i + 1 == values.size() ? " or " : ", ";
            expected += values[i].first;
        }
        return add(
            name, expected, meaning,
            [&field, values, expected](const std::string& text) {
                for (const auto& [label, value] : values) {
                    if (label == text) {
                        field = value;
                        return;
                    }
                }
                throw core::InputError("found " + core::in_quotes(text) + ", expected " + expected);
            },
            [&field, values] {
                for (const auto& [label, value] : values) {
                    if (value == field) {
                        return label;
                    }
                }
                return std::string{};
            });
    }

    ConfigKey& count(const char* name, std::uint32_t& field, const char* meaning);
    ConfigKey& depth(const char* name, std::uint32_t& field, const char* meaning);
    ConfigKey& power_of_two(const char* name, std::uint32_t& field, const char* meaning);
    ConfigKey& power_of_two_or_zero(const char* name, std::uint32_t& field, const char* meaning);
    ConfigKey& number(const char* name, std::uint32_t& field,
                      const std::function<bool(std::uint32_t)>& is_allowed, const std::string& expected,
                      const char* meaning);
    ConfigKey& fraction(const char* name, double& field, const char* meaning);
    ConfigKey& clock(const char* name, core::Picoseconds& field, const char* meaning);
    ConfigKey& time(const char* name, core::Picoseconds& field, const char* meaning);

    /// A time that may also be given in cycles of `clock`, a key before it.
    ConfigKey& time(const char* name, core::Picoseconds& field, const core::Picoseconds& clock,
                    const char* meaning);

    ConfigKey& size(const char* name, std::uint32_t& field, const char* meaning);
    ConfigKey& size(const char* name, core::Bytes& field, const char* meaning);
    ConfigKey& buffer(const char* name, core::Bytes& field, const char* meaning);
    ConfigKey& energy_per_bit(const char* name, core::EnergyPerBit& field, const char* meaning);
    ConfigKey& energy(const char* name, core::Energy& field, const char* meaning);
    ConfigKey& power(const char* name, core::Power& field, const char* meaning);
    ConfigKey& power(const char* name, std::optional<core::Power>& field, const char* meaning);
    ConfigKey& voltage(const char* name, core::Voltage& field, const char* meaning);
    ConfigKey& current(const char* name, core::Current& field, const char* meaning);
    ConfigKey& current(const char* name, std::optional<core::Current>& field, const char* meaning);
    ConfigKey& bandwidth(const char* name, core::Bandwidth& field, const char* meaning);

    /// A number from `lowest` to `highest`.
    ConfigKey& real(const char* name, double& field, double lowest, double highest, const char* meaning);

    /// A quantity of any type, by the functions that read and write its text.
    template <class Value>
    ConfigKey& quantity(const char* name, Value& field, const std::string& expected,
                        Value (*parse)(std::string_view), std::string (*format)(Value), const char* meaning) {
        return add(
            name, expected, meaning, [&field, parse](const std::string& text) { field = parse(text); },
            [&field, format] { return format(field); });
    }

    /// The name of a file with more keys of this section; the reader opens it.
    void technology_file();

    /// Lets a key of this section stand in a section within it, too.
    void also_in(const char* section, const ConfigKey& key);
    /// Currents from which the energies of `memory`, the section that the binder is in, derive.
    memory::DatasheetCurrents& currents_of(modules::MemoryConfig& memory);

private:
    ConfigKey& add(const char* name, std::string expected, const char* meaning,
                   std::function<void(const std::string&)> read, std::function<std::string()> write);

    ConfigSchema& schema_;
    std::string prefix_; ///< of the paths of keys: the section and a dot
};

} // namespace hydravp::platform
