// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/core/work_item.h"
#include "hydravp/workloads/quantized_network.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hydravp::workloads {

/// How a layer's work is shared by units and lanes (docs/architecture.md).
enum class Mapping {
    paper_numbers, ///< all units always work, lanes are packed over the flattened list of filters and
                   ///< positions
    paper_text,    ///< input channel c belongs to unit c mod units; lanes work on positions of one filter
    optimized      ///< what the cost model finds best for the machine's transfer model
};

/// What the mapper needs to know of the machine.
struct MachineShape {
    Mapping mapping = Mapping::paper_numbers;
    std::uint32_t frames = 1; ///< of a batch: a layer works on all of them before the next one begins
    core::WeightSource weights = core::WeightSource::stream;
    std::uint32_t units = 16;
    std::uint32_t chips_per_rank = 8;
    std::uint32_t lanes = 32;
    std::uint32_t word_bytes = 2;                    ///< of activations, weights and results
    std::uint32_t activation_half_bytes = 16 * 1024; ///< half an activation buffer
    std::uint32_t weight_half_bytes = 2 * 1024;      ///< half a weight buffer
    std::uint32_t output_half_words = 2730;          ///< accumulators in half an output buffer
    std::uint32_t banks = 16;                        ///< of a chip
    std::uint64_t bank_bytes = 32ULL << 20;          ///< of a chip
    std::uint64_t pcm_base = 8ULL << 30;             ///< system address of the model memory
    std::uint64_t pcm_bytes = 32ULL << 30;
    int partial_sum_bits = 32;
    /// Relative costs for choosing tiles, in ps: one reduction step of a lane group, one 8-byte slot of a
    /// chip's internal bus, one slot of the channel.
    double step_ps = 8 * 336, chip_slot_ps = 10000, channel_slot_ps = 10000;
    /// @name For `optimized` only.
    /// @{
    bool ideal_transfers = false;   ///< transfers take no time
    double ideal_step_ps = 8 * 336; ///< `step_ps` without the port of the activation buffer
    double pool_step_ps = 336;      ///< one comparison or addition of all lanes
    double pcm_slot_ps = 2500;      ///< 64 bytes over all PCM channels
    double row_cycle_ps =
        50000; ///< a row of the units' memory opened, written and closed, without its bursts
    double migration_latency_ps = 150000; ///< of a read from PCM and a write behind it, without their bursts
    double turnaround_ps = 100000;        ///< of the channel, from weights to sums and back
    double pass_latency_ps = 150000; ///< from a pass's last sum to its first result, apart from transfers
    /// @}

    /// Residue classes that the channels of a tensor are divided into (core::LayerGeometry::channel_split)
    /// under the paper's mappings.
    std::uint32_t channel_split(std::uint32_t channels) const;
};

/// A network cut into work items, with every address assigned.
struct MappedNetwork {
    /// Of `optimized`: whether it is its own choice, or a mapping of the paper's that is as good. Only its
    /// own choice may leave units idle.
    Mapping mapping = Mapping::paper_numbers;
    std::vector<core::LayerWork> layers;
    core::TensorPlacement input;                ///< where the frame's input is expected
    std::vector<core::TensorPlacement> outputs; ///< of each layer
    std::uint64_t model_bytes = 0;              ///< in PCM, from MachineShape::pcm_base
    std::uint64_t data_bytes_per_chip = 0;      ///< in DRAM
    std::uint32_t word_bytes = 2;               ///< of its tensors
    std::uint32_t units = 16;                   ///< that work: the machine's first ones
};

/// Residue classes of each layer's input channels: what the quantiser has to know of a mapping.
std::vector<std::uint32_t> channel_splits(const MappedNetwork& mapped);

/// Cuts every layer into passes, fetches and chunks that fit the machine's buffers, under the machine's
/// mapping policy, and gives every tensor and every layer's weights an address.
///
/// @param quantized one entry per layer, for shifts; empty: shapes only (timing mode)
/// Throws core::InputError if the network does not fit the memories. The choices don't depend on `quantized`.
MappedNetwork map_network(const core::Network& network, const std::vector<QuantizedLayer>& quantized,
                          const MachineShape& machine);

/// The bytes at LayerWork::controller.weights_base of one unit's chip: its chunks in the order in which it
/// fetches them.
std::vector<unsigned char> unit_weight_image(const core::LayerWork& work, const QuantizedLayer& layer,
                                             core::Unit unit);

/// Takes the next bytes of a layer's model data, at this distance from LayerWork::controller.model_address.
using ModelWriter = std::function<void(std::uint64_t offset, const std::vector<unsigned char>& bytes)>;
/// The bytes at LayerWork::controller.model_address: biases, then weights in the order in which they are
/// streamed. Piece by piece, since a layer may have hundreds of MB.
void write_model(const core::LayerWork& work, const QuantizedLayer& layer, const ModelWriter& write);

} // namespace hydravp::workloads
