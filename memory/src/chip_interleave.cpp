// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip_interleave.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hydravp::memory {

namespace {

/// Transposes the 8 x 8 bytes at `in`; row i of the result goes to out + i * out_stride, row i of the source
/// starts at in + i * in_stride.
void transpose_8x8(const unsigned char* in, std::size_t in_stride, unsigned char* out,
                   std::size_t out_stride) {
#if defined(__SSE2__)
    const auto rows = [&](int i) {
        const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + i * in_stride));
        const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + (i + 1) * in_stride));
        return _mm_unpacklo_epi64(low, high);
    };
    __m128i a = rows(0), b = rows(2), c = rows(4), d = rows(6);
    // A perfect shuffle of 64 bytes rotates the six bits of their index; three of them swap row and column.
    for (int round = 0; round < 3; ++round) {
        const __m128i a2 = _mm_unpacklo_epi8(a, c), b2 = _mm_unpackhi_epi8(a, c);
        const __m128i c2 = _mm_unpacklo_epi8(b, d), d2 = _mm_unpackhi_epi8(b, d);
        a = a2, b = b2, c = c2, d = d2;
    }
    const auto store = [&](int i, __m128i two_rows) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i * out_stride), two_rows);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + (i + 1) * out_stride),
                         _mm_unpackhi_epi64(two_rows, two_rows));
    };
    store(0, a), store(2, b), store(4, c), store(6, d);
#else
    for (std::size_t i = 0; i < 8; ++i) {
        for (std::size_t j = 0; j < 8; ++j) {
            out[i * out_stride + j] = in[j * in_stride + i];
        }
    }
#endif
}

} // namespace

void ChipInterleave::split(const unsigned char* interleaved, std::size_t bytes_per_chip, unsigned char* chips,
                           std::size_t stride) const {
    std::size_t s = 0;
    if (chips_ == 8) {
        for (; s + 8 <= bytes_per_chip; s += 8) {
            transpose_8x8(interleaved + s * 8, 8, chips + s, stride);
        }
    }
    for (; s < bytes_per_chip; ++s) {
        for (std::size_t i = 0; i < chips_; ++i) {
            chips[i * stride + s] = interleaved[s * chips_ + i];
        }
    }
}

void ChipInterleave::join(const unsigned char* chips, std::size_t stride, std::size_t bytes_per_chip,
                          unsigned char* interleaved) const {
    std::size_t s = 0;
    if (chips_ == 8) {
        for (; s + 8 <= bytes_per_chip; s += 8) {
            transpose_8x8(chips + s, stride, interleaved + s * 8, 8);
        }
    }
    for (; s < bytes_per_chip; ++s) {
        for (std::size_t i = 0; i < chips_; ++i) {
            interleaved[s * chips_ + i] = chips[i * stride + s];
        }
    }
}

} // namespace hydravp::memory
