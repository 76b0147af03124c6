// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sense_amplifier.h"

#include <fmt/format.h>

#include <stdexcept>

namespace hydravp::memory {
namespace {

core::Resistance midpoint(const SotMramCell& cell, int rows, int ones) {
    return {(bit_line_resistance(cell, rows, ones).ohms + bit_line_resistance(cell, rows, ones + 1).ohms) /
            2};
}

std::string bits(SenseEnables enables) {
    std::string text;
    const auto add = [&](SenseEnables branch, const char* name) {
        if ((enables & branch) != 0) {
            text += (text.empty() ? "" : " ") + std::string(name);
        }
    };
    add(enable::m, "EN_M");
    add(enable::or2, "EN_OR2");
    add(enable::and2, "EN_AND2");
    add(enable::maj, "EN_MAJ");
    add(enable::or3, "EN_OR3");
    add(enable::and3, "EN_AND3");
    constexpr SenseEnables known =
        enable::m | enable::or2 | enable::and2 | enable::maj | enable::or3 | enable::and3;
    if ((enables & ~known) != 0) {
        add(enables, "bits of no branch");
    }
    return text.empty() ? "no enable bit" : text;
}

} // namespace

const char* to_string(SenseAmplifierKind kind) {
    return kind == SenseAmplifierKind::sa1 ? "sa1" : "sa2";
}

const char* to_string(SenseFunction function) {
    switch (function) {
    case SenseFunction::read:
        return "read";
    case SenseFunction::or2:
        return "or2";
    case SenseFunction::and2:
        return "and2";
    case SenseFunction::maj:
        return "maj";
    case SenseFunction::or3:
        return "or3";
    case SenseFunction::and3:
        return "and3";
    case SenseFunction::xor2:
        return "xor2";
    case SenseFunction::add:
        return "add";
    }
    return "?";
}

const std::vector<SenseMode>& sense_modes(SenseAmplifierKind kind) {
    static const std::vector<SenseMode> sa1{
        {SenseFunction::read, enable::m, 1, 1},
        {SenseFunction::or2, enable::or2, 2, 1},
        {SenseFunction::and2, enable::and2, 2, 1},
        {SenseFunction::maj, enable::maj, 3, 1},
        {SenseFunction::xor2, enable::or2 | enable::and2, 2, 2},
    };
    // Its XOR2 is `add` with a row of zeros as the third.
    static const std::vector<SenseMode> sa2{
        {SenseFunction::read, enable::m, 1, 1},
        {SenseFunction::or2, enable::or2, 2, 1},
        {SenseFunction::and2, enable::and2, 2, 1},
        {SenseFunction::maj, enable::maj, 3, 1},
        {SenseFunction::or3, enable::or3, 3, 1},
        {SenseFunction::and3, enable::and3, 3, 1},
        {SenseFunction::add, enable::or3 | enable::and3 | enable::maj, 3, 3},
    };
    return kind == SenseAmplifierKind::sa1 ? sa1 : sa2;
}

const SenseMode& select_mode(SenseAmplifierKind kind, SenseEnables enables, int rows) {
    if (rows > max_raised_rows) {
        throw std::invalid_argument(fmt::format("found {} raised rows, expected at most {}: the sense margin "
                                                "does not allow more",
                                                rows, max_raised_rows));
    }
    for (const SenseMode& mode : sense_modes(kind)) {
        if (mode.enables == enables) {
            if (mode.rows != rows) {
                throw std::invalid_argument(
                    fmt::format("found {} raised rows, expected {} with {}", rows, mode.rows, bits(enables)));
            }
            return mode;
        }
    }
    throw std::invalid_argument(fmt::format("found {}, expected enable bits that the table of {} lists",
                                            bits(enables), to_string(kind)));
}

const SenseMode& find_mode(SenseAmplifierKind kind, SenseFunction function) {
    for (const SenseMode& mode : sense_modes(kind)) {
        if (mode.function == function) {
            return mode;
        }
    }
    throw std::invalid_argument(
        fmt::format("found {}, expected a function that {} has", to_string(function), to_string(kind)));
}

SenseReferences::SenseReferences(const SotMramCell& cell)
    : m(midpoint(cell, 1, 0)),
      or2(midpoint(cell, 2, 0)),
      and2(midpoint(cell, 2, 1)),
      maj(midpoint(cell, 3, 1)),
      or3(midpoint(cell, 3, 0)),
      and3(midpoint(cell, 3, 2)) {}

core::Resistance SenseReferences::of(SenseEnables branch) const {
    switch (branch) {
    case enable::m:
        return m;
    case enable::or2:
        return or2;
    case enable::and2:
        return and2;
    case enable::maj:
        return maj;
    case enable::or3:
        return or3;
    case enable::and3:
        return and3;
    default:
        throw std::invalid_argument("found " + bits(branch) + ", expected one enable bit");
    }
}

SenseAmplifier::SenseAmplifier(SenseAmplifierKind kind, const SotMramCell& cell)
    : kind_(kind), references_(cell) {}

bool SenseAmplifier::compare(SenseEnables branch, core::Resistance bit_line) const {
    // The same current flows through both, so their voltages are as their resistances.
    return bit_line.ohms > references_.of(branch).ohms;
}

SenseBit SenseAmplifier::sense(SenseEnables enables, const std::vector<core::Resistance>& paths,
                               bool latch) const {
    const SenseMode& mode = select_mode(kind_, enables, static_cast<int>(paths.size()));
    double conductance = 0;
    for (const core::Resistance path : paths) {
        conductance += 1 / path.ohms;
    }
    const core::Resistance bit_line{1 / conductance};
    SenseBit result;
    switch (mode.function) {
    case SenseFunction::xor2: {
        const bool nand2 = !compare(enable::and2, bit_line);
        result.out = compare(enable::or2, bit_line) && nand2;
        result.sum = result.out != latch;
        break;
    }
    case SenseFunction::add: {
        const bool nor3 = !compare(enable::or3, bit_line);
        const bool nand3 = !compare(enable::and3, bit_line);
        result.out = compare(enable::maj, bit_line);
        const bool min = !result.out;
        // MIN is the sum but for (0,0,0) and (1,1,1), where pass transistors T1 and T2 connect it to GND and
        // Vdd instead.
        result.sum = nor3 ? false : !nand3 ? true : min;
        break;
    }
    default:
        result.out = compare(enables, bit_line);
        break;
    }
    return result;
}

SenseRow sense_rows(SenseAmplifierKind kind, SenseFunction function, const BitRow& a, const BitRow& b,
                    const BitRow& c, const BitRow& latch) {
    find_mode(kind, function);
    SenseRow result;
    switch (function) {
    case SenseFunction::read:
        result.out = a;
        break;
    case SenseFunction::or2:
        result.out = a | b;
        break;
    case SenseFunction::and2:
        result.out = a & b;
        break;
    case SenseFunction::maj:
        result.out = (a & b) | ((a | b) & c);
        break;
    case SenseFunction::or3:
        result.out = a | b | c;
        break;
    case SenseFunction::and3:
        result.out = a & b & c;
        break;
    case SenseFunction::xor2:
        result.out = a ^ b;
        result.sum = result.out ^ latch;
        break;
    case SenseFunction::add:
        result.out = (a & b) | ((a | b) & c);
        result.sum = a ^ b ^ c;
        break;
    }
    return result;
}

} // namespace hydravp::memory
