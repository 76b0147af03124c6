// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/synthetic_traffic.h"

#include <stdexcept>

namespace hydravp::workloads {

namespace {

constexpr double two_to_32 = 4294967296.0;

std::uint64_t of_two_to_32(double share) {
    if (!(share >= 0 && share <= 1)) {
        throw std::invalid_argument("synthetic traffic: a share is a number from 0 to 1");
    }
    return static_cast<std::uint64_t>(share * two_to_32);
}

} // namespace

SyntheticTraffic::SyntheticTraffic(const SyntheticTrafficConfig& config)
    : config_(config),
      places_(config.bytes == 0 ? 0 : config.capacity / config.bytes),
      random_below_(of_two_to_32(config.random_share)),
      read_below_(of_two_to_32(config.read_share)),
      random_(config.seed) {
    if (places_ == 0 || config.bytes > largest_trace_access) {
        throw std::invalid_argument(
            "synthetic traffic: needs accesses of 1 byte to 1 MiB, and a memory for at least one");
    }
    if (config.interval.count() < 0) {
        throw std::invalid_argument("synthetic traffic: an interval is not below 0");
    }
}

TraceAccess SyntheticTraffic::next() {
    // One draw decides on both shares, whatever they are: the reads of two loads of a seed are the same ones.
    const std::uint64_t draw = random_();
    TraceAccess access;
    access.time = time_;
    access.write = (draw >> 32) >= read_below_;
    access.bytes = config_.bytes;
    std::uint64_t place = stream_;
    if ((draw & 0xFFFFFFFF) < random_below_) {
        place = random_() % places_;
    } else {
        stream_ = stream_ + 1 == places_ ? 0 : stream_ + 1;
    }
    access.address = place * config_.bytes;
    time_ += config_.interval;
    return access;
}

} // namespace hydravp::workloads
