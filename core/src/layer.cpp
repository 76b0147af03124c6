// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/layer.h"

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
    }
    return "?";
}

std::uint64_t Network::macs() const {
    std::uint64_t sum = 0;
    for (const auto& layer : layers) {
        sum += layer.macs();
    }
    return sum;
}

namespace {

std::uint32_t output_size(std::uint32_t in, std::uint32_t pads, std::uint32_t kernel, std::uint32_t stride) {
    return in + pads < kernel ? 0 : (in + pads - kernel) / stride + 1;
}

void require(bool ok, const LayerDescriptor& layer, const char* what) {
    if (!ok) {
        throw std::invalid_argument("layer '" + layer.name + "': " + what);
    }
}

void validate_layer(const Network& net, std::size_t index) {
    const auto& layer = net.layers[index];
    const int self = static_cast<int>(index);
    require(layer.input >= network_input && layer.input < self, layer, "input is not an earlier layer");
    require(net.shape_of(layer.input) == layer.in, layer, "input shape differs from its source's output");
    require(layer.kernel_height > 0 && layer.kernel_width > 0 && layer.stride_height > 0 &&
                layer.stride_width > 0 && layer.dilation_height > 0 && layer.dilation_width > 0,
            layer, "kernel, stride and dilation must be positive");
    require(layer.groups > 0 && layer.in.channels % layer.groups == 0 &&
                layer.out.channels % layer.groups == 0 &&
                (layer.groups == 1 || layer.kind == LayerKind::conv),
            layer, "its groups do not divide the channels");
    require(layer.out.height == output_size(layer.in.height, layer.pad_top + layer.pad_bottom,
                                            layer.span_height(), layer.stride_height) &&
                layer.out.width == output_size(layer.in.width, layer.pad_left + layer.pad_right,
                                               layer.span_width(), layer.stride_width),
            layer, "output size does not follow from input, kernel, stride and padding");
    require(layer.in.words() > 0 && layer.out.words() > 0, layer, "empty tensor");
    require(!layer.is_pool() || layer.in.channels == layer.out.channels, layer,
            "pooling keeps the number of channels");
    require(!layer.is_pool() ||
                (layer.pad_top < layer.kernel_height && layer.pad_left < layer.kernel_width &&
                 layer.pad_bottom < layer.kernel_height && layer.pad_right < layer.kernel_width),
            layer, "pooling window lies wholly in the padding");
    if (layer.residual) {
        require(!layer.is_pool(), layer, "only convolutions take a shortcut");
        require(layer.residual->source >= network_input && layer.residual->source < self, layer,
                "shortcut is not an earlier layer");
        require(layer.residual->subsample > 0, layer, "shortcut subsampling must be positive");
        const auto& from = net.shape_of(layer.residual->source);
        const auto n = layer.residual->subsample;
        require((from.height + n - 1) / n == layer.out.height &&
                    (from.width + n - 1) / n == layer.out.width && from.channels <= layer.out.channels,
                layer, "shortcut's shape does not fit");
    }
}

} // namespace

void Network::validate() const {
    if (layers.empty() || input.words() == 0) {
        throw std::invalid_argument("network '" + name + "' has no layers or no input");
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        validate_layer(*this, i);
    }
}

} // namespace hydravp::core
