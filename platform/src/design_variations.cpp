// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/platform/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hydravp::platform {
namespace {

/// Half and twice a value.
constexpr double factors[] = {0.5, 2};

std::string scaled(std::uint32_t value, double factor) {
    return fmt::format("{}", static_cast<std::uint32_t>(value * factor));
}
std::string scaled(core::Picoseconds time, double factor) {
    return core::format_time(
        core::Picoseconds{static_cast<std::int64_t>(static_cast<double>(time.count()) * factor)});
}
std::string scaled(core::Bytes size, double factor) {
    return core::format_size({static_cast<std::uint64_t>(static_cast<double>(size.count) * factor)});
}
std::string scaled(core::Bandwidth bandwidth, double factor) {
    return core::format_bandwidth({bandwidth.bytes_per_s * factor});
}

class Variations {
public:
    explicit Variations(const PlatformConfig& config) : config_(config) {}

    std::vector<Variation> all() {
        units();
        dram();
        pcm();
        controllers();
        choices();
        return std::move(all_);
    }

private:
    /// @param with further overrides
    template <class Value>
    void scale(const char* parameter, const char* key, Value value, double factor,
               const std::vector<std::string>& with = {}) {
        Variation variation{parameter, scaled(value, 1), scaled(value, factor), with};
        variation.overrides.insert(variation.overrides.begin(),
                                   fmt::format("{}={}", key, scaled(value, factor)));
        all_.push_back(std::move(variation));
    }
    template <class Value>
    void scale(const char* parameter, const char* key, Value value) {
        for (const double factor : factors) {
            scale(parameter, key, value, factor);
        }
    }
    /// Every other value of a key.
    void choose(const char* parameter, const char* key, const std::string& now,
                const std::vector<std::string>& values, const std::vector<std::string>& with = {}) {
        for (const std::string& value : values) {
            if (value != now) {
                Variation variation{parameter, now, value, with};
                variation.overrides.insert(variation.overrides.begin(), fmt::format("{}={}", key, value));
                all_.push_back(std::move(variation));
            }
        }
    }

    void units() {
        const accelerators::hydra::HydraConfig& hydra = config_.hydra;
        const memory::Geometry& dram = config_.memory.dram.geometry;
        for (const double factor : factors) {
            const auto units = static_cast<std::uint32_t>(hydra.units * factor);
            const std::uint32_t ranks = std::max(dram.ranks, core::ceil_divide(units, dram.chips_per_rank));
            scale("units", "hydra.units", hydra.units, factor, {fmt::format("dram.ranks={}", ranks)});
            // The port has to fill as many lanes.
            scale("MACs of a unit", "hydra.macs_per_unit", hydra.macs_per_unit, factor,
                  {fmt::format("hydra.ab_port_bits={}", port_bits(factor))});
            scale("cycles of a MAC", "hydra.mac_cycles", hydra.cycles_per_mac(), factor,
                  {fmt::format("hydra.ab_port_bits={}", port_bits(1 / factor))});
        }
        choose("bits of activations, weights and results", "hydra.precision",
               fmt::format("{}", hydra.precision), {"8", "16"});
        scale("activation buffer", "hydra.activation_buffer", hydra.activation_buffer);
        scale("weight buffer", "hydra.weight_buffer", hydra.weight_buffer);
        scale("output buffer", "hydra.output_buffer", hydra.output_buffer);
    }

    std::uint32_t port_bits(double factor) const {
        constexpr std::uint32_t word = 16;
        return std::max(static_cast<std::uint32_t>(config_.hydra.ab_port_bits * factor) / word * word, word);
    }

