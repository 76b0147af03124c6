// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/golden_executor.h"

#include "im2col.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace hydravp::workloads {

namespace {

using core::LayerDescriptor;

/// Doubles in one tile of the unfolded input: small enough for the second-level cache.
constexpr std::size_t unfolded_limit = std::size_t{1} << 17;

/// x / 2^shift, ties to even, by adding just less than a half, or a half if the quotient is odd. Needs x <
/// 2^62.
std::int64_t shift_right_even(std::int64_t x, int shift) {
    if (shift <= 0) {
        return x * (std::int64_t{1} << -shift);
    }
    if (shift > 63) {
        return 0;
    }
    return (x + (std::int64_t{1} << (shift - 1)) - 1 + ((x >> shift) & 1)) >> shift;
}

std::int64_t divide_even(std::int64_t n, std::int64_t d) {
    // Twice the remainder against the divisor decides; the floor makes the remainder non-negative.
    const std::int64_t floor = n >= 0 ? n / d : -((-n + d - 1) / d);
    const std::int64_t twice = 2 * (n - floor * d);
    return floor + (twice > d || (twice == d && floor % 2 != 0) ? 1 : 0);
}

std::int64_t clamp_bits(std::int64_t x, int bits) {
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return std::clamp(x, -limit, limit - 1);
}

/// sums += partial sums after their way through `format`, or = for the first class. All in doubles, which are
/// exact here, because the compiler turns that into vector code.
void add_partial_sums(const double* products, std::size_t count, const PartialSumFormat& format, bool first,
                      double* sums) {
    const double down = std::ldexp(1.0, -format.shift);
    const double up = std::ldexp(1.0, format.shift);
    const double top = std::ldexp(1.0, format.bits - 1) - 1;
    // Adding it leaves no fraction bits in a double, so the addition rounds to the nearest integer, ties to
    // even.
    const double rounder = format.shift > 0 ? 1.5 * 4503599627370496.0 : 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        double value = (products[i] * down + rounder) - rounder;
        value = value > top ? top : value;
        value = value < -top - 1 ? -top - 1 : value;
        sums[i] = (first ? 0.0 : sums[i]) + value * up;
    }
}

/// How far a residue class's sum can be from zero per unit of the input: the largest sum of |weight| over a
/// class, and the same counting only weights of one sign, which is the bound for an input that is nowhere
/// negative.
struct ClassGain {
    std::int64_t any_input = 0;
    std::int64_t non_negative_input = 0;
};

ClassGain class_gain(const LayerDescriptor& desc, const QuantizedLayer& layer) {
    const std::size_t taps = desc.taps();
    const std::size_t split = layer.partial_sum.channel_split;
    ClassGain gain;
    std::vector<std::int64_t> positive(split);
    std::vector<std::int64_t> negative(split);
    const std::int16_t* weight = layer.weights.data();
    const std::uint32_t channels = desc.filter_channels();
    for (std::uint32_t f = 0; f < desc.out.channels; ++f) {
        std::fill(positive.begin(), positive.end(), 0);
        std::fill(negative.begin(), negative.end(), 0);
        const std::uint32_t first = f / (desc.out.channels / desc.groups) * channels;
        for (std::uint32_t c = first; c < first + channels; ++c) {
            for (std::size_t t = 0; t < taps; ++t, ++weight) {
                (*weight > 0 ? positive : negative)[c % split] += std::abs(std::int64_t{*weight});
            }
        }
        for (std::size_t r = 0; r < split; ++r) {
            gain.any_input = std::max(gain.any_input, positive[r] + negative[r]);
            gain.non_negative_input = std::max({gain.non_negative_input, positive[r], negative[r]});
        }
    }
    return gain;
}

/// A kernel that lies exactly on the input: its products need no unfolding, the input is the only column.
bool covers_input(const LayerDescriptor& layer) {
    return layer.groups == 1 && layer.kernel_height == layer.in.height &&
           layer.span_height() == layer.in.height && layer.kernel_width == layer.in.width &&
           layer.span_width() == layer.in.width && layer.out.positions() == 1 && layer.pad_top == 0 &&
           layer.pad_left == 0;
}

