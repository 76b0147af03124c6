// SPDX-License-Identifier: Apache-2.0
// The mappings on the simulated platform: what the optimizer promises, and how well it estimates.
#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/inference.h"
#include "hydravp/workloads/cost_model.h"
#include "hydravp/workloads/network_library.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using platform::HybridPlatform;
using platform::Inference;

namespace {

constexpr std::array<const char*, 3> mappings{"optimized", "paper-numbers", "paper-text"};

/// One frame of a network on a platform of its own, without data.
class TimedFrame {
public:
    TimedFrame(const core::Network& network, const platform::PlatformConfig& config, const std::string& name)
        : shape_(machine_shape(config)),
          mapped_(workloads::map_network(network, {}, shape_)),
          machine_(name.c_str(), config, false) {
        std::vector<std::string> names;
        for (const core::LayerDescriptor& layer : network.layers) {
            names.push_back(layer.name);
        }
        inference_ = std::make_unique<Inference>(machine_, mapped_, quantized_, names);
        inference_->install(1, {});
    }
    bool finished() const { return machine_.host.finished(); }
    void rethrow() const { machine_.host.rethrow(); }
    double latency_ms() const { return core::to_ms(inference_->frames().front().latency()); }
    std::size_t layers() const { return mapped_.layers.size(); }
    double layer_ms(std::size_t layer) const {
        const modules::LayerInterval& interval = inference_->frames().front().layers.at(layer);
        return core::to_ms(interval.end - interval.start);
    }
    double estimate_ms(std::size_t layer) const {
        const core::LayerWork& work = mapped_.layers.at(layer);
        const workloads::LayerContext context{work.unit.kind, work.controller.output.split,
                                              work.controller.has_residual != 0};
        return workloads::estimate_cost(work.unit.geometry, context, shape_).latency * 1e-9;
    }

private:
    workloads::MachineShape shape_;
    workloads::MappedNetwork mapped_;
    std::vector<workloads::QuantizedLayer> quantized_;
    HybridPlatform machine_;
    std::unique_ptr<Inference> inference_;
};

/// Convolutions, a shortcut, poolings and fully-connected layers of sizes that keep the machine busy.
core::Network random_shape(std::mt19937& random) {
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
            layer.relu = true;
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

platform::PlatformConfig config_of(const std::string& system, std::vector<std::string> overrides,
                                   const std::string& mapping) {
    overrides.insert(overrides.begin(), "mapping=" + mapping);
    return platform::load_config(HYDRAVP_SOURCE_DIR "/configs/" + system + ".yaml", overrides);
}

/// The optimized mapping takes at most the time of each of the paper's.
void check_never_slower(const std::string& system, const std::vector<std::string>& overrides,
                        unsigned first_seed, unsigned count) {
    std::vector<std::array<std::unique_ptr<TimedFrame>, 3>> all;
    for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
        std::mt19937 random(seed);
        const core::Network network = random_shape(random);
        auto& frames = all.emplace_back();
        for (std::size_t i = 0; i < mappings.size(); ++i) {
            frames[i] = std::make_unique<TimedFrame>(network, config_of(system, overrides, mappings[i]),
                                                     fmt::format("platform{}_{}", seed, i));
        }
    }
    const auto done = [&] {
        return std::all_of(all.begin(), all.end(), [](const auto& frames) {
            return std::all_of(frames.begin(), frames.end(),
                               [](const auto& frame) { return frame->finished(); });
        });
    };
    while (!done()) {
        sc_core::sc_start(100, sc_core::SC_US);
    }
    double gain = 0;
    for (unsigned i = 0; i < count; ++i) {
        CAPTURE(first_seed + i);
        for (const auto& frame : all[i]) {
            frame->rethrow();
        }
        const double optimized = all[i][0]->latency_ms();
        const double paper = std::min(all[i][1]->latency_ms(), all[i][2]->latency_ms());
        CAPTURE(all[i][1]->latency_ms(), all[i][2]->latency_ms());
        CHECK(optimized <= paper * (1 + 1e-9));
        gain += paper / optimized / count;
    }
    WARN(system << ": " << gain << " times as fast as the better of the paper's mappings, on average");
}

/// Frames of a known network, one after the other in this process.
std::vector<std::unique_ptr<TimedFrame>> simulate_known(const std::string& network,
                                                        const std::vector<const char*>& with,
                                                        const std::vector<std::string>& overrides) {
    std::vector<std::unique_ptr<TimedFrame>> frames;
    for (const char* mapping : with) {
        frames.push_back(std::make_unique<TimedFrame>(workloads::make_network(network),
                                                      config_of("hydra", overrides, mapping),
                                                      fmt::format("platform{}", frames.size())));
    }
    while (!std::all_of(frames.begin(), frames.end(), [](const auto& frame) { return frame->finished(); })) {
        sc_core::sc_start(1, sc_core::SC_MS);
    }
    for (const auto& frame : frames) {
        frame->rethrow();
    }
    return frames;
}

void check_known(const std::string& network, double gain) {
    const auto frames = simulate_known(network, {"optimized", "paper-numbers", "paper-text"}, {});
    CHECK(frames[0]->latency_ms() * gain <= frames[1]->latency_ms());
    CHECK(frames[0]->latency_ms() * gain <= frames[2]->latency_ms());
    // The estimate of the frame is close, and so is that of each layer that takes some time.
    double estimate = 0;
    for (std::size_t i = 0; i < frames[0]->layers(); ++i) {
        estimate += frames[0]->estimate_ms(i);
        if (frames[0]->layer_ms(i) > 1) {
            CAPTURE(i, frames[0]->layer_ms(i));
            CHECK(frames[0]->estimate_ms(i) == Approx(frames[0]->layer_ms(i)).epsilon(0.07));
        }
    }
    CHECK(estimate == Approx(frames[0]->latency_ms()).epsilon(0.02));
}

void check_known_ideal(const std::string& network) {
    const auto frames =
        simulate_known(network, {"optimized", "paper-numbers", "paper-text"}, {"transfers=ideal"});
    CHECK(frames[0]->latency_ms() <= frames[1]->latency_ms());
    CHECK(frames[0]->latency_ms() <= frames[2]->latency_ms());
}

} // namespace

