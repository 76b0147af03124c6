// SPDX-License-Identifier: Apache-2.0
// Operators on single elements, which the convolution before them does along if it can, and those that only
// change a shape.
#include "onnx_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace hydravp::workloads::onnx_file {

using core::Activation;
using core::LayerDescriptor;
using core::LayerKind;

namespace {

/// One value per channel of a constant that is broadcast over an input, or nothing if it is of another shape.
std::vector<double> per_channel(const Tensor& constant, bool flat, std::uint32_t channels) {
    if (constant.values.size() == 1) {
        return std::vector<double>(channels, constant.values.front());
    }
    // Dimensions count from the last: [C, 1, 1] and [1, C, 1, 1], or [C] and [1, C].
    const std::size_t behind = flat ? 0 : 2;
    const std::size_t rank = constant.dims.size();
    bool fits = rank > behind && rank <= behind + 2 && constant.values.size() == channels;
    for (std::size_t i = 0; fits && i < rank; ++i) {
        fits = constant.dims[rank - 1 - i] == (i == behind ? static_cast<std::int64_t>(channels) : 1);
    }
    return fits ? constant.values : std::vector<double>{};
}

} // namespace

Value GraphReader::append_scaling(const Node& node, const Value& input, double factor) {
    LayerDescriptor layer = new_layer(node, LayerKind::conv, input);
    layer.out = layer.in;
    layer.groups = layer.in.channels;
    count_parameters(node, 2 * std::uint64_t{layer.in.channels});
    FloatLayer values{std::vector<double>(layer.in.channels, factor),
                      std::vector<double>(layer.in.channels, 0.0)};
    Value result = append(std::move(layer), std::move(values));
    result.flat = input.flat;
    return result;
}

void GraphReader::scale(const Node& node, const std::vector<double>& factors,
                        const std::vector<double>& constants) {
    Value result = value(node, 0);
    if (stage_of(node, 0) != Stage::linear) {
        result = append_scaling(node, result, 1.0);
    }
    result.non_negative = false;
    FloatLayer& numbers = numbers_of(result);
    const LayerDescriptor& layer = layer_of(result);
    const std::size_t per_filter = std::size_t{layer.filter_channels()} * layer.taps();
    for (std::size_t f = 0; f < factors.size(); ++f) {
        numbers.bias[f] = numbers.bias[f] * factors[f] + constants[f];
        double largest = std::abs(numbers.bias[f]);
        for (std::size_t i = f * per_filter; i < (f + 1) * per_filter; ++i) {
            numbers.weights[i] *= factors[f];
            largest = std::max(largest, std::abs(numbers.weights[i]));
        }
        node.require(std::isfinite(largest) && std::isfinite(factors[f]), "folding overflows");
    }
    define(node, result);
}

void GraphReader::batch_norm(const Node& node) {
    node.allow({"epsilon", "momentum", "training_mode", "spatial"});
    node.require(node.integer("training_mode", 0) == 0, "training_mode is not supported");
    node.require(node.integer("spatial", 1) == 1, "spatial=0 is not supported");
    node.require(node.inputs() == 5, "has " + std::to_string(node.inputs()) + " inputs, expected 5");
    const Value& input = value(node, 0);
    node.require(!input.flat || shape_of(input).positions() == 1,
                 "normalises single elements, its input is a flattened image; supported are channels");
    const std::uint32_t channels = shape_of(input).channels;
    std::vector<double> factors = vector_parameter(node, 1, "scale", channels);
    std::vector<double> constants = vector_parameter(node, 2, "bias", channels);
    const auto mean = vector_parameter(node, 3, "mean", channels);
    const auto variance = vector_parameter(node, 4, "variance", channels);
    const double epsilon = node.real("epsilon", 1e-5F);
    for (std::size_t c = 0; c < channels; ++c) {
        node.require(variance[c] >= 0 && variance[c] + epsilon > 0,
                     "variance " + std::to_string(c) + " plus epsilon is not positive");
        factors[c] /= std::sqrt(variance[c] + epsilon);
        constants[c] -= mean[c] * factors[c];
    }
    scale(node, factors, constants);
}

void GraphReader::activate(const Node& node, Activation activation, double slope) {
    Value result = value(node, 0);
    if (stage_of(node, 0) == Stage::closed) {
        result = append_scaling(node, result, 1.0);
    }
    layer_of(result).activation = activation;
    if (activation == Activation::leaky_relu) {
        layer_of(result).negative_slope = slope;
    }
    result.stage = Stage::closed;
    result.non_negative = activation != Activation::leaky_relu;
    define(node, result);
}

void GraphReader::relu(const Node& node) {
    node.allow({});
    node.require(node.inputs() == 1, "has more than one input");
    if (value(node, 0).non_negative) {
        pass_on(node);
    } else {
        activate(node, Activation::relu);
    }
}

/// Bounds as attributes, and as inputs since operator set 11.
void GraphReader::clip(const Node& node) {
    node.allow({"min", "max"});
    node.require(node.inputs() <= 3, "has more than three inputs");
    const auto bound = [&](const char* name, int index, double fallback) {
        return node.has_input(index) ? scalar_parameter(node, index, name) : node.real(name, fallback);
    };
    constexpr double largest = std::numeric_limits<float>::max(); // what stands for no bound
    const double low = bound("min", 1, -largest);
    const double high = bound("max", 2, largest);
    node.require(low == 0 && (high == 6 || high >= largest),
                 "clips to [" + fmt::format("{}, {}", low, high) +
                     "], supported are [0, 6] (ReLU6) and 0 without an upper bound (ReLU)");
    if (high == 6) {
        activate(node, Activation::relu6);
    } else if (value(node, 0).non_negative) {
        pass_on(node);
    } else {
        activate(node, Activation::relu);
    }
}

