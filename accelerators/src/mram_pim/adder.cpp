// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/adder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <stdexcept>

namespace hydravp::accelerators::mram_pim {
namespace {

constexpr int all_rows = static_cast<int>(MramCells::rows);
constexpr int carry_rows = 2;

Rows row_range(int first, int count) {
    Rows rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint8_t>(first));
    return rows;
}

void check_widths(const Rows& a, const Rows& b, const Rows& sum) {
    if (a.empty() || b.empty() || sum.empty() || sum.size() > std::max(a.size(), b.size()) + 1) {
        throw std::invalid_argument(
            fmt::format("found operands of {} and {} bits and a result of {}, expected a result of at "
                        "most one bit more",
                        a.size(), b.size(), sum.size()));
    }
}

void check_rows(const Rows& a, const Rows& b, const Rows& sum, const CarryRows& carry) {
    std::set<int> rows;
    const auto add = [&rows](int row) {
        if (!rows.insert(row).second) {
            throw std::invalid_argument(
                fmt::format("found row {} in two places, expected rows of their own", row));
        }
    };
    for (const Rows* number : {&a, &b, &sum}) {
        std::for_each(number->begin(), number->end(), add);
    }
    add(carry.zero);
    add(carry.working);
}

Rows narrow(const std::vector<int>& rows) {
    Rows result;
    for (const int row : rows) {
        result.push_back(static_cast<std::uint8_t>(row));
    }
    return result;
}

} // namespace

AdderLayout::AdderLayout(int bits) {
    if (bits < 1 || 3 * bits + carry_rows > all_rows) {
        throw std::invalid_argument(fmt::format("found operands of {} bits, expected 1 to {}: 3m + 2 rows "
                                                "must fit the {} of a sub-array",
                                                bits, (all_rows - carry_rows) / 3, all_rows));
    }
    a = row_range(0, bits);
    b = row_range(bits, bits);
    sum = row_range(2 * bits, bits);
    carry = {static_cast<std::uint8_t>(3 * bits), static_cast<std::uint8_t>(3 * bits + 1)};
}

void append_add(RowProgram& program, const Rows& a, const Rows& b, const Rows& sum, const CarryRows& carry,
                Signedness signedness) {
    check_widths(a, b, sum);
    check_rows(a, b, sum, carry);
    const bool is_signed = signedness == Signedness::twos_complement;
    const auto row = [&](const Rows& number, std::size_t bit) {
        return bit < number.size() ? number[bit] : is_signed ? number.back() : carry.zero;
    };
    const std::size_t widest = std::max(a.size(), b.size());
    const std::size_t positions = is_signed ? sum.size() : std::min(sum.size(), widest);
    for (std::size_t bit = 0; bit < positions; ++bit) {
        BitStep step;
        step.carry_in = bit == 0 ? BitStep::CarryIn::zero : BitStep::CarryIn::row;
        step.a = row(a, bit);
        step.b = row(b, bit);
        step.c = bit == 0 ? carry.zero : carry.working;
        step.sum = sum[bit];
        const bool is_top = bit + 1 == positions && positions < sum.size();
        step.carry = is_top ? sum[bit + 1] : carry.working;
        program.append(step);
    }
}

void append_subtract(RowProgram& program, const Rows& a, const Rows& b, const Rows& difference,
                     const CarryRows& carry) {
    check_widths(a, b, difference);
    check_rows(a, b, difference, carry);
    for (const std::uint8_t row : b) {
        BitStep step;
        step.kind = BitStep::Kind::complement;
        step.a = row;
        step.sum = row;
        program.append(step);
    }
    BitStep preset;
    preset.kind = BitStep::Kind::fill;
    preset.sum = carry.working;
    program.append(preset);
    for (std::size_t bit = 0; bit < difference.size(); ++bit) {
        BitStep step;
        step.carry_in = bit == 0 ? BitStep::CarryIn::one : BitStep::CarryIn::row;
        step.a = bit < a.size() ? a[bit] : a.back();
        step.b = bit < b.size() ? b[bit] : b.back();
        step.c = carry.working;
        step.sum = difference[bit];
        step.carry = carry.working;
        program.append(step);
    }
}

MramEvents add_events(SenseAmplifierKind kind, int result_bits) {
    MramEvents per_bit;
    per_bit.writes = 2;
    if (kind == SenseAmplifierKind::sa1) {
        per_bit.senses = 2;
        per_bit.comparisons = 2 + 1; // XOR2 compares twice, MAJ once
    } else {
        per_bit.boosted_senses = 1;
        per_bit.boosted_comparisons = 3;
    }
    return per_bit * static_cast<std::uint64_t>(result_bits);
}

MramEvents subtract_events(SenseAmplifierKind kind, int result_bits, int subtrahend_bits) {
    MramEvents complement;
    complement.senses = complement.comparisons = complement.writes =
        static_cast<std::uint64_t>(subtrahend_bits);
    return add_events(kind, result_bits) + complement + memory::write_event();
}

int AdderTree::largest_count(std::uint64_t bound) {
    return core::largest_adder_tree(all_rows - carry_rows, bound);
}

AdderTree::AdderTree(SenseAmplifierKind kind, int count, std::uint64_t bound) : program_(kind) {
    if (count < 1 || bound == 0) {
        throw std::invalid_argument("found no operand, expected at least one");
    }
    const core::AdderTreePlan plan = core::plan_adder_tree(count, bound);
    if (plan.rows + carry_rows > all_rows) {
        throw std::invalid_argument(
            fmt::format("found {} operands of {} bits, which need {} rows, expected at "
                        "most {}",
                        count, core::signed_bits(bound), plan.rows + carry_rows, all_rows));
    }
    carry_ = {static_cast<std::uint8_t>(all_rows - 2), static_cast<std::uint8_t>(all_rows - 1)};
    for (const core::TreeAddition& addition : plan.additions) {
        append_add(program_, narrow(addition.a.rows), narrow(addition.b.rows), narrow(addition.sum.rows),
                   carry_, Signedness::twos_complement);
    }
    bit_additions_ = plan.bit_additions;
    result_ = {narrow(plan.result.rows), plan.result.bound};
}

} // namespace hydravp::accelerators::mram_pim
