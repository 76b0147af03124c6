// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/chip_interleave.h"

#include <tlm>

#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

enum class CommandKind {
    activate,
    precharge,
    read,         ///< `bursts` column reads of consecutive columns, a column cycle apart
    write,        ///< likewise
    refresh,      ///< precharge-all and all-bank refresh of the rank; recalls leases for its duration
    refresh_bank, ///< refresh of one precharged bank; not of a leased one
    power_down,   ///< of the rank; nothing but power_up may follow. Not with leases, as the next
    self_refresh, ///< of the rank, all banks precharged
    power_up,     ///< ends either
    lease,        ///< hands the precharged bank of the selected chips to their near-memory units
    release,      ///< takes it back; the bank comes back precharged
    pause_write,  ///< the bank's array write stops at the end of its step; see `InterruptibleWrites`
    cancel_write, ///< it stops at once, and will begin anew; its energy so far is charged to `layer`
    resume_write  ///< an interrupted write goes on; the row that is open is dropped
};

/// Where a column access goes: to the cells, or to the registers and buffers of the chip's near-memory unit.
enum class AccessSpace { array, unit };

/// Mask of the first `chips` chips of a rank.
constexpr std::uint32_t first_chips(std::uint32_t chips) {
    return chips >= 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << chips) - 1;
}

/// Why words are written; each write counter is split by it.
enum class WriteCause { activation, pool, partial_sum, migration, host };
constexpr std::size_t write_causes = 5;
const char* to_string(WriteCause cause);

/// The command protocol between a channel controller and a `Channel`, carried as a TLM extension.
///
/// One payload stands for one command, or for a run of column commands to the same row. The initiator sets
/// everything up to `earliest`; the channel issues the command at the first moment at or after `earliest` at
/// which every chip, the command grid and the data bus allow it, and reports the times it took. A command
/// that is illegal in the present state (reading a closed bank, touching a leased one) gets
/// TLM_COMMAND_ERROR_RESPONSE.
///
/// The payload's data is laid out chip by chip: the bytes of chip i (counted within the rank) start at
/// data + i * chip_stride. Or it is interleaved: `interleaved_bytes` bytes, the first of them of chip `lane`,
/// and `bytes` beats that hold them. A null data pointer runs the command without data ("timing" mode). Byte
/// enables, where there are any, are laid out like the data, byte for byte.
class CommandExtension : public tlm::tlm_extension<CommandExtension> {
public:
    CommandKind kind = CommandKind::read;
    AccessSpace space = AccessSpace::array;
    core::Rank rank;
    core::Bank bank;
    core::Row row;
    std::uint32_t column =
        0;                  ///< byte offset of the first burst within the chip's row, a multiple of the burst
    std::uint32_t skip = 0; ///< bytes of the first burst that are masked (not written, not returned)
    std::uint32_t bytes = 0; ///< bytes per chip to move after `skip`; the bus always carries whole bursts
    std::uint64_t unit_address = 0; ///< space == unit: byte address within the unit
    std::uint32_t chips = 0xFF;     ///< mask of the chips whose data matter; the others see a masked burst
    DataLayout layout = DataLayout::chip_by_chip; ///< interleaved: of the array, all chips
    std::size_t chip_stride = 0;                  ///< chip by chip
    std::uint32_t lane = 0;                       ///< interleaved: chip of the first byte
    std::uint32_t interleaved_bytes = 0;          ///< interleaved: all chips together
    core::LayerId layer = core::no_layer;
    WriteCause cause = WriteCause::host;
    /// release: takes the bank from units that are at work in it; they go on after the next lease with
    /// `recall`.
    bool recall = false;
    core::Picoseconds earliest{};
    /// `earliest` may lie in the past, not before that of the command before it: the initiator catches up.
    bool settled = false;
    /// The initiator keeps the timing rules itself: `issued` and `last_issued` are its own, and the channel,
    /// which has no near-memory units, takes them as they are; it adds no delay to the call. All commands to
    /// a rank are placed, or none.
    bool placed = false;

    core::Picoseconds issued{}; ///< out: time of the first command; refresh: of the precharge-all before it
    core::Picoseconds
        last_issued{}; ///< out: time of the last command of a run; refresh: of the refresh itself
    core::Picoseconds data_begin{}; ///< out: the channel's data bus is occupied from here
    /// Out: to here. Without data, when the bank (refresh: the rank) may be activated; lease: by the unit.
    /// pause_write, cancel_write: when the bank may be activated; resume_write: when the write will be done.
    /// Activate: when a column command may follow; power_up: any command; power_down, self_refresh: power_up.
    core::Picoseconds data_end{};

    /// @param burst_bytes a power of two
    std::uint32_t bursts(std::uint32_t burst_bytes) const {
        return (skip + bytes + burst_bytes - 1) >> __builtin_ctz(burst_bytes);
    }

    tlm_extension_base* clone() const override { return new CommandExtension(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const CommandExtension&>(other);
    }
};

/// Attribution of an access that a near-memory unit makes to its own chip's banks.
class UnitAccessExtension : public tlm::tlm_extension<UnitAccessExtension> {
public:
    core::LayerId layer = core::no_layer;
    WriteCause cause = WriteCause::host;

    tlm_extension_base* clone() const override { return new UnitAccessExtension(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const UnitAccessExtension&>(other);
    }
};

/// A payload between a chip and its near-memory unit, in either direction, to be used again and again: its
/// extension comes and goes with it.
class UnitAccessPayload : public tlm::tlm_generic_payload {
public:
    UnitAccessPayload() { set_extension(&attribution); }
    ~UnitAccessPayload() override { clear_extension(&attribution); } // which would be deleted otherwise
    UnitAccessPayload(const UnitAccessPayload&) = delete;
    UnitAccessPayload& operator=(const UnitAccessPayload&) = delete;

    /// All attributes but the data and the attribution; an access without a response yet.
    void begin(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes) {
        set_command(command);
        set_address(address);
        set_data_length(bytes);
        set_streaming_width(bytes);
        set_dmi_allowed(false);
        set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    }

    UnitAccessExtension attribution;
};

} // namespace hydravp::memory
