// SPDX-License-Identifier: Apache-2.0
// Operators that become layers of their own.
#include "onnx_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hydravp::workloads::onnx_file {

using core::LayerDescriptor;
using core::LayerKind;

namespace {

constexpr std::int64_t largest_window = std::int64_t{1} << 12; ///< kernel, stride, dilation and padding

/// Padding that leaves ceil(in / stride) windows; an odd word of it goes to one end.
void pad_same(bool more_after, std::uint32_t in, std::uint32_t span, std::uint32_t stride,
              std::uint32_t& before, std::uint32_t& after) {
    const std::uint32_t covered = ((in + stride - 1) / stride - 1) * stride + span;
    const std::uint32_t total = covered > in ? covered - in : 0;
    before = more_after ? total / 2 : total - total / 2;
    after = total - before;
}

void read_padding(const Node& node, LayerDescriptor& layer) {
    const auto pads = node.integers("pads", 4, 0, largest_window);
    const auto mode = node.text("auto_pad", "NOTSET");
    node.require(mode == "NOTSET" || mode == "VALID" || mode == "SAME_UPPER" || mode == "SAME_LOWER",
                 "auto_pad '" + mode +
                     "' is not supported; supported: NOTSET, VALID, SAME_UPPER, SAME_LOWER");
    if (mode == "NOTSET") {
        const auto p = pads.value_or(std::vector<std::uint32_t>{0, 0, 0, 0});
        layer.pad_top = p[0];
        layer.pad_left = p[1];
        layer.pad_bottom = p[2];
        layer.pad_right = p[3];
        return;
    }
    node.require(!pads || std::all_of(pads->begin(), pads->end(), [](auto p) { return p == 0; }),
                 "has both pads and auto_pad '" + mode + "'");
    if (mode != "VALID") {
        const bool upper = mode == "SAME_UPPER";
        pad_same(upper, layer.in.height, layer.span_height(), layer.stride_height, layer.pad_top,
                 layer.pad_bottom);
        pad_same(upper, layer.in.width, layer.span_width(), layer.stride_width, layer.pad_left,
                 layer.pad_right);
    }
}

/// The bias of a Gemm, broadcast against [1, outputs].
std::vector<double> gemm_bias(const Node& node, const Tensor& c, double beta, std::size_t outputs) {
    const bool fits = c.dims.size() <= 2 && (c.dims.size() < 2 || c.dims[0] == 1) &&
                      (c.values.size() == 1 || c.values.size() == outputs);
    node.require(fits, "bias has shape " + join(c.dims) + ", expected [" + std::to_string(outputs) + "]");
    std::vector<double> bias(outputs);
    for (std::size_t f = 0; f < outputs; ++f) {
        bias[f] = beta * c.values[c.values.size() == 1 ? 0 : f];
    }
    return bias;
}

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

} // namespace

LayerDescriptor GraphReader::new_layer(const Node& node, LayerKind kind, const Value& input) {
    LayerDescriptor layer;
    layer.kind = kind;
    layer.input = input.tensor;
    layer.in = shape_of(input);
    const std::string base =
        node.name().empty() ? node.op() + std::to_string(net_.layers.size() + 1) : node.name();
    layer.name = base;
    for (int i = 2; !names_.insert(layer.name).second; ++i) {
        layer.name = base + "_" + std::to_string(i);
    }
    return layer;
}

/// Returns its output, without what is known of the input.
Value GraphReader::append(LayerDescriptor layer, FloatLayer values) {
    Value result;
    result.tensor = static_cast<int>(net_.layers.size());
    result.stage = layer.has_weights() ? Stage::linear : Stage::closed;
    net_.network.layers.push_back(std::move(layer));
    net_.layers.push_back(std::move(values));
    return result;
}

/// Kernel, strides and padding, and the output size that follows from them.
void GraphReader::read_window(const Node& node, const std::vector<std::uint32_t>& kernel,
                              LayerDescriptor& layer) const {
    const std::vector<std::uint32_t> ones{1, 1};
    layer.kernel_height = kernel[0];
    layer.kernel_width = kernel[1];
    const auto strides = node.integers("strides", 2, 1, largest_window).value_or(ones);
    layer.stride_height = strides[0];
    layer.stride_width = strides[1];
    const auto dilations = node.integers("dilations", 2, 1, largest_window).value_or(ones);
    node.require(layer.kind == LayerKind::conv || dilations == ones,
                 "dilations other than 1 are not supported");
    layer.dilation_height = dilations[0];
    layer.dilation_width = dilations[1];
    read_padding(node, layer);
    layer.out.height = core::window_count(layer.in.height, layer.pad_top, layer.pad_bottom,
                                          layer.span_height(), layer.stride_height, layer.ceil_mode);
    layer.out.width = core::window_count(layer.in.width, layer.pad_left, layer.pad_right, layer.span_width(),
                                         layer.stride_width, layer.ceil_mode);
    node.require(layer.out.height > 0 && layer.out.width > 0,
                 "its " + std::to_string(layer.span_height()) + "x" + std::to_string(layer.span_width()) +
                     " window is larger than its " + std::to_string(layer.in.height) + "x" +
                     std::to_string(layer.in.width) + " input");
    node.require(layer.out.words() <= largest_tensor, "its output is too large");
}

