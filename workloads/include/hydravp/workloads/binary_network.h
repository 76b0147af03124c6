// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Which layers get binary weights.
enum class Binarizer {
    recognised,    ///< those whose weights are exactly +a or -a, a per filter (+-1 before batch normalisation
                   ///< was folded)
    deterministic, ///< and all others but the first and the last: by sign
    stochastic     ///< likewise, drawn with the hard sigmoid of the weight over the largest of its filter
};

/// One layer as a processing-in-MRAM bank computes it. Result = clip(round half to even((sum of weight *
/// input * scale + bias * 2^bias_shift) / 2^output_shift)), to 0..255, or to 16 bits, signed, in the last
/// layer. Empty for pooling.
struct BinaryLayer {
    bool binary = false;
    std::vector<std::int8_t> weights; ///< [filter][channel][kernel row][kernel column]: +-1, or 8 bits
    std::vector<std::int16_t> scale;  ///< per filter
    std::vector<std::int16_t> bias;   ///< per filter
    int bias_shift = 0;
    int output_shift = 0;
    int output_bytes = 1;
    int output_fraction = 0; ///< a step of the output is 2^-fraction; pooling: as its input
};

/// A network with 8-bit unsigned activations, and weights of 1 or 8 bits.
struct BinaryNetwork {
    core::Network network;
    std::vector<BinaryLayer> layers; ///< one per network.layers entry
};

/// A network without trained values, for time and energy, which depend on shapes alone: weights of one,
/// binary in all layers but the first and the last, as in the paper [S4 IV-a].
BinaryNetwork binary_shape(const core::Network& network);

/// Quantises a network for processing in MRAM: activations with 8 bits and a power-of-two step that covers
/// what the calibration images produce, weights of a filter with one scale, batch normalisation as 16-bit
/// scale and bias per filter. Throws core::InputError for shortcuts, for hidden layers without ReLU, and for
/// values that are too far apart.
BinaryNetwork binarize_network(const FloatNetwork& net,
                               const std::vector<std::vector<std::uint8_t>>& calibration,
                               Binarizer binarizer = Binarizer::recognised, std::uint64_t seed = 1);

} // namespace hydravp::workloads
