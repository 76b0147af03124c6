// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/power_residency.h"

namespace hydravp::memory {

using core::Picoseconds;

core::Power background_power(const Technology& technology, PowerState state) {
    const auto given = [](core::Power power, core::Power otherwise) {
        return power.watts > 0 ? power : otherwise;
    };
    const core::Power closed = technology.background;
    const core::Power active = given(technology.active_standby, closed);
    switch (state) {
    case PowerState::precharge_standby:
        return closed;
    case PowerState::active_standby:
        return active;
    case PowerState::power_down:
        return given(technology.power_down, closed);
    case PowerState::active_power_down:
        return given(technology.active_power_down, active);
    case PowerState::self_refresh:
        return given(technology.self_refresh, given(technology.power_down, closed));
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
