// SPDX-License-Identifier: Apache-2.0
// Quantities with their units, and back to text.
#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include "target.h"

#include <cmath>

namespace {

using namespace hydravp;

/// Whether `parse` takes the text; what it gives then survives as text.
template <class Parse, class Format, class Number>
bool reads_back(const std::string& text, const Parse& parse, const Format& format, const Number& number) {
    return fuzz::accepts<core::InputError>([&] {
        const auto value = parse(text);
        fuzz::require(std::isfinite(static_cast<double>(number(value))), "a quantity is finite");
        const std::string written = format(value);
        const bool again = fuzz::accepts<core::InputError>([&] {
            fuzz::require(number(parse(written)) == number(value), "'" + written + "' is the same value");
        });
        fuzz::require(again, "'" + written + "' is a quantity");
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = fuzz::text_of(data, size);
    const auto count = [](auto value) { return value.count(); };
    const auto bytes = [](core::Bytes value) { return value.count; };
    const auto pj = [](auto value) { return value.pj; };
    const auto watts = [](core::Power value) { return value.watts; };
    const auto rate = [](core::Bandwidth value) { return value.bytes_per_s; };
    const auto time = [](const std::string& t) { return core::parse_time(t, core::Picoseconds{2500}); };
    bool any = reads_back(text, time, core::format_time, count);
    any |= fuzz::accepts<core::InputError>([&] { core::parse_time(text); });
    any |= reads_back(text, core::parse_clock_period, core::format_time, count);
    any |= reads_back(text, core::parse_size, core::format_size, bytes);
    any |= reads_back(text, core::parse_energy, core::format_energy, pj);
    any |= reads_back(text, core::parse_energy_per_bit, core::format_energy_per_bit, pj);
    any |= reads_back(text, core::parse_power, core::format_power, watts);
    any |= reads_back(text, core::parse_area, core::format_area, [](core::Area value) { return value.mm2; });
    any |= reads_back(text, core::parse_endurance, core::format_endurance,
                      [](std::uint64_t writes) { return writes; });
    any |= reads_back(text, core::parse_bandwidth, core::format_bandwidth, rate);
    fuzz::require(core::in_quotes(text).size() <= 65, "a quotation is short");
    fuzz::refused = !any;
    return 0;
}
