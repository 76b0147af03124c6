// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/pass_sums.h"

#include "hydravp/core/partial_sums.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hydra/pass_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::hydra::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// One row of sums, in whole vectors: what lies behind them is packed along.
template <class Word>
void pack_row(const std::int64_t* sums, std::size_t count, std::uint32_t shift, unsigned char* to) {
    using Unsigned = std::make_unsigned_t<Word>;
    const hn::ScalableTag<std::int64_t> d;
    const hn::RebindToUnsigned<decltype(d)> unsigned_d;
    const hn::Rebind<Unsigned, decltype(d)> word_d;
    const std::size_t lanes = hn::Lanes(d);
    static_assert(hn::MaxLanes(hn::ScalableTag<std::int64_t>()) <= pack_margin_sums);
    constexpr std::int64_t top = (std::int64_t{1} << (8 * sizeof(Word) - 1)) - 1;
    const auto highest = hn::Set(d, top);
    const auto lowest = hn::Set(d, -top - 1);
    // Half to even: one addition of just below a half, and one more where the result would be odd.
    const auto below_half = hn::Set(d, shift == 0 ? 0 : (std::int64_t{1} << (shift - 1)) - 1);
    const auto odd = hn::Set(d, shift == 0 ? 0 : 1);
    const auto places = static_cast<int>(shift);
    auto* const words = reinterpret_cast<Unsigned*>(to);
    for (std::size_t i = 0; i < count; i += lanes) {
        auto x = hn::LoadU(d, sums + i);
        const auto up = hn::And(hn::ShiftRightSame(x, places), odd);
        x = hn::ShiftRightSame(hn::Add(hn::Add(x, below_half), up), places);
        x = hn::Max(hn::Min(x, highest), lowest);
        hn::StoreU(hn::TruncateTo(word_d, hn::BitCast(unsigned_d, x)), word_d, words + i);
    }
}

template <class PackRow>
void pack_rows(const std::int64_t* sums, const PassLayout& layout, std::size_t word_bytes, PackRow row,
               unsigned char* to) {
    for (std::uint32_t filter = 0; filter < layout.filters; ++filter, sums += layout.filter_distance) {
        std::size_t first = 0;
        std::uint32_t column = layout.first_column;
        for (std::uint32_t done = 0; done < layout.positions;) { // no lambda: see mac_kernel.cpp
            const std::uint32_t count = std::min(layout.columns - column, layout.positions - done);
            row(sums + first, count, to);
            to += count * word_bytes;
            first += layout.pitch - column;
            column = 0;
            done += count;
        }
    }
}

template <class Word>
struct PackVectors {
    std::uint32_t shift;
    void operator()(const std::int64_t* sums, std::size_t count, unsigned char* to) const {
        pack_row<Word>(sums, count, shift, to);
    }
};

struct Pack48 {
    std::uint32_t shift;
    void operator()(const std::int64_t* sums, std::size_t count, unsigned char* to) const {
        core::pack_partial_sums(sums, count, 48, shift, to);
    }
};

void pack(const std::int64_t* sums, const PassLayout& layout, std::uint32_t bits, std::uint32_t shift,
          unsigned char* to) {
    switch (bits) {
    case 16:
        return pack_rows(sums, layout, 2, PackVectors<std::int16_t>{shift}, to);
    case 32:
        return pack_rows(sums, layout, 4, PackVectors<std::int32_t>{shift}, to);
    default:
        return pack_rows(sums, layout, 6, Pack48{shift}, to);
    }
}

} // namespace
} // namespace hydravp::accelerators::hydra::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::hydra {

HWY_EXPORT(pack);

void pack_sums(const std::int64_t* sums, const PassLayout& layout, std::uint32_t bits, std::uint32_t shift,
               unsigned char* to) {
    HWY_DYNAMIC_DISPATCH(pack)(sums, layout, bits, shift, to);
}

} // namespace hydravp::accelerators::hydra
#endif // HWY_ONCE
