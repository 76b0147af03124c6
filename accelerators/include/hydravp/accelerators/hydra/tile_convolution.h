// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/tile_operands.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::accelerators::hydra {

/// Working memory of `convolve`; its contents mean nothing between calls.
struct ConvolutionScratch {
    std::vector<std::int32_t> weights;
    std::vector<std::size_t> block_ends;
    std::vector<const std::int32_t*> operands;
};

/// sums[m * distance + i] (+)= sum over channels c and taps t of weights[(c * taps + t) * stride + m] *
/// operand(c, t, i) for all filters m and all of the operands' `length()` places i. Exact.
///
/// Returns false and does nothing where the operands are so large that a 32-bit sum of two products could
/// overflow (both words near -32768); `multiply_accumulate` takes them.
/// @param add false: the sums are overwritten
/// @param distance at least length() + TileOperands::margin
bool convolve(const TileOperands& operands, const std::int16_t* weights, std::size_t stride,
              std::size_t filters, bool add, std::int64_t* sums, std::size_t distance,
              ConvolutionScratch& scratch);

} // namespace hydravp::accelerators::hydra
