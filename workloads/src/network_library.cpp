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
    /// A filter for each channel.
    void depthwise(std::string name, std::uint32_t stride, core::Activation activation) {
        const std::uint32_t groups = channels();
        LayerDescriptor& layer = convolution(std::move(name), groups, {3, stride, 1});
        layer.groups = groups;
        layer.activation = activation;
    }
    void max_pool(std::string name, Window window) { max_pool(std::move(name), window, last()); }
    void max_pool(std::string name, Window window, int from) {
        add(std::move(name), LayerKind::max_pool, net_.shape_of(from).channels, window, false, from);
    }
    /// Whose last windows may reach beyond the input.
    void max_pool_rounded_up(std::string name, Window window) {
        LayerDescriptor& layer = add(std::move(name), LayerKind::max_pool, channels(), window, false, last());
        layer.ceil_mode = true;
        const auto windows = [&](std::uint32_t in) {
            return core::window_count(in, window.pad, window.pad, window.kernel, window.stride, true);
        };
        layer.out.height = windows(layer.in.height);
        layer.out.width = windows(layer.in.width);
    }
    void concat(std::string name, const std::vector<int>& members) {
        net_.append_concat(std::move(name), members);
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

constexpr std::array<std::uint32_t, 4> resnet_filters{64, 128, 256, 512};

void begin_resnet(NetworkBuilder& net) {
    net.convolution("conv1", 64, {7, 2, 3});
    net.max_pool("pool1", {3, 2, 1});
}

Network finish_resnet(NetworkBuilder& net) {
    net.global_average_pool("pool5");
    net.fully_connected("fc6", imagenet_classes, false);
    return net.finish();
}

/// Stages 2 to 5 of two-convolution blocks; the first block of stages 3 to 5 halves the map. The ReLU of a
/// block's second convolution acts on the sum with the shortcut.
Network make_resnet(std::string name, const std::array<int, 4>& blocks, bool projection) {
    NetworkBuilder net(std::move(name), imagenet_frame);
    begin_resnet(net);
    for (std::size_t s = 0; s < blocks.size(); ++s) {
        const auto filters = resnet_filters[s];
        for (int block = 1; block <= blocks[s]; ++block) {
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
    return finish_resnet(net);
}

/// Blocks that narrow the channels to a quarter for their 3x3 convolution; the stride is that of the first
/// convolution, as published. The first block of every stage has a projection.
Network make_resnet50(std::string name) {
    constexpr std::array<int, 4> blocks{3, 4, 6, 3};
    NetworkBuilder net(std::move(name), imagenet_frame);
    begin_resnet(net);
    for (std::size_t s = 0; s < blocks.size(); ++s) {
        const auto filters = resnet_filters[s];
        for (int block = 1; block <= blocks[s]; ++block) {
            const auto prefix = "conv" + std::to_string(s + 2) + "_" + std::to_string(block);
            const std::uint32_t stride = s > 0 && block == 1 ? 2 : 1;
            const int entry = net.last();
            core::ResidualInput shortcut{entry, 1};
            if (block == 1) {
                net.convolution(prefix + "_projection", 4 * filters, {1, stride, 0}, false, entry);
                shortcut = {net.last(), 1};
            }
            net.convolution(prefix + "_a", filters, {1, stride, 0}, true, entry);
            net.convolution(prefix + "_b", filters, {3, 1, 1});
            net.convolution(prefix + "_c", 4 * filters, {1, 1, 0}).residual = shortcut;
        }
    }
    return finish_resnet(net);
}

/// In two groups, as it was published for two GPUs; without its normalisation of responses, which later
/// networks gave up.
Network make_alexnet(std::string name) {
    NetworkBuilder net(std::move(name), {3, 227, 227});
    net.convolution("conv1", 96, {11, 4, 0});
    net.max_pool("pool1", {3, 2, 0});
    net.convolution("conv2", 256, {5, 1, 2}).groups = 2;
    net.max_pool("pool2", {3, 2, 0});
    net.convolution("conv3", 384, {3, 1, 1});
    net.convolution("conv4", 384, {3, 1, 1}).groups = 2;
    net.convolution("conv5", 256, {3, 1, 1}).groups = 2;
    net.max_pool("pool5", {3, 2, 0});
    net.fully_connected("fc6", 4096, true);
    net.fully_connected("fc7", 4096, true);
    net.fully_connected("fc8", imagenet_classes, false);
    return net.finish();
}

/// A depthwise and a 1x1 convolution in turn.
Network make_mobilenet_v1(std::string name) {
    struct Block {
        std::uint32_t filters, stride;
    };
    constexpr std::array<Block, 13> blocks{{{64, 1},
                                            {128, 2},
                                            {128, 1},
                                            {256, 2},
                                            {256, 1},
                                            {512, 2},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {1024, 2},
                                            {1024, 1}}};
    NetworkBuilder net(std::move(name), imagenet_frame);
    net.convolution("conv1", 32, {3, 2, 1});
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto number = std::to_string(i + 2);
        net.depthwise("conv" + number + "_depthwise", blocks[i].stride, core::Activation::relu);
        net.convolution("conv" + number + "_pointwise", blocks[i].filters, {1, 1, 0});
    }
    net.global_average_pool("pool");
    net.fully_connected("fc", imagenet_classes, false);
    return net.finish();
}

/// Inverted residuals: wide between narrow ends, which are linear; shortcuts join ends of the same shape.
Network make_mobilenet_v2(std::string name) {
    struct Stage {
        std::uint32_t expansion, filters;
        int blocks;
        std::uint32_t stride;
    };
    constexpr std::array<Stage, 7> stages{{{1, 16, 1, 1},
                                           {6, 24, 2, 2},
                                           {6, 32, 3, 2},
                                           {6, 64, 4, 2},
                                           {6, 96, 3, 1},
                                           {6, 160, 3, 2},
                                           {6, 320, 1, 1}}};
    constexpr auto relu6 = core::Activation::relu6;
    NetworkBuilder net(std::move(name), imagenet_frame);
    net.convolution("conv1", 32, {3, 2, 1}).activation = relu6;
    int number = 1;
    for (const Stage& stage : stages) {
        for (int block = 0; block < stage.blocks; ++block) {
            const auto prefix = "block" + std::to_string(number++);
            const std::uint32_t stride = block == 0 ? stage.stride : 1;
            const int entry = net.last();
            const std::uint32_t narrow = net.channels();
            if (stage.expansion > 1) {
                net.convolution(prefix + "_expand", narrow * stage.expansion, {1, 1, 0}).activation = relu6;
            }
            net.depthwise(prefix + "_depthwise", stride, relu6);
            LayerDescriptor& end =
                net.convolution(prefix + "_project", stage.filters, {1, 1, 0}, false, net.last());
            if (stride == 1 && narrow == stage.filters) {
                end.residual = core::ResidualInput{entry, 1};
            }
        }
    }
    net.convolution("conv_last", 1280, {1, 1, 0}).activation = relu6;
    net.global_average_pool("pool");
    net.fully_connected("fc", imagenet_classes, false);
    return net.finish();
}

/// Modules of four branches, joined: 1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1. Without the response
/// normalisation and the two classifiers that only help training.
Network make_googlenet(std::string name) {
    struct Module {
        const char* name;
        std::uint32_t ones, reduce3, threes, reduce5, fives, pooled;
        bool last_of_stage;
    };
    // Szegedy et al. 2015, Table 1
    constexpr std::array<Module, 9> modules{{{"3a", 64, 96, 128, 16, 32, 32, false},
                                             {"3b", 128, 128, 192, 32, 96, 64, true},
                                             {"4a", 192, 96, 208, 16, 48, 64, false},
                                             {"4b", 160, 112, 224, 24, 64, 64, false},
                                             {"4c", 128, 128, 256, 24, 64, 64, false},
                                             {"4d", 112, 144, 288, 32, 64, 64, false},
                                             {"4e", 256, 160, 320, 32, 128, 128, true},
                                             {"5a", 256, 160, 320, 32, 128, 128, false},
                                             {"5b", 384, 192, 384, 48, 128, 128, false}}};
    NetworkBuilder net(std::move(name), imagenet_frame);
    net.convolution("conv1", 64, {7, 2, 3});
    net.max_pool_rounded_up("pool1", {3, 2, 0});
    net.convolution("conv2_reduce", 64, {1, 1, 0});
    net.convolution("conv2", 192, {3, 1, 1});
    net.max_pool_rounded_up("pool2", {3, 2, 0});
    for (const Module& module : modules) {
        const std::string prefix = std::string("inception") + module.name;
        const int entry = net.last();
        std::vector<int> branches;
        net.convolution(prefix + "_1x1", module.ones, {1, 1, 0});
        branches.push_back(net.last());
        net.convolution(prefix + "_3x3_reduce", module.reduce3, {1, 1, 0}, true, entry);
        net.convolution(prefix + "_3x3", module.threes, {3, 1, 1});
        branches.push_back(net.last());
        net.convolution(prefix + "_5x5_reduce", module.reduce5, {1, 1, 0}, true, entry);
        net.convolution(prefix + "_5x5", module.fives, {5, 1, 2});
        branches.push_back(net.last());
        net.max_pool(prefix + "_pool", {3, 1, 1}, entry);
        net.convolution(prefix + "_pool_1x1", module.pooled, {1, 1, 0});
        branches.push_back(net.last());
        net.concat(prefix, branches);
        if (module.last_of_stage) {
            net.max_pool_rounded_up(std::string("pool") + module.name[0], {3, 2, 0});
        }
    }
    net.global_average_pool("pool5");
    net.fully_connected("fc", imagenet_classes, false);
    return net.finish();
}

/// Fire modules: a narrow 1x1 convolution, then 1x1 and 3x3 ones side by side.
Network make_squeezenet(std::string name) {
    constexpr std::array<std::uint32_t, 8> squeezed{16, 16, 32, 32, 48, 48, 64, 64};
    NetworkBuilder net(std::move(name), imagenet_frame);
    net.convolution("conv1", 64, {3, 2, 0});
    net.max_pool_rounded_up("pool1", {3, 2, 0});
    for (std::size_t i = 0; i < squeezed.size(); ++i) {
        const std::string prefix = "fire" + std::to_string(i + 2);
        net.convolution(prefix + "_squeeze", squeezed[i], {1, 1, 0});
        const int narrow = net.last();
        net.convolution(prefix + "_expand1", 4 * squeezed[i], {1, 1, 0});
        net.convolution(prefix + "_expand3", 4 * squeezed[i], {3, 1, 1}, true, narrow);
        net.concat(prefix, {narrow + 1, narrow + 2});
        if (i == 1 || i == 3) {
            net.max_pool_rounded_up("pool" + std::to_string(i + 2), {3, 2, 0});
        }
    }
    net.convolution("conv10", imagenet_classes, {1, 1, 0});
    net.global_average_pool("pool10");
    return net.finish();
}

struct Entry {
    const char* name;
    const char* description;
    Network (*make)(std::string name);
};

const std::array<Entry, 13> entries{{
    {"vgg16", "VGG-16 (configuration D): 13 convolutions, 3 fully-connected layers",
     [](std::string name) {
         return make_vgg(std::move(name), {2, 2, 3, 3, 3});
     }},
    {"vgg19", "VGG-19 (configuration E): 16 convolutions, 3 fully-connected layers",
     [](std::string name) {
         return make_vgg(std::move(name), {2, 2, 4, 4, 4});
     }},
    {"resnet34", "ResNet-34 with parameter-free shortcuts: subsampled, missing channels zero (option A)",
     [](std::string name) {
         return make_resnet(std::move(name), {3, 4, 6, 3}, false);
     }},
    {"resnet34-projection", "ResNet-34 with 1x1 convolutions on the three widening shortcuts (option B)",
     [](std::string name) {
         return make_resnet(std::move(name), {3, 4, 6, 3}, true);
     }},
    {"resnet18", "ResNet-18 with 1x1 convolutions on the three widening shortcuts",
     [](std::string name) {
         return make_resnet(std::move(name), {2, 2, 2, 2}, true);
     }},
    {"resnet50", "ResNet-50: bottleneck blocks, the stride in their first convolution", make_resnet50},
    {"alexnet",
     "AlexNet: 5 convolutions, three of them in two groups, 3 fully-connected layers, 227x227 pixels",
     make_alexnet},
    {"mobilenet-v1", "MobileNet: 13 pairs of depthwise and 1x1 convolutions", make_mobilenet_v1},
    {"mobilenet-v2", "MobileNetV2: 17 inverted residuals with ReLU6", make_mobilenet_v2},
    {"googlenet", "GoogLeNet: nine modules of four joined branches", make_googlenet},
    {"squeezenet", "SqueezeNet 1.1: eight fire modules, no fully-connected layer", make_squeezenet},
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
