// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/hybrid_memory.h"
#include "hydravp/modules/memory_channel.h"
#include "hydravp/platform/replay_memory.h"

#include <systemc>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hydravp::platform {

/// The memory of a replay: one channel, or the hybrid memory, its units left out.
class MemoryAlone : public sc_core::sc_module {
public:
    /// @param keep_data false: payloads of a replay may come without data
    MemoryAlone(const sc_core::sc_module_name& name, const ReplayMemory& memory, bool keep_data);

    /// Where accesses go.
    tlm::tlm_target_socket<>& front();
    struct Channel {
        std::string name;
        modules::ChannelController* controller;
        memory::Channel* channel;
    };
    std::vector<Channel> channels();
    /// Of accesses at `front()`.
    const modules::AccessStatistics& read_statistics();
    const modules::AccessStatistics& write_statistics();
    /// Charges what is still to be written back into cells.
    void flush();

private:
    std::unique_ptr<modules::MemoryChannel> channel_; ///< one of the two
    std::unique_ptr<modules::HybridMemory> hybrid_;
};

} // namespace hydravp::platform
