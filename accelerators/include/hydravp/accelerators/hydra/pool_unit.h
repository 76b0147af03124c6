// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/activation_tile.h"

#include <cstdint>

namespace hydravp::accelerators::hydra {

/// The pool unit's function for one local channel: the window of each output position, padding left out,
/// reduced to its maximum or to its mean (rounded half to even once). Writes positions.size() words.
void pool_channel(const ActivationTile& tile, const core::LayerGeometry& geometry, bool maximum,
                  std::uint32_t local_channel, core::Range positions, std::int16_t* to);

} // namespace hydravp::accelerators::hydra
