// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "onnx_tensor.h"

#include <initializer_list>
#include <optional>

namespace hydravp::workloads::onnx_file {

/// One node with checked access to what it says: every attribute must be one the caller knows.
class Node {
public:
    explicit Node(const onnx::NodeProto& proto) : proto_(proto) {}

    const std::string& op() const { return proto_.op_type(); }
    const std::string& name() const { return proto_.name(); }

    int inputs() const { return proto_.input_size(); }
    /// Whether it has this input, counted from 0; an empty name stands for one that is left out.
    bool has_input(int index) const { return index < inputs() && !input(index).empty(); }
    const std::string& input(int index) const { return proto_.input(index); }
    int outputs() const { return proto_.output_size(); }
    const std::string& output(int index = 0) const { return proto_.output(index); }

    /// Throws Problem with the node's name and operator.
    [[noreturn]] void fail(const std::string& what) const;
    void require(bool ok, const std::string& what) const {
        if (!ok) {
            fail(what);
        }
    }

    /// Refuses every attribute but these.
    void allow(std::initializer_list<const char*> names) const;
    bool has(const char* name) const;
    std::int64_t integer(const char* name, std::int64_t fallback) const;
    double real(const char* name, double fallback) const;
    std::string text(const char* name, const char* fallback) const;
    /// A constant; null if the attribute is absent.
    const onnx::TensorProto* tensor(const char* name) const;
    std::optional<std::vector<std::int64_t>> integers(const char* name) const;
    /// `size` integers of [low, high]; nothing if the attribute is absent.
    std::optional<std::vector<std::uint32_t>> integers(const char* name, int size, std::int64_t low,
                                                       std::int64_t high) const;

private:
    const onnx::AttributeProto* find(const char* name, onnx::AttributeProto::AttributeType type) const;

    const onnx::NodeProto& proto_;
};

} // namespace hydravp::workloads::onnx_file
