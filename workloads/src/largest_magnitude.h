// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace hydravp::workloads {

/// max |x| of finite numbers. Four maxima side by side, as one alone would
/// wait for its own last comparison.
inline double largest_magnitude(const double* values, std::size_t count) {
    std::array<double, 4> largest{};
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        for (std::size_t k = 0; k < 4; ++k) {
            const double x = std::abs(values[i + k]);
            largest[k] = x > largest[k] ? x : largest[k];
        }
    }
    for (; i < count; ++i) {
        largest[0] = std::max(largest[0], std::abs(values[i]));
    }
    return *std::max_element(largest.begin(), largest.end());
}

} // namespace hydravp::workloads
