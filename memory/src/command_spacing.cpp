// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/command_spacing.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

Picoseconds CommandSpacing::earliest(Picoseconds t) const {
    if (size_ == 0 || t >= times_[size_ - 1] + std::max(gap_, window_)) {
        return t;
    }
    const auto begin = times_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(size_);
    for (;;) {
        for (auto i = begin; i != end; ++i) { // ascending, so one pass settles the distance rule
            if (t > *i - gap_ && t < *i + gap_) {
                t = *i + gap_;
            }
        }
        const auto next = std::upper_bound(begin, end, t);
        const auto position = static_cast<std::size_t>(next - begin);
        if (fits_window(t, position)) {
            return t;
        }
        // Either the fourth command before `t` leaves the window first, or the next one after `t` is passed.
        const Picoseconds leaves = position >= 4 ? times_[position - 4] + window_ : Picoseconds::max();
        const Picoseconds passes = next != end ? *next + gap_ : Picoseconds::max();
        t = leaves > t ? std::min(leaves, passes) : passes;
    }
}

bool CommandSpacing::fits_window(Picoseconds t, std::size_t position) const {
    if (window_.count() <= 0) {
        return true;
    }
    // The k commands just before t and the 4 - k just after it, with t, make five.
    for (std::size_t before = 0; before <= 4; ++before) {
        const std::size_t after = 4 - before;
        if (position < before || position + after > size_) {
            continue;
        }
        const Picoseconds first = before > 0 ? times_[position - before] : t;
        const Picoseconds last = after > 0 ? times_[position + after - 1] : t;
        if (last - first < window_) {
            return false;
        }
    }
    return true;
}

void CommandSpacing::record(Picoseconds t) {
    if (gap_.count() <= 0 && window_.count() <= 0) {
        return;
    }
    if (size_ == capacity) {
        if (t <= times_[0]) {
            return;
        }
        std::copy(times_.begin() + 1, times_.end(), times_.begin());
        --size_;
    }
    const auto end = times_.begin() + static_cast<std::ptrdiff_t>(size_);
    const auto place = std::upper_bound(times_.begin(), end, t);
    std::copy_backward(place, end, end + 1);
    *place = t;
    ++size_;
}

} // namespace hydravp::memory
