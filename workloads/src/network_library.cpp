// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/network_library.h"

#include "hydravp/core/error.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

namespace hydravp::workloads {

namespace {

using core::LayerDescriptor;
using core::LayerKind;
using core::Network;

constexpr core::TensorShape imagenet_frame{3, 224, 224};
constexpr std::uint32_t imagenet_classes = 1000;

struct Window {
    std::uint32_t kernel, stride, pad;
};

/// Appends layers; each continues from `from`, by default the layer before.
class NetworkBuilder {
public:
    NetworkBuilder(std::string name, core::TensorShape input) {
        net_.name = std::move(name);
        net_.input = input;
    }

    int last() const { return static_cast<int>(net_.layers.size()) - 1; }
    std::uint32_t channels() const { return net_.shape_of(last()).channels; }

    LayerDescriptor& convolution(std::string name, std::uint32_t filters, Window window, bool relu,
                                 int from) {
        return add(std::move(name), LayerKind::conv, filters, window, relu, from);
    }
    LayerDescriptor& convolution(std::string name, std::uint32_t filters, Window window) {
        return convolution(std::move(name), filters, window, true, last());
    }
    void max_pool(std::string name, Window window) {
        add(std::move(name), LayerKind::max_pool, channels(), window, false, last());
    }
    void average_pool(std::string name, Window window) {
        add(std::move(name), LayerKind::average_pool, channels(), window, false, last());
    }
    void global_average_pool(std::string name) {
        const auto size = net_.shape_of(last()).height;
        add(std::move(name), LayerKind::average_pool, channels(), {size, size, 0}, false, last());
    }
    void fully_connected(std::string name, std::uint32_t outputs, bool relu) {
        const auto size = net_.shape_of(last()).height;
        add(std::move(name), LayerKind::fully_connected, outputs, {size, 1, 0}, relu, last());
    }

    Network finish() {
        net_.validate();
        return std::move(net_);
    }

private:
    LayerDescriptor& add(std::string name, LayerKind kind, std::uint32_t channels, Window window, bool relu,
                         int from) {
        LayerDescriptor layer;
        layer.name = std::move(name);
        layer.kind = kind;
        layer.input = from;
        layer.in = net_.shape_of(from);
        layer.kernel_height = layer.kernel_width = window.kernel;
        layer.stride_height = layer.stride_width = window.stride;
        layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = window.pad;
        layer.out = {channels, (layer.in.height + 2 * window.pad - window.kernel) / window.stride + 1,
                     (layer.in.width + 2 * window.pad - window.kernel) / window.stride + 1};
        layer.activation = relu ? core::Activation::relu : core::Activation::none;
        net_.layers.push_back(std::move(layer));
        return net_.layers.back();
    }

