// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/binary_executor.h"

#include "im2col.h"

#include <cblas.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace hydravp::workloads {
namespace {

void multiply(std::size_t filters, std::size_t positions, std::size_t depth, const float* weights,
              const float* unfolded, float* sums) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(filters),
                static_cast<int>(positions), static_cast<int>(depth), 1, weights, static_cast<int>(depth),
                unfolded, static_cast<int>(positions), 0, sums, static_cast<int>(positions));
}

void multiply(std::size_t filters, std::size_t positions, std::size_t depth, const double* weights,
              const double* unfolded, double* sums) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(filters),
                static_cast<int>(positions), static_cast<int>(depth), 1, weights, static_cast<int>(depth),
                unfolded, static_cast<int>(positions), 0, sums, static_cast<int>(positions));
}

/// All sums of a layer, [filter][position]; exact, because the caller has chosen a type that holds them.
template <class Real>
std::vector<Real> products(const core::LayerDescriptor& desc, const std::int32_t* input,
                           const std::vector<Real>& weights) {
    const std::size_t depth = desc.in.channels * desc.taps();
    const std::size_t positions = desc.out.positions();
    std::vector<Real> unfolded(depth * positions);
    im2col(desc, input, channel_classes(desc, 0, 1).order, 0, positions, unfolded.data(), positions);
    std::vector<Real> sums(desc.out.channels * positions);
    multiply(desc.out.channels, positions, depth, weights.data(), unfolded.data(), sums.data());
    return sums;
}

/// n / 2^shift, to the nearest, to the even one of two.
std::int64_t divide_even(std::int64_t n, int shift) {
    const std::int64_t divisor = std::int64_t{1} << shift;
    std::int64_t quotient = n / divisor;
    std::int64_t twice_rest = 2 * (n % divisor); // of the sign of n
    if (twice_rest < 0) {
        --quotient;
        twice_rest += 2 * divisor;
    }
    return quotient + (twice_rest > divisor || (twice_rest == divisor && quotient % 2 != 0) ? 1 : 0);
}

template <class Real>
void finish(const core::LayerDescriptor& desc, const BinaryLayer& layer, const std::vector<Real>& sums,
            std::vector<std::int32_t>& output) {
    const std::int64_t low = layer.output_bytes == 1 ? 0 : -32768;
    const std::int64_t high = layer.output_bytes == 1 ? 255 : 32767;
    const std::size_t positions = desc.out.positions();
    for (std::size_t i = 0; i < output.size(); ++i) {
        const std::size_t f = i / positions;
        const std::int64_t offset = std::int64_t{layer.bias[f]} * (std::int64_t{1} << layer.bias_shift);
        const std::int64_t value =
            divide_even(static_cast<std::int64_t>(sums[i]) * layer.scale[f] + offset, layer.output_shift);
        output[i] = static_cast<std::int32_t>(std::min(std::max(value, low), high));
    }
}

} // namespace

BinaryExecutor::BinaryExecutor(const BinaryNetwork& net)
    : net_(net), outputs_(net.layers.size()), weights_(net.layers.size()), wide_weights_(net.layers.size()) {
    net.network.validate();
    if (net.layers.size() != net.network.layers.size()) {
        throw std::invalid_argument("one BinaryLayer per layer expected");
    }
    constexpr std::int64_t exact_in_float = std::int64_t{1} << 24;
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const core::LayerDescriptor& desc = net.network.layers[i];
        const BinaryLayer& layer = net.layers[i];
        outputs_[i].resize(desc.out.words());
        if (desc.is_pool()) {
            continue;
        }
        if (layer.weights.size() != desc.weights() || layer.scale.size() != desc.out.channels ||
            layer.bias.size() != desc.out.channels) {
            throw std::invalid_argument("layer '" + desc.name + "': number of weights or scales is wrong");
        }
        const std::size_t depth = desc.in.channels * desc.taps();
        std::int64_t largest = 0;
        for (std::size_t f = 0; f < desc.out.channels; ++f) {
            std::int64_t sum = 0;
            for (std::size_t t = 0; t < depth; ++t) {
                sum += std::int64_t{255} * std::abs(layer.weights[f * depth + t]);
            }
            largest = std::max(largest, sum);
        }
        if (largest < exact_in_float) {
            weights_[i].assign(layer.weights.begin(), layer.weights.end());
        } else {
            wide_weights_[i].assign(layer.weights.begin(), layer.weights.end());
        }
    }
}

const std::vector<std::vector<std::int32_t>>& BinaryExecutor::run(const std::vector<std::uint8_t>& input) {
    if (input.size() != net_.network.input.words()) {
        throw std::invalid_argument("input has the wrong number of bytes");
    }
    input_.assign(input.begin(), input.end());
    for (std::size_t i = 0; i < net_.layers.size(); ++i) {
        if (net_.network.layers[i].is_pool()) {
            pool(i);
        } else {
            convolution(i);
        }
    }
    return outputs_;
}

void BinaryExecutor::convolution(std::size_t index) {
    const core::LayerDescriptor& desc = net_.network.layers[index];
    const std::int32_t* input = desc.input == core::network_input
                                    ? input_.data()
                                    : outputs_[static_cast<std::size_t>(desc.input)].data();
    if (!weights_[index].empty()) {
        finish(desc, net_.layers[index], products(desc, input, weights_[index]), outputs_[index]);
    } else {
        finish(desc, net_.layers[index], products(desc, input, wide_weights_[index]), outputs_[index]);
    }
}

void BinaryExecutor::pool(std::size_t index) {
    const core::LayerDescriptor& desc = net_.network.layers[index];
    const std::int32_t* input = desc.input == core::network_input
                                    ? input_.data()
                                    : outputs_[static_cast<std::size_t>(desc.input)].data();
    std::int32_t* out = outputs_[index].data();
    for (std::uint32_t c = 0; c < desc.out.channels; ++c, input += desc.in.positions()) {
        for (std::uint32_t oy = 0; oy < desc.out.height; ++oy) {
            for (std::uint32_t ox = 0; ox < desc.out.width; ++ox) {
                const PoolWindow window = pool_window(desc, oy, ox);
                std::int32_t largest = 0;
                std::int32_t sum = 0;
                for (std::uint32_t y = window.top; y < window.bottom; ++y) {
                    for (std::uint32_t x = window.left; x < window.right; ++x) {
                        const std::int32_t value = input[y * desc.in.width + x];
                        largest = std::max(largest, value);
                        sum += value;
                    }
                }
                const auto n = static_cast<std::int32_t>(pool_divisor(desc, oy, ox));
                const std::int32_t quotient = sum / n;
                const std::int32_t twice_rest = 2 * (sum % n);
                const bool up = twice_rest > n || (twice_rest == n && quotient % 2 != 0);
                *out++ = desc.kind == core::LayerKind::max_pool ? largest : quotient + (up ? 1 : 0);
            }
        }
    }
}

std::size_t largest_output(const std::vector<std::int32_t>& outputs) {
    return static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin());
}

} // namespace hydravp::workloads
