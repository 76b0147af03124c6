// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"
#include "hydravp/platform/reproduction.h"

#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// One change of a machine, apart from which it stays as it is.
struct Variation {
    std::string parameter; ///< what is changed, e.g. `MACs of a unit`
    std::string from;      ///< its value on the machine as it is; empty: not known
    std::string to;
    std::vector<std::string> overrides; ///< `key=value`
};

/// What a designer could change: halved, doubled, or the other choice, of units and buffers, buses, memories,
/// controllers, mapping. Those that the machine does not have are left out.
std::vector<Variation> design_variations(const PlatformConfig& config);
/// The variation that `key=value` is. Throws core::InputError if it is no such text.
Variation variation_of(const std::string& setting);

/// A frame on the machine, changed or not.
struct SensitivityFrame {
    double latency_ms = 0;
    double energy_mj = 0;
    std::string busiest;   ///< resource that is busy longest
    double busy_share = 0; ///< of the latency
};

struct SensitivityRow {
    Variation variation;
    std::optional<SensitivityFrame>
        frame;           ///< absent: there is no such machine, or the network does not fit it
    std::string refused; ///< why
};

/// What `hydravp sensitivity` reports: the content of sensitivity.json.
struct Sensitivity {
    std::string platform;
    std::string network;
    std::vector<std::string> overrides; ///< the user's, which hold for every frame
    SensitivityFrame base;
    std::vector<SensitivityRow> rows; ///< the fastest first, those that are refused last
};

/// One row for each variation, still without its frame; with the reason where the changed configuration is
/// refused or the network does not fit.
/// @param path, overrides the configuration
std::vector<SensitivityRow> plan_sensitivity(const std::string& path,
                                             const std::vector<std::string>& overrides,
                                             const std::string& network,
                                             const std::vector<Variation>& variations);
/// The runs of the machine as it is and of each row that is possible, without data.
std::vector<StudyRun> sensitivity_runs(const std::string& network, const std::vector<SensitivityRow>& rows);
/// Fills in all frames and sorts the rows. Throws core::SimulationError if a figure is missing.
void fill_in(Sensitivity& sensitivity, const Measurements& measurements);

/// A table, for a terminal.
std::string format_sensitivity(const Sensitivity& sensitivity);
/// sensitivity.json (as docs/sensitivity.schema.json describes it), sensitivity.csv and sensitivity.md in the
/// folder.
void write_sensitivity(const std::string& folder, const Sensitivity& sensitivity);

} // namespace hydravp::platform
