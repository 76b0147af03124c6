// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <functional>
#include <string>

namespace hydravp::memory {

/// Cross-section of a magnetic tunnel junction (MTJ).
enum class JunctionShape { ellipse, rectangle };

/// One SOT-MRAM bit cell: two transistors and an MTJ on a spin Hall metal, five lines (WWL, WBL, RWL, RBL,
/// SL) [S4 III-A]. The parallel state has the lower resistance and stands for '0', the anti-parallel one for
/// '1'.
struct SotMramCell {
    core::ResistanceArea resistance_area; ///< RA of the parallel state
    double tmr = 0;                       ///< tunnel magnetoresistance, (R_AP - R_P) / R_P
    core::Length mtj_length;
    core::Length mtj_width;
    JunctionShape mtj_shape = JunctionShape::ellipse;
    core::Resistance access; ///< of the read access transistor, in series with the junction
    core::Current write_current;
    core::Picoseconds write_pulse{}; ///< the junction's own switching time, without decoders and drivers
    double cell_area_f2 = 0;         ///< in squares of the feature size
    core::Length feature_size;

    core::Area mtj_area() const;
    core::Area cell_area() const;
    /// R_P = RA / area.
    core::Resistance parallel() const;
    /// R_AP = R_P * (1 + TMR).
    core::Resistance antiparallel() const;
    /// Between bit line and source line: the junction and its access transistor.
    core::Resistance path(bool bit) const;
};

/// Resistance of a bit line on which `ones` of `rows` raised cells hold '1': their paths in parallel.
core::Resistance bit_line_resistance(const SotMramCell& cell, int rows, int ones);

/// Reports, "found X, expected Y", what no cell can have; `key` is the member's name without its unit.
void check_cell(const SotMramCell& cell,
                const std::function<void(const char* key, const std::string& message)>& report);

} // namespace hydravp::memory
