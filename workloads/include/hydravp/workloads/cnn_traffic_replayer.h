// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/payload_pool.h"
#include "hydravp/core/units.h"
#include "hydravp/workloads/cnn_traffic.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace hydravp::workloads {

struct CnnTrafficReplayerConfig {
    std::uint32_t access_bytes = 64; ///< largest access, whole words; none crosses a multiple of it
    std::uint32_t outstanding = 16;  ///< accesses under way at a time, at least 1
    /// Write a pattern and check every word that is read; otherwise what is written is meaningless.
    bool keep_data = false;
};

/// What the replay of one layer took.
struct LayerReplay {
    core::Picoseconds start{}; ///< the first access is issued
    core::Picoseconds end{};   ///< the last one is complete
    std::uint64_t accesses = 0;
    LayerTraffic traffic;            ///< bytes moved
    core::Picoseconds latency_sum{}; ///< of all accesses, each from its issue to its completion
    core::Picoseconds max_latency{};

    core::Picoseconds duration() const { return end - start; }
    /// 16-bit words.
    std::uint64_t written_words() const { return traffic[AccessKind::output_write] / 2; }
    double mean_latency_ps() const {
        return accesses == 0 ? 0 : static_cast<double>(latency_sum.count()) / static_cast<double>(accesses);
    }
};

/// Replays the traffic of a network's layers into any memory.
///
/// The target of `memory` speaks the TLM-2.0 base protocol, LT: its b_transport may wait, add to the delay,
/// or both. The replay begins with the simulation, layer after layer; a layer begins when the last access of
/// the one before is complete. Within a layer, up to `outstanding` accesses are under way, issued in the
/// order of `CnnTraffic`. Each carries a `core::Attribution` with its layer. Nothing is computed, and
/// computing takes no time: the memory sets the pace.
///
/// With `keep_data` the target must also take debug transport: weights and the network's input are loaded
/// with it before the first access. Each activation read must then be what its producing layer wrote.
///
/// A failed access, or a wrong word, ends the replay: `rethrow()` throws core::SimulationError, which names
/// layer, address and response. The module never ends the simulation. Not modelled: AT, DMI.
class CnnTrafficReplayer : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<CnnTrafficReplayer> memory{"memory"};

    /// Called at the border of layers, with the layer's index; may be empty. To be set before the simulation.
    std::function<void(std::size_t layer)> layer_done;

    /// Throws std::invalid_argument for a configuration that cannot be replayed.
    CnnTrafficReplayer(const sc_core::sc_module_name& name, CnnTraffic traffic,
                       const CnnTrafficReplayerConfig& config);
    ~CnnTrafficReplayer() override;

    const CnnTraffic& traffic() const { return traffic_; }
    /// The layers that are complete.
    const std::vector<LayerReplay>& layers() const { return layers_; }
    /// All layers are complete, or the replay has failed.
    bool finished() const { return finished_; }
    const sc_core::sc_event& finished_event() const { return finished_event_; }
    void rethrow() const;
    /// Bytes written by debug transport before the first access; 0 without `keep_data`.
    std::uint64_t loaded_bytes() const { return loaded_bytes_; }

private:
    struct Worker;

    void end_of_elaboration() override;
    void replay();
    void load();
    void load_region(const TrafficRegion& region, std::uint32_t pattern);
    void work(Worker& worker);
    void perform(Worker& worker, const TrafficAccess& access);
    void fill(unsigned char* data, const TrafficAccess& access) const;
    void verify(const unsigned char* data, const TrafficAccess& access) const;
    std::uint32_t pattern_of(const TrafficAccess& access, std::uint64_t& first) const;

    CnnTraffic traffic_;
    CnnTrafficReplayerConfig config_;
    core::PayloadPool payloads_;
    std::vector<std::unique_ptr<Worker>> workers_; ///< one per access under way
    LayerStream stream_;
    LayerReplay present_;
    std::uint32_t busy_ = 0; ///< workers that have not seen the end of the present layer
    std::vector<LayerReplay> layers_;
    std::uint64_t loaded_bytes_ = 0;
    bool finished_ = false;
    std::exception_ptr failure_;
    sc_core::sc_event layer_begun_{"layer_begun"}, drained_{"drained"}, finished_event_{"finished"};
};

} // namespace hydravp::workloads
