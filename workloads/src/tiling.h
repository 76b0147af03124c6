// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/work_item.h"
#include "hydravp/workloads/cost_model.h"
#include "hydravp/workloads/mapper.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// Chooses splits, tile, filter group and buffer chunks of a convolution: the fewest lane groups first, then
/// the shortest estimated time of whichever of MACs, chip bus and channel is busiest. A batch is cut like one
/// frame after the other, unless tiles of several frames are better.
/// @param geometry shape, kernel, padding and channel_split filled in; the rest is filled in by the call
/// @return false if no tile fits the buffers
bool tile_convolution(core::LayerGeometry& geometry, const MachineShape& machine, const LayerContext& layer);

/// The same for a pooling layer, which every unit does for the channels in its own chip.
bool tile_pooling(core::LayerGeometry& geometry, const MachineShape& machine);

/// @name Parts of that choice.
/// @{
/// Most input rows that any tile of the layer needs.
std::uint32_t tile_rows(const core::LayerGeometry& geometry);
/// Numbers of frames that a tile may take together, if it covers a slice's positions: all of the batch,
/// halves, and so on; one is always among them.
std::vector<std::uint32_t> frames_per_tile_candidates(const core::LayerGeometry& geometry);
/// Fills in the chunks for the tile and group that are set; false if the buffers are too small for them.
bool fit_buffers(core::LayerGeometry& geometry, const MachineShape& machine);
/// Positions of the largest slice.
std::uint32_t slice_positions(const core::LayerGeometry& geometry);
/// Numbers of local groups that a pass may work on: the divisors of all of them, the greatest first.
std::vector<std::uint32_t> groups_per_pass_candidates(const core::LayerGeometry& geometry);
/// Tile sizes worth trying for a filter group: as large as the output buffer allows, in whole lane groups,
/// whole rows.
/// @param limit positions that fit half the output buffer
std::vector<std::uint32_t> tile_candidates(const core::LayerGeometry& geometry, std::uint32_t slice_positions,
                                           std::uint32_t limit);
/// For layers of which none of these fits half the activation buffer, because few filters or long strides
/// make the input rows of a tile many: sets the largest tile that does, and the chunks. False if there is
/// none.
/// @param limit positions that fit half the output buffer
bool fit_smaller_tile(core::LayerGeometry& geometry, const MachineShape& machine, std::uint32_t limit);
/// @}

} // namespace hydravp::workloads
