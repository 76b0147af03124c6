// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "inference_rig.h"
#include "naive_network.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::test {

/// Appends a layer and returns its index.
inline int append_layer(core::Network& net, core::LayerDescriptor layer) {
    layer.name = "layer" + std::to_string(net.layers.size());
    net.layers.push_back(std::move(layer));
    return static_cast<int>(net.layers.size()) - 1;
}

/// GoogLeNet's module: 1x1, 1x1 and 3x3, 1x1 and 5x5, pooling and 1x1.
inline int append_inception(core::Network& net, int from, const std::vector<std::uint32_t>& filters) {
    const auto shape = [&](int tensor) { return net.shape_of(tensor); };
    const int a = append_layer(net, conv("", shape(from), from, filters[0], 1, 1, 0));
    const int reduce3 = append_layer(net, conv("", shape(from), from, filters[1], 1, 1, 0));
    const int b = append_layer(net, conv("", shape(reduce3), reduce3, filters[2], 3, 1, 1));
    const int reduce5 = append_layer(net, conv("", shape(from), from, filters[3], 1, 1, 0));
    const int c = append_layer(net, conv("", shape(reduce5), reduce5, filters[4], 5, 1, 2));
    const int pooled = append_layer(net, pool("", shape(from), from, true, 3, 1, 1));
    const int d = append_layer(net, conv("", shape(pooled), pooled, filters[5], 1, 1, 0));
    return net.append_concat("join" + std::to_string(net.layers.size()), {a, b, c, d});
}

inline core::Network inceptions_network(std::mt19937& random) {
    core::Network net;
    net.name = "inceptions";
    net.input = {3, 9 + static_cast<std::uint32_t>(random() % 5), 11};
    const int first = append_layer(net, conv("", net.input, core::network_input, 16, 3, 2, 1));
    const int one = append_inception(net, first, {16, 5, 32, 4, 16, 16});
    const int two =
        append_inception(net, one, {8, 16, 24, 3, 5, 1 + static_cast<std::uint32_t>(random() % 20)});
    append_layer(net, pool("", net.shape_of(two), two, false, 2, 2, 0));
    net.validate();
    return net;
}

/// DenseNet's block: each layer reads what all before it have made.
inline core::Network dense_network(std::mt19937& random) {
    core::Network net;
    net.name = "dense";
    net.input = {2, 7, 8};
    int all = append_layer(net, conv("", net.input, core::network_input, 8, 3, 1, 1));
    for (int i = 0; i < 4; ++i) {
        const auto growth = static_cast<std::uint32_t>(random() % 3 == 0 ? 3 : 8);
        const int next = append_layer(net, conv("", net.shape_of(all), all, growth, 3, 1, 1));
        all = net.append_concat("join" + std::to_string(i), {all, next});
    }
    // A concat's member with a shortcut, read again, and the input as a member.
    core::LayerDescriptor sum = conv("", net.shape_of(all), all, net.shape_of(all).channels, 1, 1, 0);
    sum.residual = core::ResidualInput{all, 1};
    const int last = append_layer(net, sum);
    net.append_concat("result", {last, core::network_input});
    net.validate();
    return net;
}

/// Single words side by side, which begin anywhere in a burst.
inline core::Network flat_network(std::mt19937& random) {
    const auto some = [&] { return 1 + static_cast<std::uint32_t>(random() % 9); };
    core::Network net;
    net.name = "flat";
    net.input = {3, 5, 4};
    const int a = append_layer(net, fully_connected("", net.input, core::network_input, 8 * some()));
    const int b = append_layer(net, fully_connected("", net.shape_of(a), a, some()));
    const int c = append_layer(net, fully_connected("", net.shape_of(a), a, 16 * some()));
    const int d = append_layer(net, fully_connected("", net.shape_of(c), c, 16 * some()));
    const int joined = net.append_concat("bcd", {c, d, b});
    const int e = append_layer(net, fully_connected("", net.shape_of(joined), joined, some()));
    net.append_concat("result", {e, joined, a});
    net.validate();
    return net;
}

inline core::Network any_branching_network(std::mt19937& random) {
    naive::Dice dice(random());
    for (;;) {
        core::Network net = naive::random_topology(dice);
        if (std::any_of(net.layers.begin(), net.layers.end(), [](const auto& l) { return l.is_concat(); })) {
            return net;
        }
    }
}

/// A small network that branches and joins its branches again.
inline core::Network random_branching_network(std::mt19937& random) {
    switch (random() % 6) {
    case 0:
        return inceptions_network(random);
    case 1:
        return dense_network(random);
    case 2:
        return flat_network(random);
    default:
        return any_branching_network(random);
    }
}

} // namespace hydravp::test
