// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"

namespace hydravp::memory {

/// The data bus of a channel: one transfer after the other, with a gap where the rank or the direction
/// changes.
class DataBus {
public:
    enum class Direction { read, write };

    explicit DataBus(core::Picoseconds t_rtrs) : t_rtrs_(t_rtrs) {}

    core::Picoseconds earliest(core::Rank rank, Direction direction) const {
        const bool same = !used_ || (rank == rank_ && direction == direction_);
        return same ? free_ : free_ + t_rtrs_;
    }
    void occupy(core::Rank rank, Direction direction, core::Picoseconds end) {
        used_ = true;
        rank_ = rank;
        direction_ = direction;
        free_ = end;
    }

private:
    core::Picoseconds t_rtrs_;
    bool used_ = false;
    core::Rank rank_;
    Direction direction_ = Direction::read;
    core::Picoseconds free_{};
};

} // namespace hydravp::memory
