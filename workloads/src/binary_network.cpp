// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/binary_network.h"

#include "hydravp/core/binarizer.h"
#include "hydravp/core/error.h"
#include "hydravp/workloads/float_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace hydravp::workloads {
namespace {

using core::LayerDescriptor;

constexpr int largest_fraction = 40;
constexpr int smallest_fraction = -24;
constexpr double largest_word = 32767;

[[noreturn]] void fail(const LayerDescriptor& layer, const std::string& what) {
    throw core::InputError(fmt::format("layer '{}': {}", layer.name, what));
}

/// Most fraction bits with which `levels` steps cover the magnitude.
int covering(const LayerDescriptor& layer, double magnitude, double levels) {
    int fraction = largest_fraction;
    while (std::nearbyint(std::ldexp(magnitude, fraction)) > levels) {
        if (--fraction < smallest_fraction) {
            fail(layer, fmt::format("found values up to {}, expected smaller ones", magnitude));
        }
    }
    return fraction;
}

/// The magnitude that all weights of a filter share, if they do.
std::optional<double> common_magnitude(const double* weights, std::size_t count) {
    const double magnitude = std::abs(weights[0]);
    const bool same =
        std::all_of(weights, weights + count, [magnitude](double w) { return std::abs(w) == magnitude; });
    return same ? std::optional(magnitude) : std::nullopt;
}

std::vector<double> weights_of(const FloatNetwork& net, std::size_t index) {
    if (!net.weight_source) {
        return net.layers[index].weights;
    }
    const LayerDescriptor& desc = net.network.layers[index];
    std::vector<double> weights(desc.weights());
    net.weight_source(index, 0, desc.out.channels, weights.data());
    return weights;
}

void check_supported(const LayerDescriptor& desc) {
    if (desc.is_concat()) {
        fail(desc, "found a concatenation, expected a plain chain of layers");
    }
    if (desc.ceil_mode || desc.count_include_pad) {
        fail(desc, fmt::format("found a pooling that {}, expected a plain one",
                               desc.ceil_mode ? "rounds its output size up" : "counts its padding"));
    }
    if (desc.activation != core::Activation::none && desc.activation != core::Activation::relu) {
        fail(desc, fmt::format("found the activation function {}, expected relu or none",
                               core::to_string(desc.activation)));
    }
    if (desc.residual) {
        fail(desc, "found a shortcut, expected a plain chain of layers");
    }
    if (desc.groups != 1) {
        fail(desc, fmt::format("found {} groups of channels, expected one", desc.groups));
    }
    if (desc.dilation_height != 1 || desc.dilation_width != 1) {
        fail(desc, fmt::format("found the dilation {}x{}, expected 1x1", desc.dilation_height,
                               desc.dilation_width));
    }
}

class LayerQuantizer {
public:
    LayerQuantizer(const LayerDescriptor& desc, std::vector<double> weights, const std::vector<double>& bias)
        : desc_(desc),
          weights_(std::move(weights)),
          bias_(bias),
          terms_(weights_.size() / desc.out.channels) {}

    bool is_binary() const {
        for (std::size_t f = 0; f < desc_.out.channels; ++f) {
            if (!common_magnitude(filter(f), terms_)) {
                return false;
            }
        }
        return true;
    }

    /// By sign; a filter keeps the mean of its magnitudes as its scale.
    void binarize(BinaryLayer& layer, core::StochasticBinarizer* random) {
        layer.binary = true;
        for (std::size_t f = 0; f < desc_.out.channels; ++f) {
            double sum = 0;
            double largest = 0;
            for (std::size_t t = 0; t < terms_; ++t) {
                sum += std::abs(filter(f)[t]);
                largest = std::max(largest, std::abs(filter(f)[t]));
            }
            const std::optional<double> common = common_magnitude(filter(f), terms_);
            steps_.push_back(common ? *common : sum / static_cast<double>(terms_));
            for (std::size_t t = 0; t < terms_; ++t) {
                const double w = filter(f)[t];
                layer.weights.push_back(random != nullptr && !common
                                            ? (*random)(largest > 0 ? w / largest : 0)
                                            : core::binarize(w));
            }
        }
    }

    void eight_bits(BinaryLayer& layer) {
        for (std::size_t f = 0; f < desc_.out.channels; ++f) {
            double largest = 0;
            for (std::size_t t = 0; t < terms_; ++t) {
                largest = std::max(largest, std::abs(filter(f)[t]));
            }
            const double step = largest / 127;
            steps_.push_back(step);
            for (std::size_t t = 0; t < terms_; ++t) {
                layer.weights.push_back(
                    static_cast<std::int8_t>(step > 0 ? std::nearbyint(filter(f)[t] / step) : 0));
            }
        }
    }

