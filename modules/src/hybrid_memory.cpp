// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/hybrid_memory.h"

#include "hydravp/core/time.h"
#include "hydravp/modules/config_check.h"

#include <fmt/format.h>

namespace hydravp::modules {
namespace {

const HybridMemoryConfig& checked(const char* name, const HybridMemoryConfig& config) {
    core::check_time_resolution();
    check_hybrid_memory(name, config);
    return config;
}

} // namespace

HybridMemory::HybridMemory(const sc_core::sc_module_name& module_name, const HybridMemoryConfig& config)
    : sc_core::sc_module(module_name),
      controller_("controller", checked(name(), config), 0, config.controller.keep_data),
      dram_("dram", config.dram.technology, config.dram.geometry,
            memory::to_string(config.dram.technology.kind), "channel") {
    front.bind(controller_.front);
    controller_.interrupt(interrupt_);
    controller_.dram_channel().bind(dram_.commands);
    for (std::uint32_t i = 0; i < config.pcm.channels; ++i) {
        pcm_.push_back(std::make_unique<memory::Channel>(
            fmt::format("pcm{}", i).c_str(), config.pcm.technology, config.pcm.geometry,
            memory::to_string(config.pcm.technology.kind), "pcm"));
        controller_.pcm_channel(i).bind(pcm_.back()->commands);
    }
}

void HybridMemory::flush() {
    dram_.flush();
    for (const auto& channel : pcm_) {
        channel->flush();
    }
}

} // namespace hydravp::modules
