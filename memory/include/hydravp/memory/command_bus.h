// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

/// The command bus of a channel: one command per clock period, on the clock grid. A run of column commands
/// takes a slot every t_ccd.
///
/// Commands may be reserved out of the order of their times. The last 32 reservations are remembered; what
/// is older lies in the past for every later command.
class CommandBus {
public:
    CommandBus(core::Picoseconds t_ck, core::Picoseconds t_ccd) : t_ck_(t_ck), t_ccd_(t_ccd) {}

    /// The first moment at or after `t` at which a run of `commands` finds all its slots free.
    core::Picoseconds earliest(core::Picoseconds t, std::uint32_t commands = 1) const;
    void reserve(core::Picoseconds t, std::uint32_t commands = 1);

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
    core::Picoseconds floor_{};
    std::array<Run, capacity> reserved_{};
    std::size_t next_ = 0;
    std::size_t size_ = 0;
};

} // namespace hydravp::memory
