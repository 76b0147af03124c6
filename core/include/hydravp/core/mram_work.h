// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstdint>
#include <vector>

namespace hydravp::core {

/// How a processing-in-MRAM bank executes a layer.
enum class MramLayerKind : std::uint32_t {
    none = 0,
    add_tree = 1,    ///< binary weights: signed operands summed by in-memory adders
    and_count = 2,   ///< 8-bit weights: bit planes ANDed in memory, ones counted in the mats
    max_pool = 3,    ///< by the DPU, as the next one
    average_pool = 4 ///< rounded half to even
};
const char* to_string(MramLayerKind kind);

/// What the host writes to a bank to describe a layer; a field's offset is its register address.
///
/// Tensors lie in the bank's memory: activations [image][channel][row][column], a byte each (unsigned), or
/// two (two's complement, little-endian) where `output_bytes` is 2. Weights of `add_tree`: for every term
/// (channel, kernel row, kernel column) one bit per filter, padded to 64 filters, 1 for -1; of `and_count`: a
/// byte per weight, [filter][term], two's complement. Parameters: per filter scale and bias, two bytes each,
/// two's complement. Result = clip(round half to even((sum * scale + bias * 2^bias_shift) / 2^output_shift)).
struct MramLayerRegisters {
    std::uint32_t kind = 0; ///< MramLayerKind
    std::uint32_t batch = 1;
    std::uint32_t in_channels = 0, in_height = 0, in_width = 0;
    std::uint32_t out_channels = 0, out_height = 0, out_width = 0;
    std::uint32_t kernel_height = 1, kernel_width = 1;
    std::uint32_t stride_height = 1, stride_width = 1;
    std::uint32_t pad_top = 0, pad_left = 0;
    std::uint32_t output_bytes = 1; ///< 1: clipped to 0..255 (ReLU); 2: to 16 bits, signed
    std::uint32_t bias_shift = 0;
    std::uint32_t output_shift = 0;
    std::uint32_t chunks = 1; ///< add_tree: sub-arrays that share the terms of a group of 512 outputs
    std::uint32_t sets = 1;   ///< and_count: copies of the weights that work at the same time
    std::uint32_t layer = 0;  ///< index in the network: whose figures these are
    std::uint64_t input = 0, weights = 0, parameters = 0, output = 0; ///< addresses in the bank

