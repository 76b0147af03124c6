// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace hydravp::workloads {

/// A layer's outputs are sums of fewer products than this, so that 64-bit integers and doubles hold them
/// exactly.
constexpr std::uint64_t max_products = std::uint64_t{1} << 21;

/// How the partial sums of a convolution leave the near-memory units (docs/architecture.md).
///
/// Input channel c is accumulated by the units of residue class c mod `channel_split`. Each class's
/// exact sum is shifted right by `shift` (round half to even) and saturated to `bits` bits; the result
/// accumulation unit adds the classes, shifts back left and goes on exactly. 48 bits with shift 0 are exact.
struct PartialSumFormat {
    std::uint32_t channel_split = 1;
    int bits = 48;
    int shift = 0;
};

/// The fixed-point side of one layer. Of a pooling or concat only `output_fraction` means anything.
struct QuantizedLayer {
    /// [filter][channel][kernel row][kernel column], row-major; words with `weight_fraction` bits.
    std::vector<std::int16_t> weights;
    /// Per filter, at the scale of the products (input fraction + weight fraction); |bias| < 2^47.
    std::vector<std::int64_t> bias;
    int weight_fraction = 0;
    int output_fraction = 0; ///< fraction bits of this layer's output words (pooling, concat: of its input)
    /// Right shift from product scale to output scale; output = saturate(round_half_even(x >> shift)).
    int output_shift = 0;
    /// Left shift that brings a residual word to product scale; may be negative (then a right shift, rounded
    /// half to even). Meaningless without a shortcut.
    int residual_shift = 0;
    PartialSumFormat partial_sum;
    /// Of `relu6`: the word nearest to 6, or the largest one if 6 is beyond it.
    std::int32_t output_ceiling = 32767;
    /// Of `leaky_relu`: the factor of negative sums, with core::slope_fraction bits behind the point.
    std::uint32_t negative_slope = 0;
};

/// A network with fixed-point weights and scales: what is loaded into the simulated memory.
struct QuantizedNetwork {
    core::Network network;
    int word_bits = 16; ///< of activations, weights and results: 16 or 8
    int input_fraction = 0;
    double input_scale = 1.0 / 256;     ///< real value of one step of an 8-bit pixel
    std::vector<QuantizedLayer> layers; ///< one per network.layers entry
};

/// The real-valued network as read from a file or made from a seed: batch normalisation already folded,
/// in double precision, into weights and bias.
struct FloatLayer {
    std::vector<double> weights; ///< [filter][channel][kernel row][kernel column]; empty for pooling
    std::vector<double> bias;    ///< per filter
};

struct FloatNetwork {
    core::Network network;
    std::vector<FloatLayer> layers;
    /// Scale of the network's input: real value = byte * input_scale for 8-bit images (1/256).
    double input_scale = 1.0 / 256;
    /// If set, the layers' `weights` are empty and this writes those of the filters [first, first + count) to
    /// `out`. A generated VGG would otherwise hold a gigabyte of doubles nobody looks at twice.
    std::function<void(std::size_t layer, std::uint32_t first, std::uint32_t count, double* out)>
        weight_source;
};

} // namespace hydravp::workloads
