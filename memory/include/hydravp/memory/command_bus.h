// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/clock_grid.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

/// The command bus of a channel: one command per clock period, on the clock grid. A run of column commands
/// takes a slot every t_ccd.
///
/// Commands may be reserved out of the order of their times. Of the reservations 32 are remembered, those
/// that end last; what lies before the others is taken to be the past for every later command.
class CommandBus {
public:
    CommandBus(core::Picoseconds t_ck, core::Picoseconds t_ccd) : t_ck_(t_ck), t_ccd_(t_ccd), grid_(t_ck) {}

    /// The first moment at or after `t` at which a run of `commands` finds all its slots free.
    core::Picoseconds earliest(core::Picoseconds t, std::uint32_t commands = 1) const;
    void reserve(core::Picoseconds t, std::uint32_t commands = 1);
    /// Nobody will ask about times before `t` any more.
    void forget(core::Picoseconds t);

private:
    struct Run {
        core::Picoseconds first{};
        core::Picoseconds last{};
        std::uint32_t commands = 0;
    };
    bool collide(const Run& a, const Run& b) const;
    Run run(core::Picoseconds first, std::uint32_t commands) const {
        return {first, first + (commands - 1) * t_ccd_, commands};
    }

    static constexpr std::size_t capacity = 32;
    core::Picoseconds t_ck_;
    core::Picoseconds t_ccd_;
    ClockGrid grid_;
    core::Picoseconds floor_{};
    core::Picoseconds free_{}; ///< no reservation reaches beyond
    std::array<Run, capacity> reserved_{};
    std::size_t size_ = 0;
};

} // namespace hydravp::memory
