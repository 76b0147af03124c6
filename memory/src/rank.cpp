// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/rank.h"

#include "hydravp/core/time.h"
#include "hydravp/memory/clock_grid.h"

#include <algorithm>
#include <string>

namespace hydravp::memory {

using core::Bank;
using core::Picoseconds;

Rank::Rank(const sc_core::sc_module_name& name, core::Rank index, const Technology& technology,
           const Geometry& geometry, const std::string& memory_name, CommandBus& commands, DataBus& data)
    : sc_core::sc_module(name),
      index_(index),
      technology_(technology),
      geometry_(geometry),
      commands_(commands),
      data_(data),
      cells_(geometry),
      internal_bus_(technology.burst_time(), technology.t_ck),
      placed_banks_(geometry.banks),
      read_data_(technology.t_cl + technology.burst_time()),
      write_data_(technology.t_wl + technology.burst_time()),
      writes_(technology, geometry.banks),
      write_energy_(geometry.banks),
      lockstep_wear_(geometry.row_bytes),
      rows_differ_(geometry.banks, false) {
    for (std::uint32_t i = 0; i < geometry.chips_per_rank; ++i) {
        const std::string chip_name = "chip" + std::to_string(i);
        chips_.push_back(std::make_unique<Chip>(chip_name.c_str(), core::Chip{i}, technology, geometry,
                                                memory_name, cells_, internal_bus_));
    }
}

void Rank::start_of_simulation() {
    if (std::any_of(chips_.begin(), chips_.end(), [](const auto& chip) { return chip->has_unit(); })) {
        keep_times_per_chip();
    }
}

void Rank::keep_times_per_chip() {
    for (std::size_t i = 1; i < chips_.size() && !per_chip_; ++i) {
        timed_chip(i).adopt_times(timed_chip(0));
    }
    per_chip_ = true;
}

tlm::tlm_response_status Rank::issue(CommandExtension& command) {
    if (asleep_ != (command.kind == CommandKind::power_up) || placed_by_ == PlacedBy::initiator) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (writes_.on() && !writes_.allows(command, command.bank.value())) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    placed_by_ = PlacedBy::channel;
    command.earliest = std::max(command.earliest, power_ready_);
    const tlm::tlm_response_status status = execute(command);
    if (status == tlm::TLM_OK_RESPONSE) {
        note_power(command);
        if (writes_.on()) {
            writes_.note(command, command.bank.value());
        }
    }
    if (!bank_traces_.empty() && status == tlm::TLM_OK_RESPONSE) {
        show(command);
    }
    return status;
}

tlm::tlm_response_status Rank::execute(CommandExtension& command) {
    switch (command.kind) {
    case CommandKind::activate:
        return activate(command);
    case CommandKind::precharge:
        return precharge(command);
    case CommandKind::read:
    case CommandKind::write:
        return column_access(command);
    case CommandKind::refresh:
        return refresh(command);
    case CommandKind::refresh_bank:
        return refresh_bank(command);
    case CommandKind::power_down:
    case CommandKind::self_refresh:
        return sleep(command);
    case CommandKind::power_up:
        return wake(command);
    case CommandKind::lease:
        return lease(command);
    case CommandKind::release:
        return release(command);
    case CommandKind::pause_write:
    case CommandKind::cancel_write:
        return interrupt_write(command);
    case CommandKind::resume_write:
        return resume_write(command);
    }
    return tlm::TLM_COMMAND_ERROR_RESPONSE;
}

// -------------------------------------------------------------------------------------- placed commands

tlm::tlm_response_status Rank::follow(CommandExtension& command) {
    if (asleep_ != (command.kind == CommandKind::power_up) || placed_by_ == PlacedBy::channel || per_chip_) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (writes_.on() && !writes_.allows(command, command.bank.value())) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    placed_by_ = PlacedBy::initiator;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    if (command.kind == CommandKind::read || command.kind == CommandKind::write) {
        const PlacedBank& bank = placed_banks_[command.bank];
        if (command.space != AccessSpace::array || !bank.open || bank.row != command.row) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        const bool write = command.kind == CommandKind::write;
        command.data_begin = command.issued + (write ? technology_.t_wl : technology_.t_cl);
        command.data_end = command.last_issued + (write ? write_data_ : read_data_);
    } else {
        const bool of_row = command.kind == CommandKind::activate || command.kind == CommandKind::precharge;
        status = of_row ? follow_row(command) : follow_rank(command);
        if (status == tlm::TLM_OK_RESPONSE) {
            note_power(command);
        }
    }
    if (writes_.on() && status == tlm::TLM_OK_RESPONSE) {
        writes_.note(command, command.bank.value());
    }
    if (!bank_traces_.empty() && status == tlm::TLM_OK_RESPONSE) {
        show(command);
    }
    return status;
}

tlm::tlm_response_status Rank::follow_row(CommandExtension& command) {
    PlacedBank& bank = placed_banks_[command.bank];
    if (command.kind == CommandKind::activate) {
        if (bank.open) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        bank = {true, command.row, command.issued + technology_.t_rc};
        chips_.front()->charge_activate(command.layer, geometry_.chips_per_rank);
        command.data_end = command.issued + technology_.t_rcd;
    } else {
        if (bank.open) {
            bank.open = false;
            bank.activate_ready = std::max(bank.activate_ready, command.issued + technology_.t_rp);
            --open_banks_;
        }
        close_rows(command.bank);
        command.data_end = std::max(bank.activate_ready, command.issued);
    }
    command.data_begin = command.data_end;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::follow_rank(CommandExtension& command) {
    switch (command.kind) {
    case CommandKind::refresh:
        command.data_end = command.last_issued + technology_.t_rfc;
        for (const auto& chip : chips_) {
            chip->charge_refresh(command.layer);
        }
        for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
            close_rows(Bank{i});
            placed_banks_[Bank{i}] = {false, {}, command.data_end};
        }
        break;
    case CommandKind::refresh_bank:
        if (placed_banks_[command.bank].open || technology_.t_rfc_pb.count() == 0) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        command.data_end = command.issued + technology_.t_rfc_pb;
        placed_banks_[command.bank].activate_ready = command.data_end;
        for (const auto& chip : chips_) {
            chip->charge_refresh_bank(command.layer);
        }
        break;
    case CommandKind::power_down:
    case CommandKind::self_refresh: {
        const bool deep = command.kind == CommandKind::self_refresh;
        if (technology_.t_cke.count() == 0 || (deep && open_banks_ != 0)) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        command.data_end = command.issued + technology_.t_cke;
        asleep_ = true;
        in_self_refresh_ = deep;
        break;
    }
    case CommandKind::power_up:
        command.data_end = command.issued + (in_self_refresh_ ? technology_.t_xs : technology_.t_xp);
        asleep_ = false;
        break;
    case CommandKind::pause_write:
    case CommandKind::cancel_write:
        return interrupt_write(command);
    case CommandKind::resume_write:
        return resume_write(command);
    default: // leases are for units
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    command.data_begin = command.data_end;
    return tlm::TLM_OK_RESPONSE;
}

// ------------------------------------------------------------------------------ commands placed by the chips

bool Rank::in_unit_hands(Bank bank) const {
    return per_chip_ && std::any_of(chips_.begin(), chips_.end(), [bank](const auto& chip) {
               return chip->leased(bank) && !chip->recalled(bank);
           });
}

tlm::tlm_response_status Rank::activate(CommandExtension& command) {
    if (in_unit_hands(command.bank) || chips_.front()->timing().bank(BankOwner::channel, command.bank).open) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    Picoseconds t = commands_.earliest(command.earliest);
    // A unit's activates lie anywhere in time, so a chip which allowed `t` may forbid what comes a little
    // later.
    for (Picoseconds before{-1}; before != t;) {
        before = t;
        for (std::size_t i = 0; i < timed_chips(); ++i) {
            t = timed_chip(i).timing().earliest_activate(BankOwner::channel, command.bank, t);
        }
        t = commands_.earliest(t);
    }
    command.issued = command.last_issued = t;
    commands_.reserve(t);
    for (std::size_t i = 0; i < timed_chips(); ++i) {
        timed_chip(i).activate(command.bank, command.row, t);
    }
    chips_.front()->charge_activate(command.layer, geometry_.chips_per_rank);
    command.data_begin = command.data_end = t + technology_.t_rcd;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::precharge(CommandExtension& command) {
    if (in_unit_hands(command.bank)) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    Picoseconds t = commands_.earliest(command.earliest);
    for (Picoseconds before{-1}; before != t;) {
        before = t;
        for (std::size_t i = 0; i < timed_chips(); ++i) {
            t = timed_chip(i).timing().earliest_precharge(BankOwner::channel, command.bank, t);
        }
        t = commands_.earliest(t);
    }
    command.issued = command.last_issued = t;
    commands_.reserve(t);
    Picoseconds ready = t;
    open_banks_ -= chips_.front()->timing().bank(BankOwner::channel, command.bank).open ? 1 : 0;
    for (std::size_t i = 0; i < timed_chips(); ++i) {
        Chip& chip = timed_chip(i);
        if (chip.timing().bank(BankOwner::channel, command.bank).open) {
            chip.precharge(command.bank, t);
        }
        ready = std::max(ready, chip.timing().bank(BankOwner::channel, command.bank).activate_ready);
    }
    close_rows(command.bank);
    command.data_begin = command.data_end = ready;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::column_access(CommandExtension& command) {
    const bool write = command.kind == CommandKind::write;
    const bool array = command.space == AccessSpace::array;
    if (array) {
        const BankState& bank = chips_.front()->timing().bank(BankOwner::channel, command.bank);
        if (!bank.open || bank.row != command.row || in_unit_hands(command.bank)) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
    }
    const std::uint32_t bursts = command.bursts(geometry_.burst_bytes());
    const DataBus::Direction direction = write ? DataBus::Direction::write : DataBus::Direction::read;
    const Picoseconds latency = write ? technology_.t_wl : technology_.t_cl;
    Picoseconds t = std::max(command.earliest, data_.earliest(index_, direction) - latency);
    const ChipTiming& timing = chips_.front()->timing();
    if (array) {
        t = write ? timing.earliest_write(command.bank, t) : timing.earliest_read(command.bank, t);
    } else {
        t = write ? timing.earliest_unit_write(t) : timing.earliest_unit_read(t);
    }
    t = commands_.earliest(t, bursts);
    command.issued = t;
    commands_.reserve(t, bursts);
    command.last_issued = t + (bursts - 1) * technology_.column_cycle();
    command.data_begin = t + latency;
    command.data_end = command.last_issued + latency + technology_.burst_time();
    data_.occupy(index_, direction, command.data_end);
    chips_.front()->column_access(command, bursts);
    if (per_chip_) {
        occupy_internal_buses(command);
    }
    return tlm::TLM_OK_RESPONSE;
}

void Rank::occupy_internal_buses(const CommandExtension& command) {
    constexpr std::size_t intervals_kept = 12; // forgetting costs more than a few of the past
    if (internal_bus_.size() > intervals_kept) {
        Picoseconds needed = core::now();
        for (const auto& chip : chips_) {
            needed = std::min(needed, chip->needs_slots_from());
        }
        internal_bus_.forget(needed);
    }
    internal_bus_.occupy(command.data_begin, command.data_end);
    for (const auto& chip : chips_) {
        chip->take_channel_slots(command);
    }
}

tlm::tlm_response_status Rank::move(const CommandExtension& command, unsigned char* data,
                                    const unsigned char* enables, std::uint64_t& moved) {
    if (command.space == AccessSpace::array) {
        moved = move_in_array(command, data, enables);
        return tlm::TLM_OK_RESPONSE;
    }
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    const sc_core::sc_time until_last_data = core::to_sc_time(command.data_end - core::now());
    moved = 0;
    begin_unit_access(command, command.kind == CommandKind::write);
    for_each_selected(command, [&](Chip& chip, std::size_t offset) {
        unit_access_.set_data_ptr(data != nullptr ? data + offset : nullptr);
        unit_access_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        chip.move_unit(unit_access_, until_last_data);
        if (status == tlm::TLM_OK_RESPONSE) {
            status = unit_access_.get_response_status();
        }
        moved += command.bytes;
    });
    return status;
}

void Rank::begin_unit_access(const CommandExtension& command, bool write) {
    unit_access_.begin(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, command.unit_address,
                       command.bytes);
    unit_access_.attribution.layer = command.layer;
    unit_access_.attribution.cause = command.cause;
}

std::uint64_t Rank::move_in_array(const CommandExtension& command, unsigned char* data,
                                  const unsigned char* enables) {
    const std::uint32_t bursts = command.bursts(geometry_.burst_bytes());
    const bool write = command.kind == CommandKind::write;
    const ColumnData bytes(command, geometry_.chips_per_rank, data, enables);
    std::uint64_t moved = 0;
    if (bytes.alike() && !rows_differ_[command.bank]) {
        chips_.front()->access(command, bursts, geometry_.chips_per_rank);
        moved = std::uint64_t{command.bytes} * geometry_.chips_per_rank;
    } else {
        if (write && !rows_differ_[command.bank]) {
            for (std::size_t i = 1; i < chips_.size(); ++i) {
                chips_[core::Chip{i}]->adopt_modified(*chips_.front(), command.bank);
            }
            rows_differ_[command.bank] = true;
        }
        for_each_selected(command,
                          [&](Chip& chip, std::size_t) { moved += chip.access(command, bursts, bytes); });
    }
    if (data != nullptr) {
        if (write && technology_.energy_needs_data()) {
            for_each_selected(command, [&](Chip& chip, std::size_t) { chip.note_flips(command, bytes); });
        }
        copy(command, bytes, write);
    }
    return moved;
}

/// Moves data to the cells or from them, and nothing else.
void Rank::copy(const CommandExtension& command, const ColumnData& bytes, bool write) {
    const std::uint32_t column = command.column + command.skip;
    if (bytes.interleaved()) {
        const std::uint32_t first = column * geometry_.chips_per_rank + command.lane;
        bytes.for_each_interleaved_run([&](std::uint32_t begin, std::uint32_t end) {
            unsigned char* const data = bytes.data() + begin;
            write ? cells_.write(command.bank, command.row, first + begin, data, end - begin)
                  : cells_.read(command.bank, command.row, first + begin, data, end - begin);
        });
        return;
    }
    for (std::uint32_t i = 0; i < geometry_.chips_per_rank; ++i) {
        if (!bytes.selected(i)) {
            continue;
        }
        const core::Chip chip{i};
        bytes.for_each_run(i, [&](std::uint32_t begin, std::uint32_t end) {
            unsigned char* const data = bytes.at(i, begin);
            write ? cells_.write_chip(chip, command.bank, command.row, column + begin, data, end - begin)
                  : cells_.read_chip(chip, command.bank, command.row, column + begin, data, end - begin);
        });
    }
}

/// Charges the array writes of the channel's row in that bank, in all chips.
void Rank::close_rows(Bank bank) {
    if (!writes_.on() || !writes_.dirty(bank.value())) {
        charge_open_row(bank);
        return;
    }
    const core::Energy before = array_write_energy();
    charge_open_row(bank);
    write_energy_[bank] = {array_write_energy().pj - before.pj};
}

core::Energy Rank::array_write_energy() const {
    core::Energy sum;
    for (const auto& chip : chips_) {
        sum = sum + chip->array_write_energy();
    }
    return sum;
}

void Rank::charge_open_row(Bank bank) {
    if (technology_.energy_needs_data()) {
        for (const auto& chip : chips_) {
            chip->close_flipped(bank);
        }
    }
    const core::Row row = placed_by_ == PlacedBy::initiator
                              ? placed_banks_[bank].row
                              : chips_.front()->timing().bank(BankOwner::channel, bank).row;
    if (!rows_differ_[bank]) {
        chips_.front()->close_row(bank, row, lockstep_wear_, geometry_.chips_per_rank);
        return;
    }
    for (const auto& chip : chips_) {
        chip->close_row(bank, row, chip->wear());
    }
    rows_differ_[bank] = false;
}

// --------------------------------------------------------------------------- interruptions of array writes

/// The bank may be activated from `t` on.
void Rank::free_bank(Bank bank, Picoseconds t) {
    placed_by_ == PlacedBy::initiator ? void(placed_banks_[bank].activate_ready = t)
                                      : chips_.front()->free_from(bank, t);
}

tlm::tlm_response_status Rank::interrupt_write(CommandExtension& command) {
    const std::size_t bank = command.bank.value();
    const bool placed = placed_by_ == PlacedBy::initiator;
    const bool cancel = command.kind == CommandKind::cancel_write;
    const Picoseconds t = placed ? command.issued : commands_.earliest(command.earliest);
    if (!writes_.on() || per_chip_ || !(cancel ? writes_.can_cancel(bank, t) : writes_.can_pause(bank, t))) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (!placed) {
        commands_.reserve(t);
    }
    command.issued = command.last_issued = command.data_end = t;
    if (cancel) { // all of it has been charged, and will be needed once more
        const double lost = writes_.cancel(bank, t);
        chips_.front()->charge_array_write(write_energy_[command.bank] * lost, command.layer);
    } else {
        command.data_end = writes_.pause(bank, t);
    }
    command.data_begin = command.data_end;
    free_bank(command.bank, command.data_end);
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::resume_write(CommandExtension& command) {
    const std::size_t bank = command.bank.value();
    if (!writes_.on() || per_chip_ || !writes_.interrupted(bank)) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (placed_by_ == PlacedBy::initiator) {
        open_banks_ -= placed_banks_[command.bank].open ? 1 : 0;
        placed_banks_[command.bank].open = false;
    } else {
        Chip& chip = *chips_.front();
        Picoseconds t = commands_.earliest(command.earliest);
        for (Picoseconds before{-1}; before != t;) {
            before = t;
            t = commands_.earliest(chip.timing().earliest_resume(command.bank, t));
        }
        command.issued = command.last_issued = t;
        commands_.reserve(t);
        open_banks_ -= chip.timing().bank(BankOwner::channel, command.bank).open ? 1 : 0;
        chip.resume_write(command.bank, t);
    }
    command.data_begin = command.data_end = writes_.resume(bank, command.issued);
    free_bank(command.bank, command.data_end);
    return tlm::TLM_OK_RESPONSE;
}

WearSummary Rank::wear() const {
    WearSummary wear;
    wear.words = lockstep_wear_.words() * geometry_.chips_per_rank;
    for (const auto& chip : chips_) {
        wear.words += chip->wear().words();
        wear.most_writes = std::max(wear.most_writes, chip->wear().most_writes(lockstep_wear_));
    }
    return wear;
}

std::uint64_t Rank::debug(const CommandExtension& command, bool write, unsigned char* data) {
    std::uint64_t moved = 0;
    if (command.space == AccessSpace::unit) {
        begin_unit_access(command, write);
        for_each_selected(command, [&](Chip& chip, std::size_t offset) {
            unit_access_.set_data_ptr(data + offset);
            moved += chip.debug_unit(unit_access_);
        });
        return moved;
    }
    const ColumnData bytes(command, geometry_.chips_per_rank, data, nullptr);
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        moved += bytes.interleaved() ? 0 : command.bytes;
        if (write && technology_.energy_needs_data()) {
            chip.forget_flips(command, bytes);
        }
    });
    copy(command, bytes, write);
    return bytes.interleaved() ? command.interleaved_bytes : moved;
}

unsigned char* Rank::share(Bank bank, core::Row row) {
    const bool leased =
        std::any_of(chips_.begin(), chips_.end(), [bank](const auto& chip) { return chip->leased(bank); });
    const bool watched = !bank_traces_.empty();
    return leased || watched || technology_.energy_needs_data() ? nullptr : cells_.share(bank, row);
}

tlm::tlm_response_status Rank::refresh(CommandExtension& command) {
    // The units go on until the channel's own banks can be closed.
    Chip::RefreshTimes times;
    times.stop = command.earliest;
    for (std::size_t i = 0; i < timed_chips(); ++i) {
        timed_chip(i).find_refresh_times(times);
    }
    const Picoseconds stop = commands_.earliest(times.stop);
    Picoseconds precharge = stop;
    for (std::size_t i = 0; i < timed_chips(); ++i) {
        precharge = std::max(precharge, timed_chip(i).earliest_release(stop));
    }
    precharge = commands_.earliest(precharge);
    if (times.precharges) {
        commands_.reserve(precharge);
        times.ready = std::max(times.ready, precharge + technology_.t_rp);
    }
    const Picoseconds t = commands_.earliest(std::max(precharge, times.ready));
    commands_.reserve(t);
    const Picoseconds end = t + technology_.t_rfc;
    for (const auto& chip : chips_) {
        chip->refresh(stop, precharge, end, command.layer);
    }
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        close_rows(Bank{i});
    }
    command.issued = times.precharges ? precharge : t;
    command.last_issued = t;
    command.data_begin = command.data_end = end;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::refresh_bank(CommandExtension& command) {
    const BankState& bank = chips_.front()->timing().bank(BankOwner::channel, command.bank);
    const bool leased = std::any_of(chips_.begin(), chips_.end(),
                                    [&](const auto& chip) { return chip->leased(command.bank); });
    if (bank.open || leased || technology_.t_rfc_pb.count() == 0) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    Picoseconds t = command.earliest;
    for (std::size_t i = 0; i < timed_chips(); ++i) {
        t = std::max(t, timed_chip(i).timing().bank(BankOwner::channel, command.bank).activate_ready);
    }
    t = commands_.earliest(t);
    commands_.reserve(t);
    command.issued = command.last_issued = t;
    command.data_begin = command.data_end = t + technology_.t_rfc_pb;
    for (const auto& chip : chips_) {
        chip->refresh_bank(command.bank, command.data_end, command.layer);
    }
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::sleep(CommandExtension& command) {
    const bool self_refresh = command.kind == CommandKind::self_refresh;
    if (leases_ != 0 || technology_.t_cke.count() == 0 || (self_refresh && open_banks_ != 0)) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    Picoseconds t = command.earliest;
    for (std::uint32_t i = 0; self_refresh && i < geometry_.banks; ++i) { // t_rp, t_rfc
        t = std::max(t, chips_.front()->timing().bank(BankOwner::channel, Bank{i}).activate_ready);
    }
    t = commands_.earliest(t);
    commands_.reserve(t);
    command.issued = command.last_issued = t;
    command.data_begin = command.data_end = t + technology_.t_cke;
    asleep_ = true;
    in_self_refresh_ = self_refresh;
    power_ready_ = command.data_end;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::wake(CommandExtension& command) {
    const Picoseconds t = commands_.earliest(command.earliest);
    commands_.reserve(t);
    command.issued = command.last_issued = t;
    command.data_begin = command.data_end = t + (in_self_refresh_ ? technology_.t_xs : technology_.t_xp);
    asleep_ = false;
    power_ready_ = command.data_end;
    return tlm::TLM_OK_RESPONSE;
}

/// Which banks are open, and what that means for the background power.
void Rank::note_power(const CommandExtension& command) {
    switch (command.kind) {
    case CommandKind::activate:
        ++open_banks_;
        break;
    case CommandKind::precharge:
    case CommandKind::resume_write:
        break;
    case CommandKind::refresh:
        open_banks_ = 0;
        break;
    case CommandKind::lease:
        leases_ += command.recall ? 0 : 1;
        break;
    case CommandKind::release:
        leases_ -= command.recall ? 0 : 1;
        break;
    case CommandKind::power_down:
    case CommandKind::self_refresh:
    case CommandKind::power_up:
        break;
    case CommandKind::read:
    case CommandKind::write:
    case CommandKind::refresh_bank:
    case CommandKind::pause_write:
    case CommandKind::cancel_write:
        return;
    }
    const bool active = open_banks_ + leases_ > 0;
    const PowerState awake = active ? PowerState::active_standby : PowerState::precharge_standby;
    const PowerState down = active ? PowerState::active_power_down : PowerState::power_down;
    residency_.change(!asleep_ ? awake : in_self_refresh_ ? PowerState::self_refresh : down, command.issued);
}

void Rank::charge_background(Picoseconds duration, core::LayerId layer) {
    const std::array<Picoseconds, power_states> passed = residency_.take(core::now());
    core::Energy energy;
    Picoseconds left = duration;
    for (std::size_t i = 0; i < power_states; ++i) {
        const auto state = static_cast<PowerState>(i);
        if (state != PowerState::precharge_standby) {
            const Picoseconds here = std::min(passed[i], left);
            energy = energy + background_power(technology_, state).over(here);
            left -= here;
        }
    }
    energy = energy + background_power(technology_, PowerState::precharge_standby).over(left);
    chips_.front()->charge_background(energy * geometry_.chips_per_rank, layer);
}

tlm::tlm_response_status Rank::lease(CommandExtension& command) {
    keep_times_per_chip();
    Picoseconds t = align_up(command.earliest, technology_.t_ck);
    bool legal = true;
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        const BankState& bank = chip.timing().bank(BankOwner::channel, command.bank);
        legal = legal && !bank.open && chip.leased(command.bank) == command.recall &&
                chip.recalled(command.bank) == command.recall;
        t = std::max(t, bank.activate_ready);
    });
    if (!legal) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    cells_.take_back(command.bank);
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        command.recall ? chip.end_recall(command.bank, t) : chip.lease(command.bank, t);
    });
    command.issued = command.last_issued = align_up(command.earliest, technology_.t_ck);
    command.data_begin = command.data_end = t;
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Rank::release(CommandExtension& command) {
    const Bank bank = command.bank;
    Picoseconds stop = align_up(command.earliest, technology_.t_ck);
    bool legal = true;
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        const LeasedBank& lease = chip.lease_of(bank);
        legal = legal && lease.leased && !chip.recalled(bank) && (command.recall || lease.transfers == 0);
        stop = std::max(stop, lease.since);
    });
    if (!legal) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    stop = align_up(stop, technology_.t_ck);
    Picoseconds precharge = stop;
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        precharge = std::max(precharge, chip.earliest_release(bank, stop));
    });
    precharge = align_up(precharge, technology_.t_ck);
    Picoseconds ready = precharge;
    for_each_selected(command, [&](Chip& chip, std::size_t) {
        command.recall ? chip.begin_recall(bank, stop, precharge) : chip.release(bank, precharge);
        ready = std::max(ready, chip.timing().bank(BankOwner::channel, bank).activate_ready);
    });
    command.issued = command.last_issued = precharge;
    command.data_begin = command.data_end = ready;
    return tlm::TLM_OK_RESPONSE;
}

