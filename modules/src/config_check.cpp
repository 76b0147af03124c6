// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/config_check.h"

#include "hydravp/core/error.h"

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
    const memory::Geometry& g = memory.geometry;
    const memory::Technology& t = memory.technology;
    expect(is_power_of_two(g.ranks), name, "ranks", g.ranks, "a power of two");
    expect(is_power_of_two(g.chips_per_rank) && g.chips_per_rank <= 32, name, "chips_per_rank",
           g.chips_per_rank, "a power of two, at most 32");
    expect(is_power_of_two(g.banks), name, "banks", g.banks, "a power of two");
    expect(is_power_of_two(g.rows), name, "rows", g.rows, "a power of two");
    expect(is_power_of_two(g.row_bytes) && g.row_bytes >= g.burst_bytes(), name, "row_bytes", g.row_bytes,
           fmt::format("a power of two, at least {}", g.burst_bytes()));
    const auto ps = [](core::Picoseconds time) { return static_cast<std::uint64_t>(time.count()); };
    expect(t.t_ccd >= t.t_ck, name, "t_ccd", ps(t.t_ccd), "at least t_ck");
    expect(t.t_ras >= t.t_rcd, name, "t_ras", ps(t.t_ras), "at least t_rcd");
    expect(t.t_rc >= t.t_ras + t.t_rp, name, "t_rc", ps(t.t_rc), "at least t_ras + t_rp");
    expect(t.t_refi.count() == 0 || t.t_refi > t.t_rfc + t.t_rc, name, "t_refi", ps(t.t_refi),
           "0 or more than t_rfc + t_rc");
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
