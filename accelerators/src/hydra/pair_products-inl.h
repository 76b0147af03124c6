// SPDX-License-Identifier: Apache-2.0
//
// What the kernels share that multiply pairs of 16-bit words; compiled once per instruction set.
#if defined(HYDRAVP_PAIR_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HYDRAVP_PAIR_PRODUCTS_INL_H
#undef HYDRAVP_PAIR_PRODUCTS_INL_H
#else
#define HYDRAVP_PAIR_PRODUCTS_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::hydra::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t panel_width = 32; // vector positions worked on together

// At most 16 lanes: two vectors fit a panel.
using D32 = hn::CappedTag<std::int32_t, panel_width / 2>;
using D64 = hn::CappedTag<std::int64_t, panel_width / 4>;
using D16 = hn::Rebind<std::int16_t, D32>; // half a vector: as many lanes as D32
using V32 = hn::Vec<D32>;

HWY_INLINE std::int32_t pack_pair(std::int16_t first, std::int16_t second) {
    return static_cast<std::int32_t>(static_cast<std::uint16_t>(first) |
                                     static_cast<std::uint32_t>(static_cast<std::uint16_t>(second)) << 16);
}

/// The words of two rows as pairs, the first row low.
HWY_INLINE V32 join_pairs(hn::Vec<D16> first, hn::Vec<D16> second) {
    const D32 d32;
    return hn::Or(hn::And(hn::PromoteTo(d32, first), hn::Set(d32, 0xFFFF)),
                  hn::ShiftLeft<16>(hn::PromoteTo(d32, second)));
}

/// sum + the two products of each lane's pair of int16, modulo 2^32.
HWY_INLINE V32 multiply_add_pairs(V32 a, V32 b, V32 sum) {
    const D32 d32;
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
    // Here Highway maps this to pmaddwd, whose sums are pairwise; elsewhere their order is open.
    const hn::Repartition<std::int16_t, D32> d16;
    V32 unused = sum;
    return hn::ReorderWidenMulAccumulate(d32, hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
#else
    const hn::RebindToUnsigned<D32> u32; // lest a sum overflows
    const auto low =
        hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
    const auto high = hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b));
    return hn::BitCast(
        d32, hn::Add(hn::BitCast(u32, sum), hn::Add(hn::BitCast(u32, low), hn::BitCast(u32, high))));
#endif
}

} // namespace
} // namespace hydravp::accelerators::hydra::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per target
