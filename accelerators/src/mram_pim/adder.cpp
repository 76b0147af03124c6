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

/// The rows that are free, lowest first; how many there must be is found by running the tree without limit.
class RowPool {
public:
    explicit RowPool(int used) : next_(used) {}
    int take() {
        if (free_.empty()) {
            return next_++;
        }
        const int row = *free_.begin();
        free_.erase(free_.begin());
        return row;
    }
    void give_back(int row) { free_.insert(row); }
    int used() const { return next_; }

private:
    int next_;
    std::set<int> free_;
};

struct Number {
    std::vector<int> rows;
    std::uint64_t bound;
};

/// A pair of the tree: the indices are rows, which may lie beyond the sub-array.
struct Addition {
    Number a, b, sum;
};

struct TreePlan {
    std::vector<Addition> additions;
    Number result;
    int rows = 0;
};

TreePlan plan_tree(int count, std::uint64_t bound) {
    const int bits = signed_bits(bound);
    RowPool pool(count * bits);
    std::vector<Number> numbers;
    for (int i = 0; i < count; ++i) {
        std::vector<int> rows(static_cast<std::size_t>(bits));
        std::iota(rows.begin(), rows.end(), i * bits);
        numbers.push_back({std::move(rows), bound});
    }
    TreePlan plan;
    while (numbers.size() > 1) {
        std::vector<Number> sums;
        for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
            Number& a = numbers[i];
            Number& b = numbers[i + 1];
            Number sum{{}, a.bound + b.bound};
            const auto width = std::min(static_cast<std::size_t>(signed_bits(sum.bound)),
                                        std::max(a.rows.size(), b.rows.size()) + 1);
            for (std::size_t bit = 0; bit < width; ++bit) {
                sum.rows.push_back(pool.take());
            }
            for (const Number* operand : {&a, &b}) {
                std::for_each(operand->rows.begin(), operand->rows.end(),
                              [&pool](int row) { pool.give_back(row); });
            }
            sums.push_back(sum);
            plan.additions.push_back({std::move(a), std::move(b), std::move(sum)});
        }
        if (numbers.size() % 2 == 1) {
            sums.push_back(std::move(numbers.back()));
        }
        numbers = std::move(sums);
    }
    plan.result = std::move(numbers.front());
    plan.rows = pool.used();
    return plan;
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

int signed_bits(std::uint64_t bound) {
    int bits = 1;
    for (; bound != 0; bound >>= 1) {
        ++bits;
    }
    return bits;
}

int AdderTree::rows_needed(int count, std::uint64_t bound) {
    return plan_tree(count, bound).rows;
}

int AdderTree::largest_count(std::uint64_t bound) {
    int count = 1;
    while (rows_needed(count + 1, bound) + carry_rows <= all_rows) {
        ++count;
    }
    return count;
}

AdderTree::AdderTree(SenseAmplifierKind kind, int count, std::uint64_t bound) : program_(kind) {
    if (count < 1 || bound == 0) {
        throw std::invalid_argument("found no operand, expected at least one");
    }
    const TreePlan plan = plan_tree(count, bound);
    if (plan.rows + carry_rows > all_rows) {
        throw std::invalid_argument(
            fmt::format("found {} operands of {} bits, which need {} rows, expected at "
                        "most {}",
                        count, signed_bits(bound), plan.rows + carry_rows, all_rows));
    }
    carry_ = {static_cast<std::uint8_t>(all_rows - 2), static_cast<std::uint8_t>(all_rows - 1)};
    for (const Addition& addition : plan.additions) {
        append_add(program_, narrow(addition.a.rows), narrow(addition.b.rows), narrow(addition.sum.rows),
                   carry_, Signedness::twos_complement);
        bit_additions_ += addition.sum.rows.size();
    }
    result_ = {narrow(plan.result.rows), plan.result.bound};
}

} // namespace hydravp::accelerators::mram_pim
