// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/datasheet_energy.h"
#include "hydravp/memory/technology.h"

#include <cstdint>
#include <functional>
#include <string>

namespace hydravp::memory {

/// Takes a value that no memory can have: its key in a memory file (`rows`, `timing.t_rc`, ...), and "found
/// X, expected Y".
using ReportValue = std::function<void(const char* key, const std::string& message)>;

/// What the dimensions of a memory's channels have to be, and to each other.
void check_geometry(const Geometry& geometry, std::uint32_t channels, const ReportValue& report);

/// What the times of a technology have to be to each other. Times that are all zero are consistent.
void check_timing(const Technology& technology, const ReportValue& report);

/// What the currents have to be to each other, so that no energy is negative.
void check_currents(const DatasheetCurrents& currents, const Technology& technology,
                    const ReportValue& report);

} // namespace hydravp::memory
