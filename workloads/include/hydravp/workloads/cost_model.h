// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/layer.h"
#include "hydravp/workloads/mapper.h"

#include <cstdint>

namespace hydravp::workloads {

/// What one layer asks of the machine for all frames of a batch, as the mapper estimates it with timed
/// transfers: how long each resource is busy, and what that makes of the layer's latency. In ps.
struct LayerCost {
    double mac = 0;          ///< MACs, or the pool unit, of the busiest unit
    double chip_bus = 0;     ///< a chip's internal bus: its unit's accesses and the channel's
    double channel = 0;      ///< data bus of the units' channel
    double pcm = 0;          ///< data bus of one of the PCM channels
    double accumulation = 0; ///< reading, adding and writing back one pass after the other
    double migration = 0;    ///< copying the weights into the units' chips, while the layer before runs
    double latency = 0;
    /// Bytes that cross the channel: weights, partial sums, results with their copies.
    double weight_bytes = 0, sum_bytes = 0, result_bytes = 0;
    double activation_bytes = 0; ///< that a unit fetches from its chip
    double macs = 0;             ///< of all units

    /// The resource that is busy longest, by its name in the results.
    const char* bound_by() const;
    /// The share of one frame in what a batch of so many costs.
    LayerCost per_frame(std::uint32_t frames) const;
};

/// A layer as the estimate needs it, apart from its geometry.
struct LayerContext {
    core::LayerKind kind = core::LayerKind::conv;
    std::uint32_t output_split = 1; ///< residue classes in which the result is stored
    bool has_residual = false;
};

/// The estimate for a layer that is cut as `geometry` says.
LayerCost estimate_cost(const core::LayerGeometry& geometry, const LayerContext& layer,
                        const MachineShape& machine);

/// Time of the layer if transfers take none, in ps: the MACs of the busiest unit, pass by pass.
double ideal_latency(const core::LayerGeometry& geometry, const LayerContext& layer,
                     const MachineShape& machine);

} // namespace hydravp::workloads
