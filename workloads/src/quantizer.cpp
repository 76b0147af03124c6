// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/quantizer.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"
#include "hydravp/core/fixed_point.h"
#include "hydravp/workloads/random_network.h"

#include "largest_magnitude.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace hydravp::workloads {

namespace {

constexpr std::uint32_t default_units = 16;
constexpr double bias_limit = 140737488355328.0; // 2^47
/// A residual word shifted further would not fit into 63 bits; shifted right further it would vanish.
constexpr int residual_shift_limit = 44;
constexpr std::size_t weights_at_once = std::size_t{1} << 20;

/// Round half to even of |x| < 2^51, several times faster than the library's function: above 2^52 a double
/// has no fraction left, and the addition rounds it away.
double round_half_even(double x) {
    constexpr double shifter = 6755399441055744.0; // 1.5 * 2^52
    return (x + shifter) - shifter;
}

[[noreturn]] void fail(const core::LayerDescriptor& layer, const std::string& what) {
    throw core::InputError("layer '" + layer.name + "': " + what);
}

/// Calls use(values, count) on all of a layer's weights, a bounded number at a time.
template <class Use>
void for_each_weight_block(const FloatNetwork& net, std::size_t index, Use use) {
    const auto& layer = net.network.layers[index];
    const std::size_t per_filter = layer.weights_per_filter();
    const auto filters = static_cast<std::uint32_t>(
        std::clamp<std::size_t>(weights_at_once / per_filter, 1, layer.out.channels));
    std::vector<double> block(filters * per_filter);
    for (std::uint32_t first = 0; first < layer.out.channels; first += filters) {
        const auto count = std::min(filters, layer.out.channels - first);
        read_weights(net, index, first, count, block.data());
        use(block.data(), count * per_filter);
    }
}

/// The largest word of so many bits.
double largest_word(int bits) {
    return std::ldexp(1.0, bits - 1) - 1;
}

void quantize_weights(const FloatNetwork& net, std::size_t index, int input_fraction, int word_bits,
                      QuantizedLayer& layer) {
    const auto& desc = net.network.layers[index];
    double largest = 0;
    for_each_weight_block(net, index, [&](const double* w, std::size_t count) {
        largest = std::max(largest, largest_magnitude(w, count));
    });
    const auto& bias = net.layers[index].bias;
    const double largest_bias = largest_magnitude(bias.data(), bias.size());
    if (!std::isfinite(largest) || !std::isfinite(largest_bias)) {
        fail(desc, "weights or bias are not finite");
    }
    layer.weight_fraction = covering_fraction(largest, word_bits);
    while (std::ldexp(largest_bias, input_fraction + layer.weight_fraction) > bias_limit - 1) {
        if (--layer.weight_fraction < min_fraction) {
            fail(desc, "bias of " + std::to_string(largest_bias) + " is too large for the number format");
        }
    }
    const double scale = std::ldexp(1.0, layer.weight_fraction);
    layer.weights.resize(desc.weights());
    std::int16_t* out = layer.weights.data();
    for_each_weight_block(net, index, [&](const double* w, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            *out++ = static_cast<std::int16_t>(static_cast<std::int32_t>(round_half_even(w[i] * scale)));
        }
    });
    layer.bias.reserve(bias.size());
    for (const double b : bias) {
        layer.bias.push_back(static_cast<std::int64_t>(
            round_half_even(std::ldexp(b, input_fraction + layer.weight_fraction))));
    }
}

/// The smallest shift with which the largest partial sum seen leaves one bit of headroom.
int partial_sum_shift(double largest, int bits) {
    const double top = largest_word(bits);
    int shift = 0;
    while (2 * std::nearbyint(std::ldexp(largest, -shift)) > top) {
        ++shift;
    }
    return shift;
}

void check_network(const FloatNetwork& net) {
    net.network.validate();
    if (net.layers.size() != net.network.layers.size()) {
        throw std::invalid_argument("one FloatLayer per layer expected");
    }
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const auto& desc = net.network.layers[i];
        if (!desc.has_weights()) {
            continue;
        }
        if (net.layers[i].bias.size() != desc.out.channels ||
            (!net.weight_source && net.layers[i].weights.size() != desc.weights())) {
            throw std::invalid_argument("layer '" + desc.name + "': number of weights or biases is wrong");
        }
    }
}

