// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip_timing.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

ChipTiming::ChipTiming(const Technology& technology, std::uint32_t banks, std::uint32_t bank_groups)
    : technology_(technology),
      banks_per_group_(banks / bank_groups),
      banks_{core::IndexedVector<core::Bank, BankState>(banks),
             core::IndexedVector<core::Bank, BankState>(banks)},
      groups_(bank_groups, Group{CommandSpacing(technology.t_rrd_l, Picoseconds{0})}),
      activates_(technology.t_rrd, technology.t_faw),
      precharges_(technology.t_rrd_pre, Picoseconds{0}) {}

Picoseconds ChipTiming::earliest_activate(BankOwner owner, core::Bank b, Picoseconds t) const {
    t = std::max(t, bank(owner, b).activate_ready);
    if (technology_.t_rrd_l.count() == 0) {
        return activates_.earliest(t);
    }
    for (Picoseconds before{-1}; before != t;) {
        before = t;
        t = activates_.earliest(groups_[group(b)].activates.earliest(t));
    }
    return t;
}

Picoseconds ChipTiming::earliest_precharge(BankOwner owner, core::Bank b, Picoseconds t) const {
    const BankState& state = bank(owner, b);
    return state.open ? precharges_.earliest(std::max(t, state.precharge_ready)) : t;
}

Picoseconds ChipTiming::earliest_read(core::Bank b, Picoseconds t) const {
    return std::max(
        {earliest_unit_read(t), bank(BankOwner::channel, b).column_ready, groups_[group(b)].read_ready});
}

Picoseconds ChipTiming::earliest_write(core::Bank b, Picoseconds t) const {
    return std::max(
        {earliest_unit_write(t), bank(BankOwner::channel, b).column_ready, groups_[group(b)].write_ready});
}

Picoseconds ChipTiming::earliest_unit_read(Picoseconds t) const {
    return std::max({t, column_ready_, read_ready_});
}

Picoseconds ChipTiming::earliest_unit_write(Picoseconds t) const {
    return std::max(t, column_ready_);
}

void ChipTiming::activate(BankOwner owner, core::Bank bank, core::Row row, Picoseconds t) {
    BankState& s = state(owner, bank);
    s.open = true;
    s.row = row;
    s.activate_ready = t + technology_.t_rc;
    s.column_ready = t + technology_.t_rcd;
    s.precharge_ready = t + technology_.t_ras;
    activates_.record(t);
    if (technology_.t_rrd_l.count() > 0) {
        groups_[group(bank)].activates.record(t);
    }
}

void ChipTiming::precharge(BankOwner owner, core::Bank bank, Picoseconds t) {
    precharge_silently(owner, bank, t);
    precharges_.record(t);
}

void ChipTiming::precharge_silently(BankOwner owner, core::Bank bank, Picoseconds t) {
    BankState& s = state(owner, bank);
    s.open = false;
    s.activate_ready = std::max(s.activate_ready, t + technology_.t_rp);
}

void ChipTiming::unit_space_read(Picoseconds t, std::uint32_t bursts) {
    column_ready_ = last_of(t, bursts) + technology_.t_ccd;
}

void ChipTiming::unit_space_write(Picoseconds t, std::uint32_t bursts) {
    column_ready_ = last_of(t, bursts) + technology_.t_ccd;
    read_ready_ = write_data_end(t, bursts) + technology_.t_wtr;
}

void ChipTiming::read(core::Bank bank, Picoseconds t, std::uint32_t bursts) {
    unit_space_read(t, bursts);
    const Picoseconds last = last_of(t, bursts);
    groups_[group(bank)].read_ready = std::max(groups_[group(bank)].read_ready, last + technology_.t_ccd_l);
    BankState& s = state(BankOwner::channel, bank);
    s.precharge_ready = std::max(s.precharge_ready, last + technology_.t_rtp);
}

void ChipTiming::write(core::Bank bank, Picoseconds t, std::uint32_t bursts) {
    unit_space_write(t, bursts);
    Group& group = groups_[this->group(bank)];
    group.write_ready = std::max(group.write_ready, last_of(t, bursts) + technology_.t_ccd_l);
    if (technology_.t_wtr_l.count() > 0) {
        group.read_ready = std::max(group.read_ready, write_data_end(t, bursts) + technology_.t_wtr_l);
    }
    BankState& s = state(BankOwner::channel, bank);
    s.precharge_ready = std::max(s.precharge_ready, write_data_end(t, bursts) + technology_.t_wr);
}

void ChipTiming::unit_read(core::Bank bank, Picoseconds data_end) {
    BankState& s = state(BankOwner::unit, bank);
    const Picoseconds command = data_end - technology_.burst_time() - technology_.t_cl;
    s.precharge_ready = std::max(s.precharge_ready, command + technology_.t_rtp);
}

void ChipTiming::unit_write(core::Bank bank, Picoseconds data_end) {
    BankState& s = state(BankOwner::unit, bank);
    s.precharge_ready = std::max(s.precharge_ready, data_end + technology_.t_wr);
}

void ChipTiming::block(BankOwner owner, core::Bank bank, Picoseconds t) {
    BankState& s = state(owner, bank);
    s.activate_ready = std::max(s.activate_ready, t);
}

void ChipTiming::refresh(Picoseconds precharge, Picoseconds end) {
    for (BankState& bank : banks_[index(BankOwner::channel)]) {
        if (bank.open) {
            bank.open = false;
            bank.activate_ready = std::max(bank.activate_ready, precharge + technology_.t_rp);
        }
        bank.activate_ready = std::max(bank.activate_ready, end);
    }
}

Picoseconds ChipTiming::earliest_resume(core::Bank b, Picoseconds t) const {
    const BankState& state = bank(BankOwner::channel, b);
    return precharges_.earliest(std::max(t, state.open ? state.precharge_ready : state.activate_ready));
}

void ChipTiming::resume(core::Bank bank, Picoseconds t) {
    state(BankOwner::channel, bank).open = false;
    precharges_.record(t);
}

void ChipTiming::hand_over(BankOwner to, core::Bank bank, Picoseconds t) {
    BankState& s = state(to, bank);
    s = BankState{};
    s.activate_ready = t;
}

Picoseconds ChipTiming::row_cycle_before_precharge() const {
    return std::max(technology_.t_ras, technology_.t_rc - technology_.t_rp);
}

} // namespace hydravp::memory
