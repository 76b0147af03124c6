// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/internal_bus.h"

#include "hydravp/memory/clock_grid.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

void InternalBus::occupy(Picoseconds begin, Picoseconds end) {
    if (end <= begin) {
        return;
    }
    if (!intervals_.empty() && intervals_.back().end == begin) {
        intervals_.back().end = end;
    } else {
        intervals_.push_back({begin, end});
    }
}

InternalBus::Fit InternalBus::fit(Picoseconds from, Picoseconds until, std::uint32_t bursts,
                                  std::vector<Interval>* placed) const {
    if (t_ccd_.count() <= 0) {
        return from <= until ? Fit{bursts, from} : Fit{0, from};
    }
    Fit fit{0, from};
    Picoseconds t = align_up(from, t_ck_);
    auto next =
        std::upper_bound(intervals_.begin(), intervals_.end(), from,
                         [](Picoseconds time, const Interval& interval) { return time < interval.end; });
    for (;; ++next) {
        const bool last_gap = next == intervals_.end() || next->begin >= until;
        const Picoseconds gap_end = last_gap ? until : next->begin;
        if (gap_end > t) {
            const auto slots = static_cast<std::int64_t>((gap_end - t) / t_ccd_);
            const auto here = static_cast<std::uint32_t>(std::min<std::int64_t>(slots, bursts - fit.bursts));
            if (here > 0) {
                fit.bursts += here;
                fit.end = t + here * t_ccd_;
                if (placed != nullptr) {
                    placed->push_back({t, fit.end});
                }
            }
        }
        if (last_gap || fit.bursts == bursts) {
            return fit;
        }
        t = std::max(t, align_up(next->end, t_ck_));
    }
}

void InternalBus::forget(Picoseconds t) {
    const auto keep =
        std::find_if(intervals_.begin(), intervals_.end(), [t](const Interval& i) { return i.end > t; });
    intervals_.erase(intervals_.begin(), keep);
}

} // namespace hydravp::memory
