// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/onnx_reader.h"

#include "hydravp/core/error.h"

#include "onnx_node.h"
#include "onnx_tensor.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <set>

namespace hydravp::workloads {

namespace {

using core::LayerDescriptor;
using core::LayerKind;
using onnx_file::join;
using onnx_file::largest_size;
using onnx_file::largest_tensor;
using onnx_file::Node;
using onnx_file::Problem;
using onnx_file::Tensor;

constexpr std::int64_t largest_window = std::int64_t{1} << 12;  ///< kernel, stride, dilation and padding
constexpr std::uint64_t small_network = std::uint64_t{1} << 22; ///< parameters, however they are stored
constexpr std::int64_t oldest_opset = 7; ///< before, broadcasting and batch normalisation had other rules

constexpr const char* supported_operators =
    "Conv, BatchNormalization, Relu, Clip, LeakyRelu, MaxPool, AveragePool, GlobalMaxPool, "
    "GlobalAveragePool, Flatten, Gemm, Dropout, Identity";

/// Windows of an input line, the last of which may reach beyond the padding in `ceil_mode` as long as it
/// begins within the input or the padding before it.
std::uint32_t window_outputs(std::uint32_t in, std::uint32_t before, std::uint32_t after, std::uint32_t span,
                             std::uint32_t stride, bool ceil_mode) {
    const std::uint32_t padded = in + before + after;
    if (padded < span) {
        return 0;
    }
    const std::uint32_t whole = (padded - span) / stride + 1;
    const bool one_more = ceil_mode && (padded - span) % stride != 0 && whole * stride < in + before;
    return whole + (one_more ? 1 : 0);
}

/// Follows the chain from the graph's input and builds the network layer by layer.
class ChainReader {
public:
    explicit ChainReader(const onnx::GraphProto& graph)
        : graph_(graph), most_parameters_(small_network + 4 * std::uint64_t{graph.ByteSizeLong()}) {}

    FloatNetwork read() {
        if (graph_.sparse_initializer_size() > 0) {
            throw Problem("sparse initializers are not supported");
        }
        for (const auto& proto : graph_.initializer()) {
            if (!initializers_.emplace(proto.name(), &proto).second) {
                throw Problem("initializer '" + proto.name() + "' occurs twice");
            }
        }
        net_.network.name = graph_.name();
        read_input();
        if (graph_.node_size() == 0) {
            throw Problem("the graph has no nodes");
        }
        for (const auto& proto : graph_.node()) {
            read_node(proto);
        }
        check_output();
        if (net_.layers.empty()) {
            throw Problem("the graph has no layers");
        }
        net_.network.validate();
        return std::move(net_);
    }

private:
    const core::TensorShape& shape() const {
        return net_.network.shape_of(static_cast<int>(net_.network.layers.size()) - 1);
    }

    void read_input() {
        const onnx::ValueInfoProto* input = nullptr;
        for (const auto& value : graph_.input()) {
            // Old files list the initializers among the inputs.
            if (initializers_.count(value.name()) != 0) {
                continue;
            }
            if (input != nullptr) {
                throw Problem("the graph has several inputs ('" + input->name() + "', '" + value.name() +
                              "'), supported is one");
            }
            input = &value;
        }
        if (input == nullptr) {
            throw Problem("the graph has no input");
        }
        const auto& dims = input->type().tensor_type().shape().dim();
        if (dims.size() != 4 && dims.size() != 2) {
            throw Problem("input '" + input->name() + "' has " + std::to_string(dims.size()) +
                          " dimensions, expected 4 (N, C, H, W) or 2 (N, features)");
        }
        std::array<std::uint32_t, 3> sizes{1, 1, 1};
        for (int i = 1; i < dims.size(); ++i) {
            const auto d = dims.Get(i).dim_value();
            if (d < 1 || d > largest_size) {
                throw Problem("dimension " + std::to_string(i) + " of input '" + input->name() + "' is " +
                              (dims.Get(i).has_dim_value() ? std::to_string(d) : "unknown") +
                              ", expected a number from 1 to " + std::to_string(largest_size));
            }
            sizes[static_cast<std::size_t>(i - 1)] = static_cast<std::uint32_t>(d);
        }
        net_.network.input = {sizes[0], sizes[1], sizes[2]};
        if (net_.network.input.words() > largest_tensor) {
            throw Problem("input '" + input->name() + "' is too large");
        }
        flat_ = dims.size() == 2;
        current_ = input->name();
        // Pixels are not negative.
        non_negative_ = true;
    }

