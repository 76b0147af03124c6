// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/technology_check.h"
#include "hydravp/modules/config.h"

#include <cstdint>
#include <string>

namespace hydravp::modules {

constexpr std::uint32_t most_postponed_refreshes = 8;

/// For values that come from no YAML file, whose reader checks more: throws core::InputError if a channel of
/// these values could not work. `name` begins the message.
void check_channel(const std::string& name, const MemoryConfig& memory,
                   const ChannelControllerConfig& controller);
/// The same of a whole hybrid memory.
void check_hybrid_memory(const std::string& name, const HybridMemoryConfig& config);
/// Whether the policies go together, and the memory and the controller's place allow them.
void check_policies(const memory::Technology& technology, const ChannelControllerConfig& controller,
                    const memory::ReportValue& refuse);
/// Whether there are data where DMI or the energy of writes needs them, and whether the two can go together.
void check_data(const memory::Technology& technology, const ChannelControllerConfig& controller,
                const memory::ReportValue& refuse);
/// The same of a whole hybrid memory: throws core::InputError.
void check_hybrid_data(const std::string& name, const HybridMemoryConfig& config, bool keep_data);
/// Its DRAM has the default mapping, on which the chip-by-chip view and the layout of the networks rely.
void check_hybrid_mapping(const std::string& name, const HybridMemoryConfig& config);
/// The `AddressMapping` of a channel: that of its controller, or of its memory.
const std::string& mapping_of(const MemoryConfig& memory, const ChannelControllerConfig& controller);

} // namespace hydravp::modules
