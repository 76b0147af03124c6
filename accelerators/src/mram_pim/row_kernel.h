// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/row_program.h"

#include <cstddef>
#include <cstdint>

namespace hydravp::accelerators::mram_pim {

/// Executes steps on the rows of one sub-array, with the best instruction set of this machine.
void run_steps(const BitStep* steps, std::size_t count, BitRow* rows);

/// Bits of an operand: an unsigned byte with a sign, in two's complement.
constexpr std::size_t operand_bits = 9;

/// One 64-column word of the operand rows: all its columns have the same activation and 64 different filters.
struct OperandWord {
    const std::uint8_t* input = nullptr;    ///< activation of term t at input[offsets[t]]
    const std::uint64_t* weights = nullptr; ///< signs of term t at weights[t * stride]
};

/// Combines activations with signs and lays them out as rows [S4 III-C (1), (2)]: bit b of term t in row
/// 9 t + b. All eight words are written.
void map_operands(const OperandWord (&words)[BitRow::words], const std::uint32_t* offsets, std::size_t terms,
                  std::size_t stride, BitRow* rows);

/// AND of each of the eight input planes with each of the eight weight planes, and the ones of the results:
/// for every 64 columns the sum of 2^(i+j) * ones, planes of weights above bit 6 being negative.
void and_count(const BitRow* input_planes, const BitRow* weight_planes, std::int64_t (&sums)[BitRow::words]);

} // namespace hydravp::accelerators::mram_pim
