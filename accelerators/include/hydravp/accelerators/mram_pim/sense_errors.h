// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/row_program.h"
#include "hydravp/memory/sense_margin.h"

#include <array>
#include <cstdint>
#include <random>

namespace hydravp::accelerators::mram_pim {

/// Wrong decisions of sense amplifiers: every comparison of a sub-SA in every column fails with the
/// probability that the Monte-Carlo simulation of the sense voltage gives for the state of its bit line.
///
/// The wrong bit goes through the gates of the sense amplifier and is written back like a right one. Failures
/// are drawn independently of each other. Not modelled: a cell that always fails because of its own
/// variation.
class SenseErrors {
public:
    SenseErrors(const memory::SenseMargins& margins, SenseAmplifierKind kind, std::uint64_t seed);

    /// Executes a program like RowProgram::run, with failures.
    void run(const RowProgram& program, MramCells& cells);
    /// What the AND2 of two rows shows, with failures.
    BitRow and2(const BitRow& a, const BitRow& b);
    /// What reading a row shows, with failures.
    BitRow read(const BitRow& row);

    std::uint64_t failures() const { return failures_; }

private:
    static constexpr std::size_t branches = 6;
    /// Failures of one branch in one sense: calls body(column) for each.
    template <class Ones, class Body>
    void draw(std::size_t branch, const Ones& ones, const Body& body);
    void execute(const BitStep& step, MramCells& cells);
    void add(const BitStep& step, MramCells& cells);
    std::uint64_t next_distance(std::size_t branch);

    SenseAmplifierKind kind_;
    std::mt19937_64 random_;
    /// By branch and number of ones; its rows are those of the branch.
    std::array<std::array<double, memory::max_raised_rows + 1>, branches> failure_{};
    std::array<double, branches> most_{};
    std::array<std::uint64_t, branches> distance_{}; ///< columns to the next candidate
    std::uint64_t failures_ = 0;
};

} // namespace hydravp::accelerators::mram_pim
