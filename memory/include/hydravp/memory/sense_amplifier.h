// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/bit_row.h"
#include "hydravp/memory/sot_mram_cell.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::memory {

/// The two reconfigurable sense amplifiers of [S4 III-A, Fig. 3].
enum class SenseAmplifierKind {
    sa1, ///< SA-I: 2 sub-SAs, 4 reference branches, XOR gate behind the carry latch
    sa2  ///< SA-II: 3 sub-SAs, 6 reference branches, Sum from MIN with NOR3 and NAND3
};
const char* to_string(SenseAmplifierKind kind);

/// Enable bits of the reference branches, as Ctrl sets them.
using SenseEnables = std::uint8_t;
namespace enable {
constexpr SenseEnables m = 1;     ///< EN_M: memory read
constexpr SenseEnables or2 = 2;   ///< EN_OR2
constexpr SenseEnables and2 = 4;  ///< EN_AND2
constexpr SenseEnables maj = 8;   ///< EN_MAJ
constexpr SenseEnables or3 = 16;  ///< EN_OR3, SA-II only
constexpr SenseEnables and3 = 32; ///< EN_AND3, SA-II only
} // namespace enable

/// What a sense amplifier computes on a bit line.
enum class SenseFunction { read, or2, and2, maj, or3, and3, xor2, add };
const char* to_string(SenseFunction function);

/// A column of the enable tables [S4 Tables I, II].
struct SenseMode {
    SenseFunction function;
    SenseEnables enables;
    int rows;    ///< that the row decoder (MRD) raises
    int sub_sas; ///< that compare
};

/// The enable table of a sense amplifier, in the paper's order.
const std::vector<SenseMode>& sense_modes(SenseAmplifierKind kind);

/// At most so many rows can be raised [S4 III-B].
constexpr int max_raised_rows = 3;

/// The mode that the enables select with so many rows raised. Throws std::invalid_argument for enables that
/// the table does not list, for a number of rows that does not belong to them, and for more than three rows.
const SenseMode& select_mode(SenseAmplifierKind kind, SenseEnables enables, int rows);
/// The mode of a function; throws std::invalid_argument if the sense amplifier does not have it.
const SenseMode& find_mode(SenseAmplifierKind kind, SenseFunction function);

/// The resistances that the branches compare with: each the midpoint of the two parallel combinations that it
/// tells apart [S4 III-A].
struct SenseReferences {
    core::Resistance m, or2, and2, maj, or3, and3;
    explicit SenseReferences(const SotMramCell& cell);
    /// Of one enable bit.
    core::Resistance of(SenseEnables branch) const;
};

/// What one sense amplifier shows after sensing.
struct SenseBit {
    bool out = false; ///< READ, OR, AND, MAJ (the carry) or XOR2; its complement is available, too
    bool sum = false; ///< SA-I with XOR2: XOR2 ^ latch; SA-II with add: XOR3; otherwise false
};

/// The same of all 512 columns.
struct SenseRow {
    BitRow out;
    BitRow sum;
};

/// The sense amplifier behind one bit line, as the circuit works: the current through the raised cells gives
/// a voltage, each enabled branch compares it with the voltage over its reference, and gates combine the
/// bits.
///
/// Not modelled: offset of the comparators (see sense_margin.h for the cells' variation), transients.
class SenseAmplifier {
public:
    SenseAmplifier(SenseAmplifierKind kind, const SotMramCell& cell);

    SenseAmplifierKind kind() const { return kind_; }
    const SenseReferences& references() const { return references_; }

    /// @param paths resistance of each raised cell with its access transistor
    /// @param latch the carry latch of this column
    /// Throws std::invalid_argument as select_mode().
    SenseBit sense(SenseEnables enables, const std::vector<core::Resistance>& paths, bool latch) const;

private:
    bool compare(SenseEnables branch, core::Resistance bit_line) const;

    SenseAmplifierKind kind_;
    SenseReferences references_;
};

/// The same for all columns at once, by Boolean operations on whole rows: equal to `SenseAmplifier` for every
/// input. `b` and `c` are looked at only where the mode raises two and three rows.
SenseRow sense_rows(SenseAmplifierKind kind, SenseFunction function, const BitRow& a, const BitRow& b,
                    const BitRow& c, const BitRow& latch);

} // namespace hydravp::memory
