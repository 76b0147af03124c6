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
/// kind for reports. A concat computes nothing: its tensor is the one in which its members lie side by side.
enum class LayerKind { conv, fully_connected, max_pool, average_pool, concat };

const char* to_string(LayerKind kind);

constexpr bool is_pool(LayerKind kind) {
    return kind == LayerKind::max_pool || kind == LayerKind::average_pool;
}
/// It has weights, that is, it is a convolution or fully-connected.
constexpr bool has_weights(LayerKind kind) {
    return kind == LayerKind::conv || kind == LayerKind::fully_connected;
}

/// The function that a convolution applies to its sums last.
enum class Activation : std::uint32_t {
    none,
    relu,      ///< max(x, 0)
    relu6,     ///< min(max(x, 0), 6)
    leaky_relu ///< x, times `LayerDescriptor::negative_slope` where it is negative
};

const char* to_string(Activation activation);

/// Windows along one side of an input of `in` words between `pad_before` and `pad_after` words of padding.
/// With `ceil_mode` the last one may reach beyond the padding, as long as it begins within the input or the
/// padding before it.
std::uint32_t window_count(std::uint32_t in, std::uint32_t pad_before, std::uint32_t pad_after,
                           std::uint32_t span, std::uint32_t stride, bool ceil_mode);

/// The tensor that a residual shortcut adds to a convolution's result before the activation
/// (option A of He et al.: spatial subsampling, missing channels are zero).
struct ResidualInput {
    int source = -1;             ///< layer whose output is added, or `network_input`
    std::uint32_t subsample = 1; ///< takes every n-th row and column of the source
};

constexpr int network_input = -1;

/// One layer that is executed as a unit: a convolution with its bias, shortcut and activation function, or a
/// pooling; or the concatenation of other layers' outputs.
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
    Activation activation = Activation::none;
    double negative_slope = 0.01; ///< of `leaky_relu`: 0 <= slope < 1
    std::optional<ResidualInput> residual;
    /// Of a pooling: the output size is rounded up, so that the last window may reach beyond the padding; a
    /// window that would begin there is dropped.
    bool ceil_mode = false;
    /// Of an average pooling: padding counts as zeros. What lies beyond it does not count.
    bool count_include_pad = false;
    /// Of a concat: the layers whose outputs it joins, in the order of their channels. `input` is the first
    /// of them, `in` is `out`.
    std::vector<int> members;

    bool is_pool() const { return core::is_pool(kind); }
    bool has_weights() const { return core::has_weights(kind); }
    bool is_concat() const { return kind == LayerKind::concat; }
    std::uint64_t taps() const { return std::uint64_t{kernel_height} * kernel_width; }
    /// Input channels that one filter sees.
    std::uint32_t filter_channels() const { return in.channels / groups; }
    /// Input rows and columns that a kernel spans.
    std::uint32_t span_height() const { return (kernel_height - 1) * dilation_height + 1; }
    std::uint32_t span_width() const { return (kernel_width - 1) * dilation_width + 1; }
    std::uint64_t weights_per_filter() const { return filter_channels() * taps(); }
    /// Multiply-accumulate operations per frame, padding included as zeros; 0 without weights.
    std::uint64_t macs() const { return has_weights() ? out.words() * weights_per_filter() : 0; }
    /// Number of weight words, in the order filter, channel of its group, kernel row, kernel column.
    std::uint64_t weights() const {
        return has_weights() ? std::uint64_t{out.channels} * weights_per_filter() : 0;
    }
    /// Every tensor that it reads: `input` or the members, and the shortcut's source.
    std::vector<int> sources() const;
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
    /// Adds a concat of earlier tensors with the same height and width, and returns its index. Its members
    /// are written in place, so before it come 1x1 max poolings that copy those for which this is impossible:
    /// the network's input, a tensor that is a member already, and one that a layer reads which itself writes
    /// into the concat (a unit's banks are read or written in one layer, not both).
    int append_concat(std::string concat_name, const std::vector<int>& members);
};

} // namespace hydravp::core
