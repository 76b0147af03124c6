// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sot_mram_cell.h"

#include "hydravp/core/quantity.h"

#include <fmt/format.h>

#include <cmath>

namespace hydravp::memory {
namespace {

constexpr double mm_per_nm = 1e-6;

} // namespace

core::Area SotMramCell::mtj_area() const {
    const double box = mtj_length.nm * mm_per_nm * (mtj_width.nm * mm_per_nm);
    return {mtj_shape == JunctionShape::ellipse ? box * std::acos(-1.0) / 4 : box};
}

core::Area SotMramCell::cell_area() const {
    const double f = feature_size.nm * mm_per_nm;
    return {cell_area_f2 * f * f};
}

core::Resistance SotMramCell::parallel() const {
    return resistance_area / mtj_area();
}

core::Resistance SotMramCell::antiparallel() const {
    return {parallel().ohms * (1 + tmr)};
}

core::Resistance SotMramCell::path(bool bit) const {
    return {(bit ? antiparallel() : parallel()).ohms + access.ohms};
}

core::Resistance bit_line_resistance(const SotMramCell& cell, int rows, int ones) {
    const double conductance = (rows - ones) / cell.path(false).ohms + ones / cell.path(true).ohms;
    return {1 / conductance};
}

void check_cell(const SotMramCell& cell,
                const std::function<void(const char* key, const std::string& message)>& report) {
    const auto require = [&report](bool ok, const char* key, const std::string& found, const char* expected) {
        if (!ok) {
            report(key, fmt::format("found {}, expected {}", found, expected));
        }
    };
    require(cell.resistance_area.ohm_um2 > 0, "resistance_area",
            core::format_resistance_area(cell.resistance_area), "a product above zero");
    require(cell.tmr > 0, "tmr", core::format_percent(cell.tmr),
            "a ratio above zero: '1' must have the higher resistance");
    require(cell.mtj_length.nm > 0, "mtj_length", core::format_length(cell.mtj_length),
            "a length above zero");
    require(cell.mtj_width.nm > 0, "mtj_width", core::format_length(cell.mtj_width), "a length above zero");
}

} // namespace hydravp::memory
