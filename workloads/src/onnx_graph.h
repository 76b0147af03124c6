// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include "onnx_node.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace hydravp::workloads::onnx_file {

/// What can still become part of the convolution that a value comes from.
enum class Stage {
    linear, ///< everything: a factor and a constant per channel, a shortcut, an activation function
    summed, ///< an activation function, for a shortcut has been added
    closed  ///< nothing
};

/// A value of the graph.
struct Value {
    int tensor = core::network_input; ///< the layer that it is the output of, or `network_input`
    bool flat = false;                ///< its shape is [N, features]; their order is channel, row, column
    bool non_negative = false;        ///< it can't be negative
    Stage stage = Stage::closed;
};

/// Makes layers of the nodes of a graph, in their order. A node that its input's convolution can do along
/// becomes part of it, if nobody else reads that input; otherwise it becomes a 1x1 depthwise convolution of
/// its own.
class GraphReader {
public:
    explicit GraphReader(const onnx::GraphProto& graph);

    /// Throws Problem, or std::invalid_argument from core::Network::validate.
    FloatNetwork read();

private:
    // The graph: onnx_graph.cpp
    void read_input();
    void count_readers();
    void read_node(const onnx::NodeProto& proto);
    void check_output() const;

    const Value& value(const Node& node, int index) const;
    /// The value that one node leaves, in place of the one it has read.
    void define(const Node& node, Value result);
    bool has_one_reader(const std::string& name) const { return readers_.at(name) == 1; }
    /// How much of its convolution is still open to the only reader of this input.
    Stage stage_of(const Node& node, int index) const;
    const core::TensorShape& shape_of(const Value& value) const {
        return net_.network.shape_of(value.tensor);
    }

    bool is_constant(const std::string& name) const { return constants_.count(name) != 0; }
    const onnx::TensorProto& constant(const Node& node, int index, const char* what) const;
    Tensor parameter(const Node& node, int index, const char* what);
    std::vector<double> vector_parameter(const Node& node, int index, const char* what, std::uint32_t size);
    double scalar_parameter(const Node& node, int index, const char* what);

    // Layers of their own: onnx_layers.cpp
    void convolution(const Node& node);
    void pool(const Node& node);
    void global_pool(const Node& node);
    void reduce_mean(const Node& node);
    void concat(const Node& node);
    void gemm(const Node& node);
    void matmul(const Node& node);

    // What a layer does along, and what only changes a shape: onnx_elements.cpp
    void batch_norm(const Node& node);
    void relu(const Node& node);
    void clip(const Node& node);
    void leaky_relu(const Node& node);
    void add(const Node& node);
    void flatten(const Node& node);
    void reshape(const Node& node);
    void squeeze(const Node& node);
    void pass_on(const Node& node);
    void constant(const Node& node);

    core::LayerDescriptor new_layer(const Node& node, core::LayerKind kind, const Value& input);
    void read_window(const Node& node, const std::vector<std::uint32_t>& kernel,
                     core::LayerDescriptor& layer) const;
    Value append(core::LayerDescriptor layer, FloatLayer values);
    void append_global_pool(const Node& node, core::LayerKind kind, bool flat);
    void append_product(const Node& node, const Tensor& weights, bool transposed, double alpha,
                        std::vector<double> bias);
    /// A 1x1 depthwise convolution of the input.
    Value append_scaling(const Node& node, const Value& input, double factor);
    /// Factor and constant of each channel, in the convolution that makes the input or in one of its own.
    void scale(const Node& node, const std::vector<double>& factors, const std::vector<double>& constants);
    void activate(const Node& node, core::Activation activation, double slope = 0);
    void add_values(const Node& node);
    void add_constant(const Node& node, int input, int constant);
    /// The value without its shape.
    void define_flat(const Node& node);

    core::LayerDescriptor& layer_of(const Value& value) {
        return net_.network.layers[static_cast<std::size_t>(value.tensor)];
    }
    FloatLayer& numbers_of(const Value& value) { return net_.layers[static_cast<std::size_t>(value.tensor)]; }
    /// Every layer has a copy of its parameters: the network may grow beyond the file, but not without bound.
    void count_parameters(const Node& node, std::uint64_t count);

    const onnx::GraphProto& graph_;
    std::map<std::string, const onnx::TensorProto*> constants_; ///< initializers and outputs of Constant
    std::map<std::string, int> readers_;                        ///< inputs of nodes and outputs of the graph
    std::map<std::string, Value> values_;
    std::set<std::string> names_; ///< of layers
    FloatNetwork net_;
    std::uint64_t parameters_ = 0; ///< read so far
    std::uint64_t most_parameters_;
};

} // namespace hydravp::workloads::onnx_file
