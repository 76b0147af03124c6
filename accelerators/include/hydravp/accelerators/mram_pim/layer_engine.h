// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/adder.h"
#include "hydravp/accelerators/mram_pim/config.h"
#include "hydravp/accelerators/mram_pim/dpu.h"
#include "hydravp/accelerators/mram_pim/sense_errors.h"
#include "hydravp/core/mram_work.h"
#include "hydravp/memory/mram_storage.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace hydravp::accelerators::mram_pim {

/// What executing a layer did, and what that costs. All images of the batch.
struct LayerActivity {
    core::MramPlan plan;
    MramEvents add;   ///< senses and write-backs of in-memory additions
    MramEvents count; ///< senses of AND
    MramEvents map;   ///< operands written; inputs and weights read
    MramEvents move;  ///< partial sums and results read and written, outputs written
    std::uint64_t htree_rows = 0;
    // Energy by account.
    core::Energy add_energy, count_energy, map_energy, htree_energy, dpu_energy;
    core::Energy total_energy() const;
    core::Picoseconds time() const { return plan.times.total(); }
    /// Row operations that worked on data in the sub-arrays.
    std::uint64_t row_operations() const;
};

/// How programs are executed: at once, or one row operation after the other. Cells, times and energies are
/// the same.
enum class ExecutionMode { program, step };

/// Executes layers on the cells of a bank: every operand bit is written into the sub-array that the plan
/// says, every row operation works on it, and the results are what the rows hold then.
///
/// Sub-arrays [0, compute) work, the others hold tensors. Sub-array by sub-array; the time follows from the
/// plan.
class LayerEngine {
public:
    LayerEngine(const MramPimConfig& config, memory::MramStorage& storage);

    /// Throws std::invalid_argument for a layer that the bank can't execute: see plan_mram_layer(); tensors
    /// must lie in the sub-arrays for tensors.
    LayerActivity execute(const core::MramLayerRegisters& layer);
    /// The same in two parts: the sub-arrays work, and the outputs get into their place.
    LayerActivity compute(const core::MramLayerRegisters& layer);
    void commit();
    /// Plan and costs without executing it.
    LayerActivity evaluate(const core::MramLayerRegisters& layer) const;

    void set_mode(ExecutionMode mode) { mode_ = mode; }
    /// From now on sense amplifiers fail; nullptr: they never do.
    void set_errors(SenseErrors* errors) { errors_ = errors; }

    /// In every layer the first program runs row operation by row operation, and `observer` sees it.
    void observe_first_program(RowProgram::Observer observer) { observer_ = std::move(observer); }

    /// Events that were counted row operation by row operation in step mode, since the last call.
    MramEvents take_stepped_events();

    /// Lowest address of the tensors.
    std::uint64_t tensor_base() const { return tensor_base_; }

private:
    struct Columns;

    void check(const core::MramLayerRegisters& layer) const;
    void load(const core::MramLayerRegisters& layer);
    void add_tree(const core::MramLayerRegisters& layer, const core::MramPlan& plan);
    void map_chunk(const core::MramLayerRegisters& layer, const Columns& columns, std::uint64_t first_term,
                   std::uint64_t terms, MramCells& cells);
    void and_count(const core::MramLayerRegisters& layer, const core::MramPlan& plan);
    void count_one_by_one(MramCells& cells, std::uint8_t first_plane, std::int64_t (&ones)[BitRow::words]);
    void finish(const core::MramLayerRegisters& layer, std::uint64_t output, std::int64_t sum);
    void pack_outputs(const core::MramLayerRegisters& layer);
    void run(const RowProgram& program, MramCells& cells);
    BitRow read_row(const BitRow& row);
    const AdderTree& tree(std::uint64_t count, std::uint64_t bound);

    MramPimConfig config_;
    memory::MramStorage& storage_;
    std::uint64_t tensor_base_;
    ExecutionMode mode_ = ExecutionMode::program;
    SenseErrors* errors_ = nullptr;
    MramEvents stepped_;
    RowProgram::Observer observer_;
    bool observed_ = false;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::unique_ptr<AdderTree>> trees_;

    // Of the layer that is executed.
    std::vector<std::uint8_t> input_; ///< padded with zeros: [image][channel][row][column]
    std::uint32_t padded_height_ = 0, padded_width_ = 0;
    std::vector<std::uint32_t> term_offsets_; ///< in `input_`, from the window's first element
    std::vector<std::uint64_t> signs_;        ///< add_tree: [term][word of 64 filters]
    std::vector<std::int8_t> weights_;        ///< and_count: [filter][term]
    std::vector<FilterParameters> parameters_;
    std::vector<std::int32_t> output_; ///< [image][channel][row][column]
    std::uint64_t output_address_ = 0;
    std::vector<unsigned char> output_bytes_;
};

} // namespace hydravp::accelerators::mram_pim