    Network net_;
};

/// Five stages of 3x3 convolutions, each followed by 2x2 max pooling; then three fully-connected layers.
Network make_vgg(std::string name, const std::array<int, 5>& convolutions_per_stage) {
    constexpr std::array<std::uint32_t, 5> filters{64, 128, 256, 512, 512};
    NetworkBuilder net(std::move(name), imagenet_frame);
    for (std::size_t stage = 0; stage < filters.size(); ++stage) {
        const auto number = std::to_string(stage + 1);
        for (int i = 1; i <= convolutions_per_stage[stage]; ++i) {
            net.convolution("conv" + number + "_" + std::to_string(i), filters[stage], {3, 1, 1});
        }
        net.max_pool("pool" + number, {2, 2, 0});
    }
    net.fully_connected("fc6", 4096, true);
    net.fully_connected("fc7", 4096, true);
    net.fully_connected("fc8", imagenet_classes, false);
    return net.finish();
}

/// Stages 2 to 5 of two-convolution blocks; the first block of stages 3 to 5 halves the map. The ReLU of a
/// block's second convolution acts on the sum with the shortcut.
/// The SVHN network of DoReFa-Net's examples; average pooling as Angizi and Fan say (the example pools the
/// maximum).
Network make_svhn(std::string name, bool average) {
    constexpr std::uint32_t classes = 10;
    NetworkBuilder net(std::move(name), {3, 40, 40});
    const auto pool = [&](const char* pool_name) {
        if (average) {
            net.average_pool(pool_name, {2, 2, 0});
        } else {
            net.max_pool(pool_name, {2, 2, 0});
        }
    };
    net.convolution("conv0", 48, {5, 1, 0});
    pool("pool0");
    net.convolution("conv1", 64, {3, 1, 1});
    net.convolution("conv2", 64, {3, 1, 1});
    pool("pool1");
    net.convolution("conv3", 128, {3, 1, 0});
    net.convolution("conv4", 128, {3, 1, 1});
    net.convolution("conv5", 128, {3, 1, 0});
    net.fully_connected("fc0", 512, true);
    net.fully_connected("fc1", classes, false);
    return net.finish();
}

Network make_resnet34(std::string name, bool projection) {
    struct Stage {
        std::uint32_t filters;
        int blocks;
    };
    constexpr std::array<Stage, 4> stages{{{64, 3}, {128, 4}, {256, 6}, {512, 3}}};
    NetworkBuilder net(std::move(name), imagenet_frame);
    net.convolution("conv1", 64, {7, 2, 3});
    net.max_pool("pool1", {3, 2, 1});
    for (std::size_t s = 0; s < stages.size(); ++s) {
        const auto filters = stages[s].filters;
        for (int block = 1; block <= stages[s].blocks; ++block) {
            const auto prefix = "conv" + std::to_string(s + 2) + "_" + std::to_string(block);
            const std::uint32_t stride = s > 0 && block == 1 ? 2 : 1;
            const int entry = net.last();
            net.convolution(prefix + "_a", filters, {3, stride, 1});
            const int first = net.last();
            core::ResidualInput shortcut{entry, stride};
            if (projection && stride != 1) {
                net.convolution(prefix + "_projection", filters, {1, stride, 0}, false, entry);
                shortcut = {net.last(), 1};
            }
            net.convolution(prefix + "_b", filters, {3, 1, 1}, true, first).residual = shortcut;
        }
    }
    net.global_average_pool("pool5");
    net.fully_connected("fc6", imagenet_classes, false);
    return net.finish();
}

struct Entry {
    const char* name;
    const char* description;
    Network (*make)(std::string name);
};

const std::array<Entry, 6> entries{{
    {"vgg16", "VGG-16 (configuration D): 13 convolutions, 3 fully-connected layers",
     [](std::string name) {
         return make_vgg(std::move(name), {2, 2, 3, 3, 3});
     }},
    {"vgg19", "VGG-19 (configuration E): 16 convolutions, 3 fully-connected layers",
     [](std::string name) {
         return make_vgg(std::move(name), {2, 2, 4, 4, 4});
     }},
    {"resnet34", "ResNet-34 with parameter-free shortcuts: subsampled, missing channels zero (option A)",
     [](std::string name) { return make_resnet34(std::move(name), false); }},
    {"resnet34-projection", "ResNet-34 with 1x1 convolutions on the three widening shortcuts (option B)",
     [](std::string name) { return make_resnet34(std::move(name), true); }},
    {"svhn", "DoReFa-Net's network for SVHN, 40x40 pixels, average pooling",
     [](std::string name) { return make_svhn(std::move(name), true); }},
    {"svhn-max-pool", "the same with maximum pooling",
     [](std::string name) { return make_svhn(std::move(name), false); }},
}};

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row.back();
}

} // namespace

std::vector<NetworkInfo> known_networks() {
    std::vector<NetworkInfo> list;
    for (const auto& entry : entries) {
        list.push_back({entry.name, entry.description});
    }
    return list;
}

Network make_network(std::string_view name) {
    for (const auto& entry : entries) {
        if (name == entry.name) {
            return entry.make(entry.name);
        }
    }
    // A pasted file would make the distance and the message grow without bound.
    const std::string shown(name.substr(0, 60));
    const auto* nearest = std::min_element(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
        return edit_distance(shown, a.name) < edit_distance(shown, b.name);
    });
    std::string all;
    for (const auto& entry : entries) {
        all += (all.empty() ? "" : ", ") + std::string(entry.name);
    }
    throw core::InputError("unknown network '" + shown + "'; did you mean '" + nearest->name +
                           "'? Known networks: " + all);
}

} // namespace hydravp::workloads
