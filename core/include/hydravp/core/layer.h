// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::core {

/// Shape of one frame's tensor, in the order channels, height, width.
struct TensorShape {
    std::uint32_t channels = 0;
    std::uint32_t height = 0;
    std::uint32_t width = 0;
    std::uint64_t positions() const { return std::uint64_t{height} * width; }
    std::uint64_t words() const { return channels * positions(); }
    friend bool operator==(const TensorShape& a, const TensorShape& b) {
        return a.channels == b.channels && a.height == b.height && a.width == b.width;
    }
};

/// A fully-connected layer is a convolution whose kernel covers its whole input; it keeps its own
/// kind for reports.
enum class LayerKind { conv, fully_connected, max_pool, average_pool };

const char* to_string(LayerKind kind);

/// The tensor that a residual shortcut adds to a convolution's result before the activation
/// (option A of He et al.: spatial subsampling, missing channels are zero).
struct ResidualInput {
    int source = -1;             ///< layer whose output is added, or `network_input`
    std::uint32_t subsample = 1; ///< takes every n-th row and column of the source
};

constexpr int network_input = -1;

/// One layer that is executed as a unit: a convolution with its bias, shortcut and ReLU, or a pooling.
struct LayerDescriptor {
    std::string name;
    LayerKind kind = LayerKind::conv;
    int input = network_input; ///< index of the layer whose output is read, or `network_input`
    TensorShape in;
    TensorShape out;
    std::uint32_t kernel_height = 1, kernel_width = 1;
    std::uint32_t stride_height = 1, stride_width = 1;
    std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
    bool relu = false;
    std::optional<ResidualInput> residual;

    bool is_pool() const { return kind == LayerKind::max_pool || kind == LayerKind::average_pool; }
    std::uint64_t taps() const { return std::uint64_t{kernel_height} * kernel_width; }
    /// Multiply-accumulate operations per frame, padding included as zeros; 0 for pooling.
    std::uint64_t macs() const { return is_pool() ? 0 : out.words() * in.channels * taps(); }
    /// Number of weight words; 0 for pooling.
    std::uint64_t weights() const {
        return is_pool() ? 0 : std::uint64_t{out.channels} * in.channels * taps();
    }
};

/// A feed-forward network: the layers in execution order, the last one's output is the result.
struct Network {
    std::string name;
    TensorShape input;
    std::vector<LayerDescriptor> layers;
    /// Shape of what layer `index` (or `network_input`) produces.
    const TensorShape& shape_of(int index) const {
        return index == network_input ? input : layers[static_cast<std::size_t>(index)].out;
    }
    std::uint64_t macs() const;
    /// Throws std::invalid_argument if shapes, kernels or references contradict each other.
    void validate() const;
};

} // namespace hydravp::core
