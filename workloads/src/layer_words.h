// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/work_item.h"

namespace hydravp::workloads {

inline bool is_pooling(const core::LayerWork& work) {
    return work.unit.kind == core::LayerKind::max_pool || work.unit.kind == core::LayerKind::average_pool;
}

/// Words of a plane of the shortcut's source, from the first to the last one that the outputs at `positions`
/// (not empty) need.
inline core::Range residual_words(const core::LayerRegisters& layer, core::Range positions) {
    const std::uint32_t n = layer.residual_subsample;
    const std::uint32_t out_width = layer.geometry.out_width;
    const auto word = [&](std::uint32_t position) {
        return position / out_width * n * layer.residual.width + position % out_width * n;
    };
    return {word(positions.begin), word(positions.end - 1) + 1};
}

} // namespace hydravp::workloads
