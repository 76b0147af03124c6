// SPDX-License-Identifier: Apache-2.0
// The values of a graph and who reads them.
#include "onnx_graph.h"

#include <algorithm>
#include <array>

namespace hydravp::workloads::onnx_file {

namespace {

constexpr std::uint64_t small_network = std::uint64_t{1} << 22; ///< parameters, however they are stored

} // namespace

GraphReader::GraphReader(const onnx::GraphProto& graph)
    : graph_(graph), most_parameters_(small_network + 4 * std::uint64_t{graph.ByteSizeLong()}) {}

FloatNetwork GraphReader::read() {
    if (graph_.sparse_initializer_size() > 0) {
        throw Problem("sparse initializers are not supported");
    }
    for (const auto& proto : graph_.initializer()) {
        if (!constants_.emplace(proto.name(), &proto).second) {
            throw Problem("initializer '" + proto.name() + "' occurs twice");
        }
    }
    net_.network.name = graph_.name();
    read_input();
    if (graph_.node_size() == 0) {
        throw Problem("the graph has no nodes");
    }
    count_readers();
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

void GraphReader::read_input() {
    const onnx::ValueInfoProto* input = nullptr;
    for (const auto& candidate : graph_.input()) {
        // Old files list the initializers among the inputs.
        if (is_constant(candidate.name())) {
            continue;
        }
        if (input != nullptr) {
            throw Problem("the graph has several inputs ('" + input->name() + "', '" + candidate.name() +
                          "'), supported is one");
        }
        input = &candidate;
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
    // Pixels are not negative.
    values_[input->name()] = {core::network_input, dims.size() == 2, true, Stage::closed};
}

void GraphReader::count_readers() {
    for (const auto& node : graph_.node()) {
        for (const auto& output : node.output()) {
            readers_.emplace(output, 0);
        }
        for (const auto& input : node.input()) {
            ++readers_[input];
        }
    }
    for (const auto& output : graph_.output()) {
        ++readers_[output.name()];
    }
}

void GraphReader::read_node(const onnx::NodeProto& proto) {
    const Node node(proto);
    struct Operator {
        const char* name;
        void (GraphReader::*read)(const Node&);
    };
    static constexpr std::array<Operator, 21> operators{{{"Conv", &GraphReader::convolution},
                                                         {"BatchNormalization", &GraphReader::batch_norm},
                                                         {"Relu", &GraphReader::relu},
                                                         {"Clip", &GraphReader::clip},
                                                         {"LeakyRelu", &GraphReader::leaky_relu},
                                                         {"MaxPool", &GraphReader::pool},
                                                         {"AveragePool", &GraphReader::pool},
                                                         {"GlobalMaxPool", &GraphReader::global_pool},
                                                         {"GlobalAveragePool", &GraphReader::global_pool},
                                                         {"ReduceMean", &GraphReader::reduce_mean},
                                                         {"Add", &GraphReader::add},
                                                         {"Sum", &GraphReader::add},
                                                         {"Concat", &GraphReader::concat},
                                                         {"Flatten", &GraphReader::flatten},
                                                         {"Reshape", &GraphReader::reshape},
                                                         {"Squeeze", &GraphReader::squeeze},
                                                         {"Gemm", &GraphReader::gemm},
                                                         {"MatMul", &GraphReader::matmul},
                                                         {"Identity", &GraphReader::pass_on},
                                                         {"Dropout", &GraphReader::pass_on},
                                                         {"Constant", &GraphReader::constant}}};
    std::string supported;
    for (const Operator& o : operators) {
        supported += (supported.empty() ? "" : ", ") + std::string(o.name);
    }
    if (!proto.domain().empty() && proto.domain() != "ai.onnx") {
        node.fail("operators of domain '" + proto.domain() + "' are not supported; supported: " + supported);
    }
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [&](const Operator& o) { return node.op() == o.name; });
    if (op == operators.end()) {
        node.fail("operator is not supported; supported: " + supported);
    }
    node.require((node.inputs() >= 1 || node.op() == "Constant") && node.outputs() >= 1,
                 "has no input or no output");
    node.require(!node.output().empty() && !is_constant(node.output()) && values_.count(node.output()) == 0,
                 "output has no usable name");
    for (int i = 1; i < node.outputs(); ++i) {
        const bool mask = node.op() == "Dropout" && i == 1 && readers_[node.output(i)] == 0;
        node.require(node.output(i).empty() || mask, "more than one output is not supported");
    }
    node.require(readers_[node.output()] > 0, "nobody reads its output '" + node.output() + "'");
    (this->*op->read)(node);
}

/// The node's input, which has to be computed.
const Value& GraphReader::value(const Node& node, int index) const {
    node.require(node.has_input(index), "input " + std::to_string(index) + " is missing");
    const std::string& name = node.input(index);
    const auto found = values_.find(name);
    if (found == values_.end()) {
        node.fail("reads '" + name + "', which is " +
                  (is_constant(name) ? "a constant; expected a computed value"
                                     : "neither the graph's input nor the output of a node before"));
    }
    return found->second;
}

void GraphReader::define(const Node& node, Value result) {
    values_[node.output()] = result;
}

Stage GraphReader::stage_of(const Node& node, int index) const {
    return has_one_reader(node.input(index)) ? value(node, index).stage : Stage::closed;
}

const onnx::TensorProto& GraphReader::constant(const Node& node, int index, const char* what) const {
    node.require(node.has_input(index),
                 std::string("input ") + std::to_string(index) + " (" + what + ") is missing");
    const auto found = constants_.find(node.input(index));
    node.require(
        found != constants_.end(),
        std::string("initializer '") + node.input(index) + "' (" + what + ") is missing" +
            (values_.count(node.input(index)) != 0 ? "; the value is computed, expected a constant" : ""));
    return *found->second;
}

Tensor GraphReader::parameter(const Node& node, int index, const char* what) {
    Tensor tensor = to_tensor(constant(node, index, what));
    count_parameters(node, tensor.values.size());
    return tensor;
}

void GraphReader::count_parameters(const Node& node, std::uint64_t count) {
    parameters_ += count;
    node.require(parameters_ <= most_parameters_, "shares initializers with too many nodes");
}

std::vector<double> GraphReader::vector_parameter(const Node& node, int index, const char* what,
                                                  std::uint32_t size) {
    Tensor tensor = parameter(node, index, what);
    node.require(tensor.dims.size() == 1 && tensor.dims[0] == size, std::string(what) + " has shape " +
                                                                        join(tensor.dims) + ", expected [" +
                                                                        std::to_string(size) + "]");
    return std::move(tensor.values);
}

double GraphReader::scalar_parameter(const Node& node, int index, const char* what) {
    const Tensor tensor = parameter(node, index, what);
    node.require(tensor.values.size() == 1,
                 std::string(what) + " has shape " + join(tensor.dims) + ", expected a single number");
    return tensor.values.front();
}

void GraphReader::check_output() const {
    const std::string& last = graph_.node(graph_.node_size() - 1).output(0);
    if (graph_.output_size() != 1 || graph_.output(0).name() != last) {
        throw Problem("the graph's only output must be '" + last + "', the last node's");
    }
    const auto found = values_.find(last);
    if (found == values_.end()) {
        throw Problem("the graph's output '" + last + "' is a constant");
    }
    const Value& result = found->second;
    if (result.tensor + 1 != static_cast<int>(net_.layers.size())) {
        throw Problem("the graph's output '" + last + "' is not the result of the last layer, '" +
                      net_.network.layers.back().name + "'");
    }
    const auto& type = graph_.output(0).type().tensor_type();
    if (!type.has_shape()) {
        return;
    }
    const auto& shape = shape_of(result);
    const std::vector<std::int64_t> computed =
        result.flat ? std::vector<std::int64_t>{static_cast<std::int64_t>(shape.words())}
                    : std::vector<std::int64_t>{shape.channels, shape.height, shape.width};
    const auto& dims = type.shape().dim();
    bool same = dims.size() == static_cast<int>(computed.size()) + 1;
    for (int i = 1; same && i < dims.size(); ++i) {
        same = !dims.Get(i).has_dim_value() ||
               dims.Get(i).dim_value() == computed[static_cast<std::size_t>(i - 1)];
    }
    if (!same) {
        throw Problem("output '" + last + "' is declared with another shape than " + join(computed) +
                      " per image, which follows from the nodes");
    }
}

} // namespace hydravp::workloads::onnx_file
