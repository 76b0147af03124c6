// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/technology.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace hydravp::memory {

/// The auditor's own view of array writes and their interruptions: what has been programmed of which row, by
/// the times of the commands alone. It shares nothing with `InterruptibleWrites`. Commands come in the order
/// of their times.
///
/// - `write_under_way`: a pause or cancellation without a write to interrupt, a resumption without an
///   interrupted one;
/// - `write_iteration`: a pause in the last iteration, activate or resumption before the iteration has ended;
/// - `write_cancel_threshold`: a cancellation of a write that has come further;
/// - `write_end`: activate before a resumed write has ended;
/// - `write_latch`: a command that an interrupted write forbids.
class ArrayWriteAudit {
public:
    /// Takes the rule that is broken, what has been found, and what is required.
    using Report = std::function<void(const char* rule, core::Picoseconds found, core::Picoseconds required,
                                      const char* relation)>;

    /// @param banks of the channel
    ArrayWriteAudit(const Technology& technology, std::size_t banks);

    /// Writes can be interrupted.
    bool on() const { return !banks_.empty(); }
    bool interrupted(std::size_t bank) const { return banks_[bank].interrupted; }

    void activate(std::size_t bank, std::uint32_t row, core::Picoseconds t, const Report& report);
    void write(std::size_t bank, const Report& report);
    void precharge(std::size_t bank, core::Picoseconds t, const Report& report);
    void pause(std::size_t bank, core::Picoseconds t, const Report& report);
    void cancel(std::size_t bank, core::Picoseconds t, const Report& report);
    void resume(std::size_t bank, core::Picoseconds t, const Report& report);
    /// Another command, which finds the bank closed or closes it without a write.
    void other(std::size_t bank, const Report& report);

private:
    struct Bank {
        bool open = false, dirty = false;
        bool writing = false, interrupted = false, resumed = false;
        std::uint32_t row = 0, written_row = 0;
        core::Picoseconds since{};    ///< the write goes on since then
        core::Picoseconds complete{}; ///< of it, before that
        core::Picoseconds free{};     ///< interrupted: the bank may be activated from here on
    };
    core::Picoseconds end(const Bank& bank) const { return bank.since + t_rp_ - bank.complete; }
    bool can_be_interrupted(const Bank& bank, core::Picoseconds t, const Report& report) const;

    core::Picoseconds t_rp_, limit_;
    std::int64_t iterations_;
    std::vector<Bank> banks_;
};

} // namespace hydravp::memory
