// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "onnx_model_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

/// ONNX graphs evaluated node by node as the operators' definitions say, for one image; nothing is folded.
namespace hydravp::test {

struct OnnxValue {
    Ints dims; ///< without the image: [C, H, W] or [features]; of a constant all of them
    std::vector<double> words;
};

class OnnxEvaluation {
public:
    explicit OnnxEvaluation(const onnx::GraphProto& graph) : graph_(graph) {
        for (const auto& tensor : graph.initializer()) {
            values_[tensor.name()] = constant(tensor);
        }
    }

    /// @param image words of the graph's first input
    std::vector<double> run(const std::vector<double>& image) {
        OnnxValue input;
        const auto& dims = graph_.input(0).type().tensor_type().shape().dim();
        for (int i = 1; i < dims.size(); ++i) {
            input.dims.push_back(dims.Get(i).dim_value());
        }
        input.words = image;
        values_[graph_.input(0).name()] = input;
        for (const auto& node : graph_.node()) {
            values_[node.output(0)] = evaluate(node);
        }
        return values_.at(graph_.output(0).name()).words;
    }

private:
    static OnnxValue constant(const onnx::TensorProto& tensor) {
        OnnxValue value;
        value.dims.assign(tensor.dims().begin(), tensor.dims().end());
        if (tensor.data_type() == onnx::TensorProto::INT64) {
            value.words.assign(tensor.int64_data().begin(), tensor.int64_data().end());
        } else {
            std::vector<float> floats(tensor.raw_data().size() / sizeof(float));
            std::memcpy(floats.data(), tensor.raw_data().data(), tensor.raw_data().size());
            value.words.assign(floats.begin(), floats.end());
        }
        return value;
    }

    static const onnx::AttributeProto* find(const onnx::NodeProto& node, const char* name) {
        for (const auto& attribute : node.attribute()) {
            if (attribute.name() == name) {
                return &attribute;
            }
        }
        return nullptr;
    }
    static std::int64_t integer(const onnx::NodeProto& node, const char* name, std::int64_t otherwise) {
        const auto* a = find(node, name);
        return a != nullptr ? a->i() : otherwise;
    }
    static double real(const onnx::NodeProto& node, const char* name, double otherwise) {
        const auto* a = find(node, name);
        return a != nullptr ? a->f() : otherwise;
    }
    static Ints ints(const onnx::NodeProto& node, const char* name, Ints otherwise) {
        const auto* a = find(node, name);
        return a != nullptr ? Ints(a->ints().begin(), a->ints().end()) : std::move(otherwise);
    }

    struct Window {
        Ints kernel, strides, pads, dilations;
        bool ceil_mode;
        std::int64_t outputs(std::size_t axis, std::int64_t in) const {
            std::int64_t n = 0; // counted, not computed
            for (std::int64_t begin = -pads[axis];; begin += strides[axis], ++n) {
                const std::int64_t end = begin + (kernel[axis] - 1) * dilations[axis] + 1;
                const std::int64_t limit = in + pads[axis + 2];
                const bool whole = end <= limit;
                const bool partial = ceil_mode && n > 0 && begin < in && end - strides[axis] < limit;
                if (!whole && !partial) {
                    return n;
                }
            }
        }
    };

