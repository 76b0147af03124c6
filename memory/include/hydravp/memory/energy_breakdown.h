// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

namespace hydravp::memory {

/// Energy of a bank, a rank or a channel by what it was spent on. A bank has no background: its rank has one
/// power for all of its banks. Nor has it a part of refreshes of all banks, or of the channel's bus.
struct EnergyBreakdown {
    core::Energy array_read;   ///< rows opened
    core::Energy array_write;  ///< dirty rows written back
    core::Energy buffer_read;  ///< from row buffers
    core::Energy buffer_write; ///< into row buffers
    core::Energy refresh;      ///< bank: of it alone
    core::Energy background;   ///< rank and above
    core::Energy io;           ///< the channel's data bus; channel and above

    EnergyBreakdown& operator+=(const EnergyBreakdown& other) {
        array_read = array_read + other.array_read;
        array_write = array_write + other.array_write;
        buffer_read = buffer_read + other.buffer_read;
        buffer_write = buffer_write + other.buffer_write;
        refresh = refresh + other.refresh;
        background = background + other.background;
        io = io + other.io;
        return *this;
    }
    core::Energy total() const {
        return array_read + array_write + buffer_read + buffer_write + refresh + background + io;
    }
};

} // namespace hydravp::memory
