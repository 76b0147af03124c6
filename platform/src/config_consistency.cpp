// SPDX-License-Identifier: Apache-2.0
#include "config_consistency.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/memory/technology_check.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace hydravp::platform {
namespace {

using core::in_quotes;

bool is_power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

void check_queues(const modules::ChannelControllerConfig& controller, const ReportError& report) {
    if (controller.write_high_watermark > controller.write_queue) {
        report("controller.write_high_watermark",
               fmt::format("found {}, expected at most controller.write_queue = {}",
                           controller.write_high_watermark, controller.write_queue));
    }
    if (controller.write_low_watermark > controller.write_high_watermark) {
        report("controller.write_low_watermark",
               fmt::format("found {}, expected at most controller.write_high_watermark = {}",
                           controller.write_low_watermark, controller.write_high_watermark));
    }
}

void check_caches(const modules::HostConfig& host, const ReportError& report) {
    const std::uint64_t line = host.caches.line_bytes;
    if (!is_power_of_two(line) || line < 8 || line > 4096) {
        report("host.caches.line",
               fmt::format("found {}, expected a power of two from 8 B to 4 KiB", core::format_size({line})));
        return;
    }
    for (const auto& [name, level] : {std::pair("l1i", &host.caches.l1i), std::pair("l1d", &host.caches.l1d),
                                      std::pair("l2", &host.caches.l2)}) {
        const std::uint64_t set = line * level->ways;
        if (level->size_bytes == 0 || level->size_bytes % set != 0 || level->size_bytes > 1U << 30) {
            report(fmt::format("host.caches.{}.size", name),
                   fmt::format("found {}, expected a multiple of {}, a set of {} ways, at most 1 GiB",
                               core::format_size({level->size_bytes}), core::format_size({set}),
                               level->ways));
        }
    }
}

/// @param dram_bytes 0: not known
void check_load(const modules::HostConfig& host, std::uint64_t dram_bytes, const ReportError& report) {
    const modules::LoadConfig& load = host.load;
    const auto expect = [&](const char* key, std::uint64_t found, bool holds, const std::string& expected) {
        if (!holds) {
            report(std::string("host.load.") + key,
                   fmt::format("found {}, expected {}", core::format_size({found}), expected));
        }
        return holds;
    };
    if (load.cores > host.cores) {
        report("host.load.cores",
               fmt::format("found {}, expected at most {}, the cores", load.cores, host.cores));
    }
    if (load.rate.bytes_per_s <= 0) {
        report("host.load.rate",
               "found unlimited, expected a limit: without transfer times there would be no other");
    }
    const bool whole =
        expect("access", load.access_bytes, load.access_bytes > 0 && load.access_bytes <= 4096,
               "1 B to 4 KiB") &&
        expect("block", load.block.count, load.block.count > 0 && load.block.count % load.access_bytes == 0,
               fmt::format("a multiple of host.load.access = {}", core::format_size({load.access_bytes}))) &&
        expect("footprint", load.footprint.count,
               load.footprint.count > 0 && load.footprint.count % load.block.count == 0,
               fmt::format("a multiple of host.load.block = {}", core::format_size(load.block))) &&
        expect("stride", load.stride.count, load.stride.count >= load.block.count,
               fmt::format("at least host.load.block = {}", core::format_size(load.block)));
    if (whole && load.cores > 0 && dram_bytes > 0) {
        const std::uint64_t blocks = load.footprint.count / load.block.count;
        const bool fits = load.stride.count <= dram_bytes && blocks <= dram_bytes / load.stride.count + 1 &&
                          load.span() <= dram_bytes && load.base.count <= dram_bytes - load.span();
        expect("base", load.base.count, fits,
               fmt::format("a footprint that ends within the DRAM of {}", core::format_size({dram_bytes})));
    }
}

constexpr const char* shape_keys[] = {"channels", "ranks",       "chips_per_rank", "banks",       "rows",
                                      "row_size", "bank_groups", "device_bits",    "burst_length"};

void check_memory(const std::string& section, const modules::MemoryConfig& memory,
                  const std::function<bool(const std::string&)>& is_valid, const ReportError& report) {
    const auto report_here = [&](const std::string& key, const std::string& message) {
        report(section + '.' + key, message);
    };
    bool whole = true;
    for (const char* key : shape_keys) {
        whole = whole && is_valid(section + '.' + key);
    }
    if (whole) {
        memory::check_geometry(memory.geometry, memory.channels, report_here);
    }
    if (!is_valid(section + ".timing")) {
        return;
    }
    const memory::Technology& t = memory.technology;
    memory::check_timing(t, report_here);
    if (t.t_refi.count() != 0 && t.t_rfc.count() == 0) { // ideal transfers have no such time
        report_here("timing.t_rfc", "found no refresh time, expected one above zero where t_refi is");
    }
}

/// @param only_default no other mapping is of use there
void check_mapping(const std::string& key, const std::string& mapping, const memory::Geometry& geometry,
                   bool only_default, const ReportError& report) {
    if (mapping.empty()) {
        return;
    }
    try {
        const modules::AddressMapping map(geometry, mapping);
        if (only_default && !map.is_default()) {
            report(key,
                   fmt::format("found {}, expected {} in the hybrid memory: the units and the layout of the "
                               "networks need it",
                               in_quotes(mapping), in_quotes(modules::AddressMapping(geometry).fields())));
        }
    } catch (const std::invalid_argument& e) {
        report(key, e.what());
    }
}

/// The PCM has the same controller without units; one of the memories has to be able to do what it says.
void check_write_interruption(const PlatformConfig& config, bool with_units, const ReportError& report) {
    using modules::WriteInterruption;
    const modules::ChannelControllerConfig& controller = config.memory.controller;
    if (controller.write_interruption == WriteInterruption::none) {
        return;
    }
    const bool pause = controller.write_interruption == WriteInterruption::pause;
    const auto can = [pause](const memory::Technology& t) {
        return pause ? t.write_iterations > 1 : t.write_cancel_threshold > 0;
    };
    if (!can(config.memory.dram.technology) && !(with_units && can(config.memory.pcm.technology))) {
        report("controller.write_interruption",
               fmt::format("found {}, expected none: no memory has {}", pause ? "pause" : "cancel",
                           pause ? "write_iterations above 1" : "a write_cancel_threshold above 0"));
    }
    if (with_units) {
        modules::check_policies(config.memory.pcm.technology, controller,
                                [&](const std::string& key, const std::string& message) {
                                    if (key == "write_interruption") {
                                        report("controller.write_interruption", message);
                                    }
                                });
    }
}

} // namespace

