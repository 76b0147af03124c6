// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/layer.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace hydravp::core {

const char* to_string(LayerKind kind) {
    switch (kind) {
    case LayerKind::conv:
        return "conv";
    case LayerKind::fully_connected:
        return "fc";
    case LayerKind::max_pool:
        return "max_pool";
    case LayerKind::average_pool:
        return "average_pool";
    case LayerKind::concat:
        return "concat";
    }
    return "?";
}

const char* to_string(Activation activation) {
    switch (activation) {
    case Activation::none:
        return "none";
    case Activation::relu:
        return "relu";
    case Activation::relu6:
        return "relu6";
    case Activation::leaky_relu:
        return "leaky_relu";
    }
    return "?";
}

std::vector<int> LayerDescriptor::sources() const {
    if (is_concat()) {
        return members;
    }
    return residual ? std::vector<int>{input, residual->source} : std::vector<int>{input};
}

std::uint64_t Network::macs() const {
    std::uint64_t sum = 0;
    for (const auto& layer : layers) {
        sum += layer.macs();
    }
    return sum;
}

std::uint32_t window_count(std::uint32_t in, std::uint32_t pad_before, std::uint32_t pad_after,
                           std::uint32_t span, std::uint32_t stride, bool ceil_mode) {
    const std::uint32_t padded = in + pad_before + pad_after;
    if (padded < span) {
        return 0;
    }
    const std::uint32_t whole = (padded - span) / stride + 1;
    const bool more = ceil_mode && (padded - span) % stride != 0 && whole * stride < in + pad_before;
    return whole + (more ? 1 : 0);
}

namespace {

void require(bool ok, const LayerDescriptor& layer, const char* what) {
    if (!ok) {
        throw std::invalid_argument("layer '" + layer.name + "': " + what);
    }
}

void validate_window(const LayerDescriptor& layer) {
    require(layer.kernel_height > 0 && layer.kernel_width > 0 && layer.stride_height > 0 &&
                layer.stride_width > 0 && layer.dilation_height > 0 && layer.dilation_width > 0,
            layer, "kernel, stride and dilation must be positive");
    require(!layer.ceil_mode || layer.is_pool(), layer, "only poolings round their output size up");
    require(!layer.count_include_pad || layer.kind == LayerKind::average_pool, layer,
            "only an average pooling counts its padding");
    require(layer.out.height == window_count(layer.in.height, layer.pad_top, layer.pad_bottom,
                                             layer.span_height(), layer.stride_height, layer.ceil_mode) &&
                layer.out.width == window_count(layer.in.width, layer.pad_left, layer.pad_right,
                                                layer.span_width(), layer.stride_width, layer.ceil_mode),
            layer, "output size does not follow from input, kernel, stride and padding");
}

void validate_pooling(const LayerDescriptor& layer) {
    require(layer.in.channels == layer.out.channels, layer, "pooling keeps the number of channels");
    require(layer.pad_top < layer.kernel_height && layer.pad_left < layer.kernel_width &&
                layer.pad_bottom < layer.kernel_height && layer.pad_right < layer.kernel_width,
            layer, "pooling window lies wholly in the padding");
    require(layer.dilation_height == 1 && layer.dilation_width == 1, layer, "pooling is not dilated");
    require(!layer.residual, layer, "only convolutions take a shortcut");
    require(layer.activation == Activation::none, layer, "only convolutions have an activation function");
}

void validate_shortcut(const Network& net, const LayerDescriptor& layer, int self) {
    require(layer.residual->source >= network_input && layer.residual->source < self, layer,
            "shortcut is not an earlier layer");
    require(layer.residual->subsample > 0, layer, "shortcut subsampling must be positive");
    const auto& from = net.shape_of(layer.residual->source);
    const auto n = layer.residual->subsample;
    require((from.height + n - 1) / n == layer.out.height && (from.width + n - 1) / n == layer.out.width &&
                from.channels <= layer.out.channels,
            layer, "shortcut's shape does not fit");
}

void validate_concat(const Network& net, const LayerDescriptor& layer, int self) {
    require(layer.members.size() > 1, layer, "a concat has at least two members");
    require(layer.input == layer.members.front(), layer, "input is not the first member");
    require(layer.in == layer.out, layer, "a concat has only one shape");
    require(!layer.residual && layer.activation == Activation::none, layer, "a concat computes nothing");
    std::uint64_t channels = 0;
    for (const int member : layer.members) {
        require(member > network_input && member < self, layer, "a member is not an earlier layer");
        const auto& shape = net.shape_of(member);
        require(shape.height == layer.out.height && shape.width == layer.out.width, layer,
                "its members differ in height or width");
        channels += shape.channels;
    }
    require(channels == layer.out.channels, layer, "its channels are not those of its members together");
    require(layer.out.words() > 0, layer, "empty tensor");
}

void validate_layer(const Network& net, std::size_t index) {
    const auto& layer = net.layers[index];
    const int self = static_cast<int>(index);
    if (layer.is_concat()) {
        validate_concat(net, layer, self);
        return;
    }
    require(layer.members.empty(), layer, "only a concat has members");
    require(layer.input >= network_input && layer.input < self, layer, "input is not an earlier layer");
    require(net.shape_of(layer.input) == layer.in, layer, "input shape differs from its source's output");
    validate_window(layer);
    require(layer.groups > 0 && layer.in.channels % layer.groups == 0 &&
                layer.out.channels % layer.groups == 0 &&
                (layer.groups == 1 || layer.kind == LayerKind::conv),
            layer, "its groups do not divide the channels");
    require(layer.in.words() > 0 && layer.out.words() > 0, layer, "empty tensor");
    require(layer.activation != Activation::leaky_relu ||
                (layer.negative_slope >= 0 && layer.negative_slope < 1),
            layer, "the slope of a leaky ReLU is not between 0 and 1");
    if (layer.is_pool()) {
        validate_pooling(layer);
    }
    if (layer.residual) {
        validate_shortcut(net, layer, self);
    }
}

/// Adds a tensor and, if it is a concat, all that is part of it.
void collect_parts(const Network& net, int tensor, std::set<int>& parts) {
    parts.insert(tensor);
    if (tensor != network_input && net.layers[static_cast<std::size_t>(tensor)].is_concat()) {
        for (const int member : net.layers[static_cast<std::size_t>(tensor)].members) {
            collect_parts(net, member, parts);
        }
    }
}

/// The first tensor among the parts that is read by a layer which writes into them; nothing if there is none.
std::optional<int> read_and_written(const Network& net, const std::set<int>& parts) {
    for (const int part : parts) {
        if (part != network_input) {
            const auto& layer = net.layers[static_cast<std::size_t>(part)];
            if (!layer.is_concat() && parts.count(layer.input) != 0) {
                return layer.input;
            }
        }
    }
    return std::nullopt;
}

std::set<int> parts_of(const Network& net, const std::vector<int>& members) {
    std::set<int> parts;
    for (const int member : members) {
        collect_parts(net, member, parts);
    }
    return parts;
}

/// All members of the concats that there are. Throws std::invalid_argument if they can't all be written in
/// place.
std::set<int> validate_members(const Network& net) {
    std::set<int> members;
    for (const auto& layer : net.layers) {
        for (const int member : layer.members) {
            require(members.insert(member).second, layer, "a member is one twice; append_concat copies it");
        }
        require(layer.members.empty() || !read_and_written(net, parts_of(net, layer.members)), layer,
                "a layer reads a member and writes another; append_concat copies it");
    }
    return members;
}

} // namespace

