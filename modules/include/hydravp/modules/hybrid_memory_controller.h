// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/at_target.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/core/work_item.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/channel_interleaving.h"
#include "hydravp/modules/channel_port.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/result_accumulation_unit.h"
#include "hydravp/modules/unit_lines.h"
#include "hydravp/modules/weight_streamer.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <memory>
#include <vector>

namespace hydravp::modules {

/// Simulated time in which one layer ran on the units.
struct LayerInterval {
    core::LayerId layer = core::no_layer;
    core::Picoseconds start{}; ///< the first unit's START
    core::Picoseconds end{};   ///< the last word written, all units idle
};

/// The controller of the hybrid memory: one DRAM channel with near-memory units, several PCM channels.
///
/// `front` is one TLM target for everything (address map: `core::AddressMap`): DRAM and PCM as ordinary
/// memory, the DRAM seen chip by chip, and the registers of the controller and of the units; LT, AT and
/// debug, with the same latencies. Of `front_queue` accesses under way the next ones wait (AT: for END_REQ).
/// Inside: a `ChannelController` per channel, the `WeightStreamer`, the `ResultAccumulationUnit`, and the
/// layer sequencer, which leases banks to the units, starts them, and raises `interrupt` when a layer is
/// complete. Errors: unmapped addresses ADDRESS, byte enables outside ordinary memory BYTE_ENABLE error
/// response. DMI, to ordinary memory only, is granted and taken back as `ChannelController` does; in the PCM
/// a row of one channel at a time.
class HybridMemoryController : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::simple_target_socket<HybridMemoryController> front{"front"};
    sc_core::sc_out<bool> interrupt{"interrupt"};
    /// The units' side-band lines, bound in the order of the units.
    sc_core::sc_port<UnitLinesIf, 0, sc_core::SC_ZERO_OR_MORE_BOUND> unit_lines{"unit_lines"};

    /// @param units     number of near-memory units behind the DRAM channel
    /// @param keep_data false in timing mode: engines move no data, and an ordinary access that comes without
    ///                  a data pointer takes its time and moves none
    HybridMemoryController(const sc_core::sc_module_name& name, const HybridMemoryConfig& config,
                           std::uint32_t units, bool keep_data);

    /// To be bound to the channels' `commands`.
    tlm_utils::simple_initiator_socket<ChannelController>& dram_channel() {
        return dram_controller_->channel;
    }
    tlm_utils::simple_initiator_socket<ChannelController>& pcm_channel(std::size_t i) {
        return pcm_controllers_[i]->channel;
    }
    const core::AddressMap& address_map() const { return map_; }
    /// Layers in the order in which they completed.
    const std::vector<LayerInterval>& completed_layers() const { return completed_; }
    void clear_completed_layers() { completed_.clear(); }
    /// Accesses at `front`, to memory and to units; a latency ends with the last data of all channels.
    const AccessStatistics& read_statistics() const { return read_statistics_; }
    const AccessStatistics& write_statistics() const { return write_statistics_; }
    ChannelController& dram_controller() { return *dram_controller_; }
    ChannelController& pcm_controller(std::size_t i) { return *pcm_controllers_.at(i); }
    /// Accesses at `front` that were answered with an error response.
    std::uint64_t rejected_accesses() const { return rejected_accesses_; }

    /// The layer that runs (unknown between layers), layers waiting for GO, and the interrupt.
    void trace(core::Tracer& tracer) override;

private:
    /// An access at `front` that is under way on the channels; reused.
    struct Access {
        tlm::tlm_generic_payload* payload = nullptr;
        bool at = false;
        std::size_t parts_left = 0;
        tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
        bool dmi_allowed = false;
        core::Picoseconds accepted{}, first_column{};
        std::vector<ChannelTransferPtr> parts;
        std::deque<std::vector<unsigned char>> byte_enables; ///< of the parts
        bool done = false;
        sc_core::sc_event finished;
    };
    /// Where a system address leads: a channel and the address there.
    struct Destination {
        enum class Kind { none, dram, pcm, chip, controller, unit, broadcast } kind = Kind::none;
        std::uint64_t offset = 0;     ///< within the region; chip and unit: within the chip or unit
        std::uint32_t index = 0;      ///< chip and unit: which
        std::uint64_t bytes_left = 0; ///< until the region (or the channel's granule) ends
    };

