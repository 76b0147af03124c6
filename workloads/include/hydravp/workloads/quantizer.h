// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/float_executor.h"
#include "hydravp/workloads/quantized_network.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

struct QuantizerOptions {
    /// Width in which partial sums leave a unit: 16, 32 or 48 (exact).
    int partial_sum_bits = 32;
    /// Residue classes of each layer, as the mapper chooses them (`channel_splits`); empty:
    /// core::channel_split for 16 units.
    ChannelSplits channel_splits;
    /// Of activations, weights and results: 16 or 8.
    int word_bits = 16;
};

/// Converts a network to fixed point with scales that cover what the calibration images produce.
///
/// Every tensor gets the largest number of fraction bits with which its largest magnitude still fits into a
/// word after rounding. Tensors that share words, the input and output of a pooling and the members of a
/// concat, have the scale of the largest among them. Two exceptions keep all shifts meaningful: an output has
/// no more fraction bits than the products it is made of, and weights have no more than leave the layer's
/// bias below 2^47 at product scale. Throws core::InputError if there is no calibration image, an image has
/// the wrong size, or values are too large or too far apart for the number format.
QuantizedNetwork quantize(const FloatNetwork& net, const std::vector<std::vector<std::uint8_t>>& calibration,
                          const QuantizerOptions& options = {});

/// Fraction bits with which a word covers [-magnitude, magnitude]: the largest f <= `max_fraction` with
/// round_half_even(magnitude * 2^f) <= 2^(word_bits - 1) - 1; word_bits - 1 for magnitude 0.
int covering_fraction(double magnitude, int word_bits = 16);

/// Bounds of what `covering_fraction` gives; it throws core::InputError where the lower one does not cover.
constexpr int max_fraction = 40;
constexpr int min_fraction = -24;

/// A frame of 8-bit pixels as the words of the network's input. Throws core::InputError on a wrong size.
std::vector<std::int16_t> quantize_image(const QuantizedNetwork& net,
                                         const std::vector<std::uint8_t>& pixels);

} // namespace hydravp::workloads
