// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/quantized_network.h"

#include <string>

namespace hydravp::workloads {

/// Reads a graph of Conv, BatchNormalization, Relu, Clip (ReLU and ReLU6), LeakyRelu, MaxPool, AveragePool,
/// GlobalMaxPool, GlobalAveragePool, ReduceMean, Add or Sum of two, Concat, Flatten, Reshape, Squeeze, Gemm,
/// MatMul, Constant, Dropout and Identity nodes with one input and one output.
///
/// Batch normalisation is folded, in double precision, into the convolution or product before it; an
/// activation function and a sum become a part of it. Where that is impossible, because somebody else reads
/// the value in between or no convolution makes it, they become a 1x1 depthwise convolution. A product
/// becomes a convolution that covers its input.
///
/// Not supported: constants that differ within a channel, weights in external files, weights shared by so
/// many nodes that the network outgrows its file by far. Whatever isn't understood completely is refused with
/// core::InputError, which names the file, the node and its operator.
FloatNetwork read_onnx(const std::string& path);

} // namespace hydravp::workloads