/// The fraction bits of all tensors. Tensors that share words, because a pooling keeps its input's scale and
/// a concat takes its members as they are, form a class and have the same.
class TensorScales {
public:
    TensorScales(const FloatNetwork& net, const std::vector<LayerRange>& ranges, int word_bits)
        : word_bits_(word_bits),
          class_(net.layers.size() + 1),
          fraction_(class_.size()),
          used_(class_.size(), false) {
        std::iota(class_.begin(), class_.end(), std::size_t{0});
        const auto& layers = net.network.layers;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (!layers[i].has_weights()) {
                for (const int source : layers[i].sources()) {
                    class_[class_of(source)] = class_of(static_cast<int>(i));
                }
            }
        }
        std::fill(fraction_.begin(), fraction_.end(), max_fraction);
        cover(core::network_input, 255 * net.input_scale);
        use(core::network_input);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (layers[i].has_weights()) {
                cover(static_cast<int>(i), ranges[i].output);
            }
        }
    }

    int fraction(int tensor) const { return fraction_[class_of(tensor)]; }
    /// A layer's words depend on this tensor's scale.
    void use(int tensor) { used_[class_of(tensor)] = true; }
    /// False if layers depend on the scale that the tensor has had so far.
    bool limit(int tensor, int most) {
        const std::size_t c = class_of(tensor);
        if (fraction_[c] <= most) {
            return true;
        }
        fraction_[c] = most;
        return !used_[c];
    }

private:
    std::size_t class_of(int tensor) const {
        const int first = tensor + 1; // the network's input is tensor -1
        auto slot = static_cast<std::size_t>(first);
        while (class_[slot] != slot) {
            slot = class_[slot];
        }
        return slot;
    }
    /// What no scale covers is an error when its layer's turn comes.
    void cover(int tensor, double magnitude) {
        int& fraction = fraction_[class_of(tensor)];
        const bool possible = magnitude <= std::ldexp(largest_word(word_bits_), -min_fraction);
        fraction = std::min(fraction, possible ? covering_fraction(magnitude, word_bits_) : min_fraction);
    }

    int word_bits_;
    std::vector<std::size_t> class_; ///< of each tensor, the network's input first: another one, or itself
    std::vector<int> fraction_;      ///< of a class
    std::vector<bool> used_;
};

/// The word nearest to 6 of those with so many fraction bits.
std::int32_t word_of_six(int fraction, int word_bits) {
    return static_cast<std::int32_t>(
        std::min(std::nearbyint(std::ldexp(6.0, fraction)), largest_word(word_bits)));
}

/// False if the scale of the output class has to be coarser than layers before have assumed.
bool quantize_layer(const FloatNetwork& net, std::size_t index, const LayerRange& range, std::uint32_t split,
                    const QuantizerOptions& options, TensorScales& scales, QuantizedLayer& layer) {
    const auto& desc = net.network.layers[index];
    const int self = static_cast<int>(index);
    if (desc.weights_per_filter() >= max_products) {
        fail(desc, "sums more than " + std::to_string(max_products - 1) + " products per output");
    }
    for (const int source : desc.sources()) {
        scales.use(source);
    }
    const int input_fraction = scales.fraction(desc.input);
    quantize_weights(net, index, input_fraction, options.word_bits, layer);
    const int product_fraction = input_fraction + layer.weight_fraction;
    if (product_fraction < min_fraction) {
        fail(desc, "the scales of its input and weights are too far apart");
    }
    if (!scales.limit(self, std::min(covering_fraction(range.output, options.word_bits), product_fraction))) {
        return false;
    }
    scales.use(self);
    layer.output_fraction = scales.fraction(self);
    layer.output_shift = product_fraction - layer.output_fraction;
    layer.partial_sum.channel_split = split;
    layer.partial_sum.bits = options.partial_sum_bits;
    if (options.partial_sum_bits != 48) {
        layer.partial_sum.shift =
            partial_sum_shift(std::ldexp(range.partial_sum, product_fraction), options.partial_sum_bits);
    }
    if (desc.residual) {
        layer.residual_shift = product_fraction - scales.fraction(desc.residual->source);
        if (std::abs(layer.residual_shift) > residual_shift_limit) {
            fail(desc, "the scales of the shortcut and of the products are too far apart");
        }
    }
    if (desc.activation == core::Activation::relu6) {
        layer.output_ceiling = word_of_six(layer.output_fraction, options.word_bits);
    }
    if (desc.activation == core::Activation::leaky_relu) {
        const double word = std::nearbyint(std::ldexp(desc.negative_slope, core::slope_fraction));
        layer.negative_slope = static_cast<std::uint32_t>(std::min(word, 65535.0));
    }
    return true;
}

