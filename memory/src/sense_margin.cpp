// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sense_margin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>

namespace hydravp::memory {
namespace {

struct Branch {
    SenseEnables enable;
    const char* name;
    int rows;
    int low; ///< '1's of the state below the threshold
};

constexpr Branch branches[] = {
    {enable::m, "read", 1, 0},  {enable::or2, "OR2", 2, 0}, {enable::and2, "AND2", 2, 1},
    {enable::or3, "OR3", 3, 0}, {enable::maj, "MAJ", 3, 1}, {enable::and3, "AND3", 3, 2},
};

const Branch& branch_of(SenseEnables enable) {
    for (const Branch& branch : branches) {
        if (branch.enable == enable) {
            return branch;
        }
    }
    throw std::invalid_argument("expected one enable bit");
}

/// Share of a normal distribution above `z` standard deviations.
double upper_tail(double z) {
    return std::erfc(z / std::sqrt(2.0)) / 2;
}

SenseDistribution simulate(const SotMramCell& cell, const SenseVariation& variation, int rows, int ones,
                           std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    SenseDistribution result;
    result.rows = rows;
    result.ones = ones;
    result.samples.reserve(variation.iterations);
    const double parallel = cell.parallel().ohms;
    for (std::uint32_t i = 0; i < variation.iterations; ++i) {
        double conductance = 0;
        for (int row = 0; row < rows; ++row) {
            const double p = parallel * (1 + variation.sigma_ra * normal(random));
            const double tmr = cell.tmr * (1 + variation.sigma_tmr * normal(random));
            conductance += 1 / ((row < ones ? p * (1 + tmr) : p) + cell.access.ohms);
        }
        result.samples.push_back(variation.sense_current.amps / conductance);
    }
    std::sort(result.samples.begin(), result.samples.end());
    const double n = static_cast<double>(result.samples.size());
    result.mean = std::accumulate(result.samples.begin(), result.samples.end(), 0.0) / n;
    double squares = 0;
    for (const double v : result.samples) {
        squares += (v - result.mean) * (v - result.mean);
    }
    result.sigma = std::sqrt(squares / n);
    result.lowest = result.samples.front();
    result.highest = result.samples.back();
    return result;
}

} // namespace

SenseMargins::SenseMargins(const SotMramCell& cell, const SenseVariation& variation)
    : references_(cell), variation_(variation) {
    if (variation.iterations == 0) {
        throw std::invalid_argument("found no iteration, expected at least one");
    }
    std::mt19937_64 random(variation.seed);
    for (int rows = 1; rows <= max_raised_rows; ++rows) {
        for (int ones = 0; ones <= rows; ++ones) {
            states_.push_back(simulate(cell, variation, rows, ones, random));
        }
    }
    for (const Branch& branch : branches) {
        const SenseDistribution& low = state(branch.rows, branch.low);
        const SenseDistribution& high = state(branch.rows, branch.low + 1);
        ThresholdMargin margin;
        margin.branch = branch.enable;
        margin.name = branch.name;
        margin.reference = reference(branch.enable);
        margin.low = low.mean;
        margin.high = high.mean;
        margin.gap = high.mean - low.mean;
        margin.gap_3sigma = margin.gap - 3 * (low.sigma + high.sigma);
        margin.worst_gap = high.lowest - low.highest;
        margin.failure = std::max(failure(branch.enable, branch.rows, branch.low),
                                  failure(branch.enable, branch.rows, branch.low + 1));
        const auto above = std::upper_bound(low.samples.begin(), low.samples.end(), margin.reference);
        const auto below = std::upper_bound(high.samples.begin(), high.samples.end(), margin.reference);
        margin.failures_counted = static_cast<std::uint64_t>(low.samples.end() - above) +
                                  static_cast<std::uint64_t>(below - high.samples.begin());
        thresholds_.push_back(margin);
    }
}

double SenseMargins::reference(SenseEnables branch) const {
    return variation_.sense_current.amps * references_.of(branch).ohms;
}

const SenseDistribution& SenseMargins::state(int rows, int ones) const {
    for (const SenseDistribution& state : states_) {
        if (state.rows == rows && state.ones == ones) {
            return state;
        }
    }
    throw std::invalid_argument(fmt::format("found {} ones in {} rows, expected a state", ones, rows));
}

const ThresholdMargin& SenseMargins::threshold(SenseEnables branch) const {
    for (const ThresholdMargin& margin : thresholds_) {
        if (margin.branch == branch) {
            return margin;
        }
    }
    throw std::invalid_argument("expected one enable bit");
}

double SenseMargins::failure(SenseEnables branch, int rows, int ones) const {
    const SenseDistribution& voltage = state(rows, ones);
    const bool should_be_above = ones > branch_of(branch).low;
    const double distance =
        should_be_above ? voltage.mean - reference(branch) : reference(branch) - voltage.mean;
    const double sigma = std::hypot(voltage.sigma, variation_.comparator_offset.volts);
    return sigma > 0 ? upper_tail(distance / sigma) : 0;
}

double SenseMargins::largest_sense_current_scale() const {
    return threshold(enable::maj).gap / threshold(enable::or3).gap;
}

SotMramCell with_thicker_oxide(SotMramCell cell, core::Length thicker) {
    constexpr double decay_length_nm = 0.154;
    cell.resistance_area.ohm_um2 *= std::exp(thicker.nm / decay_length_nm);
    return cell;
}

} // namespace hydravp::memory
