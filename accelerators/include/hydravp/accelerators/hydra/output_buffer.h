// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/pass_sums.h"
#include "hydravp/core/units.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace hydravp::accelerators::hydra {

/// The output buffer (OB): two halves, each accumulating or holding the partial sums of one pass.
///
/// The accumulators are 48 bits wide, exact for every layer the mapper accepts; the finished pass is packed
/// to the width in which partial sums leave the unit.
class OutputBuffer {
public:
    static constexpr std::uint32_t accumulator_bytes = 6;

    explicit OutputBuffer(std::uint32_t bytes, bool keep_data)
        : half_bytes_(bytes / 2), keep_data_(keep_data) {}

    /// Accumulators of one half.
    std::uint32_t half_outputs() const { return half_bytes_ / accumulator_bytes; }

    /// When a half is free for the next pass; empty while both hold passes that nobody has read yet.
    std::optional<core::Picoseconds> free_time() const;
    /// Packs the exact sums of a pass as `bits`-wide little-endian words after a right
    /// shift by `shift`, rounded half to even, saturated. Needs a free half.
    /// @param sums null in timing mode, where `layout` means nothing
    void commit(const std::int64_t* sums, const PassLayout& layout, std::uint32_t outputs, std::uint32_t bits,
                std::uint32_t shift);

    /// Finished passes that are not read out yet.
    std::uint32_t waiting() const { return waiting_; }
    /// Bytes [offset, offset + count) of the oldest pass, zero beyond its end.
    void read_front(std::uint64_t offset, std::uint32_t count, unsigned char* to) const;
    /// The oldest pass has been read; its half is free from `time` on.
    void release_front(core::Picoseconds time);

private:
    struct Half {
        std::vector<unsigned char> data;
        std::uint32_t bytes = 0;
        bool full = false;
        core::Picoseconds free_from{};
    };
    std::uint32_t half_bytes_;
    bool keep_data_;
    std::array<Half, 2> halves_;
    std::size_t front_ = 0; ///< oldest finished pass
    std::uint32_t waiting_ = 0;
};

} // namespace hydravp::accelerators::hydra
