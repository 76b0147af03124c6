// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/mram_work.h"
#include "hydravp/workloads/binary_network.h"

#include <cstdint>
#include <vector>

namespace hydravp::workloads {

/// A batch of frames of a network as layers of a processing-in-MRAM bank.
struct MappedBinaryNetwork {
    /// Weights and parameters of a layer, and where they belong.
    struct Load {
        std::uint64_t address = 0;
        std::vector<unsigned char> bytes;
    };
    std::uint32_t batch = 1;
    std::uint64_t input = 0;                      ///< [image][channel][row][column], a byte each
    std::vector<core::MramLayerRegisters> layers; ///< one per layer of the network
    std::vector<core::MramPlan> plans;            ///< what they cost, one per layer
    std::vector<Load> loads;
};

/// Maps the layers: binary weights to adder trees, others to AND and count, pooling to the DPU. How many
/// sub-arrays share an output, and how many copies of weights work, is chosen for the shortest time.
/// @param tensor_base, tensor_bytes where the bank keeps kernels and images
/// Throws core::InputError if the network does not fit.
MappedBinaryNetwork map_binary_network(const BinaryNetwork& net, const core::MramBankShape& bank,
                                       std::uint64_t tensor_base, std::uint64_t tensor_bytes,
                                       std::uint32_t batch);

} // namespace hydravp::workloads
