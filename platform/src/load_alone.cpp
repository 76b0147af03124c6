// SPDX-License-Identifier: Apache-2.0
#include "load_alone.h"

#include "hydravp/core/error.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/quantity.h"
#include "hydravp/core/time.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/platform/results_collector.h"

#include "simulate.h"

#include <fmt/format.h>

#include <chrono>

namespace hydravp::platform {

RunResults run_load_alone(const PlatformConfig& config, const RunOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    const core::Picoseconds duration = *options.load_alone;
    if (config.host.load.cores == 0) {
        throw core::InputError(
            "host.load.cores: found 0, expected at least 1 core for a load without an inference");
    }
    if (duration.count() <= 0) {
        throw core::InputError(
            fmt::format("found {} for a load without an inference, expected a time above 0",
                        core::format_time(duration)));
    }
    const bool functional = options.functional.value_or(false);
    modules::check_hybrid_data("a load without data", config.memory, functional);
    HybridPlatform platform("platform", config, functional);
    platform.host.set_program([&](modules::Host&) {
        sc_core::wait(core::to_sc_time(duration));
        for (core::BackgroundConsumer* consumer : core::collect_background_consumers()) {
            consumer->charge_background(duration, core::no_layer);
        }
    });
    RunResults results;
    results.complete = simulate_host(platform, options.stop);
    results.platform = config.name;
    results.network = "none";
    results.transfers = to_string(config.transfers);
    results.mapping = to_string(config.mapping);
    results.partial_sum_bits = config.partial_sum_bits;
    results.precision = static_cast<int>(config.hydra.precision);
    results.data = functional ? "functional" : "timing";
    platform.dram.flush();
    for (const auto& channel : platform.pcm) {
        channel->flush();
    }
    collect_load_alone(results, results.complete ? duration : core::now());
    add_load_latencies(results, platform.load_latencies());
    results.host = host_figures(begin);
    return results;
}

} // namespace hydravp::platform
