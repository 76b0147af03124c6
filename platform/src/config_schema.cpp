// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include "hydravp/modules/config_check.h"

#include "config_binder.h"
#include "memory_keys.h"

#include <algorithm>

namespace hydravp::platform {
namespace {

using core::Picoseconds;

void cache_keys(ConfigBinder& b, const char* name, modules::HostCachesConfig::Level& level,
                const Picoseconds& clock) {
    b.section(name, [&] {
        b.size("size", level.size_bytes, "whole sets").optional();
        b.count("ways", level.ways, "associativity").optional();
        b.time("hit_latency", level.hit_latency, clock, "of a lookup").optional();
    });
}

void host_keys(ConfigBinder& b, modules::HostConfig& host) {
    b.clock("clock_period", host.clock_period, "of a core");
    b.time("layer_timeout", host.layer_timeout, "the driver gives up on a layer after it");
    b.number(
         "cores", host.cores, [](std::uint32_t n) { return n >= 1 && n <= 32; },
         "a whole number from 1 to 32", "each with private L1 caches; the driver runs on the first")
        .optional();
    b.section("caches", [&] {
        modules::HostCachesConfig& caches = host.caches;
        b.size("line", caches.line_bytes, "of all caches").optional();
        b.count("outstanding_misses", caches.outstanding_misses, "of each L1 cache").optional();
        b.count("write_buffer", caches.write_buffer_lines, "lines on their way from the L2 to memory")
            .optional();
        cache_keys(b, "l1i", caches.l1i, host.clock_period);
        cache_keys(b, "l1d", caches.l1d, host.clock_period);
        cache_keys(b, "l2", caches.l2, host.clock_period);
    });
    b.section("load", [&] {
        modules::LoadConfig& load = host.load;
        b.number(
             "cores", load.cores, [](std::uint32_t) { return true; }, "a whole number",
             "that carry a background load, the last ones; 0: no load")
            .optional();
        b.bandwidth("rate", load.rate, "asked for, per core").optional();
        b.size("access", load.access_bytes, "of each access").optional();
        b.fraction("read_share", load.read_share, "of the accesses").optional();
        b.fraction("locality", load.locality, "probability of going on behind the access before").optional();
        b.size("footprint", load.footprint, "bytes touched, common to all cores").optional();
        b.size("base", load.base, "address of the first block, in the DRAM").optional();
        b.size("block", load.block, "consecutive bytes of the footprint").optional();
        b.size("stride", load.stride, "from block to block").optional();
        b.number(
             "seed", load.seed, [](std::uint32_t) { return true; }, "a whole number", "of addresses and data")
            .optional();
    });
}

void controller_keys(ConfigBinder& b, modules::ChannelControllerConfig& controller) {
    b.time("latency", controller.latency, "from acceptance to the first command");
    b.energy_per_bit("io_energy", controller.io_energy, "per bit on a channel's data bus");
    b.depth("read_queue", controller.read_queue, "runs of column accesses to one row that may wait")
        .optional();
    b.depth("write_queue", controller.write_queue, "likewise").optional();
    b.count("write_high_watermark", controller.write_high_watermark, "waiting writes that start a drain")
        .optional();
    b.count("write_low_watermark", controller.write_low_watermark, "waiting writes that end it").optional();
    b.count("burst_group", controller.burst_group,
            "column commands of a long run before other requests have their turn")
        .optional();
    b.time("starvation_limit", controller.starvation_limit, "a run that waits longer goes first").optional();
    using modules::PagePolicy;
    using modules::RefreshMode;
    using modules::SchedulingPolicy;
    b.choice<SchedulingPolicy>("scheduling", controller.scheduling,
                               {{"fr-fcfs", SchedulingPolicy::fr_fcfs}, {"fcfs", SchedulingPolicy::fcfs}},
                               "first ready, first come first served, or strictly in order")
        .optional();
    b.choice<bool>("forwarding", controller.forwarding, {{"true", true}, {"false", false}},
                   "reads are answered from the write queue, if it has their bytes")
        .optional();
    using modules::Fairness;
    b.choice<Fairness>("fairness", controller.fairness,
                       {{"none", Fairness::none}, {"batch", Fairness::batch}},
                       "between initiators, by batches of their requests")
        .optional();
    b.count("batch_cap", controller.batch_cap, "runs of one initiator in one bank that a batch takes")
        .optional()
        .only_where("fairness: batch", [&controller] { return controller.fairness == Fairness::batch; });
    b.choice<PagePolicy>(
         "page_policy", controller.page_policy,
         {{"open", PagePolicy::open}, {"closed", PagePolicy::closed}, {"timeout", PagePolicy::timeout}},
         "when a row is closed that nobody wants")
        .optional();
    b.time("page_timeout", controller.page_timeout, "from the last access to a row until it is closed")
        .optional()
        .only_where("page_policy: timeout",
                    [&controller] { return controller.page_policy == PagePolicy::timeout; });
    b.choice<RefreshMode>("refresh", controller.refresh,
                          {{"all-banks", RefreshMode::all_banks}, {"per-bank", RefreshMode::per_bank}},
                          "of a rank, or of one bank after the other")
        .optional();
    using modules::WriteInterruption;
    b.choice<WriteInterruption>("write_interruption", controller.write_interruption,
                                {{"none", WriteInterruption::none},
                                 {"pause", WriteInterruption::pause},
                                 {"cancel", WriteInterruption::cancel}},
                                "of array writes, by reads that wait for their bank")
        .optional();
    b.number(
         "postponed_refreshes", controller.postponed_refreshes,
         [](std::uint32_t n) { return n <= modules::most_postponed_refreshes; }, "a whole number from 0 to 8",
         "of a rank that may wait until it is idle")
        .optional();
    b.time("power_down_after", controller.power_down_after, "of a rank without anything to do; 0: never")
        .optional();
    b.time("self_refresh_after", controller.self_refresh_after, "likewise").optional();
    b.mapping("address_mapping", controller.address_mapping, "wins over that of the memory").optional();
    b.choice<bool>("dmi", controller.dmi, {{"true", true}, {"false", false}},
                   "grants direct memory access, of which no figure knows")
        .optional();
}

void hydra_keys(ConfigBinder& b, accelerators::hydra::HydraConfig& hydra) {
    b.count("units", hydra.units, "one per DRAM chip, filled rank by rank").optional();
    b.count("macs_per_unit", hydra.macs_per_unit, "lanes").optional();
    b.clock("clock_period", hydra.clock_period, "of a unit").optional();
    using accelerators::hydra::Multiplier;
    b.choice<std::uint32_t>("precision", hydra.precision, {{"16", 16}, {"8", 8}},
                            "bits of activations, weights and results")
        .optional();
    b.choice<Multiplier>("multiplier", hydra.multiplier,
                         {{"booth-radix-4", Multiplier::booth_radix_4},
                          {"booth-radix-2", Multiplier::booth_radix_2},
                          {"parallel", Multiplier::parallel}},
                         "serial, two bits or one in a cycle, or all bits at once")
        .optional();
    b.count("mac_cycles", hydra.mac_cycles,
            "of one multiply-accumulate, in place of what the multiplier takes")
        .optional()
        .only_where("a number of cycles", [&hydra] { return hydra.mac_cycles > 0; });
    b.number(
         "ab_port_bits", hydra.ab_port_bits, [](std::uint32_t n) { return n >= 16 && n % 16 == 0; },
         "a multiple of 16", "of the port that fills the stream buffers")
        .optional();
    b.count("pool_cycles", hydra.pool_cycles, "of one comparison or addition").optional();
    b.buffer("activation_buffer", hydra.activation_buffer, "per unit, two halves").optional();
    b.buffer("weight_buffer", hydra.weight_buffer, "per unit, two halves").optional();
    b.buffer("output_buffer", hydra.output_buffer, "per unit, two halves").optional();
    b.power("power", hydra.power, "of 16 units of 32 lanes, while computing").optional();
    const auto area = [&b](const char* name, core::Area& field, const char* meaning) {
        b.quantity(name, field, "an area with its unit, e.g. 0.1024 mm2", core::parse_area, core::format_area,
                   meaning)
            .optional();
    };
    area("unit_area", hydra.unit_area, "of a unit of 32 lanes");
    area("dram_area", hydra.dram_area, "of the DRAM that carries them, to compare with");
    b.fraction("mac_power_share", hydra.mac_power_share, "of the power").optional();
    b.fraction("buffer_power_share", hydra.buffer_power_share, "of the power").optional();
    b.fraction("control_power_share", hydra.control_power_share, "of the power").optional();
}

} // namespace

ConfigSchema::ConfigSchema(PlatformConfig& config) {
    ConfigBinder b(*this);
    b.text("name", config.name, "name of the platform, repeated in its results");
    b.choice<TransferModel>("transfers", config.transfers,
                            {{to_string(TransferModel::ideal), TransferModel::ideal},
                             {to_string(TransferModel::timed), TransferModel::timed}},
                            "ideal: only multiply-accumulates take time")
        .optional();
    b.choice<Mapping>("mapping", config.mapping,
                      {{to_string(Mapping::paper_numbers), Mapping::paper_numbers},
                       {to_string(Mapping::paper_text), Mapping::paper_text},
                       {to_string(Mapping::optimized), Mapping::optimized}},
                      "how layers are spread over the units")
        .optional();
    b.number(
         "batch", config.batch, [](std::uint32_t n) { return n >= 1 && n <= 1024; },
         "a whole number from 1 to 1024", "frames that are computed together")
        .optional();
    b.choice<int>("partial_sum_bits", config.partial_sum_bits, {{"16", 16}, {"32", 32}, {"48", 48}},
                  "of the sums that leave a unit; 48 is exact")
        .optional();
    b.choice<core::WeightSource>(
         "weights", config.weights,
         {{to_string(core::WeightSource::stream), core::WeightSource::stream},
          {to_string(core::WeightSource::migrate), core::WeightSource::migrate},
          {to_string(core::WeightSource::resident), core::WeightSource::resident}},
         "from PCM into the weight buffers, from PCM by way of the units' chips, or there already")
        .optional();
    b.section("host", [&] { host_keys(b, config.host); });
    b.section("bus", [&] {
        b.time("latency", config.bus.latency, "per transaction");
        b.bandwidth("bandwidth", config.bus.bandwidth, "of the whole bus");
    });
    b.section("link", [&] {
        b.time("latency", config.link.latency, "each way");
        b.bandwidth("bandwidth", config.link.bandwidth, "each direction");
        b.size("packet_payload", config.link.packet_payload_bytes, "largest payload of a packet").optional();
        b.size("packet_header", config.link.packet_header_bytes, "of every packet").optional();
        b.energy_per_bit("energy", config.link.energy, "payload and header bits");
    });
    b.section("controller", [&] {
        controller_keys(b, config.memory.controller);
        b.depth("front_queue", config.memory.front_queue, "accesses of the host under way at a time")
            .optional();
    });
    b.section("accumulation", [&] {
        modules::AccumulationConfig& accumulation = config.memory.accumulation;
        b.clock("clock_period", accumulation.clock_period, "of the result accumulation unit");
        b.time("latency", accumulation.latency, accumulation.clock_period,
               "from the last partial sum to the finished word");
        b.count("operands_per_cycle", accumulation.operands_per_cycle, "partial sums that a lane adds")
            .optional();
    });
    b.section("staging", [&] {
        b.size("size", config.memory.staging_bytes, "weight prefetch buffer between PCM and DRAM").optional();
    });
    memory_keys(b, "dram", config.memory.dram);
    memory_keys(b, "pcm", config.memory.pcm);
    b.section("hydra", [&] { hydra_keys(b, config.hydra); });
}

const ConfigKey* ConfigSchema::find(const std::string& path) const {
    const auto found =
        std::find_if(keys_.begin(), keys_.end(), [&path](const ConfigKey& key) { return key.path == path; });
    return found == keys_.end() ? nullptr : &*found;
}

std::string ConfigSchema::canonical(const std::string& path) const {
    const auto alias = aliases_.find(path);
    return alias == aliases_.end() ? path : alias->second;
}

std::vector<std::string> ConfigSchema::names_in(const std::string& section) const {
    const std::string prefix = section.empty() ? "" : section + '.';
    std::vector<std::string> names;
    const auto add = [&](const std::string& path) {
        if (path.compare(0, prefix.size(), prefix) != 0) {
            return;
        }
        const std::string rest = path.substr(prefix.size());
        const std::string name = rest.substr(0, rest.find('.'));
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    };
    for (const ConfigKey& key : keys_) {
        add(key.path);
    }
    for (const auto& alias : aliases_) {
        add(alias.first);
    }
    return names;
}

} // namespace hydravp::platform
