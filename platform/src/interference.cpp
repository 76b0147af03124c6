// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/interference.h"

#include "hydravp/core/quantity.h"
#include "hydravp/platform/results_writer.h"

#include "results_json.h"
#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

namespace hydravp::platform {
namespace {

constexpr const char* schema_name = "hydravp-interference-1";
constexpr const char* alone = "inference";

std::string load_run(std::size_t rate) {
    return fmt::format("load{}", rate);
}
std::string both_run(std::size_t rate) {
    return fmt::format("both{}", rate);
}

double time_of(const Measurements& measurements, const std::string& run) {
    return figure_of(measurements, run, "/latency_ms") + figure_of(measurements, run, "/control_ms");
}

double channel_share(const Measurements& measurements, const std::string& run) {
    return figure_of(measurements, run, "/busy_ms/channel") / time_of(measurements, run);
}

std::string title(const Interference& interference) {
    std::string text =
        fmt::format("{} on {} beside a load of {} core{}", interference.network, interference.platform,
                    interference.cores, interference.cores == 1 ? "" : "s");
    for (const std::string& setting : interference.overrides) {
        text += ", " + setting;
    }
    return text + fmt::format("\nalone the frame takes {:.4f} ms, the channel is busy for {:.1f} % of it\n",
                              interference.frame_ms, 100 * interference.channel_inference);
}

const std::vector<std::string> head{
    "asked [GB/s]",    "frame [ms]",  "factor", "load alone [GB/s]", "beside [GB/s]", "factor",
    "mean alone [ns]", "beside [ns]", "factor", "95 % alone [ns]",   "beside [ns]",   "channel, load [%]",
    "both [%]"};

std::vector<std::string> cells(const InterferencePoint& point) {
    return {fmt::format("{:.2f}", point.asked_gb_s),
            fmt::format("{:.4f}", point.frame_ms.beside),
            fmt::format("{:.3f}", point.frame_slowdown()),
            fmt::format("{:.3f}", point.load_gb_s.alone),
            fmt::format("{:.3f}", point.load_gb_s.beside),
            fmt::format("{:.3f}", point.load_slowdown()),
            fmt::format("{:.1f}", point.mean_ns.alone),
            fmt::format("{:.1f}", point.mean_ns.beside),
            fmt::format("{:.3f}", point.access_slowdown()),
            fmt::format("{:.1f}", point.p95_ns.alone),
            fmt::format("{:.1f}", point.p95_ns.beside),
            fmt::format("{:.1f}", 100 * point.channel_load),
            fmt::format("{:.1f}", 100 * point.channel_together)};
}

constexpr std::pair<const char*, AloneAndBeside InterferencePoint::*> pairs[] = {
    {"frame_ms", &InterferencePoint::frame_ms}, {"load_gb_s", &InterferencePoint::load_gb_s},
    {"mean_ns", &InterferencePoint::mean_ns},   {"median_ns", &InterferencePoint::median_ns},
    {"p95_ns", &InterferencePoint::p95_ns},     {"p99_ns", &InterferencePoint::p99_ns}};

std::string json_text(const Interference& interference) {
    Json json;
    json["schema"] = schema_name;
    json["platform"] = interference.platform;
    json["network"] = interference.network;
    json["overrides"] = interference.overrides;
    json["cores"] = interference.cores;
    json["frame_ms"] = finite(interference.frame_ms);
    json["channel_inference"] = finite(interference.channel_inference);
    json["points"] = Json::array();
    for (const InterferencePoint& point : interference.points) {
        Json entry;
        entry["asked_gb_s"] = finite(point.asked_gb_s);
        for (const auto& [name, pair] : pairs) {
            entry[name] = {{"alone", finite((point.*pair).alone)}, {"beside", finite((point.*pair).beside)}};
        }
        entry["frame_slowdown"] = finite(point.frame_slowdown());
        entry["load_slowdown"] = finite(point.load_slowdown());
        entry["access_slowdown"] = finite(point.access_slowdown());
        entry["channel_load"] = finite(point.channel_load);
        entry["channel_together"] = finite(point.channel_together);
        json["points"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string csv_text(const Interference& interference) {
    std::string text = "asked_gb_s";
    for (const auto& [name, pair] : pairs) {
        text += fmt::format(",{}.alone,{}.beside", name, name);
    }
    text += ",frame_slowdown,load_slowdown,access_slowdown,channel_inference,channel_load,channel_together\n";
    for (const InterferencePoint& point : interference.points) {
        text += fmt::format("{}", point.asked_gb_s);
        for (const auto& [name, pair] : pairs) {
            text += fmt::format(",{},{}", (point.*pair).alone, (point.*pair).beside);
        }
        text += fmt::format(",{},{},{},{},{},{}\n", point.frame_slowdown(), point.load_slowdown(),
                            point.access_slowdown(), interference.channel_inference, point.channel_load,
                            point.channel_together);
    }
    return text;
}

std::string markdown_text(const Interference& interference) {
    std::string text = "# " + title(interference) + '\n' + markdown_row(head) + '|';
    for (std::size_t i = 0; i < head.size(); ++i) {
        text += "--:|";
    }
    text += '\n';
    for (const InterferencePoint& point : interference.points) {
        text += markdown_row(cells(point));
    }
    return text;
}

} // namespace

std::vector<core::Bandwidth> default_load_rates() {
    return {{0.1e9}, {0.25e9}, {0.5e9}, {1e9}, {2e9}};
}

std::uint32_t interfering_cores(const PlatformConfig& config) {
    return config.host.load.cores > 0 ? config.host.load.cores : std::max(config.host.cores, 2U) - 1;
}

StudyRun inference_alone(const std::string& network) {
    return {alone, network, {"host.load.cores=0"}, "", {}};
}

std::vector<StudyRun> interference_runs(const std::string& network, std::uint32_t cores,
                                        const std::vector<core::Bandwidth>& rates, core::Picoseconds frame) {
    std::vector<StudyRun> runs;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        const std::vector<std::string> load{fmt::format("host.load.cores={}", cores),
                                            "host.load.rate=" + core::format_bandwidth(rates[i])};
        runs.push_back({both_run(i), network, load, "", {}});
        runs.push_back({load_run(i), "", load, "", {"--load-alone", core::format_time(frame)}});
    }
    return runs;
}

core::Picoseconds frame_time(const Measurements& measurements) {
    constexpr double ps_per_ms = 1e9;
    return core::Picoseconds{std::llround(time_of(measurements, alone) * ps_per_ms)};
}

void fill_in(Interference& interference, const std::vector<core::Bandwidth>& rates,
             const Measurements& measurements) {
    interference.frame_ms = figure_of(measurements, alone, "/latency_ms");
    interference.channel_inference = channel_share(measurements, alone);
    for (std::size_t i = 0; i < rates.size(); ++i) {
        InterferencePoint point;
        point.asked_gb_s = rates[i].bytes_per_s * interference.cores * 1e-9;
        point.frame_ms = {interference.frame_ms, figure_of(measurements, both_run(i), "/latency_ms")};
        const auto of_load = [&](const char* name) {
            const std::string place = std::string("/load/") + name;
            return AloneAndBeside{figure_of(measurements, load_run(i), place),
                                  figure_of(measurements, both_run(i), place)};
        };
        point.load_gb_s = of_load("bandwidth_gb_s");
        point.mean_ns = of_load("mean_latency_ns");
        point.median_ns = of_load("median_latency_ns");
        point.p95_ns = of_load("p95_latency_ns");
        point.p99_ns = of_load("p99_latency_ns");
        point.channel_load = channel_share(measurements, load_run(i));
        point.channel_together = channel_share(measurements, both_run(i));
        interference.points.push_back(point);
    }
}

void write_interference(const std::string& folder, const Interference& interference) {
    const std::filesystem::path path(folder);
    write_file((path / "interference.csv").string(), csv_text(interference));
    write_file((path / "interference.md").string(), markdown_text(interference));
    write_file((path / "interference.json").string(), json_text(interference));
}

std::string format_interference(const Interference& interference) {
    TextTable table(head, 0);
    table.add_rule();
    for (const InterferencePoint& point : interference.points) {
        table.add(cells(point));
    }
    return title(interference) + '\n' + table.text();
}

} // namespace hydravp::platform
