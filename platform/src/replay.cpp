// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/replay.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/workloads/cnn_traffic_replayer.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/onnx_reader.h"
#include "hydravp/workloads/trace_recorder.h"

#include "memory_alone.h"
#include "simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

namespace hydravp::platform {

namespace {

using core::Picoseconds;
using workloads::CnnTraffic;

constexpr double ns_per_ps = 1e-3;

class ReplayMachine : public MemoryAlone {
public:
    workloads::CnnTrafficReplayer replayer;

    ReplayMachine(const sc_core::sc_module_name& name, const ReplayMemory& memory, CnnTraffic traffic,
                  const workloads::CnnTrafficReplayerConfig& config, workloads::TraceRecorder::Sink record)
        : MemoryAlone(name, memory, config.keep_data), replayer("replayer", std::move(traffic), config) {
        if (!record) {
            replayer.memory.bind(front());
            return;
        }
        recorder_ = std::make_unique<workloads::TraceRecorder>("recorder", std::move(record));
        replayer.memory.bind(recorder_->front);
        recorder_->back.bind(front());
    }

private:
    std::unique_ptr<workloads::TraceRecorder> recorder_;
};

core::Network read_network(const std::string& network) {
    return std::filesystem::path(network).extension() == ".onnx" ? workloads::read_onnx(network).network
                                                                 : workloads::make_network(network);
}

void check_options(const ReplayMemory& memory, const ReplayOptions& options) {
    const auto row_bytes = [](const memory::Geometry& g) { return g.row_bytes * g.chips_per_rank; };
    const modules::HybridMemoryConfig& parts = memory.config.memory;
    std::uint32_t row = row_bytes(parts.dram.geometry);
    if (!memory.single_channel && parts.pcm.channels > 0) {
        row = std::min(row, row_bytes(parts.pcm.geometry));
    }
    const std::uint32_t bytes = options.access_bytes;
    if (bytes < 8 || bytes > row || (bytes & (bytes - 1)) != 0) {
        throw core::InputError(
            fmt::format("--access-bytes: found {}, expected a power of two from 8 to {}, a row of the memory",
                        bytes, row));
    }
    constexpr std::uint32_t most = 1024; // each is a thread
    if (options.outstanding == 0 || options.outstanding > most) {
        throw core::InputError(fmt::format("--outstanding: found {}, expected a whole number from 1 to {}",
                                           options.outstanding, most));
    }
}

/// Activations from the DRAM's first address on; weights in the PCM, or behind them.
CnnTraffic lower(const core::Network& network, const ReplayMemory& memory) {
    workloads::MachineShape machine = machine_shape(memory.machine);
    if (machine.frames != 1) {
        throw core::InputError(fmt::format(
            "batch: found {}, expected 1: what is replayed is the traffic of one frame", machine.frames));
    }
    machine.bank_bytes = std::uint64_t{1} << 40; // the layout is the traffic's own, not the units'
    machine.pcm_bytes = std::uint64_t{1} << 50;
    const workloads::MappedNetwork mapped = workloads::map_network(network, {}, machine);
    const modules::MemoryConfig& dram = memory.config.memory.dram;
    const modules::MemoryConfig& pcm = memory.config.memory.pcm;
    const auto check = [](const char* what, std::uint64_t bytes, std::uint64_t there) {
        if (bytes > there) {
            throw core::InputError(
                fmt::format("the network does not fit the memory: its {} need {} bytes, there are {}", what,
                            bytes, there));
        }
    };
    CnnTraffic traffic(network, mapped, {});
    const std::uint64_t activations = traffic.activations(0).bytes + traffic.activations(1).bytes;
    if (memory.single_channel || pcm.channels == 0) {
        check("activations and weights", activations + traffic.weights().bytes,
              dram.geometry.channel_bytes());
        return traffic;
    }
    check("activations", activations, dram.capacity_bytes());
    check("weights", traffic.weights().bytes, pcm.capacity_bytes());
    workloads::TrafficLayout layout;
    layout.weights_base = dram.capacity_bytes(); // PCM lies right above the DRAM
    return {network, mapped, layout};
}

ReplayFigures figures_of(const workloads::LayerReplay& layer) {
    ReplayFigures figures;
    figures.time_ms = core::to_ms(layer.duration());
    figures.accesses = layer.accesses;
    figures.traffic = layer.traffic;
    figures.mean_latency_ns = layer.mean_latency_ps() * ns_per_ps;
    figures.max_latency_ns = static_cast<double>(layer.max_latency.count()) * ns_per_ps;
    return figures;
}

/// The sum of the layers; what the meters show is not in it.
ReplayFigures total_of(const std::vector<workloads::LayerReplay>& layers) {
    workloads::LayerReplay all;
    for (const workloads::LayerReplay& layer : layers) {
        all.end = layer.end;
        all.accesses += layer.accesses;
        all.latency_sum += layer.latency_sum;
        all.max_latency = std::max(all.max_latency, layer.max_latency);
        for (std::size_t kind = 0; kind < workloads::access_kinds; ++kind) {
            all.traffic.bytes[kind] += layer.traffic.bytes[kind];
        }
    }
    return figures_of(all);
}

} // namespace

ReplayResults replay_layers(const ReplayMemory& memory, const ReplayOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    check_options(memory, options);
    const core::Network network = read_network(options.network);
    CnnTraffic traffic = lower(network, memory);
    workloads::CnnTrafficReplayerConfig config;
    config.access_bytes = options.access_bytes;
    config.outstanding = options.outstanding;
    config.keep_data = options.keep_data;
    ReplayMachine machine("replay", memory, std::move(traffic), config, options.record);

    ReplayResults results;
    MeterReadings start;
    MeterReadings border; // as the layer before left the meters
    start.update();
    border.update();
    const std::vector<core::BackgroundConsumer*> background = core::collect_background_consumers();
    machine.replayer.layer_done = [&](std::size_t index) {
        const workloads::LayerReplay& layer = machine.replayer.layers().back();
        for (core::BackgroundConsumer* consumer : background) {
            consumer->charge_background(layer.duration(), static_cast<core::LayerId>(index));
        }
        if (index + 1 == network.layers.size()) {
            machine.flush();
        }
        MeterReadings present;
        present.update();
        ReplayLayerResult result{network.layers[index].name, core::to_string(network.layers[index].kind),
                                 core::to_ms(layer.start), figures_of(layer)};
        result.figures.activity = activity_between(border, present);
        results.layers.push_back(std::move(result));
        border = std::move(present);
        if (options.progress) {
            options.progress(index + 1, network.layers.size());
        }
    };
    const bool ended = simulate(
        machine.replayer.finished_event(), [&machine] { return machine.replayer.finished(); }, options.stop);
    if (ended) {
        machine.replayer.rethrow();
        if (!machine.replayer.finished()) {
            throw core::SimulationError("the simulation ended before the replay did");
        }
    }
    results.complete = ended;
    results.memory = memory.name;
    results.network = network.name;
    results.transfers = to_string(memory.config.transfers);
    results.mapping = to_string(memory.config.mapping);
    results.access_bytes = options.access_bytes;
    results.outstanding = options.outstanding;
    results.total = total_of(machine.replayer.layers());
    results.total.activity = activity_between(start, border);
    results.host = host_figures(begin);
    return results;
}

} // namespace hydravp::platform
