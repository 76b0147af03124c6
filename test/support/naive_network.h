// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/layer.h"
#include "hydravp/workloads/quantized_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

/// The definition of a network's layers as plain loops over output, channel and kernel: slow, and nothing in
/// it is clever.
namespace naive {

using hydravp::core::LayerDescriptor;
using hydravp::core::LayerKind;
using hydravp::core::Network;
using hydravp::core::TensorShape;
namespace core = hydravp::core;
namespace workloads = hydravp::workloads;

template <class Word>
Word at(const std::vector<Word>& tensor, const TensorShape& shape, std::uint32_t c, std::uint32_t y,
        std::uint32_t x) {
    return tensor[(std::size_t{c} * shape.height + y) * shape.width + x];
}

/// Calls use(ky, kx, y, x) for each kernel position inside the input.
template <class Use>
void for_each_tap(const LayerDescriptor& layer, std::uint32_t oy, std::uint32_t ox, Use use) {
    for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
        for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx) {
            const auto y = std::int64_t{oy} * layer.stride_height + std::int64_t{ky} * layer.dilation_height -
                           layer.pad_top;
            const auto x = std::int64_t{ox} * layer.stride_width + std::int64_t{kx} * layer.dilation_width -
                           layer.pad_left;
            if (y >= 0 && x >= 0 && y < layer.in.height && x < layer.in.width) {
                use(ky, kx, static_cast<std::uint32_t>(y), static_cast<std::uint32_t>(x));
            }
        }
    }
}

/// Sums of products of one output, per residue class of the channels.
template <class Sum, class Word, class Weight>
std::vector<Sum> class_sums(const LayerDescriptor& layer, const std::vector<Word>& input,
                            const std::vector<Weight>& weights, std::uint32_t split, std::uint32_t f,
                            std::uint32_t oy, std::uint32_t ox) {
    std::vector<Sum> sums(split);
    const std::uint32_t channels = layer.in.channels / layer.groups;
    const std::uint32_t group = f / (layer.out.channels / layer.groups);
    for (std::uint32_t k = 0; k < channels; ++k) {
        const std::uint32_t c = group * channels + k;
        for_each_tap(layer, oy, ox, [&](auto ky, auto kx, auto y, auto x) {
            const std::size_t w =
                ((std::size_t{f} * channels + k) * layer.kernel_height + ky) * layer.kernel_width + kx;
            sums[c % split] += Sum{weights[w]} * Sum{at(input, layer.in, c, y, x)};
        });
    }
    return sums;
}

template <class Word, class Value>
void for_each_output(const LayerDescriptor& layer, std::vector<Word>& out, Value value) {
    for (std::uint32_t f = 0; f < layer.out.channels; ++f) {
        for (std::uint32_t oy = 0; oy < layer.out.height; ++oy) {
            for (std::uint32_t ox = 0; ox < layer.out.width; ++ox) {
                out.push_back(value(f, oy, ox));
            }
        }
    }
}

/// Elements of a window that an average is taken of.
inline std::int64_t averaged(const LayerDescriptor& layer, std::uint32_t oy, std::uint32_t ox) {
    std::int64_t count = 0;
    for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
        for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx) {
            const auto y = std::int64_t{oy} * layer.stride_height + ky; // in the padded input
            const auto x = std::int64_t{ox} * layer.stride_width + kx;
            const bool inside = y >= layer.pad_top && y < std::int64_t{layer.pad_top} + layer.in.height &&
                                x >= layer.pad_left && x < std::int64_t{layer.pad_left} + layer.in.width;
            const bool in_padding = y < std::int64_t{layer.pad_top} + layer.in.height + layer.pad_bottom &&
                                    x < std::int64_t{layer.pad_left} + layer.in.width + layer.pad_right;
            count += inside || (layer.count_include_pad && in_padding) ? 1 : 0;
        }
    }
    return count;
}

