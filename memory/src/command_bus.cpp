// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command_bus.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

Picoseconds CommandBus::earliest(Picoseconds t, std::uint32_t commands) const {
    if (t_ck_.count() <= 0) {
        return t;
    }
    const Picoseconds edge = grid_.up(std::max(t, floor_));
    if (edge >= free_) {
        return edge;
    }
    Run wanted = run(edge, commands);
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t i = 0; i < size_; ++i) {
            while (collide(reserved_[i], wanted)) {
                wanted = run(wanted.first + t_ck_, commands);
                moved = true;
            }
        }
    }
    return wanted.first;
}

void CommandBus::reserve(Picoseconds t, std::uint32_t commands) {
    if (t_ck_.count() <= 0) {
        return;
    }
    std::size_t place = size_;
    if (size_ == capacity) {
        const auto* const first = std::min_element(
            reserved_.begin(), reserved_.end(), [](const Run& a, const Run& b) { return a.last < b.last; });
        place = static_cast<std::size_t>(first - reserved_.begin());
        floor_ = std::max(floor_, first->last + t_ck_);
    } else {
        ++size_;
    }
    reserved_[place] = run(t, commands);
    free_ = std::max(free_, reserved_[place].last + t_ck_);
}

void CommandBus::forget(Picoseconds t) {
    for (std::size_t i = 0; i < size_;) {
        if (reserved_[i].last + t_ck_ <= t) {
            reserved_[i] = reserved_[--size_];
        } else {
            ++i;
        }
    }
}

bool CommandBus::collide(const Run& a, const Run& b) const {
    if (b.first >= a.last + t_ck_ || a.first >= b.last + t_ck_) {
        return false;
    }
    const Picoseconds distance = b.first - a.first;
    if (t_ccd_ < t_ck_) {
        return distance < t_ck_ && -distance < t_ck_;
    }
    // Command k of a and command j of b are less than a period apart: |distance - (k - j) t_ccd| < t_ck.
    std::int64_t steps = distance / t_ccd_;
    if (distance.count() < 0 && distance.count() % t_ccd_.count() != 0) {
        --steps;
    }
    for (const std::int64_t m : {steps, steps + 1}) {
        const Picoseconds rest = distance - m * t_ccd_;
        if (m > -static_cast<std::int64_t>(b.commands) && m < static_cast<std::int64_t>(a.commands) &&
            rest < t_ck_ && -rest < t_ck_) {
            return true;
        }
    }
    return false;
}

} // namespace hydravp::memory