void Rank::flush() {
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        close_rows(Bank{i});
    }
    for (const auto& chip : chips_) {
        chip->flush();
    }
}

// ----------------------------------------------------------------------------------------------- trace

namespace {

enum BankTraceState : std::uint64_t { closed, open, leased, refreshing };

} // namespace

void Rank::trace(core::Tracer& tracer) {
    const bool units = std::any_of(chips_.begin(), chips_.end(), [](auto& chip) { return chip->has_unit(); });
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        const std::string bank = "bank" + std::to_string(i);
        BankTrace signals;
        signals.state = tracer.states(*this, bank + "_state", {"closed", "open", "leased", "refresh"});
        signals.row =
            tracer.wire(*this, bank + "_row", core::bits_for(geometry_.rows - 1), core::VcdWriter::unknown);
        if (units) {
            signals.leased_chips = tracer.wire(*this, bank + "_leased_chips", geometry_.chips_per_rank);
        }
        bank_traces_.push_back(signals);
    }
    const bool none = std::none_of(bank_traces_.begin(), bank_traces_.end(), [](const BankTrace& signals) {
        return signals.state || signals.row || signals.leased_chips;
    });
    if (none) {
        bank_traces_.clear();
    }
}

std::uint32_t Rank::leased_chips(Bank bank) const {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < chips_.size(); ++i) {
        mask |= chips_[core::Chip{i}]->leased(bank) ? 1u << i : 0u;
    }
    return mask;
}

