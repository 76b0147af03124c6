// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/sense_amplifier.h"

#include <cstdint>

namespace hydravp::memory {

/// Transistors that processing adds to a memory with one plain sense amplifier per column.
///
/// The paper says what is added, how many transistors the row decoder and Ctrl take, and the totals [S4
/// IV-c]; the other numbers are assumptions, and `transistor` is fitted to the totals.
struct MramAreaModel {
    core::Area transistor{0.1988e-6}; ///< calibrated: 5.8 % and 7.9 % of the paper
    std::uint32_t sub_sa = 12;        ///< transistors of a further sub-SA
    std::uint32_t branch = 2;         ///< of a further reference branch
    std::uint32_t latch = 10;         ///< of the carry latch
    std::uint32_t xor_gate = 8;       ///< SA-I has two
    std::uint32_t pass = 4;           ///< SA-II: pass transistors of Sum [S4 III-A]
    std::uint32_t output_logic = 13;  ///< SA-II: NOR3 and NAND3 for Sum
    std::uint32_t word_line = 2;      ///< of each word line's driver [S4 IV-c]
    std::uint32_t enable_bit = 6;     ///< of Ctrl, per enable bit [S4 IV-c]
};

/// What processing adds to the whole die.
struct MramAreaOverhead {
    core::Area sense_amplifiers;
    core::Area row_decoder;
    core::Area control;
    core::Area total() const;
    /// As a share of the memory without processing.
    double share_of(core::Area die) const { return total().mm2 / die.mm2; }
};

/// Transistors added to one sense amplifier.
std::uint32_t added_transistors(const MramAreaModel& model, SenseAmplifierKind kind);

MramAreaOverhead area_overhead(const MramAreaModel& model, SenseAmplifierKind kind, std::uint32_t subarrays);

} // namespace hydravp::memory
