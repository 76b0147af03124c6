// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/bit_row.h"
#include "hydravp/memory/mram_technology.h"
#include "hydravp/memory/sense_amplifier.h"

#include <array>
#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// How often the primitives of sub-arrays ran, in rows of 512 columns. Time and energy follow from it alone,
/// so that a program costs the same however it is executed.
struct MramEvents {
    std::uint64_t senses = 0;              ///< at the nominal sense current
    std::uint64_t comparisons = 0;         ///< sub-SAs that compared in them
    std::uint64_t boosted_senses = 0;      ///< at SA-II's larger current, for the margin of OR3
    std::uint64_t boosted_comparisons = 0; ///< sub-SAs that compared in them
    std::uint64_t writes = 0;              ///< write-backs

    MramEvents& operator+=(const MramEvents& other);
    friend MramEvents operator+(MramEvents a, const MramEvents& b) { return a += b; }
    friend MramEvents operator*(MramEvents a, std::uint64_t n);
    friend bool operator==(const MramEvents& a, const MramEvents& b);
    std::uint64_t row_operations() const { return senses + boosted_senses + writes; }

    /// One after the other, in one sub-array.
    core::Picoseconds time(const MramTechnology& technology) const;
    /// @param sense_current_scale of a boosted sense, in multiples of the nominal current
    core::Energy energy(const MramTechnology& technology, double sense_current_scale) const;
};

/// What one sense of a mode counts as.
MramEvents sense_events(const SenseMode& mode);
constexpr MramEvents write_event() {
    MramEvents events;
    events.writes = 1;
    return events;
}

/// The cells of one sub-array, 256 rows of 512 columns, row by row. 16 KiB, as they lie in the bank.
struct MramCells {
    static constexpr std::size_t rows = 256;
    static constexpr std::size_t bytes = rows * sizeof(BitRow);
    std::array<BitRow, rows> row{};
};

/// One computational sub-array at work, row operation by row operation [S4 III-A]: row decoder (MRD), write
/// driver, a sense amplifier with its carry latch behind every column. The cells belong to the bank.
///
/// Refuses, by std::invalid_argument, what the circuit can't do: a row twice or beyond the last one, more
/// than three rows, enables that the tables do not list.
class MramSubarray {
public:
    MramSubarray(MramCells& cells, SenseAmplifierKind kind) : cells_(cells), kind_(kind) {}

    /// Raises the read word lines (RWL) of `rows` and senses; the result stays at the sense amplifiers.
    const SenseRow& sense(SenseEnables enables, const std::vector<std::uint8_t>& rows);
    /// Raises a write word line (WWL).
    void write(std::uint8_t row, const BitRow& data);
    void set_latch(const BitRow& carry) { latch_ = carry; }

    const SenseRow& sensed() const { return sensed_; }
    const BitRow& latch() const { return latch_; }
    const BitRow& row(std::uint8_t index) const { return cells_.row[index]; }
    SenseAmplifierKind kind() const { return kind_; }
    const MramEvents& events() const { return events_; }

private:
    MramCells& cells_;
    SenseAmplifierKind kind_;
    SenseRow sensed_;
    BitRow latch_;
    MramEvents events_;
};

} // namespace hydravp::memory
