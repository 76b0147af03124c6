// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/platform/results.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// The waveform that a run writes.
struct TraceOptions {
    std::string file; ///< VCD; empty: none
    core::Picoseconds from{0};
    core::Picoseconds to = core::Picoseconds::max();
    std::vector<std::string> patterns; ///< of hierarchical signal names; none: every signal
};

/// What `hydravp run` was asked for, apart from the platform's configuration.
struct RunOptions {
    std::string network = "vgg16"; ///< name of a built-in network, or an .onnx file
    std::string images;            ///< idx file, may be gzipped; empty: none
    std::string labels;
    std::optional<std::uint64_t> count; ///< images to run; default: 1 for shapes, all of the file
    std::optional<bool> functional;     ///< default: files functional, shapes timing
    std::uint64_t seed = 1;
    bool golden = true;
    /// No inference: the units are idle for so long, while other cores carry the load of the configuration.
    std::optional<core::Picoseconds> load_alone;
    TraceOptions trace;
    /// Called now and then with the work done so far; empty: nobody wants to know.
    std::function<void(std::uint64_t frame, std::uint64_t frames, std::size_t layer, std::size_t layers)>
        progress;
    /// Asked often while the machine is simulated; true ends the run, whose results are then incomplete.
    std::function<bool()> stop;
};

struct PlatformConfig;

/// Builds the platform, runs the network (or only the load) on it, returns the figures. One call per process
/// (SystemC). If `stop` ends it early, the figures are those of the frames that are complete; if there is
/// none, those of the first frame's complete layers, with `frames` 0. Throws core::InputError for bad input,
/// core::SimulationError if the simulated machine fails.
RunResults run(const PlatformConfig& config, const RunOptions& options);

} // namespace hydravp::platform
