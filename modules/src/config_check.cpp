// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/config_check.h"

#include "hydravp/core/error.h"
#include "hydravp/memory/technology_check.h"
#include "hydravp/modules/address_mapping.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

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

/// A mapping that fits the memory. @param only_default no other one is of use there
void check_mapping(const std::string& name, const memory::Geometry& geometry, const std::string& mapping,
                   bool only_default) {
    try {
        const AddressMapping map(geometry, mapping);
        if (only_default && !map.is_default()) {
            throw core::InputError(
                fmt::format("{}: address_mapping: found '{}', expected '{}', that of the chip-by-chip view",
                            name, mapping, AddressMapping(geometry).fields()));
        }
    } catch (const std::invalid_argument& e) {
        throw core::InputError(fmt::format("{}: address_mapping: {}", name, e.what()));
    }
}

} // namespace

const std::string& mapping_of(const MemoryConfig& memory, const ChannelControllerConfig& controller) {
    return controller.address_mapping.empty() ? memory.address_mapping : controller.address_mapping;
}

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
    expect(controller.postponed_refreshes <= most_postponed_refreshes, name, "postponed_refreshes",
           controller.postponed_refreshes, fmt::format("at most {}", most_postponed_refreshes));
    expect(controller.batch_cap > 0, name, "batch_cap", 0, "at least 1");
    if (controller.page_timeout.count() < 0) {
        refuse("page_timeout", "found a time below zero");
    }
    check_policies(memory.technology, controller, refuse);
    check_data(memory.technology, controller, refuse);
    check_mapping(name, memory.geometry, mapping_of(memory, controller), false);
}

void check_policies(const memory::Technology& technology, const ChannelControllerConfig& controller,
                    const memory::ReportValue& refuse) {
    const bool has_units = controller.shares_with_units;
    if (controller.fairness == Fairness::batch && controller.scheduling == SchedulingPolicy::fcfs) {
        refuse("fairness", "found batch, expected none with scheduling: fcfs");
    }
    if (controller.refresh == RefreshMode::per_bank &&
        (has_units || (technology.t_refi.count() > 0 && technology.t_rfc_pb.count() == 0))) {
        refuse("refresh", has_units ? "found per-bank, expected all-banks beside near-memory units"
                                    : "found per-bank, expected all-banks: the memory has no t_rfc_pb");
    }
    if (controller.write_interruption != WriteInterruption::none && technology.interruptible_writes()) {
        const char* const other =
            has_units                                         ? "beside near-memory units"
            : controller.scheduling == SchedulingPolicy::fcfs ? "with scheduling: fcfs"
            : controller.power_down_after.count() > 0 || controller.self_refresh_after.count() > 0
                ? "with power_down_after or self_refresh_after"
                : nullptr;
        if (other != nullptr) {
            refuse("write_interruption", fmt::format("found pause or cancel, expected none {}", other));
        }
    }
    for (const auto& [key, time] : {std::pair("power_down_after", controller.power_down_after),
                                    std::pair("self_refresh_after", controller.self_refresh_after)}) {
        if (time.count() < 0) {
            refuse(key, "found a time below zero");
        } else if (time.count() > 0 && (has_units || technology.t_cke.count() == 0)) {
            refuse(key, has_units ? "found a time, expected 0 beside near-memory units"
                                  : "found a time, expected 0: the memory has no t_cke");
        }
    }
}

void check_data(const memory::Technology& technology, const ChannelControllerConfig& controller,
                const memory::ReportValue& refuse) {
    if (technology.energy_needs_data() && !controller.keep_data) {
        refuse("energy.array_write_policy",
               "found flipped-bits, expected modified-words or whole-row: no data are kept here, whose bits "
               "could be compared");
    }
    if (controller.dmi && !controller.keep_data) {
        refuse("dmi", "found true, expected false: no data are kept here");
    }
    if (controller.dmi && technology.energy_needs_data()) {
        refuse("dmi", "found true, expected false: with array_write_policy: flipped-bits no write may go "
                      "unseen");
    }
}

void check_hybrid_data(const std::string& name, const HybridMemoryConfig& config, bool keep_data) {
    ChannelControllerConfig controller = config.controller;
    controller.keep_data = keep_data;
    for (const auto& [key, memory] : {std::pair("dram", &config.dram), std::pair("pcm", &config.pcm)}) {
        if (memory->channels > 0) {
            check_data(memory->technology, controller,
                       [&, key = key](const char* what, const std::string& message) {
                           throw core::InputError(fmt::format("{}: {}: {}: {}", name, key, what, message));
                       });
        }
    }
}

void check_hybrid_memory(const std::string& name, const HybridMemoryConfig& config) {
    expect(config.dram.channels == 1, name + ": dram", "channels", config.dram.channels, "1");
    expect(config.pcm.channels == 0 || is_power_of_two(config.pcm.channels), name + ": pcm", "channels",
           config.pcm.channels, "a power of two, or 0");
    expect(config.front_queue > 0, name, "front_queue", 0, "at least 1");
    ChannelControllerConfig shared = config.controller;
    shared.shares_with_units = true;
    check_channel(name + ": dram", config.dram, shared);
    check_hybrid_mapping(name, config);
    if (config.pcm.channels > 0) {
        ChannelControllerConfig controller = config.controller;
        controller.address_mapping.clear();
        check_channel(name + ": pcm", config.pcm, controller);
    }
}

void check_hybrid_mapping(const std::string& name, const HybridMemoryConfig& config) {
    check_mapping(name + ": dram", config.dram.geometry, mapping_of(config.dram, config.controller), true);
}

} // namespace hydravp::modules
