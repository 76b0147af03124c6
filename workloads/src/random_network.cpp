// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/random_network.h"

#include <algorithm>
#include <cmath>

namespace hydravp::workloads {

namespace {

/// SplitMix64 as a function of the position in the stream, so that any part of a tensor can be produced
/// alone.
constexpr std::uint64_t random_word(std::uint64_t key, std::uint64_t position) {
    std::uint64_t z = key + (position + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/// 32 random bits as a signed multiple of `step`.
constexpr double symmetric(std::uint32_t bits, double step) {
    return static_cast<double>(static_cast<std::int32_t>(bits)) * step;
}

constexpr double two_to_31 = 2147483648.0;

void fill(std::uint64_t key, std::uint64_t begin, std::uint64_t end, double limit, double* out) {
    const double step = limit / two_to_31;
    // Word p holds the elements 2p and 2p + 1.
    const auto element = [&](std::uint64_t i) {
        const auto word = random_word(key, i / 2);
        return symmetric(static_cast<std::uint32_t>(i % 2 == 0 ? word : word >> 32), step);
    };
    std::uint64_t i = begin;
    if (i % 2 != 0 && i < end) {
        *out++ = element(i++);
    }
    for (; i + 1 < end; i += 2) {
        const auto word = random_word(key, i / 2);
        *out++ = symmetric(static_cast<std::uint32_t>(word), step);
        *out++ = symmetric(static_cast<std::uint32_t>(word >> 32), step);
    }
    if (i < end) {
        *out = element(i);
    }
}

constexpr std::uint64_t image_stream = 0xFFFFFFFFU;

std::uint64_t stream_key(std::uint64_t seed, std::uint64_t stream) {
    return random_word(random_word(seed, 0), stream);
}

double weight_limit(const core::LayerDescriptor& layer) {
    // A uniform distribution over [-b, b] has the variance b^2 / 3.
    const double he = std::sqrt(6.0 / static_cast<double>(layer.weights_per_filter()));
    return layer.residual ? he / 2 : he;
}

} // namespace

FloatNetwork random_network(core::Network network, std::uint64_t seed) {
    network.validate();
    FloatNetwork net;
    net.layers.resize(network.layers.size());
    std::vector<double> limits;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const auto& layer = network.layers[i];
        limits.push_back(layer.has_weights() ? weight_limit(layer) : 0);
        if (layer.has_weights()) {
            net.layers[i].bias.resize(layer.out.channels);
            fill(stream_key(seed, 2 * i + 1), 0, layer.out.channels, 0.05, net.layers[i].bias.data());
        }
    }
    std::vector<std::uint64_t> fan_in;
    for (const auto& layer : network.layers) {
        fan_in.push_back(layer.weights_per_filter());
    }
    net.weight_source = [seed, limits, fan_in](std::size_t layer, std::uint32_t first, std::uint32_t count,
                                               double* out) {
        const std::uint64_t begin = first * fan_in[layer];
        fill(stream_key(seed, 2 * layer), begin, begin + count * fan_in[layer], limits[layer], out);
    };
    net.network = std::move(network);
    return net;
}

std::vector<std::uint8_t> random_image(const core::TensorShape& shape, std::uint64_t seed) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.words()));
    const auto key = stream_key(seed, image_stream);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        pixels[i] = static_cast<std::uint8_t>(random_word(key, i / 8) >> (8 * (i % 8)));
    }
    return pixels;
}

void read_weights(const FloatNetwork& net, std::size_t layer, std::uint32_t first, std::uint32_t count,
                  double* out) {
    if (net.weight_source) {
        net.weight_source(layer, first, count, out);
        return;
    }
    const auto& desc = net.network.layers[layer];
    const auto per_filter = static_cast<std::ptrdiff_t>(desc.weights_per_filter());
    const auto begin = net.layers[layer].weights.begin() + first * per_filter;
    std::copy(begin, begin + count * per_filter, out);
}

} // namespace hydravp::workloads
