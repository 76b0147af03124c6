// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/pool_unit.h"

#include "hydravp/core/fixed_point.h"

#include <algorithm>
#include <limits>

namespace hydravp::accelerators::hydra {

namespace {

/// Part of a window [first, first + kernel) that lies inside [0, size).
core::Range inside(std::int64_t first, std::uint32_t kernel, std::uint32_t size) {
    const std::int64_t end = std::min<std::int64_t>(first + kernel, size);
    return {static_cast<std::uint32_t>(std::max<std::int64_t>(first, 0)),
            static_cast<std::uint32_t>(std::max<std::int64_t>(end, 0))};
}

/// Elements of the window that count if the padding does: all but those beyond it.
std::int64_t with_padding(std::int64_t first, std::uint32_t kernel, std::uint32_t size, std::uint32_t pad) {
    return std::min<std::int64_t>(first + kernel, std::int64_t{size} + pad) - first;
}

} // namespace

void pool_channel(const ActivationTile& tile, const core::UnitRegisters& layer, std::uint32_t local_channel,
                  core::Range positions, std::int16_t* to) {
    const core::LayerGeometry& g = layer.geometry;
    const std::int16_t* plane = tile.channel(local_channel);
    for (std::uint32_t position = positions.begin; position < positions.end; ++position) {
        const std::int64_t top = std::int64_t{position / g.out_width} * g.stride_height - g.pad_top;
        const std::int64_t left = std::int64_t{position % g.out_width} * g.stride_width - g.pad_left;
        const core::Range rows = inside(top, g.kernel_height, g.in_height);
        const core::Range columns = inside(left, g.kernel_width, g.in_width);
        std::int16_t largest = std::numeric_limits<std::int16_t>::min();
        std::int64_t sum = 0;
        for (std::uint32_t row = rows.begin; row < rows.end; ++row) {
            const std::int16_t* words = plane + std::size_t{row - tile.rows().begin} * g.in_width;
            for (std::uint32_t column = columns.begin; column < columns.end; ++column) {
                largest = std::max(largest, words[column]);
                sum += words[column];
            }
        }
        if (layer.kind == core::LayerKind::max_pool) {
            *to++ = largest;
            continue;
        }
        const std::int64_t elements =
            layer.count_include_pad != 0 ? with_padding(top, g.kernel_height, g.in_height, layer.pad_bottom) *
                                               with_padding(left, g.kernel_width, g.in_width, layer.pad_right)
                                         : std::int64_t{rows.size()} * columns.size();
        *to++ = core::saturate16(core::round_divide(sum, std::max<std::int64_t>(elements, 1)));
    }
}

} // namespace hydravp::accelerators::hydra
