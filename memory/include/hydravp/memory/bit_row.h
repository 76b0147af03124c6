// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

/// One row of a sub-array, a bit per bit line. The compiler turns its operators into vector instructions.
struct alignas(64) BitRow {
    static constexpr std::size_t columns = 512;
    static constexpr std::size_t word_bits = 64;
    static constexpr std::size_t words = columns / word_bits;

    std::array<std::uint64_t, words> word{};

    bool bit(std::size_t column) const { return (word[column / word_bits] >> (column % word_bits) & 1) != 0; }
    void set(std::size_t column, bool value) {
        const std::uint64_t mask = std::uint64_t{1} << (column % word_bits);
        std::uint64_t& w = word[column / word_bits];
        w = value ? w | mask : w & ~mask;
    }
    static BitRow filled(bool value) {
        BitRow row;
        row.word.fill(value ? ~std::uint64_t{0} : 0);
        return row;
    }

    friend BitRow operator&(const BitRow& a, const BitRow& b) {
        BitRow r;
        for (std::size_t i = 0; i < words; ++i) {
            r.word[i] = a.word[i] & b.word[i];
        }
        return r;
    }
    friend BitRow operator|(const BitRow& a, const BitRow& b) {
        BitRow r;
        for (std::size_t i = 0; i < words; ++i) {
            r.word[i] = a.word[i] | b.word[i];
        }
        return r;
    }
    friend BitRow operator^(const BitRow& a, const BitRow& b) {
        BitRow r;
        for (std::size_t i = 0; i < words; ++i) {
            r.word[i] = a.word[i] ^ b.word[i];
        }
        return r;
    }
    friend BitRow operator~(const BitRow& a) {
        BitRow r;
        for (std::size_t i = 0; i < words; ++i) {
            r.word[i] = ~a.word[i];
        }
        return r;
    }
    friend bool operator==(const BitRow& a, const BitRow& b) { return a.word == b.word; }
    friend bool operator!=(const BitRow& a, const BitRow& b) { return !(a == b); }
};

} // namespace hydravp::memory
