// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/mram_subarray.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hydravp::accelerators::mram_pim {

using memory::BitRow;
using memory::MramCells;
using memory::MramEvents;
using memory::MramSubarray;
using memory::SenseAmplifierKind;

/// Rows that hold a number per bit line, least significant bit first (bit-line alignment, [S4 Fig. 5]).
using Rows = std::vector<std::uint8_t>;

/// What Ctrl does for one bit position: up to two senses with the write-backs of their results.
struct BitStep {
    enum class Kind : std::uint8_t {
        add,        ///< sum, carry <- a + b + carry-in
        complement, ///< sum <- NOT a
        copy,       ///< sum <- a
        and2,       ///< sum <- a AND b
        or2,        ///< sum <- a OR b
        xor2,       ///< sum <- a XOR b; SA-II raises `c`, a row of zeros, as the third
        clear,      ///< sum <- 0
        fill        ///< sum <- 1
    };
    /// Where an addition's carry-in comes from.
    enum class CarryIn : std::uint8_t {
        row,  ///< row c (and, for SA-I, the latch, which holds the same)
        zero, ///< first bit: the latch is preset to zero; row c holds zeros
        one   ///< first bit of a subtraction: the latch is preset to one; row c holds ones
    };

    Kind kind = Kind::add;
    CarryIn carry_in = CarryIn::row;
    std::uint8_t a = 0, b = 0, c = 0;
    std::uint8_t sum = 0;
    std::uint8_t carry = 0;
};

/// One cycle of a sub-array: rows are raised and sensed, or a row is written.
struct RowOperation {
    enum class Source : std::uint8_t { out, complement, sum, zeros, ones };

    const char* name = ""; ///< S1, S2, C1, C2 as in [S4 Fig. 5b]; S and W otherwise
    bool is_write = false;
    // Sense.
    memory::SenseEnables enables = 0;
    std::vector<std::uint8_t> rows;
    bool preset_latch = false; ///< the latch becomes `preset_value` before
    bool preset_value = false;
    // Write.
    std::uint8_t row = 0;
    Source source = Source::out;
    bool to_latch = false; ///< the data go to the latch, too
};

/// The row operations of one step, in their order.
std::vector<RowOperation> expand(const BitStep& step, SenseAmplifierKind kind);

/// What one step counts as: closed form, without expanding it.
MramEvents step_events(const BitStep& step, SenseAmplifierKind kind);

/// A program of row operations for one sub-array, with its costs in closed form. Ctrl of any number of
/// sub-arrays can run the same one.
class RowProgram {
public:
    explicit RowProgram(SenseAmplifierKind kind) : kind_(kind) {}

    /// Throws std::invalid_argument if the step raises a row twice or writes one that it still has to read.
    void append(const BitStep& step);

    SenseAmplifierKind kind() const { return kind_; }
    const std::vector<BitStep>& steps() const { return steps_; }
    const MramEvents& events() const { return events_; }

    /// Executes all steps on the cells, 512 bit lines at a time.
    void run(MramCells& cells) const;

    /// Called after each row operation; the sub-array shows its state.
    using Observer =
        std::function<void(const BitStep& step, const RowOperation& operation, const MramSubarray& subarray)>;
    /// Executes the row operations one by one through the sub-array's sense amplifiers: the same cells, the
    /// same events, slower.
    void step(MramSubarray& subarray, const Observer& observer = nullptr) const;

private:
    SenseAmplifierKind kind_;
    std::vector<BitStep> steps_;
    MramEvents events_;
};

} // namespace hydravp::accelerators::mram_pim
