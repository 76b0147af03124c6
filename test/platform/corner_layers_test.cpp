// SPDX-License-Identifier: Apache-2.0
// Layers of every kind and corner, with the worst data, computed by the machine and by the definition as
// plain loops.
#include "hydravp/platform/inference.h"

#include "inference_rig.h"
#include "naive_network.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using core::LayerDescriptor;
using core::LayerKind;
using test::InferenceRig;

namespace {

/// Shapes and words of one to three layers.
class CornerMaker {
public:
    explicit CornerMaker(std::uint64_t seed) : random_(seed) {}

    core::Network network() {
        core::Network net;
        net.name = "corner";
        const std::uint32_t channels = one_of({1, 1, 2, 3, 15, 16, 17, 64, 1000});
        const std::uint32_t most = channels >= 64 ? 6 : 15;
        net.input = {channels, one_of({1, from(1, most), from(1, most)}),
                     one_of({1, from(1, most), from(1, most)})};
        const std::uint32_t layers = from(1, 3);
        for (std::uint32_t i = 0; i < layers; ++i) {
            net.layers.push_back(layer(net, i + 1 == layers));
            if (from(0, 9) == 0) { // in any order, with copies where members can't be in place
                const int last = static_cast<int>(net.layers.size()) - 1;
                const int other = static_cast<int>(from(0, static_cast<std::uint32_t>(last)));
                const bool fits = net.shape_of(other).height == net.shape_of(last).height &&
                                  net.shape_of(other).width == net.shape_of(last).width;
                net.append_concat(fmt::format("join{}", i),
                                  fits ? std::vector<int>{last, other} : std::vector<int>{last, last});
            }
        }
        net.validate();
        return net;
    }

    /// Weights, biases and shifts of every size that the formats allow.
    workloads::QuantizedNetwork quantized(const core::Network& network,
                                          const std::vector<std::uint32_t>& splits, int partial_sum_bits) {
        workloads::QuantizedNetwork net;
        net.network = network;
        for (std::size_t i = 0; i < network.layers.size(); ++i) {
            const LayerDescriptor& layer = network.layers[i];
            workloads::QuantizedLayer q;
            if (layer.has_weights()) {
                q.weights = words(layer.weights());
                // Mostly what keeps random words in range: the sum of n products has some 28 + log2(n) / 2
                // bits.
                const auto products = static_cast<double>(layer.weights_per_filter());
                const bool wild = from(0, 3) == 0;
                const auto fitting = static_cast<std::uint32_t>(14 + std::log2(products) / 2);
                q.output_shift = static_cast<int>(wild ? from(0, 34) : fitting + from(0, 3));
                for (std::uint32_t filter = 0; filter < layer.out.channels; ++filter) {
                    q.bias.push_back(bias(wild ? 47 : fitting + 14));
                }
                q.residual_shift = static_cast<int>(from(0, 24)) - 4;
                if (layer.activation == core::Activation::relu6) {
                    q.output_ceiling = static_cast<std::int32_t>(one_of({0, 1, 100, 20000, 32767}));
                } else if (layer.activation == core::Activation::leaky_relu) {
                    q.negative_slope = one_of({0, 1, 655, 32768, 65535});
                }
                q.partial_sum.channel_split = splits[i];
                q.partial_sum.bits = partial_sum_bits;
                q.partial_sum.shift = partial_sum_bits == 48 ? 0 : static_cast<int>(from(0, 16));
            }
            net.layers.push_back(std::move(q));
        }
        return net;
    }

    /// All the same extreme, extremes in turn, or anything.
    std::vector<std::int16_t> words(std::size_t count) {
        constexpr std::int16_t lowest = -32768;
        constexpr std::int16_t highest = 32767;
        std::vector<std::int16_t> list(count);
        const std::uint32_t kind = from(0, 5);
        for (std::size_t i = 0; i < count; ++i) {
            list[i] = kind == 0   ? lowest
                      : kind == 1 ? highest
                      : kind == 2 ? (i % 2 == 0 ? lowest : highest)
                      : kind == 3 ? static_cast<std::int16_t>(static_cast<int>(from(0, 200)) - 100)
                                  : static_cast<std::int16_t>(random_());
        }
        return list;
    }

private:
    std::uint32_t from(std::uint32_t least, std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>(least, std::max(least, most))(random_);
    }
    std::uint32_t one_of(const std::vector<std::uint32_t>& list) {
        return list[from(0, static_cast<std::uint32_t>(list.size()) - 1)];
    }

