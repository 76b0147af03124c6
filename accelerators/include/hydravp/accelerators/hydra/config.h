// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <algorithm>
#include <cstdint>

namespace hydravp::accelerators::hydra {

/// How a MAC multiplies.
enum class Multiplier {
    booth_radix_4, ///< serially, two bits of a factor in a cycle
    booth_radix_2, ///< serially, one bit in a cycle
    parallel       ///< all bits in one cycle
};

/// Parameters of the Hydra units (Das et al., Table I, and the assumptions named in configs/hydra.yaml).
struct HydraConfig {
    std::uint32_t units = 16;         ///< one per DRAM chip, filled rank by rank
    std::uint32_t macs_per_unit = 32; ///< lanes
    core::Picoseconds clock_period{336};
    std::uint32_t precision = 16; ///< bits of activations, weights and results: 16 or 8
    Multiplier multiplier = Multiplier::booth_radix_4;
    std::uint32_t mac_cycles = 0; ///< cycles of one multiply-accumulate; 0: what the multiplier takes
    std::uint32_t ab_port_bits =
        64; ///< width of the port that fills the stream buffers; 0: they are always full
    std::uint32_t pool_cycles = 1; ///< cycles of one comparison or addition; 0 in ideal transfers
    core::Bytes activation_buffer{std::uint64_t{32} * 1024}; ///< per unit, two halves
    core::Bytes weight_buffer{std::uint64_t{4} * 1024};      ///< per unit, two halves
    core::Bytes output_buffer{std::uint64_t{32} * 1024};     ///< per unit, two halves
    core::Power power{1.4};       ///< of 16 units with 32 MACs of 16 bits each, while computing
    core::Area unit_area{0.1024}; ///< of a unit with 32 MACs of 16 bits
    core::Area dram_area{80};     ///< of the DRAM that carries them
    double mac_power_share = 0.6;
    double buffer_power_share = 0.3;
    double control_power_share = 0.1;

    /// MACs of a unit in the synthesis that `power` and `unit_area` come from, and its units.
    static constexpr double synthesised_macs = 32;
    static constexpr double synthesised_units = 16;
    /// Of one unit while it computes. Power and area grow with the number of MACs; that buffers and control
    /// grow along is an assumption. In 8-bit precision they are those of 16 bits, an upper bound.
    core::Power unit_power() const {
        return power * (macs_per_unit / (synthesised_units * synthesised_macs));
    }
    core::Area total_area() const { return unit_area * (units * (macs_per_unit / synthesised_macs)); }

    std::uint32_t word_bytes() const { return precision / 8; }
    std::uint32_t cycles_per_mac() const {
        if (mac_cycles > 0) {
            return mac_cycles;
        }
        switch (multiplier) {
        case Multiplier::booth_radix_4:
            return precision / 2;
        case Multiplier::booth_radix_2:
            return precision;
        case Multiplier::parallel:
            break;
        }
        return 1;
    }

    /// One reduction step of a group of lanes. The stream buffers are filled through the AB's port while the
    /// MACs work; the slower of the two sets the pace.
    core::Picoseconds step_time() const {
        const std::uint32_t fill_cycles =
            ab_port_bits == 0 ? 0 : (macs_per_unit * precision + ab_port_bits - 1) / ab_port_bits;
        return clock_period * std::max(cycles_per_mac(), fill_cycles);
    }
};

} // namespace hydravp::accelerators::hydra