void Rank::show(const CommandExtension& command) const {
    if (command.kind == CommandKind::refresh) {
        show_refresh(command);
        return;
    }
    if (command.bank.value() >= geometry_.banks) { // a unit's buffers have no bank
        return;
    }
    const BankTrace& bank = bank_traces_[command.bank];
    switch (command.kind) {
    case CommandKind::activate:
        bank.state.set_at(command.issued, open);
        bank.row.set_at(command.issued, command.row.value());
        break;
    case CommandKind::precharge:
    case CommandKind::resume_write:
        bank.state.set_at(command.issued, closed);
        break;
    case CommandKind::lease:
        bank.state.set_at(command.data_end, leased);
        bank.leased_chips.set_at(command.data_end, leased_chips(command.bank));
        break;
    case CommandKind::release:
        bank.state.set_at(command.issued, in_unit_hands(command.bank) ? leased : closed);
        bank.leased_chips.set_at(command.issued, leased_chips(command.bank));
        break;
    case CommandKind::refresh_bank:
        bank.state.set_at(command.issued, refreshing);
        bank.state.set_at(command.data_end, closed);
        break;
    case CommandKind::read:
    case CommandKind::write:
    case CommandKind::refresh:
    case CommandKind::power_down:
    case CommandKind::self_refresh:
    case CommandKind::power_up:
    case CommandKind::pause_write:
    case CommandKind::cancel_write:
        break;
    }
}

void Rank::show_refresh(const CommandExtension& command) const {
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        const BankTrace& bank = bank_traces_[Bank{i}];
        bank.state.set_at(command.issued, closed);
        bank.state.set_at(command.last_issued, refreshing);
        bank.state.set_at(command.data_end, leased_chips(Bank{i}) != 0 ? leased : closed);
    }
}

} // namespace hydravp::memory