void Network::validate() const {
    if (layers.empty() || input.words() == 0) {
        throw std::invalid_argument("network '" + name + "' has no layers or no input");
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        validate_layer(*this, i);
    }
    validate_members(*this);
}

int Network::append_concat(std::string concat_name, const std::vector<int>& members) {
    int copies = 0;
    const auto copy_of = [&](int source) {
        LayerDescriptor copy;
        copy.name = concat_name + "_copy" + std::to_string(++copies);
        copy.kind = LayerKind::max_pool;
        copy.input = source;
        copy.in = copy.out = shape_of(source);
        layers.push_back(std::move(copy));
        return static_cast<int>(layers.size()) - 1;
    };
    std::set<int> taken = validate_members(*this);
    LayerDescriptor concat;
    for (const int member : members) {
        const bool in_place = member != network_input && taken.insert(member).second;
        concat.members.push_back(in_place ? member : copy_of(member));
    }
    while (const auto read = read_and_written(*this, parts_of(*this, concat.members))) {
        for (int& member : concat.members) {
            if (parts_of(*this, {member}).count(*read) != 0) {
                member = copy_of(member);
            }
        }
    }
    concat.name = std::move(concat_name);
    concat.kind = LayerKind::concat;
    concat.input = concat.members.front();
    concat.out = shape_of(concat.input);
    concat.out.channels = 0;
    for (const int member : concat.members) {
        concat.out.channels += shape_of(member).channels;
    }
    concat.in = concat.out;
    layers.push_back(std::move(concat));
    return static_cast<int>(layers.size()) - 1;
}

} // namespace hydravp::core
