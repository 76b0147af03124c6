// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"
#include "hydravp/platform/results.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// One run that a study takes figures from: `hydravp run --network NETWORK --set OVERRIDE... ARGUMENT...`.
struct StudyRun {
    std::string name;
    std::string network; ///< empty: none is named
    std::vector<std::string> overrides;
    std::string platform; ///< a shipped configuration such as `pure-dram.yaml`; empty: the user's
    std::vector<std::string> arguments = {};
};

/// The figures of each run by the run's name; a figure is named by its place in results.json,
/// e.g. `/writes/pcm_words_avoided`, or `/config/...` for a value of the run's configuration.
using Measurements = std::map<std::string, Figures>;
/// One of them. Throws core::SimulationError if there is none.
double figure_of(const Measurements& measurements, const std::string& run, const std::string& place);
using ModelFigure = std::function<double(const Measurements&)>;

/// One figure of a paper, or a part of one of its drawings, and how the model's is found.
struct StudyRow {
    std::string section; ///< where in the paper, e.g. `Table II`
    std::string name;    ///< unique within the section
    std::string unit;
    std::optional<double> paper; ///< as it prints it; absent: a drawing without numbers
    /// Tolerance in the row's unit: half of the last digit that the paper prints. Absent: the row informs
    /// only, because the paper assumes something else than the model.
    std::optional<double> rounding;
    ModelFigure model;       ///< with the transfer model that the paper assumes; empty: not modelled
    ModelFigure timed;       ///< the same with timed transfers; empty: there is no such figure
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
    std::string section;
    std::string name;
    std::string unit;
    std::optional<double> paper;
    std::optional<double> model;
    std::optional<double> timed;     ///< the model's with timed transfers
    std::optional<double> deviation; ///< of the model from the paper, in percent of the paper's figure
    std::optional<double> tolerance; ///< in percent; absent: the row informs only
    bool calibrated = false;
    std::string note;

    bool within() const {
        return !tolerance || !deviation || (*deviation <= *tolerance && -*deviation <= *tolerance);
    }
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

/// What Table I of the Hydra paper names, of a configuration: `/config/hydra/units`, ...
Figures config_figures(const PlatformConfig& config);

/// Every number in a results.json, named by its place. Throws core::SimulationError if there is none.
Figures read_results_json(const std::string& path);

/// reproduce.json (as docs/reproduction.schema.json describes it), reproduce.csv and reproduce.md in the
/// folder.
void write_reproduction(const std::string& folder, const Reproduction& reproduction);

/// A table of each section's rows, for a terminal.
std::string format_reproduction(const Reproduction& reproduction);

} // namespace hydravp::platform