TEST_CASE("optimized VGG-16 is 1.2 times as fast as the paper's mappings, as estimated") {
    check_known("vgg16", 1.2);
}
TEST_CASE("optimized VGG-19 is 1.2 times as fast as the paper's mappings, as estimated") {
    check_known("vgg19", 1.2);
}
TEST_CASE("optimized ResNet-34 is 1.5 times as fast as the paper's mappings, as estimated") {
    check_known("resnet34", 1.5);
}
TEST_CASE("without transfer times optimized VGG-16 is not slower than the paper's mappings") {
    check_known_ideal("vgg16");
}
TEST_CASE("without transfer times optimized ResNet-34 is not slower than the paper's mappings") {
    check_known_ideal("resnet34");
}

TEST_CASE("optimized is never slower on random networks, timed") {
    check_never_slower("hydra", {"pcm.ranks=1"}, 1, 25);
}
TEST_CASE("optimized is never slower on random networks, ideal") {
    check_never_slower("hydra", {"pcm.ranks=1", "transfers=ideal"}, 100, 25);
}
TEST_CASE("optimized is never slower on random networks, 16-bit sums") {
    check_never_slower("hydra", {"pcm.ranks=1", "partial_sum_bits=16"}, 200, 15);
}
TEST_CASE("optimized is never slower on random networks, pure DRAM") {
    check_never_slower("pure-dram", {}, 300, 15);
}
TEST_CASE("optimized is never slower on random networks, pure PCM") {
    check_never_slower("pure-pcm", {"pcm.ranks=1"}, 400, 15);
}
TEST_CASE("optimized is never slower on random networks, 32 units") {
    check_never_slower("hydra", {"pcm.ranks=1", "hydra.units=32", "dram.ranks=4"}, 500, 10);
}
TEST_CASE("optimized is never slower on random networks, fast MACs") {
    check_never_slower("hydra", {"pcm.ranks=1", "hydra.mac_cycles=2", "hydra.ab_port_bits=256"}, 600, 15);
}
TEST_CASE("optimized is never slower on random networks, weights migrate") {
    check_never_slower("hydra", {"pcm.ranks=1", "weights=migrate"}, 700, 10);
}
