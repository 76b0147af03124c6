// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <string>

namespace hydravp::workloads {

/// Reads a feed-forward chain of Conv, BatchNormalization, Relu, MaxPool, AveragePool, GlobalAveragePool,
/// Flatten and Gemm nodes. Batch normalisation is folded, in double precision, into the convolution or Gemm
/// before it, and ReLU becomes a flag of it; Flatten and Gemm become a convolution that covers its input.
///
/// Not supported: branches, grouped or dilated convolutions, rounding up of output sizes, averages that count
/// padding, weights in external files, weights shared by so many nodes that the network outgrows its file by
/// far. Whatever isn't understood completely is refused with core::InputError, which names the file, the node
/// and its operator.
FloatNetwork read_onnx(const std::string& path);

} // namespace hydravp::workloads
