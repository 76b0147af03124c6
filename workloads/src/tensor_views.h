// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Of layer `index`'s output (or core::network_input) in a list of all tensors, the network's input first.
inline std::size_t tensor_slot(int index) {
    return static_cast<std::size_t>(std::ptrdiff_t{index} + 1);
}

/// Where a tensor's words are: those of a concat's members lie in the concat, side by side.
struct TensorView {
    int root = core::network_input;  ///< the tensor itself, or the outermost concat that it is part of
    std::uint32_t first_channel = 0; ///< of the root's channels
};

/// One per tensor, by `tensor_slot`. The network has to be valid.
std::vector<TensorView> tensor_views(const core::Network& network);

} // namespace hydravp::workloads
