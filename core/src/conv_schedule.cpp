// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/conv_schedule.h"

namespace hydravp::core {

Range LayerGeometry::input_rows(Range positions) const {
    if (positions.empty()) {
        return {};
    }
    const std::uint32_t first = positions.begin / out_width * stride_height;
    const std::uint32_t last = (positions.end - 1) / out_width * stride_height + kernel_height;
    const std::uint32_t begin = first > pad_top ? first - pad_top : 0;
    const std::uint32_t end = last > pad_top ? std::min(last - pad_top, in_height) : 0;
    return {std::min(begin, end), end};
}

ConvSchedule::ConvSchedule(const LayerGeometry& geometry) : g_(geometry) {
    slice_filters_ = ceil_divide(g_.filters, g_.filter_split);
    slice_positions_ = ceil_divide(g_.positions(), g_.position_split);
    if (g_.position_split > 1) { // whole lane groups stay together
        slice_positions_ = static_cast<std::uint32_t>(align_up(slice_positions_, g_.lanes));
    }
    tiles_ = ceil_divide(slice_positions_, g_.tile_positions);
    groups_ = ceil_divide(slice_filters_, g_.filter_group);
    fetches_ = ceil_divide(g_.local_channels(), g_.channels_per_fetch);
    for (std::uint32_t fetch = 0; fetch < fetches_; ++fetch) {
        chunks_ += chunks(fetch);
    }
}

Range ConvSchedule::filters(Unit unit, std::uint32_t pass) const {
    const std::uint32_t slice = unit.value() / g_.channel_split / g_.position_split;
    const std::uint32_t end = std::min((slice + 1) * slice_filters_, g_.filters);
    const std::uint32_t begin = slice * slice_filters_ + group_of(pass) * g_.filter_group;
    return {std::min(begin, end), std::min(begin + g_.filter_group, end)};
}

Range ConvSchedule::positions(Unit unit, std::uint32_t pass) const {
    const std::uint32_t slice = unit.value() / g_.channel_split % g_.position_split;
    const std::uint32_t end = std::min((slice + 1) * slice_positions_, g_.positions());
    const std::uint32_t begin = slice * slice_positions_ + tile_of(pass) * g_.tile_positions;
    return {std::min(begin, end), std::min(begin + g_.tile_positions, end)};
}

std::uint32_t ConvSchedule::group_filters(std::uint32_t group) const {
    return std::min(g_.filter_group, slice_filters_ - group * g_.filter_group);
}

Range ConvSchedule::fetch_channels(std::uint32_t fetch) const {
    const std::uint32_t begin = fetch * g_.channels_per_fetch;
    return {begin, std::min(begin + g_.channels_per_fetch, g_.local_channels())};
}

std::uint32_t ConvSchedule::chunks(std::uint32_t fetch) const {
    return ceil_divide(fetch_channels(fetch).size() * g_.taps(), g_.reduction_chunk);
}

Range ConvSchedule::chunk_steps(std::uint32_t fetch, std::uint32_t chunk) const {
    const Range channels = fetch_channels(fetch);
    const std::uint32_t begin = channels.begin * g_.taps() + chunk * g_.reduction_chunk;
    return {begin, std::min(begin + g_.reduction_chunk, channels.end * g_.taps())};
}

std::uint32_t ConvSchedule::chunk_bytes(std::uint32_t group, Range steps) const {
    return static_cast<std::uint32_t>(align_up(std::uint64_t{group_filters(group)} * steps.size() * 2, 8));
}

std::uint64_t ConvSchedule::weight_bytes_per_unit() const {
    std::uint64_t bytes = 0;
    for (std::uint32_t group = 0; group < groups_; ++group) {
        for (std::uint32_t fetch = 0; fetch < fetches_; ++fetch) {
            for (std::uint32_t chunk = 0; chunk < chunks(fetch); ++chunk) {
                bytes += chunk_bytes(group, chunk_steps(fetch, chunk));
            }
        }
    }
    return bytes;
}

} // namespace hydravp::core
