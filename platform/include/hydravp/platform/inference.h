// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/near_memory_driver.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/workloads/mapper.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// Times of one frame, or of frames that were computed together.
struct FrameTimes {
    std::uint32_t frames = 1;
    core::Picoseconds begin{}; ///< the driver begins to set up the first layer
    core::Picoseconds end{};   ///< the driver has handled the last layer's interrupt
    std::vector<modules::LayerInterval> layers;
    core::Picoseconds latency() const { return layers.back().end - layers.front().start; }
};

/// The program that the host of a `HybridPlatform` runs: loads a mapped network, then batch by batch the
/// inputs of its frames, lets the driver run the layers, and reads tensors back. Loading and reading back are
/// untimed debug transport. Frames that do not fill the last batch run under the same mapping.
class Inference {
public:
    struct Callbacks {
        /// Words of the frame's input, [channel][row][column]; not called in timing mode.
        std::function<std::vector<std::int16_t>(std::uint64_t frame)> input;
        /// The layer's weights are in the simulated memory; not called in timing mode.
        std::function<void(std::size_t layer)> layer_loaded;
        /// @param frame the first of its batch
        std::function<void(std::uint64_t frame, std::size_t layer)> layer_done;
        /// For each frame when its batch is complete, before the next one begins.
        std::function<void(std::uint64_t frame)> frame_done;
    };

    /// Throws core::InputError if the footprint of a background load overlaps the network's tensors.
    /// @param quantized weights to load; empty in timing mode
    Inference(HybridPlatform& platform, const workloads::MappedNetwork& mapped,
              const std::vector<workloads::QuantizedLayer>& quantized,
              const std::vector<std::string>& layer_names);

    /// Call before the simulation starts; the platform's host will run `frames` frames.
    void install(std::uint64_t frames, Callbacks callbacks);

    /// A tensor's words as they are in the simulated DRAM now, [channel][row][column].
    /// @param place of the frame in its batch (`place_of`)
    std::vector<std::int16_t> read_tensor(const core::TensorPlacement& tensor, std::uint32_t place = 0);
    void write_tensor(const core::TensorPlacement& tensor, const std::vector<std::int16_t>& words,
                      std::uint32_t place = 0);
    /// Where the tensors of a frame lie among those of its batch.
    std::uint32_t place_of(std::uint64_t frame) const {
        return static_cast<std::uint32_t>(frame % mapped_.input.frames);
    }
    /// System address of a word of a batch's first frame in the chip view (in the first unit that holds it).
    std::uint64_t word_address(const core::TensorPlacement& tensor, std::uint32_t channel,
                               std::uint32_t position) const;

    /// The rows of a tensor at the addresses of ordinary, interleaved memory, each a row of a rank.
    std::vector<modules::AddressRange> ordinary_ranges(const core::TensorPlacement& tensor) const;

    /// The present batch's layers that are complete, in their order. A concat takes no time: it is complete
    /// when its members are.
    std::vector<modules::LayerInterval> completed_layers() const;

    modules::NearMemoryDriver& driver() { return driver_; }
    /// One entry per batch.
    const std::vector<FrameTimes>& frames() const { return frames_; }
    std::uint64_t frames_done() const;
    /// Bytes written untimed: model and inputs.
    std::uint64_t loaded_bytes() const { return loaded_bytes_; }

private:
    void program(std::uint64_t frames);
    void run_batch(std::uint64_t first, std::uint32_t frames);
    /// The layers that the units execute, all but concats.
    static std::vector<core::LayerWork> executed_layers(const workloads::MappedNetwork& mapped);
    const std::vector<core::LayerWork>& work_for(std::uint32_t frames);
    void load_model();
    void load_into_chips(const core::LayerWork& work, const workloads::QuantizedLayer& layer);
    std::vector<modules::SharedRanges> shared_ranges() const;
    void check_load() const;
    void charge_background(core::LayerId layer);
    std::uint64_t chip_address(std::uint32_t unit, std::uint64_t chip_local) const;

    HybridPlatform& platform_;
    const workloads::MappedNetwork& mapped_;
    const std::vector<workloads::QuantizedLayer>& quantized_;
    std::vector<core::LayerWork> executed_;
    modules::NearMemoryDriver driver_;
    std::vector<core::LayerWork> smaller_; ///< of a last batch that is not full
    Callbacks callbacks_;
    std::vector<FrameTimes> frames_;
    std::vector<core::BackgroundConsumer*> background_;
    core::Picoseconds background_charged_until_{};
    std::uint64_t loaded_bytes_ = 0;
};

} // namespace hydravp::platform
