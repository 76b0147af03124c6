// SPDX-License-Identifier: Apache-2.0
#include "memory_alone.h"

#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"

#include <algorithm>

namespace hydravp::platform {

MemoryAlone::MemoryAlone(const sc_core::sc_module_name& name, const ReplayMemory& memory, bool keep_data)
    : sc_core::sc_module(name) {
    const PlatformConfig config =
        memory.config.transfers == TransferModel::ideal ? with_ideal_transfers(memory.config) : memory.config;
    modules::HybridMemoryConfig parts = config.memory;
    parts.controller.keep_data = keep_data;
    if (memory.single_channel) {
        channel_ = std::make_unique<modules::MemoryChannel>("memory", parts.dram, parts.controller);
    } else {
        hybrid_ = std::make_unique<modules::HybridMemory>("memory", parts);
    }
}

tlm::tlm_target_socket<>& MemoryAlone::front() {
    return channel_ ? channel_->front : hybrid_->front;
}

std::vector<MemoryAlone::Channel> MemoryAlone::channels() {
    if (channel_) {
        return {{"channel", &channel_->controller(), &channel_->channel()}};
    }
    std::vector<Channel> all{{"dram", &hybrid_->controller().dram_controller(), &hybrid_->dram()}};
    for (std::size_t i = 0; i < hybrid_->pcm_channels(); ++i) {
        all.push_back(
            {"pcm" + std::to_string(i), &hybrid_->controller().pcm_controller(i), &hybrid_->pcm(i)});
    }
    return all;
}

const modules::AccessStatistics& MemoryAlone::read_statistics() {
    return channel_ ? channel_->controller().statistics().read : hybrid_->controller().read_statistics();
}

const modules::AccessStatistics& MemoryAlone::write_statistics() {
    return channel_ ? channel_->controller().statistics().write : hybrid_->controller().write_statistics();
}

void MemoryAlone::flush() {
    channel_ ? channel_->flush() : hybrid_->flush();
}

ReplayMemory load_replay_memory(const std::string& path, const std::string& default_platform,
                                const std::vector<std::string>& overrides) {
    ReplayMemory memory;
    memory.single_channel = is_technology_file(path);
    if (memory.single_channel) {
        memory.config = load_config_with_memory(default_platform, path, overrides);
        std::vector<std::string> of_the_machine = overrides;
        // The memory and its controller need not fit a machine with units, of which only the mapping counts.
        of_the_machine.erase(std::remove_if(of_the_machine.begin(), of_the_machine.end(),
                                            [](const std::string& key) {
                                                return key.rfind("dram.", 0) == 0 ||
                                                       key.rfind("controller.", 0) == 0;
                                            }),
                             of_the_machine.end());
        memory.machine = load_config(default_platform, of_the_machine);
        memory.name = memory.config.memory.dram.technology.name;
    } else {
        memory.config = load_config(path, overrides);
        memory.machine = memory.config;
        memory.name = memory.config.name;
    }
    return memory;
}

} // namespace hydravp::platform
