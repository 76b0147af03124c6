// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/hybrid_platform.h"

#include "hydravp/accelerators/hydra/output_buffer.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>

namespace hydravp::platform {

using accelerators::hydra::HydraUnit;

namespace {

/// One cache of the host. Registers and the chips' own view of the DRAM are never cached.
modules::CacheConfig cache_config(const modules::HostCachesConfig& caches,
                                  const modules::HostCachesConfig::Level& level, std::uint32_t outstanding) {
    const std::uint64_t base = core::AddressMap{}.chip_view_base;
    modules::CacheConfig config;
    config.size_bytes = level.size_bytes;
    config.ways = level.ways;
    config.line_bytes = caches.line_bytes;
    config.hit_latency = level.hit_latency;
    config.outstanding_misses = outstanding;
    config.write_buffer_lines = caches.write_buffer_lines;
    config.uncached = {{base, 0 - base}}; // to the end of the address space
    return config;
}

} // namespace

HybridPlatform::HybridPlatform(const sc_core::sc_module_name& name, const PlatformConfig& config,
                               bool keep_data)
    : HybridPlatform(
          name, Resolved{config.transfers == TransferModel::ideal ? with_ideal_transfers(config) : config},
          keep_data) {}

HybridPlatform::HybridPlatform(const sc_core::sc_module_name& name, const Resolved& resolved, bool keep_data)
    : sc_core::sc_module(name),
      host("host", resolved.config.host),
      l2("l2", cache_config(resolved.config.host.caches, resolved.config.host.caches.l2, 0), "l2"),
      bus("bus", resolved.config.bus),
      link("link", resolved.config.link),
      controller("controller", resolved.config.memory, resolved.config.hydra.units, keep_data),
      dram("dram", resolved.config.memory.dram.technology, resolved.config.memory.dram.geometry,
           memory::to_string(resolved.config.memory.dram.technology.kind), "channel") {
    core::check_time_resolution();
    const PlatformConfig& config = resolved.config;

    add_cores(config.host);
    l2.downstream.bind(bus.initiators);
    const core::AddressMap map = controller.address_map();
    bus.add_target(map.dram_base, map.registers_base + core::AddressMap::register_window_bytes)
        .bind(link.upstream);
    link.downstream.bind(controller.front);

    controller.interrupt(controller_interrupt_);
    link.interrupt_in(controller_interrupt_);
    link.interrupt_out(host_interrupt_);
    host.interrupt(host_interrupt_);

    controller.dram_channel().bind(dram.commands);
    for (std::uint32_t i = 0; i < config.memory.pcm.channels; ++i) {
        pcm.push_back(std::make_unique<memory::Channel>(
            fmt::format("pcm{}", i).c_str(), config.memory.pcm.technology, config.memory.pcm.geometry,
            memory::to_string(config.memory.pcm.technology.kind), "pcm"));
        controller.pcm_channel(i).bind(pcm.back()->commands);
    }
    const auto& geometry = config.memory.dram.geometry;
    for (std::uint32_t i = 0; i < config.hydra.units; ++i) {
        units.push_back(std::make_unique<HydraUnit>(fmt::format("hydra{}", i).c_str(), config.hydra,
                                                    core::Unit{i}, geometry.row_bytes, keep_data));
        memory::Chip& chip =
            dram.chip(core::Rank{i / geometry.chips_per_rank}, core::Chip{i % geometry.chips_per_rank});
        chip.unit.bind(units.back()->bus);
        units.back()->banks.bind(chip.banks);
        controller.unit_lines(units.back()->lines);
    }
}

void HybridPlatform::add_cores(const modules::HostConfig& config) {
    const modules::HostCachesConfig& caches = config.caches;
    for (std::uint32_t core = 0; core < config.cores; ++core) {
        const auto add = [&](std::vector<std::unique_ptr<modules::Cache>>& all, const char* kind,
                             const modules::HostCachesConfig::Level& level) {
            all.push_back(std::make_unique<modules::Cache>(
                fmt::format("{}{}", kind, core).c_str(),
                cache_config(caches, level, caches.outstanding_misses), kind));
            all.back()->downstream.bind(l2.upstream);
            l2.attach(*all.back());
        };
        add(l1i, "l1i", caches.l1i);
        add(l1d, "l1d", caches.l1d);
    }
    host.bus.bind(l1d.front()->upstream);
    host.set_cache(*l1d.front());
    for (std::uint32_t core = config.cores - config.load.cores; core < config.cores; ++core) {
        load.push_back(std::make_unique<modules::LoadGenerator>(
            fmt::format("load{}", core).c_str(), config.load, core, caches.outstanding_misses));
        load.back()->memory.bind(l1d[core]->upstream);
    }
    if (!load.empty()) {
        sc_core::sc_spawn_options options;
        options.spawn_method();
        options.dont_initialize();
        options.set_sensitivity(&host.finished_event());
        sc_core::sc_spawn(
            [this] {
                for (const auto& generator : load) {
                    generator->stop();
                }
            },
            "stop_load", &options);
    }
}

core::LatencyHistogram HybridPlatform::load_latencies() const {
    core::LatencyHistogram all;
    for (const auto& generator : load) {
        all += generator->latencies();
    }
    return all;
}

workloads::MachineShape machine_shape(const PlatformConfig& config) {
    const auto& dram = config.memory.dram;
    const auto& hydra = config.hydra;
    workloads::MachineShape shape;
    shape.mapping = config.mapping;
    shape.frames = config.batch;
    shape.weights = config.weights;
    shape.units = hydra.units;
    shape.chips_per_rank = dram.geometry.chips_per_rank;
    shape.lanes = hydra.macs_per_unit;
    shape.word_bytes = hydra.word_bytes();
    shape.activation_half_bytes = static_cast<std::uint32_t>(hydra.activation_buffer.count / 2);
    shape.weight_half_bytes = static_cast<std::uint32_t>(hydra.weight_buffer.count / 2);
    shape.output_half_words = static_cast<std::uint32_t>(hydra.output_buffer.count / 2) /
                              accelerators::hydra::OutputBuffer::accumulator_bytes;
    shape.banks = dram.geometry.banks;
    shape.bank_bytes = std::uint64_t{dram.geometry.rows} * dram.geometry.row_bytes;
    shape.pcm_base = dram.capacity_bytes();
    shape.pcm_bytes = config.memory.pcm.capacity_bytes();
    shape.partial_sum_bits = config.partial_sum_bits;
    shape.step_ps = static_cast<double>(hydra.step_time().count());
    const auto ps = [](core::Picoseconds time) { return static_cast<double>(time.count()); };
    const memory::Technology& units_memory = dram.technology;
    shape.ideal_transfers = config.transfers == TransferModel::ideal;
    shape.ideal_step_ps = ps(hydra.clock_period * hydra.cycles_per_mac());
    shape.pool_step_ps = ps(hydra.clock_period * hydra.pool_cycles);
    shape.pcm_slot_ps = config.memory.pcm.channels == 0
                            ? 0
                            : ps(config.memory.pcm.technology.burst_time()) / config.memory.pcm.channels;
    shape.row_cycle_ps = ps(units_memory.t_rcd + units_memory.t_wl + units_memory.t_wr + units_memory.t_rp);
    const memory::Technology& pcm = config.memory.pcm.technology;
    shape.migration_latency_ps = ps(2 * config.memory.controller.latency + pcm.t_rcd + pcm.t_cl +
                                    units_memory.t_rp + units_memory.t_rcd + units_memory.t_wl);
    shape.turnaround_ps = ps(2 * (units_memory.t_cl + units_memory.t_wl + units_memory.t_wtr +
                                  units_memory.t_rtrs + units_memory.burst_time()));
    shape.pass_latency_ps = ps(2 * config.memory.controller.latency + config.memory.accumulation.latency +
                               units_memory.t_cl + units_memory.t_wl + units_memory.t_wtr);
    shape.chip_slot_ps = shape.channel_slot_ps = static_cast<double>(dram.technology.burst_time().count());
    return shape;
}

} // namespace hydravp::platform
