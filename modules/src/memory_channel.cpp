// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/memory_channel.h"

#include "hydravp/core/time.h"
#include "hydravp/modules/config_check.h"

namespace hydravp::modules {
namespace {

const MemoryConfig& checked(const char* name, const MemoryConfig& config,
                            const ChannelControllerConfig& controller) {
    core::check_time_resolution();
    check_channel(name, config, controller);
    return config;
}

ChannelControllerConfig with_mapping(ChannelControllerConfig controller, const MemoryConfig& memory) {
    controller.address_mapping = mapping_of(memory, controller);
    return controller;
}

} // namespace

MemoryChannel::MemoryChannel(const sc_core::sc_module_name& module_name, const MemoryConfig& config,
                             const ChannelControllerConfig& controller)
    : sc_core::sc_module(module_name),
      controller_("controller", with_mapping(controller, config),
                  checked(name(), config, controller).technology, config.geometry),
      channel_("channel", config.technology, config.geometry, memory::to_string(config.technology.kind),
               "channel") {
    front.bind(controller_.front);
    controller_.channel.bind(channel_.commands);
}

} // namespace hydravp::modules
