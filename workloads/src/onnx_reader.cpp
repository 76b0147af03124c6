// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/onnx_reader.h"

#include "hydravp/core/error.h"

#include "onnx_graph.h"

#include <fstream>
#include <new>

namespace hydravp::workloads {

namespace {

using onnx_file::Problem;

constexpr std::int64_t oldest_opset = 7; ///< before, broadcasting and batch normalisation had other rules

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
        return onnx_file::GraphReader(model.graph()).read();
    } catch (const Problem& problem) {
        throw core::InputError(path + ": " + problem.what());
    } catch (const std::invalid_argument& error) {
        throw core::InputError(path + ": " + error.what());
    } catch (const std::bad_alloc&) {
        throw core::InputError(path + ": the network does not fit into memory");
    }
}

} // namespace hydravp::workloads
