// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/modified_words.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace hydravp::memory {

/// What the cells of a memory have been through.
struct WearSummary {
    std::uint64_t words = 0;       ///< 16-bit words written into cells
    std::uint64_t most_writes = 0; ///< of one word
};

/// How often each 16-bit word of one chip has been written into its cells, kept for rows that were written.
///
/// The counts of a row are bit planes: bit n of every word's count in one plane. Noting a write-back adds a
/// bit to each modified word's count, 64 words at a time, and touches two planes on average: some ten
/// operations on 64 bits for a row of 1 KiB, and 64 bytes per plane.
class WriteWear {
public:
    explicit WriteWear(std::uint32_t row_bytes) : blocks_((row_bytes / 2 + 63) / 64) {}

    /// The modified words of the row (`bank * rows + row`) have been written back.
    void note(std::uint64_t row, const ModifiedWords& words) { add(row, words.bits(), words.count()); }
    /// The whole row has been.
    void note_row(std::uint64_t row, std::uint32_t row_bytes);

    std::uint64_t words() const { return words_; }
    /// Most writes of one word, those of `lockstep` (what all chips of a rank did alike) counted with them.
    std::uint64_t most_writes(const WriteWear& lockstep) const;

private:
    /// Plane n is at [n * blocks, (n + 1) * blocks).
    using Planes = std::vector<std::uint64_t>;

    void add(std::uint64_t row, const std::vector<std::uint64_t>& bits, std::uint64_t count);
    void add_plane(Planes& planes, std::size_t plane, const std::uint64_t* bits) const;
    std::uint64_t largest(const Planes& planes) const;

    std::size_t blocks_; ///< of 64 words in a row
    std::uint64_t words_ = 0;
    std::unordered_map<std::uint64_t, Planes> rows_;
};

} // namespace hydravp::memory
