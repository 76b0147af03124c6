// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/platform/inference.h"
#include "hydravp/workloads/golden_executor.h"
#include "hydravp/workloads/quantizer.h"
#include "hydravp/workloads/random_network.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::test {

/// A platform with little PCM whose driver soon gives up.
inline platform::PlatformConfig small_platform(std::vector<std::string> overrides = {},
                                               const std::string& system = "hydra") {
    overrides.insert(overrides.begin(), {"pcm.ranks=1", "host.layer_timeout=20 ms"});
    return platform::load_config(HYDRAVP_SOURCE_DIR "/configs/" + system + ".yaml", overrides);
}

/// @name Layers, as far as their shapes go
/// @{
inline core::LayerDescriptor conv(const std::string& name, const core::TensorShape& in, int input,
                                  std::uint32_t filters, std::uint32_t kernel, std::uint32_t stride,
                                  std::uint32_t pad, bool relu = true) {
    core::LayerDescriptor layer;
    layer.name = name;
    layer.input = input;
    layer.in = in;
    layer.kernel_height = layer.kernel_width = kernel;
    layer.stride_height = layer.stride_width = stride;
    layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = pad;
    layer.out = {filters, (in.height + 2 * pad - kernel) / stride + 1,
                 (in.width + 2 * pad - kernel) / stride + 1};
    layer.activation = relu ? core::Activation::relu : core::Activation::none;
    return layer;
}

inline core::LayerDescriptor pool(const std::string& name, const core::TensorShape& in, int input,
                                  bool maximum, std::uint32_t kernel, std::uint32_t stride,
                                  std::uint32_t pad) {
    core::LayerDescriptor layer = conv(name, in, input, in.channels, kernel, stride, pad, false);
    layer.kind = maximum ? core::LayerKind::max_pool : core::LayerKind::average_pool;
    return layer;
}

inline core::LayerDescriptor fully_connected(const std::string& name, const core::TensorShape& in, int input,
                                             std::uint32_t outputs) {
    core::LayerDescriptor layer = conv(name, in, input, outputs, 1, 1, 0, false);
    layer.kind = core::LayerKind::fully_connected;
    layer.kernel_height = in.height;
    layer.kernel_width = in.width;
    layer.out = {outputs, 1, 1};
    return layer;
}
/// @}

/// A network with random weights, quantised for a random image, its input.
struct RandomNetwork {
    std::vector<std::int16_t> input;
    workloads::QuantizedNetwork quantized;

    RandomNetwork(const core::Network& network, const platform::PlatformConfig& config, std::uint64_t seed) {
        const std::vector<std::uint8_t> image = workloads::random_image(network.input, seed);
        workloads::QuantizerOptions options;
        options.partial_sum_bits = config.partial_sum_bits;
        options.word_bits = static_cast<int>(config.hydra.precision);
        options.channel_splits =
            workloads::channel_splits(workloads::map_network(network, {}, machine_shape(config)));
        quantized = workloads::quantize(workloads::random_network(network, seed), {image}, options);
        input = workloads::quantize_image(quantized, image);
    }
};

/// A network with data, its platform and the golden executor, wired for one frame.
struct InferenceRig {
    platform::PlatformConfig config;
    workloads::QuantizedNetwork quantized;
    std::vector<std::int16_t> input; ///< words, [channel][row][column]
    workloads::MappedNetwork mapped;
    std::unique_ptr<platform::HybridPlatform> machine;
    std::unique_ptr<platform::Inference> inference;
    std::vector<std::vector<std::int16_t>> found; ///< each layer's output as the frame left it

    InferenceRig(const core::Network& network, const platform::PlatformConfig& with, std::uint64_t seed,
                 const char* name = "platform")
        : InferenceRig(RandomNetwork(network, with, seed), with, name) {}

    /// @param with its mapping gives the residue classes that the network is quantised for
    InferenceRig(RandomNetwork random, const platform::PlatformConfig& with, const char* name = "platform")
        : InferenceRig(std::move(random.quantized), std::move(random.input), with, name) {}

    InferenceRig(workloads::QuantizedNetwork net, std::vector<std::int16_t> words,
                 const platform::PlatformConfig& with, const char* name = "platform")
        : config(with), quantized(std::move(net)), input(std::move(words)) {
        const core::Network& network = quantized.network;
        mapped = workloads::map_network(network, quantized.layers, machine_shape(config));
        machine = std::make_unique<platform::HybridPlatform>(name, config, true);
        std::vector<std::string> names;
        for (const auto& layer : network.layers) {
            names.push_back(layer.name);
        }
        inference = std::make_unique<platform::Inference>(*machine, mapped, quantized.layers, names);
    }

    /// One frame; what `callbacks` lacks is the image, and `frame_done` fills `found` before it goes on.
    void install(platform::Inference::Callbacks callbacks = {}) {
        if (!callbacks.input) {
            callbacks.input = [this](std::uint64_t) { return input; };
        }
        callbacks.frame_done = [this, after = callbacks.frame_done](std::uint64_t frame) {
            for (const auto& tensor : mapped.outputs) {
                found.push_back(inference->read_tensor(tensor));
            }
            if (after) {
                after(frame);
            }
        };
        inference->install(1, callbacks);
    }

    /// Share of the words of all layers that are those of the golden executor.
    double agreement() const {
        workloads::GoldenExecutor golden(quantized);
        const auto& expected = golden.run(input);
        std::size_t equal = 0;
        std::size_t words = 0;
        for (std::size_t layer = 0; layer < expected.size(); ++layer) {
            words += expected[layer].size();
            equal += std::inner_product(expected[layer].begin(), expected[layer].end(),
                                        found.at(layer).begin(), std::size_t{0}, std::plus<>(),
                                        [](auto a, auto b) { return std::size_t{a == b}; });
        }
        return static_cast<double>(equal) / static_cast<double>(words);
    }
};

/// Runs until the hosts of all rigs are done (or their time is up).
inline void simulate(const std::vector<InferenceRig*>& rigs) {
    const auto done = [](const InferenceRig* rig) { return rig->machine->host.finished(); };
    while (!std::all_of(rigs.begin(), rigs.end(), done)) {
        sc_core::sc_start(10, sc_core::SC_US);
    }
    for (const InferenceRig* rig : rigs) {
        rig->machine->host.rethrow();
        for (const auto& load : rig->machine->load) {
            load->rethrow();
        }
    }
}

} // namespace hydravp::test
