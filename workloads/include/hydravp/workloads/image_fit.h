// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// A grey image as a network's input: resized bilinearly (half-pixel centres, borders repeated), rounded half
/// up to whole steps, and the same in every channel. Exact integer arithmetic. An image that fits already
/// stays as it is.
std::vector<std::uint8_t> fit_image(const std::vector<std::uint8_t>& pixels, std::uint32_t rows,
                                    std::uint32_t columns, const core::TensorShape& input);

} // namespace hydravp::workloads
