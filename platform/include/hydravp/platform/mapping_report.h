// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"
#include "hydravp/platform/config.h"
#include "hydravp/workloads/cost_model.h"
#include "hydravp/workloads/mapper.h"

#include <string>
#include <vector>

namespace hydravp::platform {

/// A layer as the mapper cuts it, and what that is estimated to cost per frame with timed transfers.
struct MappedLayer {
    core::LayerDescriptor layer;
    core::LayerWork work;
    workloads::LayerCost cost;
};

/// What the mapper makes of a network on a platform. Nothing is simulated.
struct MappingReport {
    std::string platform;
    std::string network;
    std::string asked_for; ///< the mapping of the configuration
    std::string mapping;   ///< the one that was taken: for `optimized`, one of the paper's if it is as good
    std::string transfers;
    std::uint32_t precision = 16;               ///< bits of activations, weights and results
    std::uint32_t units = 0, working_units = 0; ///< the mapping may leave some idle
    std::uint32_t batch = 1;                    ///< frames that are computed together
    double peak_macs_per_s = 0;                 ///< of all units
    double channel_bytes_per_s = 0;             ///< of the units' channel
    double chip_bytes_per_s = 0;                ///< of all internal buses together
    std::vector<MappedLayer> layers;
};

/// A known network, or an ONNX file. Throws core::InputError if there is none, or it doesn't fit.
MappingReport map_report(const PlatformConfig& config, const std::string& network);

/// Two tables, for a terminal: how each layer is cut, with the estimated times of the resources and the one
/// that binds; and its rooflines.
std::string format_mapping(const MappingReport& report);

/// Both as one CSV text, a row per layer.
std::string mapping_csv(const MappingReport& report);

} // namespace hydravp::platform
