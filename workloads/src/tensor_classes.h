// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include "tensor_views.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Which numbers of residue classes (core::LayerGeometry::channel_split) the tensors of a network may have.
///
/// Pooling keeps the classes of its input, and a concat's members have those of the concat, so such tensors
/// form a set. A tensor that a grouped convolution reads may have as many classes as divide a group's
/// channels, or are a multiple of them; a concat as many as divide the number of channels before each member,
/// so that a channel is in the same class of both.
class TensorClasses {
public:
    explicit TensorClasses(const core::Network& network);

    /// Sets of tensors that have the same classes.
    std::size_t sets() const { return sets_.size(); }
    /// Set of what layer `index` (or core::network_input) produces.
    std::size_t set_of(int index) const { return set_of_[tensor_slot(index)]; }
    /// The greatest common divisor of the numbers of channels of the set's tensors.
    std::uint32_t common_channels(std::size_t set) const { return sets_[set].common_channels; }
    bool allows(std::size_t set, std::uint32_t split) const;
    /// The largest divisor of `split` that the set allows; 1 always is.
    std::uint32_t largest(std::size_t set, std::uint32_t split) const;

private:
    struct Set {
        std::vector<std::uint32_t> group_channels; ///< of the grouped layers that read one of its tensors
        std::uint32_t common_offsets = 0;          ///< greatest divisor of the channels before its members
        std::uint32_t common_channels = 0;
    };
    std::vector<std::size_t> set_of_; ///< by `tensor_slot`
    std::vector<Set> sets_;
};

} // namespace hydravp::workloads
