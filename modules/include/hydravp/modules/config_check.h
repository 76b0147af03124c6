// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/config.h"

#include <cstdint>
#include <string>

namespace hydravp::modules {

constexpr std::uint32_t most_postponed_refreshes = 8;
/// Why `RefreshMode::per_bank` is refused.
constexpr const char* per_bank_refusal =
    "found per-bank, expected all-banks: a channel has no refresh of single banks yet";

/// For values that come from no YAML file, whose reader checks more: throws core::InputError if a channel of
/// these values could not work. `name` begins the message.
void check_channel(const std::string& name, const MemoryConfig& memory,
                   const ChannelControllerConfig& controller);
/// The same of a whole hybrid memory.
void check_hybrid_memory(const std::string& name, const HybridMemoryConfig& config);
/// Its DRAM has the default mapping, on which the chip-by-chip view and the layout of the networks rely.
void check_hybrid_mapping(const std::string& name, const HybridMemoryConfig& config);
/// The `AddressMapping` of a channel: that of its controller, or of its memory.
const std::string& mapping_of(const MemoryConfig& memory, const ChannelControllerConfig& controller);

} // namespace hydravp::modules
