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
    std::uint32_t dilation_height = 1, dilation_width = 1; ///< distance of neighbouring taps
    /// Of a convolution: filter f sees the input channels of group f / (out.channels / groups) only. As many
    /// groups as channels: depthwise.
    std::uint32_t groups = 1;
    bool relu = false;
    std::optional<ResidualInput> residual;

    bool is_pool() const { return kind == LayerKind::max_pool || kind == LayerKind::average_pool; }
    /// It has weights, that is, it is a convolution or fully-connected.
    bool has_weights() const { return kind == LayerKind::conv || kind == LayerKind::fully_connected; }
    std::uint64_t taps() const { return std::uint64_t{kernel_height} * kernel_width; }
    /// Input channels that one filter sees.
    std::uint32_t filter_channels() const { return in.channels / groups; }
    /// Input rows and columns that a kernel spans.
    std::uint32_t span_height() const { return (kernel_height - 1) * dilation_height + 1; }
    std::uint32_t span_width() const { return (kernel_width - 1) * dilation_width + 1; }
    /// Multiply-accumulate operations per frame, padding included as zeros; 0 without weights.
    std::uint64_t macs() const { return has_weights() ? out.words() * filter_channels() * taps() : 0; }
    /// Number of weight words, in the order filter, channel of its group, kernel row, kernel column.
    std::uint64_t weights() const {
        return has_weights() ? std::uint64_t{out.channels} * filter_channels() * taps() : 0;
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