    std::int64_t bias(std::uint32_t bits) {
        const std::int64_t most = (std::int64_t{1} << bits) - 1;
        return std::uniform_int_distribution<std::int64_t>(-most, most)(random_);
    }

    /// Each side on its own, enough that what the kernel spans fits somewhere.
    void pad(std::uint32_t kernel, std::uint32_t span, std::uint32_t size, std::uint32_t& before,
             std::uint32_t& after) {
        before = from(0, kernel - 1);
        after = from(0, kernel - 1);
        if (span > size + before + after) {
            before = after = span / 2;
        }
    }

    core::Activation activation() {
        constexpr std::array<core::Activation, 4> all{core::Activation::none, core::Activation::relu,
                                                      core::Activation::relu6, core::Activation::leaky_relu};
        return all[from(0, 3)];
    }

    /// Depthwise, as many groups as there can be, or some of them.
    void divide_into_groups(LayerDescriptor& l) {
        const std::uint32_t most = std::gcd(l.in.channels, l.out.channels);
        do {
            l.groups = one_of({1, 2, most, l.in.channels});
        } while (most % l.groups != 0);
    }

    LayerDescriptor layer(const core::Network& net, bool last) {
        LayerDescriptor l;
        const int index = static_cast<int>(net.layers.size());
        l.name = fmt::format("layer{}", index);
        l.input = index - 1;
        l.in = net.shape_of(l.input);
        const std::uint32_t dice = from(0, 9);
        if (last && dice < 3) {
            l.kind = LayerKind::fully_connected;
            l.kernel_height = l.in.height;
            l.kernel_width = l.in.width;
            l.out = {filters(l), 1, 1};
            l.activation = activation();
            return l;
        }
        const bool pool = dice >= 8;
        l.kind = dice == 8 ? LayerKind::max_pool : dice == 9 ? LayerKind::average_pool : LayerKind::conv;
        const std::vector<std::uint32_t> kernels =
            pool ? std::vector<std::uint32_t>{1, 2, 3} : std::vector<std::uint32_t>{1, 3, 5, 7, 11};
        l.kernel_height = one_of(kernels);
        l.kernel_width = dice % 3 == 0 ? one_of(kernels) : l.kernel_height;
        l.stride_height = from(1, 3);
        l.stride_width = dice % 2 == 0 ? l.stride_height : from(1, 4);
        if (!pool && from(0, 2) == 0) {
            l.dilation_height = from(1, 3);
            l.dilation_width = from(1, 3);
        }
        if (pool && from(0, 4) == 0) { // global
            l.kernel_height = l.in.height;
            l.kernel_width = l.in.width;
        } else {
            pad(l.kernel_height, l.span_height(), l.in.height, l.pad_top, l.pad_bottom);
            pad(l.kernel_width, l.span_width(), l.in.width, l.pad_left, l.pad_right);
        }
        l.ceil_mode = pool && from(0, 1) == 0;
        l.count_include_pad = l.kind == LayerKind::average_pool && from(0, 1) == 0;
        const auto windows = [&](std::uint32_t in, std::uint32_t before, std::uint32_t after,
                                 std::uint32_t span, std::uint32_t stride) {
            return core::window_count(in, before, after, span, stride, l.ceil_mode);
        };
        const std::uint32_t channels = pool ? l.in.channels : filters(l);
        l.out = {channels, windows(l.in.height, l.pad_top, l.pad_bottom, l.span_height(), l.stride_height),
                 windows(l.in.width, l.pad_left, l.pad_right, l.span_width(), l.stride_width)};
        if (!pool) {
            l.activation = activation();
            divide_into_groups(l);
        }
        if (!pool && l.out.height == l.in.height && l.out.width == l.in.width && channels >= l.in.channels) {
            l.residual = core::ResidualInput{l.input, 1};
        }
        return l;
    }

    /// 1 to 1000 of them, as long as the loops of the definition don't take forever.
    std::uint32_t filters(const LayerDescriptor& l) {
        constexpr std::uint64_t most_weights = 100'000;
        const std::uint64_t of_filter = l.in.channels * l.taps();
        const auto most = static_cast<std::uint32_t>(std::max<std::uint64_t>(most_weights / of_filter, 1));
        return std::min(one_of({1, 2, 3, 16, 17, 33, 64, 1000}), most);
    }

