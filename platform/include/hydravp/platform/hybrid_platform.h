// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/hydra_unit.h"
#include "hydravp/core/latency_histogram.h"
#include "hydravp/memory/channel.h"
#include "hydravp/modules/cache.h"
#include "hydravp/modules/host.h"
#include "hydravp/modules/hybrid_memory_controller.h"
#include "hydravp/modules/load_generator.h"
#include "hydravp/modules/pcie_link.h"
#include "hydravp/modules/system_bus.h"
#include "hydravp/platform/config.h"
#include "hydravp/workloads/mapper.h"

#include <systemc>

#include <memory>
#include <vector>

namespace hydravp::platform {

/// The whole machine: host with caches, system bus, PCIe link, hybrid memory controller, DRAM channel with a
/// Hydra unit in each chip, PCM channels. The host's program runs on core 0; other cores carry a background
/// load, or nothing. Nothing fetches instructions: the L1 instruction caches stand ready for a core model of
/// the user's.
class HybridPlatform : public sc_core::sc_module {
public:
    modules::Host host;
    std::vector<std::unique_ptr<modules::Cache>> l1i, l1d; ///< one each per core
    modules::Cache l2;
    std::vector<std::unique_ptr<modules::LoadGenerator>> load; ///< of the last cores, in their order
    modules::SystemBus bus;
    modules::PcieLink link;
    modules::HybridMemoryController controller;
    memory::Channel dram;
    std::vector<std::unique_ptr<memory::Channel>> pcm;
    std::vector<std::unique_ptr<accelerators::hydra::HydraUnit>> units;

    /// @param config    as read; ideal transfers are resolved here
    /// @param keep_data false: timing mode, memories and units move no data
    HybridPlatform(const sc_core::sc_module_name& name, const PlatformConfig& config, bool keep_data);

    /// Of the load's completed accesses, all cores together.
    core::LatencyHistogram load_latencies() const;

private:
    /// @param config with transfers resolved
    struct Resolved {
        PlatformConfig config;
    };
    void add_cores(const modules::HostConfig& config);

    HybridPlatform(const sc_core::sc_module_name& name, const Resolved& resolved, bool keep_data);

    sc_core::sc_signal<bool> controller_interrupt_{"controller_interrupt"};
    sc_core::sc_signal<bool> host_interrupt_{"host_interrupt"};
};

/// What the mapper has to know of that machine.
workloads::MachineShape machine_shape(const PlatformConfig& config);

} // namespace hydravp::platform
