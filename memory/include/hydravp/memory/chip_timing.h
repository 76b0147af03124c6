// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/memory/command_spacing.h"
#include "hydravp/memory/technology.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// A bank's open row and the earliest moments of its next commands.
struct BankState {
    bool open = false;
    core::Row row;
    core::Picoseconds activate_ready{};
    core::Picoseconds column_ready{};
    core::Picoseconds precharge_ready{};
};

/// Who commands a bank: the channel, or the chip's near-memory unit while the bank is leased to it.
enum class BankOwner { channel, unit };

/// The timing rules of one chip, free of SystemC: when may a command follow those before it.
///
/// Every bank has a state for each owner, because the channel plans ahead of the unit: it may already have
/// planned to take a bank back at a time which the unit has not reached. Activates and precharges of both
/// owners share t_rrd, t_rrd_pre and t_faw.
///
/// A zero constraint holds always. Times are not aligned to the clock grid here.
class ChipTiming {
public:
    ChipTiming(const Technology& technology, std::uint32_t banks, std::uint32_t bank_groups = 1);

    const Technology& technology() const { return technology_; }
    const BankState& bank(BankOwner owner, core::Bank bank) const { return banks_[index(owner)][bank]; }

    core::Picoseconds earliest_activate(BankOwner owner, core::Bank bank, core::Picoseconds t) const;
    core::Picoseconds earliest_precharge(BankOwner owner, core::Bank bank, core::Picoseconds t) const;
    /// The channel's column commands; the unit's data are placed by `InternalBus`.
    core::Picoseconds earliest_read(core::Bank bank, core::Picoseconds t) const;
    core::Picoseconds earliest_write(core::Bank bank, core::Picoseconds t) const;
    /// Column commands to the near-memory unit, which need no row.
    core::Picoseconds earliest_unit_read(core::Picoseconds t) const;
    core::Picoseconds earliest_unit_write(core::Picoseconds t) const;

    void activate(BankOwner owner, core::Bank bank, core::Row row, core::Picoseconds t);
    void precharge(BankOwner owner, core::Bank bank, core::Picoseconds t);
    /// A run of `bursts` column commands, a column cycle apart.
    void read(core::Bank bank, core::Picoseconds t, std::uint32_t bursts);
    void write(core::Bank bank, core::Picoseconds t, std::uint32_t bursts);
    void unit_space_read(core::Picoseconds t, std::uint32_t bursts);
    void unit_space_write(core::Picoseconds t, std::uint32_t bursts);
    /// Data of the unit's own column accesses ended at `data_end` on the internal bus.
    void unit_read(core::Bank bank, core::Picoseconds data_end);
    void unit_write(core::Bank bank, core::Picoseconds data_end);

    /// Precharge-all is one command: t_rrd_pre does not hold between its banks.
    void precharge_silently(BankOwner owner, core::Bank bank, core::Picoseconds t);
    /// The bank may not be activated before `t`.
    void block(BankOwner owner, core::Bank bank, core::Picoseconds t);
    /// A refresh closes the channel's banks at `precharge` and blocks them until `end`.
    void refresh(core::Picoseconds precharge, core::Picoseconds end);
    /// When an interrupted array write may go on; a row that is open for reading is dropped.
    core::Picoseconds earliest_resume(core::Bank bank, core::Picoseconds t) const;
    void resume(core::Bank bank, core::Picoseconds t);
    /// The channel may activate the closed bank from `t` on, whatever has been before.
    void free_from(core::Bank bank, core::Picoseconds t) {
        state(BankOwner::channel, bank).activate_ready = t;
    }
    /// A closed bank changes hands and may be activated from `t` on.
    void hand_over(BankOwner to, core::Bank bank, core::Picoseconds t);
    /// Shortest time from a bank's activate to the precharge, such that an activate t_rp later keeps t_rc.
    core::Picoseconds row_cycle_before_precharge() const;

private:
    static std::size_t index(BankOwner owner) { return owner == BankOwner::unit ? 1 : 0; }
    std::size_t group(core::Bank bank) const { return bank.value() / banks_per_group_; }
    core::Picoseconds last_of(core::Picoseconds t, std::uint32_t bursts) const {
        return t + (bursts - 1) * technology_.column_cycle();
    }
    core::Picoseconds write_data_end(core::Picoseconds t, std::uint32_t bursts) const {
        return last_of(t, bursts) + technology_.t_wl + technology_.burst_time();
    }
    BankState& state(BankOwner owner, core::Bank bank) { return banks_[index(owner)][bank]; }

    struct Group {
        CommandSpacing activates;        ///< t_rrd_l
        core::Picoseconds read_ready{};  ///< t_ccd_l, t_wtr_l
        core::Picoseconds write_ready{}; ///< t_ccd_l
    };

    Technology technology_;
    std::uint32_t banks_per_group_;
    std::array<core::IndexedVector<core::Bank, BankState>, 2> banks_; ///< by owner
    std::vector<Group> groups_;
    CommandSpacing activates_;
    CommandSpacing precharges_;
    core::Picoseconds column_ready_{}; // t_ccd
    core::Picoseconds read_ready_{};   // t_wtr
};

} // namespace hydravp::memory
