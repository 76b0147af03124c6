// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/trace_replay.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/platform/results_collector.h"

#include "channel_energy.h"
#include "memory_alone.h"
#include "simulate.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>

namespace hydravp::platform {

namespace {

using core::Picoseconds;

/// A player and its memory. Accesses move no data: nobody looks at them, and the cells of a long trace would
/// fill the host's memory.
class TraceMachine : public MemoryAlone {
public:
    workloads::TracePlayer player;

    TraceMachine(const sc_core::sc_module_name& name, const ReplayMemory& memory,
                 std::unique_ptr<workloads::TraceReader> reader, const workloads::TracePlayerConfig& config)
        : MemoryAlone(name, memory, false), player("player", std::move(reader), config) {
        player.memory.bind(front());
        player.prepare = [this](tlm::tlm_generic_payload& payload) {
            payload.set_data_ptr(nullptr);
            payload.set_extension(&without_data_); // a channel takes only requests of its kind without data
        };
    }

private:
    modules::ChannelRequest without_data_;
};

void check_options(const TraceReplayOptions& options) {
    constexpr std::uint32_t most = 65536;
    if (options.outstanding == 0 || options.outstanding > most) {
        throw core::InputError(fmt::format("--outstanding: found {}, expected a whole number from 1 to {}",
                                           options.outstanding, most));
    }
    if (options.bytes_per_access == 0 || options.bytes_per_access > workloads::largest_trace_access) {
        throw core::InputError(fmt::format("--access-bytes: found {}, expected a whole number from 1 to {}",
                                           options.bytes_per_access, workloads::largest_trace_access));
    }
    if (options.clock_period && options.clock_period->count() <= 0) {
        throw core::InputError("--clock-period: found 0, expected a period above zero");
    }
}

} // namespace

const char* to_string(workloads::TraceTiming timing) {
    return timing == workloads::TraceTiming::trace ? "trace" : "saturate";
}

TraceReplayResults replay_trace(const ReplayMemory& memory, const TraceReplayOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    check_options(options);
    workloads::TraceOptions reading;
    reading.format = options.format;
    reading.clock_period = options.clock_period.value_or(memory.config.memory.dram.technology.t_ck);
    reading.bytes_per_access = options.bytes_per_access;
    workloads::TracePlayerConfig config;
    config.timing = options.timing;
    config.outstanding = options.outstanding;
    config.limit = options.limit;
    std::unique_ptr<workloads::TraceReader> reader = workloads::open_trace(options.trace, reading);
    if (!reader->has_times()) {
        config.timing = workloads::TraceTiming::saturate;
    }
    TraceMachine machine("replay", memory, std::move(reader), config);
    workloads::TracePlayer& player = machine.player;
    bool stopped = false;
    player.heartbeat = [&] {
        if (options.progress) {
            options.progress(player.reader().progress());
        }
        if (options.stop && options.stop()) { // also where no time passes
            stopped = true;
            player.stop();
        }
    };

    MeterReadings start;
    start.update();
    const bool ended = simulate(
        player.finished_event(), [&player] { return player.finished(); }, options.stop);
    player.rethrow();
    if (ended && !player.finished()) {
        throw core::SimulationError("the simulation ended before the trace did");
    }
    if (ended && !stopped && player.statistics().accesses() == 0) {
        throw core::InputError(options.trace + ": found no access, expected at least one");
    }
    for (core::BackgroundConsumer* consumer : core::collect_background_consumers()) {
        consumer->charge_background(core::now(), core::no_layer);
    }
    machine.flush();
    MeterReadings end;
    end.update();

    TraceReplayResults results;
    results.complete = ended && !stopped;
    results.memory = memory.name;
    results.trace = options.trace;
    results.format = workloads::to_string(player.reader().format());
    results.transfers = to_string(memory.config.transfers);
    results.timing = to_string(config.timing);
    results.outstanding = options.outstanding;
    if (player.reader().counts_cycles()) {
        results.clock_period = reading.clock_period;
    }
    results.statistics = player.statistics();
    results.read = machine.read_statistics();
    results.write = machine.write_statistics();
    for (const MemoryAlone::Channel& channel : machine.channels()) {
        results.channels.push_back({channel.name, channel.channel->geometry().banks,
                                    channel.controller->statistics(),
                                    energy_of(*channel.channel, *channel.controller)});
    }
    results.activity = activity_between(start, end);
    results.host = host_figures(begin);
    return results;
}

} // namespace hydravp::platform
