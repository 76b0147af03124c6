// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// A stretch of time for which the channel takes a leased bank back: for a refresh, or for an ordinary
/// access.
struct Recall {
    core::Picoseconds begin{};     ///< the unit's last data must have ended
    core::Picoseconds precharge{}; ///< the bank is closed
    core::Picoseconds end{};       ///< the unit may activate again; max(): not known yet
};

/// What a chip knows of a bank's lease.
struct LeasedBank {
    bool leased = false;
    core::Picoseconds since{}; ///< the present lease, or the last recall, lets the unit activate from here on
    std::uint32_t transfers = 0; ///< of the unit, at work or waiting
    std::vector<Recall> recalls; ///< those that the unit has not reached, ascending and disjoint
};

} // namespace hydravp::memory