    std::mt19937_64 random_;
};

void check_corners(const std::string& system, const std::vector<std::string>& overrides, unsigned seed) {
    constexpr unsigned networks = 20;
    CornerMaker maker(seed);
    const platform::PlatformConfig config = test::small_platform(overrides, system);
    std::vector<std::unique_ptr<InferenceRig>> rigs;
    std::vector<InferenceRig*> all;
    for (unsigned i = 0; i < networks; ++i) {
        const core::Network network = maker.network();
        const auto splits =
            workloads::channel_splits(workloads::map_network(network, {}, machine_shape(config)));
        workloads::QuantizedNetwork quantized = maker.quantized(network, splits, config.partial_sum_bits);
        rigs.push_back(std::make_unique<InferenceRig>(std::move(quantized),
                                                      maker.words(network.input.words()), config,
                                                      fmt::format("platform{}", i).c_str()));
        rigs.back()->install();
        all.push_back(rigs.back().get());
    }
    simulate(all);
    std::size_t ordinary = 0; // words that are neither saturated nor cut off
    for (unsigned i = 0; i < networks; ++i) {
        const auto expected = naive::run(all[i]->quantized, all[i]->input);
        REQUIRE(all[i]->found.size() == expected.size());
        for (std::size_t layer = 0; layer < expected.size(); ++layer) {
            const LayerDescriptor& l = all[i]->quantized.network.layers[layer];
            CAPTURE(i, layer, core::to_string(l.kind), l.in.channels, l.in.height, l.in.width, l.out.channels,
                    l.kernel_height, l.kernel_width, l.groups, l.dilation_height, l.dilation_width,
                    core::to_string(l.activation), l.ceil_mode, l.count_include_pad);
            REQUIRE((all[i]->found[layer] == expected[layer]));
            ordinary += static_cast<std::size_t>(
                std::count_if(expected[layer].begin(), expected[layer].end(),
                              [](std::int16_t word) { return word != 0 && std::abs(word) < 32767; }));
        }
    }
    CHECK(ordinary > 1000);
}

} // namespace

TEST_CASE("corners are bit-exact: 32-bit sums") {
    check_corners("hydra", {}, 1);
}
TEST_CASE("corners are bit-exact: 16-bit sums") {
    check_corners("hydra", {"partial_sum_bits=16"}, 2);
}
TEST_CASE("corners are bit-exact: 48-bit sums, ideal") {
    check_corners("hydra", {"partial_sum_bits=48", "transfers=ideal"}, 3);
}
TEST_CASE("corners are bit-exact: as in the paper's text, 16-bit sums") {
    check_corners("hydra", {"mapping=paper-text", "partial_sum_bits=16"}, 4);
}
TEST_CASE("corners are bit-exact: as in the paper's text, 48-bit sums, weights migrate") {
    check_corners("hydra", {"mapping=paper-text", "partial_sum_bits=48", "weights=migrate"}, 5);
}
TEST_CASE("corners are bit-exact: optimized, 32-bit sums") {
    check_corners("hydra", {"mapping=optimized"}, 6);
}
TEST_CASE("corners are bit-exact: optimized, 16-bit sums") {
    check_corners("hydra", {"mapping=optimized", "partial_sum_bits=16"}, 7);
}
TEST_CASE("corners are bit-exact: optimized, 48-bit sums, weights migrate") {
    check_corners("hydra", {"mapping=optimized", "partial_sum_bits=48", "weights=migrate"}, 8);
}
TEST_CASE("corners are bit-exact: pure DRAM, 16-bit sums") {
    check_corners("pure-dram", {"partial_sum_bits=16"}, 9);
}
TEST_CASE("corners are bit-exact: pure PCM, as in the paper's text, 32-bit sums") {
    check_corners("pure-pcm", {"mapping=paper-text"}, 10);
}
TEST_CASE("corners are bit-exact: 5 units with small buffers, 16-bit sums") {
    check_corners("hydra",
                  {"hydra.units=5", "hydra.weight_buffer=512 B", "hydra.output_buffer=1 KiB",
                   "hydra.activation_buffer=2 KiB", "partial_sum_bits=16"},
                  11);
}
