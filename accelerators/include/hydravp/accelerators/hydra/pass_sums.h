// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace hydravp::accelerators::hydra {

/// Where the exact sums of a pass lie: filter after filter, and of a filter the output rows `pitch` sums
/// apart. Sums between the rows' ends mean nothing.
struct PassLayout {
    std::uint32_t filters = 0;
    std::uint32_t positions = 0;     ///< of each filter, in the order of the output
    std::uint32_t columns = 1;       ///< of a whole row of outputs
    std::uint32_t first_column = 0;  ///< of the first position in its row
    std::uint32_t pitch = 1;         ///< from a row to the next, at least `columns`
    std::size_t filter_distance = 0; ///< at least `length()`

    /// A list of sums without gaps.
    static PassLayout list(std::uint32_t sums) { return {1, sums, sums, 0, sums, sums}; }

    std::uint32_t outputs() const { return filters * positions; }
    /// Sums from a filter's first to its last, gaps included.
    std::size_t length() const {
        const std::uint32_t last = first_column + positions - 1;
        return std::size_t{last / columns} * pitch + last % columns + 1 - first_column;
    }
};

/// `pack_sums` reads up to so many sums beyond the last and writes as many words.
constexpr std::size_t pack_margin_sums = 8;

/// Packs the sums of a pass as `bits`-wide (16, 32 or 48) little-endian words without gaps, after a right
/// shift by `shift` (up to 48), rounded half to even, saturated.
void pack_sums(const std::int64_t* sums, const PassLayout& layout, std::uint32_t bits, std::uint32_t shift,
               unsigned char* to);

} // namespace hydravp::accelerators::hydra
