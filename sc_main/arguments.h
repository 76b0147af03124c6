// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/core/units.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>
#include <string>
#include <system_error>
#include <vector>

/// The configuration that is used when none is named: in the source tree, or beside the installed program.
/// Throws core::InputError if there is none.
std::string find_default_platform(const std::string& name = "hydra.yaml");

/// The value of an option; throws core::InputError if it is no number or below `smallest`.
/// CLI11's own conversion wraps negative numbers and clamps large ones.
template <class Number>
Number parse_whole_number(const char* option, const std::string& text, Number smallest) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < smallest) {
        throw hydravp::core::InputError(fmt::format("{}: found {}, expected a whole number, at least {}",
                                                    option, hydravp::core::in_quotes(text), smallest));
    }
    return value;
}

hydravp::core::Picoseconds parse_time(const char* option, const std::string& text);
/// A time or a frequency, above zero.
hydravp::core::Picoseconds parse_clock_period(const char* option, const std::string& text);

/// The option --set of a command.
void add_overrides(CLI::App& command, std::vector<std::string>& overrides);
/// The option --batch of a command; `apply_batch` makes an override of it that wins.
void add_batch(CLI::App& command, std::string& batch);
void apply_batch(const std::string& batch, std::vector<std::string>& overrides);
