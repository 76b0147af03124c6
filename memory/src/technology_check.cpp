// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/technology_check.h"

#include "hydravp/core/quantity.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace hydravp::memory {
namespace {

using core::format_time;
using core::Picoseconds;

/// Two memories and a window of registers fit the 48 bits of a system address.
constexpr int largest_memory_bits = 46;
constexpr std::uint32_t most_chips = 32; // a mask of chips has 32 bits

bool is_power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

} // namespace

void check_geometry(const Geometry& g, std::uint32_t channels, const ReportValue& report) {
    bool whole = true;
    const auto expect = [&](bool holds, const char* key, const std::string& found,
                            const std::string& expected) {
        if (!holds) {
            report(key, fmt::format("found {}, expected {}", found, expected));
            whole = false;
        }
    };
    const auto number = [](std::uint32_t n) { return std::to_string(n); };
    expect(is_power_of_two(g.ranks), "ranks", number(g.ranks), "a power of two");
    expect(is_power_of_two(g.chips_per_rank) && g.chips_per_rank <= most_chips, "chips_per_rank",
           number(g.chips_per_rank), fmt::format("a power of two, at most {}", most_chips));
    expect(is_power_of_two(g.banks), "banks", number(g.banks), "a power of two");
    expect(is_power_of_two(g.rows), "rows", number(g.rows), "a power of two");
    expect(is_power_of_two(g.bank_groups) && g.banks % g.bank_groups == 0, "bank_groups",
           number(g.bank_groups), fmt::format("a power of two that divides banks = {}", g.banks));
    expect(is_power_of_two(g.device_bits) && g.device_bits >= 4 && g.device_bits <= 128, "device_bits",
           number(g.device_bits), "4, 8, 16, 32, 64 or 128");
    expect(is_power_of_two(g.burst_length) && g.burst_length >= 2 && g.burst_length <= 64, "burst_length",
           number(g.burst_length), "a power of two from 2 to 64");
    if (!whole) {
        return;
    }
    expect(is_power_of_two(g.row_bytes) && g.row_bytes >= g.burst_bytes(), "row_size",
           core::format_size({g.row_bytes}),
           fmt::format("a power of two, at least {} B, a burst of {} transfers of {} bits", g.burst_bytes(),
                       g.burst_length, g.device_bits));
    double bits = 0; // cannot overflow
    for (const std::uint32_t n : {channels, g.ranks, g.chips_per_rank, g.banks, g.rows, g.row_bytes}) {
        bits += n == 0 ? 0 : std::log2(n);
    }
    expect(bits <= largest_memory_bits, "rows", fmt::format("a memory of 2^{} B", static_cast<int>(bits)),
           fmt::format("at most 2^{} B", largest_memory_bits));
}

void check_timing(const Technology& t, const ReportValue& report) {
    const auto at_least = [&](const char* key, Picoseconds value, Picoseconds bound, const char* reason) {
        if (value < bound) {
            report(key, fmt::format("found {}, expected at least {} = {}", format_time(value), reason,
                                    format_time(bound)));
        }
    };
    const auto none_or_at_least = [&](const char* key, Picoseconds value, Picoseconds bound,
                                      const char* reason) {
        if (value.count() != 0) {
            at_least(key, value, bound, reason);
        }
    };
    at_least("timing.t_ccd", t.t_ccd, t.t_ck, "t_ck");
    at_least("timing.t_ccd", t.t_ccd, t.t_burst, "t_burst");
    none_or_at_least("timing.t_burst", t.t_burst, t.t_ck, "t_ck");
    at_least("timing.t_ras", t.t_ras, t.t_rcd, "t_rcd");
    at_least("timing.t_rc", t.t_rc, t.t_ras + t.t_rp, "t_ras + t_rp");
    none_or_at_least("timing.t_faw", t.t_faw, t.t_rrd, "t_rrd");
    none_or_at_least("timing.t_ccd_l", t.t_ccd_l, t.t_ccd, "t_ccd");
    none_or_at_least("timing.t_rrd_l", t.t_rrd_l, t.t_rrd, "t_rrd");
    none_or_at_least("timing.t_wtr_l", t.t_wtr_l, t.t_wtr, "t_wtr");
    none_or_at_least("timing.t_xs", t.t_xs, t.t_xp, "t_xp");
    if (t.t_rfc_pb > t.t_rfc) {
        report("timing.t_rfc_pb", fmt::format("found {}, expected at most t_rfc = {}",
                                              format_time(t.t_rfc_pb), format_time(t.t_rfc)));
    }
    constexpr std::uint32_t most_write_iterations = 1024;
    if (t.write_iterations == 0 || t.write_iterations > most_write_iterations) {
        report("timing.write_iterations", fmt::format("found {}, expected a whole number from 1 to {}",
                                                      t.write_iterations, most_write_iterations));
    }
    if (!(t.write_cancel_threshold >= 0 && t.write_cancel_threshold <= 1)) {
        report("timing.write_cancel_threshold",
               fmt::format("found {}, expected a share from 0 to 1", t.write_cancel_threshold));
    }
    if (t.interruptible_writes() && t.t_refi.count() != 0) {
        report(t.write_iterations > 1 ? "timing.write_iterations" : "timing.write_cancel_threshold",
               "found array writes that can be interrupted, expected none in a memory with refresh");
    }
    if (t.t_refi.count() != 0 && t.t_refi <= t.t_rfc + t.t_rc) {
        report("timing.t_refi", fmt::format("found {}, expected 0 ns or more than t_rfc + t_rc = {}",
                                            format_time(t.t_refi), format_time(t.t_rfc + t.t_rc)));
    }
}

void check_currents(const DatasheetCurrents& i, const Technology& t, const ReportValue& report) {
    const auto milliamps = [](core::Current current) { return fmt::format("{:.6g} mA", current.amps * 1e3); };
    const auto at_least = [&](const char* key, core::Current value, core::Current bound, const char* reason) {
        if (value.amps < bound.amps) {
            report(key, fmt::format("found {}, expected at least {} = {}", milliamps(value), reason,
                                    milliamps(bound)));
        }
    };
    if (i.vdd.volts <= 0) {
        report("currents.vdd", "found 0 V, expected a voltage above zero");
    }
    at_least("currents.idd2n", i.idd2n, i.idd2p.value_or(i.idd2n), "idd2p");
    at_least("currents.idd3n", i.idd3n, i.idd2n, "idd2n");
    at_least("currents.idd3n", i.idd3n, i.idd3p.value_or(i.idd3n), "idd3p");
    at_least("currents.idd4r", i.idd4r, i.idd3n, "idd3n");
    at_least("currents.idd4w", i.idd4w, i.idd3n, "idd3n");
    if (t.t_rc.count() > 0) {
        const double open = static_cast<double>(t.t_ras.count()) / static_cast<double>(t.t_rc.count());
        at_least("currents.idd0", i.idd0, {i.idd3n.amps * open + i.idd2n.amps * (1 - open)},
                 "the mean standby current of a row cycle");
    }
    if (t.t_refi.count() > 0) {
        at_least("currents.idd5", i.idd5, i.idd3n, "idd3n");
    }
    at_least("currents.idd5_pb", i.idd5_pb.value_or(i.idd3n), i.idd3n, "idd3n");
}

} // namespace hydravp::memory
