// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

namespace hydravp::memory {

/// The first clock edge at or after `t`; a period of 0 means that there is no clock grid.
constexpr core::Picoseconds align_up(core::Picoseconds t, core::Picoseconds period) {
    if (period.count() <= 0) {
        return t;
    }
    const core::Picoseconds past = t % period;
    return past.count() == 0 ? t : t - past + period;
}

} // namespace hydravp::memory
