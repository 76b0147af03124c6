// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/presets.h"

#include <systemc>
#include <tlm>

namespace hydravp::modules {

/// One memory channel for any SoC: a controller and the chips behind it, under one module with one target
/// socket. Any number of them may stand side by side.
///
/// `front`: the base protocol, LT (waits; from a thread), AT and debug; addresses from 0 to
/// `capacity_bytes()`. See `ChannelController` for order and timing.
class MemoryChannel : public sc_core::sc_module {
public:
    tlm::tlm_target_socket<> front{"front"};

    /// @param config one channel of it; `channels` is not looked at
    /// Throws core::InputError if no machine can have these values.
    explicit MemoryChannel(const sc_core::sc_module_name& name,
                           const MemoryConfig& config = hydra_memory().dram,
                           const ChannelControllerConfig& controller = hydra_memory().controller);

    std::uint64_t capacity_bytes() const { return channel_.geometry().channel_bytes(); }
    ChannelController& controller() { return controller_; }
    memory::Channel& channel() { return channel_; }

    /// Charges what is still to be written back into cells; for the end of a run.
    void flush() { channel_.flush(); }

private:
    ChannelController controller_;
    memory::Channel channel_;
};

} // namespace hydravp::modules
