// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/tile_convolution.h"

#include <algorithm>
#include <limits>

// Compiles what lies between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once per instruction set.
// No lambdas in there: they would not inherit the instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hydra/tile_convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format off: it has to follow
#include "pair_products-inl.h"
// clang-format on

// How it stays exact
//
// A lane adds up pairs of products in 32 bits, which may wrap on the way: arithmetic modulo 2^32 is exact as
// long as the result of a block of pairs is in range. The magnitude of a block's result is at most the
// largest |weight| times the largest sum of |words| that any position sees in the block. The tile's bounds
// say how large those sums are, for all filters and once per tile. Between blocks the upper 16 bits of the
// lane are moved into a second one, and 16 remain; so a block may add up to 2^31 - 2^16.

#ifndef HYDRAVP_CONVOLUTION_STEPS
#define HYDRAVP_CONVOLUTION_STEPS
namespace hydravp::accelerators::hydra {
namespace {

/// Pairs of steps in blocks whose sums fit 32 bits.
struct ConvolutionSteps {
    const std::int32_t* const* operands; ///< of the first position, for each pair
    const std::size_t* block_ends;
    std::size_t blocks;
    std::size_t pairs;
};

} // namespace
} // namespace hydravp::accelerators::hydra
#endif

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::hydra::HWY_NAMESPACE {
namespace {

constexpr std::size_t tile_filters = 4; // accumulated together in registers

/// Packs filters by fours: of a four, pair after pair of steps, the weights of each of its filters.
void pack_weights(const TileOperands& operands, const std::int16_t* weights, std::size_t stride,
                  std::size_t filters, std::int32_t* packed) {
    const std::size_t taps = operands.taps();
    for (std::size_t m = 0; m < filters; m += tile_filters) {
        const std::size_t count = std::min(tile_filters, filters - m);
        for (std::size_t pair = 0; pair < operands.channel_pairs(); ++pair) {
            const bool odd_rest = 2 * pair + 1 == operands.channels();
            for (std::size_t tap = 0; tap < taps; ++tap, packed += count) {
                const std::int16_t* first = weights + (2 * pair * taps + tap) * stride + m;
                const std::int16_t* second = first + taps * stride;
                for (std::size_t i = 0; i < count; ++i) {
                    packed[i] = pack_pair(first[i], odd_rest ? std::int16_t{0} : second[i]);
                }
            }
        }
    }
}

/// Of a lane's sum the lower 16 bits stay, the rest is added to `high`.
HWY_INLINE V32 carry(V32 low, std::int32_t* HWY_RESTRICT high) {
    const D32 d;
    hn::Store(hn::Add(hn::Load(d, high), hn::ShiftRight<16>(low)), d, high);
    return hn::And(low, hn::Set(d, 0xFFFF));
}

/// Sums of `filters` filters and `vectors` vectors of positions over all steps, as low + 2^16 * high; a
/// filter's are `panel_width` apart. `high` is zero before. The sums are named, not in an array, because
/// vectors of unknown size cannot be array elements.
template <std::size_t filters, std::size_t vectors>
HWY_INLINE void multiply_tile(const ConvolutionSteps& steps, std::size_t position,
                              const std::int32_t* HWY_RESTRICT weights, std::int32_t* HWY_RESTRICT low,
                              std::int32_t* HWY_RESTRICT high) {
    const D32 d;
    const std::size_t lanes = hn::Lanes(d);
    V32 s00 = hn::Zero(d), s01 = s00;
    V32 s10 = s00, s11 = s00;
    V32 s20 = s00, s21 = s00;
    V32 s30 = s00, s31 = s00;
    std::size_t pair = 0;
    for (std::size_t block = 0;; ++block) {
        for (const std::size_t end = steps.block_ends[block]; pair < end; ++pair, weights += filters) {
            const std::int32_t* operand = steps.operands[pair] + position;
            const V32 v0 = hn::LoadU(d, operand);
            V32 v1 = v0;
            if constexpr (vectors > 1) {
                v1 = hn::LoadU(d, operand + lanes);
            }
            const V32 w0 = hn::Set(d, weights[0]);
            s00 = multiply_add_pairs(w0, v0, s00);
            if constexpr (vectors > 1) {
                s01 = multiply_add_pairs(w0, v1, s01);
            }
            if constexpr (filters > 1) {
                const V32 w1 = hn::Set(d, weights[1]);
                s10 = multiply_add_pairs(w1, v0, s10);
                if constexpr (vectors > 1) {
                    s11 = multiply_add_pairs(w1, v1, s11);
                }
            }
            if constexpr (filters > 2) {
                const V32 w2 = hn::Set(d, weights[2]);
                s20 = multiply_add_pairs(w2, v0, s20);
                if constexpr (vectors > 1) {
                    s21 = multiply_add_pairs(w2, v1, s21);
                }
            }
            if constexpr (filters > 3) {
                const V32 w3 = hn::Set(d, weights[3]);
                s30 = multiply_add_pairs(w3, v0, s30);
                if constexpr (vectors > 1) {
                    s31 = multiply_add_pairs(w3, v1, s31);
                }
            }
        }
        if (block + 1 == steps.blocks) {
            break;
        }
        s00 = carry(s00, high);
        s01 = vectors > 1 ? carry(s01, high + lanes) : s01;
        if constexpr (filters > 1) {
            s10 = carry(s10, high + panel_width);
            s11 = vectors > 1 ? carry(s11, high + panel_width + lanes) : s11;
        }
        if constexpr (filters > 2) {
            s20 = carry(s20, high + 2 * panel_width);
            s21 = vectors > 1 ? carry(s21, high + 2 * panel_width + lanes) : s21;
        }
        if constexpr (filters > 3) {
            s30 = carry(s30, high + 3 * panel_width);
            s31 = vectors > 1 ? carry(s31, high + 3 * panel_width + lanes) : s31;
        }
    }
    hn::Store(s00, d, low);
    hn::Store(s01, d, low + lanes);
    if constexpr (filters > 1) {
        hn::Store(s10, d, low + panel_width);
        hn::Store(s11, d, low + panel_width + lanes);
    }
    if constexpr (filters > 2) {
        hn::Store(s20, d, low + 2 * panel_width);
        hn::Store(s21, d, low + 2 * panel_width + lanes);
    }
    if constexpr (filters > 3) {
        hn::Store(s30, d, low + 3 * panel_width);
        hn::Store(s31, d, low + 3 * panel_width + lanes);
    }
}

/// sums (+)= low + 2^16 * high for whole vectors that cover `count` positions.
template <bool add>
HWY_INLINE void widen(const std::int32_t* HWY_RESTRICT low, const std::int32_t* HWY_RESTRICT high,
                      std::size_t count, std::int64_t* HWY_RESTRICT sums) {
    const D64 d64;
    const hn::Rebind<std::int32_t, D64> half;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d64)) {
        auto sum = hn::Add(hn::PromoteTo(d64, hn::LoadU(half, low + i)),
                           hn::ShiftLeft<16>(hn::PromoteTo(d64, hn::LoadU(half, high + i))));
        if constexpr (add) {
            sum = hn::Add(sum, hn::LoadU(d64, sums + i));
        }
        hn::StoreU(sum, d64, sums + i);
    }
}

