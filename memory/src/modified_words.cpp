// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/modified_words.h"

#include <algorithm>
#include <bitset>

namespace hydravp::memory {

void ModifiedWords::mark(std::uint32_t first_byte, std::uint32_t bytes, core::LayerId writer) {
    if (bytes == 0) {
        return;
    }
    last_writer_ = writer;
    const std::uint32_t first = first_byte / 2;
    const std::uint32_t last = (first_byte + bytes - 1) / 2;
    for (std::uint32_t block = first / 64; block <= last / 64; ++block) {
        const std::uint32_t low = block == first / 64 ? first % 64 : 0;
        const std::uint32_t high = block == last / 64 ? last % 64 : 63;
        const std::uint64_t marked = (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
        count_ += static_cast<std::uint32_t>(std::bitset<64>(marked & ~bits_[block]).count());
        bits_[block] |= marked;
    }
}

void ModifiedWords::clear() {
    if (count_ > 0) {
        std::fill(bits_.begin(), bits_.end(), 0);
        count_ = 0;
    }
}

} // namespace hydravp::memory
