// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sense_margin.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using namespace hydravp;
using namespace hydravp::memory;

namespace {

SotMramCell cell() {
    SotMramCell c;
    c.resistance_area = {10.58};
    c.tmr = 1.712;
    c.mtj_length = {60};
    c.mtj_width = {40};
    return c;
}

} // namespace

TEST_CASE("sense voltages and margins with the paper's variation") {
    // Means by the formula; margins as an independent simulation of the same cell found them.
    struct Row {
        SenseEnables branch;
        double low, high, gap, gap_3sigma, worst;
    };
    const Row rows[] = {
        {enable::m, 56.1, 152.3, 96.2, 75.8, 67.7},   {enable::or2, 28.1, 41.0, 12.95, 9.6, 8.5},
        {enable::and2, 41.0, 76.1, 35.1, 26.7, 24.0}, {enable::or3, 18.7, 23.7, 4.98, 3.4, 2.95},
        {enable::maj, 23.7, 32.3, 8.60, 6.1, 5.2},    {enable::and3, 32.3, 50.7, 18.4, 13.5, 12.4},
    };
    const SenseMargins margins(cell(), {});
    REQUIRE(margins.thresholds().size() == 6);
    for (const Row& row : rows) {
        const ThresholdMargin& margin = margins.threshold(row.branch);
        CAPTURE(margin.name);
        CHECK(margin.low * 1e3 == Approx(row.low).epsilon(0.003));
        CHECK(margin.high * 1e3 == Approx(row.high).epsilon(0.003));
        CHECK(margin.gap * 1e3 == Approx(row.gap).epsilon(0.005));
        CHECK(margin.gap_3sigma * 1e3 == Approx(row.gap_3sigma).epsilon(0.03));
        CHECK(margin.worst_gap * 1e3 == Approx(row.worst).epsilon(0.1));
        CHECK(margin.failures_counted == 0);
        CHECK(margin.failure < 1e-9);
        CHECK(margin.reference == Approx((margin.low + margin.high) / 2).epsilon(0.01));
    }
    // more raised cells, less margin
    CHECK(margins.threshold(enable::m).gap > margins.threshold(enable::and2).gap);
    CHECK(margins.threshold(enable::and2).gap > margins.threshold(enable::and3).gap);
    CHECK(margins.largest_sense_current_scale() == Approx(1.73).epsilon(0.01));
    SotMramCell with_access = cell();
    with_access.access = {4000};
    CHECK(SenseMargins(with_access, {}).largest_sense_current_scale() == Approx(1.50).epsilon(0.01));
}

TEST_CASE("without variation the voltages are those of the formula") {
    SenseVariation none;
    none.sigma_ra = none.sigma_tmr = 0;
    none.iterations = 3;
    const SenseMargins margins(cell(), none);
    CHECK(margins.states().size() == 9);
    for (const SenseDistribution& state : margins.states()) {
        CHECK(state.mean == Approx(10e-6 * bit_line_resistance(cell(), state.rows, state.ones).ohms));
        CHECK(state.sigma == Approx(0).margin(1e-12));
    }
}

TEST_CASE("sense current and oxide thickness widen the margins") {
    SenseVariation strong;
    strong.sense_current = {20e-6};
    const SenseMargins nominal(cell(), {});
    const SenseMargins more_current(cell(), strong);
    const SenseMargins thicker(with_thicker_oxide(cell(), {0.1}), {});
    for (const ThresholdMargin& margin : nominal.thresholds()) {
        CHECK(more_current.threshold(margin.branch).gap == Approx(2 * margin.gap));
        CHECK(thicker.threshold(margin.branch).gap == Approx(1.914 * margin.gap).epsilon(1e-3));
    }
}

TEST_CASE("failures counted agree with the tails, and offsets of comparators make more") {
    SenseVariation wild;
    wild.sigma_ra = 0.08;
    wild.sigma_tmr = 0.15;
    wild.iterations = 200000;
    const SenseMargins margins(cell(), wild);
    const ThresholdMargin& or3 = margins.threshold(enable::or3);
    const double counted = static_cast<double>(or3.failures_counted) / wild.iterations;
    const double expected = margins.failure(enable::or3, 3, 0) + margins.failure(enable::or3, 3, 1);
    CHECK(expected > 1e-3);
    CHECK(counted == Approx(expected).epsilon(0.25)); // the distribution is not quite normal
    SenseVariation offset;
    offset.comparator_offset = {1e-3};
    CHECK(SenseMargins(cell(), offset).threshold(enable::or3).failure > 1e-3);
    offset.sense_current = {20e-6};
    CHECK(SenseMargins(cell(), offset).threshold(enable::or3).failure < 1e-4);
}

TEST_CASE("a seed fixes the samples") {
    SenseVariation one;
    one.iterations = 100;
    SenseVariation two = one;
    two.seed = 2;
    CHECK(SenseMargins(cell(), one).state(3, 1).samples == SenseMargins(cell(), one).state(3, 1).samples);
    CHECK(SenseMargins(cell(), one).state(3, 1).samples != SenseMargins(cell(), two).state(3, 1).samples);
    one.iterations = 0;
    CHECK_THROWS_AS(SenseMargins(cell(), one), std::invalid_argument);
}
