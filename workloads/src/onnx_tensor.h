// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

/// The constants in an ONNX file.
namespace hydravp::workloads::onnx_file {

/// What is wrong; the file's name is put before it on the way out.
class Problem : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Sizes beyond these are mistakes or attacks; with them no product of sizes leaves 64 bits.
constexpr std::int64_t largest_size = std::int64_t{1} << 20; ///< of one dimension of a tensor
constexpr std::uint64_t largest_tensor = std::uint64_t{1} << 31;

/// `[1, 2, 3]`
std::string join(const std::vector<std::int64_t>& dims);

struct Tensor {
    std::vector<std::int64_t> dims;
    std::vector<double> values;
};

/// A constant of floats or doubles, all of them finite. Throws Problem.
Tensor to_tensor(const onnx::TensorProto& proto);

/// A constant of 64-bit integers with at most one dimension. Throws Problem.
std::vector<std::int64_t> to_integers(const onnx::TensorProto& proto);

} // namespace hydravp::workloads::onnx_file
