// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/platform/inference.h"
#include "hydravp/workloads/cost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace hydravp::test {

/// A shipped configuration with changes.
inline platform::PlatformConfig shipped_config(const std::string& system,
                                               const std::vector<std::string>& overrides = {}) {
    return platform::load_config(HYDRAVP_SOURCE_DIR "/configs/" + system + ".yaml", overrides);
}

/// What the meters below a module have of an account: of one layer, or of all layers and none.
/// @{
inline double metered(const sc_core::sc_object& root, const std::string& account, std::size_t layer) {
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters(root)) {
        for (const auto& data : meter->accounts()) {
            sum += data.name == account && layer < data.by_layer.size() ? data.by_layer[layer] : 0;
        }
    }
    return sum;
}
inline double metered(const sc_core::sc_object& root, const std::string& account) {
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters(root)) {
        sum += meter->total(account);
    }
    return sum;
}
/// @}

/// One frame of a network, or one batch, on a platform of its own, without data.
class TimedFrame {
public:
    TimedFrame(core::Network network, const platform::PlatformConfig& config, const std::string& name)
        : TimedFrame(std::move(network), config, name, machine_shape(config)) {}

    /// @param shape the machine that the network is mapped for
    TimedFrame(core::Network network, const platform::PlatformConfig& config, const std::string& name,
               const workloads::MachineShape& shape)
        : network_(std::move(network)),
          shape_(shape),
          mapped_(workloads::map_network(network_, {}, shape_)),
          machine_(name.c_str(), config, false) {
        std::vector<std::string> names;
        for (const core::LayerDescriptor& layer : network_.layers) {
            names.push_back(layer.name);
        }
        inference_ = std::make_unique<platform::Inference>(machine_, mapped_, quantized_, names);
        inference_->install(shape_.frames, {});
    }
    bool finished() const { return machine_.host.finished(); }
    void rethrow() const {
        machine_.host.rethrow();
        for (const auto& load : machine_.load) {
            load->rethrow();
        }
    }
    const core::Network& network() const { return network_; }
    const workloads::MappedNetwork& mapped() const { return mapped_; }
    platform::HybridPlatform& machine() { return machine_; }
    const std::vector<platform::FrameTimes>& frames() const { return inference_->frames(); }
    double latency_ms() const { return core::to_ms(frames().front().latency()); }
    double per_frame_ms() const { return latency_ms() / frames().front().frames; }
    std::size_t layers() const { return mapped_.layers.size(); }
    double layer_ms(std::size_t layer) const {
        const modules::LayerInterval& interval = frames().front().layers.at(layer);
        return core::to_ms(interval.end - interval.start);
    }
    double estimate_ms(std::size_t layer) const {
        const core::LayerWork& work = mapped_.layers.at(layer);
        const workloads::LayerContext context{work.unit.kind, work.controller.output.split,
                                              work.controller.has_residual != 0};
        return workloads::estimate_cost(work.unit.geometry, context, shape_).latency * 1e-9;
    }

private:
    core::Network network_;
    workloads::MachineShape shape_;
    workloads::MappedNetwork mapped_;
    std::vector<workloads::QuantizedLayer> quantized_;
    platform::HybridPlatform machine_;
    std::unique_ptr<platform::Inference> inference_;
};

/// Runs until all frames are done; rethrows what stopped one.
inline void simulate(const std::vector<TimedFrame*>& frames) {
    while (!std::all_of(frames.begin(), frames.end(), [](const TimedFrame* f) { return f->finished(); })) {
        sc_core::sc_start(100, sc_core::SC_US);
    }
    for (const TimedFrame* frame : frames) {
        frame->rethrow();
    }
}

/// Convolutions, a shortcut, poolings and fully-connected layers of sizes that keep the machine busy.
inline core::Network busy_network(std::mt19937& random) {
    const auto pick = [&](std::initializer_list<std::uint32_t> of) {
        return *(of.begin() + random() % of.size());
    };
    core::Network net;
    net.name = "random";
    const std::uint32_t side = pick({7, 14, 20, 28, 32, 56});
    net.input = {pick({1, 3, 16, 48}), side, side};
    const std::uint32_t layers = 2 + random() % 5;
    for (std::uint32_t i = 0; i < layers; ++i) {
        core::LayerDescriptor layer;
        layer.name = fmt::format("layer{}", i);
        layer.input = static_cast<int>(i) - 1;
        layer.in = net.shape_of(layer.input);
        const bool pool = i > 0 && random() % 5 == 0 && layer.in.height >= 4;
        const bool last = i + 1 == layers;
        if (last && random() % 2 == 0) {
            layer.kind = core::LayerKind::fully_connected;
            layer.kernel_height = layer.in.height;
            layer.kernel_width = layer.in.width;
            layer.out = {pick({10, 100, 256}), 1, 1};
        } else if (pool) {
            layer.kind = core::LayerKind::max_pool;
            layer.kernel_height = layer.kernel_width = layer.stride_height = layer.stride_width = 2;
            layer.out = {layer.in.channels, layer.in.height / 2, layer.in.width / 2};
        } else {
            const std::uint32_t kernel = layer.in.height >= 3 ? pick({1, 3, 3, 5}) : 1;
            layer.kernel_height = layer.kernel_width = kernel;
            layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = kernel / 2;
            layer.out = {pick({16, 24, 32, 64, 96, 128}), layer.in.height, layer.in.width};
            layer.activation = core::Activation::relu;
            if (layer.out.channels >= layer.in.channels && random() % 4 == 0) {
                layer.residual = core::ResidualInput{layer.input, 1};
            }
        }
        net.layers.push_back(layer);
        if (layer.kind == core::LayerKind::fully_connected) {
            break;
        }
    }
    net.validate();
    return net;
}

} // namespace hydravp::test
