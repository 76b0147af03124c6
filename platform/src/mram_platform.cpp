// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mram_platform.h"

#include "hydravp/core/mram_work.h"

namespace hydravp::platform {

using core::MramAddressMap;

MramPlatform::MramPlatform(const sc_core::sc_module_name& name, const MramPlatformConfig& config,
                           bool keep_data)
    : sc_core::sc_module(name),
      host("host", config.host),
      bus("bus", config.bus),
      bank("bank", config.mram, MramAddressMap::base, keep_data) {
    host.bus.bind(bus.initiators);
    bus.add_target(MramAddressMap::base, bank.memory_bytes() + core::MramMap::bytes).bind(bank.front);
    bank.interrupt(interrupt_);
    host.interrupt(interrupt_);
}

} // namespace hydravp::platform
