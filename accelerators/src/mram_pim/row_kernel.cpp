// SPDX-License-Identifier: Apache-2.0
#include "row_kernel.h"

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

} // namespace
} // namespace hydravp::accelerators::mram_pim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hydravp::accelerators::mram_pim {

HWY_EXPORT(run_steps_here);

void run_steps(const BitStep* steps, std::size_t count, BitRow* rows) {
    HWY_DYNAMIC_DISPATCH(run_steps_here)(steps, count, rows);
}

} // namespace hydravp::accelerators::mram_pim
#endif
