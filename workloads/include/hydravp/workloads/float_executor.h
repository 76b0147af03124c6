// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace hydravp::workloads {

/// From a layer's number of input channels to its number of residue classes (PartialSumFormat).
using ChannelSplitFunction = std::function<std::uint32_t(std::uint32_t channels)>;

/// Largest absolute values that a set of images produces in one layer.
struct LayerRange {
    double output = 0;      ///< of the stored output: after shortcut and ReLU
    double partial_sum = 0; ///< of any residue class's sum of products; 0 if not asked for
};

/// The same as a list, by layer; those of poolings don't matter.
using ChannelSplits = std::vector<std::uint32_t>;
ChannelSplits channel_splits(const core::Network& network, const ChannelSplitFunction& split);

/// Executes the real-valued network on 8-bit images ([channel][row][column]) and returns each layer's range.
/// Partial sums are measured only if `splits` are given. Throws core::InputError if an image's size is wrong.
std::vector<LayerRange> measure_ranges(const FloatNetwork& net,
                                       const std::vector<std::vector<std::uint8_t>>& images,
                                       const ChannelSplits& splits = {});

/// The network's result for each image.
std::vector<std::vector<double>> run_float(const FloatNetwork& net,
                                           const std::vector<std::vector<std::uint8_t>>& images);

/// Throws core::InputError unless the image has the size of the network's input.
void check_image_size(const core::Network& net, const std::vector<std::uint8_t>& image);

} // namespace hydravp::workloads
