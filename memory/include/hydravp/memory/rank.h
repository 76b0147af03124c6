// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/chip.h"
#include "hydravp/memory/column_data.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/command_bus.h"
#include "hydravp/memory/data_bus.h"
#include "hydravp/memory/interruptible_writes.h"
#include "hydravp/memory/power_residency.h"
#include "hydravp/memory/rank_storage.h"
#include "hydravp/memory/technology.h"

#include <systemc>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::memory {

/// The chips of one rank in lockstep: a command is issued when the last of them allows it.
class Rank : public sc_core::sc_module, public core::BackgroundConsumer, public core::Traceable {
public:
    /// The buses are the channel's.
    Rank(const sc_core::sc_module_name& name, core::Rank index, const Technology& technology,
         const Geometry& geometry, const std::string& memory_name, CommandBus& commands, DataBus& data);

    Chip& chip(core::Chip chip) { return *chips_[chip]; }

    /// Issues the command, sets its times; bank, row and column are in range. Returns the response and leaves
    /// the state as it was if the command is illegal.
    tlm::tlm_response_status issue(CommandExtension& command);
    /// The same for a command that the initiator has placed (`CommandExtension::placed`).
    tlm::tlm_response_status follow(CommandExtension& command);
    /// The data of a read or write that has been issued; `moved` is the sum over the chips.
    tlm::tlm_response_status move(const CommandExtension& command, unsigned char* data,
                                  const unsigned char* enables, std::uint64_t& moved);
    std::uint64_t debug(const CommandExtension& command, bool write, unsigned char* data);
    /// The row as interleaved host memory, until it is taken back; null if that can't be now: the bank is
    /// leased, its waveform is traced, or the energy depends on the data.
    unsigned char* share(core::Bank bank, core::Row row);
    void on_taken_back(RankStorage::TakenBack function) { cells_.on_taken_back(std::move(function)); }
    void flush();
    /// What the cells have been through; nothing if the technology has no endurance.
    WearSummary wear() const;
    /// Charges the background energy of all chips, by the states that the rank has been in.
    void charge_background(core::Picoseconds duration, core::LayerId layer) override;

    /// State, open row and lease of every bank as the channel knows them. A row that a unit opens in a
    /// leased bank is not among them.
    void trace(core::Tracer& tracer) override;

private:
    struct BankTrace {
        core::TraceSignal state, row, leased_chips;
    };
    tlm::tlm_response_status execute(CommandExtension& command);
    tlm::tlm_response_status follow_row(CommandExtension& command);
    tlm::tlm_response_status follow_rank(CommandExtension& command);
    void show(const CommandExtension& command) const;
    void show_refresh(const CommandExtension& command) const;
    void begin_unit_access(const CommandExtension& command, bool write);
    std::uint64_t move_in_array(const CommandExtension& command, unsigned char* data,
                                const unsigned char* enables);
    void copy(const CommandExtension& command, const ColumnData& bytes, bool write);
    void close_rows(core::Bank bank);
    void charge_open_row(core::Bank bank);
    core::Energy array_write_energy() const;
    tlm::tlm_response_status interrupt_write(CommandExtension& command);
    tlm::tlm_response_status resume_write(CommandExtension& command);
    void free_bank(core::Bank bank, core::Picoseconds t);
    std::uint32_t leased_chips(core::Bank bank) const;
    tlm::tlm_response_status activate(CommandExtension& command);
    tlm::tlm_response_status precharge(CommandExtension& command);
    tlm::tlm_response_status column_access(CommandExtension& command);
    void occupy_internal_buses(const CommandExtension& command);
    tlm::tlm_response_status refresh(CommandExtension& command);
    tlm::tlm_response_status refresh_bank(CommandExtension& command);
    tlm::tlm_response_status sleep(CommandExtension& command);
    tlm::tlm_response_status wake(CommandExtension& command);
    void note_power(const CommandExtension& command);
    tlm::tlm_response_status lease(CommandExtension& command);
    tlm::tlm_response_status release(CommandExtension& command);
    /// Chips without units that were never leased have the same times: then the first keeps them for all.
    void keep_times_per_chip();
    std::size_t timed_chips() const { return per_chip_ ? chips_.size() : 1; }
    Chip& timed_chip(std::size_t i) { return *chips_[core::Chip{i}]; }
    const Chip& timed_chip(std::size_t i) const { return *chips_[core::Chip{i}]; }
    void start_of_simulation() override;
    /// Leased and not taken back for the moment.
    bool in_unit_hands(core::Bank bank) const;
    template <class Function>
    void for_each_selected(const CommandExtension& command, Function function) {
        for (std::size_t i = 0; i < chips_.size(); ++i) {
            if ((command.chips >> i & 1u) != 0) {
                function(*chips_[core::Chip{i}], i * command.chip_stride);
            }
        }
    }

    core::Rank index_;
    Technology technology_;
    Geometry geometry_;
    CommandBus& commands_;
    DataBus& data_;
    RankStorage cells_;
    UnitAccessPayload unit_access_; ///< goes to one chip's unit after the other
    InternalBus internal_bus_;      ///< what the channel takes of it, in every chip
    core::IndexedVector<core::Chip, std::unique_ptr<Chip>> chips_;
    bool per_chip_ = false;
    /// A bank as the placed commands have left it.
    struct PlacedBank {
        bool open = false;
        core::Row row;
        core::Picoseconds activate_ready{}; ///< but for the precharge of an open row
    };
    enum class PlacedBy { nobody, channel, initiator };
    PlacedBy placed_by_ = PlacedBy::nobody;
    core::IndexedVector<core::Bank, PlacedBank> placed_banks_;
    core::Picoseconds read_data_, write_data_; ///< from the command to the end of one burst
    bool asleep_ = false;
    bool in_self_refresh_ = false;
    core::Picoseconds power_ready_{}; ///< asleep: of power_up; else of any other command
    std::uint32_t open_banks_ = 0;
    std::uint32_t leases_ = 0; ///< a leased bank counts as open
    PowerResidency residency_;
    InterruptibleWrites writes_;                                 ///< of the channel
    core::IndexedVector<core::Bank, core::Energy> write_energy_; ///< of each bank's last array write
    WriteWear lockstep_wear_;                                    ///< what all chips have done alike
    /// By bank: the chips' channel rows have not all been written alike since they were opened.
    core::IndexedVector<core::Bank, char> rows_differ_;
    core::IndexedVector<core::Bank, BankTrace> bank_traces_; ///< empty: not traced
};

} // namespace hydravp::memory
