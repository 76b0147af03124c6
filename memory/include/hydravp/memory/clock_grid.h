// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstdint>

namespace hydravp::memory {

/// The first clock edge at or after `t`; a period of 0 means that there is no clock grid.
constexpr core::Picoseconds align_up(core::Picoseconds t, core::Picoseconds period) {
    if (period.count() <= 0) {
        return t;
    }
    const core::Picoseconds past = t % period;
    return past.count() == 0 ? t : t - past + period;
}

/// The same for times up to an hour, asked often: without a division.
class ClockGrid {
public:
    explicit ClockGrid(core::Picoseconds period)
        : period_(period), inverse_(period.count() > 0 ? 1.0 / static_cast<double>(period.count()) : 0) {}

    core::Picoseconds period() const { return period_; }
    /// The first clock edge at or after `t`.
    core::Picoseconds up(core::Picoseconds t) const {
        if (period_.count() <= 0) {
            return t;
        }
        const auto edges = static_cast<std::int64_t>(static_cast<double>(t.count()) * inverse_);
        core::Picoseconds past = t - edges * period_;
        past += past.count() < 0 ? period_ : core::Picoseconds{0}; // the product may be rounded either way
        past -= past >= period_ ? period_ : core::Picoseconds{0};
        return past.count() == 0 ? t : t - past + period_;
    }

private:
    core::Picoseconds period_;
    double inverse_;
};

} // namespace hydravp::memory