void GraphReader::convolution(const Node& node) {
    node.allow({"kernel_shape", "strides", "pads", "dilations", "group", "auto_pad"});
    const Value& input = value(node, 0);
    node.require(!input.flat, "needs a 4-dimensional input, but its input is flattened");
    node.require(node.inputs() <= 3, "has more than three inputs");
    Tensor weights = parameter(node, 1, "weights");
    node.require(weights.dims.size() == 4, "weights have shape " + join(weights.dims) +
                                               ", expected 4 dimensions (filters, channels, height, width)");
    auto layer = new_layer(node, LayerKind::conv, input);
    const std::int64_t groups = node.integer("group", 1);
    node.require(groups >= 1 && groups <= layer.in.channels && layer.in.channels % groups == 0 &&
                     weights.dims[0] % groups == 0,
                 "group is " + std::to_string(groups) + ", expected a common divisor of its " +
                     std::to_string(layer.in.channels) + " channels and " + std::to_string(weights.dims[0]) +
                     " filters");
    layer.groups = static_cast<std::uint32_t>(groups);
    node.require(weights.dims[1] == layer.in.channels / groups,
                 "weights have shape " + join(weights.dims) + ", but the input has " +
                     std::to_string(layer.in.channels) + " channels" +
                     (groups == 1 ? "" : " in " + std::to_string(groups) + " groups"));
    node.require(weights.dims[0] <= largest_size && weights.dims[2] <= largest_window &&
                     weights.dims[3] <= largest_window,
                 "weights have the unusable shape " + join(weights.dims));
    const std::vector<std::uint32_t> kernel{static_cast<std::uint32_t>(weights.dims[2]),
                                            static_cast<std::uint32_t>(weights.dims[3])};
    const auto declared = node.integers("kernel_shape", 2, 1, largest_window);
    node.require(!declared || *declared == kernel,
                 "kernel_shape contradicts the weights' shape " + join(weights.dims));
    layer.out.channels = static_cast<std::uint32_t>(weights.dims[0]);
    read_window(node, kernel, layer);
    FloatLayer values{std::move(weights.values), std::vector<double>(layer.out.channels, 0.0)};
    if (node.has_input(2)) {
        values.bias = vector_parameter(node, 2, "bias", layer.out.channels);
    }
    define(node, append(std::move(layer), std::move(values)));
}

void GraphReader::pool(const Node& node) {
    const bool average = node.op() == "AveragePool";
    if (average) {
        node.allow(
            {"kernel_shape", "strides", "pads", "dilations", "auto_pad", "ceil_mode", "count_include_pad"});
    } else {
        node.allow(
            {"kernel_shape", "strides", "pads", "dilations", "auto_pad", "ceil_mode", "storage_order"});
    }
    node.require(node.inputs() == 1, "has more than one input");
    const Value input = value(node, 0);
    node.require(!input.flat, "needs a 4-dimensional input, but its input is flattened");
    auto layer = new_layer(node, average ? LayerKind::average_pool : LayerKind::max_pool, input);
    layer.out.channels = layer.in.channels;
    const auto kernel = node.integers("kernel_shape", 2, 1, largest_window);
    node.require(kernel.has_value(), "attribute 'kernel_shape' is missing");
    layer.ceil_mode = node.integer("ceil_mode", 0) != 0;
    layer.count_include_pad = average && node.integer("count_include_pad", 0) != 0;
    read_window(node, *kernel, layer);
    node.require(average || node.integer("storage_order", 0) == 0, "storage_order=1 is not supported");
    node.require(layer.pad_top < layer.kernel_height && layer.pad_bottom < layer.kernel_height &&
                     layer.pad_left < layer.kernel_width && layer.pad_right < layer.kernel_width,
                 "padding is as large as the window");
    Value result = append(std::move(layer), {});
    result.non_negative = input.non_negative;
    define(node, result);
}

void GraphReader::global_pool(const Node& node) {
    node.allow({});
    node.require(node.inputs() == 1, "has more than one input");
    append_global_pool(node, node.op() == "GlobalAveragePool" ? LayerKind::average_pool : LayerKind::max_pool,
                       false);
}

/// Of rows and columns only, which is an average pooling.
void GraphReader::reduce_mean(const Node& node) {
    node.allow({"axes", "keepdims", "noop_with_empty_axes"});
    node.require(node.inputs() <= 2, "has more than two inputs");
    std::vector<std::int64_t> axes = node.has_input(1)
                                         ? to_integers(constant(node, 1, "axes"))
                                         : node.integers("axes").value_or(std::vector<std::int64_t>{});
    for (std::int64_t& axis : axes) {
        axis += axis < 0 ? 4 : 0;
    }
    std::sort(axes.begin(), axes.end());
    node.require(axes == std::vector<std::int64_t>{2, 3},
                 "axes are " + join(axes) + ", supported are [2, 3], rows and columns");
    append_global_pool(node, LayerKind::average_pool, node.integer("keepdims", 1) == 0);
}