inline std::int16_t activated(const LayerDescriptor& layer, const workloads::QuantizedLayer& q,
                              std::int64_t total) {
    if (layer.activation == core::Activation::leaky_relu && total < 0) {
        return core::saturate16(
            core::round_shift(core::saturate(total, 48) * q.negative_slope, q.output_shift + 16));
    }
    const bool keeps_negative =
        layer.activation == core::Activation::none || layer.activation == core::Activation::leaky_relu;
    const std::int64_t word = core::round_shift(keeps_negative || total > 0 ? total : 0, q.output_shift);
    return layer.activation == core::Activation::relu6 && word > q.output_ceiling
               ? static_cast<std::int16_t>(q.output_ceiling)
               : core::saturate16(word);
}

inline double activated(const LayerDescriptor& layer, double x) {
    switch (layer.activation) {
    case core::Activation::relu:
        return x > 0 ? x : 0;
    case core::Activation::relu6:
        return x > 6 ? 6 : x > 0 ? x : 0;
    case core::Activation::leaky_relu:
        return x > 0 ? x : layer.negative_slope * x;
    default:
        return x;
    }
}

/// The members' words, one after the other.
template <class Tensor>
auto joined(const LayerDescriptor& layer, Tensor tensor) {
    auto words = tensor(layer.members.front());
    for (std::size_t i = 1; i < layer.members.size(); ++i) {
        const auto& more = tensor(layer.members[i]);
        words.insert(words.end(), more.begin(), more.end());
    }
    return words;
}

/// Every layer's output words.
inline std::vector<std::vector<std::int16_t>> run(const workloads::QuantizedNetwork& net,
                                                  const std::vector<std::int16_t>& image) {
    std::vector<std::vector<std::int16_t>> outputs;
    const auto tensor = [&](int index) -> const std::vector<std::int16_t>& {
        return index < 0 ? image : outputs[static_cast<std::size_t>(index)];
    };
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const auto& layer = net.network.layers[i];
        const auto& q = net.layers[i];
        const auto& input = tensor(layer.input);
        std::vector<std::int16_t> out;
        if (layer.is_concat()) {
            outputs.push_back(joined(layer, tensor));
            continue;
        }
        for_each_output(layer, out, [&](auto f, auto oy, auto ox) {
            if (layer.is_pool()) {
                std::int64_t sum = 0, largest = -32768;
                for_each_tap(layer, oy, ox, [&](auto, auto, auto y, auto x) {
                    const std::int64_t word = at(input, layer.in, f, y, x);
                    sum += word;
                    largest = std::max(largest, word);
                });
                return static_cast<std::int16_t>(layer.kind == LayerKind::max_pool
                                                     ? largest
                                                     : core::round_divide(sum, averaged(layer, oy, ox)));
            }
            std::int64_t total = q.bias[f];
            const auto sums =
                class_sums<std::int64_t>(layer, input, q.weights, q.partial_sum.channel_split, f, oy, ox);
            for (const auto sum : sums) {
                const auto partial =
                    core::saturate(core::round_shift(sum, q.partial_sum.shift), q.partial_sum.bits);
                total += core::round_shift(partial, -q.partial_sum.shift);
            }
            if (layer.residual) {
                const auto& shape = net.network.shape_of(layer.residual->source);
                if (f < shape.channels) {
                    const auto n = layer.residual->subsample;
                    const auto word = at(tensor(layer.residual->source), shape, f, oy * n, ox * n);
                    total += core::round_shift(word, -q.residual_shift);
                }
            }
            return static_cast<std::int16_t>(core::saturate(activated(layer, q, total), net.word_bits));
        });
        outputs.push_back(std::move(out));
    }
    return outputs;
}

struct FloatResult {
    std::vector<std::vector<double>> outputs;
    std::vector<double> largest_partial_sum;
};