    MramLayerKind layer_kind() const { return static_cast<MramLayerKind>(kind); }
    std::uint64_t positions() const { return std::uint64_t{out_height} * out_width; }
    std::uint64_t terms() const { return std::uint64_t{in_channels} * kernel_height * kernel_width; }
    std::uint64_t outputs() const { return positions() * out_channels; } ///< per image
    /// Bytes of all weights in the bank.
    std::uint64_t weight_bytes() const {
        switch (layer_kind()) {
        case MramLayerKind::add_tree:
            return terms() * ((out_channels + 63) / 64) * 8;
        case MramLayerKind::and_count:
            return terms() * out_channels;
        default:
            return 0;
        }
    }
    /// Bytes of scales and biases.
    std::uint64_t parameter_bytes() const {
        return weight_bytes() == 0 ? 0 : std::uint64_t{out_channels} * 4;
    }
    std::uint64_t input_words() const { return std::uint64_t{in_channels} * in_height * in_width; }
};
static_assert(sizeof(MramLayerRegisters) == 20 * 4 + 4 * 8, "register addresses have no gaps");

/// Registers of a bank, relative to its register window; eight bytes each, but for the block.
struct MramMap {
    static constexpr std::uint64_t layer_block = 0x0;       ///< MramLayerRegisters, read and write
    static constexpr std::uint64_t go = 0x800;              ///< write: start the layer in the block
    static constexpr std::uint64_t status = 0x808;          ///< read: layers completed or refused since reset
    static constexpr std::uint64_t interrupt_clear = 0x810; ///< write: acknowledge
    static constexpr std::uint64_t error = 0x818;           ///< read: 1 if the last layer was refused
    static constexpr std::uint64_t busy = 0x820;            ///< read: 1 while a layer is computed
    static constexpr std::uint64_t bytes = 0x1000;          ///< of the window
};

/// Where a bank lies in the system's address space: right above the hybrid memory's 40 GiB; its registers
/// follow its cells.
struct MramAddressMap {
    static constexpr std::uint64_t base = std::uint64_t{40} << 30;
};

/// What a plan needs to know of a bank.
struct MramBankShape {
    std::uint32_t compute_subarrays = 0; ///< of 256 rows and 512 columns; the others hold tensors
    std::uint32_t ports = 1;
    bool parallel_mapping = false; ///< operands enter all sub-arrays at once, not through the ports
    Picoseconds sense_time{};
    Picoseconds write_time{};
    Picoseconds bit_addition_time{}; ///< senses and write-backs of a bit position
    Picoseconds htree_read{};
    Picoseconds htree_write{};
    std::uint32_t dpu_lanes = 1;
    Picoseconds dpu_clock{};
};

/// One level of an add_tree layer: `groups` times `chunks` sub-arrays sum their operands. The first level
/// sums the layer's terms, the others the partial sums of the one before, which move through the H-tree.
struct MramTreeLevel {
    std::uint64_t operands = 0; ///< per group of outputs
    std::uint64_t chunks = 0;
    std::uint64_t bound = 0; ///< of an operand's magnitude
    int operand_bits = 0;
    /// Operands of chunk `index`: they are spread evenly.
    std::uint64_t operands_of(std::uint64_t index) const {
        return operands / chunks + (index < operands % chunks ? 1 : 0);
    }
    std::uint64_t most_operands() const { return (operands + chunks - 1) / chunks; }
};

/// Times of a layer by what is done; they follow one another. All images of the batch.
struct MramTimes {
    Picoseconds map{};   ///< operands into the sub-arrays, with the DPU that combines them
    Picoseconds add{};   ///< in-memory additions
    Picoseconds count{}; ///< AND, with the counters
    Picoseconds htree{}; ///< partial sums and results between sub-arrays and DPU
    Picoseconds dpu{};   ///< scaling, activation, pooling
    Picoseconds total() const { return map + add + count + htree + dpu; }
    MramTimes& operator+=(const MramTimes& other);
};

/// How a bank executes a layer, in closed form: a pure function of registers and bank, the same for the
/// mapper, which chooses among plans, and the bank, which follows one.
struct MramPlan {
    static constexpr std::uint32_t rows = 256;
    static constexpr std::uint32_t columns = 512;
    static constexpr std::uint32_t tree_rows = rows - 2; ///< without the carry rows
    static constexpr std::uint64_t operand_bound = 255;  ///< an activation with a sign: 9 bits
    static constexpr std::uint32_t planes = 8;           ///< bits of activations and weights in and_count
    static constexpr std::uint32_t counter_columns = 64; ///< of one counter
    static constexpr std::uint32_t most_filters = rows / planes - 1; ///< whose weights fit beside an input

    // add_tree
    std::vector<MramTreeLevel> levels;
    std::uint64_t groups = 0;           ///< of 512 outputs
    std::uint64_t groups_per_round = 0; ///< that fit the bank together
    std::uint64_t bit_additions = 0;    ///< of rows
    // and_count
    std::uint64_t slices = 0;         ///< of a window of more than 512 terms
    std::uint64_t window_columns = 0; ///< that a window, or a slice of it, takes; whole counters
    std::uint64_t windows = 0;        ///< in a row
    std::uint64_t window_groups = 0;  ///< rows of windows
    std::uint64_t filter_blocks = 0;  ///< that the filters are cut into
    std::uint64_t and_operations = 0; ///< of rows

    std::uint64_t subarrays = 0; ///< that work at the same time, at most
    std::uint64_t mapped_rows = 0;
    std::uint64_t moved_rows = 0;          ///< partial sums: read, moved, written
    std::uint64_t result_rows = 0;         ///< read and moved to the DPU
    std::uint64_t tensor_rows_read = 0;    ///< inputs, weights and parameters, once
    std::uint64_t tensor_rows_written = 0; ///< outputs
    std::uint64_t combined_operands = 0;
    std::uint64_t counted_words = 0;      ///< of 64 columns
    std::uint64_t accumulated_counts = 0; ///< a count of a window, shifted and added
    std::uint64_t scaled_outputs = 0;
    std::uint64_t pooled_inputs = 0;
    MramTimes times;

    std::uint64_t rounds() const {
        return groups_per_round == 0 ? 0 : (groups + groups_per_round - 1) / groups_per_round;
    }
};

/// Throws std::invalid_argument if the layer cannot be executed this way by this bank.
MramPlan plan_mram_layer(const MramLayerRegisters& layer, const MramBankShape& bank);

} // namespace hydravp::core