void require(bool ok, const LayerDescriptor& layer, const char* what) {
    if (!ok) {
        throw std::invalid_argument("layer '" + layer.name + "': " + what);
    }
}

void check_layer(const LayerDescriptor& desc, const QuantizedLayer& layer) {
    if (!desc.has_weights()) {
        return;
    }
    const auto& format = layer.partial_sum;
    require(layer.weights.size() == desc.weights() && layer.bias.size() == desc.out.channels, desc,
            "number of weights or biases is wrong");
    require(format.channel_split > 0, desc, "no residue class");
    require(format.bits >= 2 && format.bits <= 48 && format.shift >= 0 && format.shift <= 48, desc,
            "partial sum format out of range");
    require(desc.weights_per_filter() < max_products, desc,
            "sums of this many products are not exact in double precision");
    // The classes' sums together are below 2^51 and have a rounding error below 2^47 each, which leaves them
    // exact in a double; with the bias (2^47) and the shortcut (2^59) all stays below 2^61.
    require(format.channel_split <= 32, desc, "more than 32 residue classes");
    require(layer.output_shift >= 0 && std::abs(layer.residual_shift) <= 44, desc, "shift out of range");
    for (const auto bias : layer.bias) {
        require(std::abs(bias) < (std::int64_t{1} << 47), desc, "bias needs more than 48 bits");
    }
    require(layer.output_ceiling >= 0 && layer.output_ceiling <= 32767, desc, "ceiling is no word");
    require(layer.negative_slope <= 65535, desc, "slope needs more than 16 bits");
}

} // namespace

GoldenExecutor::GoldenExecutor(const QuantizedNetwork& net)
    : net_(net), outputs_(net.network.layers.size()), exact_up_to_(net.network.layers.size()) {
    net.network.validate();
    if (net.word_bits != 16 && net.word_bits != 8) {
        throw std::invalid_argument("words have 16 or 8 bits");
    }
    if (net.layers.size() != net.network.layers.size()) {
        throw std::invalid_argument("one QuantizedLayer per layer expected");
    }
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        check_layer(net.network.layers[i], net.layers[i]);
        outputs_[i].resize(net.network.layers[i].out.words());
        const auto& format = net.layers[i].partial_sum;
        if (net.network.layers[i].has_weights() && format.shift == 0) {
            const auto gain = class_gain(net.network.layers[i], net.layers[i]);
            const std::int64_t limit = (std::int64_t{1} << (format.bits - 1)) - 1;
            exact_up_to_[i] = {gain.any_input == 0 ? limit : limit / gain.any_input,
                               gain.non_negative_input == 0 ? limit : limit / gain.non_negative_input};
        }
    }
}

const std::vector<std::vector<std::int16_t>>& GoldenExecutor::run(const std::vector<std::int16_t>& input) {
    if (input.size() != net_.network.input.words()) {
        throw std::invalid_argument("input has the wrong number of words");
    }
    input_ = &input;
    for (std::size_t i = 0; i < net_.layers.size(); ++i) {
        switch (net_.network.layers[i].kind) {
        case core::LayerKind::max_pool:
            max_pool(i);
            break;
        case core::LayerKind::average_pool:
            average_pool(i);
            break;
        case core::LayerKind::concat:
            join(i);
            break;
        case core::LayerKind::conv:
        case core::LayerKind::fully_connected:
            convolution(i);
        }
    }
    input_ = nullptr;
    return outputs_;
}

const std::int16_t* GoldenExecutor::tensor(int index) const {
    return index == core::network_input ? input_->data() : outputs_[static_cast<std::size_t>(index)].data();
}

void GoldenExecutor::convolution(std::size_t index) {
    const auto& desc = net_.network.layers[index];
    if (covers_input(desc)) {
        full_depth_product(index);
        return;
    }
    const bool exact = partial_sums_are_exact(index);
    for (std::uint32_t group = 0; group < desc.groups; ++group) {
        matrix_product(index, group, exact);
    }
}

