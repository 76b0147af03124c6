// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/technology.h"

#include <array>
#include <cstddef>

namespace hydravp::memory {

/// What the background power of a rank depends on.
enum class PowerState { precharge_standby, active_standby, power_down, active_power_down, self_refresh };
constexpr std::size_t power_states = 5;

/// Of one chip in that state. What a technology leaves out is as `Technology` says.
core::Power background_power(const Technology& technology, PowerState state);

/// How long a rank has been in each of its power states. Changes come in the order of their times, some of
/// them ahead of the present.
class PowerResidency {
public:
    void change(PowerState state, core::Picoseconds t);
    /// Time in each state from the last call up to `now`.
    std::array<core::Picoseconds, power_states> take(core::Picoseconds now);

private:
    void pass(core::Picoseconds t);

    PowerState state_ = PowerState::precharge_standby;
    core::Picoseconds since_{};
    std::array<core::Picoseconds, power_states> times_{};
};

} // namespace hydravp::memory
