// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config.h"

namespace hydravp::platform {
namespace {

constexpr core::Picoseconds no_time{0};

void make_ideal(memory::Technology& technology) {
    core::Picoseconds memory::Technology::*const durations[] = {
        &memory::Technology::t_ck,  &memory::Technology::t_rcd, &memory::Technology::t_cl,
        &memory::Technology::t_wl,  &memory::Technology::t_ccd, &memory::Technology::t_wr,
        &memory::Technology::t_rtp, &memory::Technology::t_rp,  &memory::Technology::t_ras,
        &memory::Technology::t_rc,  &memory::Technology::t_rrd, &memory::Technology::t_rrd_pre,
        &memory::Technology::t_faw, &memory::Technology::t_wtr, &memory::Technology::t_rtrs,
        &memory::Technology::t_rfc};
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
    config.memory.accumulation.latency = no_time;
    config.memory.accumulation.clock_period = no_time;
    make_ideal(config.memory.dram.technology);
    make_ideal(config.memory.pcm.technology);
    config.hydra.pool_cycles = 0;
    config.hydra.ab_port_bits = 0;
    return config;
}

} // namespace hydravp::platform