void GraphReader::append_global_pool(const Node& node, LayerKind kind, bool flat) {
    const Value input = value(node, 0);
    node.require(!input.flat, "needs a 4-dimensional input, but its input is flattened");
    auto layer = new_layer(node, kind, input);
    layer.kernel_height = layer.in.height;
    layer.kernel_width = layer.in.width;
    layer.out = {layer.in.channels, 1, 1};
    Value result = append(std::move(layer), {});
    result.non_negative = input.non_negative;
    result.flat = flat;
    define(node, result);
}

void GraphReader::concat(const Node& node) {
    node.allow({"axis"});
    const Value first = value(node, 0);
    const std::int64_t axis = node.integer("axis", 1);
    node.require(axis == 1 || axis == (first.flat ? -1 : -3),
                 "axis is " + std::to_string(axis) + ", supported is 1, that of the channels");
    if (node.inputs() == 1) {
        pass_on(node);
        return;
    }
    Value result = first;
    result.stage = Stage::closed;
    std::vector<int> members;
    std::uint64_t channels = 0;
    for (int i = 0; i < node.inputs(); ++i) {
        const Value& input = value(node, i);
        const core::TensorShape& shape = shape_of(input);
        node.require(input.flat == first.flat && shape.height == shape_of(first).height &&
                         shape.width == shape_of(first).width,
                     "input " + std::to_string(i) + " has other rows and columns than input 0");
        result.non_negative = result.non_negative && input.non_negative;
        channels += shape.channels;
        members.push_back(input.tensor);
    }
    node.require(channels <= static_cast<std::uint64_t>(largest_size) &&
                     channels * shape_of(first).positions() <= largest_tensor,
                 "its output is too large");
    const std::string name = new_layer(node, LayerKind::concat, first).name;
    result.tensor = net_.network.append_concat(name, members);
    net_.layers.resize(net_.network.layers.size()); // with the copies that it takes
    define(node, result);
}

void GraphReader::gemm(const Node& node) {
    node.allow({"alpha", "beta", "transA", "transB"});
    node.require(value(node, 0).flat, "needs a 2-dimensional input; a Flatten is missing before it");
    node.require(node.integer("transA", 0) == 0,
                 "transA=1 is not supported: it would mix the images of a batch");
    node.require(node.inputs() <= 3, "has more than three inputs");
    const bool transposed = node.integer("transB", 0) != 0;
    const double beta = node.real("beta", 1.0);
    const Tensor weights = parameter(node, 1, "weights");
    std::vector<double> bias;
    if (node.has_input(2) && weights.dims.size() == 2) {
        bias = gemm_bias(node, parameter(node, 2, "bias"), beta,
                         static_cast<std::size_t>(weights.dims[transposed ? 0 : 1]));
    }
    append_product(node, weights, transposed, node.real("alpha", 1.0), std::move(bias));
}

void GraphReader::matmul(const Node& node) {
    node.allow({});
    node.require(value(node, 0).flat, "needs a 2-dimensional input; a Flatten is missing before it");
    node.require(node.inputs() == 2, "has " + std::to_string(node.inputs()) + " inputs, expected 2");
    append_product(node, parameter(node, 1, "weights"), false, 1.0, {});
}

/// A fully-connected layer.
/// @param transposed the weights are [outputs, inputs], not [inputs, outputs]
/// @param bias       empty: none
void GraphReader::append_product(const Node& node, const Tensor& weights, bool transposed, double alpha,
                                 std::vector<double> bias) {
    auto layer = new_layer(node, LayerKind::fully_connected, value(node, 0));
    const std::uint64_t inputs = layer.in.words();
    node.require(weights.dims.size() == 2 &&
                     static_cast<std::uint64_t>(weights.dims[transposed ? 1 : 0]) == inputs,
                 "weights have shape " + join(weights.dims) + ", expected " +
                     (transposed ? "[outputs, " + std::to_string(inputs) + "]"
                                 : "[" + std::to_string(inputs) + ", outputs]"));
    const auto outputs = weights.dims[transposed ? 0 : 1];
    node.require(outputs <= largest_size, "has too many outputs");
    layer.kernel_height = layer.in.height;
    layer.kernel_width = layer.in.width;
    layer.out = {static_cast<std::uint32_t>(outputs), 1, 1};
    FloatLayer values;
    values.weights.resize(weights.values.size());
    for (std::size_t f = 0; f < layer.out.channels; ++f) {
        for (std::size_t i = 0; i < inputs; ++i) {
            values.weights[f * inputs + i] =
                alpha * weights.values[transposed ? f * inputs + i : i * layer.out.channels + f];
        }
    }
    bias.resize(layer.out.channels, 0.0);
    values.bias = std::move(bias);
    node.require(all_finite(values.weights) && all_finite(values.bias),
                 "alpha or beta makes its weights overflow");
    Value result = append(std::move(layer), std::move(values));
    result.flat = true;
    define(node, result);
}

} // namespace hydravp::workloads::onnx_file