    void read_node(const onnx::NodeProto& proto) {
        const Node node(proto);
        if (!proto.domain().empty() && proto.domain() != "ai.onnx") {
            node.fail("operators of domain '" + proto.domain() +
                      "' are not supported; supported: " + supported_operators);
        }
        struct Operator {
            const char* name;
            void (ChainReader::*read)(const Node&, const onnx::NodeProto&);
        };
        static constexpr std::array<Operator, 13> operators{{{"Conv", &ChainReader::convolution},
                                                             {"BatchNormalization", &ChainReader::batch_norm},
                                                             {"Relu", &ChainReader::relu},
                                                             {"Clip", &ChainReader::clip},
                                                             {"LeakyRelu", &ChainReader::leaky_relu},
                                                             {"GlobalMaxPool", &ChainReader::pool},
                                                             {"Dropout", &ChainReader::pass},
                                                             {"Identity", &ChainReader::pass},
                                                             {"MaxPool", &ChainReader::pool},
                                                             {"AveragePool", &ChainReader::pool},
                                                             {"GlobalAveragePool", &ChainReader::pool},
                                                             {"Flatten", &ChainReader::flatten},
                                                             {"Gemm", &ChainReader::gemm}}};
        const auto* op = std::find_if(operators.begin(), operators.end(),
                                      [&](const Operator& o) { return node.op() == o.name; });
        if (op == operators.end()) {
            node.fail(std::string("operator is not supported; supported: ") + supported_operators);
        }
        node.require(proto.input_size() >= 1 && proto.output_size() >= 1, "has no input or no output");
        node.require(proto.input(0) == current_, "reads '" + proto.input(0) +
                                                     "', but the value before it in the graph is '" +
                                                     current_ + "'; only a chain of nodes is supported");
        for (int i = 1; i < proto.output_size(); ++i) {
            node.require(proto.output(i).empty(), "more than one output is not supported");
        }
        for (int i = 1; i < proto.input_size(); ++i) {
            node.require(proto.input(i) != current_, "uses the chain's value as a parameter");
        }
        (this->*op->read)(node, proto);
        current_ = proto.output(0);
        node.require(!current_.empty() && initializers_.count(current_) == 0, "output has no usable name");
    }

    Tensor parameter(const Node& node, const onnx::NodeProto& proto, int index, const char* what) {
        node.require(index < proto.input_size() && !proto.input(index).empty(),
                     std::string("input ") + std::to_string(index) + " (" + what + ") is missing");
        const auto found = initializers_.find(proto.input(index));
        node.require(found != initializers_.end(),
                     std::string("initializer '") + proto.input(index) + "' (" + what + ") is missing");
        Tensor tensor = onnx_file::to_tensor(*found->second);
        // Nodes may share an initializer, but every layer has a copy: the network grows beyond the file.
        parameters_ += tensor.values.size();
        node.require(parameters_ <= most_parameters_, "shares initializers with too many nodes");
        return tensor;
    }

