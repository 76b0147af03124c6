// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/chip_timing.h"
#include "hydravp/memory/column_data.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/flipped_bits.h"
#include "hydravp/memory/internal_bus.h"
#include "hydravp/memory/leased_bank.h"
#include "hydravp/memory/modified_words.h"
#include "hydravp/memory/rank_storage.h"
#include "hydravp/memory/technology.h"
#include "hydravp/memory/write_wear.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <string>
#include <vector>

namespace hydravp::memory {

/// One memory chip: banks with their open rows, and the internal bus that all banks share. Its cells lie
/// with those of the rank's other chips in a `RankStorage`.
///
/// `unit` and `banks` are where a near-memory unit is attached; both may stay unbound. Through `unit` the
/// chip forwards the channel's accesses to the unit's registers and buffers (plain payloads with a
/// UnitAccessExtension, address = unit address, delay = time until the last data). Through `banks` the unit
/// reads and writes the leased banks: plain payloads, address = chip-local byte address ((bank * rows + row)
/// * row_bytes + column), within one row, optional UnitAccessExtension, a null data pointer moves no data.
/// That b_transport waits: it returns when the last byte has crossed the internal bus. Errors: an address
/// outside the chip, or crossing a row: ADDRESS; a bank that is not leased: COMMAND error response; byte
/// enables: BYTE_ENABLE; a write without data where its energy depends on them: GENERIC. Debug transport
/// reaches every bank, leased or not.
///
/// A unit's transfers take their turns in the order of their calls. One which follows the one before without
/// a pause into the same open row streams on: its column commands were issued under the data of the one
/// before. What the channel takes back for a refresh or an ordinary access interrupts a transfer; it opens
/// its row again afterwards and goes on. A unit does not open a row which it would have to close again at
/// once for a recall that it knows. Not modelled: t_wtr between a unit's own accesses, slots on the channel's
/// command bus for a unit's commands (its own generator issues them inside the chip).
class Chip : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::simple_initiator_socket_optional<Chip> unit{"unit"};
    tlm_utils::simple_target_socket_optional<Chip> banks{"banks"};

    /// @param cells of the rank, in which it is chip `index`
    /// @param bus   what the channel takes of the internal bus, which is the same in all chips of the rank
    Chip(const sc_core::sc_module_name& name, core::Chip index, const Technology& technology,
         const Geometry& geometry, const std::string& memory_name, RankStorage& cells,
         const InternalBus& bus);

    /// A near-memory unit is bound to either socket; known before the simulation starts.
    bool has_unit() { return unit.bind_count() > 0 || banks.get_base_port().bind_count() > 0; }
    /// Who has the internal bus; only if there is a unit to share it with.
    void trace(core::Tracer& tracer) override;

    const ChipTiming& timing() const { return timing_; }
    bool leased(core::Bank bank) const { return leases_[bank].leased; }
    const LeasedBank& lease_of(core::Bank bank) const { return leases_[bank]; }

