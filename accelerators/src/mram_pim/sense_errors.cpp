// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/sense_errors.h"

#include "row_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace hydravp::accelerators::mram_pim {
namespace {

enum Branch : std::size_t { read_m, or2, and2_branch, or3, maj, and3 };

struct BranchInfo {
    memory::SenseEnables enable;
    int rows;
};

constexpr BranchInfo info[] = {{memory::enable::m, 1},   {memory::enable::or2, 2}, {memory::enable::and2, 2},
                               {memory::enable::or3, 3}, {memory::enable::maj, 3}, {memory::enable::and3, 3}};

/// A failure of one comparison.
struct Failure {
    std::size_t branch;
    std::size_t column;
};

void flip(BitRow& row, std::size_t column) {
    row.set(column, !row.bit(column));
}

} // namespace

SenseErrors::SenseErrors(const memory::SenseMargins& margins, SenseAmplifierKind kind, std::uint64_t seed)
    : kind_(kind), random_(seed) {
    for (std::size_t branch = 0; branch < branches; ++branch) {
        for (int ones = 0; ones <= info[branch].rows; ++ones) {
            const double p = margins.failure(info[branch].enable, info[branch].rows, ones);
            failure_[branch][static_cast<std::size_t>(ones)] = p;
            most_[branch] = std::max(most_[branch], p);
        }
        distance_[branch] = next_distance(branch);
    }
}

/// Columns until the next candidate of a failure, if the worst state were everywhere: a geometric
/// distribution.
std::uint64_t SenseErrors::next_distance(std::size_t branch) {
    constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max() / 2;
    const double p = most_[branch];
    if (p <= 0) {
        return never;
    }
    const double u = 1 - static_cast<double>(random_() >> 11) * 0x1p-53; // above zero
    const double distance = p >= 1 ? 0 : std::floor(std::log(u) / std::log1p(-p));
    return distance < static_cast<double>(never) ? static_cast<std::uint64_t>(distance) : never;
}

template <class Ones, class Body>
void SenseErrors::draw(std::size_t branch, const Ones& ones, const Body& body) {
    std::uint64_t at = distance_[branch];
    while (at < BitRow::columns) {
        const auto column = static_cast<std::size_t>(at);
        const double share = failure_[branch][static_cast<std::size_t>(ones(column))] / most_[branch];
        if (static_cast<double>(random_() >> 11) * 0x1p-53 < share) {
            ++failures_;
            body(column);
        }
        at += 1 + next_distance(branch);
    }
    distance_[branch] = at - BitRow::columns;
}

BitRow SenseErrors::read(const BitRow& row) {
    BitRow result = row;
    draw(
        read_m, [&](std::size_t c) { return row.bit(c) ? 1 : 0; }, [&](std::size_t c) { flip(result, c); });
    return result;
}

BitRow SenseErrors::and2(const BitRow& a, const BitRow& b) {
    BitRow result = a & b;
    draw(
        and2_branch, [&](std::size_t c) { return (a.bit(c) ? 1 : 0) + (b.bit(c) ? 1 : 0); },
        [&](std::size_t c) { flip(result, c); });
    return result;
}

void SenseErrors::run(const RowProgram& program, MramCells& cells) {
    for (const BitStep& step : program.steps()) {
        execute(step, cells);
    }
}

void SenseErrors::execute(const BitStep& step, MramCells& cells) {
    const BitRow a = cells.row[step.a];
    const BitRow b = cells.row[step.b];
    const auto ones2 = [&](std::size_t c) { return (a.bit(c) ? 1 : 0) + (b.bit(c) ? 1 : 0); };
    switch (step.kind) {
    case BitStep::Kind::add:
        add(step, cells);
        return;
    case BitStep::Kind::copy:
        cells.row[step.sum] = read(a);
        return;
    case BitStep::Kind::complement:
        cells.row[step.sum] = ~read(a);
        return;
    case BitStep::Kind::and2:
        cells.row[step.sum] = and2(a, b);
        return;
    case BitStep::Kind::or2:
        run_steps(&step, 1, cells.row.data());
        draw(or2, ones2, [&](std::size_t c) { flip(cells.row[step.sum], c); });
        return;
    case BitStep::Kind::xor2:
        if (kind_ == SenseAmplifierKind::sa2) {
            const BitRow carry = cells.row[step.carry];
            add(step, cells); // the same sense; its carry is not written
            cells.row[step.carry] = carry;
            return;
        }
        run_steps(&step, 1, cells.row.data());
        // Whichever of the two comparisons is wrong, XOR2 is.
        draw(or2, ones2, [&](std::size_t c) { flip(cells.row[step.sum], c); });
        draw(and2_branch, ones2, [&](std::size_t c) { flip(cells.row[step.sum], c); });
        return;
    case BitStep::Kind::clear:
    case BitStep::Kind::fill:
        run_steps(&step, 1, cells.row.data());
        return;
    }
}

void SenseErrors::add(const BitStep& step, MramCells& cells) {
    const BitRow a = cells.row[step.a];
    const BitRow b = cells.row[step.b];
    const BitRow c = cells.row[step.c];
    run_steps(&step, 1, cells.row.data());
    BitRow sum = a ^ b ^ c;
    BitRow carry = (a & b) | ((a ^ b) & c);
    const auto ones2 = [&](std::size_t column) { return (a.bit(column) ? 1 : 0) + (b.bit(column) ? 1 : 0); };
    const auto ones3 = [&](std::size_t column) { return ones2(column) + (c.bit(column) ? 1 : 0); };
    if (kind_ == SenseAmplifierKind::sa1) {
        draw(or2, ones2, [&](std::size_t column) { flip(sum, column); });
        draw(and2_branch, ones2, [&](std::size_t column) { flip(sum, column); });
        draw(maj, ones3, [&](std::size_t column) { flip(carry, column); });
    } else {
        std::vector<Failure> failures;
        for (const std::size_t branch : {or3, maj, and3}) {
            draw(branch, ones3, [&](std::size_t column) { failures.push_back({branch, column}); });
        }
        for (const Failure& first : failures) {
            // All failures of the column together decide.
            bool is_or3 = ones3(first.column) > 0;
            bool is_maj = ones3(first.column) > 1;
            bool is_and3 = ones3(first.column) > 2;
            for (const Failure& failure : failures) {
                if (failure.column == first.column) {
                    (failure.branch == or3 ? is_or3 : failure.branch == maj ? is_maj : is_and3) ^= true;
                }
            }
            sum.set(first.column, is_or3 && (is_and3 || !is_maj));
            carry.set(first.column, is_maj);
        }
    }
    cells.row[step.carry] = carry;
    cells.row[step.sum] = sum;
}

} // namespace hydravp::accelerators::mram_pim