void check_consistency(const PlatformConfig& config, bool with_units,
                       const std::function<bool(const std::string&)>& is_valid, const ReportError& report) {
    const modules::MemoryConfig& dram = config.memory.dram;
    const modules::MemoryConfig& pcm = config.memory.pcm;
    const accelerators::hydra::HydraConfig& hydra = config.hydra;

    check_memory("dram", dram, is_valid, report);
    check_memory("pcm", pcm, is_valid, report);
    const bool shape_is_known =
        std::all_of(std::begin(shape_keys), std::end(shape_keys),
                    [&](const char* key) { return is_valid(fmt::format("dram.{}", key)); });
    if (shape_is_known) {
        check_mapping("dram.mapping", dram.address_mapping, dram.geometry, with_units, report);
        check_mapping("controller.address_mapping", config.memory.controller.address_mapping, dram.geometry,
                      with_units, report);
    }
    if (with_units && is_valid("pcm")) {
        check_mapping("pcm.mapping", pcm.address_mapping, pcm.geometry, false, report);
    }
    if (is_valid("controller") && is_valid("dram.timing") && config.transfers == TransferModel::timed) {
        modules::ChannelControllerConfig controller = config.memory.controller;
        controller.shares_with_units = with_units;
        modules::check_policies(dram.technology, controller,
                                [&](const char* key, const std::string& message) {
                                    report(fmt::format("controller.{}", key), message);
                                });
    }
    if (is_valid("controller") && is_valid("dram.timing") && is_valid("pcm.timing") &&
        config.transfers == TransferModel::timed) {
        check_write_interruption(config, with_units, report);
    }
    if (is_valid("controller.dmi")) {
        for (const auto& [section, memory] : {std::pair("dram", &dram), std::pair("pcm", &pcm)}) {
            if (is_valid(fmt::format("{}.energy", section)) && memory->channels > 0) {
                modules::check_data(memory->technology, config.memory.controller,
                                    [&](const char* key, const std::string& message) {
                                        report(fmt::format("controller.{}", key), message);
                                    });
            }
        }
    }
    if (is_valid("pcm.channels") && pcm.channels == 0 && config.weights != core::WeightSource::resident) {
        report("pcm.channels", "found 0, expected a PCM for the weights, or weights: resident");
    }
    if (is_valid("dram.channels") && dram.channels != 1) {
        report("dram.channels",
               fmt::format("found {}, expected 1: the channel that carries the units", dram.channels));
    }
    if (with_units && is_valid("hydra.units") && is_valid("dram.ranks") && is_valid("dram.chips_per_rank")) {
        const std::uint64_t chips = std::uint64_t{dram.geometry.ranks} * dram.geometry.chips_per_rank;
        if (hydra.units > chips) {
            report("hydra.units",
                   fmt::format("found {}, expected at most {}, one per DRAM chip", hydra.units, chips));
        }
    }
    if (with_units && is_valid("staging") && is_valid("dram.chips_per_rank") &&
        is_valid("dram.device_bits") && is_valid("dram.burst_length")) {
        const std::uint64_t burst = std::uint64_t{dram.geometry.chips_per_rank} * dram.geometry.burst_bytes();
        const std::uint32_t size = config.memory.staging_bytes;
        if (size == 0 || size % burst != 0) {
            report("staging.size", fmt::format("found {}, expected a multiple of {}, a burst of the channel",
                                               core::format_size({size}), core::format_size({burst})));
        }
    }
    if (is_valid("link.packet_payload") && config.link.packet_payload_bytes == 0) {
        report("link.packet_payload", "found 0 B, expected a payload above zero");
    }
    if (is_valid("host.layer_timeout") && config.host.layer_timeout.count() == 0) {
        report("host.layer_timeout", "found 0 ps, expected a time above zero");
    }
    if (is_valid("controller")) {
        check_queues(config.memory.controller, report);
    }
    if (is_valid("host")) {
        check_caches(config.host, report);
        check_load(config.host, is_valid("dram") ? dram.capacity_bytes() : 0, report);
    }
    if (is_valid("hydra")) {
        // Each half of a buffer holds at least one operand, or one sum, of every lane.
        const auto at_least = [&](const char* key, core::Bytes size, std::uint64_t bytes_per_lane) {
            const std::uint64_t bound = 2 * bytes_per_lane * hydra.macs_per_unit;
            if (size.count < bound) {
                report(std::string("hydra.") + key,
                       fmt::format("found {}, expected at least {}: two halves of {} B for each of {} lanes",
                                   core::format_size(size), core::format_size({bound}), bytes_per_lane,
                                   hydra.macs_per_unit));
            }
        };
        constexpr std::uint64_t exact_sum = 6;
        at_least("activation_buffer", hydra.activation_buffer, hydra.word_bytes());
        at_least("output_buffer", hydra.output_buffer, exact_sum);
        const double shares = hydra.mac_power_share + hydra.buffer_power_share + hydra.control_power_share;
        if (std::abs(shares - 1) > 1e-9) {
            report("hydra",
                   fmt::format("found shares of mac, buffer and control power that add to {:.6g}, expected 1",
                               shares));
        }
    }
}

} // namespace hydravp::platform
