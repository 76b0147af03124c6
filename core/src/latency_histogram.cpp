// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace hydravp::core {

namespace {

constexpr unsigned linear_bits = 7;
constexpr std::uint64_t linear = std::uint64_t{1} << linear_bits;

} // namespace

/// Values below `linear` have a bucket each. Above, the highest eight bits of a value choose the bucket.
std::size_t LatencyHistogram::index(std::uint64_t ps) {
    if (ps < linear) {
        return static_cast<std::size_t>(ps);
    }
    const auto highest = 63U - static_cast<unsigned>(__builtin_clzll(ps));
    const unsigned shift = highest - linear_bits;
    return static_cast<std::size_t>((shift + 1) * linear + ((ps >> shift) - linear));
}

LatencyHistogram::Bucket LatencyHistogram::bounds(std::size_t index) {
    if (index < linear) {
        const Picoseconds value{static_cast<std::int64_t>(index)};
        return {value, value, 0};
    }
    const auto shift = static_cast<unsigned>(index / linear - 1);
    const std::uint64_t from = (linear + index % linear) << shift;
    return {Picoseconds{static_cast<std::int64_t>(from)},
            Picoseconds{static_cast<std::int64_t>(from + ((std::uint64_t{1} << shift) - 1))}, 0};
}

void LatencyHistogram::add(Picoseconds latency) {
    if (latency.count() < 0) {
        throw std::invalid_argument("latency: below 0");
    }
    const std::size_t bucket = index(static_cast<std::uint64_t>(latency.count()));
    if (bucket >= counts_.size()) {
        counts_.resize(bucket + 1);
    }
    ++counts_[bucket];
    min_ = count_ == 0 ? latency : std::min(min_, latency);
    max_ = std::max(max_, latency);
    sum_ps_ += static_cast<double>(latency.count());
    ++count_;
}

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) {
    if (other.count_ == 0) {
        return *this;
    }
    counts_.resize(std::max(counts_.size(), other.counts_.size()));
    for (std::size_t i = 0; i < other.counts_.size(); ++i) {
        counts_[i] += other.counts_[i];
    }
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    sum_ps_ += other.sum_ps_;
    count_ += other.count_;
    return *this;
}

Picoseconds LatencyHistogram::percentile(double percent) const {
    const double wanted = std::ceil(std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (counts_[i] > 0 && static_cast<double>(seen) >= wanted) {
            return std::min(bounds(i).last, max_);
        }
    }
    return max_;
}

std::vector<LatencyHistogram::Bucket> LatencyHistogram::buckets() const {
    std::vector<Bucket> all;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (counts_[i] > 0) {
            all.push_back(bounds(i));
            all.back().count = counts_[i];
        }
    }
    return all;
}

} // namespace hydravp::core
