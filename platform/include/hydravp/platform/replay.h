// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/replay_memory.h"
#include "hydravp/platform/results.h"
#include "hydravp/workloads/cnn_traffic.h"
#include "hydravp/workloads/trace.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hydravp::platform {

struct ReplayOptions {
    std::string network = "vgg16";   ///< name of a built-in network, or an .onnx file
    std::uint32_t access_bytes = 64; ///< a power of two from 8 to a row of the memory
    std::uint32_t outstanding = 16;  ///< accesses under way at a time, 1 to 1024
    bool keep_data = false;          ///< write a pattern and check every word that is read
    /// Is handed every access, as it goes to the memory; may be empty.
    std::function<void(const workloads::TraceAccess&)> record;
    /// Called after every layer; may be empty.
    std::function<void(std::size_t layers_done, std::size_t layers)> progress;
    /// Asked often while the memory is simulated; true ends the replay, whose results are then incomplete.
    std::function<bool()> stop;
};

/// Figures of a layer's replay, or of all layers.
struct ReplayFigures {
    double time_ms = 0;
    std::uint64_t accesses = 0;
    workloads::LayerTraffic traffic; ///< bytes asked for
    double mean_latency_ns = 0;      ///< of an access, from its issue to its completion
    double max_latency_ns = 0;
    Activity activity; ///< what the memory's meters were charged with in that time

    std::uint64_t read_bytes() const { return traffic.total() - written_bytes(); }
    std::uint64_t written_bytes() const { return traffic[workloads::AccessKind::output_write]; }
};

struct ReplayLayerResult {
    std::string name;
    std::string kind;
    double start_ms = 0;
    ReplayFigures figures;
};

/// The content of replay.json.
struct ReplayResults {
    bool complete = false;
    std::string memory;
    std::string network;
    std::string transfers;
    std::string mapping;
    std::uint32_t access_bytes = 0;
    std::uint32_t outstanding = 0;
    ReplayFigures total;
    std::vector<ReplayLayerResult> layers;
    HostFigures host;
};

/// Builds the memory, replays the network's layers into it, returns the figures. One call per process
/// (SystemC). If `stop` ends it early, the figures are those of the layers that are complete. Throws
/// core::InputError for bad input, core::SimulationError if an access fails.
ReplayResults replay_layers(const ReplayMemory& memory, const ReplayOptions& options);

} // namespace hydravp::platform
