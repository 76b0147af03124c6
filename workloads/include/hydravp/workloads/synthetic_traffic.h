// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/trace.h"

#include <cstdint>
#include <random>

namespace hydravp::workloads {

struct SyntheticTrafficConfig {
    std::uint64_t capacity = 0; ///< bytes of the memory; all accesses lie below
    std::uint32_t bytes = 64;   ///< of every access
    double random_share = 0;    ///< of the accesses: at a random multiple of `bytes`; the others are a stream
    double read_share = 1;      ///< of the accesses
    core::Picoseconds interval{}; ///< from access to access
    std::uint64_t seed = 1;
};

/// Accesses of a stream, random ones, or a mixture, without end: every access is random with one probability,
/// and a read with another. The stream begins at address 0, goes on behind its last access, and starts over
/// at the end of the memory. The same configuration gives the same accesses on every machine.
class SyntheticTraffic {
public:
    /// Throws std::invalid_argument for a memory smaller than an access, an access of 0 or more than
    /// `largest_trace_access` bytes, or a share that is none.
    explicit SyntheticTraffic(const SyntheticTrafficConfig& config);

    TraceAccess next();

private:
    SyntheticTrafficConfig config_;
    std::uint64_t places_;                    ///< of accesses in the memory
    std::uint64_t random_below_, read_below_; ///< of 2^32
    std::mt19937_64 random_;
    std::uint64_t stream_ = 0; ///< place of the stream's next access
    core::Picoseconds time_{};
};

} // namespace hydravp::workloads
