// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/partial_sums.h"

#include "hydravp/core/fixed_point.h"

#include <cstring>

namespace hydravp::core {

namespace {

/// x / 2^shift, half to even, for a shift of at least 1: one addition rounds all cases.
struct Rounding {
    explicit Rounding(unsigned shift) : shift_(shift), below_half_((std::int64_t{1} << (shift - 1)) - 1) {}
    std::int64_t operator()(std::int64_t x) const { return (x + below_half_ + (x >> shift_ & 1)) >> shift_; }

private:
    unsigned shift_;
    std::int64_t below_half_;
};

struct Exact {
    std::int64_t operator()(std::int64_t x) const { return x; }
};

template <class Word, class Scale>
void pack(const std::int64_t* sums, std::size_t count, const Scale& scale, unsigned char* to) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto word = static_cast<Word>(saturate(scale(sums[i]), 8 * sizeof(Word)));
        std::memcpy(to + i * sizeof(Word), &word, sizeof(Word));
    }
}

template <class Scale>
void pack48(const std::int64_t* sums, std::size_t count, const Scale& scale, unsigned char* to) {
    for (std::size_t i = 0; i < count; ++i, to += 6) {
        const std::int64_t word = saturate(scale(sums[i]), 48);
        std::memcpy(to, &word, 8); // the next one covers what is too much
    }
}

template <class Scale>
void pack_words(const std::int64_t* sums, std::size_t count, unsigned bits, const Scale& scale,
                unsigned char* to) {
    if (bits == 16) {
        pack<std::int16_t>(sums, count, scale, to);
    } else if (bits == 32) {
        pack<std::int32_t>(sums, count, scale, to);
    } else {
        pack48(sums, count, scale, to);
    }
}

template <class Word>
void add(const unsigned char* from, std::size_t count, std::int64_t* sums) {
    for (std::size_t i = 0; i < count; ++i) {
        Word word;
        std::memcpy(&word, from + i * sizeof(Word), sizeof(Word));
        sums[i] += word;
    }
}

void add48(const unsigned char* from, std::size_t count, std::int64_t* sums) {
    for (std::size_t i = 0; i < count; ++i, from += 6) {
        std::uint32_t low = 0;
        std::int16_t high = 0;
        std::memcpy(&low, from, 4);
        std::memcpy(&high, from + 4, 2);
        sums[i] += static_cast<std::int64_t>(static_cast<std::uint64_t>(std::int64_t{high}) << 32 | low);
    }
}

} // namespace

void pack_partial_sums(const std::int64_t* sums, std::size_t count, unsigned bits, unsigned shift,
                       unsigned char* to) {
    if (shift == 0) {
        pack_words(sums, count, bits, Exact{}, to);
    } else {
        pack_words(sums, count, bits, Rounding{shift}, to);
    }
}

void add_partial_sums(const unsigned char* from, std::size_t count, unsigned bits, std::int64_t* sums) {
    if (bits == 16) {
        add<std::int16_t>(from, count, sums);
    } else if (bits == 32) {
        add<std::int32_t>(from, count, sums);
    } else {
        add48(from, count, sums);
    }
}

} // namespace hydravp::core
