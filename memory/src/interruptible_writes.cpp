// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/interruptible_writes.h"

#include <algorithm>
#include <cmath>

namespace hydravp::memory {

using core::Picoseconds;

InterruptibleWrites::InterruptibleWrites(const Technology& technology, std::size_t banks)
    : length_(technology.t_rp),
      step_(technology.t_rp / std::max(technology.write_iterations, 1u)),
      cancel_limit_(
          std::llround(technology.write_cancel_threshold * static_cast<double>(technology.t_rp.count()))),
      steps_(std::max(technology.write_iterations, 1u)),
      banks_(technology.interruptible_writes() ? banks : 0) {}

Picoseconds InterruptibleWrites::last_pause(std::size_t bank) const {
    const Bank& b = banks_[bank];
    const Picoseconds last = b.begin + (steps_ - 1) * step_ - b.done;
    return b.written && !b.interrupted && last > b.begin ? last : Picoseconds{-1};
}

Picoseconds InterruptibleWrites::last_cancel(std::size_t bank) const {
    const Bank& b = banks_[bank];
    const Picoseconds last = b.begin + cancel_limit_ - b.done - Picoseconds{1};
    return b.written && !b.interrupted && last >= b.begin ? last : Picoseconds{-1};
}

bool InterruptibleWrites::allows(const CommandExtension& command, std::size_t bank) const {
    switch (command.kind) {
    case CommandKind::activate:
        return !interrupted(bank) || command.row != row(bank);
    case CommandKind::write:
    case CommandKind::precharge:
    case CommandKind::refresh_bank:
    case CommandKind::lease:
        return command.space == AccessSpace::unit || !interrupted(bank);
    case CommandKind::refresh:
    case CommandKind::power_down:
    case CommandKind::self_refresh:
        return interrupted_ == 0;
    default:
        return true;
    }
}

void InterruptibleWrites::note(const CommandExtension& command, std::size_t bank) {
    switch (command.kind) {
    case CommandKind::activate:
        banks_[bank].open = true;
        banks_[bank].open_row = command.row;
        break;
    case CommandKind::write:
        if (command.space == AccessSpace::array) {
            banks_[bank].dirty = true;
        }
        break;
    case CommandKind::precharge:
        close(banks_[bank], command.issued);
        break;
    case CommandKind::refresh: // no technology has both
        for (Bank& each : banks_) {
            each.open = each.dirty = false;
        }
        break;
    default:
        break;
    }
}

void InterruptibleWrites::close(Bank& bank, Picoseconds t) {
    if (bank.open && bank.dirty) {
        bank.row = bank.open_row;
        bank.first_begin = bank.begin = t;
        bank.done = Picoseconds{0};
        bank.written = true;
    }
    bank.open = bank.dirty = false;
}

Picoseconds InterruptibleWrites::pause(std::size_t bank, Picoseconds t) {
    Bank& b = banks_[bank];
    const std::int64_t steps = std::max<std::int64_t>(1, (t - b.begin + step_ - Picoseconds{1}) / step_);
    b.done += steps * step_;
    b.interrupted = true;
    ++interrupted_;
    return b.begin + steps * step_;
}

double InterruptibleWrites::cancel(std::size_t bank, Picoseconds t) {
    Bank& b = banks_[bank];
    const Picoseconds lost = b.done + (t - b.begin);
    b.done = Picoseconds{0};
    b.interrupted = true;
    ++interrupted_;
    return static_cast<double>(lost.count()) / static_cast<double>(length_.count());
}

Picoseconds InterruptibleWrites::resume(std::size_t bank, Picoseconds t) {
    Bank& b = banks_[bank];
    b.interrupted = b.open = false;
    --interrupted_;
    b.begin = t;
    return t + length_ - b.done;
}

} // namespace hydravp::memory
