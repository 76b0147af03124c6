// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/array_write_audit.h"

#include <cmath>

namespace hydravp::memory {

using core::Picoseconds;

ArrayWriteAudit::ArrayWriteAudit(const Technology& technology, std::size_t banks)
    : t_rp_(technology.t_rp),
      limit_(std::llround(technology.write_cancel_threshold * static_cast<double>(technology.t_rp.count()))),
      iterations_(technology.write_iterations),
      banks_(technology.write_iterations > 1 || technology.write_cancel_threshold > 0 ? banks : 0) {}

void ArrayWriteAudit::activate(std::size_t index, std::uint32_t row, Picoseconds t, const Report& report) {
    Bank& bank = banks_[index];
    if (bank.interrupted && t < bank.free) {
        report("write_iteration", t - bank.since, bank.free - bank.since, "at least");
    }
    if (bank.interrupted && row == bank.written_row) {
        report("write_latch", Picoseconds{0}, Picoseconds{0}, "");
    }
    if (!bank.interrupted && bank.resumed && t < end(bank)) {
        report("write_end", t - bank.since, end(bank) - bank.since, "at least");
    }
    bank.open = true;
    bank.row = row;
}

void ArrayWriteAudit::write(std::size_t index, const Report& report) {
    if (banks_[index].interrupted) {
        report("write_latch", Picoseconds{0}, Picoseconds{0}, "");
    }
    banks_[index].dirty = true;
}

void ArrayWriteAudit::precharge(std::size_t index, Picoseconds t, const Report& report) {
    Bank& bank = banks_[index];
    if (bank.interrupted) {
        report("write_latch", Picoseconds{0}, Picoseconds{0}, "");
    }
    if (bank.open && bank.dirty) {
        bank.writing = true;
        bank.resumed = false;
        bank.written_row = bank.row;
        bank.since = t;
        bank.complete = Picoseconds{0};
    }
    bank.open = bank.dirty = false;
}

bool ArrayWriteAudit::can_be_interrupted(const Bank& bank, Picoseconds t, const Report& report) const {
    if (bank.writing && !bank.interrupted && t <= end(bank)) {
        return true;
    }
    report("write_under_way", Picoseconds{0}, Picoseconds{0}, "");
    return false;
}

void ArrayWriteAudit::pause(std::size_t index, Picoseconds t, const Report& report) {
    Bank& bank = banks_[index];
    if (!can_be_interrupted(bank, t, report)) {
        return;
    }
    // The first border of iterations that the write has not passed, nor stood at when it was begun.
    const Picoseconds iteration = t_rp_ / iterations_;
    std::int64_t n = 1;
    while (n * iteration <= bank.complete || bank.since + n * iteration - bank.complete < t) {
        ++n;
    }
    if (n >= iterations_) {
        report("write_iteration", t - bank.since, (iterations_ - 1) * iteration - bank.complete, "at most");
    }
    bank.free = bank.since + n * iteration - bank.complete;
    bank.complete = n * iteration;
    bank.interrupted = true;
}

void ArrayWriteAudit::cancel(std::size_t index, Picoseconds t, const Report& report) {
    Bank& bank = banks_[index];
    if (!can_be_interrupted(bank, t, report)) {
        return;
    }
    const Picoseconds progress = bank.complete + (t - bank.since);
    if (progress >= limit_) {
        report("write_cancel_threshold", progress, limit_, "below");
    }
    bank.free = t;
    bank.complete = Picoseconds{0};
    bank.interrupted = true;
}

void ArrayWriteAudit::resume(std::size_t index, Picoseconds t, const Report& report) {
    Bank& bank = banks_[index];
    if (!bank.interrupted) {
        report("write_under_way", Picoseconds{0}, Picoseconds{0}, "");
        return;
    }
    if (t < bank.free) {
        report("write_iteration", t - bank.since, bank.free - bank.since, "at least");
    }
    bank.since = t;
    bank.interrupted = bank.open = bank.dirty = false;
    bank.resumed = true;
}

void ArrayWriteAudit::other(std::size_t index, const Report& report) {
    if (banks_[index].interrupted) {
        report("write_latch", Picoseconds{0}, Picoseconds{0}, "");
    }
}

} // namespace hydravp::memory
