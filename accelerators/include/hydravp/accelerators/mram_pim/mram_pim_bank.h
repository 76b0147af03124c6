// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/mram_pim/config.h"
#include "hydravp/accelerators/mram_pim/layer_engine.h"
#include "hydravp/core/at_target.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/mram_work.h"
#include "hydravp/core/timeline.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/mram_storage.h"

#include <systemc>
#include <tlm_utils/peq_with_get.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::accelerators::mram_pim {

/// A processing-in-MRAM bank on a bus: one TLM target (LT, AT, debug) with all its cells as ordinary memory
/// and a window of command registers (core::MramMap), and an interrupt.
///
/// A write to `go` starts the layer that the register block describes; the interrupt rises when it is
/// complete, or refused
/// (`error`). Meanwhile other masters may read everything and write what the layer does not use; an access
/// takes a port of the bank for its rows, and the layer ends that much later. Writes to sub-arrays that
/// compute, and to tensors of the layer, get a COMMAND error response, and so does `go`. Accesses to
/// registers are whole and aligned.
///
/// Not modelled: DMI; overlap of one layer's phases; ordinary accesses that hide in a phase without
/// transfers.
class MramPimBank : public sc_core::sc_module, public core::Traceable, public core::BackgroundConsumer {
public:
    tlm_utils::simple_target_socket<MramPimBank> front{"front"};
    sc_core::sc_out<bool> interrupt{"interrupt"};

    /// @param base address of the first cell; the registers follow the last one
    /// @param keep_data false: layers take their time and energy and compute nothing
    MramPimBank(const sc_core::sc_module_name& name, const MramPimConfig& config, std::uint64_t base,
                bool keep_data = true);

    const MramPimConfig& config() const { return config_; }
    std::uint64_t memory_bytes() const { return storage_.size(); }
    std::uint64_t register_base() const { return register_base_; }
    /// Where images and kernels may lie, as an address on the bus.
    std::uint64_t tensor_address() const { return memory_base_ + engine_.tensor_base(); }
    std::uint64_t tensor_bytes() const { return storage_.size() - engine_.tensor_base(); }

    struct CompletedLayer {
        core::Picoseconds start{}, end{};
        LayerActivity activity;
        core::Picoseconds stolen{}; ///< by ordinary accesses
    };
    const std::vector<CompletedLayer>& completed_layers() const { return completed_; }
    void clear_completed_layers() { completed_.clear(); }
    /// Accesses that got an error response.
    std::uint64_t rejected_accesses() const { return rejected_accesses_; }
    /// Why the last layer was refused; empty: it was not.
    const std::string& refusal() const { return refusal_; }

    LayerEngine& engine() { return engine_; }

    void trace(core::Tracer& tracer) override;
    void charge_background(core::Picoseconds duration, core::LayerId layer) override;

private:
    struct Range {
        std::uint64_t begin, end;
    };

    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
    unsigned transport_dbg(tlm::tlm_generic_payload& payload);
    core::AtTarget::Answer at_request(tlm::tlm_generic_payload& payload);
    void finish_due();
    void compute();
    void drive_interrupt();

    /// Checks and performs an access that arrives at `arrival`; returns when it is done.
    core::Picoseconds serve(tlm::tlm_generic_payload& payload, core::Picoseconds arrival);
    tlm::tlm_response_status check_memory(const tlm::tlm_generic_payload& payload) const;
    core::Picoseconds access_memory(tlm::tlm_generic_payload& payload, core::Picoseconds arrival);
    void move(tlm::tlm_generic_payload& payload);
    tlm::tlm_response_status access_registers(tlm::tlm_generic_payload& payload);
    bool is_locked(std::uint64_t begin, std::uint64_t end) const;
    void lock(const core::MramLayerRegisters& layer);
    void charge(const LayerActivity& activity, core::LayerId layer);
    void show(const core::MramTimes& times, core::Picoseconds start);
    void show_program(core::Picoseconds start);

    MramPimConfig config_;
    std::uint64_t memory_base_, register_base_;
    bool keep_data_;
    memory::MramStorage storage_;
    LayerEngine engine_;
    core::AtTarget at_;
    std::vector<core::Timeline> ports_;

    core::MramLayerRegisters block_;
    bool busy_ = false;
    bool error_ = false;
    std::uint64_t status_ = 0;
    std::string refusal_;
    std::vector<Range> locked_;
    core::Picoseconds layer_end_{};
    core::Picoseconds stolen_{};
    sc_core::sc_event go_event_{"go_event"};
    sc_core::sc_event interrupt_event_{"interrupt_event"};
    bool interrupt_level_ = false;
    std::vector<CompletedLayer> completed_;
    std::uint64_t rejected_accesses_ = 0;
    tlm_utils::peq_with_get<tlm::tlm_generic_payload> due_{"due"};

    core::Meter meter_{"meter"};
    struct Accounts {
        core::Meter::Account add, count, map, htree, dpu, read, write, leakage;
        core::Meter::Account read_bytes, written_bytes;
        core::Meter::Account map_busy, add_busy, count_busy, htree_busy, dpu_busy;
        core::Meter::Account macs, row_operations, bit_additions;
    } accounts_{};

    core::TraceSignal phase_, access_;
    struct ProgramSignals {
        core::TraceSignal rwl, wwl, enables, latch, sum, carry, step;
    } program_;
};

} // namespace hydravp::accelerators::mram_pim
