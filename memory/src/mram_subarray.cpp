// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_subarray.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace hydravp::memory {

MramEvents& MramEvents::operator+=(const MramEvents& other) {
    senses += other.senses;
    comparisons += other.comparisons;
    boosted_senses += other.boosted_senses;
    boosted_comparisons += other.boosted_comparisons;
    writes += other.writes;
    return *this;
}

MramEvents operator*(MramEvents a, std::uint64_t n) {
    a.senses *= n;
    a.comparisons *= n;
    a.boosted_senses *= n;
    a.boosted_comparisons *= n;
    a.writes *= n;
    return a;
}

bool operator==(const MramEvents& a, const MramEvents& b) {
    return a.senses == b.senses && a.comparisons == b.comparisons && a.boosted_senses == b.boosted_senses &&
           a.boosted_comparisons == b.boosted_comparisons && a.writes == b.writes;
}

core::Picoseconds MramEvents::time(const MramTechnology& technology) const {
    return technology.sense_time * static_cast<std::int64_t>(senses + boosted_senses) +
           technology.write_time * static_cast<std::int64_t>(writes);
}

core::Energy MramEvents::energy(const MramTechnology& technology, double sense_current_scale) const {
    const double columns = BitRow::columns;
    const auto sensing = [&](std::uint64_t rows, std::uint64_t compared) {
        return technology.sense_amplifier.for_bits(columns * static_cast<double>(compared)) +
               technology.bit_line.for_bits(columns * static_cast<double>(rows));
    };
    return sensing(senses, comparisons) + sensing(boosted_senses, boosted_comparisons) * sense_current_scale +
           technology.cell_write.for_bits(columns * static_cast<double>(writes));
}

MramEvents sense_events(const SenseMode& mode) {
    MramEvents events;
    const auto compared = static_cast<std::uint64_t>(mode.sub_sas);
    // The branch with the smallest margin sets the current.
    if ((mode.enables & enable::or3) != 0) {
        events.boosted_senses = 1;
        events.boosted_comparisons = compared;
    } else {
        events.senses = 1;
        events.comparisons = compared;
    }
    return events;
}

const SenseRow& MramSubarray::sense(SenseEnables enables, const std::vector<std::uint8_t>& rows) {
    const SenseMode& mode = select_mode(kind_, enables, static_cast<int>(rows.size()));
    for (auto row = rows.begin(); row != rows.end(); ++row) {
        if (std::find(rows.begin(), row, *row) != row) {
            throw std::invalid_argument(
                fmt::format("found row {} twice, expected different rows to be raised", *row));
        }
    }
    static const BitRow none;
    const auto raised = [&](std::size_t i) -> const BitRow& {
        return i < rows.size() ? cells_.row[rows[i]] : none;
    };
    sensed_ = sense_rows(kind_, mode.function, raised(0), raised(1), raised(2), latch_);
    events_ += sense_events(mode);
    return sensed_;
}

void MramSubarray::write(std::uint8_t row, const BitRow& data) {
    cells_.row[row] = data;
    events_ += write_event();
}

} // namespace hydravp::memory
