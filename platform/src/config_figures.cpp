// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/reproduction.h"

#include <string>

namespace hydravp::platform {
namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double kib = 1024;

void add_memory(Figures& figures, const std::string& section, const modules::MemoryConfig& memory) {
    const memory::Technology& t = memory.technology;
    const auto add = [&](const char* key, double value) {
        figures["/config/" + section + '/' + key] = value;
    };
    const auto cycles = [&](const char* key, core::Picoseconds time) {
        add(key, static_cast<double>(time.count()) / static_cast<double>(t.t_ck.count()));
    };
    cycles("t_rp", t.t_rp);
    cycles("t_ccd", t.t_ccd);
    cycles("t_rcd", t.t_rcd);
    cycles("t_cl", t.t_cl);
    cycles("t_wl", t.t_wl);
    cycles("t_wr", t.t_wr);
    cycles("t_rtp", t.t_rtp);
    add("array_read", t.array_read.pj);
    add("array_write", t.array_write.pj);
    add("buffer_read", t.buffer_read.pj);
    add("buffer_write", t.buffer_write.pj);
    add("gib", static_cast<double>(memory.capacity_bytes()) / gib);
    add("channels", memory.channels);
    add("ranks", memory.geometry.ranks);
    add("chips_per_rank", memory.geometry.chips_per_rank);
    add("banks", memory.geometry.banks);
}

void add_cache(Figures& figures, const std::string& name, const modules::HostCachesConfig::Level& level) {
    figures["/config/" + name + "/kib"] = level.size_bytes / kib;
    figures["/config/" + name + "/ways"] = level.ways;
}

} // namespace

Figures config_figures(const PlatformConfig& config) {
    Figures figures;
    constexpr double ps_per_s = 1e12;
    constexpr double per_giga = 1e-9;
    const auto ghz = [](core::Picoseconds period) {
        return ps_per_s / static_cast<double>(period.count()) * per_giga;
    };
    const modules::HostCachesConfig& caches = config.host.caches;
    figures["/config/host/cores"] = config.host.cores;
    figures["/config/host/ghz"] = ghz(config.host.clock_period);
    figures["/config/host/line"] = caches.line_bytes;
    add_cache(figures, "l1i", caches.l1i);
    add_cache(figures, "l1d", caches.l1d);
    add_cache(figures, "l2", caches.l2);
    add_memory(figures, "dram", config.memory.dram);
    if (config.memory.pcm.channels > 0) {
        add_memory(figures, "pcm", config.memory.pcm);
    }
    const accelerators::hydra::HydraConfig& hydra = config.hydra;
    figures["/config/hydra/units"] = hydra.units;
    figures["/config/hydra/macs"] = hydra.macs_per_unit;
    figures["/config/hydra/ghz"] = ghz(hydra.clock_period);
    figures["/config/hydra/activation_kib"] =
        static_cast<double>(hydra.activation_buffer.count) / kib / hydra.macs_per_unit;
    figures["/config/hydra/weight_bytes"] =
        static_cast<double>(hydra.weight_buffer.count) / hydra.macs_per_unit;
    return figures;
}

} // namespace hydravp::platform
