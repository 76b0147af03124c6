// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/work_item.h"
#include "hydravp/modules/host.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::modules {

/// Ordinary addresses that host and units share in one layer.
struct SharedRanges {
    std::vector<AddressRange> flush;      ///< before the layer: what the units read or write
    std::vector<AddressRange> invalidate; ///< after it: what they have written
};

/// The host's driver of the near-memory units, in native code: hands over one layer after the other by MMIO
/// and waits for the completion interrupts. While a layer runs, the registers of the next are written
/// already. What host and units share is flushed from the caches before a layer and invalidated after it.
class NearMemoryDriver {
public:
    /// @param layers the network, in execution order; must outlive the driver
    NearMemoryDriver(Host& host, const core::AddressMap& map, const std::vector<core::LayerWork>& layers,
                     std::vector<std::string> layer_names);

    /// Units that work, bit per unit; all by default. Layers have to be cut for as many, or they never
    /// finish. Set untimed, as the model is loaded.
    void set_unit_mask(std::uint64_t mask);

    /// One per layer; without them nothing is flushed.
    void set_shared_ranges(std::vector<SharedRanges> ranges) { shared_ = std::move(ranges); }

    /// The layers from the next run on, the same as before in number and addresses; must outlive the driver.
    void set_layers(const std::vector<core::LayerWork>& layers) { layers_ = &layers; }

    /// Runs the network once, on a frame or a batch whose input is in place already. `on_layer_done(index)`
    /// is called after each completion interrupt. Throws core::SimulationError if a layer does not complete
    /// within the host's layer timeout.
    template <class OnLayerDone>
    void run_frames(OnLayerDone on_layer_done) {
        submit(0);
        for (std::size_t index = 0; index < layers_->size(); ++index) {
            run_layer(index);
            on_layer_done(index);
        }
    }

private:
    void submit(std::size_t index);
    void run_layer(std::size_t index);
    void write_block(std::uint64_t offset, const void* block, std::size_t bytes);

    Host& host_;
    core::AddressMap map_;
    const std::vector<core::LayerWork>* layers_;
    std::vector<std::string> names_;
    std::vector<SharedRanges> shared_;
};

} // namespace hydravp::modules