    /// Scale and bias of each filter, for sums in steps of `input_step`.
    void scale(BinaryLayer& layer, double input_step, double output_step) const {
        double largest_scale = 0;
        double largest_bias = 0;
        for (std::size_t f = 0; f < desc_.out.channels; ++f) {
            largest_scale = std::max(largest_scale, input_step * steps_[f] / output_step);
            largest_bias = std::max(largest_bias, std::abs(bias_[f]) / output_step);
        }
        while (layer.output_shift < largest_fraction &&
               std::nearbyint(std::ldexp(largest_scale, layer.output_shift + 1)) <= largest_word) {
            ++layer.output_shift;
        }
        while (std::nearbyint(std::ldexp(largest_bias, layer.output_shift - layer.bias_shift)) >
               largest_word) {
            ++layer.bias_shift;
        }
        if (std::nearbyint(std::ldexp(largest_scale, layer.output_shift)) > largest_word ||
            layer.bias_shift > largest_fraction) {
            fail(desc_, "found scales and biases that are too far apart for 16 bits");
        }
        for (std::size_t f = 0; f < desc_.out.channels; ++f) {
            layer.scale.push_back(static_cast<std::int16_t>(
                std::nearbyint(std::ldexp(input_step * steps_[f] / output_step, layer.output_shift))));
            layer.bias.push_back(static_cast<std::int16_t>(
                std::nearbyint(std::ldexp(bias_[f] / output_step, layer.output_shift - layer.bias_shift))));
        }
    }

private:
    const double* filter(std::size_t f) const { return weights_.data() + f * terms_; }

    const LayerDescriptor& desc_;
    std::vector<double> weights_;
    const std::vector<double>& bias_;
    std::size_t terms_;
    std::vector<double> steps_; ///< real value of a weight of 1, per filter
};

} // namespace

BinaryNetwork binary_shape(const core::Network& network) {
    BinaryNetwork result;
    result.network = network;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const LayerDescriptor& desc = network.layers[i];
        const bool is_last = i + 1 == network.layers.size();
        BinaryLayer layer;
        if (!desc.is_pool()) {
            layer.binary = i != 0 && !is_last;
            layer.weights.assign(desc.weights(), 1);
            layer.scale.assign(desc.out.channels, 1);
            layer.bias.assign(desc.out.channels, 0);
            layer.output_bytes = is_last && desc.activation != core::Activation::relu ? 2 : 1;
        }
        result.layers.push_back(std::move(layer));
    }
    return result;
}

BinaryNetwork binarize_network(const FloatNetwork& net,
                               const std::vector<std::vector<std::uint8_t>>& calibration, Binarizer binarizer,
                               std::uint64_t seed) {
    if (calibration.empty()) {
        throw core::InputError("found no calibration image, expected at least one");
    }
    const std::vector<LayerRange> ranges = measure_ranges(net, calibration);
    BinaryNetwork result;
    result.network = net.network;
    core::StochasticBinarizer random(seed);
    const auto& layers = net.network.layers;
    std::vector<double> steps; // of each layer's output
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const LayerDescriptor& desc = layers[i];
        BinaryLayer layer;
        check_supported(desc);
        const double input_step =
            desc.input == core::network_input ? net.input_scale : steps[static_cast<std::size_t>(desc.input)];
        if (desc.is_pool()) {
            if (desc.input != core::network_input) {
                layer.output_fraction = result.layers[static_cast<std::size_t>(desc.input)].output_fraction;
                if (result.layers[static_cast<std::size_t>(desc.input)].output_bytes != 1) {
                    fail(desc, "found a pooling of 16-bit words, expected 8 bits");
                }
            }
            steps.push_back(input_step);
            result.layers.push_back(std::move(layer));
            continue;
        }
        const bool is_last = i + 1 == layers.size();
        if (!is_last && desc.activation != core::Activation::relu) {
            fail(desc, "found no ReLU, expected one: activations are 8 bits, unsigned");
        }
        layer.output_bytes = is_last && desc.activation != core::Activation::relu ? 2 : 1;
        layer.output_fraction =
            covering(desc, ranges[i].output, layer.output_bytes == 1 ? 255 : largest_word);
        LayerQuantizer quantizer(desc, weights_of(net, i), net.layers[i].bias);
        const bool middle = i != 0 && !is_last;
        if (quantizer.is_binary() || (middle && binarizer != Binarizer::recognised)) {
            quantizer.binarize(layer, binarizer == Binarizer::stochastic ? &random : nullptr);
        } else {
            quantizer.eight_bits(layer);
        }
        const double output_step = std::ldexp(1, -layer.output_fraction);
        quantizer.scale(layer, input_step, output_step);
        steps.push_back(output_step);
        result.layers.push_back(std::move(layer));
    }
    return result;
}

} // namespace hydravp::workloads
