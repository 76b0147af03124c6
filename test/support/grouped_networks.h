// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "inference_rig.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

namespace hydravp::test {

/// A convolution whose output has its input's size, whatever the dilation.
inline core::LayerDescriptor grouped(const std::string& name, const core::TensorShape& in, int input,
                                     std::uint32_t filters, std::uint32_t kernel, std::uint32_t groups,
                                     std::uint32_t dilation) {
    core::LayerDescriptor layer = conv(name, in, input, filters, 1, 1, 0);
    layer.kernel_height = layer.kernel_width = kernel;
    layer.dilation_height = layer.dilation_width = dilation;
    layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = kernel / 2 * dilation;
    layer.groups = groups;
    return layer;
}

/// A network of grouped layers as MobileNet, ResNeXt and DeepLab have them, of awkward sizes: a stem, blocks
/// of a depthwise (some with several filters per channel, some dilated) or a grouped and a pointwise
/// convolution, some with a shortcut, poolings in front of grouped layers.
/// @param largest most rows and columns of the input
inline core::Network random_grouped_network(std::mt19937& random, std::uint32_t largest) {
    const auto pick = [&](std::initializer_list<std::uint32_t> of) {
        return *(of.begin() + random() % of.size());
    };
    core::Network net;
    net.name = "grouped";
    const auto side = [&] { return largest / 2 + static_cast<std::uint32_t>(random() % (largest / 2)); };
    net.input = {pick({1, 3, 4, 16}), side(), side()};
    const auto last = [&] { return static_cast<int>(net.layers.size()) - 1; };
    const auto shape = [&]() -> const core::TensorShape& { return net.shape_of(last()); };
    const auto name = [&](const char* kind) { return kind + std::to_string(net.layers.size()); };
    if (random() % 3 == 0) { // the network's input is grouped at once
        net.layers.push_back(grouped("stem", net.input, core::network_input,
                                     net.input.channels * pick({1, 4}), 3, net.input.channels, 1));
    } else {
        net.layers.push_back(
            conv("stem", net.input, core::network_input, pick({8, 12, 16, 20, 32, 48}), 3, pick({1, 2}), 1));
    }
    const std::uint32_t blocks = 1 + random() % 3;
    for (std::uint32_t block = 0; block < blocks; ++block) {
        const int begin = last();
        const std::uint32_t channels = shape().channels;
        if (random() % 4 == 0 && shape().height > 4 && shape().width > 4) {
            net.layers.push_back(pool(name("pool"), shape(), last(), random() % 2 == 0, 2, pick({1, 2}), 0));
        }
        const bool depthwise = random() % 3 != 0;
        const std::uint32_t groups = depthwise           ? channels
                                     : channels % 4 == 0 ? pick({2, 4, channels / 4, channels / 2})
                                                         : 1;
        const std::uint32_t filters = channels * (random() % 3 == 0 ? 2 : 1);
        const std::uint32_t kernel = pick({1, 3, 3, 5});
        const std::uint32_t dilation = pick({1, 1, 2, 3});
        net.layers.push_back(grouped(name("grouped"), shape(), last(), filters, kernel, groups, dilation));
        if (random() % 2 == 0 && net.layers.back().input == begin && filters == channels) {
            net.layers.back().residual = core::ResidualInput{begin, 1};
        }
        net.layers.push_back(conv(name("pointwise"), shape(), last(), pick({8, 16, 24, 40, 64}), 1, 1, 0));
    }
    net.layers.push_back(pool("pool", shape(), last(), false, std::min(shape().height, shape().width), 1, 0));
    net.layers.push_back(fully_connected("fc", shape(), last(), pick({5, 10, 40})));
    net.validate();
    return net;
}

} // namespace hydravp::test
