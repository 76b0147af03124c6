// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/mram_work.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::accelerators::mram_pim {

/// The arithmetic of the digital processing unit: Binarizer, Activation Function, Batch Normalization
/// [S4 III, Fig. 1a] (the first is core/binarizer.h), and the average or maximum of pooling windows.

/// Scale and bias of one filter.
struct FilterParameters {
    std::int16_t scale = 0;
    std::int16_t bias = 0;
};

/// Batch normalisation and activation: clip(round half to even((sum * scale + bias * 2^bias_shift) /
/// 2^output_shift)), to 0..255 (ReLU, 8 bits) or to a signed 16-bit number.
inline std::int32_t activate(std::int64_t sum, FilterParameters filter,
                             const core::MramLayerRegisters& layer) {
    const std::int64_t scaled =
        sum * filter.scale + core::round_shift(filter.bias, -static_cast<int>(layer.bias_shift));
    const std::int64_t value = core::round_shift(scaled, static_cast<int>(layer.output_shift));
    if (layer.output_bytes == 1) {
        return static_cast<std::int32_t>(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    return core::saturate16(value);
}

/// Pools one image, [channel][row][column]; windows may reach over the borders, and only what is inside
/// counts.
void pool(const core::MramLayerRegisters& layer, const std::uint8_t* input, std::uint8_t* output);

} // namespace hydravp::accelerators::mram_pim
