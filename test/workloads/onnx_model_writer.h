// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/workloads/onnx_reader.h"

#include "temporary_file.h"

// The library keeps protobuf out of its interface, so its definitions do not arrive here.
#define ONNX_ML 1
#define ONNX_NAMESPACE onnx
#include <catch2/catch.hpp>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::test {

using Ints = std::vector<std::int64_t>;

/// Writes a graph of nodes the way an exporter does.
class ModelWriter {
public:
    explicit ModelWriter(const Ints& input = {1, 2, 5, 5}) {
        model.set_ir_version(7);
        model.add_opset_import()->set_version(13);
        graph().set_name("test");
        set_shape(*graph().add_input(), "input", input);
    }

    onnx::GraphProto& graph() { return *model.mutable_graph(); }
    onnx::NodeProto& node(int index) { return *graph().mutable_node(index); }
    onnx::TensorProto& initializer(int index) { return *graph().mutable_initializer(index); }

    /// A node that continues the chain, with parameters named `name`.0, `name`.1, ...
    onnx::NodeProto& add(const std::string& op, const std::string& name, int parameters = 0) {
        auto& added = *graph().add_node();
        added.set_op_type(op);
        added.set_name(name);
        added.add_input(current_);
        for (int i = 0; i < parameters; ++i) {
            added.add_input(name + "." + std::to_string(i));
        }
        current_ = name + ".out";
        added.add_output(current_);
        return added;
    }
    /// A node of a graph that is no chain; returns the name of its output.
    std::string add_node(const std::string& op, const std::vector<std::string>& inputs) {
        auto& added = *graph().add_node();
        added.set_op_type(op);
        added.set_name(op + std::to_string(graph().node_size()));
        for (const std::string& input : inputs) {
            added.add_input(input);
        }
        current_ = added.name() + ".out";
        added.add_output(current_);
        return current_;
    }
    onnx::NodeProto& last_node() { return node(graph().node_size() - 1); }
    onnx::TensorProto& tensor(const std::string& name, const Ints& dims, std::vector<float> values = {}) {
        auto& added = *graph().add_initializer();
        added.set_name(name);
        added.set_data_type(onnx::TensorProto::FLOAT);
        std::int64_t count = 1;
        for (const auto d : dims) {
            added.add_dims(d);
            count *= d;
        }
        for (std::int64_t i = static_cast<std::int64_t>(values.size()); i < count; ++i) {
            values.push_back(static_cast<float>((i * 7 + 3) % 11 - 5) / 8);
        }
        added.set_raw_data(values.data(), values.size() * sizeof(float));
        return added;
    }
    onnx::NodeProto& conv(const std::string& name, const Ints& weights, const Ints& pads = {0, 0, 0, 0}) {
        auto& added = add("Conv", name, 1);
        tensor(name + ".0", weights);
        ints(added, "pads", pads);
        return added;
    }
    static void ints(onnx::NodeProto& node, const char* name, const Ints& values) {
        auto& a = *node.add_attribute();
        a.set_name(name);
        a.set_type(onnx::AttributeProto::INTS);
        for (const auto v : values) {
            a.add_ints(v);
        }
    }
    static void integer(onnx::NodeProto& node, const char* name, std::int64_t value) {
        auto& a = *node.add_attribute();
        a.set_name(name);
        a.set_type(onnx::AttributeProto::INT);
        a.set_i(value);
    }
    static void real(onnx::NodeProto& node, const char* name, float value) {
        auto& a = *node.add_attribute();
        a.set_name(name);
        a.set_type(onnx::AttributeProto::FLOAT);
        a.set_f(value);
    }
    static void text(onnx::NodeProto& node, const char* name, const char* value) {
        auto& a = *node.add_attribute();
        a.set_name(name);
        a.set_type(onnx::AttributeProto::STRING);
        a.set_s(value);
    }

    std::string bytes() {
        if (graph().output_size() == 0) {
            graph().add_output()->set_name(current_);
        }
        return model.SerializeAsString();
    }
    workloads::FloatNetwork read() {
        const TemporaryFile file(bytes(), ".onnx");
        return workloads::read_onnx(file.path());
    }
    /// The message of the error that reading gives, without the file's name (which is checked).
    std::string error() { return error_of(bytes()); }
    static std::string error_of(const std::string& bytes) {
        const TemporaryFile file(bytes, ".onnx");
        try {
            workloads::read_onnx(file.path());
        } catch (const core::InputError& error) {
            const std::string message = error.what();
            CHECK_THAT(message, Catch::StartsWith(file.path() + ": "));
            return message.substr(file.path().size() + 2);
        }
        return "no error";
    }

    static void set_shape(onnx::ValueInfoProto& value, const std::string& name, const Ints& dims) {
        value.set_name(name);
        auto& type = *value.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx::TensorProto::FLOAT);
        for (const auto d : dims) {
            type.mutable_shape()->add_dim()->set_dim_value(d);
        }
    }

    onnx::ModelProto model;

private:
    std::string current_ = "input";
};

} // namespace hydravp::test
