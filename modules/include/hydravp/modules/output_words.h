// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/work_item.h"

#include <cstddef>
#include <cstdint>

/// The arithmetic of the result accumulation unit: from the partial sums of several units to the words of a
/// layer's output (docs/architecture.md, "Fixed point").
namespace hydravp::modules {

/// Sums of `count` outputs over `units` units, whose packed partial sums begin at `from[0]` ... Overwrites
/// `sums`.
/// @param bits of a partial sum: 16, 32 or 48
void sum_over_units(const unsigned char* const* from, std::size_t units, std::size_t count,
                    std::uint32_t bits, std::int64_t* sums);

/// The activation function of a value, and the return to words: scaled by the layer's output shift,
/// rounded half to even, saturated.
std::int16_t output_word(const core::LayerRegisters& layer, std::int64_t value);

/// output_word() of (sums[i] << sum_shift) + bias, for `count` outputs of one filter.
void output_words(const core::LayerRegisters& layer, const std::int64_t* sums, std::size_t count,
                  std::uint32_t sum_shift, std::int64_t bias, std::int16_t* words);

} // namespace hydravp::modules
