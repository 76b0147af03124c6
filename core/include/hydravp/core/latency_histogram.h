// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::core {

/// Durations, counted in buckets whose width grows with the value: 128 of equal width between a power of two
/// of picoseconds and the next. Its memory does not depend on how many durations are added; minimum, maximum
/// and mean are exact, a percentile is at most 1/128 too large and never too small.
class LatencyHistogram {
public:
    struct Bucket {
        Picoseconds from{}; ///< smallest value of the bucket
        Picoseconds last{}; ///< largest
        std::uint64_t count = 0;
    };

    /// Throws std::invalid_argument if it is below 0.
    void add(Picoseconds latency);
    /// Adds all durations of the other one.
    LatencyHistogram& operator+=(const LatencyHistogram& other);

    std::uint64_t count() const { return count_; }
    // Of the durations so far; 0 if there are none.
    Picoseconds min() const { return count_ == 0 ? Picoseconds{0} : min_; }
    Picoseconds max() const { return max_; }
    double mean_ps() const { return count_ == 0 ? 0 : sum_ps_ / static_cast<double>(count_); }
    /// The duration that `percent` of all do not exceed; percent from 0 to 100. 0 if there are none.
    Picoseconds percentile(double percent) const;
    /// Those that are not empty, in ascending order.
    std::vector<Bucket> buckets() const;

private:
    static std::size_t index(std::uint64_t ps);
    static Bucket bounds(std::size_t index);

    std::vector<std::uint64_t> counts_; ///< as long as the largest value needs
    std::uint64_t count_ = 0;
    double sum_ps_ = 0;
    Picoseconds min_{}, max_{};
};

} // namespace hydravp::core
