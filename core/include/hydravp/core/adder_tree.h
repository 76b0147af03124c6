// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace hydravp::core {

/// Bits of a two's complement number whose magnitude is at most `bound`.
int signed_bits(std::uint64_t bound);

/// A number per bit line in the plan of an adder tree: its rows, least significant bit first, and a bound of
/// its magnitude.
struct TreeNumber {
    std::vector<int> rows;
    std::uint64_t bound = 0;
};

/// sum = a + b, as wide as the bound of the sum needs.
struct TreeAddition {
    TreeNumber a, b, sum;
};

/// Which rows a pairwise adder tree takes in one sub-array. The operands lie from row 0 on; the rows of a
/// pair are free again once its sum is there. A pure function: who maps a layer and who executes it have the
/// same plan.
struct AdderTreePlan {
    std::vector<TreeAddition> additions;
    TreeNumber result;
    int rows = 0;                    ///< without carry rows; may be more than a sub-array has
    std::uint64_t bit_additions = 0; ///< sum of the sums' widths
};

/// @param count operands, at least one
/// @param bound of each operand's magnitude, above zero
AdderTreePlan plan_adder_tree(int count, std::uint64_t bound);

/// The most operands whose tree fits so many rows; 0 if not even one operand does.
int largest_adder_tree(int rows, std::uint64_t bound);

} // namespace hydravp::core
