// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/results_collector.h"

#include "hydravp/core/meter.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace hydravp::platform {

namespace {

constexpr double mj_per_pj = 1e-9;
constexpr double ms_per_ps = 1e-9;

/// Figures that are always there, even if nothing of the kind happened.
Activity empty_activity() {
    Activity activity;
    for (const char* name : {"dram_read", "dram_written", "pcm_read", "pcm_written"}) {
        activity.bytes[name] = 0;
    }
    for (const char* name :
         {"dram_words", "pcm_words", "pcm_words_avoided", "dram_array_words", "pcm_array_words"}) {
        activity.writes[name] = 0;
    }
    for (const char* name : {"mac", "pool", "chip_bus", "channel", "pcm"}) {
        activity.busy_ms[name] = 0;
    }
    return activity;
}

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

/// Adds one account's share to an activity; busy times of several instances don't add up, the busiest counts.
void add(Activity& activity, const core::Meter::AccountData& account, double amount) {
    switch (account.quantity) {
    case core::Quantity::energy:
        activity.energy_mj[account.name] += amount * mj_per_pj;
        break;
    case core::Quantity::bytes:
        activity.bytes[account.name] += amount;
        break;
    case core::Quantity::words:
        activity.writes[account.name] += amount;
        for (const char* memory : {"dram_words", "pcm_words"}) { // sums over the causes
            if (starts_with(account.name, std::string(memory) + "_") && account.name != "pcm_words_avoided") {
                activity.writes[memory] += amount;
            }
        }
        break;
    case core::Quantity::busy: {
        double& busiest = activity.busy_ms[account.name];
        busiest = std::max(busiest, amount * ms_per_ps);
        break;
    }
    case core::Quantity::count:
        if (account.name != "macs" && !starts_with(account.name, "load_")) { // they have fields of their own
            activity.counts[account.name] += amount;
        }
        break;
    }
}

/// The resource with the largest busy time; none if nothing took any time.
std::string busiest(const Figures& busy_ms) {
    const auto busy = std::max_element(busy_ms.begin(), busy_ms.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return busy->second > 0 ? busy->first : std::string{};
}

/// Of all layers and of none.
double sum(const core::Meter::AccountData& account) {
    return std::accumulate(account.by_layer.begin(), account.by_layer.end(), account.unattributed);
}

double mean_ms(core::Picoseconds sum, double frames) {
    return core::to_ms(sum) / frames;
}

/// Makes the first `layers` layers, still without figures.
void add_layers(RunResults& results, const core::Network& network, std::size_t layers) {
    results.total = empty_activity();
    for (std::size_t i = 0; i < layers; ++i) {
        LayerResult layer;
        layer.name = network.layers[i].name;
        layer.kind = core::to_string(network.layers[i].kind);
        layer.activity = empty_activity();
        results.layers.push_back(std::move(layer));
    }
}

/// Adds what the meters show to the layers that there are and to the total.
/// @param frames the readings are divided by it
/// @param whole  also what belongs to no layer
void add_readings(RunResults& results, const MeterReadings& readings, double frames, bool whole) {
    double macs = 0;
    for (const auto& accounts : readings.meters()) {
        for (const core::Meter::AccountData& account : accounts) {
            double sum = whole ? account.unattributed : 0;
            for (std::size_t i = 0; i < std::min(account.by_layer.size(), results.layers.size()); ++i) {
                const double amount = account.by_layer[i];
                sum += amount;
                add(results.layers[i].activity, account, amount / frames);
                if (account.name == "macs") {
                    results.layers[i].macs += static_cast<std::uint64_t>(amount / frames);
                }
            }
            add(results.total, account, sum / frames);
            macs += account.name == "macs" ? sum : 0;
        }
    }
    results.macs = static_cast<std::uint64_t>(macs / frames);
    for (LayerResult& layer : results.layers) {
        layer.bound_by = busiest(layer.activity.busy_ms);
    }
}

/// What the background load got, if there was one.
/// @param whole simulated time of all frames
void add_load(RunResults& results, const MeterReadings& readings, double frames, core::Picoseconds whole) {
    double accesses = 0;
    double latency_ps = 0;
    for (const auto& accounts : readings.meters()) {
        for (const core::Meter::AccountData& account : accounts) {
            accesses += account.name == "load_accesses" ? sum(account) : 0;
            latency_ps += account.name == "load_latency_ps" ? sum(account) : 0;
        }
    }
    if (accesses > 0) {
        constexpr double ns_per_ps = 1e-3;
        constexpr double gb_s_per_byte_ms = 1e-6;
        LoadFigures& load = results.load.emplace();
        load.accesses = accesses / frames;
        load.mean_latency_ns = latency_ps / accesses * ns_per_ps;
        load.bandwidth_gb_s = results.total.bytes["load"] / mean_ms(whole, frames) * gb_s_per_byte_ms;
    }
}

bool fewer_frames(const FrameTimes& a, const FrameTimes& b) {
    return a.frames < b.frames;
}

/// @param time_share what the sums of times are divided by
/// @param images     what all other sums are divided by
void collect(RunResults& results, const core::Network& network, const std::vector<FrameTimes>& frames,
             const MeterReadings& readings, double time_share, double images) {
    core::Picoseconds latency{0};
    core::Picoseconds whole{0};
    for (const FrameTimes& frame : frames) {
        latency += frame.latency();
        whole += frame.end - frame.begin;
    }
    results.latency_ms = mean_ms(latency, time_share);
    results.control_ms = mean_ms(whole - latency, time_share);
    add_layers(results, network, network.layers.size());
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        core::Picoseconds start{0};
        core::Picoseconds end{0};
        for (const FrameTimes& frame : frames) {
            start += frame.layers[i].start - frame.layers.front().start;
            end += frame.layers[i].end - frame.layers.front().start;
        }
        results.layers[i].start_ms = mean_ms(start, time_share);
        results.layers[i].end_ms = mean_ms(end, time_share);
    }
    add_readings(results, readings, images, true);
    add_load(results, readings, time_share, whole);
}

} // namespace

