// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace hydravp::memory {

/// Which cells of a row an array write is charged for when a dirty row is closed.
enum class ArrayWritePolicy {
    modified_words, ///< only the 16-bit words written since the row was opened
    whole_row,      ///< every word of the row
    flipped_bits    ///< only the bits of written words whose values have changed; needs data
};

/// Prefix of a memory's accounts in the results.
enum class MemoryKind { dram, pcm };
inline const char* to_string(MemoryKind kind) {
    return kind == MemoryKind::dram ? "dram" : "pcm";
}

/// Timing and energy of one memory technology, per chip. Every value comes from a file in configs/memory,
/// which names its source.
struct Technology {
    std::string name;
    MemoryKind kind = MemoryKind::dram;
    core::Picoseconds t_ck{};        ///< command clock period; 0 (ideal transfers) means no clock grid
    core::Picoseconds t_rcd{};       ///< activate to column command
    core::Picoseconds t_cl{};        ///< read command to first data
    core::Picoseconds t_wl{};        ///< write command to first data
    core::Picoseconds t_ccd{};       ///< column command to column command
    core::Picoseconds t_burst{};     ///< one burst on the data bus; 0: t_ccd
    core::Picoseconds t_wr{};        ///< last write data to precharge
    core::Picoseconds t_rtp{};       ///< read command to precharge
    core::Picoseconds t_rp{};        ///< precharge to activate, the same bank
    core::Picoseconds t_ras{};       ///< activate to precharge, the same bank
    core::Picoseconds t_rc{};        ///< activate to activate, the same bank
    core::Picoseconds t_rrd{};       ///< activate to activate, different banks
    core::Picoseconds t_rrd_pre{};   ///< precharge to precharge, different banks; 0: no such rule
    core::Picoseconds t_faw{};       ///< window that holds at most four activates; 0: no such rule
    core::Picoseconds t_wtr{};       ///< last write data to read command, the same rank
    core::Picoseconds t_ccd_l{};     ///< t_ccd within a bank group; 0: no other than t_ccd
    core::Picoseconds t_rrd_l{};     ///< t_rrd within a bank group; 0: no other than t_rrd
    core::Picoseconds t_wtr_l{};     ///< t_wtr within a bank group; 0: no other than t_wtr
    core::Picoseconds t_rtrs{};      ///< gap on the data bus when the rank or the direction changes
    core::Picoseconds t_refi{};      ///< mean interval of refresh commands; 0: needs no refresh
    core::Picoseconds t_rfc{};       ///< refresh to activate
    core::Picoseconds t_rfc_pb{};    ///< the same of a refresh of one bank; 0: it can only refresh all banks
    core::Picoseconds t_cke{};       ///< shortest stay in power-down or self-refresh; 0: it has neither
    core::Picoseconds t_xp{};        ///< end of power-down to the first command
    core::Picoseconds t_xs{};        ///< end of self-refresh to the first command
    core::EnergyPerBit array_read;   ///< charged per bit of the row when it is opened
    core::EnergyPerBit array_write;  ///< charged per bit written back when a dirty row is closed
    core::EnergyPerBit array_set;    ///< per bit that goes from 0 to 1, flipped_bits only; 0: array_write
    core::EnergyPerBit array_reset;  ///< the same from 1 to 0
    core::EnergyPerBit buffer_read;  ///< per bit read from the row buffer
    core::EnergyPerBit buffer_write; ///< per bit written into the row buffer
    core::Power background;          ///< of one chip with all banks closed (precharge standby)
    std::optional<core::Power> active_standby;    ///< of one chip with a row open; none: as `background`
    std::optional<core::Power> power_down;        ///< of one chip, all banks closed; none: as `background`
    std::optional<core::Power> active_power_down; ///< of one chip with a row open; none: as standby
    std::optional<core::Power>
        self_refresh;          ///< of one chip, its own refreshes counted; none: as `power_down`
    core::Energy refresh;      ///< one refresh command, one chip
    core::Energy refresh_bank; ///< one refresh command of one bank, one chip
    ArrayWritePolicy array_write_policy = ArrayWritePolicy::modified_words;
    /// Steps of equal length of an array write, which may pause between two of them.
    std::uint32_t write_iterations = 1;
    /// Share of an array write up to which it may be cancelled; 0: it can't be.
    double write_cancel_threshold = 0;
    std::uint64_t endurance = 0; ///< writes that a cell survives; 0: no limit, and none are counted

    core::EnergyPerBit set_energy() const { return array_set.pj > 0 ? array_set : array_write; }
    core::EnergyPerBit reset_energy() const { return array_reset.pj > 0 ? array_reset : array_write; }
    /// What writes cost depends on the values of the data.
    bool energy_needs_data() const { return array_write_policy == ArrayWritePolicy::flipped_bits; }
    /// See `InterruptibleWrites`.
    bool interruptible_writes() const { return write_iterations > 1 || write_cancel_threshold > 0; }
    /// One burst on the data bus.
    core::Picoseconds burst_time() const { return t_burst.count() > 0 ? t_burst : t_ccd; }
    /// From column command to column command in one bank, as in a run.
    core::Picoseconds column_cycle() const { return std::max(t_ccd, t_ccd_l); }
};

/// Shape of one memory channel.
struct Geometry {
    std::uint32_t ranks = 1;
    std::uint32_t chips_per_rank = 8;
    std::uint32_t banks = 16;       ///< per rank
    std::uint32_t row_bytes = 1024; ///< per chip
    std::uint32_t rows = 32768;     ///< per bank
    std::uint32_t bank_groups = 1;  ///< of consecutive banks, equally large; 1: no groups
    std::uint32_t device_bits = 8;  ///< data lines of a chip
    std::uint32_t burst_length = 8; ///< transfers of one column access

    /// Per chip and column access.
    std::uint32_t burst_bytes() const { return device_bits * burst_length / 8; }
    std::uint32_t banks_per_group() const { return banks / bank_groups; }
    std::uint64_t chip_bytes() const { return std::uint64_t{banks} * rows * row_bytes; }
    std::uint64_t rank_bytes() const { return chip_bytes() * chips_per_rank; }
    std::uint64_t channel_bytes() const { return rank_bytes() * ranks; }
    std::uint32_t bursts_per_row() const { return row_bytes / burst_bytes(); }
};

} // namespace hydravp::memory
