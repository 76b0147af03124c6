// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/index.h"
#include "hydravp/core/layer.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

/// Work items: what the mapper makes of a layer, what the driver writes into registers, and what the units
/// and the memory controller execute. Register blocks are plain structs; a field's offset in the block is its
/// register address.
namespace hydravp::core {

/// Where a tensor lies in the chips' own (chip-local) address spaces. Channel c is stored in every unit u
/// with u mod split == c mod split, as its local channel c / split: one plane of words, row by row.
/// The frames of a batch follow each other.
struct TensorPlacement {
    std::uint64_t base = 0; ///< chip-local byte address, the same in all chips
    std::uint32_t plane_bytes =
        0; ///< distance of two local channels, whole bursts unless a plane is a single word
    std::uint16_t split = 1;
    std::uint16_t frames = 1;
    std::uint32_t channels = 0;
    std::uint32_t height = 0, width = 0;
    std::uint32_t frame_distance = 0; ///< in bytes, from a frame to the next in a chip
    std::uint64_t address(std::uint32_t channel, std::uint32_t frame = 0) const {
        return base + std::uint64_t{frame} * frame_distance + std::uint64_t{channel / split} * plane_bytes;
    }
    /// Bytes that one frame takes in each chip, and all of them.
    std::uint64_t frame_bytes() const { return std::uint64_t{ceil_divide(channels, split)} * plane_bytes; }
    std::uint64_t bytes_per_chip() const {
        return std::uint64_t{frames - 1U} * frame_distance + frame_bytes();
    }
};

/// Where a layer's weights are when the layer starts, and how they come into the units' weight buffers.
enum class WeightSource : std::uint32_t {
    stream,  ///< in PCM; the controller streams them over the DRAM channel
    migrate, ///< in PCM; the controller copies them into the units' own chips ahead of use, the units fetch
             ///< them there
    resident ///< in the units' own chips; there is no PCM
};

/// Register stack of a near-memory unit. The host writes and pushes a block while the layer before it still
/// runs; START takes the oldest pushed block.
struct UnitRegisters {
    LayerKind kind = LayerKind::conv;
    std::uint32_t layer = no_layer;
    LayerGeometry geometry;
    TensorPlacement input;
    TensorPlacement output; ///< pooling only; a convolution's results leave through the output buffer
    WeightSource weight_source = WeightSource::stream;
    /// Chip-local address of the unit's chunks, one after the other, unless they are streamed.
    std::uint64_t weights_base = 0;
    // What needs no more has fewer than 32 bits, because writing the block takes time.
    std::uint8_t partial_sum_bits = 48;
    std::uint8_t partial_sum_shift = 0;
    /// Of an average pooling: whether padding counts as zeros, and what there is below and on the right.
    std::uint16_t count_include_pad = 0;
    std::uint16_t pad_bottom = 0, pad_right = 0;
};

/// Register block of the memory controller: weight stream, accumulation, leases of one layer.
struct LayerRegisters {
    LayerKind kind = LayerKind::conv;
    std::uint32_t layer = no_layer;
    LayerGeometry geometry;
    TensorPlacement input;
    TensorPlacement output;
    std::uint32_t partial_sum_bits = 48;
    std::uint32_t partial_sum_shift = 0;
    std::int32_t output_shift = 0;
    Activation activation = Activation::none;
    /// Largest output word: of `relu6` the word nearest to 6, otherwise that of the precision.
    std::int32_t output_ceiling = 32767;
    /// Of `leaky_relu`: the factor of negative sums, with `slope_fraction` bits behind the point.
    std::uint32_t negative_slope = 0;
    std::uint32_t has_residual = 0;
    WeightSource weight_source = WeightSource::stream;
    TensorPlacement residual;
    std::uint32_t residual_subsample = 1;
    std::int32_t residual_shift = 0;
    /// System address of the layer's model data: biases (8 bytes per filter, padded to a line), then for
    /// every pass over a tile, fetch and chunk, rank by rank, the chunk of each unit.
    std::uint64_t model_address = 0;
    /// Chip-local address of the units' chunks unless they are streamed, and their bytes in each chip.
    std::uint64_t weights_base = 0;
    std::uint64_t weight_bytes_per_chip = 0;
    /// Resident weights: chip-local address of the biases; bias f lies in chip f mod chips of the first rank.
    std::uint64_t biases_base = 0;
};

static_assert(std::is_trivially_copyable_v<UnitRegisters> && std::is_trivially_copyable_v<LayerRegisters>);

/// One layer, ready to be executed.
struct LayerWork {
    UnitRegisters unit;
    LayerRegisters controller;
    std::uint64_t model_bytes = 0; ///< biases and weights at controller.model_address
};

/// Bytes of the bias block at the head of a layer's model data.
constexpr std::uint64_t bias_block_bytes(std::uint32_t filters) {
    return align_up(std::uint64_t{filters} * 8, 64);
}

/// The address map of the platform, in one place. System addresses have 48 bits.
struct AddressMap {
    std::uint64_t dram_base = 0;
    std::uint64_t dram_bytes = 0;
    std::uint64_t pcm_base = 0; ///< right above the DRAM
    std::uint64_t pcm_bytes = 0;
    /// The same DRAM cells seen chip by chip: chip_view_base + unit * chip_bytes + chip-local address.
    std::uint64_t chip_view_base = std::uint64_t{1} << 44;
    std::uint64_t chip_bytes = 0;
    /// Registers of the accelerators, 16 MiB at the top.
    std::uint64_t registers_base = (std::uint64_t{1} << 48) - register_window_bytes;

