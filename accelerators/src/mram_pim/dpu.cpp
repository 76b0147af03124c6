// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/dpu.h"

#include <algorithm>

namespace hydravp::accelerators::mram_pim {
namespace {

/// The part of [first, first + kernel) inside [0, size).
struct Inside {
    std::int64_t begin, end;
    Inside(std::int64_t first, std::uint32_t kernel, std::uint32_t size)
        : begin(std::max<std::int64_t>(first, 0)), end(std::min<std::int64_t>(first + kernel, size)) {}
    std::int64_t count() const { return std::max<std::int64_t>(end - begin, 0); }
};

} // namespace

void pool(const core::MramLayerRegisters& layer, const std::uint8_t* input, std::uint8_t* output) {
    const bool maximum = layer.layer_kind() == core::MramLayerKind::max_pool;
    for (std::uint32_t channel = 0; channel < layer.out_channels; ++channel) {
        const std::uint8_t* plane = input + std::size_t{channel} * layer.in_height * layer.in_width;
        for (std::uint32_t oy = 0; oy < layer.out_height; ++oy) {
            const Inside rows(std::int64_t{oy} * layer.stride_height - layer.pad_top, layer.kernel_height,
                              layer.in_height);
            for (std::uint32_t ox = 0; ox < layer.out_width; ++ox) {
                const Inside columns(std::int64_t{ox} * layer.stride_width - layer.pad_left,
                                     layer.kernel_width, layer.in_width);
                std::int64_t sum = 0;
                std::uint8_t largest = 0;
                for (std::int64_t y = rows.begin; y < rows.end; ++y) {
                    for (std::int64_t x = columns.begin; x < columns.end; ++x) {
                        const std::uint8_t value = plane[y * layer.in_width + x];
                        sum += value;
                        largest = std::max(largest, value);
                    }
                }
                const std::int64_t count = std::max<std::int64_t>(rows.count() * columns.count(), 1);
                *output++ = maximum ? largest : static_cast<std::uint8_t>(core::round_divide(sum, count));
            }
        }
    }
}

} // namespace hydravp::accelerators::mram_pim