    void dram() {
        const modules::MemoryConfig& memory = config_.memory.dram;
        const memory::Technology& t = memory.technology;
        scale("time of a DRAM burst: channel and internal buses", burst_key("dram", t).c_str(),
              t.burst_time());
        const memory::Geometry& g = memory.geometry;
        for (const double factor : factors) { // as many chips, in wider or narrower ranks
            scale("DRAM chips of a rank: width of the channel", "dram.chips_per_rank", g.chips_per_rank,
                  factor,
                  {fmt::format("dram.ranks={}", std::max(1U, static_cast<std::uint32_t>(g.ranks / factor)))});
        }
        rows("time of a DRAM row", "dram", t);
        scale("DRAM row of a chip", "dram.row_size", core::Bytes{g.row_bytes}, 0.5,
              {fmt::format("dram.rows={}", g.rows * 2)});
        scale("DRAM row of a chip", "dram.row_size", core::Bytes{g.row_bytes}, 2,
              {fmt::format("dram.rows={}", g.rows / 2)});
        if (t.t_rfc.count() > 0) {
            scale("time of a refresh", "dram.timing.t_rfc", t.t_rfc);
        }
    }

    void pcm() {
        const modules::MemoryConfig& memory = config_.memory.pcm;
        if (memory.channels == 0) {
            return;
        }
        scale("PCM channels", "pcm.channels", memory.channels);
        scale("time of a PCM burst", burst_key("pcm", memory.technology).c_str(),
              memory.technology.burst_time());
        rows("time of a PCM row", "pcm", memory.technology);
        scale("staging buffer", "staging.size", core::Bytes{config_.memory.staging_bytes});
    }

    static std::string burst_key(const char* section, const memory::Technology& t) {
        return fmt::format("{}.timing.{}", section, t.t_burst.count() > 0 ? "t_burst" : "t_ccd");
    }

    /// Opening, closing and keeping open.
    void rows(const char* parameter, const std::string& section, const memory::Technology& t) {
        for (const double factor : factors) {
            const auto set = [&](const char* key, core::Picoseconds value) {
                return fmt::format("{}.timing.{}={}", section, key, scaled(value, factor));
            };
            scale(parameter, (section + ".timing.t_rcd").c_str(), t.t_rcd, factor,
                  {set("t_rp", t.t_rp), set("t_ras", t.t_ras), set("t_rc", t.t_rc)});
        }
    }

    void controllers() {
        const modules::ChannelControllerConfig& controller = config_.memory.controller;
        if (controller.latency.count() > 0) {
            scale("latency of a controller", "controller.latency", controller.latency);
        }
        scale("bursts of a turn", "controller.burst_group", controller.burst_group);
        const modules::AccumulationConfig& accumulation = config_.memory.accumulation;
        scale("accumulation, sums in a cycle", "accumulation.operands_per_cycle",
              accumulation.operands_per_cycle);
        if (accumulation.latency.count() > 0) {
            scale("accumulation, latency", "accumulation.latency", accumulation.latency);
        }
        scale("link, latency", "link.latency", config_.link.latency);
        scale("link, bandwidth", "link.bandwidth", config_.link.bandwidth);
        using modules::PagePolicy;
        if (controller.page_policy != PagePolicy::timeout) {
            choose("page policy", "controller.page_policy",
                   controller.page_policy == PagePolicy::open ? "open" : "closed", {"open", "closed"});
        }
    }

    void choices() {
        choose("mapping", "mapping", to_string(config_.mapping),
               {"paper-numbers", "paper-text", "optimized"});
        choose("bits of a partial sum", "partial_sum_bits", fmt::format("{}", config_.partial_sum_bits),
               {"16", "32", "48"});
        const std::string weights = to_string(config_.weights);
        if (config_.memory.pcm.channels > 0) {
            choose("weights", "weights", weights, {"stream", "migrate"});
            choose("weights", "weights", weights, {"resident"}, {"pcm.channels=0"});
        }
    }

    const PlatformConfig& config_;
    std::vector<Variation> all_;
};

} // namespace

std::vector<Variation> design_variations(const PlatformConfig& config) {
    return Variations(config).all();
}

Variation variation_of(const std::string& setting) {
    const auto equals = setting.find('=');
    if (equals == 0 || equals == std::string::npos) {
        throw core::InputError(fmt::format("found {}, expected a key and its value, e.g. hydra.mac_cycles=4",
                                           core::in_quotes(setting)));
    }
    return {setting.substr(0, equals), "", setting.substr(equals + 1), {setting}};
}

} // namespace hydravp::platform
