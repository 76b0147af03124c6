// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/results_collector.h"

#include "hydravp/core/meter.h"

#include <algorithm>
#include <map>

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

double mean_ms(core::Picoseconds sum, double frames) {
    return core::to_ms(sum) / frames;
}

} // namespace

void collect_results(RunResults& results, const core::Network& network,
                     const std::vector<FrameTimes>& frames) {
    const auto count = static_cast<double>(frames.size());
    core::Picoseconds latency{0};
    core::Picoseconds whole{0};
    for (const FrameTimes& frame : frames) {
        latency += frame.latency();
        whole += frame.end - frame.begin;
    }
    results.latency_ms = mean_ms(latency, count);
    results.control_ms = mean_ms(whole - latency, count);
    results.total = empty_activity();
    results.layers.resize(network.layers.size());
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        core::Picoseconds start{0};
        core::Picoseconds end{0};
        for (const FrameTimes& frame : frames) {
            start += frame.layers[i].start - frame.layers.front().start;
            end += frame.layers[i].end - frame.layers.front().start;
        }
        LayerResult& layer = results.layers[i];
        layer.name = network.layers[i].name;
        layer.kind = core::to_string(network.layers[i].kind);
        layer.start_ms = mean_ms(start, count);
        layer.end_ms = mean_ms(end, count);
        layer.activity = empty_activity();
    }
    double macs = 0;
    double load_accesses = 0;
    double load_latency_ps = 0;
    for (const core::Meter* meter : core::collect_meters()) {
        for (const core::Meter::AccountData& account : meter->accounts()) {
            double sum = account.unattributed;
            for (std::size_t i = 0; i < std::min(account.by_layer.size(), results.layers.size()); ++i) {
                const double amount = account.by_layer[i];
                sum += amount;
                add(results.layers[i].activity, account, amount / count);
                if (account.name == "macs") {
                    results.layers[i].macs += static_cast<std::uint64_t>(amount / count);
                }
            }
            add(results.total, account, sum / count);
            macs += account.name == "macs" ? sum : 0;
            load_accesses += account.name == "load_accesses" ? sum : 0;
            load_latency_ps += account.name == "load_latency_ps" ? sum : 0;
        }
    }
    results.macs = static_cast<std::uint64_t>(macs / count);
    if (load_accesses > 0) {
        constexpr double ns_per_ps = 1e-3;
        constexpr double gb_s_per_byte_ms = 1e-6;
        results.load = LoadFigures{load_accesses / count, load_latency_ps / load_accesses * ns_per_ps,
                                   results.total.bytes["load"] / mean_ms(whole, count) * gb_s_per_byte_ms};
    }
    for (LayerResult& layer : results.layers) {
        layer.bound_by = busiest(layer.activity.busy_ms);
    }
}

} // namespace hydravp::platform
