// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <algorithm>

namespace hydravp::core {

/// A resource that serves one request after the other, in the order in which they ask.
class Timeline {
public:
    /// Occupies the resource for `duration`, not before `earliest`; returns when that ends.
    Picoseconds occupy(Picoseconds earliest, Picoseconds duration) {
        free_at_ = std::max(earliest, free_at_) + duration;
        return free_at_;
    }
    Picoseconds free_at() const { return free_at_; }

private:
    Picoseconds free_at_{0};
};

} // namespace hydravp::core