    template <class Accumulate>
    static void for_taps(const Window& w, const OnnxValue& in, std::int64_t oy, std::int64_t ox,
                         Accumulate accumulate) {
        for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky) {
            for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) {
                const std::int64_t y = oy * w.strides[0] - w.pads[0] + ky * w.dilations[0];
                const std::int64_t x = ox * w.strides[1] - w.pads[1] + kx * w.dilations[1];
                const bool inside = y >= 0 && y < in.dims[1] && x >= 0 && x < in.dims[2];
                accumulate(ky * w.kernel[1] + kx, inside, y, x);
            }
        }
    }

    OnnxValue convolution(const onnx::NodeProto& node, const OnnxValue& in) const {
        const OnnxValue& weights = values_.at(node.input(1));
        const Window w{{weights.dims[2], weights.dims[3]},
                       ints(node, "strides", {1, 1}),
                       ints(node, "pads", {0, 0, 0, 0}),
                       ints(node, "dilations", {1, 1}),
                       false};
        const std::int64_t groups = integer(node, "group", 1);
        const std::int64_t per_group = in.dims[0] / groups;
        const std::int64_t taps = w.kernel[0] * w.kernel[1];
        OnnxValue out{{weights.dims[0], w.outputs(0, in.dims[1]), w.outputs(1, in.dims[2])}, {}};
        for (std::int64_t f = 0; f < out.dims[0]; ++f) {
            const std::int64_t first = f / (out.dims[0] / groups) * per_group;
            for (std::int64_t oy = 0; oy < out.dims[1]; ++oy) {
                for (std::int64_t ox = 0; ox < out.dims[2]; ++ox) {
                    double sum = node.input_size() > 2 ? values_.at(node.input(2)).words[at(f)] : 0;
                    for (std::int64_t c = 0; c < per_group; ++c) {
                        for_taps(w, in, oy, ox, [&](auto tap, bool inside, auto y, auto x) {
                            if (inside) {
                                sum += word(in, first + c, y, x) *
                                       weights.words[at((f * per_group + c) * taps + tap)];
                            }
                        });
                    }
                    out.words.push_back(sum);
                }
            }
        }
        return out;
    }

    static OnnxValue pool(const onnx::NodeProto& node, const OnnxValue& in) {
        const bool global = node.op_type().rfind("Global", 0) == 0 || node.op_type() == "ReduceMean";
        const bool average = node.op_type().find("Max") == std::string::npos;
        const Window w{ints(node, "kernel_shape", {in.dims[1], in.dims[2]}),
                       ints(node, "strides", {1, 1}),
                       ints(node, "pads", {0, 0, 0, 0}),
                       {1, 1},
                       integer(node, "ceil_mode", 0) != 0};
        OnnxValue out{
            {in.dims[0], global ? 1 : w.outputs(0, in.dims[1]), global ? 1 : w.outputs(1, in.dims[2])}, {}};
        const bool padding_counts = integer(node, "count_include_pad", 0) != 0;
        for (std::int64_t c = 0; c < out.dims[0]; ++c) {
            for (std::int64_t oy = 0; oy < out.dims[1]; ++oy) {
                for (std::int64_t ox = 0; ox < out.dims[2]; ++ox) {
                    double sum = 0;
                    double most = -std::numeric_limits<double>::infinity();
                    int count = 0;
                    for_taps(w, in, oy, ox, [&](auto, bool inside, auto y, auto x) {
                        const bool padding =
                            y < in.dims[1] + w.pads[2] && x < in.dims[2] + w.pads[3] && padding_counts;
                        count += inside || padding ? 1 : 0;
                        if (inside) {
                            sum += word(in, c, y, x);
                            most = std::max(most, word(in, c, y, x));
                        }
                    });
                    out.words.push_back(average ? sum / count : most);
                }
            }
        }
        if (node.op_type() == "ReduceMean" && integer(node, "keepdims", 1) == 0) {
            out.dims.resize(1);
        }
        return out;
    }

    /// Of a value and one like it, or a constant with a value for each channel.
    OnnxValue add(const onnx::NodeProto& node) const {
        OnnxValue a = values_.at(node.input(0));
        OnnxValue b = values_.at(node.input(1));
        if (a.dims.size() == 4 || a.words.size() < b.words.size()) { // a constant comes first
            std::swap(a, b);
        }
        for (std::size_t i = 0; i < a.words.size(); ++i) {
            a.words[i] += b.words[i * b.words.size() / a.words.size()];
        }
        return a;
    }

    OnnxValue concat(const onnx::NodeProto& node) const {
        OnnxValue out = values_.at(node.input(0));
        for (int i = 1; i < node.input_size(); ++i) {
            const OnnxValue& next = values_.at(node.input(i));
            out.dims[0] += next.dims[0];
            out.words.insert(out.words.end(), next.words.begin(), next.words.end());
        }
        return out;
    }

    OnnxValue product(const onnx::NodeProto& node, const OnnxValue& in) const {
        const OnnxValue& weights = values_.at(node.input(1));
        const bool transposed = integer(node, "transB", 0) != 0;
        const std::int64_t outputs = weights.dims[transposed ? 0 : 1];
        OnnxValue out{{outputs}, {}};
        for (std::int64_t f = 0; f < outputs; ++f) {
            double sum = node.input_size() > 2 ? values_.at(node.input(2)).words[at(f)] : 0;
            for (std::size_t i = 0; i < in.words.size(); ++i) {
                const auto n = static_cast<std::int64_t>(i);
                sum += in.words[i] * weights.words[at(transposed ? f * in.dims[0] + n : n * outputs + f)];
            }
            out.words.push_back(sum);
        }
        return out;
    }

    OnnxValue normalised(const onnx::NodeProto& node, OnnxValue value) const {
        const double epsilon = real(node, "epsilon", 1e-5F);
        const std::size_t plane = value.words.size() / at(value.dims[0]);
        for (std::size_t i = 0; i < value.words.size(); ++i) {
            const std::size_t c = i / plane;
            const auto parameter = [&](int input) { return values_.at(node.input(input)).words[c]; };
            value.words[i] =
                (value.words[i] - parameter(3)) / std::sqrt(parameter(4) + epsilon) * parameter(1) +
                parameter(2);
        }
        return value;
    }

    OnnxValue evaluate(const onnx::NodeProto& node) const {
        const std::string& op = node.op_type();
        if (op == "Constant") {
            return constant(node.attribute(0).t());
        }
        OnnxValue in = values_.at(node.input(0));
        const auto each = [&](auto function) {
            std::transform(in.words.begin(), in.words.end(), in.words.begin(), function);
            return in;
        };
        if (op == "Conv") {
            return convolution(node, in);
        }
        if (op == "BatchNormalization") {
            return normalised(node, in);
        }
        if (op == "Relu") {
            return each([](double x) { return std::max(x, 0.0); });
        }
        if (op == "Clip") {
            return each([&](double x) { return std::clamp(x, real(node, "min", 0), real(node, "max", 6)); });
        }
        if (op == "LeakyRelu") {
            return each([&](double x) { return x < 0 ? x * real(node, "alpha", 0.01) : x; });
        }
        if (op.find("Pool") != std::string::npos || op == "ReduceMean") {
            return pool(node, in);
        }
        if (op == "Add" || op == "Sum") {
            return add(node);
        }
        if (op == "Concat") {
            return concat(node);
        }
        if (op == "Gemm" || op == "MatMul") {
            return product(node, in);
        }
        if (op == "Flatten" || op == "Reshape" || op == "Squeeze") {
            in.dims = {static_cast<std::int64_t>(in.words.size())};
            return in;
        }
        if (op == "Identity" || op == "Dropout") {
            return in;
        }
        throw std::logic_error("no definition of " + op);
    }

    static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
    static double word(const OnnxValue& v, std::int64_t c, std::int64_t y, std::int64_t x) {
        return v.words[at((c * v.dims[1] + y) * v.dims[2] + x)];
    }

    const onnx::GraphProto& graph_;
    std::map<std::string, OnnxValue> values_;
};

} // namespace hydravp::test
