// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sot_mram_cell.h"

#include <catch2/catch.hpp>

#include <string>

using namespace hydravp;
using namespace hydravp::memory;

namespace {

SotMramCell fan_cell() {
    SotMramCell cell;
    cell.resistance_area = {10.58};
    cell.tmr = 1.712;
    cell.mtj_length = {60};
    cell.mtj_width = {40};
    cell.cell_area_f2 = 69;
    cell.feature_size = {45};
    return cell;
}

} // namespace

TEST_CASE("resistances follow from RA, TMR and the junction's area") {
    const SotMramCell cell = fan_cell();
    CHECK(cell.mtj_area().mm2 * 1e6 == Approx(0.00188496).epsilon(1e-5)); // pi/4 * 60 nm * 40 nm
    CHECK(cell.parallel().ohms == Approx(5613).margin(1));
    CHECK(cell.antiparallel().ohms == Approx(15222).margin(1));
    CHECK(cell.cell_area().mm2 * 1e6 == Approx(69 * 0.045 * 0.045));
    SotMramCell square = cell;
    square.mtj_shape = JunctionShape::rectangle;
    square.mtj_length = square.mtj_width = {45};
    square.resistance_area = {5};
    CHECK(square.parallel().ohms == Approx(5 / (0.045 * 0.045)));
}

TEST_CASE("raised cells lie in parallel, each with its access transistor") {
    SotMramCell cell = fan_cell();
    cell.access = {4000};
    const double p = cell.parallel().ohms + 4000;
    const double ap = cell.antiparallel().ohms + 4000;
    CHECK(cell.path(false).ohms == p);
    CHECK(cell.path(true).ohms == ap);
    CHECK(bit_line_resistance(cell, 1, 1).ohms == Approx(ap));
    CHECK(bit_line_resistance(cell, 2, 0).ohms == Approx(p / 2));
    CHECK(bit_line_resistance(cell, 2, 1).ohms == Approx(p * ap / (p + ap)));
    CHECK(bit_line_resistance(cell, 3, 2).ohms == Approx(1 / (1 / p + 2 / ap)));
    for (int rows = 1; rows <= 3; ++rows) {
        for (int ones = 0; ones < rows; ++ones) {
            CHECK(bit_line_resistance(cell, rows, ones).ohms <
                  bit_line_resistance(cell, rows, ones + 1).ohms);
        }
    }
}

TEST_CASE("a cell that cannot exist is reported") {
    std::string found;
    const auto report = [&found](const char* key, const std::string& message) {
        found += std::string(key) + ": " + message + '\n';
    };
    SotMramCell cell = fan_cell();
    check_cell(cell, report);
    CHECK(found.empty());
    cell.tmr = 0;
    cell.mtj_width = {0};
    check_cell(cell, report);
    CHECK(found == "tmr: found 0 %, expected a ratio above zero: '1' must have the higher resistance\n"
                   "mtj_width: found 0 nm, expected a length above zero\n");
}
