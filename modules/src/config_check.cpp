// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/config_check.h"

#include "hydravp/core/error.h"
#include "hydravp/memory/technology_check.h"

#include <fmt/format.h>

namespace hydravp::modules {
namespace {

bool is_power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

void expect(bool holds, const std::string& name, const char* key, std::uint64_t found,
            const std::string& expected) {
    if (!holds) {
        throw core::InputError(fmt::format("{}: {}: found {}, expected {}", name, key, found, expected));
    }
}

} // namespace

void check_channel(const std::string& name, const MemoryConfig& memory,
                   const ChannelControllerConfig& controller) {
    const auto refuse = [&name](const char* key, const std::string& message) {
        throw core::InputError(fmt::format("{}: {}: {}", name, key, message));
    };
    memory::check_geometry(memory.geometry, memory.channels, refuse);
    memory::check_timing(memory.technology, refuse);
    expect(controller.read_queue > 0, name, "read_queue", 0, "at least 1");
    expect(controller.burst_group > 0, name, "burst_group", 0, "at least 1");
    expect(controller.write_low_watermark > 0 &&
               controller.write_low_watermark <= controller.write_high_watermark,
           name, "write_low_watermark", controller.write_low_watermark, "1 to write_high_watermark");
    expect(controller.write_high_watermark <= controller.write_queue, name, "write_high_watermark",
           controller.write_high_watermark, "at most write_queue");
}

void check_hybrid_memory(const std::string& name, const HybridMemoryConfig& config) {
    expect(config.dram.channels == 1, name + ": dram", "channels", config.dram.channels, "1");
    expect(config.pcm.channels == 0 || is_power_of_two(config.pcm.channels), name + ": pcm", "channels",
           config.pcm.channels, "a power of two, or 0");
    expect(config.front_queue > 0, name, "front_queue", 0, "at least 1");
    check_channel(name + ": dram", config.dram, config.controller);
    if (config.pcm.channels > 0) {
        check_channel(name + ": pcm", config.pcm, config.controller);
    }
}

} // namespace hydravp::modules
