// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/results.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// One run that a study takes figures from: `hydravp run --network NETWORK --set OVERRIDE...`.
struct StudyRun {
    std::string name;
    std::string network;
    std::vector<std::string> overrides;
};

/// The figures of each run by the run's name; a figure is named by its place in results.json,
/// e.g. `/writes/pcm_words_avoided`.
using Measurements = std::map<std::string, Figures>;

/// One figure of a paper, and how the model's is found.
struct StudyRow {
    std::string name;
    std::string unit;
    double paper = 0;
    /// Tolerance in the row's unit: half of the last digit that the paper prints. Absent: the row informs
    /// only, because the paper assumes something else than the model.
    std::optional<double> rounding;
    std::function<double(const Measurements&)> model;
    bool calibrated = false; ///< depends on a value that was fitted to the paper's figures
    std::string note;
};

/// The figures of one paper.
struct Study {
    std::string name;
    std::string description;
    std::vector<StudyRun> runs;
    std::vector<StudyRow> rows;
};

/// The studies that `hydravp reproduce` knows.
const std::vector<Study>& known_studies();
/// Throws core::InputError if there is none of that name.
const Study& find_study(const std::string& name);

struct ReproducedRow {
    std::string name;
    std::string unit;
    double paper = 0;
    double model = 0;
    double deviation = 0;            ///< of the model from the paper, in percent of the paper's figure
    std::optional<double> tolerance; ///< in percent; absent: the row informs only
    bool calibrated = false;
    std::string note;

    bool within() const { return !tolerance || (deviation <= *tolerance && -deviation <= *tolerance); }
};

/// What `hydravp reproduce` reports: the content of reproduce.json.
struct Reproduction {
    std::string study;
    std::string platform;
    std::vector<std::string> overrides; ///< the user's, which hold for every run
    std::vector<ReproducedRow> rows;
};

/// Compares the runs' figures with the paper's. Throws core::SimulationError if a figure is missing.
std::vector<ReproducedRow> compare(const Study& study, const Measurements& measurements);

/// Every number in a results.json, named by its place. Throws core::SimulationError if there is none.
Figures read_results_json(const std::string& path);

/// reproduce.json (as docs/reproduction.schema.json describes it), reproduce.csv and reproduce.md in the
/// folder.
void write_reproduction(const std::string& folder, const Reproduction& reproduction);

/// A table of the rows, for a terminal.
std::string format_reproduction(const Reproduction& reproduction);

} // namespace hydravp::platform
