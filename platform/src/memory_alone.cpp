// SPDX-License-Identifier: Apache-2.0
#include "memory_alone.h"

#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"

#include <fmt/format.h>

#include <stdexcept>

namespace hydravp::platform {

MemoryAlone::MemoryAlone(const sc_core::sc_module_name& name, const ReplayMemory& memory, bool keep_data)
    : sc_core::sc_module(name) {
    if (sc_core::sc_get_time_resolution() != sc_core::sc_time(1, sc_core::SC_PS)) {
        throw std::logic_error("HydraVP needs SystemC's default time resolution of 1 ps");
    }
    const PlatformConfig config =
        memory.config.transfers == TransferModel::ideal ? with_ideal_transfers(memory.config) : memory.config;
    const modules::HybridMemoryConfig& parts = config.memory;
    add_channel(memory.single_channel ? "channel" : "dram", parts.dram, "channel");
    if (memory.single_channel) {
        controller_ = std::make_unique<modules::ChannelController>(
            "controller", parts.controller, parts.dram.technology, parts.dram.geometry);
        controller_->channel.bind(channels_.front()->commands);
        return;
    }
    constexpr std::uint32_t units = 0;
    hybrid_ = std::make_unique<modules::HybridMemoryController>("controller", parts, units, keep_data);
    hybrid_->interrupt(interrupt_);
    hybrid_->dram_channel().bind(channels_.front()->commands);
    for (std::uint32_t i = 0; i < parts.pcm.channels; ++i) {
        add_channel(fmt::format("pcm{}", i), parts.pcm, "pcm");
        hybrid_->pcm_channel(i).bind(channels_.back()->commands);
    }
}

tlm::tlm_target_socket<>& MemoryAlone::front() {
    if (controller_) {
        return controller_->front;
    }
    return hybrid_->front;
}

void MemoryAlone::flush() {
    for (const auto& channel : channels_) {
        channel->flush();
    }
}

void MemoryAlone::add_channel(const std::string& name, const modules::MemoryConfig& memory,
                              const char* busy_name) {
    channels_.push_back(std::make_unique<memory::Channel>(name.c_str(), memory.technology, memory.geometry,
                                                          memory::to_string(memory.technology.kind),
                                                          busy_name));
}

ReplayMemory load_replay_memory(const std::string& path, const std::string& default_platform,
                                const std::vector<std::string>& overrides) {
    ReplayMemory memory;
    memory.single_channel = is_technology_file(path);
    if (memory.single_channel) {
        std::vector<std::string> keys{"dram.technology=" + path};
        keys.insert(keys.end(), overrides.begin(), overrides.end());
        memory.config = load_config(default_platform, keys);
        memory.name = memory.config.memory.dram.technology.name;
    } else {
        memory.config = load_config(path, overrides);
        memory.name = memory.config.name;
    }
    return memory;
}

} // namespace hydravp::platform