/// Whether no class of this layer's current input can saturate or lose bits; then one product serves all
/// classes.
bool GoldenExecutor::partial_sums_are_exact(std::size_t index) const {
    const auto& limit = exact_up_to_[index];
    // Every input fits the usual case, 48 bits.
    if (limit.any_input >= 32768) {
        return true;
    }
    if (net_.layers[index].partial_sum.shift != 0) {
        return false;
    }
    const auto& desc = net_.network.layers[index];
    const std::int16_t* words = tensor(desc.input);
    const auto [low, high] = std::minmax_element(words, words + desc.in.words());
    return *low >= 0 ? *high <= limit.non_negative_input : std::max<int>(*high, -*low) <= limit.any_input;
}

/// A fully-connected layer: one column, so every weight is used once, and converting it to double for a
/// matrix product would cost more than the product.
void GoldenExecutor::full_depth_product(std::size_t index) {
    const auto& desc = net_.network.layers[index];
    const auto& layer = net_.layers[index];
    const auto& format = layer.partial_sum;
    const bool exact = partial_sums_are_exact(index);
    const std::size_t taps = desc.taps();
    const std::int16_t* input = tensor(desc.input);
    const std::int16_t* weight = layer.weights.data();
    std::vector<std::int64_t> classes(format.channel_split);
    for (std::uint32_t f = 0; f < desc.out.channels; ++f) {
        std::int64_t sum = 0;
        if (exact) {
            const std::size_t depth = desc.in.channels * taps;
            for (std::size_t i = 0; i < depth; ++i) {
                const std::int32_t product = weight[i] * input[i];
                sum += product;
            }
            weight += depth;
        } else {
            std::fill(classes.begin(), classes.end(), 0);
            const std::int16_t* word = input;
            for (std::uint32_t c = 0; c < desc.in.channels; ++c) {
                auto& of_class = classes[c % format.channel_split];
                for (std::size_t t = 0; t < taps; ++t) {
                    const std::int32_t product = *weight++ * *word++;
                    of_class += product;
                }
            }
            for (const auto of_class : classes) {
                sum += clamp_bits(shift_right_even(of_class, format.shift), format.bits) *
                       (std::int64_t{1} << format.shift);
            }
        }
        const auto exact_sum = static_cast<double>(sum);
        finish(index, f, 0, 1, &exact_sum, &outputs_[index][f]);
    }
}

void GoldenExecutor::matrix_product(std::size_t index, std::uint32_t group, bool exact) {
    const auto& desc = net_.network.layers[index];
    const auto& layer = net_.layers[index];
    const auto& format = layer.partial_sum;
    const std::size_t taps = desc.taps();
    const std::size_t depth = desc.filter_channels() * taps;
    const std::size_t positions = desc.out.positions();
    const std::uint32_t filters = desc.out.channels / desc.groups;
    const std::uint32_t first = group * filters;
    const auto classes = channel_classes(desc, group, exact ? 1 : format.channel_split);
    weights_.resize(filters * depth);
    for (std::size_t f = 0; f < filters; ++f) {
        permute_channels(layer.weights.data() + (first + f) * depth, classes, taps,
                         weights_.data() + f * depth);
    }
    // The analyzer doesn't see the constant's value.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    const std::size_t tile = std::min(positions, std::max<std::size_t>(unfolded_limit / depth, 64));
    unfolded_.resize(depth * tile);
    products_.resize(filters * tile);
    sums_.resize(filters * tile);
    for (std::size_t begin = 0; begin < positions; begin += tile) {
        const std::size_t n = std::min(tile, positions - begin);
        im2col(desc, tensor(desc.input), classes.order, begin, n, unfolded_.data(), n);
        std::size_t class_begin = 0;
        for (const auto channels : classes.sizes) {
            const std::size_t class_depth = channels * taps;
            auto& products = exact ? sums_ : products_;
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(filters),
                        static_cast<blasint>(n), static_cast<blasint>(class_depth), 1.0,
                        weights_.data() + class_begin, static_cast<blasint>(depth),
                        unfolded_.data() + class_begin * n, static_cast<blasint>(n), 0.0, products.data(),
                        static_cast<blasint>(n));
            if (!exact) {
                add_partial_sums(products_.data(), filters * n, format, class_begin == 0, sums_.data());
            }
            class_begin += class_depth;
        }
        for (std::uint32_t f = 0; f < filters; ++f) {
            finish(index, first + f, begin, n, sums_.data() + f * n,
                   outputs_[index].data() + (first + f) * positions + begin);
        }
    }
}

