// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <array>
#include <cstddef>

namespace hydravp::memory {

/// How close the commands of one kind may follow each other in different banks of a chip: a smallest
/// distance, and a window that holds at most four of them.
///
/// The commands need not be recorded in the order of their times: the channel plans ahead, a near-memory unit
/// acts now. The last 16 are remembered.
class CommandSpacing {
public:
    CommandSpacing(core::Picoseconds gap, core::Picoseconds window_of_four)
        : gap_(gap), window_(window_of_four) {}

    /// The first moment at or after `t` which breaks neither rule.
    core::Picoseconds earliest(core::Picoseconds t) const;
    void record(core::Picoseconds t);

private:
    bool fits_window(core::Picoseconds t, std::size_t position) const;

    static constexpr std::size_t capacity = 16;
    core::Picoseconds gap_;
    core::Picoseconds window_;
    std::array<core::Picoseconds, capacity> times_{}; // ascending
    std::size_t size_ = 0;
};

} // namespace hydravp::memory
