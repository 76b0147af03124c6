// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/output_words.h"

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/partial_sums.h"

#include <algorithm>

// Compiles what lies between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "output_words.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hydravp::modules::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D64 = hn::ScalableTag<std::int64_t>;
using D32 = hn::Rebind<std::int32_t, D64>;
using D16 = hn::Rebind<std::int16_t, D64>;

HWY_INLINE hn::Vec<D64> load(const unsigned char* from, std::int32_t /*word*/) {
    return hn::PromoteTo(D64(), hn::LoadU(D32(), reinterpret_cast<const std::int32_t*>(from)));
}
HWY_INLINE hn::Vec<D64> load(const unsigned char* from, std::int16_t /*word*/) {
    const auto words = hn::LoadU(D16(), reinterpret_cast<const std::int16_t*>(from));
    return hn::PromoteTo(D64(), hn::PromoteTo(D32(), words));
}

/// Sums whole vectors of outputs; returns how many outputs that were.
template <class Word>
std::size_t sum_words(const unsigned char* const* from, std::size_t units, std::size_t count,
                      std::int64_t* sums) {
    const D64 d;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        auto sum = hn::Zero(d);
        for (std::size_t unit = 0; unit < units; ++unit) {
            sum = hn::Add(sum, load(from[unit] + i * sizeof(Word), Word{}));
        }
        hn::StoreU(sum, d, sums + i);
    }
    return i;
}

std::size_t sum_vectors(const unsigned char* const* from, std::size_t units, std::size_t count,
                        std::uint32_t bits, std::int64_t* sums) {
    return bits == 32 ? sum_words<std::int32_t>(from, units, count, sums)
                      : sum_words<std::int16_t>(from, units, count, sums);
}

/// Whole vectors of words between the bounds; returns how many words that were. 1 <= shift <= 62.
std::size_t round_vectors(const std::int64_t* sums, std::size_t count, int sum_shift, std::int64_t bias,
                          int shift, std::int64_t lowest, std::int64_t highest, std::int16_t* words) {
    const D64 d;
    const hn::RebindToUnsigned<D64> unsigned_d;
    const hn::Rebind<std::uint16_t, D64> word_d;
    const std::size_t lanes = hn::Lanes(d);
    const auto top = hn::Set(d, highest);
    const auto bottom = hn::Set(d, lowest);
    // Half to even: one addition of just below a half, and one more where the result would be odd.
    const auto offset = hn::Set(d, bias);
    const auto below_half = hn::Set(d, (std::int64_t{1} << (shift - 1)) - 1);
    const auto one = hn::Set(d, 1);
    auto* const to = reinterpret_cast<std::uint16_t*>(words);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        auto x = hn::Add(hn::ShiftLeftSame(hn::LoadU(d, sums + i), sum_shift), offset);
        const auto odd = hn::And(hn::ShiftRightSame(x, shift), one);
        x = hn::ShiftRightSame(hn::Add(hn::Add(x, below_half), odd), shift);
        x = hn::Max(hn::Min(x, top), bottom);
        hn::StoreU(hn::TruncateTo(word_d, hn::BitCast(unsigned_d, x)), word_d, to + i);
    }
    return i;
}

} // namespace
} // namespace hydravp::modules::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::modules {

HWY_EXPORT(sum_vectors);
HWY_EXPORT(round_vectors);

void sum_over_units(const unsigned char* const* from, std::size_t units, std::size_t count,
                    std::uint32_t bits, std::int64_t* sums) {
    std::size_t done = 0;
    if (bits != 48) {
        done = HWY_DYNAMIC_DISPATCH(sum_vectors)(from, units, count, bits, sums);
    }
    std::fill(sums + done, sums + count, 0);
    for (std::size_t unit = 0; unit < units; ++unit) {
        core::add_partial_sums(from[unit] + done * (bits / 8), count - done, bits, sums + done);
    }
}

namespace {

std::int16_t highest_output(const core::LayerRegisters& layer) {
    return static_cast<std::int16_t>(
        std::min<std::int32_t>(layer.output_ceiling, layer.geometry.highest_word()));
}

} // namespace

std::int16_t output_word(const core::LayerRegisters& layer, std::int64_t value) {
    int shift = layer.output_shift;
    if (value < 0) {
        switch (layer.activation) {
        case core::Activation::none:
            break;
        case core::Activation::relu:
        case core::Activation::relu6:
            return 0;
        case core::Activation::leaky_relu: // one rounding for the product and the shift together
            value = core::saturate(value, core::slope_operand_bits) * layer.negative_slope;
            shift += core::slope_fraction;
            break;
        }
    }
    const std::int16_t word = core::saturate16(core::round_shift(value, shift));
    return std::clamp(word, layer.geometry.lowest_word(), highest_output(layer));
}

void output_words(const core::LayerRegisters& layer, const std::int64_t* sums, std::size_t count,
                  std::uint32_t sum_shift, std::int64_t bias, std::int16_t* words) {
    std::size_t i = 0;
    if (layer.activation != core::Activation::leaky_relu && layer.output_shift >= 1 &&
        layer.output_shift <= 62) {
        const std::int64_t lowest =
            layer.activation == core::Activation::none ? layer.geometry.lowest_word() : 0;
        const std::int64_t highest = highest_output(layer);
        i = HWY_DYNAMIC_DISPATCH(round_vectors)(sums, count, static_cast<int>(sum_shift), bias,
                                                layer.output_shift, lowest, highest, words);
    }
    for (; i < count; ++i) {
        words[i] = output_word(layer, core::round_shift(sums[i], -static_cast<int>(sum_shift)) + bias);
    }
}

} // namespace hydravp::modules
#endif // HWY_ONCE