/// False if it has to be done again with the scales that it has made coarser.
bool quantize_layers(const FloatNetwork& net, const std::vector<LayerRange>& ranges,
                     const ChannelSplits& splits, const QuantizerOptions& options, TensorScales& scales,
                     QuantizedNetwork& result) {
    result.network = net.network;
    result.word_bits = options.word_bits;
    result.input_scale = net.input_scale;
    result.layers.assign(net.layers.size(), {});
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const auto& desc = net.network.layers[i];
        try {
            if (desc.has_weights() &&
                !quantize_layer(net, i, ranges[i], splits[i], options, scales, result.layers[i])) {
                return false;
            }
        } catch (const core::InputError& error) {
            const std::string what = error.what();
            if (what.rfind("layer '", 0) == 0) {
                throw;
            }
            fail(desc, what);
        }
    }
    // Only now: a pooling's class may have been made coarser by a layer behind it.
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        result.layers[i].output_fraction = scales.fraction(static_cast<int>(i));
    }
    result.input_fraction = scales.fraction(core::network_input);
    return true;
}

} // namespace

int covering_fraction(double magnitude, int word_bits) {
    if (!(magnitude >= 0) || !std::isfinite(magnitude)) {
        throw core::InputError("values are not finite: no scale covers them");
    }
    if (magnitude == 0) {
        return word_bits - 1;
    }
    // magnitude = m * 2^exponent with 0.5 <= m < 1, so word_bits - 1 - exponent bits fit unless rounding
    // reaches the next power of two.
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    int fraction = std::min(word_bits - 1 - exponent, max_fraction);
    if (std::nearbyint(std::ldexp(magnitude, fraction)) > largest_word(word_bits)) {
        --fraction;
    }
    if (fraction < min_fraction) {
        throw core::InputError("values of " + std::to_string(magnitude) +
                               " are too large for the number format");
    }
    return fraction;
}

QuantizedNetwork quantize(const FloatNetwork& net, const std::vector<std::vector<std::uint8_t>>& calibration,
                          const QuantizerOptions& options) {
    check_network(net);
    const int bits = options.partial_sum_bits;
    if (bits != 16 && bits != 32 && bits != 48) {
        throw std::invalid_argument("partial sums have 16, 32 or 48 bits");
    }
    if (options.word_bits != 16 && options.word_bits != 8) {
        throw std::invalid_argument("words have 16 or 8 bits");
    }
    if (calibration.empty()) {
        throw core::InputError("network '" + net.network.name + "': no calibration image");
    }
    ChannelSplits splits = options.channel_splits;
    if (splits.empty()) {
        splits = channel_splits(
            net.network, [](std::uint32_t channels) { return core::channel_split(channels, default_units); });
    }
    if (splits.size() != net.layers.size()) {
        throw std::invalid_argument("residue classes of another network");
    }
    // 48 bits are exact, so only the narrow formats need the (slower) measurement per class.
    const auto ranges = measure_ranges(net, calibration, bits == 48 ? ChannelSplits() : splits);

    TensorScales scales(net, ranges, options.word_bits);
    QuantizedNetwork result;
    while (!quantize_layers(net, ranges, splits, options, scales, result)) {
    }
    return result;
}

std::vector<std::int16_t> quantize_image(const QuantizedNetwork& net,
                                         const std::vector<std::uint8_t>& pixels) {
    check_image_size(net.network, pixels);
    std::array<std::int16_t, 256> words{};
    for (int byte = 0; byte < 256; ++byte) {
        const double value = std::nearbyint(std::ldexp(byte * net.input_scale, net.input_fraction));
        words[static_cast<std::size_t>(byte)] =
            static_cast<std::int16_t>(core::saturate(static_cast<std::int64_t>(value), net.word_bits));
    }
    std::vector<std::int16_t> result(pixels.size());
    std::transform(pixels.begin(), pixels.end(), result.begin(),
                   [&](std::uint8_t byte) { return words[byte]; });
    return result;
}

} // namespace hydravp::workloads
