// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/mac_array.h"

#include <algorithm>

namespace hydravp::accelerators::hydra {

using core::Range;

void MacArray::begin_pass(const core::LayerGeometry& geometry, std::uint32_t filters, Range positions) {
    geometry_ = geometry;
    filters_ = filters;
    positions_ = positions;
    empty_ = true;
    steps_ = {};
    if (shares_activations()) {
        layout_ = PassLayout::list(filters);
        sums_.assign(filters + pack_margin_sums, 0);
    }
}

void MacArray::take(const std::int16_t* weights, std::uint32_t stride, Range steps,
                    const ActivationTile& tile) {
    if (shares_activations()) {
        multiply_list(weights, stride, steps, tile);
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

void MacArray::end_fetch(const ActivationTile& tile, bool same_tile) {
    if (steps_.empty()) {
        return;
    }
    if (!same_tile || !loaded_) {
        operands_.load(geometry_, positions_, tile, tile.channels());
        loaded_ = true;
    }
    if (empty_) {
        layout_ = operands_.layout(filters_);
        sums_.resize(std::max(sums_.size(), filters_ * layout_.filter_distance));
    }
    if (!convolve(operands_, weights_.data(), stride_, filters_, !empty_, sums_.data(),
                  layout_.filter_distance, convolution_)) {
        if (empty_) {
            std::fill(sums_.begin(), sums_.end(), 0);
        }
        multiply_rows(tile);
    }
    empty_ = false;
    steps_ = {};
}

/// One position: the activation is what all lanes share.
void MacArray::multiply_list(const std::int16_t* weights, std::uint32_t stride, Range steps,
                             const ActivationTile& tile) {
    gathered_.resize(steps.size());
    rows_.resize(steps.size());
    for (std::uint32_t i = 0; i < steps.size(); ++i) {
        tile.gather(steps.begin + i, positions_, &gathered_[i]);
        rows_[i] = weights + std::size_t{i} * stride;
    }
    multiply_accumulate(rows_.data(), gathered_.data(), 1, steps.size(), 1, filters_, sums_.data(), filters_,
                        scratch_);
}

/// The steps one by one, for each row of outputs: for operands of any size.
void MacArray::multiply_rows(const ActivationTile& tile) {
    std::int64_t* sums = sums_.data();
    std::uint32_t column = layout_.first_column;
    for (std::uint32_t begin = positions_.begin; begin < positions_.end;) {
        const std::uint32_t points = std::min(layout_.columns - column, positions_.end - begin);
        gathered_.resize(std::size_t{steps_.size()} * points);
        rows_.resize(steps_.size());
        for (std::uint32_t i = 0; i < steps_.size(); ++i) {
            std::int16_t* const row = gathered_.data() + std::size_t{i} * points;
            tile.gather(steps_.begin + i, {begin, begin + points}, row);
            rows_[i] = row;
        }
        multiply_accumulate(rows_.data(), weights_.data(), stride_, steps_.size(), filters_, points, sums,
                            layout_.filter_distance, scratch_);
        sums += layout_.pitch - column;
        column = 0;
        begin += points;
    }
}

} // namespace hydravp::accelerators::hydra
