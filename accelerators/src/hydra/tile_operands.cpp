// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/tile_operands.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "hydra/tile_operands.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format off: it has to follow
#include "pair_products-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::hydra::HWY_NAMESPACE {
namespace {

/// to[i] = the pair of first[i] and second[i].
void join_rows(const std::int16_t* first, const std::int16_t* second, std::size_t count, std::int32_t* to) {
    const D16 d16;
    const std::size_t lanes = hn::Lanes(D32());
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        hn::StoreU(join_pairs(hn::LoadU(d16, first + i), hn::LoadU(d16, second + i)), D32(), to + i);
    }
    for (; i < count; ++i) {
        to[i] = pack_pair(first[i], second[i]);
    }
}

/// |first| + |second| of each pair.
void find_magnitudes(const std::int32_t* pairs, std::size_t count, std::int32_t* to) {
    const D32 d;
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
        const auto pair = hn::LoadU(d, pairs + i);
        hn::StoreU(
            hn::Add(hn::Abs(hn::ShiftRight<16>(hn::ShiftLeft<16>(pair))), hn::Abs(hn::ShiftRight<16>(pair))),
            d, to + i);
    }
}

TileOperands::Bounds find_bounds(const std::int32_t* magnitudes, const std::size_t* offsets, std::size_t taps,
                                 std::size_t kernel_width, std::size_t length) {
    const D32 d;
    auto pair_most = hn::Zero(d);
    auto row_most = pair_most;
    auto tap_most = pair_most;
    for (std::size_t i = 0; i < length; i += hn::Lanes(d)) {
        auto all = hn::Zero(d);
        for (std::size_t tap = 0; tap < taps;) {
            auto row = hn::Zero(d);
            for (const std::size_t end = tap + kernel_width; tap < end; ++tap) {
                const auto one = hn::LoadU(d, magnitudes + offsets[tap] + i);
                tap_most = hn::Max(tap_most, one);
                row = hn::Add(row, one);
            }
            row_most = hn::Max(row_most, row);
            all = hn::Add(all, row);
        }
        pair_most = hn::Max(pair_most, all);
    }
    return {hn::GetLane(hn::MaxOfLanes(d, pair_most)), hn::GetLane(hn::MaxOfLanes(d, row_most)),
            hn::GetLane(hn::MaxOfLanes(d, tap_most))};
}

} // namespace
} // namespace hydravp::accelerators::hydra::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::hydra {

HWY_EXPORT(join_rows);
HWY_EXPORT(find_magnitudes);
HWY_EXPORT(find_bounds);

void TileOperands::Phases::set(std::uint32_t taps, std::uint32_t dilation, std::uint32_t stride) {
    places_.assign(stride, unused);
    count_ = 0;
    for (std::uint32_t tap = 0; tap < taps; ++tap) {
        std::uint32_t& place = places_[std::size_t{tap} * dilation % stride];
        place = place == unused ? count_++ : place;
    }
}

PassLayout TileOperands::layout(std::uint32_t filters) const {
    PassLayout layout{filters, positions_, columns_, first_column_, pitch_, 0};
    layout.filter_distance = layout.length() + margin;
    return layout;
}

void TileOperands::load(const core::LayerGeometry& g, core::Range positions, const ActivationTile& tile,
                        core::Range channels) {
    const std::uint32_t first_row = positions.begin / g.out_width;
    const std::uint32_t last_row = (positions.end - 1) / g.out_width;
    channels_ = channels.size();
    kernel_width_ = g.kernel_width;
    row_stride_ = g.stride_height;
    positions_ = positions.size();
    columns_ = g.out_width;
    first_column_ = positions.begin % g.out_width;
    row_phases_.set(g.kernel_height, g.dilation_height, g.stride_height);
    column_phases_.set(g.kernel_width, g.dilation_width, g.stride_width);
    rows_ = last_row - first_row + std::size_t{g.kernel_height - 1} * g.dilation_height / g.stride_height + 1;
    pitch_ = g.out_width + (g.kernel_width - 1) * g.dilation_width / g.stride_width;
    plane_ = rows_ * pitch_ * row_phases_.count() * column_phases_.count();
    length_ = layout(1).length();
    origin_ = std::int64_t{first_row} * g.stride_height - g.pad_top;

    offsets_.clear();
    for (std::uint32_t ky = 0; ky < g.kernel_height; ++ky) {
        for (std::uint32_t kx = 0; kx < g.kernel_width; ++kx) {
            const std::uint32_t y = ky * g.dilation_height;
            const std::uint32_t x = kx * g.dilation_width;
            offsets_.push_back(place(y, x % g.stride_width) + x / g.stride_width + first_column_);
        }
    }

    words_.assign(channel_pairs() * plane_ + margin, 0);
    magnitudes_.resize(plane_ + 2 * margin);
    no_channel_.assign(tile.channel_words(), 0);
    bounds_.resize(channel_pairs());
    for (std::size_t pair = 0; pair < channel_pairs(); ++pair) {
        const std::uint32_t channel = channels.begin + static_cast<std::uint32_t>(2 * pair);
        std::int32_t* const plane = words_.data() + pair * plane_;
        load_channels(g, tile.channel(channel),
                      channel + 1 < channels.end ? tile.channel(channel + 1) : no_channel_.data(),
                      tile.rows(), plane);
        HWY_DYNAMIC_DISPATCH(find_magnitudes)(plane, plane_, magnitudes_.data());
        std::fill(magnitudes_.begin() + static_cast<std::ptrdiff_t>(plane_), magnitudes_.end(), 0);
        bounds_[pair] = HWY_DYNAMIC_DISPATCH(find_bounds)(magnitudes_.data(), offsets_.data(),
                                                          offsets_.size(), kernel_width_, length_);
    }
}

void TileOperands::load_channels(const core::LayerGeometry& g, const std::int16_t* first,
                                 const std::int16_t* second, core::Range rows, std::int32_t* plane) const {
    for (std::uint32_t row = rows.begin; row < rows.end; ++row, first += g.in_width, second += g.in_width) {
        const std::int64_t from_origin = row - origin_;
        if (from_origin < 0) {
            continue;
        }
        const auto y = static_cast<std::uint32_t>(from_origin);
        if (y / g.stride_height >= rows_ || !row_phases_.used(y % g.stride_height)) {
            continue;
        }
        if (g.stride_width == 1) {
            const std::uint32_t room = pitch_ > g.pad_left ? pitch_ - g.pad_left : 0;
            HWY_DYNAMIC_DISPATCH(join_rows)
            (first, second, std::min(g.in_width, room), plane + place(y, 0) + g.pad_left);
            continue;
        }
        for (std::uint32_t residue = 0; residue < g.stride_width; ++residue) {
            if (!column_phases_.used(residue)) {
                continue;
            }
            std::int32_t* const to = plane + place(y, residue);
            for (std::uint32_t i = 0; i < pitch_; ++i) {
                const std::int64_t x = std::int64_t{i} * g.stride_width + residue - g.pad_left;
                if (x >= 0 && x < g.in_width) {
                    HWY_DYNAMIC_DISPATCH(join_rows)(first + x, second + x, 1, to + i);
                }
            }
        }
    }
}

} // namespace hydravp::accelerators::hydra
#endif // HWY_ONCE