void MeterReadings::update() {
    if (meters_.empty()) {
        meters_ = core::collect_meters();
        accounts_.resize(meters_.size());
    }
    for (std::size_t i = 0; i < meters_.size(); ++i) {
        accounts_[i] = meters_[i]->accounts();
    }
}

Activity activity_between(const MeterReadings& before, const MeterReadings& after) {
    Activity activity;
    for (std::size_t meter = 0; meter < after.meters().size(); ++meter) {
        for (std::size_t i = 0; i < after.meters()[meter].size(); ++i) {
            const core::Meter::AccountData& account = after.meters()[meter][i];
            const double earlier = before.meters().empty() ? 0 : sum(before.meters()[meter][i]);
            add(activity, account, sum(account) - earlier);
        }
    }
    return activity;
}

void collect_results(RunResults& results, const core::Network& network,
                     const std::vector<FrameTimes>& frames) {
    MeterReadings readings;
    readings.update();
    collect_results(results, network, frames, readings);
}

void collect_results(RunResults& results, const core::Network& network, const std::vector<FrameTimes>& frames,
                     const MeterReadings& readings) {
    const std::uint64_t images =
        std::accumulate(frames.begin(), frames.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const FrameTimes& times) { return sum + times.frames; });
    collect(results, network, frames, readings, static_cast<double>(images), static_cast<double>(images));
    const std::uint32_t largest = std::max_element(frames.begin(), frames.end(), fewer_frames)->frames;
    if (largest > 1) {
        core::Picoseconds sum{0};
        std::int64_t full = 0;
        for (const FrameTimes& times : frames) {
            if (times.frames == largest) {
                sum += times.latency();
                ++full;
            }
        }
        results.batch = BatchFigures{largest, mean_ms(sum, static_cast<double>(full))};
    }
}

void collect_batch_results(RunResults& results, const core::Network& network,
                           const std::vector<FrameTimes>& batches, const MeterReadings& readings,
                           std::uint64_t images) {
    collect(results, network, batches, readings, static_cast<double>(batches.size()),
            static_cast<double>(images));
}

void collect_partial_results(RunResults& results, const core::Network& network,
                             const std::vector<modules::LayerInterval>& layers, std::uint32_t frames) {
    add_layers(results, network, layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        results.layers[i].start_ms = mean_ms(layers[i].start - layers.front().start, frames);
        results.layers[i].end_ms = mean_ms(layers[i].end - layers.front().start, frames);
    }
    results.latency_ms = layers.empty() ? 0 : results.layers.back().end_ms;
    MeterReadings readings;
    readings.update();
    add_readings(results, readings, frames, false);
}

void collect_load_alone(RunResults& results, core::Picoseconds duration) {
    results.frames = 1;
    results.latency_ms = core::to_ms(duration);
    MeterReadings readings;
    readings.update();
    results.total = activity_between({}, readings); // also refreshes that would be charged to a first layer
    Activity nothing = empty_activity();
    results.total.bytes.merge(nothing.bytes);
    results.total.writes.merge(nothing.writes);
    results.total.busy_ms.merge(nothing.busy_ms);
    add_load(results, readings, 1, duration);
}

void add_load_latencies(RunResults& results, const core::LatencyHistogram& latencies) {
    if (!results.load) {
        return;
    }
    const auto ns = [](core::Picoseconds time) { return static_cast<double>(time.count()) * 1e-3; };
    results.load->median_latency_ns = ns(latencies.percentile(50));
    results.load->p95_latency_ns = ns(latencies.percentile(95));
    results.load->p99_latency_ns = ns(latencies.percentile(99));
    results.load->max_latency_ns = ns(latencies.max());
}

} // namespace hydravp::platform
