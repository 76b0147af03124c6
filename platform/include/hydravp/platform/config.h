// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/config.h"
#include "hydravp/modules/config.h"
#include "hydravp/workloads/mapper.h"

#include <cstdint>
#include <string>

namespace hydravp::platform {

/// How data movement is timed (docs/architecture.md, "Two transfer models").
enum class TransferModel {
    ideal, ///< only multiply-accumulates take time; everything else happens and is counted, in no time
    timed  ///< every byte crosses its bus
};

using workloads::Mapping;

/// The names that configurations and results use.
const char* to_string(TransferModel transfers);
const char* to_string(Mapping mapping);
const char* to_string(core::WeightSource weights);

/// The resolved configuration of a platform: every value checked, every default filled in.
struct PlatformConfig {
    std::string name;
    TransferModel transfers = TransferModel::timed;
    Mapping mapping = Mapping::paper_numbers;
    std::uint32_t batch = 1;   ///< frames that are computed together
    int partial_sum_bits = 32; ///< 16, 32 or 48
    core::WeightSource weights = core::WeightSource::stream;
    modules::HostConfig host;
    modules::SystemBusConfig bus;
    modules::PcieLinkConfig link;
    modules::HybridMemoryConfig memory;
    accelerators::hydra::HydraConfig hydra;
};

/// The same machine with transfers that take no time: every duration except the MAC array's and the refresh
/// interval is zero, every bandwidth infinite.
PlatformConfig with_ideal_transfers(PlatformConfig config);

} // namespace hydravp::platform
