// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/activation_tile.h"

#include <algorithm>
#include <cstring>

namespace hydravp::accelerators::hydra {

void ActivationTile::reset(const core::LayerGeometry& geometry, core::Range channels, core::Range rows,
                           bool keep_data) {
    geometry_ = geometry;
    channels_ = channels;
    rows_ = rows;
    if (keep_data) {
        words_.resize(channels.size() * channel_words());
    }
}

void ActivationTile::gather(std::uint32_t step, core::Range positions, std::int16_t* to) const {
    const core::LayerGeometry& g = geometry_;
    const std::int16_t* plane = channel(step / g.taps());
    const auto kernel_row = std::int64_t{step % g.taps() / g.kernel_width} * g.dilation_height;
    const auto kernel_column = std::int64_t{step % g.kernel_width} * g.dilation_width;
    const auto width = static_cast<std::int64_t>(g.in_width);
    std::uint32_t position = positions.begin;
    while (position < positions.end) { // one output row after the other
        const std::uint32_t out_row = position / g.out_width;
        const std::uint32_t column_begin = position % g.out_width;
        const std::uint32_t count = std::min(g.out_width - column_begin, positions.end - position);
        const std::int64_t in_row = std::int64_t{out_row} * g.stride_height - g.pad_top + kernel_row;
        if (in_row < 0 || in_row >= std::int64_t{g.in_height}) {
            std::fill_n(to, count, std::int16_t{0});
        } else {
            const std::int16_t* row = plane + (in_row - rows_.begin) * width;
            const std::int64_t first =
                std::int64_t{column_begin} * g.stride_width - g.pad_left + kernel_column;
            if (g.stride_width == 1) {
                const std::int64_t end = first + count;
                const std::int64_t valid_begin = std::clamp<std::int64_t>(first, 0, width);
                const std::int64_t valid_end = std::clamp<std::int64_t>(end, valid_begin, width);
                const std::int64_t before = std::clamp<std::int64_t>(valid_begin - first, 0, count);
                std::fill_n(to, before, std::int16_t{0});
                std::copy(row + valid_begin, row + valid_end, to + before);
                std::fill(to + before + (valid_end - valid_begin), to + count, std::int16_t{0});
            } else {
                for (std::uint32_t i = 0; i < count; ++i) {
                    const std::int64_t column = first + std::int64_t{i} * g.stride_width;
                    to[i] = column >= 0 && column < width ? row[column] : std::int16_t{0};
                }
            }
        }
        to += count;
        position += count;
    }
}

void ActivationTile::gather_steps(core::Range steps, std::uint32_t position, std::int16_t* to,
                                  std::size_t distance) const {
    const core::LayerGeometry& g = geometry_;
    const bool kernel_is_plane = g.kernel_height == g.in_height && g.kernel_width == g.in_width &&
                                 g.pad_top == 0 && g.pad_left == 0 && g.dilation_height == 1 &&
                                 g.dilation_width == 1;
    if (!kernel_is_plane) {
        for (std::uint32_t step = steps.begin; step < steps.end; ++step, to += distance) {
            gather(step, {position, position + 1}, to);
        }
        return;
    }
    // A fully-connected layer's: the words in their order.
    const std::int16_t* word = words_.data() + (steps.begin - std::size_t{channels_.begin} * g.taps());
    for (std::uint32_t step = steps.begin; step < steps.end; ++step, to += distance) {
        *to = *word++;
    }
}

} // namespace hydravp::accelerators::hydra
