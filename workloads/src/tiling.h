// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/work_item.h"
#include "hydravp/workloads/mapper.h"

namespace hydravp::workloads {

/// Chooses splits, tile, filter group and buffer chunks of a convolution: the fewest lane groups first, then
/// the shortest estimated time of whichever of MACs, chip bus and channel is busiest.
/// @param geometry shape, kernel and padding filled in; the rest is filled in by the call
/// @param consumer_split residue classes of the output tensor
/// @return false if no tile fits the buffers
bool tile_convolution(core::LayerGeometry& geometry, const MachineShape& machine,
                      std::uint32_t consumer_split);

/// The same for a pooling layer, which every unit does for the channels in its own chip.
bool tile_pooling(core::LayerGeometry& geometry, const MachineShape& machine);

} // namespace hydravp::workloads
