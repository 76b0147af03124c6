// SPDX-License-Identifier: Apache-2.0
#include "tensor_views.h"

namespace hydravp::workloads {

std::vector<TensorView> tensor_views(const core::Network& network) {
    const int layers = static_cast<int>(network.layers.size());
    std::vector<TensorView> views;
    for (int tensor = core::network_input; tensor < layers; ++tensor) {
        views.push_back({tensor, 0});
    }
    for (int layer = layers - 1; layer >= 0; --layer) { // a concat comes before its members
        TensorView next = views[tensor_slot(layer)];
        for (const int member : network.layers[static_cast<std::size_t>(layer)].members) {
            views[tensor_slot(member)] = next;
            next.first_channel += network.shape_of(member).channels;
        }
    }
    return views;
}

} // namespace hydravp::workloads