    /// Kernel, strides and padding, and the output size that follows from them.
    void read_window(const Node& node, const std::vector<std::uint32_t>& kernel,
                     LayerDescriptor& layer) const {
        layer.kernel_height = kernel[0];
        layer.kernel_width = kernel[1];
        const auto strides =
            node.integers("strides", 2, 1, largest_window).value_or(std::vector<std::uint32_t>{1, 1});
        layer.stride_height = strides[0];
        layer.stride_width = strides[1];
        const auto dilations =
            node.integers("dilations", 2, 1, largest_window).value_or(std::vector<std::uint32_t>{1, 1});
        node.require(layer.kind == LayerKind::conv || (dilations[0] == 1 && dilations[1] == 1),
                     "dilations other than 1 are not supported");
        layer.dilation_height = dilations[0];
        layer.dilation_width = dilations[1];
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
        } else {
            node.require(!pads || std::all_of(pads->begin(), pads->end(), [](auto p) { return p == 0; }),
                         "has both pads and auto_pad '" + mode + "'");
        }
        if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
            const auto split = [&](std::uint32_t in, std::uint32_t size, std::uint32_t stride,
                                   std::uint32_t& before, std::uint32_t& after) {
                const std::uint32_t out = (in + stride - 1) / stride;
                const std::uint32_t covered = (out - 1) * stride + size;
                const std::uint32_t total = covered > in ? covered - in : 0;
                before = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
                after = total - before;
            };
            split(layer.in.height, layer.span_height(), layer.stride_height, layer.pad_top, layer.pad_bottom);
            split(layer.in.width, layer.span_width(), layer.stride_width, layer.pad_left, layer.pad_right);
        }
        layer.out.height = window_outputs(layer.in.height, layer.pad_top, layer.pad_bottom,
                                          layer.span_height(), layer.stride_height, layer.ceil_mode);
        layer.out.width = window_outputs(layer.in.width, layer.pad_left, layer.pad_right, layer.span_width(),
                                         layer.stride_width, layer.ceil_mode);
        node.require(layer.out.height > 0 && layer.out.width > 0,
                     "its " + std::to_string(layer.span_height()) + "x" + std::to_string(layer.span_width()) +
                         " window is larger than its " + std::to_string(layer.in.height) + "x" +
                         std::to_string(layer.in.width) + " input");
        node.require(layer.out.words() <= largest_tensor, "its output is too large");
    }

    LayerDescriptor new_layer(const Node& node, LayerKind kind) {
        LayerDescriptor layer;
        layer.kind = kind;
        layer.input = static_cast<int>(net_.network.layers.size()) - 1;
        layer.in = shape();
        std::string base = node.name().empty() ? node.op() + std::to_string(layer.input + 2) : node.name();
        layer.name = base;
        for (int i = 2; !names_.insert(layer.name).second; ++i) {
            layer.name = base + "_" + std::to_string(i);
        }
        return layer;
    }

    void append(LayerDescriptor layer, FloatLayer values, bool foldable) {
        net_.network.layers.push_back(std::move(layer));
        net_.layers.push_back(std::move(values));
        foldable_ = foldable;
    }

