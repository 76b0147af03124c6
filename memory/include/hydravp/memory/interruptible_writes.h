// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"

#include <cstddef>
#include <vector>

namespace hydravp::memory {

/// The array writes of a memory's banks, begun when a dirty row is closed, that let reads in between (Qureshi
/// et al., HPCA 2010); free of SystemC.
///
/// A write takes t_rp, in `Technology::write_iterations` steps of equal length (the last takes the
/// remainder). A pause lets it stop at the end of the step under way, at least one after it was begun or
/// resumed; then it goes on where it stopped. A cancellation stops it at once; then it begins anew. Until it
/// goes on the row waits in a latch of its bank: the bank may open other rows and read them, but neither
/// write them nor open the row that waits. Going on drops the row that is open for reading.
class InterruptibleWrites {
public:
    InterruptibleWrites(const Technology& technology, std::size_t banks);

    /// The technology's writes can be interrupted.
    bool on() const { return !banks_.empty(); }
    /// The bank's open row has been written.
    bool dirty(std::size_t bank) const { return banks_[bank].dirty; }
    /// Banks with an interrupted write.
    std::size_t interrupted() const { return interrupted_; }
    bool interrupted(std::size_t bank) const { return banks_[bank].interrupted; }
    /// The row of the bank's last write.
    core::Row row(std::size_t bank) const { return banks_[bank].row; }
    /// When that was begun, before all interruptions.
    core::Picoseconds first_begin(std::size_t bank) const { return banks_[bank].first_begin; }

    /// The last moment at which the write under way may be told to pause, or be cancelled; below 0: at none.
    core::Picoseconds last_pause(std::size_t bank) const;
    core::Picoseconds last_cancel(std::size_t bank) const;
    /// Not before the write was begun or resumed.
    bool can_pause(std::size_t bank, core::Picoseconds t) const {
        return t >= banks_[bank].begin && t <= last_pause(bank);
    }
    bool can_cancel(std::size_t bank, core::Picoseconds t) const {
        return t >= banks_[bank].begin && t <= last_cancel(bank);
    }
    /// An interrupted write allows the command, another than the three of interruptions.
    bool allows(const CommandExtension& command, std::size_t bank) const;

    /// A command, another than those three, has been placed.
    void note(const CommandExtension& command, std::size_t bank);
    /// Returns when the bank may be activated.
    core::Picoseconds pause(std::size_t bank, core::Picoseconds t);
    /// Returns which part of the write has been done in vain.
    double cancel(std::size_t bank, core::Picoseconds t);
    /// Returns when the write will be done.
    core::Picoseconds resume(std::size_t bank, core::Picoseconds t);

private:
    struct Bank {
        bool open = false;
        bool dirty = false; ///< the open row
        bool interrupted = false;
        bool written = false; ///< a write has been begun since the memory began
        core::Row open_row, row;
        core::Picoseconds first_begin{}, begin{}; ///< begin: of what is done since it was last resumed
        core::Picoseconds done{};                 ///< before that, of t_rp
    };
    void close(Bank& bank, core::Picoseconds t);

    core::Picoseconds length_, step_, cancel_limit_;
    std::uint32_t steps_;
    std::vector<Bank> banks_;
    std::size_t interrupted_ = 0;
};

} // namespace hydravp::memory
