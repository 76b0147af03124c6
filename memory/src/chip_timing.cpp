// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip_timing.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

ChipTiming::ChipTiming(const Technology& technology, std::uint32_t banks)
    : technology_(technology),
      banks_{core::IndexedVector<core::Bank, BankState>(banks),
             core::IndexedVector<core::Bank, BankState>(banks)},
      activates_(technology.t_rrd, technology.t_faw),
      precharges_(technology.t_rrd_pre, Picoseconds{0}) {}

Picoseconds ChipTiming::earliest_activate(BankOwner owner, core::Bank b, Picoseconds t) const {
    return activates_.earliest(std::max(t, bank(owner, b).activate_ready));
}

Picoseconds ChipTiming::earliest_precharge(BankOwner owner, core::Bank b, Picoseconds t) const {
    const BankState& state = bank(owner, b);
    return state.open ? precharges_.earliest(std::max(t, state.precharge_ready)) : t;
}

Picoseconds ChipTiming::earliest_read(core::Bank b, Picoseconds t) const {
    return std::max(earliest_unit_read(t), bank(BankOwner::channel, b).column_ready);
}

Picoseconds ChipTiming::earliest_write(core::Bank b, Picoseconds t) const {
    return std::max(earliest_unit_write(t), bank(BankOwner::channel, b).column_ready);
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
    column_ready_ = t + bursts * technology_.t_ccd;
}

void ChipTiming::unit_space_write(Picoseconds t, std::uint32_t bursts) {
    column_ready_ = t + bursts * technology_.t_ccd;
    read_ready_ = column_ready_ + technology_.t_wl + technology_.t_wtr;
}

void ChipTiming::read(core::Bank bank, Picoseconds t, std::uint32_t bursts) {
    unit_space_read(t, bursts);
    BankState& s = state(BankOwner::channel, bank);
    s.precharge_ready = std::max(s.precharge_ready, column_ready_ - technology_.t_ccd + technology_.t_rtp);
}

void ChipTiming::write(core::Bank bank, Picoseconds t, std::uint32_t bursts) {
    unit_space_write(t, bursts);
    BankState& s = state(BankOwner::channel, bank);
    s.precharge_ready = std::max(s.precharge_ready, column_ready_ + technology_.t_wl + technology_.t_wr);
}

void ChipTiming::unit_read(core::Bank bank, Picoseconds data_end) {
    BankState& s = state(BankOwner::unit, bank);
    const Picoseconds command = data_end - technology_.t_ccd - technology_.t_cl;
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

void ChipTiming::hand_over(BankOwner to, core::Bank bank, Picoseconds t) {
    BankState& s = state(to, bank);
    s = BankState{};
    s.activate_ready = t;
}

Picoseconds ChipTiming::row_cycle_before_precharge() const {
    return std::max(technology_.t_ras, technology_.t_rc - technology_.t_rp);
}

} // namespace hydravp::memory
