// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// Occupation of a chip's internal bus, the channel first. What the channel takes is the same in all chips of
/// a rank.
///
/// Holds the intervals which the channel takes, known ahead of time, and places the bursts of the chip's
/// near-memory unit between them: a burst needs t_ccd without a break and starts on the clock grid.
class InternalBus {
public:
    /// Bursts that could be placed, and the end of the last one (`from` if there is none).
    struct Fit {
        std::uint32_t bursts = 0;
        core::Picoseconds end{};
    };

    struct Interval {
        core::Picoseconds begin;
        core::Picoseconds end;
    };

    InternalBus(core::Picoseconds t_ccd, core::Picoseconds t_ck) : t_ccd_(t_ccd), t_ck_(t_ck) {}

    /// The channel takes [begin, end); intervals come in ascending order.
    void occupy(core::Picoseconds begin, core::Picoseconds end);
    /// Places up to `bursts` bursts which start at or after `from` and end at or before `until`.
    /// @param placed where they lie, appended; may be null
    Fit fit(core::Picoseconds from, core::Picoseconds until, std::uint32_t bursts,
            std::vector<Interval>* placed = nullptr) const;
    /// Intervals that are not forgotten.
    std::size_t size() const { return intervals_.size(); }
    /// Nobody will ask about times before `t` any more.
    void forget(core::Picoseconds t);

private:
    core::Picoseconds t_ccd_;
    core::Picoseconds t_ck_;
    std::vector<Interval> intervals_; // ascending, neither overlapping nor touching
};

} // namespace hydravp::memory