    static constexpr std::uint64_t register_window_bytes = std::uint64_t{16} << 20;
    /// Offsets in the register window.
    static constexpr std::uint64_t controller_registers = 0x0;
    static constexpr std::uint64_t broadcast_registers = 0x80000; ///< writes go to all units that work
    static constexpr std::uint64_t unit_registers = 0x100000;
    static constexpr std::uint64_t unit_register_stride = 0x10000;
};

/// Registers of the memory controller's layer sequencer, byte offsets from controller_registers.
struct ControllerMap {
    static constexpr std::uint64_t layer_block = 0x0;       ///< LayerRegisters, write only
    static constexpr std::uint64_t push = 0x800;            ///< write: queue the layer block
    static constexpr std::uint64_t go = 0x808;              ///< write: start the oldest queued layer
    static constexpr std::uint64_t interrupt_clear = 0x810; ///< write: acknowledge the completion interrupt
    static constexpr std::uint64_t unit_mask = 0x818;       ///< write: bit per unit that works; all at reset
    static constexpr std::uint64_t status = 0x820;          ///< read: number of layers completed since reset
    static constexpr std::uint64_t bytes = 0x828;
};

/// Address space of a near-memory unit behind its chip's internal bus.
struct UnitMap {
    static constexpr std::uint64_t register_block = 0x0; ///< UnitRegisters, the shadow set
    static constexpr std::uint64_t push = 0x800;         ///< write: queue the shadow set, two at most
    static constexpr std::uint64_t start = 0x808;        ///< write: begin with the oldest queued set
    static constexpr std::uint64_t status = 0x810;       ///< read: bit 0 running
    static constexpr std::uint64_t mac_count = 0x818;    ///< read: multiply-accumulates executed since reset
    static constexpr std::uint64_t release = 0x820;      ///< write: the oldest finished pass has been read
    static constexpr std::uint64_t weight_buffer = 0x100000; ///< write: appends to the weight buffer
    static constexpr std::uint64_t output_buffer = 0x200000; ///< read: the oldest finished pass
};

static_assert(sizeof(UnitRegisters) <= UnitMap::push && sizeof(LayerRegisters) <= ControllerMap::push);

} // namespace hydravp::core
