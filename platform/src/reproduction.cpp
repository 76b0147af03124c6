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
#include <utility>

namespace hydravp::platform {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema_name = "hydravp-reproduction-1";

std::string value(const std::optional<double>& number) {
    if (!number) {
        return "-";
    }
    const double size = std::abs(*number);
    const bool whole = *number == std::floor(*number) && size < 1e15;
    return fmt::format(fmt::runtime(whole          ? "{:.0f}"
                                    : size >= 1e7  ? "{:.4e}"
                                    : size >= 0.01 ? "{:.4f}"
                                                   : "{:.3g}"),
                       *number);
}

std::string percent(const std::optional<double>& number, const char* format) {
    return number ? fmt::format(fmt::runtime(format), *number) : "-";
}

std::string verdict(const ReproducedRow& row) {
    return !row.tolerance ? "-" : row.within() ? "yes" : "NO";
}

std::vector<std::string> cells(const ReproducedRow& row) {
    return {row.name,
            row.unit,
            value(row.paper),
            value(row.model),
            value(row.timed),
            percent(row.deviation, "{:+.4f}"),
            percent(row.tolerance, "{:.4f}"),
            verdict(row),
            row.calibrated ? "yes" : "no",
            row.note};
}

const std::vector<std::string> head{"row",           "unit",          "paper",  "model",      "timed",
                                    "deviation [%]", "tolerance [%]", "within", "calibrated", "note"};

/// Calls begin(section) before the first row of each section, and row(row) for each.
template <class Begin, class Row>
void for_each_section(const Reproduction& reproduction, Begin begin, Row row) {
    const std::string* section = nullptr;
    for (const ReproducedRow& reproduced : reproduction.rows) {
        if (section == nullptr || *section != reproduced.section) {
            section = &reproduced.section;
            begin(*section);
        }
        row(reproduced);
    }
}

Json optional_number(const std::optional<double>& number) {
    return number ? Json(*number) : Json(nullptr);
}

std::string csv_number(const std::optional<double>& number) {
    return number ? fmt::format("{}", *number) : "";
}

std::string title(const Reproduction& reproduction) {
    std::string text =
        fmt::format("figures of the paper '{}' on {}", reproduction.study, reproduction.platform);
    for (const std::string& setting : reproduction.overrides) {
        text += ", " + setting;
    }
    return text;
}

constexpr const char* about_columns =
    "model: with the transfer model that the paper assumes; timed: the same with timed transfers; "
    "calibrated: "
    "depends on a value that was\nfitted to figures of the paper; -: no such figure\n";

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
        entry["section"] = row.section;
        entry["name"] = row.name;
        entry["unit"] = row.unit;
        entry["paper"] = optional_number(row.paper);
        entry["model"] = optional_number(row.model);
        entry["timed"] = optional_number(row.timed);
        entry["deviation"] = optional_number(row.deviation);
        entry["tolerance"] = optional_number(row.tolerance);
        entry["within"] = row.tolerance ? Json(row.within()) : Json(nullptr);
        entry["calibrated"] = row.calibrated;
        entry["note"] = row.note;
        json["rows"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string csv_text(const Reproduction& reproduction) {
    std::string text = "section,name,unit,paper,model,timed,deviation,tolerance,calibrated,note\n";
    for (const ReproducedRow& row : reproduction.rows) {
        text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", csv_field(row.section), csv_field(row.name),
                            csv_field(row.unit), csv_number(row.paper), csv_number(row.model),
                            csv_number(row.timed), csv_number(row.deviation), csv_number(row.tolerance),
                            row.calibrated, csv_field(row.note));
    }
    return text;
}

std::string markdown_text(const Reproduction& reproduction) {
    std::string text = "# " + title(reproduction) + '\n' + about_columns;
    for_each_section(
        reproduction,
        [&](const std::string& section) {
            text += fmt::format("\n## {}\n\n{}|---|---|--:|--:|--:|--:|--:|---|---|---|\n", section,
                                markdown_row(head));
        },
        [&](const ReproducedRow& row) { text += markdown_row(cells(row)); });
    return text;
}

} // namespace

std::vector<ReproducedRow> compare(const Study& study, const Measurements& measurements) {
    std::vector<ReproducedRow> rows;
    for (const StudyRow& row : study.rows) {
        ReproducedRow result;
        result.section = row.section;
        result.name = row.name;
        result.unit = row.unit;
        result.paper = row.paper;
        for (const auto& [figure, place] :
             {std::pair(&row.model, &result.model), {&row.timed, &result.timed}}) {
            if (*figure) {
                *place = (*figure)(measurements);
                if (!std::isfinite(**place)) {
                    throw core::SimulationError(
                        fmt::format("{}, {}: the figure is not a number", row.section, row.name));
                }
            }
        }
        if (row.paper && result.model) {
            result.deviation = 100 * (*result.model - *row.paper) / *row.paper;
            if (row.rounding) {
                result.tolerance = 100 * *row.rounding / *row.paper;
            }
        }
        result.calibrated = row.calibrated;
        result.note = row.note;
        rows.push_back(std::move(result));
    }
    return rows;
}

double figure_of(const Measurements& measurements, const std::string& run, const std::string& place) {
    const auto figures = measurements.find(run);
    if (figures == measurements.end()) {
        throw core::SimulationError(fmt::format("the run '{}' has no results", run));
    }
    const auto value = figures->second.find(place);
    if (value == figures->second.end()) {
        throw core::SimulationError(fmt::format("the results of '{}' have no figure {}", run, place));
    }
    return value->second;
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
    std::string text = title(reproduction) + '\n' + about_columns;
    std::optional<TextTable> table;
    const auto finish = [&] { text += table ? table->text() : ""; };
    for_each_section(
        reproduction,
        [&](const std::string& section) {
            finish();
            text += '\n' + section + "\n\n";
            table.emplace(head, 2, 5);
            table->add_rule();
        },
        [&](const ReproducedRow& row) { table->add(cells(row)); });
    finish();
    return text;
}

} // namespace hydravp::platform
