// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/sense_amplifier.h"

#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// What varies in a Monte-Carlo simulation of the sense voltage [S4 III-B].
struct SenseVariation {
    core::Current sense_current{10e-6};
    double sigma_ra = 0.02;            ///< relative standard deviation of each cell's RA
    double sigma_tmr = 0.05;           ///< relative standard deviation of each cell's TMR
    core::Voltage comparator_offset{}; ///< standard deviation of a sub-SA's input offset
    std::uint32_t iterations = 10000;
    std::uint32_t seed = 1;
};

/// The sense voltage with so many rows raised, so many of them '1'.
struct SenseDistribution {
    int rows = 0;
    int ones = 0;
    double mean = 0; ///< volts, as all of these
    double sigma = 0;
    double lowest = 0;
    double highest = 0;
    std::vector<double> samples; ///< ascending
};

/// A reference branch and the two neighbouring states that it tells apart.
struct ThresholdMargin {
    SenseEnables branch = 0;
    const char* name = "";
    double reference = 0;  ///< volts
    double low = 0;        ///< mean of the state below
    double high = 0;       ///< mean of the state above
    double gap = 0;        ///< between the means
    double gap_3sigma = 0; ///< less three standard deviations on each side
    double worst_gap = 0;  ///< between the highest sample below and the lowest above
    double failure = 0;    ///< probability of a wrong bit, of the worse of the two states (normal tails)
    std::uint64_t failures_counted = 0; ///< samples on the wrong side, of both states
};

/// Sense voltages of all states, and the margins of the six thresholds.
class SenseMargins {
public:
    /// Draws RA and TMR of every raised cell, in every iteration. The references do not vary.
    SenseMargins(const SotMramCell& cell, const SenseVariation& variation);

    const std::vector<SenseDistribution>& states() const { return states_; }
    const std::vector<ThresholdMargin>& thresholds() const { return thresholds_; }
    const SenseDistribution& state(int rows, int ones) const;
    const ThresholdMargin& threshold(SenseEnables branch) const;

    /// Probability that a branch gives the wrong bit in one column in this state.
    double failure(SenseEnables branch, int rows, int ones) const;

    /// The largest boost of the sense current that has a reason: with it OR3, the smallest margin, which only
    /// SA-II needs, is as wide as MAJ, which both need.
    double largest_sense_current_scale() const;

private:
    double reference(SenseEnables branch) const;

    SenseReferences references_;
    SenseVariation variation_;
    std::vector<SenseDistribution> states_;
    std::vector<ThresholdMargin> thresholds_;
};

/// The cell with another thickness of its tunnel oxide. RA grows by e every 0.154 nm: a rectangular barrier
/// of 0.4 eV and the free electron mass (WKB: 2 sqrt(2 m phi) / hbar = 6.48 / nm), assumption; TMR stays.
SotMramCell with_thicker_oxide(SotMramCell cell, core::Length thicker);

} // namespace hydravp::memory
