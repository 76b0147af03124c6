// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/row_program.h"
#include "hydravp/core/adder_tree.h"

#include <cstdint>
#include <vector>

namespace hydravp::accelerators::mram_pim {

/// How an operand is extended where the other one, or the result, is wider.
enum class Signedness {
    unsigned_numbers, ///< with zeros; the last carry is the result's top bit, if it has one more
    twos_complement   ///< with the sign: its row is raised again
};

/// The two reserved carry rows [S4 Fig. 5b]. `zero` stays at the zeros that it is preset to: it is the
/// carry-in of the first bit and extends unsigned operands. `working` receives the carries.
struct CarryRows {
    std::uint8_t zero = 0;
    std::uint8_t working = 0;
};

/// The paper's data organisation for two operands of m bits: A, B, m sum rows, two carry rows
/// [S4 III-C, Fig. 5].
struct AdderLayout {
    Rows a, b, sum;
    CarryRows carry;
    /// Throws std::invalid_argument if 3m + 2 rows do not fit the sub-array.
    explicit AdderLayout(int bits);
};

/// sum = a + b, modulo 2^(rows of sum). The rows of `sum` must be others than those of a and b, which are
/// left as they are. At most one bit wider than the wider operand. A bit position takes SA-I S1, S2, C1, C2
/// (two senses, two write-backs), SA-II one sense and two write-backs [S4 III-C].
/// Throws std::invalid_argument for rows that overlap or an impossible width.
void append_add(RowProgram& program, const Rows& a, const Rows& b, const Rows& sum, const CarryRows& carry,
                Signedness signedness);

/// difference = a - b in two's complement: b is first complemented in place (a read and a write-back per
/// row), then added with a carry-in of one. `b` holds its complement afterwards, `carry.zero` is used as it
/// is in additions.
void append_subtract(RowProgram& program, const Rows& a, const Rows& b, const Rows& difference,
                     const CarryRows& carry);

/// Row operations of one addition or subtraction whose result has so many bits, from the formulas of the
/// paper: m * (2 senses + 2 writes) for SA-I, m * (1 sense + 2 writes) for SA-II; a subtraction adds a read
/// and a write per row of the subtrahend and the preset of the carry row.
MramEvents add_events(SenseAmplifierKind kind, int result_bits);
MramEvents subtract_events(SenseAmplifierKind kind, int result_bits, int subtrahend_bits);

/// A number per bit line whose magnitude is known to be at most `bound`.
struct BoundedRows {
    Rows rows;
    std::uint64_t bound = 0;
};

/// Sum of several two's complement operands by a pairwise tree in one sub-array. The operands' rows are used
/// up: those of a pair are free again once its sum is there.
class AdderTree {
public:
    /// The most operands of that magnitude that fit a sub-array, with the carry rows.
    static int largest_count(std::uint64_t bound);

    /// Throws std::invalid_argument if they do not fit.
    AdderTree(SenseAmplifierKind kind, int count, std::uint64_t bound);

    const RowProgram& program() const { return program_; }
    const BoundedRows& result() const { return result_; }
    const CarryRows& carry() const { return carry_; }
    std::uint64_t bit_additions() const { return bit_additions_; }

private:
    RowProgram program_;
    BoundedRows result_;
    CarryRows carry_;
    std::uint64_t bit_additions_ = 0;
};

} // namespace hydravp::accelerators::mram_pim
