// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/sensitivity.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/mapping_report.h"
#include "hydravp/platform/results_writer.h"

#include "results_json.h"
#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace hydravp::platform {
namespace {

constexpr const char* schema_name = "hydravp-sensitivity-1";
constexpr const char* base_run = "base";

std::string run_name(std::size_t row) {
    return fmt::format("variation{}", row);
}

SensitivityFrame frame_of(const Measurements& measurements, const std::string& run) {
    SensitivityFrame frame;
    frame.latency_ms = figure_of(measurements, run, "/latency_ms");
    frame.energy_mj = figure_of(measurements, run, "/energy_mj/total");
    for (const char* resource : {"mac", "pool", "chip_bus", "channel", "pcm"}) {
        const double share =
            figure_of(measurements, run, std::string("/busy_ms/") + resource) / frame.latency_ms;
        if (share > frame.busy_share) {
            frame.busy_share = share;
            frame.busiest = resource;
        }
    }
    return frame;
}

std::string title(const Sensitivity& sensitivity) {
    std::string text = fmt::format("{} on {}", sensitivity.network, sensitivity.platform);
    for (const std::string& setting : sensitivity.overrides) {
        text += ", " + setting;
    }
    const SensitivityFrame& base = sensitivity.base;
    return text +
           fmt::format("\nas it is: {:.4f} ms, {:.3f} mJ per frame; {} busy for {:.1f} % of the frame\n",
                       base.latency_ms, base.energy_mj, base.busiest, 100 * base.busy_share);
}

const std::vector<std::string> head{"parameter",   "from",   "to",       "frame [ms]", "factor",
                                    "energy [mJ]", "factor", "busy [%]", "busiest"};

std::vector<std::string> cells(const Sensitivity& sensitivity, const SensitivityRow& row) {
    const Variation& variation = row.variation;
    if (!row.frame) {
        return {variation.parameter, variation.from, variation.to, "-", "-", "-", "-", "-", row.refused};
    }
    return {variation.parameter,
            variation.from,
            variation.to,
            fmt::format("{:.4f}", row.frame->latency_ms),
            fmt::format("{:.3f}", row.frame->latency_ms / sensitivity.base.latency_ms),
            fmt::format("{:.3f}", row.frame->energy_mj),
            fmt::format("{:.3f}", row.frame->energy_mj / sensitivity.base.energy_mj),
            fmt::format("{:.1f}", 100 * row.frame->busy_share),
            row.frame->busiest};
}

Json frame_json(const SensitivityFrame& frame) {
    Json json;
    json["latency_ms"] = finite(frame.latency_ms);
    json["energy_mj"] = finite(frame.energy_mj);
    json["busiest"] = frame.busiest;
    json["busy_share"] = finite(frame.busy_share);
    return json;
}

std::string json_text(const Sensitivity& sensitivity) {
    Json json;
    json["schema"] = schema_name;
    json["platform"] = sensitivity.platform;
    json["network"] = sensitivity.network;
    json["overrides"] = sensitivity.overrides;
    json["base"] = frame_json(sensitivity.base);
    json["rows"] = Json::array();
    for (const SensitivityRow& row : sensitivity.rows) {
        Json entry;
        entry["parameter"] = row.variation.parameter;
        entry["from"] = row.variation.from;
        entry["to"] = row.variation.to;
        entry["overrides"] = row.variation.overrides;
        entry["frame"] = row.frame ? frame_json(*row.frame) : Json(nullptr);
        entry["latency_factor"] =
            row.frame ? Json(finite(row.frame->latency_ms / sensitivity.base.latency_ms)) : Json(nullptr);
        entry["energy_factor"] =
            row.frame ? Json(finite(row.frame->energy_mj / sensitivity.base.energy_mj)) : Json(nullptr);
        entry["refused"] = row.refused;
        json["rows"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string csv_text(const Sensitivity& sensitivity) {
    std::string text =
        "parameter,from,to,overrides,latency_ms,latency_factor,energy_mj,energy_factor,busiest,"
        "busy_share,refused\n";
    for (const SensitivityRow& row : sensitivity.rows) {
        text += fmt::format("{},{},{},{},", csv_field(row.variation.parameter), csv_field(row.variation.from),
                            csv_field(row.variation.to),
                            csv_field(fmt::format("{}", fmt::join(row.variation.overrides, "; "))));
        if (row.frame) {
            text += fmt::format("{},{},{},{},{},{},", row.frame->latency_ms,
                                row.frame->latency_ms / sensitivity.base.latency_ms, row.frame->energy_mj,
                                row.frame->energy_mj / sensitivity.base.energy_mj, row.frame->busiest,
                                row.frame->busy_share);
        } else {
            text += ",,,,,,";
        }
        text += csv_field(row.refused) + '\n';
    }
    return text;
}

std::string markdown_text(const Sensitivity& sensitivity) {
    std::string text =
        "# " + title(sensitivity) + '\n' + markdown_row(head) + "|---|---|---|--:|--:|--:|--:|--:|---|\n";
    for (const SensitivityRow& row : sensitivity.rows) {
        text += markdown_row(cells(sensitivity, row));
    }
    return text;
}

} // namespace

std::vector<SensitivityRow> plan_sensitivity(const std::string& path,
                                             const std::vector<std::string>& overrides,
                                             const std::string& network,
                                             const std::vector<Variation>& variations) {
    std::vector<SensitivityRow> rows;
    for (const Variation& variation : variations) {
        SensitivityRow row{variation, std::nullopt, ""};
        std::vector<std::string> all = overrides;
        all.insert(all.end(), variation.overrides.begin(), variation.overrides.end());
        try {
            map_report(load_config(path, all), network);
        } catch (const core::InputError& e) {
            row.refused = e.what();
            std::replace(row.refused.begin(), row.refused.end(), '\n', ' ');
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<StudyRun> sensitivity_runs(const std::string& network, const std::vector<SensitivityRow>& rows) {
    const std::vector<std::string> without_data{"--data", "timing"};
    std::vector<StudyRun> runs{{base_run, network, {}, "", without_data}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].refused.empty()) {
            runs.push_back({run_name(i), network, rows[i].variation.overrides, "", without_data});
        }
    }
    return runs;
}

void fill_in(Sensitivity& sensitivity, const Measurements& measurements) {
    sensitivity.base = frame_of(measurements, base_run);
    for (std::size_t i = 0; i < sensitivity.rows.size(); ++i) {
        if (sensitivity.rows[i].refused.empty()) {
            sensitivity.rows[i].frame = frame_of(measurements, run_name(i));
        }
    }
    std::stable_sort(sensitivity.rows.begin(), sensitivity.rows.end(),
                     [](const SensitivityRow& a, const SensitivityRow& b) {
                         return a.frame && (!b.frame || a.frame->latency_ms < b.frame->latency_ms);
                     });
}

std::string format_sensitivity(const Sensitivity& sensitivity) {
    TextTable table(head, 3, 5);
    table.add_rule();
    for (const SensitivityRow& row : sensitivity.rows) {
        table.add(cells(sensitivity, row));
    }
    return title(sensitivity) + '\n' + table.text();
}

void write_sensitivity(const std::string& folder, const Sensitivity& sensitivity) {
    const std::filesystem::path path(folder);
    write_file((path / "sensitivity.csv").string(), csv_text(sensitivity));
    write_file((path / "sensitivity.md").string(), markdown_text(sensitivity));
    write_file((path / "sensitivity.json").string(), json_text(sensitivity));
}

} // namespace hydravp::platform
