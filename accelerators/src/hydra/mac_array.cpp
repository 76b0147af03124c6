// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/mac_array.h"

#include <algorithm>

namespace hydravp::accelerators::hydra {

using core::Range;

void MacArray::begin_pass(const core::ConvSchedule& schedule, core::Unit unit, std::uint32_t pass) {
    schedule_ = schedule;
    pass_ = pass;
    groups_ = schedule.groups(unit, pass);
    filters_ = schedule.filters(unit, pass).size();
    frames_ = schedule.frames(pass).size();
    positions_ = schedule.positions(unit, pass);
    steps_ = {};
    if (shares_activations()) {
        layout_ = PassLayout::list(groups_ * frames_ * filters_);
        sums_.assign(std::size_t{layout_.positions} + pack_margin_sums, 0);
    }
}

template <class Work>
void MacArray::for_each_group(Range steps, Work work) const {
    while (!steps.empty()) {
        const std::uint32_t end = std::min(steps.end, schedule_.group_end(steps.begin));
        work(Range{steps.begin, end});
        steps.begin = end;
    }
}

void MacArray::take(const std::int16_t* weights, std::uint32_t stride, Range steps, const FrameTiles& tiles) {
    if (shares_activations()) {
        for_each_group(steps, [&](Range of_group) {
            const std::size_t group = schedule_.group_index(pass_, of_group.begin);
            multiply_list(weights + std::size_t{of_group.begin - steps.begin} * stride, stride, of_group,
                          tiles, sums_.data() + group * frames_ * filters_);
        });
        return;
    }
    if (steps_.empty()) {
        steps_ = {steps.begin, steps.begin};
        weights_.clear();
    }
    stride_ = stride;
    steps_.end = steps.end;
    weights_.insert(weights_.end(), weights, weights + std::size_t{steps.size()} * stride);
}

void MacArray::end_fetch(const FrameTiles& tiles, bool same_tiles) {
    if (steps_.empty()) {
        return;
    }
    const std::uint32_t taps = schedule_.geometry().taps();
    const bool load = !same_tiles || !loaded_;
    std::size_t next = 0;
    for_each_group(steps_, [&](Range steps) {
        for (std::uint32_t frame = 0; frame < frames_; ++frame) {
            if (next == operands_.size()) {
                operands_.emplace_back();
            }
            TileOperands& operands = operands_[next++];
            if (load) {
                operands.load(schedule_.geometry(), positions_, tiles[frame],
                              {steps.begin / taps, steps.end / taps});
            }
            multiply_group(steps, frame, tiles[frame], operands);
        }
    });
    loaded_ = true;
    steps_ = {};
}

/// The first fetch of a group overwrites its sums.
void MacArray::multiply_group(Range steps, std::uint32_t frame, const ActivationTile& tile,
                              const TileOperands& operands) {
    layout_ = operands.layout(groups_ * frames_ * filters_);
    const std::size_t length = filters_ * layout_.filter_distance;
    sums_.resize(std::max(sums_.size(), std::size_t{groups_} * frames_ * length));
    const std::size_t group = schedule_.group_index(pass_, steps.begin);
    std::int64_t* const sums = sums_.data() + (group * frames_ + frame) * length;
    const std::int16_t* const weights = weights_.data() + std::size_t{steps.begin - steps_.begin} * stride_;
    const bool first = schedule_.begins_group(steps.begin);
    if (!convolve(operands, weights, stride_, filters_, !first, sums, layout_.filter_distance,
                  convolution_)) {
        if (first) {
            std::fill(sums, sums + length, 0);
        }
        multiply_rows(steps, weights, tile, sums);
    }
}

/// One position: a frame's activation is what the lanes of all filters share.
void MacArray::multiply_list(const std::int16_t* weights, std::uint32_t stride, Range steps,
                             const FrameTiles& tiles, std::int64_t* sums) {
    gathered_.resize(std::size_t{steps.size()} * frames_);
    rows_.resize(steps.size());
    for (std::uint32_t frame = 0; frame < frames_; ++frame) {
        tiles[frame].gather_steps(steps, positions_.begin, gathered_.data() + frame, frames_);
    }
    for (std::uint32_t i = 0; i < steps.size(); ++i) {
        rows_[i] = weights + std::size_t{i} * stride;
    }
    multiply_accumulate(rows_.data(), gathered_.data(), frames_, steps.size(), frames_, filters_, sums,
                        filters_, scratch_);
}

/// The steps one by one, for each row of outputs: for operands of any size.
void MacArray::multiply_rows(Range steps, const std::int16_t* weights, const ActivationTile& tile,
                             std::int64_t* sums) {
    std::uint32_t column = layout_.first_column;
    for (std::uint32_t begin = positions_.begin; begin < positions_.end;) {
        const std::uint32_t points = std::min(layout_.columns - column, positions_.end - begin);
        gathered_.resize(std::size_t{steps.size()} * points);
        rows_.resize(steps.size());
        for (std::uint32_t i = 0; i < steps.size(); ++i) {
            std::int16_t* const row = gathered_.data() + std::size_t{i} * points;
            tile.gather(steps.begin + i, {begin, begin + points}, row);
            rows_[i] = row;
        }
        multiply_accumulate(rows_.data(), weights, stride_, steps.size(), filters_, points, sums,
                            layout_.filter_distance, scratch_);
        sums += layout_.pitch - column;
        column = 0;
        begin += points;
    }
}

} // namespace hydravp::accelerators::hydra
