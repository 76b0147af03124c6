// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/row_program.h"

#include "row_kernel.h"

#include <fmt/format.h>

#include <stdexcept>

namespace hydravp::accelerators::mram_pim {
namespace {

using Kind = BitStep::Kind;
using CarryIn = BitStep::CarryIn;
using Source = RowOperation::Source;
using memory::SenseFunction;

RowOperation sense(const char* name, SenseAmplifierKind kind, SenseFunction function,
                   std::vector<std::uint8_t> rows) {
    RowOperation operation;
    operation.name = name;
    operation.enables = memory::find_mode(kind, function).enables;
    operation.rows = std::move(rows);
    return operation;
}

RowOperation write(const char* name, std::uint8_t row, Source source) {
    RowOperation operation;
    operation.name = name;
    operation.is_write = true;
    operation.row = row;
    operation.source = source;
    return operation;
}

std::vector<RowOperation> expand_add(const BitStep& step, SenseAmplifierKind kind) {
    if (kind == SenseAmplifierKind::sa2) {
        return {sense("S", kind, SenseFunction::add, {step.a, step.b, step.c}),
                write("W1", step.sum, Source::sum), write("W2", step.carry, Source::out)};
    }
    RowOperation sum = sense("S1", kind, SenseFunction::xor2, {step.a, step.b});
    sum.preset_latch = step.carry_in != CarryIn::row;
    sum.preset_value = step.carry_in == CarryIn::one;
    RowOperation carry = write("C2", step.carry, Source::out);
    carry.to_latch = true;
    return {std::move(sum), write("S2", step.sum, Source::sum),
            sense("C1", kind, SenseFunction::maj, {step.a, step.b, step.c}), std::move(carry)};
}

[[noreturn]] void refuse(const BitStep& step, const char* what) {
    throw std::invalid_argument(fmt::format("a step on rows {}, {}, {} into {} and {}: {}", step.a, step.b,
                                            step.c, step.sum, step.carry, what));
}

MramEvents senses_of(SenseAmplifierKind kind, SenseFunction function) {
    return memory::sense_events(memory::find_mode(kind, function));
}

} // namespace

std::vector<RowOperation> expand(const BitStep& step, SenseAmplifierKind kind) {
    switch (step.kind) {
    case Kind::add:
        return expand_add(step, kind);
    case Kind::complement:
        return {sense("S", kind, SenseFunction::read, {step.a}), write("W", step.sum, Source::complement)};
    case Kind::copy:
        return {sense("S", kind, SenseFunction::read, {step.a}), write("W", step.sum, Source::out)};
    case Kind::and2:
        return {sense("S", kind, SenseFunction::and2, {step.a, step.b}), write("W", step.sum, Source::out)};
    case Kind::or2:
        return {sense("S", kind, SenseFunction::or2, {step.a, step.b}), write("W", step.sum, Source::out)};
    case Kind::xor2:
        if (kind == SenseAmplifierKind::sa1) {
            return {sense("S", kind, SenseFunction::xor2, {step.a, step.b}),
                    write("W", step.sum, Source::out)};
        }
        return {sense("S", kind, SenseFunction::add, {step.a, step.b, step.c}),
                write("W", step.sum, Source::sum)};
    case Kind::clear:
        return {write("W", step.sum, Source::zeros)};
    case Kind::fill:
        return {write("W", step.sum, Source::ones)};
    }
    return {};
}

MramEvents step_events(const BitStep& step, SenseAmplifierKind kind) {
    const MramEvents write = memory::write_event();
    switch (step.kind) {
    case Kind::add:
        return kind == SenseAmplifierKind::sa2
                   ? senses_of(kind, SenseFunction::add) + write * 2
                   : senses_of(kind, SenseFunction::xor2) + senses_of(kind, SenseFunction::maj) + write * 2;
    case Kind::complement:
    case Kind::copy:
        return senses_of(kind, SenseFunction::read) + write;
    case Kind::and2:
        return senses_of(kind, SenseFunction::and2) + write;
    case Kind::or2:
        return senses_of(kind, SenseFunction::or2) + write;
    case Kind::xor2:
        return senses_of(kind, kind == SenseAmplifierKind::sa1 ? SenseFunction::xor2 : SenseFunction::add) +
               write;
    case Kind::clear:
    case Kind::fill:
        return write;
    }
    return {};
}

void RowProgram::append(const BitStep& step) {
    const bool three =
        step.kind == Kind::add || (step.kind == Kind::xor2 && kind_ == SenseAmplifierKind::sa2);
    const bool two = three || step.kind == Kind::and2 || step.kind == Kind::or2 || step.kind == Kind::xor2;
    if (two && step.a == step.b) {
        refuse(step, "expected different rows to be raised");
    }
    if (three && (step.c == step.a || step.c == step.b)) {
        refuse(step, "expected different rows to be raised");
    }
    if (step.kind == Kind::add &&
        (step.sum == step.a || step.sum == step.b || step.sum == step.c || step.sum == step.carry)) {
        refuse(step, "expected the sum in a row of its own: the carry is sensed after it is written");
    }
    steps_.push_back(step);
    events_ += step_events(step, kind_);
}

void RowProgram::run(MramCells& cells) const {
    run_steps(steps_.data(), steps_.size(), cells.row.data());
}

void RowProgram::step(MramSubarray& subarray, const Observer& observer) const {
    if (subarray.kind() != kind_) {
        throw std::invalid_argument(fmt::format("found a sub-array with {}, expected one with {}",
                                                to_string(subarray.kind()), to_string(kind_)));
    }
    for (const BitStep& bit : steps_) {
        for (const RowOperation& operation : expand(bit, kind_)) {
            if (!operation.is_write) {
                if (operation.preset_latch) {
                    subarray.set_latch(BitRow::filled(operation.preset_value));
                }
                subarray.sense(operation.enables, operation.rows);
            } else {
                BitRow data;
                switch (operation.source) {
                case Source::out:
                    data = subarray.sensed().out;
                    break;
                case Source::complement:
                    data = ~subarray.sensed().out;
                    break;
                case Source::sum:
                    data = subarray.sensed().sum;
                    break;
                case Source::zeros:
                    break;
                case Source::ones:
                    data = BitRow::filled(true);
                    break;
                }
                subarray.write(operation.row, data);
                if (operation.to_latch) {
                    subarray.set_latch(data);
                }
            }
            if (observer) {
                observer(bit, operation, subarray);
            }
        }
    }
}

} // namespace hydravp::accelerators::mram_pim