inline FloatResult run(const workloads::FloatNetwork& net, const std::vector<std::uint8_t>& pixels,
                       std::uint32_t (*split)(std::uint32_t)) {
    FloatResult result;
    std::vector<double> image;
    for (const auto p : pixels) {
        image.push_back(p * net.input_scale);
    }
    const auto tensor = [&](int index) -> const std::vector<double>& {
        return index < 0 ? image : result.outputs[static_cast<std::size_t>(index)];
    };
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const auto& layer = net.network.layers[i];
        const auto& input = tensor(layer.input);
        double largest_partial_sum = 0;
        std::vector<double> out;
        if (layer.is_concat()) {
            result.outputs.push_back(joined(layer, tensor));
            result.largest_partial_sum.push_back(0);
            continue;
        }
        for_each_output(layer, out, [&](auto f, auto oy, auto ox) {
            if (layer.is_pool()) {
                double sum = 0, largest = -std::numeric_limits<double>::infinity();
                for_each_tap(layer, oy, ox, [&](auto, auto, auto y, auto x) {
                    sum += at(input, layer.in, f, y, x);
                    largest = std::max(largest, at(input, layer.in, f, y, x));
                });
                return layer.kind == LayerKind::max_pool ? largest
                                                         : sum / static_cast<double>(averaged(layer, oy, ox));
            }
            double total = net.layers[i].bias[f];
            for (const auto sum : class_sums<double>(layer, input, net.layers[i].weights,
                                                     split(layer.in.channels), f, oy, ox)) {
                largest_partial_sum = std::max(largest_partial_sum, std::abs(sum));
                total += sum;
            }
            if (layer.residual) {
                const auto& shape = net.network.shape_of(layer.residual->source);
                const auto n = layer.residual->subsample;
                total +=
                    f < shape.channels ? at(tensor(layer.residual->source), shape, f, oy * n, ox * n) : 0.0;
            }
            return activated(layer, total);
        });
        result.outputs.push_back(std::move(out));
        result.largest_partial_sum.push_back(largest_partial_sum);
    }
    return result;
}

/// A random number of [low, high]; the modulo's bias does not matter here.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::int64_t operator()(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
    }

private:
    std::mt19937_64 engine_;
};

/// Gives the layer a window that fits its input, and the output size that follows.
inline void random_window(Dice& dice, LayerDescriptor& layer) {
    if (layer.is_pool()) {
        layer.ceil_mode = dice(0, 1) != 0;
        layer.count_include_pad = layer.kind == LayerKind::average_pool && dice(0, 1) != 0;
    }
    const auto side = [&](std::uint32_t in, std::uint32_t& kernel, std::uint32_t& stride,
                          std::uint32_t& dilation, std::uint32_t& before, std::uint32_t& after) {
        kernel = static_cast<std::uint32_t>(dice(1, 4));
        stride = static_cast<std::uint32_t>(dice(1, 3));
        dilation = layer.is_pool() ? 1 : static_cast<std::uint32_t>(std::max<std::int64_t>(dice(-3, 3), 1));
        // Convolutions may pad more than their kernel; a pooling window must not lie wholly in the padding.
        const auto most = layer.is_pool() ? kernel - 1 : kernel + 1;
        before = static_cast<std::uint32_t>(dice(0, most));
        after = static_cast<std::uint32_t>(dice(0, most));
        if (in + before + after < (kernel - 1) * dilation + 1) {
            kernel = in;
            dilation = 1;
            before = after = 0;
        }
        const std::uint32_t beyond = in + before + after - ((kernel - 1) * dilation + 1);
        std::uint32_t outputs = beyond / stride + 1;
        if (layer.ceil_mode) {
            outputs = (beyond + stride - 1) / stride + 1;
            outputs -= (outputs - 1) * stride >= in + before ? 1 : 0;
        }
        return outputs;
    };
    layer.out.height = side(layer.in.height, layer.kernel_height, layer.stride_height, layer.dilation_height,
                            layer.pad_top, layer.pad_bottom);
    layer.out.width = side(layer.in.width, layer.kernel_width, layer.stride_width, layer.dilation_width,
                           layer.pad_left, layer.pad_right);
}

inline void random_activation(Dice& dice, LayerDescriptor& layer) {
    layer.activation = static_cast<core::Activation>(dice(0, 3));
    layer.negative_slope = static_cast<double>(dice(0, 99)) / 100;
}

