// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/channel.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/hybrid_memory_controller.h"
#include "hydravp/modules/presets.h"

#include <systemc>
#include <tlm>

#include <cstddef>
#include <memory>
#include <vector>

namespace hydravp::modules {

/// The hybrid memory for any SoC: DRAM and PCM behind one target socket, without near-memory units. Any
/// number of them may stand side by side.
///
/// `front`: the base protocol, LT (waits; from a thread), AT and debug. The DRAM is at address 0, the PCM
/// right above it (`address_map()`). See `HybridMemoryController` and `ChannelController` for order and
/// timing.
class HybridMemory : public sc_core::sc_module {
public:
    tlm::tlm_target_socket<> front{"front"};

    /// Throws core::InputError if no machine can have these values.
    explicit HybridMemory(const sc_core::sc_module_name& name,
                          const HybridMemoryConfig& config = hydra_memory());

    const core::AddressMap& address_map() const { return controller_.address_map(); }
    HybridMemoryController& controller() { return controller_; }
    memory::Channel& dram() { return dram_; }
    memory::Channel& pcm(std::size_t i) { return *pcm_.at(i); }
    std::size_t pcm_channels() const { return pcm_.size(); }

    /// Charges what is still to be written back into cells; for the end of a run.
    void flush();

private:
    HybridMemoryController controller_;
    memory::Channel dram_;
    std::vector<std::unique_ptr<memory::Channel>> pcm_;
    sc_core::sc_signal<bool> interrupt_{"interrupt"}; ///< of layers, which there are none
};

} // namespace hydravp::modules
