// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/hybrid_memory_controller.h"
#include "hydravp/platform/replay_memory.h"

#include <systemc>

#include <memory>
#include <string>
#include <vector>

namespace hydravp::platform {

/// The memory of a replay: a controller with its channel, or the hybrid memory, its units left out.
class MemoryAlone : public sc_core::sc_module {
public:
    /// @param keep_data false: payloads of a replay may come without data
    MemoryAlone(const sc_core::sc_module_name& name, const ReplayMemory& memory, bool keep_data);

    /// Where accesses go.
    tlm::tlm_target_socket<>& front();
    /// Charges what is still to be written back into cells.
    void flush();

private:
    void add_channel(const std::string& name, const modules::MemoryConfig& memory, const char* busy_name);

    std::vector<std::unique_ptr<memory::Channel>> channels_;
    std::unique_ptr<modules::ChannelController> controller_;
    std::unique_ptr<modules::HybridMemoryController> hybrid_;
    sc_core::sc_signal<bool> interrupt_{"interrupt"};
};

} // namespace hydravp::platform
