// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/config.h"

#include <string>

namespace hydravp::modules {

/// For values that come from no YAML file, whose reader checks more: throws core::InputError if a channel of
/// these values could not work. `name` begins the message.
void check_channel(const std::string& name, const MemoryConfig& memory,
                   const ChannelControllerConfig& controller);
/// The same of a whole hybrid memory.
void check_hybrid_memory(const std::string& name, const HybridMemoryConfig& config);

} // namespace hydravp::modules