template <std::size_t filters>
void convolve_tile(const ConvolutionSteps& steps, std::size_t position, std::size_t count,
                   const std::int32_t* weights, bool add, std::int64_t* sums, std::size_t distance) {
    HWY_ALIGN std::int32_t low[filters * panel_width];
    HWY_ALIGN std::int32_t high[filters * panel_width] = {};
    if (count > hn::Lanes(D32())) {
        multiply_tile<filters, 2>(steps, position, weights, low, high);
    } else {
        multiply_tile<filters, 1>(steps, position, weights, low, high);
    }
    for (std::size_t m = 0; m < filters; ++m, sums += distance) {
        if (add) {
            widen<true>(low + m * panel_width, high + m * panel_width, count, sums);
        } else {
            widen<false>(low + m * panel_width, high + m * panel_width, count, sums);
        }
    }
}

void convolve_all(const ConvolutionSteps& steps, std::size_t length, const std::int32_t* weights,
                  std::size_t filters, bool add, std::int64_t* sums, std::size_t distance) {
    const std::size_t at_once = 2 * hn::Lanes(D32());
    for (std::size_t position = 0; position < length; position += at_once) {
        const std::size_t count = std::min(at_once, length - position);
        const std::int32_t* packed = weights;
        std::int64_t* to = sums + position;
        std::size_t rest = filters;
        for (; rest >= tile_filters; rest -= tile_filters) {
            convolve_tile<tile_filters>(steps, position, count, packed, add, to, distance);
            packed += tile_filters * steps.pairs;
            to += tile_filters * distance;
        }
        if (rest == 3) {
            convolve_tile<3>(steps, position, count, packed, add, to, distance);
        } else if (rest == 2) {
            convolve_tile<2>(steps, position, count, packed, add, to, distance);
        } else if (rest == 1) {
            convolve_tile<1>(steps, position, count, packed, add, to, distance);
        }
    }
}

} // namespace
} // namespace hydravp::accelerators::hydra::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::hydra {

