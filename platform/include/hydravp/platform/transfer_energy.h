// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/technology.h"
#include "hydravp/platform/config.h"
#include "hydravp/platform/results.h"

namespace hydravp::platform {

/// What the data-transfer energy of a frame is made of when every unique word counts once, whatever the
/// traffic: each weight is read once, each output word of a convolution or fully-connected layer is written
/// once and read once.
struct TransferAccounting {
    bool buffers = false; ///< the row buffers' energy comes on top of the cell arrays'
    /// Each weight is also written once into the DRAM (page migration), where it lies in another technology.
    bool migration = false;
};

/// A machine's memories, as the accounting sees them.
struct TransferMemories {
    memory::Technology weights;     ///< where they are read
    memory::Technology activations; ///< of the units' memory
    bool migrates = false;          ///< weights change from one technology into the other
    double word_bits = 16;          ///< of weights and activations
};
TransferMemories transfer_memories(const PlatformConfig& config);

/// Energy in mJ.
/// @param weights,outputs unique words
double transfer_energy_mj(double weights, double outputs, const TransferMemories& memories,
                          TransferAccounting accounting);

/// The energy under each accounting, from the unique words that the run counted (`weight_words` and
/// `output_words` of the activity), beside the energy of the simulated traffic:
/// `array_only`, `array_only_migration`, `array_buffer`, `array_buffer_migration`, `simulated_array` and
/// `simulated_array_buffer`.
Figures transfer_energies(const Activity& activity, const TransferMemories& memories);

/// An activity's energy by what it is for: `compute` (the units), `transfer` (arrays, row buffers, channels,
/// link), `background`, `refresh`. The parts add up to the whole.
Figures energy_split(const Figures& energy_mj);

} // namespace hydravp::platform
