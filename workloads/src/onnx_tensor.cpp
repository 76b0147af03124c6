// SPDX-License-Identifier: Apache-2.0
#include "onnx_tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace hydravp::workloads::onnx_file {

namespace {

[[noreturn]] void fail(const onnx::TensorProto& proto, const std::string& what) {
    throw Problem("initializer '" + proto.name() + "' " + what);
}

template <class T>
std::vector<T> from_raw(const std::string& raw) {
    std::vector<T> values(raw.size() / sizeof(T));
    if (!values.empty()) {
        std::memcpy(values.data(), raw.data(), values.size() * sizeof(T));
    }
    return values;
}

/// The number of elements of a constant that lies in the file.
std::uint64_t read_shape(const onnx::TensorProto& proto, std::vector<std::int64_t>& dims) {
    if (proto.data_location() == onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0) {
        fail(proto, "keeps its data in another file, which is not supported");
    }
    if (proto.has_segment()) {
        fail(proto, "is segmented, which is not supported");
    }
    std::uint64_t count = 1;
    for (const auto d : proto.dims()) {
        if (d < 1 || d > largest_size * 1024 || count * static_cast<std::uint64_t>(d) > largest_tensor) {
            fail(proto, "has the impossible shape " + join({proto.dims().begin(), proto.dims().end()}));
        }
        count *= static_cast<std::uint64_t>(d);
        dims.push_back(d);
    }
    return count;
}

} // namespace

std::string join(const std::vector<std::int64_t>& dims) {
    std::string text = "[";
    for (const auto d : dims) {
        text += (text.size() > 1 ? ", " : "") + std::to_string(d);
    }
    return text + "]";
}

Tensor to_tensor(const onnx::TensorProto& proto) {
    Tensor tensor;
    const std::uint64_t count = read_shape(proto, tensor.dims);
    const bool is_float = proto.data_type() == onnx::TensorProto::FLOAT;
    if (!is_float && proto.data_type() != onnx::TensorProto::DOUBLE) {
        fail(proto, "has element type " + std::to_string(proto.data_type()) +
                        ", supported are float (1) and double (11)");
    }
    const bool typed_data = proto.float_data_size() > 0 || proto.double_data_size() > 0;
    if (!proto.raw_data().empty()) {
        const std::size_t size = is_float ? sizeof(float) : sizeof(double);
        if (typed_data || proto.raw_data().size() != count * size) {
            fail(proto, "has " + std::to_string(proto.raw_data().size()) + " bytes of data, expected " +
                            std::to_string(count * size) + " for shape " + join(tensor.dims));
        }
        if (is_float) {
            const auto floats = from_raw<float>(proto.raw_data());
            tensor.values.assign(floats.begin(), floats.end());
        } else {
            tensor.values = from_raw<double>(proto.raw_data());
        }
    } else if (is_float) {
        tensor.values.assign(proto.float_data().begin(), proto.float_data().end());
    } else {
        tensor.values.assign(proto.double_data().begin(), proto.double_data().end());
    }
    if (tensor.values.size() != count) {
        fail(proto, "has " + std::to_string(tensor.values.size()) + " values, expected " +
                        std::to_string(count) + " for shape " + join(tensor.dims));
    }
    if (!std::all_of(tensor.values.begin(), tensor.values.end(), [](double x) { return std::isfinite(x); })) {
        fail(proto, "contains NaN or infinity");
    }
    return tensor;
}

std::vector<std::int64_t> to_integers(const onnx::TensorProto& proto) {
    std::vector<std::int64_t> dims;
    const std::uint64_t count = read_shape(proto, dims);
    if (proto.data_type() != onnx::TensorProto::INT64 || dims.size() > 1) {
        fail(proto, "has element type " + std::to_string(proto.data_type()) + " and shape " + join(dims) +
                        ", expected 64-bit integers (7) in one dimension");
    }
    std::vector<std::int64_t> values =
        proto.raw_data().empty()
            ? std::vector<std::int64_t>(proto.int64_data().begin(), proto.int64_data().end())
            : from_raw<std::int64_t>(proto.raw_data());
    if (values.size() != count) {
        fail(proto, "has " + std::to_string(values.size()) + " values, expected " + std::to_string(count) +
                        " for shape " + join(dims));
    }
    return values;
}

} // namespace hydravp::workloads::onnx_file
