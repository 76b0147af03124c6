// SPDX-License-Identifier: Apache-2.0
#include "row_kernel.h"

#include <algorithm>
#include <iterator>

// Compiles what lies between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once per instruction set.
// No lambdas in there: they would not inherit the instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mram_pim/row_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hydravp::accelerators::mram_pim::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<std::uint64_t, BitRow::words>;

void execute(const BitStep& step, BitRow* rows) {
    const Tag d;
    const std::size_t lanes = hn::Lanes(d);
    const std::uint64_t* a = rows[step.a].word.data();
    const std::uint64_t* b = rows[step.b].word.data();
    std::uint64_t* sum = rows[step.sum].word.data();
    const auto ones = hn::Set(d, ~std::uint64_t{0});
    switch (step.kind) {
    case BitStep::Kind::add: {
        const std::uint64_t* c = rows[step.c].word.data();
        std::uint64_t* carry = rows[step.carry].word.data();
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            const auto x = hn::Load(d, a + i);
            const auto y = hn::Load(d, b + i);
            const auto z = hn::Load(d, c + i);
            const auto differ = hn::Xor(x, y);
            hn::Store(hn::Xor(differ, z), d, sum + i);
            hn::Store(hn::Or(hn::And(x, y), hn::And(differ, z)), d, carry + i);
        }
        break;
    }
    case BitStep::Kind::complement:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::Xor(hn::Load(d, a + i), ones), d, sum + i);
        }
        break;
    case BitStep::Kind::copy:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::Load(d, a + i), d, sum + i);
        }
        break;
    case BitStep::Kind::and2:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::And(hn::Load(d, a + i), hn::Load(d, b + i)), d, sum + i);
        }
        break;
    case BitStep::Kind::or2:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::Or(hn::Load(d, a + i), hn::Load(d, b + i)), d, sum + i);
        }
        break;
    case BitStep::Kind::xor2:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::Xor(hn::Load(d, a + i), hn::Load(d, b + i)), d, sum + i);
        }
        break;
    case BitStep::Kind::clear:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(hn::Zero(d), d, sum + i);
        }
        break;
    case BitStep::Kind::fill:
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            hn::Store(ones, d, sum + i);
        }
        break;
    }
}

void run_steps_here(const BitStep* steps, std::size_t count, BitRow* rows) {
    for (std::size_t i = 0; i < count; ++i) {
        execute(steps[i], rows);
    }
}

void map_operands_here(const OperandWord* words, const std::uint32_t* offsets, std::size_t terms,
                       std::size_t stride, BitRow* rows) {
    const Tag d;
    const std::size_t lanes = hn::Lanes(d);
    const auto one = hn::Set(d, 1);
    const auto zero = hn::Zero(d);
    HWY_ALIGN std::uint64_t values[BitRow::words];
    HWY_ALIGN std::uint64_t signs[BitRow::words];
    for (std::size_t t = 0; t < terms; ++t, rows += operand_bits) {
        for (std::size_t i = 0; i < BitRow::words; ++i) {
            values[i] = words[i].input[offsets[t]];
            signs[i] = words[i].weights[t * stride];
        }
        for (std::size_t i = 0; i < BitRow::words; i += lanes) {
            auto plus = hn::Load(d, values + i);
            auto minus = hn::Sub(zero, plus);
            const auto sign = hn::Load(d, signs + i);
            for (std::size_t bit = 0; bit < operand_bits; ++bit) {
                const auto p = hn::Sub(zero, hn::And(plus, one)); // the bit in all 64 columns
                const auto m = hn::Sub(zero, hn::And(minus, one));
                hn::Store(hn::Xor(p, hn::And(hn::Xor(p, m), sign)), d, rows[bit].word.data() + i);
                plus = hn::ShiftRight<1>(plus);
                minus = hn::ShiftRight<1>(minus);
            }
        }
    }
}

void and_count_here(const BitRow* inputs, const BitRow* weights, std::int64_t* sums) {
    const Tag d;
    const hn::RebindToSigned<Tag> di;
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t at = 0; at < BitRow::words; at += lanes) {
        auto total = hn::Zero(d);
        for (int j = 7; j >= 0; --j) { // Horner's rule over the weight planes
            const auto weight = hn::Load(d, weights[j].word.data() + at);
            auto plane = hn::Zero(d);
            for (int i = 7; i >= 0; --i) {
                const auto ones =
                    hn::PopulationCount(hn::And(weight, hn::Load(d, inputs[i].word.data() + at)));
                plane = hn::Add(hn::Add(plane, plane), ones);
            }
            total = hn::Add(total, total);
            total = j == 7 ? hn::Sub(total, plane) : hn::Add(total, plane);
        }
        hn::Store(hn::BitCast(di, total), di, sums + at);
    }
}

} // namespace
} // namespace hydravp::accelerators::mram_pim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::mram_pim {

HWY_EXPORT(run_steps_here);

void run_steps(const BitStep* steps, std::size_t count, BitRow* rows) {
    HWY_DYNAMIC_DISPATCH(run_steps_here)(steps, count, rows);
}

HWY_EXPORT(map_operands_here);

void map_operands(const OperandWord (&words)[BitRow::words], const std::uint32_t* offsets, std::size_t terms,
                  std::size_t stride, BitRow* rows) {
    HWY_DYNAMIC_DISPATCH(map_operands_here)(words, offsets, terms, stride, rows);
}

HWY_EXPORT(and_count_here);

void and_count(const BitRow* input_planes, const BitRow* weight_planes, std::int64_t (&sums)[BitRow::words]) {
    alignas(64) std::int64_t aligned[BitRow::words];
    HWY_DYNAMIC_DISPATCH(and_count_here)(input_planes, weight_planes, aligned);
    std::copy(std::begin(aligned), std::end(aligned), std::begin(sums));
}

} // namespace hydravp::accelerators::mram_pim
#endif
