// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/activation_tile.h"
#include "hydravp/core/work_item.h"

#include <cstdint>

namespace hydravp::accelerators::hydra {

/// The pool unit's function for one local channel: the window of each output position, padding left out,
/// reduced to its maximum or to its mean (rounded half to even once). The mean's divisor counts the elements
/// of the window inside the input or, if the layer says so, those of the padding too. Writes positions.size()
/// words.
void pool_channel(const ActivationTile& tile, const core::UnitRegisters& layer, std::uint32_t local_channel,
                  core::Range positions, std::int16_t* to);

} // namespace hydravp::accelerators::hydra
