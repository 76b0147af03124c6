// SPDX-License-Identifier: Apache-2.0
#include "tensor_classes.h"

#include <algorithm>

namespace hydravp::workloads {

TensorClasses::TensorClasses(const core::Network& network) {
    set_of_.push_back(0);
    group_channels_.emplace_back();
    for (const core::LayerDescriptor& layer : network.layers) {
        const std::size_t input = set_of(layer.input);
        if (layer.is_pool()) {
            set_of_.push_back(input);
        } else {
            set_of_.push_back(group_channels_.size());
            group_channels_.emplace_back();
        }
        if (layer.groups > 1) {
            group_channels_[input].push_back(layer.filter_channels());
        }
    }
}

bool TensorClasses::allows(std::size_t set, std::uint32_t split) const {
    const std::vector<std::uint32_t>& all = group_channels_[set];
    return std::all_of(all.begin(), all.end(), [split](std::uint32_t channels) {
        return channels % split == 0 || split % channels == 0;
    });
}

std::uint32_t TensorClasses::largest(std::size_t set, std::uint32_t split) const {
    std::uint32_t found = split;
    while (split % found != 0 || !allows(set, found)) {
        --found;
    }
    return found;
}

} // namespace hydravp::workloads
