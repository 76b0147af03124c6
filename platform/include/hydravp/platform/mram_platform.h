// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/mram_pim_bank.h"
#include "hydravp/modules/host.h"
#include "hydravp/modules/system_bus.h"
#include "hydravp/platform/mram_config.h"

#include <systemc>

namespace hydravp::platform {

/// A host with a processing-in-MRAM bank on its system bus.
class MramPlatform : public sc_core::sc_module {
public:
    modules::Host host;
    modules::SystemBus bus;
    accelerators::mram_pim::MramPimBank bank;

    /// @param keep_data false: timing mode, layers take their time and energy and compute nothing
    MramPlatform(const sc_core::sc_module_name& name, const MramPlatformConfig& config, bool keep_data);

private:
    sc_core::sc_signal<bool> interrupt_{"interrupt"};
};

} // namespace hydravp::platform
