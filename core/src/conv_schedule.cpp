// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/conv_schedule.h"

namespace hydravp::core {

Range LayerGeometry::input_rows(Range positions) const {
    if (positions.empty()) {
        return {};
    }
    const std::uint32_t first = positions.begin / out_width * stride_height;
    const std::uint32_t last =
        (positions.end - 1) / out_width * stride_height + (kernel_height - 1) * dilation_height + 1;
    const std::uint32_t begin = first > pad_top ? first - pad_top : 0;
    const std::uint32_t end = last > pad_top ? std::min(last - pad_top, in_height) : 0;
    return {std::min(begin, end), end};
}

ConvSchedule::ConvSchedule(const LayerGeometry& geometry) : g_(geometry) {
    slice_filters_ = ceil_divide(g_.group_filters(), g_.filter_split);
    slice_positions_ = ceil_divide(g_.positions(), g_.position_split);
    if (g_.position_split > 1) { // whole lane groups stay together
        slice_positions_ = static_cast<std::uint32_t>(align_up(slice_positions_, g_.lanes));
    }
    position_tiles_ = ceil_divide(slice_positions_, g_.tile_positions);
    tiles_ = ceil_divide(g_.frames, g_.frames_per_tile) * position_tiles_;
    group_sets_ = ceil_divide(g_.local_groups(), g_.groups_per_pass);
    filter_groups_ = ceil_divide(slice_filters_, g_.filter_group);
    fetches_ = ceil_divide(g_.pass_channels(), g_.channels_per_fetch);
    chunks_ = (fetches_ - 1) * chunks(0) + chunks(fetches_ - 1);
}

std::uint32_t ConvSchedule::groups(Unit unit, std::uint32_t pass) const {
    const std::uint32_t block = unit.value() % g_.channel_split / g_.contributors();
    const std::uint32_t own = ceil_divide(g_.groups - std::min(block, g_.groups), g_.blocks());
    const std::uint32_t first = group_set_of(pass) * g_.groups_per_pass;
    return std::min(first + g_.groups_per_pass, std::max(own, first)) - first;
}

Range ConvSchedule::filters(Unit unit, std::uint32_t pass, std::uint32_t index) const {
    const std::uint32_t block = unit.value() % g_.channel_split / g_.contributors();
    const std::uint32_t local = group_set_of(pass) * g_.groups_per_pass + index;
    const std::uint32_t of_group = (local * g_.blocks() + block) * g_.group_filters();
    if (of_group >= g_.filters) { // this block has fewer groups than others
        return {g_.filters, g_.filters};
    }
    const std::uint32_t slice = unit.value() / g_.channel_split / g_.position_split;
    const std::uint32_t end = std::min((slice + 1) * slice_filters_, g_.group_filters());
    const std::uint32_t begin = slice * slice_filters_ + filter_group_of(pass) * g_.filter_group;
    return {of_group + std::min(begin, end), of_group + std::min(begin + g_.filter_group, end)};
}

Range ConvSchedule::positions(Unit unit, std::uint32_t pass) const {
    const std::uint32_t slice = unit.value() / g_.channel_split % g_.position_split;
    const std::uint32_t end = std::min((slice + 1) * slice_positions_, g_.positions());
    const std::uint32_t begin =
        slice * slice_positions_ + tile_of(pass) % position_tiles_ * g_.tile_positions;
    return {std::min(begin, end), std::min(begin + g_.tile_positions, end)};
}

std::uint32_t ConvSchedule::step_filters(std::uint32_t pass) const {
    return std::min(g_.filter_group, slice_filters_ - filter_group_of(pass) * g_.filter_group);
}

Range ConvSchedule::fetch_channels(std::uint32_t pass, std::uint32_t fetch) const {
    const std::uint32_t first = group_set_of(pass) * g_.pass_channels();
    const std::uint32_t begin = fetch * g_.channels_per_fetch;
    return {first + begin, first + std::min(begin + g_.channels_per_fetch, g_.pass_channels())};
}

std::uint32_t ConvSchedule::chunks(std::uint32_t fetch) const {
    return ceil_divide(fetch_channels(0, fetch).size() * g_.taps(), g_.reduction_chunk);
}

Range ConvSchedule::chunk_steps(std::uint32_t pass, std::uint32_t fetch, std::uint32_t chunk) const {
    const Range channels = fetch_channels(pass, fetch);
    const std::uint32_t begin = channels.begin * g_.taps() + chunk * g_.reduction_chunk;
    return {begin, std::min(begin + g_.reduction_chunk, channels.end * g_.taps())};
}

std::uint32_t ConvSchedule::chunk_bytes(std::uint32_t pass, Range steps) const {
    return static_cast<std::uint32_t>(bytes_of(steps.size(), step_filters(pass)));
}

/// Of the chunks of a fetch that covers so many channels, in a pass over so many filters.
std::uint64_t ConvSchedule::fetch_bytes(std::uint32_t channels, std::uint32_t filters) const {
    const std::uint32_t steps = channels * g_.taps();
    return steps / g_.reduction_chunk * bytes_of(g_.reduction_chunk, filters) +
           bytes_of(steps % g_.reduction_chunk, filters);
}

std::uint64_t ConvSchedule::weight_bytes_per_unit() const {
    const auto pass_bytes = [&](std::uint32_t filters) {
        return (fetches_ - 1) * fetch_bytes(fetch_channels(0, 0).size(), filters) +
               fetch_bytes(fetch_channels(0, fetches_ - 1).size(), filters);
    };
    // Every set of groups has as many; only its last pass may have fewer filters.
    return group_sets_ * ((filter_groups_ - 1) * pass_bytes(step_filters(0)) +
                          pass_bytes(step_filters(pass_of(0, filter_groups_ - 1))));
}

} // namespace hydravp::core