/// Bias, shortcut, activation function and the return to words for `count` positions of one filter.
void GoldenExecutor::finish(std::size_t index, std::uint32_t filter, std::size_t begin, std::size_t count,
                            const double* sums, std::int16_t* out) const {
    const auto& desc = net_.network.layers[index];
    const auto& layer = net_.layers[index];
    const std::int16_t* shortcut = nullptr;
    std::size_t row_words = 0;
    std::size_t step = 1;
    if (desc.residual) {
        const auto& shape = net_.network.shape_of(desc.residual->source);
        if (filter < shape.channels) {
            shortcut = tensor(desc.residual->source) + filter * shape.positions();
        }
        row_words = shape.width;
        step = desc.residual->subsample;
    }
    const std::int64_t bias = layer.bias[filter];
    const std::int64_t floor =
        desc.activation == core::Activation::relu || desc.activation == core::Activation::relu6
            ? 0
            : std::numeric_limits<std::int64_t>::min();
    const bool leaky = desc.activation == core::Activation::leaky_relu;
    for (std::size_t i = 0; i < count; ++i) {
        std::int64_t value = static_cast<std::int64_t>(sums[i]) + bias;
        if (shortcut != nullptr) {
            const std::size_t y = (begin + i) / desc.out.width;
            const std::size_t x = (begin + i) % desc.out.width;
            value += shift_right_even(shortcut[y * step * row_words + x * step], -layer.residual_shift);
        }
        int shift = layer.output_shift;
        if (leaky && value < 0) { // x * slope / 2^16, with one rounding for it and the return to words
            value = clamp_bits(value, 48) * layer.negative_slope;
            shift += 16;
        }
        value = shift_right_even(std::max(value, floor), shift);
        out[i] = static_cast<std::int16_t>(
            std::min<std::int64_t>(clamp_bits(value, net_.word_bits), layer.output_ceiling));
    }
}

void GoldenExecutor::max_pool(std::size_t index) {
    const auto& desc = net_.network.layers[index];
    const std::int16_t* plane = tensor(desc.input);
    auto* to = outputs_[index].data();
    for (std::uint32_t c = 0; c < desc.in.channels; ++c, plane += desc.in.positions()) {
        for (std::uint32_t oy = 0; oy < desc.out.height; ++oy) {
            for (std::uint32_t ox = 0; ox < desc.out.width; ++ox) {
                const auto window = pool_window(desc, oy, ox);
                auto largest = std::numeric_limits<std::int16_t>::min();
                for (auto y = window.top; y < window.bottom; ++y) {
                    for (auto x = window.left; x < window.right; ++x) {
                        largest = std::max(largest, plane[std::size_t{y} * desc.in.width + x]);
                    }
                }
                *to++ = largest;
            }
        }
    }
}

void GoldenExecutor::average_pool(std::size_t index) {
    const auto& desc = net_.network.layers[index];
    const std::int16_t* plane = tensor(desc.input);
    auto* to = outputs_[index].data();
    for (std::uint32_t c = 0; c < desc.in.channels; ++c, plane += desc.in.positions()) {
        for (std::uint32_t oy = 0; oy < desc.out.height; ++oy) {
            for (std::uint32_t ox = 0; ox < desc.out.width; ++ox) {
                const auto window = pool_window(desc, oy, ox);
                std::int64_t sum = 0;
                for (auto y = window.top; y < window.bottom; ++y) {
                    const auto* row = plane + std::size_t{y} * desc.in.width;
                    sum = std::accumulate(row + window.left, row + window.right, sum);
                }
                *to++ = static_cast<std::int16_t>(divide_even(sum, pool_divisor(desc, oy, ox)));
            }
        }
    }
}

void GoldenExecutor::join(std::size_t index) {
    auto to = outputs_[index].begin();
    for (const int member : net_.network.layers[index].members) {
        to = std::copy_n(tensor(member), net_.network.shape_of(member).words(), to);
    }
}

std::size_t argmax(const std::vector<std::int16_t>& words) {
    return static_cast<std::size_t>(std::max_element(words.begin(), words.end()) - words.begin());
}

} // namespace hydravp::workloads
