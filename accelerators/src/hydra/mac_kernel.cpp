// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/mac_kernel.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <tuple>

// Compiles what lies between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once per instruction set.
// No lambdas in there: they would not inherit the instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hydra/mac_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format off: it has to follow
#include "pair_products-inl.h"
// clang-format on

// How it stays exact
//
// Rows are taken in pairs, so that one instruction (pmaddwd on x86) multiplies two rows by their
// scalars and adds the two products in an int32 lane. Sums over a block of pairs stay in int32 and
// are then added to the int64 accumulators. A block must not exceed the int32 range:
//
// - Direct: every |v| of a panel is <= V, and S(p) bounds |s| + |s'| of pair p over all m. The
//   blocks are cut so that V * (sum of S(p) over the block) <= 2^31 - 1, which bounds every partial
//   sum too.
// - Split, where those blocks would be too short: s = 256 * high + low, low in [-128, 127], hence
//   high in [-128, 128]. With |v| <= 2^15, |low| <= 2^7 and |high| <= 2^7 a pair adds at most
//   2 * 2^15 * 2^7 = 2^23, and the 255 pairs of a whole chunk at most 255 * 2^23 < 2^31.
//   The low and high parts are then just two more output rows of the same inner loop.

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::hydra::HWY_NAMESPACE {
namespace {

constexpr std::size_t tile_rows = 4;         // output rows accumulated together in registers
constexpr std::size_t max_chunk_pairs = 255; // see the bound of the split operands above
// With blocks shorter than this on average, widening costs more than a second multiplication.
constexpr std::size_t min_direct_pairs = 4;

const std::int16_t zero_row[panel_width] = {};

/// One panel of up to `panel_width` vector positions of a chunk of rows.
struct Panel {
    const std::int32_t* pairs;
    std::size_t stride; // positions per pair, a multiple of the lanes; those past `width` are 0
    std::size_t width;
    std::size_t skip; // leading positions that the panel before has accumulated
};

/// Packs rows [0, depth) of positions [start, start + width); returns the largest magnitude.
std::int64_t pack_panel(const std::int16_t* const* rows, std::size_t depth, std::size_t start,
                        std::size_t width, std::size_t stride, std::int32_t* pairs) {
    const D32 d32;
    const D16 d16;
    const std::size_t lanes = hn::Lanes(d32);
    auto lowest = hn::Zero(d16);
    auto highest = hn::Zero(d16);
    int lowest_rest = 0;
    int highest_rest = 0;
    for (std::size_t k = 0; k < depth; k += 2, pairs += stride) {
        const std::int16_t* first = rows[k] + start;
        const std::int16_t* second = k + 1 < depth ? rows[k + 1] + start : zero_row;
        std::size_t n = 0;
        for (; n + lanes <= width; n += lanes) {
            const auto a = hn::LoadU(d16, first + n);
            const auto b = hn::LoadU(d16, second + n);
            lowest = hn::Min(lowest, hn::Min(a, b));
            highest = hn::Max(highest, hn::Max(a, b));
            hn::Store(join_pairs(a, b), d32, pairs + n);
        }
        for (; n < width; ++n) {
            lowest_rest = std::min<int>({lowest_rest, first[n], second[n]});
            highest_rest = std::max<int>({highest_rest, first[n], second[n]});
            pairs[n] = pack_pair(first[n], second[n]);
        }
        for (; n < stride; ++n) {
            pairs[n] = 0;
        }
    }
    std::int16_t low_lanes[panel_width];
    std::int16_t high_lanes[panel_width];
    hn::StoreU(lowest, d16, low_lanes);
    hn::StoreU(highest, d16, high_lanes);
    for (std::size_t i = 0; i < lanes; ++i) {
        lowest_rest = std::min<int>(lowest_rest, low_lanes[i]);
        highest_rest = std::max<int>(highest_rest, high_lanes[i]);
    }
    return std::max(-lowest_rest, highest_rest);
}

/// The scalars of `depth` rows; those of an absent odd row are 0.
struct ScalarChunk {
    const std::int16_t* scalars;
    std::size_t stride;
    std::size_t depth;
    std::size_t count;

    std::size_t pairs() const { return (depth + 1) / 2; }
    const std::int16_t* row(std::size_t k) const { return scalars + k * stride; }
};

void find_pair_magnitudes(const ScalarChunk& chunk, std::int32_t* magnitudes) {
    for (std::size_t pair = 0; pair < chunk.pairs(); ++pair) {
        const std::int16_t* first = chunk.row(2 * pair);
        std::int32_t largest = 0;
        if (2 * pair + 1 < chunk.depth) {
            const std::int16_t* second = chunk.row(2 * pair + 1);
            for (std::size_t m = 0; m < chunk.count; ++m) {
                largest =
                    std::max(largest, std::abs(std::int32_t{first[m]}) + std::abs(std::int32_t{second[m]}));
            }
        } else {
            for (std::size_t m = 0; m < chunk.count; ++m) {
                largest = std::max(largest, std::abs(std::int32_t{first[m]}));
            }
        }
        magnitudes[pair] = largest;
    }
}

/// Packs the scalars as multiply_tile() reads them: tile by tile, in a tile pair by pair. A split
/// chunk has two rows per scalar, the low and the high part.
template <bool split>
void pack_scalars(const ScalarChunk& chunk, std::int32_t* packed) {
    constexpr std::size_t step = split ? tile_rows / 2 : tile_rows;
    for (std::size_t m = 0; m < chunk.count; m += step) {
        const std::size_t count = std::min(step, chunk.count - m);
        for (std::size_t k = 0; k < chunk.depth; k += 2) {
            for (std::size_t i = m; i < m + count; ++i) {
                const std::int16_t first = chunk.row(k)[i];
                const std::int16_t second = k + 1 < chunk.depth ? chunk.row(k + 1)[i] : std::int16_t{0};
                if constexpr (split) {
                    const auto first_low = static_cast<std::int8_t>(first);
                    const auto second_low = static_cast<std::int8_t>(second);
                    *packed++ = pack_pair(first_low, second_low);
                    *packed++ = pack_pair(static_cast<std::int16_t>((first - first_low) / 256),
                                          static_cast<std::int16_t>((second - second_low) / 256));
                } else {
                    *packed++ = pack_pair(first, second);
                }
            }
        }
    }
}

/// Stores into sums[r * panel_width + i] the int32 sums over `pairs` pairs of `rows` rows and
/// `vectors` adjacent vectors. The sums are named, not in an array, to stay in registers without
/// optimization by luck, and because vectors of unknown size cannot be array elements.
template <std::size_t rows, std::size_t vectors>
HWY_INLINE void multiply_tile(const std::int32_t* HWY_RESTRICT vector_pairs, std::size_t vector_stride,
                              const std::int32_t* HWY_RESTRICT scalar_pairs, std::size_t pairs,
                              std::int32_t* HWY_RESTRICT sums) {
    const D32 d;
    const std::size_t lanes = hn::Lanes(d);
    V32 s00 = hn::Zero(d), s01 = s00;
    V32 s10 = s00, s11 = s00;
    V32 s20 = s00, s21 = s00;
    V32 s30 = s00, s31 = s00;
    for (std::size_t p = 0; p < pairs; ++p) {
        const V32 v0 = hn::Load(d, vector_pairs);
        V32 v1 = v0;
        if constexpr (vectors > 1) {
            v1 = hn::Load(d, vector_pairs + lanes);
        }
        const V32 w0 = hn::Set(d, scalar_pairs[0]);
        s00 = multiply_add_pairs(w0, v0, s00);
        if constexpr (vectors > 1) {
            s01 = multiply_add_pairs(w0, v1, s01);
        }
        if constexpr (rows > 1) {
            const V32 w1 = hn::Set(d, scalar_pairs[1]);
            s10 = multiply_add_pairs(w1, v0, s10);
            if constexpr (vectors > 1) {
                s11 = multiply_add_pairs(w1, v1, s11);
            }
        }
        if constexpr (rows > 2) {
            const V32 w2 = hn::Set(d, scalar_pairs[2]);
            s20 = multiply_add_pairs(w2, v0, s20);
            if constexpr (vectors > 1) {
                s21 = multiply_add_pairs(w2, v1, s21);
            }
        }
        if constexpr (rows > 3) {
            const V32 w3 = hn::Set(d, scalar_pairs[3]);
            s30 = multiply_add_pairs(w3, v0, s30);
            if constexpr (vectors > 1) {
                s31 = multiply_add_pairs(w3, v1, s31);
            }
        }
        vector_pairs += vector_stride;
        scalar_pairs += rows;
    }
    hn::Store(s00, d, sums);
    if constexpr (vectors > 1) {
        hn::Store(s01, d, sums + lanes);
    }
    if constexpr (rows > 1) {
        hn::Store(s10, d, sums + panel_width);
        if constexpr (vectors > 1) {
            hn::Store(s11, d, sums + panel_width + lanes);
        }
    }
    if constexpr (rows > 2) {
        hn::Store(s20, d, sums + 2 * panel_width);
        if constexpr (vectors > 1) {
            hn::Store(s21, d, sums + 2 * panel_width + lanes);
        }
    }
    if constexpr (rows > 3) {
        hn::Store(s30, d, sums + 3 * panel_width);
        if constexpr (vectors > 1) {
            hn::Store(s31, d, sums + 3 * panel_width + lanes);
        }
    }
}

/// acc[n] += sums[n], or 256 * high + low where row r is the low and row r + 1 the high part.
template <bool split>
HWY_INLINE void widen_row(const std::int32_t* HWY_RESTRICT sums, std::size_t width,
                          std::int64_t* HWY_RESTRICT acc) {
    const D64 d64;
    const hn::Rebind<std::int32_t, D64> half;
    const std::size_t lanes = hn::Lanes(d64);
    std::size_t n = 0;
    for (; n + lanes <= width; n += lanes) {
        auto sum = hn::PromoteTo(d64, hn::LoadU(half, sums + n));
        if constexpr (split) {
            const auto high = hn::PromoteTo(d64, hn::LoadU(half, sums + panel_width + n));
            sum = hn::Add(sum, hn::ShiftLeft<8>(high));
        }
        hn::StoreU(hn::Add(hn::LoadU(d64, acc + n), sum), d64, acc + n);
    }
    for (; n < width; ++n) {
        std::int64_t sum = sums[n];
        if constexpr (split) {
            sum += 256 * std::int64_t{sums[panel_width + n]};
        }
        acc[n] += sum;
    }
}

/// Accumulates `rows` packed scalar rows by the `pairs` pairs of a panel from `first_pair` on.
template <bool split, std::size_t rows>
void accumulate_tile(const Panel& panel, const std::int32_t* scalar_pairs, std::size_t first_pair,
                     std::size_t pairs, std::int64_t* acc, std::size_t acc_stride) {
    const std::size_t lanes = hn::Lanes(D32());
    HWY_ALIGN std::int32_t sums[rows * panel_width];
    const std::int32_t* vector_pairs = panel.pairs + first_pair * panel.stride;
    scalar_pairs += first_pair * rows;
    std::size_t n = 0;
    for (; n + 2 * lanes <= panel.stride; n += 2 * lanes) {
        multiply_tile<rows, 2>(vector_pairs + n, panel.stride, scalar_pairs, pairs, sums + n);
    }
    for (; n < panel.stride; n += lanes) {
        multiply_tile<rows, 1>(vector_pairs + n, panel.stride, scalar_pairs, pairs, sums + n);
    }
    for (std::size_t r = 0; r < rows; r += split ? 2 : 1, acc += acc_stride) {
        widen_row<split>(sums + r * panel_width + panel.skip, panel.width - panel.skip, acc + panel.skip);
    }
}

/// Accumulates a block of pairs of a panel for all scalars; `total_pairs` is their packed stride.
template <bool split>
void accumulate_block(const Panel& panel, const std::int32_t* scalar_pairs, std::size_t scalar_count,
                      std::size_t total_pairs, std::size_t first_pair, std::size_t pairs, std::int64_t* acc,
                      std::size_t acc_stride) {
    constexpr std::size_t rows_per_scalar = split ? 2 : 1;
    std::size_t rows = scalar_count * rows_per_scalar;
    for (; rows >= tile_rows; rows -= tile_rows) {
        accumulate_tile<split, tile_rows>(panel, scalar_pairs, first_pair, pairs, acc, acc_stride);
        scalar_pairs += tile_rows * total_pairs;
        acc += tile_rows / rows_per_scalar * acc_stride;
    }
    if (rows == 2) {
        accumulate_tile<split, 2>(panel, scalar_pairs, first_pair, pairs, acc, acc_stride);
    }
    if constexpr (!split) {
        if (rows == 1) {
            accumulate_tile<split, 1>(panel, scalar_pairs, first_pair, pairs, acc, acc_stride);
        }
        if (rows == 3) {
            accumulate_tile<split, 3>(panel, scalar_pairs, first_pair, pairs, acc, acc_stride);
        }
    }
}

/// Cuts the pairs into blocks whose direct sums fit int32 and writes the end of each to `ends`.
/// Returns their number, or 0 if split operands serve better.
std::size_t cut_direct_blocks(const std::int32_t* magnitudes, std::size_t pairs,
                              std::int64_t vector_magnitude, std::size_t* ends) {
    const std::int64_t limit =
        std::numeric_limits<std::int32_t>::max() / std::max<std::int64_t>(vector_magnitude, 1);
    const std::size_t max_blocks = std::max<std::size_t>(pairs / min_direct_pairs, 1);
    std::size_t blocks = 0;
    std::int64_t sum = 0;
    for (std::size_t p = 0; p < pairs; ++p) {
        if (magnitudes[p] > limit || blocks == max_blocks) {
            return 0;
        }
        if (sum + magnitudes[p] > limit) {
            ends[blocks++] = p;
            sum = 0;
        }
        sum += magnitudes[p];
    }
    if (blocks == max_blocks) {
        return 0;
    }
    ends[blocks++] = pairs;
    return blocks;
}

template <class T>
T* reserve(std::vector<T>& buffer, std::size_t size) {
    if (buffer.size() < size) {
        buffer.resize(size);
    }
    return buffer.data();
}

void accumulate_chunk(const std::int16_t* const* vector_rows, const ScalarChunk& chunk,
                      std::size_t vector_length, std::int64_t* acc, std::size_t acc_stride,
                      MacScratch& scratch) {
    const std::size_t pairs = chunk.pairs();
    const std::size_t lanes = hn::Lanes(D32());
    constexpr std::size_t line = std::tuple_size<decltype(MacScratch::Line::pairs)>::value;
    static_assert(panel_width % line == 0);
    auto* vector_pairs =
        reinterpret_cast<std::int32_t*>(reserve(scratch.vectors, pairs * (panel_width / line)));
    std::int32_t* direct = reserve(scratch.scalars, pairs * chunk.count);
    std::int32_t* split = reserve(scratch.split_scalars, 2 * pairs * chunk.count);
    std::int32_t* magnitudes = reserve(scratch.pair_magnitude, pairs);
    find_pair_magnitudes(chunk, magnitudes);

    bool direct_packed = false;
    bool split_packed = false;
    std::size_t ends[max_chunk_pairs];
    for (std::size_t start = 0; start < vector_length; start += panel_width) {
        const std::size_t rest = std::min(panel_width, vector_length - start);
        const std::size_t stride = (rest + lanes - 1) / lanes * lanes;
        // A last panel reaches back into the one before, so that it has only whole vectors.
        const std::size_t skip = start == 0 ? 0 : stride - rest;
        const Panel panel{vector_pairs, stride, rest + skip, skip};
        const std::size_t origin = start - skip;
        const std::int64_t magnitude =
            pack_panel(vector_rows, chunk.depth, origin, panel.width, stride, vector_pairs);
        const std::size_t blocks = cut_direct_blocks(magnitudes, pairs, magnitude, ends);
        if (blocks == 0) {
            if (!split_packed) {
                pack_scalars<true>(chunk, split);
            }
            split_packed = true;
            accumulate_block<true>(panel, split, chunk.count, pairs, 0, pairs, acc + origin, acc_stride);
            continue;
        }
        if (!direct_packed) {
            pack_scalars<false>(chunk, direct);
        }
        direct_packed = true;
        for (std::size_t block = 0, first = 0; block < blocks; first = ends[block++]) {
            accumulate_block<false>(panel, direct, chunk.count, pairs, first, ends[block] - first,
                                    acc + origin, acc_stride);
        }
    }
}

void accumulate(const std::int16_t* const* vector_rows, const ScalarChunk& operands,
                std::size_t vector_length, std::int64_t* acc, std::size_t acc_stride, MacScratch& scratch) {
    if (operands.depth == 0 || operands.count == 0) {
        return;
    }
    const std::size_t chunks = (operands.pairs() + max_chunk_pairs - 1) / max_chunk_pairs;
    const std::size_t chunk_depth = 2 * ((operands.pairs() + chunks - 1) / chunks);
    for (std::size_t k = 0; k < operands.depth; k += chunk_depth) {
        const ScalarChunk chunk{operands.row(k), operands.stride, std::min(chunk_depth, operands.depth - k),
                                operands.count};
        accumulate_chunk(vector_rows + k, chunk, vector_length, acc, acc_stride, scratch);
    }
}

void multiply_accumulate(const std::int16_t* const* vector_rows, const std::int16_t* scalars,
                         std::size_t scalar_stride, std::size_t depth, std::size_t scalar_count,
                         std::size_t vector_length, std::int64_t* acc, std::size_t acc_stride,
                         MacScratch& scratch) {
    accumulate(vector_rows, {scalars, scalar_stride, depth, scalar_count}, vector_length, acc, acc_stride,
               scratch);
}

} // namespace
} // namespace hydravp::accelerators::hydra::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::hydra {

HWY_EXPORT(multiply_accumulate);

void multiply_accumulate(const std::int16_t* const* vector_rows, const std::int16_t* scalars,
                         std::size_t scalar_stride, std::size_t depth, std::size_t scalar_count,
                         std::size_t vector_length, std::int64_t* acc, std::size_t acc_stride,
                         MacScratch& scratch) {
    HWY_DYNAMIC_DISPATCH(multiply_accumulate)
    (vector_rows, scalars, scalar_stride, depth, scalar_count, vector_length, acc, acc_stride, scratch);
}

std::vector<std::string> mac_kernel_targets() {
    std::vector<std::string> names;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        names.emplace_back(hwy::TargetName(target));
    }
    return names;
}

void select_mac_kernel_target(std::string_view name) {
    std::int64_t selected = 0;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        if (name.empty() || name == hwy::TargetName(target)) {
            selected |= target;
        }
    }
    if (selected == 0) {
        throw std::invalid_argument("no MAC kernel for the instruction set '" + std::string(name) +
                                    "' on this machine");
    }
    hwy::GetChosenTarget().Update(selected);
}

} // namespace hydravp::accelerators::hydra
#endif // HWY_ONCE