    /// @name The lockstep side: the rank has found the times, the chip follows.
    /// @{
    void activate(core::Bank bank, core::Row row, core::Picoseconds t) {
        timing_.activate(BankOwner::channel, bank, row, t);
    }
    void precharge(core::Bank bank, core::Picoseconds t) { timing_.precharge(BankOwner::channel, bank, t); }
    /// An interrupted array write goes on.
    void resume_write(core::Bank bank, core::Picoseconds t) { timing_.resume(bank, t); }
    /// See `ChipTiming::free_from`.
    void free_from(core::Bank bank, core::Picoseconds t) { timing_.free_from(bank, t); }
    /// Of all array writes so far.
    core::Energy array_write_energy() const { return {meter_.total(accounts_.array_write)}; }
    void charge_array_write(core::Energy energy, core::LayerId layer) {
        meter_.charge(accounts_.array_write, layer, energy);
    }
    /// @name What `chips` chips of the rank do alike is charged to the first of them.
    /// @{
    void charge_activate(core::LayerId layer, std::uint32_t chips = 1);
    /// Charges the array writes of the channel's row in that bank.
    /// @param wear where they are noted, if cells wear out
    void close_row(core::Bank bank, core::Row row, WriteWear& wear, std::uint32_t chips = 1) {
        close_row(BankOwner::channel, bank, row, wear, chips);
    }
    /// Charges a run in the array without moving its data; a write marks its words.
    void access(const CommandExtension& command, std::uint32_t bursts, std::uint32_t chips = 1);
    /// @}
    /// The same of a run of which the chip moves only some bytes; returns their number.
    std::uint32_t access(const CommandExtension& command, std::uint32_t bursts, const ColumnData& data);
    /// Which bits of the channel's row the data of a write will change; before they are moved.
    void note_flips(const CommandExtension& command, const ColumnData& data);
    /// The words of the channel's row that have been written are those of `other` from now on.
    void adopt_modified(const Chip& other, core::Bank bank) {
        modified_by_channel_[bank] = other.modified_by_channel_[bank];
    }
    /// The chip has followed `other` in lockstep without keeping its own times.
    void adopt_times(const Chip& other) { timing_ = other.timing_; }
    /// Timing of a run of column commands issued at `command.issued`. What follows from it is the same in all
    /// chips of a rank: the first one keeps it for all.
    void column_access(const CommandExtension& command, std::uint32_t bursts);
    /// The run takes the internal bus.
    void take_channel_slots(const CommandExtension& command) {
        if (attached_) {
            meter_.charge(accounts_.bus, command.layer, command.data_end - command.data_begin);
            if (bus_trace_) {
                show_channel_slots(command);
            }
        }
    }
    /// Nobody will ask what the channel took of the internal bus before.
    core::Picoseconds needs_slots_from() const {
        return active_ != nullptr ? active_->cursor : core::Picoseconds::max();
    }
    /// Passes an access on to the near-memory unit, whose last data come after `delay`.
    void move_unit(tlm::tlm_generic_payload& payload, sc_core::sc_time delay);
    std::uint32_t debug_unit(tlm::tlm_generic_payload& payload) {
        return unit.size() == 0 ? 0 : unit->transport_dbg(payload);
    }
    /// Debug transport is about to write into a row of the array.
    void forget_flips(const CommandExtension& command, const ColumnData& data);
    /// Charges the changed bits of the channel's row in that bank.
    void close_flipped(core::Bank bank) { close_flipped(BankOwner::channel, bank); }
    /// What a refresh has to wait for, in all chips of the rank.
    struct RefreshTimes {
        bool precharges = false;   ///< a bank is open or leased
        core::Picoseconds stop{};  ///< the units' last data may end
        core::Picoseconds ready{}; ///< the banks that are not leased are
    };
    void find_refresh_times(RefreshTimes& times) const;
    void refresh(core::Picoseconds stop, core::Picoseconds precharge, core::Picoseconds end,
                 core::LayerId layer);
    /// The bank is closed and not leased.
    void refresh_bank(core::Bank bank, core::Picoseconds end, core::LayerId layer);

    void lease(core::Bank bank, core::Picoseconds t);
    /// When the unit's row can be closed if it gets no data after `stop`.
    core::Picoseconds earliest_release(core::Bank bank, core::Picoseconds stop) const;
    /// The same of all leased banks.
    core::Picoseconds earliest_release(core::Picoseconds stop) const;
    void release(core::Bank bank, core::Picoseconds precharge);
    void begin_recall(core::Bank bank, core::Picoseconds stop, core::Picoseconds precharge);
    void end_recall(core::Bank bank, core::Picoseconds t);
    bool recalled(core::Bank bank) const;
    /// @}

