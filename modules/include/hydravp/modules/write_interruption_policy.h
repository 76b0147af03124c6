// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/interruptible_writes.h"
#include "hydravp/modules/config.h"

#include <cstddef>

namespace hydravp::modules {

/// When a channel controller interrupts the array writes of its banks for waiting reads; free of SystemC.
///
/// A read that waits for a bank whose array write is under way interrupts it, unless it wants the row that is
/// being written. The write goes on when no read is left that wants the row opened meanwhile, when a write
/// wants the bank, or when the starvation limit has passed since it was begun; then nothing interrupts it any
/// more.
class WriteInterruptionPolicy {
public:
    /// @param slots banks of the channel
    WriteInterruptionPolicy(const ChannelControllerConfig& config, const memory::Technology& technology,
                            std::size_t slots);

    bool on() const { return writes_.on(); }
    const memory::InterruptibleWrites& writes() const { return writes_; }
    /// How writes are interrupted.
    memory::CommandKind interruption() const { return interruption_; }

    /// A command has been placed.
    void note(const memory::CommandExtension& command, std::size_t slot);
    /// The last moment at which a read of a row may interrupt the slot's write; below 0: at none.
    core::Picoseconds last_interruption(std::size_t slot, core::Row row) const;
    /// The write has taken so long that it has to go on.
    bool must_go_on(std::size_t slot, core::Picoseconds now) const { return now > patient_until(slot); }
    core::Picoseconds patient_until(std::size_t slot) const {
        return writes_.first_begin(slot) + starvation_limit_;
    }

private:
    core::Picoseconds starvation_limit_;
    memory::CommandKind interruption_;
    memory::InterruptibleWrites writes_;
};

} // namespace hydravp::modules
