// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/replay_writer.h"

#include "hydravp/platform/results_writer.h"

#include "results_json.h"
#include "text_table.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::platform {
namespace {

constexpr const char* schema_name = "hydravp-replay-1";

/// In the order of AccessKind.
constexpr std::array<const char*, workloads::access_kinds> traffic_names{"weights", "activations", "residual",
                                                                         "written"};

/// Nothing if nothing takes time.
std::optional<double> bandwidth_gb_s(const ReplayFigures& figures) {
    constexpr double gb_s_per_byte_ms = 1e-6;
    if (figures.time_ms <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(figures.traffic.total()) / figures.time_ms * gb_s_per_byte_ms;
}

void add_figures(Json& json, const ReplayFigures& figures) {
    json["time_ms"] = finite(figures.time_ms);
    json["accesses"] = figures.accesses;
    json["traffic"] = Json::object();
    for (std::size_t kind = 0; kind < traffic_names.size(); ++kind) {
        json["traffic"][traffic_names[kind]] = figures.traffic.bytes[kind];
    }
    json["traffic"]["total"] = figures.traffic.total();
    json["written_words"] = figures.written_bytes() / 2;
    const std::optional<double> bandwidth = bandwidth_gb_s(figures);
    json["bandwidth_gb_s"] = bandwidth ? Json(finite(*bandwidth)) : Json(nullptr);
    json["mean_latency_ns"] = finite(figures.mean_latency_ns);
    json["max_latency_ns"] = finite(figures.max_latency_ns);
    add_activity(json, figures.activity);
}

/// Appends `name value` pairs of everything in `json`, names joined with dots.
void flatten(const Json& json, const std::string& prefix,
             std::vector<std::pair<std::string, std::string>>& columns) {
    for (const auto& [name, value] : json.items()) {
        if (value.is_object()) {
            flatten(value, prefix + name + '.', columns);
        } else {
            columns.emplace_back(prefix + name, value.is_null()     ? ""
                                                : value.is_string() ? csv_field(value.get<std::string>())
                                                                    : value.dump());
        }
    }
}

Json layer_json(const ReplayLayerResult& layer) {
    Json json;
    json["name"] = layer.name;
    json["kind"] = layer.kind;
    json["start_ms"] = finite(layer.start_ms);
    add_figures(json, layer.figures);
    return json;
}

std::vector<std::string> table_row(const std::string& name, const std::string& kind,
                                   const ReplayFigures& figures) {
    std::vector<std::string> row{name, kind};
    for (const std::uint64_t bytes : figures.traffic.bytes) {
        row.push_back(fmt::format("{:.3f}", static_cast<double>(bytes) * 1e-6));
    }
    const std::optional<double> bandwidth = bandwidth_gb_s(figures);
    row.push_back(fmt::format("{:.4f}", figures.time_ms));
    row.push_back(bandwidth ? fmt::format("{:.3f}", *bandwidth) : "-");
    row.push_back(fmt::format("{:.1f}", figures.mean_latency_ns));
    row.push_back(fmt::format("{:.3f}", sum(figures.activity.energy_mj)));
    row.push_back(fmt::format("{}", figures.written_bytes() / 2));
    return row;
}

} // namespace

void write_replay_json(const std::string& path, const ReplayResults& results) {
    Json json;
    json["schema"] = schema_name;
    json["complete"] = results.complete;
    json["memory"] = results.memory;
    json["network"] = results.network;
    json["transfers"] = results.transfers;
    json["mapping"] = results.mapping;
    json["access_bytes"] = results.access_bytes;
    json["outstanding"] = results.outstanding;
    add_figures(json, results.total);
    json["layers"] = Json::array();
    for (const ReplayLayerResult& layer : results.layers) {
        json["layers"].push_back(layer_json(layer));
    }
    json["host"]["wall_s"] = finite(results.host.wall_s);
    json["host"]["peak_rss_mb"] = finite(results.host.peak_rss_mb);
    json["host"]["kernel_events"] = results.host.kernel_events;
    write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void write_replay_csv(const std::string& path, const ReplayResults& results) {
    std::string head;
    std::string rows;
    for (const ReplayLayerResult& layer : results.layers) { // all have the same accounts
        std::vector<std::pair<std::string, std::string>> columns;
        flatten(layer_json(layer), "", columns);
        std::string names;
        for (const auto& [name, value] : columns) {
            names += (names.empty() ? "" : ",") + csv_field(name);
        }
        head = names + '\n';
        for (std::size_t i = 0; i < columns.size(); ++i) {
            rows += (i == 0 ? "" : ",") + columns[i].second;
        }
        rows += '\n';
    }
    write_file(path, head + rows);
}

std::string format_replay(const ReplayResults& results) {
    std::string text =
        fmt::format("{} replayed into {}: transfers {}, mapping {}, accesses of {} bytes, {} under way\n",
                    results.network, results.memory, results.transfers, results.mapping, results.access_bytes,
                    results.outstanding);
    if (!results.complete) {
        text += "INCOMPLETE: the replay ended before its last layer; these are the complete layers\n";
    }
    text += '\n';
    TextTable table({"layer", "kind", "weights [MB]", "activations [MB]", "residual [MB]", "written [MB]",
                     "time [ms]", "bandwidth [GB/s]", "mean latency [ns]", "energy [mJ]", "written words"},
                    2);
    table.add_rule();
    for (const ReplayLayerResult& layer : results.layers) {
        table.add(table_row(layer.name, layer.kind, layer.figures));
    }
    table.add_rule();
    table.add(table_row("total", "", results.total));
    text += table.text();
    text += fmt::format("\naccesses  {}, at most {:.1f} ns each\n", results.total.accesses,
                        results.total.max_latency_ns);
    text += fmt::format("\nenergy [mJ], total {:.3f}\n", sum(results.total.activity.energy_mj));
    text += list_figures(results.total.activity.energy_mj, "{:.4f}");
    text += "\nwritten words (16 bit)\n";
    text += list_figures(results.total.activity.writes, "{:.0f}");
    return text;
}

} // namespace hydravp::platform
