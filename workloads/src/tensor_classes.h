// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Which numbers of residue classes (core::LayerGeometry::channel_split) the tensors of a network may have.
///
/// Pooling keeps the classes of its input, so such tensors are joined. A tensor that a grouped convolution
/// reads may have as many classes as divide a group's channels, or are a multiple of them.
class TensorClasses {
public:
    explicit TensorClasses(const core::Network& network);

    /// Sets of tensors that have the same classes.
    std::size_t sets() const { return group_channels_.size(); }
    /// Set of what layer `index` (or core::network_input) produces.
    std::size_t set_of(int index) const {
        return set_of_[static_cast<std::size_t>(std::ptrdiff_t{index} + 1)];
    }
    bool allows(std::size_t set, std::uint32_t split) const;
    /// The largest divisor of `split` that the set allows; 1 always is.
    std::uint32_t largest(std::size_t set, std::uint32_t split) const;

private:
    std::vector<std::size_t> set_of_; ///< the network's input, then each layer's output
    std::vector<std::vector<std::uint32_t>> group_channels_; ///< by set: of the grouped layers that read it
};

} // namespace hydravp::workloads
