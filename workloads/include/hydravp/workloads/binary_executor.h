// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/binary_network.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// What a processing-in-MRAM bank must compute, word for word: the network executed by matrix products,
/// without bit planes, rows or trees, by code that shares no arithmetic with the bank.
class BinaryExecutor {
public:
    /// Keeps a reference. Throws std::invalid_argument if the network contradicts itself.
    explicit BinaryExecutor(const BinaryNetwork& net);

    /// Each layer's outputs, [channel][row][column]; valid until the next call.
    const std::vector<std::vector<std::int32_t>>& run(const std::vector<std::uint8_t>& input);

private:
    void convolution(std::size_t index);
    void pool(std::size_t index);

    const BinaryNetwork& net_;
    std::vector<std::vector<std::int32_t>> outputs_;
    std::vector<std::int32_t> input_;
    std::vector<std::vector<float>> weights_; ///< of layers whose sums are exact in float
    std::vector<std::vector<double>> wide_weights_;
};

/// Index of the largest output, the lowest one if there are several: the predicted class.
std::size_t largest_output(const std::vector<std::int32_t>& outputs);

} // namespace hydravp::workloads