    /// Of the chip's own rows, apart from what the chips of its rank do alike.
    WriteWear& wear() { return wear_; }
    const WriteWear& wear() const { return wear_; }
    /// Charges the array writes of the unit's dirty rows; rows and timing stay as they are. For the end of a
    /// run.
    void flush();
    /// What rows of that bank that were written back have cost so far.
    core::Energy array_write_energy(core::Bank bank) const { return array_write_energy_[bank]; }
    void charge_refresh(core::LayerId layer) {
        meter_.charge(accounts_.refresh, layer, timing_.technology().refresh);
    }
    void charge_refresh_bank(core::LayerId layer) {
        meter_.charge(accounts_.refresh, layer, timing_.technology().refresh_bank);
    }
    void charge_background(core::Energy energy, core::LayerId layer) {
        meter_.charge(accounts_.background, layer, energy);
    }

private:
    struct Accounts {
        core::Meter::Account array_read, array_write, buffer_read, buffer_write, refresh, background;
        core::Meter::Account read_bytes, written_bytes, array_words, bits_set, bits_reset, bus;
        std::array<core::Meter::Account, write_causes> words;
    };
    /// The unit's transfer that has its turn.
    struct Transfer {
        bool write;
        core::Bank bank;
        core::Row row;
        std::uint32_t column;
        std::uint32_t bytes;
        std::uint32_t bursts;
        std::uint32_t done;
        core::Picoseconds cursor; ///< the next burst is not placed before
        core::LayerId layer;
        unsigned char* data;
    };
    class Turn;

    void end_of_elaboration() override;
    void show_channel_slots(const CommandExtension& command) const;
    void unit_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int unit_debug(tlm::tlm_generic_payload& payload);
    tlm::tlm_response_status check(const tlm::tlm_generic_payload& payload) const;
    void run(Transfer& transfer);
    bool open_row(Transfer& transfer, bool streams_on);
    void progress(Transfer& transfer, core::Picoseconds until);
    void write(const Transfer& transfer, std::uint32_t begin, std::uint32_t end);
    core::Picoseconds last_data(const Transfer& transfer, const Recall& recall) const;
    void pause(core::Bank bank, core::Picoseconds until);
    void settle_recall(core::Bank bank);
    void add_recall(core::Bank bank, const Recall& recall);

    void charge_buffer(bool write, std::uint32_t bursts, core::LayerId layer, std::uint32_t chips = 1);
    void charge_array_write(core::Bank bank, core::LayerId layer, core::Energy energy);
    void close_row(BankOwner owner, core::Bank bank, core::Row row, WriteWear& wear, std::uint32_t chips = 1);
    void close_unit_row(core::Bank bank) {
        close_row(BankOwner::unit, bank, timing_.bank(BankOwner::unit, bank).row, wear_);
    }
    void close_flipped(BankOwner owner, core::Bank bank);
    core::IndexedVector<core::Bank, FlippedBits>& flipped(BankOwner owner) {
        return owner == BankOwner::unit ? flipped_by_unit_ : flipped_by_channel_;
    }
    core::IndexedVector<core::Bank, ModifiedWords>& modified(BankOwner owner) {
        return owner == BankOwner::unit ? modified_by_unit_ : modified_by_channel_;
    }

    core::Chip index_;
    Geometry geometry_;
    ChipTiming timing_;
    RankStorage& cells_;
    const InternalBus& bus_;
    core::IndexedVector<core::Bank, LeasedBank> leases_;
    std::vector<core::Bank> leased_banks_;
    core::IndexedVector<core::Bank, ModifiedWords> modified_by_channel_;
    core::IndexedVector<core::Bank, ModifiedWords> modified_by_unit_;
    core::IndexedVector<core::Bank, core::Energy> array_write_energy_;
    core::IndexedVector<core::Bank, FlippedBits> flipped_by_channel_; ///< empty: nobody pays for them
    core::IndexedVector<core::Bank, FlippedBits> flipped_by_unit_;    ///< likewise
    std::vector<unsigned char> old_;                                  ///< scratch
    WriteWear wear_;
    core::Meter meter_{"meter"};
    Accounts accounts_{};
    tlm::tlm_fw_transport_if<>* unit_ = nullptr; ///< behind the socket, looked up once
    bool attached_ = false;
    core::TraceSignal bus_trace_;
    std::vector<InternalBus::Interval> unit_bursts_; ///< scratch

    Transfer* active_ = nullptr;
    std::uint64_t next_ticket_ = 0;
    std::uint64_t turn_ = 0;
    core::Picoseconds last_transfer_end_{-1};
    sc_core::sc_event turn_changed_{"turn_changed"};
    sc_core::sc_event recalled_{"recalled"}; ///< or the time has come for which the transfer waits
};

} // namespace hydravp::memory
