// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/reproduction.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/results_writer.h"

#include "text_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

namespace hydravp::platform {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema_name = "hydravp-reproduction-1";

std::string value(double number) {
    const bool whole = std::abs(number) >= 1000 && number == std::floor(number);
    return fmt::format(fmt::runtime(whole ? "{:.0f}" : "{:.4f}"), number);
}

std::string tolerance(const ReproducedRow& row) {
    return row.tolerance ? fmt::format("{:.4f}", *row.tolerance) : "-";
}

std::string verdict(const ReproducedRow& row) {
    return !row.tolerance ? "-" : row.within() ? "yes" : "NO";
}

std::vector<std::string> cells(const ReproducedRow& row) {
    return {row.name,
            row.unit,
            value(row.paper),
            value(row.model),
            fmt::format("{:+.4f}", row.deviation),
            tolerance(row),
            verdict(row),
            row.calibrated ? "yes" : "no",
            row.note};
}

const std::vector<std::string> head{"row",           "unit",   "paper",      "model", "deviation [%]",
                                    "tolerance [%]", "within", "calibrated", "note"};

std::string title(const Reproduction& reproduction) {
    std::string text =
        fmt::format("figures of the paper '{}' on {}", reproduction.study, reproduction.platform);
    for (const std::string& setting : reproduction.overrides) {
        text += ", " + setting;
    }
    return text;
}

std::string json_text(const Reproduction& reproduction) {
    Json json;
    json["schema"] = schema_name;
    json["study"] = reproduction.study;
    json["platform"] = reproduction.platform;
    json["overrides"] = reproduction.overrides;
    json["within"] = std::all_of(reproduction.rows.begin(), reproduction.rows.end(),
                                 [](const ReproducedRow& row) { return row.within(); });
    json["rows"] = Json::array();
    for (const ReproducedRow& row : reproduction.rows) {
        Json entry;
        entry["name"] = row.name;
        entry["unit"] = row.unit;
        entry["paper"] = row.paper;
        entry["model"] = row.model;
        entry["deviation"] = row.deviation;
        entry["tolerance"] = row.tolerance ? Json(*row.tolerance) : Json(nullptr);
        entry["within"] = row.tolerance ? Json(row.within()) : Json(nullptr);
        entry["calibrated"] = row.calibrated;
        entry["note"] = row.note;
        json["rows"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string csv_text(const Reproduction& reproduction) {
    std::string text = "name,unit,paper,model,deviation,tolerance,calibrated,note\n";
    for (const ReproducedRow& row : reproduction.rows) {
        text += fmt::format("{},{},{},{},{},{},{},{}\n", csv_field(row.name), csv_field(row.unit), row.paper,
                            row.model, row.deviation, row.tolerance ? fmt::format("{}", *row.tolerance) : "",
                            row.calibrated, csv_field(row.note));
    }
    return text;
}

std::string markdown_text(const Reproduction& reproduction) {
    const auto line = [](const std::vector<std::string>& row) {
        std::string text = "|";
        for (std::string cell : row) {
            for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) {
                cell.insert(at, "\\");
            }
            text += ' ' + cell + " |";
        }
        return text + '\n';
    };
    std::string text = title(reproduction) + "\n\n" + line(head);
    text += "|---|---|--:|--:|--:|--:|---|---|---|\n";
    for (const ReproducedRow& row : reproduction.rows) {
        text += line(cells(row));
    }
    return text;
}

} // namespace

std::vector<ReproducedRow> compare(const Study& study, const Measurements& measurements) {
    std::vector<ReproducedRow> rows;
    for (const StudyRow& row : study.rows) {
        ReproducedRow result;
        result.name = row.name;
        result.unit = row.unit;
        result.paper = row.paper;
        result.model = row.model(measurements);
        if (!std::isfinite(result.model)) {
            throw core::SimulationError(fmt::format("{}: the figure is not a number", row.name));
        }
        result.deviation = 100 * (result.model - row.paper) / row.paper;
        if (row.rounding) {
            result.tolerance = 100 * *row.rounding / row.paper;
        }
        result.calibrated = row.calibrated;
        result.note = row.note;
        rows.push_back(std::move(result));
    }
    return rows;
}

Figures read_results_json(const std::string& path) {
    std::ifstream file(path);
    const Json json = Json::parse(file, nullptr, false);
    if (json.is_discarded()) {
        throw core::SimulationError(fmt::format("{}: found no results", path));
    }
    Figures figures;
    const Json flat = json.flatten();
    for (const auto& [place, entry] : flat.items()) {
        if (entry.is_number()) {
            figures[place] = entry.get<double>();
        }
    }
    return figures;
}

void write_reproduction(const std::string& folder, const Reproduction& reproduction) {
    const std::filesystem::path path(folder);
    write_file((path / "reproduce.csv").string(), csv_text(reproduction));
    write_file((path / "reproduce.md").string(), markdown_text(reproduction));
    write_file((path / "reproduce.json").string(), json_text(reproduction));
}

std::string format_reproduction(const Reproduction& reproduction) {
    TextTable table(head, 2, 4);
    table.add_rule();
    for (const ReproducedRow& row : reproduction.rows) {
        table.add(cells(row));
    }
    return title(reproduction) + "\n\n" + table.text();
}

} // namespace hydravp::platform
