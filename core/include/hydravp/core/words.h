// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Words in memory, of 2 bytes or, in 8-bit precision, of 1, and the 16-bit words that are computed with.
namespace hydravp::core {

/// Words of `word_bytes` bytes at `from`, sign-extended.
inline void load_words(const unsigned char* from, std::size_t count, std::uint32_t word_bytes,
                       std::int16_t* to) {
    if (word_bytes == 2) {
        std::memcpy(to, from, count * 2);
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const int byte = from[i];
        to[i] = static_cast<std::int16_t>((byte ^ 0x80) - 0x80);
    }
}

/// The lower `word_bytes` bytes of each word; they have to hold it.
inline void store_words(const std::int16_t* from, std::size_t count, std::uint32_t word_bytes,
                        unsigned char* to) {
    if (word_bytes == 2) {
        std::memcpy(to, from, count * 2);
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        to[i] = static_cast<unsigned char>(from[i]);
    }
}

} // namespace hydravp::core
