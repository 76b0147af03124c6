// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Seeded weights for a topology that has no trained ones: uniform with He's variance 2 / fan-in, a quarter
/// of it where a shortcut is added (activations would grow with every block), and small biases. The same seed
/// gives the same network on every platform. The weights are produced on demand (`weight_source`).
FloatNetwork random_network(core::Network network, std::uint64_t seed);

/// A seeded 8-bit image, [channel][row][column].
std::vector<std::uint8_t> random_image(const core::TensorShape& shape, std::uint64_t seed);

/// Filters [first, first + count) of a layer's weights, wherever they come from.
void read_weights(const FloatNetwork& net, std::size_t layer, std::uint32_t first, std::uint32_t count,
                  double* out);

} // namespace hydravp::workloads
