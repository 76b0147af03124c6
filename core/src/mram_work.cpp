// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/mram_work.h"

#include "hydravp/core/adder_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace hydravp::core {
namespace {

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) {
    return (a + b - 1) / b;
}

Picoseconds times(Picoseconds t, std::uint64_t n) {
    return t * static_cast<std::int64_t>(n);
}

void require(bool ok, const std::string& message) {
    if (!ok) {
        throw std::invalid_argument(message);
    }
}

Picoseconds dpu_time(const MramBankShape& bank, std::uint64_t values) {
    return times(bank.dpu_clock, ceil_div(values, bank.dpu_lanes));
}

/// Operands into sub-arrays: the DPU combines while the ports write; in parallel, every sub-array combines
/// what it writes.
Picoseconds map_time(const MramBankShape& bank, std::uint64_t rows, std::uint64_t rows_of_busiest,
                     std::uint64_t combined) {
    if (bank.parallel_mapping) {
        return times(bank.write_time, rows_of_busiest) + bank.htree_write;
    }
    const Picoseconds write = times(bank.write_time, ceil_div(rows, bank.ports));
    return std::max(write, dpu_time(bank, combined)) + bank.htree_write;
}

void plan_levels(MramPlan& plan, const MramLayerRegisters& layer) {
    MramTreeLevel level;
    level.operands = layer.terms();
    level.chunks = layer.chunks;
    level.bound = MramPlan::operand_bound;
    for (;;) {
        level.operand_bits = signed_bits(level.bound);
        const int largest = largest_adder_tree(MramPlan::tree_rows, level.bound);
        require(level.chunks >= 1 && level.chunks <= level.operands &&
                    level.most_operands() <= static_cast<std::uint64_t>(largest),
                fmt::format("found {} operands of {} bits in {} sub-arrays, expected at most {} in each",
                            level.operands, level.operand_bits, level.chunks, largest));
        plan.levels.push_back(level);
        if (level.chunks == 1) {
            return;
        }
        MramTreeLevel next;
        next.operands = level.chunks;
        next.bound = level.bound * level.most_operands();
        const int merged = largest_adder_tree(MramPlan::tree_rows, next.bound);
        require(merged >= 2, "found partial sums that are too wide to be merged");
        next.chunks = ceil_div(next.operands, static_cast<std::uint64_t>(merged));
        level = next;
    }
}

void plan_add_tree(MramPlan& plan, const MramLayerRegisters& layer, const MramBankShape& bank) {
    plan_levels(plan, layer);
    const std::uint64_t outputs = layer.outputs() * layer.batch;
    plan.groups = ceil_div(outputs, MramPlan::columns);
    plan.groups_per_round = std::min<std::uint64_t>(plan.groups, bank.compute_subarrays / layer.chunks);
    require(plan.groups_per_round > 0,
            fmt::format("found a layer that needs {} sub-arrays at a time, expected at most {}", layer.chunks,
                        bank.compute_subarrays));
    plan.subarrays = plan.groups_per_round * layer.chunks;
    plan.combined_operands = layer.terms() * outputs;
    for (std::uint64_t first = 0; first < plan.groups; first += plan.groups_per_round) {
        const std::uint64_t groups = std::min(plan.groups_per_round, plan.groups - first);
        for (const MramTreeLevel& level : plan.levels) {
            const auto bits = static_cast<std::uint64_t>(level.operand_bits);
            const std::uint64_t rows = groups * level.operands * bits;
            const std::uint64_t busiest = level.most_operands() * bits;
            if (&level == &plan.levels.front()) {
                plan.mapped_rows += rows;
                const std::uint64_t columns =
                    std::min(groups * MramPlan::columns, outputs - first * MramPlan::columns);
                plan.times.map += map_time(bank, rows, busiest, layer.terms() * columns);
            } else {
                // Rows are read in one sub-array while others are written in the next.
                plan.moved_rows += rows;
                plan.times.htree += times(std::max(bank.sense_time, bank.write_time),
                                          bank.parallel_mapping ? busiest : ceil_div(rows, bank.ports)) +
                                    bank.htree_read + bank.htree_write;
            }
            std::uint64_t slowest = 0;
            for (const std::uint64_t operands : {level.operands_of(0), level.operands_of(level.chunks - 1)}) {
                slowest =
                    std::max(slowest, plan_adder_tree(static_cast<int>(operands), level.bound).bit_additions);
            }
            plan.times.add += times(bank.bit_addition_time, slowest);
        }
        const MramTreeLevel& last = plan.levels.back();
        const std::uint64_t results =
            groups * static_cast<std::uint64_t>(signed_bits(last.bound * last.operands));
        plan.result_rows += results;
        plan.times.htree += times(bank.sense_time, ceil_div(results, bank.ports)) + bank.htree_read;
    }
    for (const MramTreeLevel& level : plan.levels) {
        const std::uint64_t large = level.operands % level.chunks;
        const auto cost = [&level](std::uint64_t operands) {
            return plan_adder_tree(static_cast<int>(operands), level.bound).bit_additions;
        };
        plan.bit_additions +=
            plan.groups * ((large == 0 ? 0 : large * cost(level.operands_of(0))) +
                           (level.chunks - large) * cost(level.operands_of(level.chunks - 1)));
    }
}

