// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// What the simulated system must compute, word for word: the quantised network executed by matrix products
/// of exact integers, by code that shares no arithmetic with the accelerators.
///
/// Keeps a reference to the network. Not modelled: time, memory, the order of accumulation (it does not
/// matter for exact sums).
class GoldenExecutor {
public:
    /// Throws std::invalid_argument if the network contradicts itself, or if its sums could leave the exact
    /// range of the arithmetic.
    explicit GoldenExecutor(const QuantizedNetwork& net);

    /// Each layer's output words, [channel][row][column]; valid until the next call.
    const std::vector<std::vector<std::int16_t>>& run(const std::vector<std::int16_t>& input);

private:
    /// Largest input magnitude for which no partial sum can saturate; 0 if partial sums are rounded.
    struct ExactLimit {
        std::int64_t any_input = 0;
        std::int64_t non_negative_input = 0;
    };

    void convolution(std::size_t index);
    bool partial_sums_are_exact(std::size_t index) const;
    void full_depth_product(std::size_t index);
    void matrix_product(std::size_t index, std::uint32_t group, bool exact);
    void finish(std::size_t index, std::uint32_t filter, std::size_t begin, std::size_t count,
                const double* sums, std::int16_t* out) const;
    void max_pool(std::size_t index);
    void average_pool(std::size_t index);
    void join(std::size_t index);
    const std::int16_t* tensor(int index) const;

    const QuantizedNetwork& net_;
    const std::vector<std::int16_t>* input_ = nullptr;
    std::vector<std::vector<std::int16_t>> outputs_;
    std::vector<ExactLimit> exact_up_to_;
    std::vector<double> weights_;
    std::vector<double> unfolded_;
    std::vector<double> products_;
    std::vector<double> sums_;
};

/// Index of the largest word, the lowest one if there are several: the predicted class.
std::size_t argmax(const std::vector<std::int16_t>& words);

} // namespace hydravp::workloads
