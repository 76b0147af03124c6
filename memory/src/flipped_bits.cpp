// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/flipped_bits.h"

#include <algorithm>
#include <array>

namespace hydravp::memory {

namespace {

constexpr std::array<unsigned char, 256> ones_of_bytes() {
    std::array<unsigned char, 256> ones{};
    for (std::size_t byte = 1; byte < ones.size(); ++byte) {
        ones[byte] = static_cast<unsigned char>(ones[byte / 2] + byte % 2);
    }
    return ones;
}
constexpr std::array<unsigned char, 256> ones = ones_of_bytes();

constexpr std::uint64_t add = 1;
constexpr std::uint64_t take_away = ~std::uint64_t{0}; // -1

} // namespace

void FlippedBits::count(unsigned char before, unsigned char now, std::uint64_t sign) {
    set_ += sign * ones[now & ~before & 0xFF];
    reset_ += sign * ones[before & ~now & 0xFF];
}

void FlippedBits::write(core::Row row, std::uint32_t first, std::size_t bytes, const unsigned char* old,
                        const unsigned char* data, std::size_t stride, core::LayerId writer) {
    row_ = row;
    any_ = true;
    last_writer_ = writer;
    for (std::size_t i = 0; i < bytes; ++i) {
        const std::size_t byte = first + i;
        const std::uint64_t bit = std::uint64_t{1} << byte % 64;
        if ((written_[byte / 64] & bit) == 0) {
            written_[byte / 64] |= bit;
            before_[byte] = old[i];
        } else {
            count(before_[byte], old[i], take_away);
        }
        count(before_[byte], data[i * stride], add);
    }
}

void FlippedBits::overwrite(core::Row row, std::uint32_t first, std::size_t bytes, const unsigned char* old) {
    if (!any_ || row != row_) {
        return;
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        const std::size_t byte = first + i;
        const std::uint64_t bit = std::uint64_t{1} << byte % 64;
        if ((written_[byte / 64] & bit) != 0) {
            written_[byte / 64] &= ~bit;
            count(before_[byte], old[i], take_away);
        }
    }
}

void FlippedBits::clear() {
    if (any_) {
        std::fill(written_.begin(), written_.end(), 0);
        set_ = reset_ = 0;
        any_ = false;
    }
}

} // namespace hydravp::memory