void GraphReader::leaky_relu(const Node& node) {
    node.allow({"alpha"});
    node.require(node.inputs() == 1, "has more than one input");
    const double slope = node.real("alpha", 0.01);
    node.require(slope >= 0 && slope < 1,
                 "alpha is " + fmt::format("{}", slope) + ", expected at least 0 and below 1");
    if (value(node, 0).non_negative) {
        pass_on(node);
    } else {
        activate(node, Activation::leaky_relu, slope);
    }
}

void GraphReader::add(const Node& node) {
    node.allow({});
    node.require(node.inputs() == 2, "has " + std::to_string(node.inputs()) + " inputs, expected 2");
    if (is_constant(node.input(1))) {
        add_constant(node, 0, 1);
    } else if (is_constant(node.input(0))) {
        add_constant(node, 1, 0);
    } else {
        add_values(node);
    }
}

/// A shortcut of the later of two convolutions, or of one that copies an input.
void GraphReader::add_values(const Node& node) {
    const Value a = value(node, 0);
    const Value b = value(node, 1);
    node.require(a.flat == b.flat && shape_of(a) == shape_of(b),
                 "its inputs have different shapes; supported are equal ones, and constants per channel");
    const auto takes_shortcut = [&](int index, const Value& other) {
        return stage_of(node, index) == Stage::linear && other.tensor < value(node, index).tensor;
    };
    Value sum = a;
    int source = b.tensor;
    if (takes_shortcut(1, a)) {
        sum = b;
        source = a.tensor;
    } else if (!takes_shortcut(0, b)) {
        sum = append_scaling(node, a, 1.0);
    }
    layer_of(sum).residual = core::ResidualInput{source, 1};
    sum.stage = Stage::summed;
    sum.non_negative = false;
    define(node, sum);
}

void GraphReader::add_constant(const Node& node, int input, int constant) {
    Value result = value(node, input);
    const Tensor tensor = parameter(node, constant, "constant");
    const bool wide = result.flat && shape_of(result).positions() != 1;
    const std::vector<double> constants = per_channel(tensor, result.flat, shape_of(result).channels);
    node.require(!constants.empty() && (!wide || tensor.values.size() == 1),
                 "adds a constant with shape " + join(tensor.dims) + ", expected one value per channel");
    if (stage_of(node, input) != Stage::linear) {
        result = append_scaling(node, result, 1.0);
    }
    std::vector<double>& bias = numbers_of(result).bias;
    std::transform(bias.begin(), bias.end(), constants.begin(), bias.begin(), std::plus<>());
    node.require(std::all_of(bias.begin(), bias.end(), [](double x) { return std::isfinite(x); }),
                 "its sum overflows");
    result.non_negative = false;
    define(node, result);
}

/// Nothing that inference would notice.
void GraphReader::pass_on(const Node& node) {
    if (node.op() == "Identity" || node.op() == "Dropout") {
        node.allow({"ratio", "seed"});
        node.require(node.inputs() <= 2, "training_mode is not supported");
    }
    Value same = value(node, 0);
    same.stage = stage_of(node, 0);
    define(node, same);
}

void GraphReader::define_flat(const Node& node) {
    Value same = value(node, 0);
    same.stage = stage_of(node, 0);
    same.flat = true;
    define(node, same);
}

void GraphReader::flatten(const Node& node) {
    node.allow({"axis"});
    node.require(node.inputs() == 1, "has more than one input");
    const auto axis = node.integer("axis", 1);
    node.require(axis == 1 || axis == (value(node, 0).flat ? -1 : -3),
                 "axis is " + std::to_string(axis) + ", supported is 1");
    define_flat(node);
}

/// To [N, features].
void GraphReader::reshape(const Node& node) {
    node.allow({"allowzero"});
    node.require(node.inputs() == 2, "has " + std::to_string(node.inputs()) + " inputs, expected 2");
    const auto words = static_cast<std::int64_t>(shape_of(value(node, 0)).words());
    const std::vector<std::int64_t> shape = to_integers(constant(node, 1, "shape"));
    const bool to_features = shape.size() == 2 && (shape[1] == words || (shape[1] == -1 && shape[0] != -1)) &&
                             (shape[0] == -1 || shape[0] == 0 || shape[0] == 1);
    node.require(to_features, "reshapes to " + join(shape) + ", supported is [-1, " + std::to_string(words) +
                                  "], images and features");
    define_flat(node);
}

/// Away with rows and columns of which there is one.
void GraphReader::squeeze(const Node& node) {
    node.allow({"axes"});
    node.require(node.inputs() <= 2, "has more than two inputs");
    std::vector<std::int64_t> axes = node.has_input(1)
                                         ? to_integers(constant(node, 1, "axes"))
                                         : node.integers("axes").value_or(std::vector<std::int64_t>{});
    const Value& input = value(node, 0);
    for (std::int64_t& axis : axes) {
        axis += axis < 0 ? 4 : 0;
    }
    std::sort(axes.begin(), axes.end());
    node.require(!input.flat && shape_of(input).positions() == 1 && axes == std::vector<std::int64_t>{2, 3},
                 "removes axes " + join(axes) + ", supported are [2, 3] of a single row and column");
    define_flat(node);
}

void GraphReader::constant(const Node& node) {
    node.allow({"value"});
    const onnx::TensorProto* tensor = node.tensor("value");
    node.require(node.inputs() == 0 && tensor != nullptr, "has no attribute 'value', a tensor");
    constants_.emplace(node.output(), tensor);
}

} // namespace hydravp::workloads::onnx_file
