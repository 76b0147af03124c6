// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config.h"

namespace hydravp::platform {
namespace {

constexpr core::Picoseconds no_time{0};

void make_ideal(memory::Technology& technology) {
    using memory::Technology;
    core::Picoseconds Technology::*const durations[] = {
        &Technology::t_ck,    &Technology::t_rcd,   &Technology::t_cl,    &Technology::t_wl,
        &Technology::t_ccd,   &Technology::t_burst, &Technology::t_wr,    &Technology::t_rtp,
        &Technology::t_rp,    &Technology::t_ras,   &Technology::t_rc,    &Technology::t_rrd,
        &Technology::t_faw,   &Technology::t_wtr,   &Technology::t_ccd_l, &Technology::t_rrd_l,
        &Technology::t_wtr_l, &Technology::t_rtrs,  &Technology::t_rfc,   &Technology::t_rrd_pre,
        &Technology::t_cke,   &Technology::t_xp,    &Technology::t_xs,    &Technology::t_rfc_pb};
    for (const auto duration : durations) {
        technology.*duration = no_time;
    }
}

} // namespace

const char* to_string(TransferModel transfers) {
    return transfers == TransferModel::ideal ? "ideal" : "timed";
}

const char* to_string(core::WeightSource weights) {
    switch (weights) {
    case core::WeightSource::stream:
        return "stream";
    case core::WeightSource::migrate:
        return "migrate";
    case core::WeightSource::resident:
        return "resident";
    }
    return "";
}

const char* to_string(Mapping mapping) {
    switch (mapping) {
    case Mapping::paper_numbers:
        return "paper-numbers";
    case Mapping::paper_text:
        return "paper-text";
    case Mapping::optimized:
        return "optimized";
    }
    return "";
}

PlatformConfig with_ideal_transfers(PlatformConfig config) {
    config.transfers = TransferModel::ideal;
    config.host.clock_period = no_time;
    config.host.caches.l1i.hit_latency = no_time;
    config.host.caches.l1d.hit_latency = no_time;
    config.host.caches.l2.hit_latency = no_time;
    config.bus.latency = no_time;
    config.bus.bandwidth = {};
    config.link.latency = no_time;
    config.link.bandwidth = {};
    config.memory.controller.latency = no_time;
    config.memory.controller.page_timeout = no_time;
    config.memory.controller.refresh = modules::RefreshMode::all_banks; // there is none
    config.memory.controller.power_down_after = no_time;
    config.memory.controller.self_refresh_after = no_time;
    config.memory.accumulation.latency = no_time;
    config.memory.accumulation.clock_period = no_time;
    make_ideal(config.memory.dram.technology);
    make_ideal(config.memory.pcm.technology);
    config.hydra.pool_cycles = 0;
    config.hydra.ab_port_bits = 0;
    return config;
}

} // namespace hydravp::platform