HWY_EXPORT(pack_weights);
HWY_EXPORT(convolve_all);

namespace {

std::int64_t largest_magnitude(const std::int16_t* words, std::size_t count) {
    std::int16_t lowest = 0;
    std::int16_t highest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        lowest = std::min(lowest, words[i]);
        highest = std::max(highest, words[i]);
    }
    return std::max(-std::int64_t{lowest}, std::int64_t{highest});
}

/// Cuts the steps into blocks none of which adds up more than `limit` at any position: of whole pairs of
/// channels if it can be, else of kernel rows or of single taps. False if not even those are small enough.
bool cut_blocks(const TileOperands& operands, std::int64_t limit, std::vector<std::size_t>& ends) {
    ends.clear();
    const std::size_t taps = operands.taps();
    std::int64_t sum = 0; // of the block that is open
    for (std::size_t pair = 0; pair < operands.channel_pairs(); ++pair) {
        const TileOperands::Bounds& bounds = operands.bounds()[pair];
        const std::size_t begin = pair * taps;
        if (sum + bounds.pair > limit && sum > 0) {
            ends.push_back(begin);
            sum = 0;
        }
        if (bounds.pair <= limit) {
            sum += bounds.pair;
            continue;
        }
        if (bounds.tap > limit) {
            return false;
        }
        const std::size_t step = bounds.row <= limit ? operands.kernel_width() : 1;
        for (std::size_t end = begin + step; end <= begin + taps; end += step) {
            ends.push_back(end);
        }
    }
    if (ends.empty() || ends.back() != operands.channel_pairs() * taps) {
        ends.push_back(operands.channel_pairs() * taps);
    }
    return true;
}

} // namespace

bool convolve(const TileOperands& operands, const std::int16_t* weights, std::size_t stride,
              std::size_t filters, bool add, std::int64_t* sums, std::size_t distance,
              ConvolutionScratch& scratch) {
    const std::size_t taps = operands.taps();
    const std::int64_t largest = largest_magnitude(weights, operands.channels() * taps * stride);
    constexpr std::int64_t carried = 0xFFFF; // what a block may find in its lane
    const std::int64_t limit =
        (std::numeric_limits<std::int32_t>::max() - carried) / std::max<std::int64_t>(largest, 1);
    if (!cut_blocks(operands, limit, scratch.block_ends)) {
        return false;
    }
    const std::size_t pairs = operands.channel_pairs() * taps;
    scratch.weights.resize(std::max(scratch.weights.size(), pairs * filters));
    HWY_DYNAMIC_DISPATCH(pack_weights)(operands, weights, stride, filters, scratch.weights.data());
    scratch.operands.clear();
    for (std::size_t pair = 0; pair < operands.channel_pairs(); ++pair) {
        for (std::size_t tap = 0; tap < taps; ++tap) {
            scratch.operands.push_back(operands.at(pair, tap));
        }
    }
    const ConvolutionSteps steps{scratch.operands.data(), scratch.block_ends.data(),
                                 scratch.block_ends.size(), pairs};
    HWY_DYNAMIC_DISPATCH(convolve_all)
    (steps, operands.length(), scratch.weights.data(), filters, add, sums, distance);
    return true;
}

} // namespace hydravp::accelerators::hydra
#endif // HWY_ONCE
