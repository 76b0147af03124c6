// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/sot_mram_cell.h"

#include <string>

namespace hydravp::memory {

/// Cell and sub-array of an SOT-MRAM: times and energies per primitive. Every value comes from a file in
/// configs/mram, which names its source.
struct MramTechnology {
    std::string name;
    SotMramCell cell;

    // One row of one sub-array, at its sense amplifiers and write drivers.
    core::Picoseconds sense_time{}; ///< decode, raise the rows, sense
    core::Picoseconds write_time{}; ///< decode, drive the bit lines, switch the cells

    // Per column.
    core::EnergyPerBit sense_amplifier; ///< one sub-SA compares
    core::EnergyPerBit bit_line;        ///< sense current through bit line and cells
    core::EnergyPerBit cell_write;      ///< one cell written, with bit line and driver

    // Between a sub-array and the port of its bank, for one row (512 bits).
    core::Picoseconds htree_read{};
    core::Picoseconds htree_write{};
    core::Energy htree_transfer;

    core::Power leakage; ///< of the whole die
    core::Area die;      ///< of the memory without processing, one sense amplifier per column

    core::Current sense_current; ///< through the raised cells, nominal
};

} // namespace hydravp::memory