/// Divides the channels of a convolution into groups, most often into one.
inline void random_groups(Dice& dice, LayerDescriptor& layer) {
    const std::uint32_t most = std::gcd(layer.in.channels, layer.out.channels);
    const auto groups = static_cast<std::uint32_t>(dice(1, 2 * most));
    layer.groups = groups <= most && most % groups == 0 ? groups : 1;
    if (dice(0, 3) == 0) {
        layer.groups = most;
    }
}

/// A small network: convolution, perhaps pooling, a convolution with a shortcut, perhaps a concat of several
/// tensors, perhaps a fully-connected layer.
inline Network random_topology(Dice& dice) {
    constexpr std::uint32_t channel_counts[] = {1, 3, 4, 8, 16, 24, 32};
    Network net;
    net.name = "random";
    net.input = {channel_counts[dice(0, 6)], static_cast<std::uint32_t>(dice(1, 9)),
                 static_cast<std::uint32_t>(dice(1, 9))};
    const auto add = [&](LayerKind kind, int from) -> LayerDescriptor& {
        LayerDescriptor layer;
        layer.kind = kind;
        layer.name = "layer" + std::to_string(net.layers.size());
        layer.input = from;
        layer.in = net.shape_of(from);
        layer.out.channels = layer.in.channels;
        net.layers.push_back(layer);
        return net.layers.back();
    };
    const auto last = [&] { return static_cast<int>(net.layers.size()) - 1; };

    auto& first = add(LayerKind::conv, core::network_input);
    first.out.channels = channel_counts[dice(0, 6)];
    random_activation(dice, first);
    random_window(dice, first);
    random_groups(dice, first);
    if (dice(0, 2) != 0) {
        auto& pool = add(dice(0, 1) != 0 ? LayerKind::max_pool : LayerKind::average_pool, last());
        random_window(dice, pool);
    }
    {
        // A 3x3 kernel with as much padding as dilation, or a 1x1 kernel, leaves what the shortcut's
        // subsampling leaves.
        const int from = last();
        const int shortcut = dice(0, 1) != 0 ? from : core::network_input;
        auto& sum = add(LayerKind::conv, shortcut);
        const auto n = static_cast<std::uint32_t>(dice(1, 3));
        sum.stride_height = sum.stride_width = n;
        if (dice(0, 1) != 0) {
            sum.kernel_height = sum.kernel_width = 3;
            const auto dilation = static_cast<std::uint32_t>(dice(1, 2));
            sum.dilation_height = sum.dilation_width = dilation;
            sum.pad_top = sum.pad_left = sum.pad_bottom = sum.pad_right = dilation;
        }
        sum.out = {sum.in.channels + static_cast<std::uint32_t>(dice(0, 5)), (sum.in.height + n - 1) / n,
                   (sum.in.width + n - 1) / n};
        random_activation(dice, sum);
        sum.residual = core::ResidualInput{shortcut, n};
        random_groups(dice, sum);
    }
    if (dice(0, 1) != 0) {
        const int trunk = last();
        auto& branch = add(LayerKind::conv, trunk);
        branch.out = branch.in;
        branch.out.channels = static_cast<std::uint32_t>(dice(1, 9));
        random_activation(dice, branch);
        std::vector<int> members{last()};
        for (int i = last(); i >= core::network_input; --i) {
            const auto& shape = net.shape_of(i);
            if (shape.height == net.shape_of(trunk).height && shape.width == net.shape_of(trunk).width &&
                dice(0, 2) != 0) {
                members.insert(members.begin() + dice(0, static_cast<int>(members.size())), i);
            }
        }
        if (members.size() > 1) {
            net.append_concat("concat", members);
        }
        auto& after = add(LayerKind::conv, last());
        after.out = after.in;
        random_groups(dice, after);
    }
    if (dice(0, 1) != 0) {
        auto& full = add(LayerKind::fully_connected, last());
        full.kernel_height = full.in.height;
        full.kernel_width = full.in.width;
        full.out = {static_cast<std::uint32_t>(dice(1, 20)), 1, 1};
    }
    net.validate();
    return net;
}

} // namespace naive
