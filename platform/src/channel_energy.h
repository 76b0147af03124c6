// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/platform/trace_replay.h"

namespace hydravp::platform {

/// Where the energy of a channel without near-memory units went, when background and dirty rows have been
/// charged. What a bank's commands cost follows from their numbers; the chips know what was written back, and
/// meters background and data bus, which belong to a rank and to the channel.
ChannelEnergy energy_of(memory::Channel& channel, modules::ChannelController& controller);

} // namespace hydravp::platform
