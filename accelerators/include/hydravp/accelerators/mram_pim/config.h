// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/mram_work.h"
#include "hydravp/memory/mram_area.h"
#include "hydravp/memory/mram_technology.h"
#include "hydravp/memory/sense_amplifier.h"
#include "hydravp/memory/sense_margin.h"

#include <cstdint>

namespace hydravp::accelerators::mram_pim {

/// How rows of operands get into the sub-arrays.
enum class MappingWrite {
    ported,  ///< through the ports of the bank, a row per port and write time
    parallel ///< into all sub-arrays at the same time
};

/// The digital processing unit of the bank.
struct DpuConfig {
    core::Picoseconds clock_period{1000};
    std::uint32_t lanes = 512;    ///< values per cycle
    core::Energy combine{0.03};   ///< an operand with a sign
    core::Energy count{0.2};      ///< the ones of 64 columns, by a counter in the mat
    core::Energy scale{1.0};      ///< batch normalisation: a product, a sum
    core::Energy activate{0.05};  ///< rounding and clipping
    core::Energy pool{0.03};      ///< one input of a window
    core::Energy accumulate{0.1}; ///< shift and add of a count or a partial sum
};

/// A processing-in-MRAM bank.
struct MramPimConfig {
    memory::SenseAmplifierKind sense_amplifier = memory::SenseAmplifierKind::sa1;
    /// SA-II: its sense current in multiples of the nominal one where OR3 is sensed. Calibrated: fitted to
    /// the paper's 1.2x of energy, within the bracket that the margins give.
    double sense_current_scale = 1;
    std::uint32_t subarrays = 4096;       ///< of 256 rows and 512 columns: 512 Mb
    std::uint32_t tensor_subarrays = 512; ///< the last of them hold images and kernels, the others compute
    std::uint32_t ports = 16;             ///< of one row (512 bits) each, into the H-tree
    MappingWrite mapping_write = MappingWrite::ported;
    memory::MramTechnology technology;
    memory::MramAreaModel area;
    memory::SenseVariation variation;
    DpuConfig dpu;
};

/// What plans of layers need to know of it.
core::MramBankShape bank_shape(const MramPimConfig& config);

/// The factor that holds for boosted senses of this bank.
inline double boost(const MramPimConfig& config) {
    return config.sense_amplifier == memory::SenseAmplifierKind::sa2 ? config.sense_current_scale : 1;
}

} // namespace hydravp::accelerators::mram_pim
