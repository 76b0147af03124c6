// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/power_residency.h"

namespace hydravp::memory {

using core::Picoseconds;

core::Power background_power(const Technology& technology, PowerState state) {
    const core::Power closed = technology.background;
    const core::Power active = technology.active_standby.value_or(closed);
    switch (state) {
    case PowerState::precharge_standby:
        return closed;
    case PowerState::active_standby:
        return active;
    case PowerState::power_down:
        return technology.power_down.value_or(closed);
    case PowerState::active_power_down:
        return technology.active_power_down.value_or(active);
    case PowerState::self_refresh:
        return technology.self_refresh.value_or(technology.power_down.value_or(closed));
    }
    return closed;
}

void PowerResidency::pass(Picoseconds t) {
    if (t > since_) {
        times_[static_cast<std::size_t>(state_)] += t - since_;
        since_ = t;
    }
}

void PowerResidency::change(PowerState state, Picoseconds t) {
    pass(t);
    state_ = state;
}

std::array<Picoseconds, power_states> PowerResidency::take(Picoseconds now) {
    pass(now);
    const std::array<Picoseconds, power_states> passed = times_;
    times_ = {};
    return passed;
}

} // namespace hydravp::memory