    void convolution(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"kernel_shape", "strides", "pads", "dilations", "group", "auto_pad"});
        node.require(!flat_, "needs a 4-dimensional input, but its input is flattened");
        node.require(proto.input_size() <= 3, "has more than three inputs");
        Tensor weights = parameter(node, proto, 1, "weights");
        node.require(weights.dims.size() == 4,
                     "weights have shape " + join(weights.dims) +
                         ", expected 4 dimensions (filters, channels, height, width)");
        auto layer = new_layer(node, LayerKind::conv);
        const std::int64_t groups = node.integer("group", 1);
        node.require(groups >= 1 && groups <= layer.in.channels && layer.in.channels % groups == 0 &&
                         weights.dims[0] % groups == 0,
                     "group is " + std::to_string(groups) + ", expected a common divisor of its " +
                         std::to_string(layer.in.channels) + " channels and " +
                         std::to_string(weights.dims[0]) + " filters");
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
        if (proto.input_size() == 3 && !proto.input(2).empty()) {
            values.bias = vector_parameter(node, proto, 2, "bias", layer.out.channels);
        }
        append(std::move(layer), std::move(values), true);
        non_negative_ = false;
    }

    std::vector<double> vector_parameter(const Node& node, const onnx::NodeProto& proto, int index,
                                         const char* what, std::uint32_t size) {
        Tensor tensor = parameter(node, proto, index, what);
        node.require(tensor.dims.size() == 1 && tensor.dims[0] == size,
                     std::string(what) + " has shape " + join(tensor.dims) + ", expected [" +
                         std::to_string(size) + "]");
        return std::move(tensor.values);
    }

    void batch_norm(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"epsilon", "momentum", "training_mode", "spatial"});
        node.require(node.integer("training_mode", 0) == 0, "training_mode is not supported");
        node.require(node.integer("spatial", 1) == 1, "spatial=0 is not supported");
        node.require(proto.input_size() == 5,
                     "has " + std::to_string(proto.input_size()) + " inputs, expected 5");
        node.require(foldable_ && (!flat_ || shape().positions() == 1),
                     "is supported only directly after a Conv or Gemm, into which it is folded");
        auto& layer = net_.layers.back();
        const auto& desc = net_.network.layers.back();
        const auto filters = desc.out.channels;
        const auto scale = vector_parameter(node, proto, 1, "scale", filters);
        const auto bias = vector_parameter(node, proto, 2, "bias", filters);
        const auto mean = vector_parameter(node, proto, 3, "mean", filters);
        const auto variance = vector_parameter(node, proto, 4, "variance", filters);
        const double epsilon = node.real("epsilon", 1e-5F);
        const std::size_t per_filter = std::size_t{desc.filter_channels()} * desc.taps();
        for (std::size_t f = 0; f < filters; ++f) {
            node.require(variance[f] >= 0 && variance[f] + epsilon > 0,
                         "variance " + std::to_string(f) + " plus epsilon is not positive");
            const double factor = scale[f] / std::sqrt(variance[f] + epsilon);
            layer.bias[f] = (layer.bias[f] - mean[f]) * factor + bias[f];
            double largest = std::abs(layer.bias[f]);
            for (std::size_t i = 0; i < per_filter; ++i) {
                auto& weight = layer.weights[f * per_filter + i];
                weight *= factor;
                largest = std::max(largest, std::abs(weight));
            }
            node.require(std::isfinite(largest) && std::isfinite(factor), "folding overflows");
        }
    }

    void relu(const Node& node, const onnx::NodeProto& proto) {
        node.allow({});
        node.require(proto.input_size() == 1, "has more than one input");
        rectify(node);
    }

    /// Of values that aren't negative, and were not a layer's sums, a ReLU changes nothing.
    void rectify(const Node& node) {
        node.require(foldable_ || non_negative_,
                     "is supported only after a Conv, Gemm or BatchNormalization");
        if (foldable_) {
            net_.network.layers.back().activation = core::Activation::relu;
        }
        foldable_ = false;
        non_negative_ = true;
    }

    /// Bounds as attributes, and as inputs since operator set 11.
    void clip(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"min", "max"});
        node.require(proto.input_size() <= 3, "has more than three inputs");
        const auto bound = [&](const char* name, int index, double fallback) {
            if (!node.has_input(index)) {
                return node.real(name, fallback);
            }
            const Tensor tensor = parameter(node, proto, index, name);
            node.require(tensor.values.size() == 1,
                         std::string(name) + " has shape " + join(tensor.dims) + ", expected one value");
            return tensor.values[0];
        };
        constexpr double largest = std::numeric_limits<float>::max(); // what stands for no bound
        const double low = bound("min", 1, -largest);
        const double high = bound("max", 2, largest);
        node.require(low == 0 && (high == 6 || high >= largest),
                     "clips to [" + fmt::format("{}, {}", low, high) +
                         "], supported are [0, 6] (ReLU6) and 0 without an upper bound (ReLU)");
        if (high >= largest) {
            rectify(node);
            return;
        }
        node.require(foldable_, "is supported only after a Conv, Gemm or BatchNormalization");
        net_.network.layers.back().activation = core::Activation::relu6;
        foldable_ = false;
        non_negative_ = true;
    }

    void leaky_relu(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"alpha"});
        node.require(proto.input_size() == 1, "has more than one input");
        const double slope = node.real("alpha", 0.01);
        node.require(slope >= 0 && slope < 1,
                     "alpha is " + fmt::format("{}", slope) + ", expected at least 0 and below 1");
        if (!foldable_) {
            node.require(non_negative_, "is supported only after a Conv, Gemm or BatchNormalization");
            return;
        }
        net_.network.layers.back().activation = core::Activation::leaky_relu;
        net_.network.layers.back().negative_slope = slope;
        foldable_ = false;
    }

    /// Nothing that inference would notice.
    void pass(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"ratio", "seed"});
        node.require(proto.input_size() <= 2, "training_mode is not supported");
    }

    void pool(const Node& node, const onnx::NodeProto& proto) {
        const bool global = node.op() == "GlobalAveragePool" || node.op() == "GlobalMaxPool";
        const bool average = node.op() == "AveragePool" || node.op() == "GlobalAveragePool";
        if (global) {
            node.allow({});
        } else if (average) {
            node.allow({"kernel_shape", "strides", "pads", "dilations", "auto_pad", "ceil_mode",
                        "count_include_pad"});
        } else {
            node.allow(
                {"kernel_shape", "strides", "pads", "dilations", "auto_pad", "ceil_mode", "storage_order"});
        }
        node.require(proto.input_size() == 1, "has more than one input");
        node.require(!flat_, "needs a 4-dimensional input, but its input is flattened");
        auto layer = new_layer(node, average ? LayerKind::average_pool : LayerKind::max_pool);
        layer.out.channels = layer.in.channels;
        if (global) {
            read_window(node, {layer.in.height, layer.in.width}, layer);
        } else {
            const auto kernel = node.integers("kernel_shape", 2, 1, largest_window);
            node.require(kernel.has_value(), "attribute 'kernel_shape' is missing");
            layer.ceil_mode = node.integer("ceil_mode", 0) != 0;
            layer.count_include_pad = average && node.integer("count_include_pad", 0) != 0;
            read_window(node, *kernel, layer);
            node.require(average || node.integer("storage_order", 0) == 0,
                         "storage_order=1 is not supported");
            node.require(layer.pad_top < layer.kernel_height && layer.pad_bottom < layer.kernel_height &&
                             layer.pad_left < layer.kernel_width && layer.pad_right < layer.kernel_width,
                         "padding is as large as the window");
        }
        append(std::move(layer), {}, false);
    }

    void flatten(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"axis"});
        node.require(proto.input_size() == 1, "has more than one input");
        const auto axis = node.integer("axis", 1);
        node.require(axis == 1 || axis == (flat_ ? -1 : -3),
                     "axis is " + std::to_string(axis) + ", supported is 1");
        flat_ = true;
    }

    void gemm(const Node& node, const onnx::NodeProto& proto) {
        node.allow({"alpha", "beta", "transA", "transB"});
        node.require(flat_, "needs a 2-dimensional input; a Flatten is missing before it");
        node.require(node.integer("transA", 0) == 0,
                     "transA=1 is not supported: it would mix the images of a batch");
        node.require(proto.input_size() <= 3, "has more than three inputs");
        const bool transposed = node.integer("transB", 0) != 0;
        const double alpha = node.real("alpha", 1.0);
        const double beta = node.real("beta", 1.0);
        Tensor b = parameter(node, proto, 1, "weights");
        auto layer = new_layer(node, LayerKind::fully_connected);
        const std::uint64_t inputs = layer.in.words();
        node.require(b.dims.size() == 2 && static_cast<std::uint64_t>(b.dims[transposed ? 1 : 0]) == inputs,
                     "weights have shape " + join(b.dims) + ", expected " +
                         (transposed ? "[outputs, " + std::to_string(inputs) + "]"
                                     : "[" + std::to_string(inputs) + ", outputs]"));
        const auto outputs = b.dims[transposed ? 0 : 1];
        node.require(outputs <= largest_size, "has too many outputs");
        layer.kernel_height = layer.in.height;
        layer.kernel_width = layer.in.width;
        layer.out = {static_cast<std::uint32_t>(outputs), 1, 1};
        FloatLayer values;
        values.weights.resize(b.values.size());
        for (std::size_t f = 0; f < layer.out.channels; ++f) {
            for (std::size_t i = 0; i < inputs; ++i) {
                values.weights[f * inputs + i] =
                    alpha * b.values[transposed ? f * inputs + i : i * layer.out.channels + f];
            }
        }
        values.bias.assign(layer.out.channels, 0.0);
        if (proto.input_size() == 3 && !proto.input(2).empty()) {
            gemm_bias(node, parameter(node, proto, 2, "bias"), beta, values.bias);
        }
        const auto finite = [](double x) { return std::isfinite(x); };
        node.require(std::all_of(values.weights.begin(), values.weights.end(), finite) &&
                         std::all_of(values.bias.begin(), values.bias.end(), finite),
                     "alpha or beta makes its weights overflow");
        append(std::move(layer), std::move(values), true);
        non_negative_ = false;
    }

    static void gemm_bias(const Node& node, const Tensor& c, double beta, std::vector<double>& bias) {
        // Broadcast against [1, outputs].
        const bool fits = c.dims.size() <= 2 && (c.dims.size() < 2 || c.dims[0] == 1) &&
                          (c.values.size() == 1 || c.values.size() == bias.size());
        node.require(fits,
                     "bias has shape " + join(c.dims) + ", expected [" + std::to_string(bias.size()) + "]");
        for (std::size_t f = 0; f < bias.size(); ++f) {
            bias[f] = beta * c.values[c.values.size() == 1 ? 0 : f];
        }
    }

    void check_output() const {
        if (graph_.output_size() != 1 || graph_.output(0).name() != current_) {
            throw Problem("the graph's only output must be '" + current_ + "', the last node's");
        }
        const auto& type = graph_.output(0).type().tensor_type();
        if (!type.has_shape()) {
            return;
        }
        const std::vector<std::int64_t> computed =
            flat_ ? std::vector<std::int64_t>{static_cast<std::int64_t>(shape().words())}
                  : std::vector<std::int64_t>{shape().channels, shape().height, shape().width};
        const auto& dims = type.shape().dim();
        bool same = dims.size() == static_cast<int>(computed.size()) + 1;
        for (int i = 1; same && i < dims.size(); ++i) {
            same = !dims.Get(i).has_dim_value() ||
                   dims.Get(i).dim_value() == computed[static_cast<std::size_t>(i - 1)];
        }
        if (!same) {
            throw Problem("output '" + current_ + "' is declared with another shape than " + join(computed) +
                          " per image, which follows from the nodes");
        }
    }

    const onnx::GraphProto& graph_;
    std::map<std::string, const onnx::TensorProto*> initializers_;
    std::set<std::string> names_;
    FloatNetwork net_;
    std::uint64_t parameters_ = 0; ///< read so far
    std::uint64_t most_parameters_;
    std::string current_;       ///< the value that the chain has reached
    bool flat_ = false;         ///< it has been flattened to [N, features]
    bool foldable_ = false;     ///< it comes from a Conv or Gemm without activation yet
    bool non_negative_ = false; ///< it can't be negative
};

onnx::ModelProto load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Problem("can't open the file");
    }
    onnx::ModelProto model;
    if (!model.ParseFromIstream(&file)) {
        throw Problem("not an ONNX model, or truncated");
    }
    if (!model.has_graph()) {
        throw Problem("not an ONNX model: it contains no graph");
    }
    for (const auto& opset : model.opset_import()) {
        if (opset.domain().empty() || opset.domain() == "ai.onnx") {
            if (opset.version() < oldest_opset) {
                throw Problem("uses operator set " + std::to_string(opset.version()) + ", supported from " +
                              std::to_string(oldest_opset));
            }
            return model;
        }
    }
    throw Problem("truncated, or not an ONNX model: it does not say which operator set it uses");
}

} // namespace

FloatNetwork read_onnx(const std::string& path) {
    try {
        const auto model = load(path);
        return ChainReader(model.graph()).read();
    } catch (const Problem& problem) {
        throw core::InputError(path + ": " + problem.what());
    } catch (const std::invalid_argument& error) {
        throw core::InputError(path + ": " + error.what());
    } catch (const std::bad_alloc&) {
        throw core::InputError(path + ": the network does not fit into memory");
    }
}

} // namespace hydravp::workloads
