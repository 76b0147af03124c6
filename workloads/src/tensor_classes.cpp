// SPDX-License-Identifier: Apache-2.0
#include "tensor_classes.h"

#include <algorithm>
#include <numeric>

namespace hydravp::workloads {

namespace {

/// For each tensor the first one that has the same classes.
std::vector<std::size_t> first_alike(const core::Network& network) {
    std::vector<std::size_t> first(network.layers.size() + 1);
    std::iota(first.begin(), first.end(), std::size_t{0});
    const auto join = [&](int a, int b) {
        const std::size_t low = std::min(first[tensor_slot(a)], first[tensor_slot(b)]);
        const std::size_t high = std::max(first[tensor_slot(a)], first[tensor_slot(b)]);
        std::replace(first.begin(), first.end(), high, low);
    };
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const core::LayerDescriptor& layer = network.layers[i];
        if (!layer.has_weights()) {
            for (const int source : layer.sources()) {
                join(source, static_cast<int>(i));
            }
        }
    }
    return first;
}

} // namespace

TensorClasses::TensorClasses(const core::Network& network) {
    const std::vector<std::size_t> first = first_alike(network);
    const std::vector<TensorView> views = tensor_views(network);
    for (std::size_t slot = 0; slot < first.size(); ++slot) {
        if (first[slot] == slot) {
            set_of_.push_back(sets_.size());
            sets_.emplace_back();
        } else {
            set_of_.push_back(set_of_[first[slot]]);
        }
        Set& set = sets_[set_of_[slot]];
        set.common_offsets = std::gcd(set.common_offsets, views[slot].first_channel);
        const std::uint32_t channels =
            slot == 0 ? network.input.channels : network.layers[slot - 1].out.channels;
        set.common_channels = std::gcd(set.common_channels, channels);
    }
    for (const core::LayerDescriptor& layer : network.layers) {
        if (layer.groups > 1) {
            sets_[set_of(layer.input)].group_channels.push_back(layer.filter_channels());
        }
    }
}

bool TensorClasses::allows(std::size_t set, std::uint32_t split) const {
    const std::vector<std::uint32_t>& all = sets_[set].group_channels;
    return sets_[set].common_offsets % split == 0 &&
           std::all_of(all.begin(), all.end(), [split](std::uint32_t channels) {
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