void plan_and_count(MramPlan& plan, const MramLayerRegisters& layer, const MramBankShape& bank) {
    const std::uint64_t terms = layer.terms();
    plan.slices = ceil_div(terms, MramPlan::columns);
    plan.window_columns =
        ceil_div(ceil_div(terms, plan.slices), MramPlan::counter_columns) * MramPlan::counter_columns;
    plan.windows = MramPlan::columns / plan.window_columns;
    plan.window_groups = ceil_div(layer.positions() * layer.batch, plan.windows);
    plan.filter_blocks = ceil_div(layer.out_channels, MramPlan::most_filters);
    const std::uint64_t subarrays_per_set = plan.slices * plan.filter_blocks;
    const std::uint64_t sets = layer.sets;
    require(sets >= 1 && sets <= plan.window_groups,
            fmt::format("found {} copies of the weights, expected 1 to {}", sets, plan.window_groups));
    require(sets * subarrays_per_set <= bank.compute_subarrays,
            fmt::format("found a layer that needs {} sub-arrays at a time, expected at most {}",
                        sets * subarrays_per_set, bank.compute_subarrays));
    plan.subarrays = sets * subarrays_per_set;
    const std::uint64_t filters = ceil_div(layer.out_channels, plan.filter_blocks); // of the largest block
    const std::uint64_t turns = ceil_div(plan.window_groups, sets);
    const std::uint64_t weight_rows = sets * plan.slices * layer.out_channels * MramPlan::planes;
    const std::uint64_t input_rows = plan.window_groups * subarrays_per_set * MramPlan::planes;
    plan.mapped_rows = weight_rows + input_rows;
    plan.times.map = map_time(bank, plan.mapped_rows, (filters + turns) * MramPlan::planes, 0);
    constexpr std::uint64_t plane_pairs = std::uint64_t{MramPlan::planes} * MramPlan::planes;
    plan.and_operations = plan.window_groups * plan.slices * layer.out_channels * plane_pairs;
    plan.counted_words = plan.and_operations * (MramPlan::columns / MramPlan::counter_columns);
    plan.accumulated_counts = plan.and_operations * plan.windows;
    plan.times.count = times(bank.sense_time, turns * filters * plane_pairs);
    // A sum of a window: 32 bits.
    const std::uint64_t sums = plan.window_groups * plan.slices * layer.out_channels * plan.windows;
    plan.result_rows = ceil_div(sums * 32, MramPlan::columns);
    plan.times.htree = times(bank.sense_time, ceil_div(plan.result_rows, bank.ports)) + bank.htree_read;
}

} // namespace

const char* to_string(MramLayerKind kind) {
    switch (kind) {
    case MramLayerKind::add_tree:
        return "add_tree";
    case MramLayerKind::and_count:
        return "and_count";
    case MramLayerKind::max_pool:
        return "max_pool";
    case MramLayerKind::average_pool:
        return "average_pool";
    case MramLayerKind::none:
        break;
    }
    return "none";
}

MramTimes& MramTimes::operator+=(const MramTimes& other) {
    map += other.map;
    add += other.add;
    count += other.count;
    htree += other.htree;
    dpu += other.dpu;
    return *this;
}

MramPlan plan_mram_layer(const MramLayerRegisters& layer, const MramBankShape& bank) {
    MramPlan plan;
    const std::uint64_t outputs = layer.outputs() * layer.batch;
    require(outputs > 0 && layer.terms() > 0, "found a layer without inputs or outputs");
    constexpr std::uint64_t row_bytes = MramPlan::columns / 8;
    plan.tensor_rows_read = ceil_div(layer.input_words() * layer.batch, row_bytes) +
                            ceil_div(layer.weight_bytes(), row_bytes) +
                            ceil_div(layer.parameter_bytes(), row_bytes);
    plan.tensor_rows_written = ceil_div(outputs * layer.output_bytes, row_bytes);
    switch (layer.layer_kind()) {
    case MramLayerKind::add_tree:
        plan_add_tree(plan, layer, bank);
        plan.scaled_outputs = outputs;
        plan.times.dpu = dpu_time(bank, outputs);
        break;
    case MramLayerKind::and_count:
        plan_and_count(plan, layer, bank);
        plan.scaled_outputs = outputs;
        plan.times.dpu = dpu_time(bank, outputs);
        break;
    case MramLayerKind::max_pool:
    case MramLayerKind::average_pool:
        plan.pooled_inputs = outputs * layer.kernel_height * layer.kernel_width;
        plan.times.dpu = dpu_time(bank, plan.pooled_inputs);
        break;
    default:
        throw std::invalid_argument(
            fmt::format("found layer kind {}, expected 1 to 4", static_cast<unsigned>(layer.kind)));
    }
    plan.times.map += times(bank.sense_time, ceil_div(plan.tensor_rows_read, bank.ports)) + bank.htree_read;
    plan.times.dpu +=
        times(bank.write_time, ceil_div(plan.tensor_rows_written, bank.ports)) + bank.htree_write;
    return plan;
}

} // namespace hydravp::core
