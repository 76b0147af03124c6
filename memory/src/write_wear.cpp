// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/write_wear.h"

#include <algorithm>

namespace hydravp::memory {

void WriteWear::note_row(std::uint64_t row, std::uint32_t row_bytes) {
    ModifiedWords all(row_bytes);
    all.mark(0, row_bytes, core::no_layer);
    note(row, all);
}

void WriteWear::add(std::uint64_t row, const std::vector<std::uint64_t>& bits, std::uint64_t count) {
    words_ += count;
    add_plane(rows_[row], 0, bits.data());
}

/// Adds 2^plane to the count of every word whose bit is set.
void WriteWear::add_plane(Planes& planes, std::size_t plane, const std::uint64_t* bits) const {
    for (std::size_t block = 0; block < blocks_; ++block) {
        std::uint64_t carry = bits[block];
        for (std::size_t at = plane * blocks_ + block; carry != 0; at += blocks_) {
            if (at >= planes.size()) {
                planes.resize((at / blocks_ + 1) * blocks_, 0);
            }
            const std::uint64_t both = planes[at] & carry;
            planes[at] ^= carry;
            carry = both;
        }
    }
}

/// The largest count: among the words that have all leading ones so far, does any have the next?
std::uint64_t WriteWear::largest(const Planes& planes) const {
    std::vector<std::uint64_t> candidates(blocks_, ~std::uint64_t{0});
    std::uint64_t count = 0;
    for (std::size_t plane = planes.size() / blocks_; plane-- > 0;) {
        const std::uint64_t* const bits = planes.data() + plane * blocks_;
        const auto has_bit = [&](std::size_t block) { return (candidates[block] & bits[block]) != 0; };
        bool any = false;
        for (std::size_t block = 0; block < blocks_; ++block) {
            any = any || has_bit(block);
        }
        for (std::size_t block = 0; any && block < blocks_; ++block) {
            candidates[block] &= bits[block];
        }
        count = count * 2 + (any ? 1 : 0);
    }
    return count;
}

std::uint64_t WriteWear::most_writes(const WriteWear& lockstep) const {
    std::uint64_t most = 0;
    for (const auto& [row, planes] : lockstep.rows_) {
        most = std::max(most, largest(planes));
    }
    for (const auto& [row, planes] : rows_) {
        const auto alike = lockstep.rows_.find(row);
        if (alike == lockstep.rows_.end()) {
            most = std::max(most, largest(planes));
            continue;
        }
        Planes sum = planes;
        for (std::size_t plane = 0; plane < alike->second.size() / blocks_; ++plane) {
            add_plane(sum, plane, alike->second.data() + plane * blocks_);
        }
        most = std::max(most, largest(sum));
    }
    return most;
}

} // namespace hydravp::memory
