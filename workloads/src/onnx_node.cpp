// SPDX-License-Identifier: Apache-2.0
#include "onnx_node.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace hydravp::workloads::onnx_file {

void Node::fail(const std::string& what) const {
    const auto& shown = !name().empty() || proto_.output_size() == 0 ? name() : proto_.output(0);
    throw Problem("node '" + shown + "' (" + op() + "): " + what);
}

void Node::allow(std::initializer_list<const char*> names) const {
    std::set<std::string> seen;
    for (const auto& attribute : proto_.attribute()) {
        const bool known =
            std::any_of(names.begin(), names.end(), [&](const char* n) { return attribute.name() == n; });
        if (!known) {
            std::string list;
            for (const auto* n : names) {
                list += (list.empty() ? "" : ", ") + std::string(n);
            }
            fail("attribute '" + attribute.name() +
                 "' is not supported; supported: " + (list.empty() ? "none" : list));
        }
        require(seen.insert(attribute.name()).second, "attribute '" + attribute.name() + "' occurs twice");
        require(attribute.ref_attr_name().empty(),
                "attribute '" + attribute.name() +
                    "' refers to a function's parameter, which is not supported");
    }
}

bool Node::has(const char* name) const {
    return std::any_of(proto_.attribute().begin(), proto_.attribute().end(),
                       [&](const auto& attribute) { return attribute.name() == name; });
}

std::int64_t Node::integer(const char* name, std::int64_t fallback) const {
    const auto* a = find(name, onnx::AttributeProto::INT);
    return a != nullptr ? a->i() : fallback;
}

double Node::real(const char* name, double fallback) const {
    const auto* a = find(name, onnx::AttributeProto::FLOAT);
    const double value = a != nullptr ? a->f() : fallback;
    require(std::isfinite(value), std::string("attribute '") + name + "' is not finite");
    return value;
}

std::string Node::text(const char* name, const char* fallback) const {
    const auto* a = find(name, onnx::AttributeProto::STRING);
    return a != nullptr ? a->s() : fallback;
}

const onnx::TensorProto* Node::tensor(const char* name) const {
    const auto* a = find(name, onnx::AttributeProto::TENSOR);
    return a != nullptr ? &a->t() : nullptr;
}

std::optional<std::vector<std::int64_t>> Node::integers(const char* name) const {
    const auto* a = find(name, onnx::AttributeProto::INTS);
    if (a == nullptr) {
        return std::nullopt;
    }
    return std::vector<std::int64_t>(a->ints().begin(), a->ints().end());
}

std::optional<std::vector<std::uint32_t>> Node::integers(const char* name, int size, std::int64_t low,
                                                         std::int64_t high) const {
    const auto* a = find(name, onnx::AttributeProto::INTS);
    if (a == nullptr) {
        return std::nullopt;
    }
    require(a->ints_size() == size, std::string("attribute '") + name + "' has " +
                                        std::to_string(a->ints_size()) + " values, expected " +
                                        std::to_string(size) + " (two spatial dimensions)");
    std::vector<std::uint32_t> values;
    for (const auto v : a->ints()) {
        require(v >= low && v <= high, std::string("attribute '") + name + "' contains " + std::to_string(v) +
                                           ", expected " + std::to_string(low) + " to " +
                                           std::to_string(high));
        values.push_back(static_cast<std::uint32_t>(v));
    }
    return values;
}

const onnx::AttributeProto* Node::find(const char* name, onnx::AttributeProto::AttributeType type) const {
    for (const auto& attribute : proto_.attribute()) {
        if (attribute.name() == name) {
            require(attribute.type() == type, std::string("attribute '") + name + "' has the wrong type");
            return &attribute;
        }
    }
    return nullptr;
}

} // namespace hydravp::workloads::onnx_file