    void end_of_elaboration() override;
    Destination decode(std::uint64_t address) const;
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return at_.nb_transport_fw(payload, phase, delay);
    }
    core::AtTarget::Answer at_request(tlm::tlm_generic_payload& payload);
    unsigned transport_dbg(tlm::tlm_generic_payload& payload);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
    void invalidate_pcm(std::uint32_t channel, std::uint64_t first, std::uint64_t last);
    tlm::tlm_response_status check(const tlm::tlm_generic_payload& payload, const Destination& to) const;
    static bool takes_time(const tlm::tlm_generic_payload& payload, const Destination& to);
    std::size_t enter(tlm::tlm_generic_payload& payload, bool at);
    void begin(std::size_t index);
    void begin_ordinary(std::size_t index);
    void begin_chip_or_unit(std::size_t index, const Destination& to);
    void add_part(std::size_t index, ChannelPort& port, const tlm::tlm_generic_payload& part,
                  const ChannelRequest* request);
    void part_finished(std::size_t index, std::size_t part);
    void finish(std::size_t index);
    tlm::tlm_response_status controller_registers(tlm::tlm_generic_payload& payload, std::uint64_t offset);
    bool write_register(std::uint64_t offset, const unsigned char* data, std::uint32_t length);
    ChannelPort& port_of(const Destination& to);
    std::uint64_t channel_address(const Destination& to) const;
    ChannelRequest one_chip(const Destination& to, std::uint32_t bytes) const;

    void sequence(); ///< thread: one layer after the other
    void lease_banks(const core::LayerRegisters& layer, bool lease);
    void start_units(const core::LayerRegisters& layer);
    void wait_for_units();
    bool works(std::uint32_t unit) const;
    std::uint64_t present_units() const;
    std::uint32_t working_chips(std::uint32_t rank) const;
    void drive_interrupt();
    void watch_lines() { lines_changed_.notify(sc_core::SC_ZERO_TIME); }

    HybridMemoryConfig config_;
    std::uint32_t units_, ranks_with_units_;
    bool keep_data_;
    core::AddressMap map_;
    ChannelInterleaving pcm_interleaving_;

    std::unique_ptr<ChannelController> dram_controller_;
    std::vector<std::unique_ptr<ChannelController>> pcm_controllers_;
    std::unique_ptr<ChannelPort> dram_port_;
    std::vector<std::unique_ptr<ChannelPort>> pcm_ports_;
    std::unique_ptr<WeightStreamer> streamer_;
    std::unique_ptr<ResultAccumulationUnit> accumulation_;

    static constexpr std::size_t queue_depth = 2;
    core::LayerRegisters layer_block_;
    std::uint64_t unit_mask_; ///< units that work
    std::deque<core::LayerRegisters> queued_;
    std::uint32_t go_count_ = 0;
    std::vector<std::uint64_t> started_layers_; ///< of each unit
    bool interrupt_level_ = false;
    std::vector<LayerInterval> completed_;
    std::uint64_t completed_count_ = 0;
    std::uint64_t rejected_accesses_ = 0;
    AccessStatistics read_statistics_, write_statistics_;
    std::vector<UnitLinesIf*> lines_;
    sc_core::sc_event go_, interrupt_changed_, lines_changed_;
    std::uint64_t start_ = 1; ///< what is written to the units' START
    core::AtTarget at_;
    std::deque<Access> accesses_;
    std::vector<std::size_t> free_accesses_;
    std::size_t under_way_ = 0;
    std::deque<std::size_t> waiting_;
    core::TraceSignal layer_trace_, queued_trace_, interrupt_trace_;
};

} // namespace hydravp::modules
