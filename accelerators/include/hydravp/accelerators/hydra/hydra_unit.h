// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/activation_tile.h"
#include "hydravp/accelerators/hydra/config.h"
#include "hydravp/accelerators/hydra/mac_array.h"
#include "hydravp/accelerators/hydra/output_buffer.h"
#include "hydravp/accelerators/hydra/weight_buffer.h"
#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/core/work_item.h"
#include "hydravp/memory/command.h"
#include "hydravp/modules/unit_lines.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <deque>
#include <vector>

namespace hydravp::accelerators::hydra {

/// One Hydra unit: the accelerator inside one DRAM chip (Das et al., section III-B).
///
/// Register stack, controller, activation buffer (AB), weight buffer (WB), output buffer (OB), stream buffers
/// and MACs, pool unit. The controller walks the layer's `ConvSchedule`: it fetches activations from its own
/// chip's leased banks into one half of the AB while it computes on the other, takes weights from the WB in
/// the order in which the memory controller streams them, accumulates in one half of the OB while the other
/// is read out. All arithmetic is done on the bytes that these transactions brought.
///
/// Sockets: `bus` (from the chip: registers, WB, OB; address space `core::UnitMap`), `banks` (to the chip's
/// cells). Not modelled: the stream buffers' own storage (their fill rate bounds the MACs' rate), clock
/// gating of idle lanes.
class HydraUnit : public sc_core::sc_module, public modules::UnitLinesIf, public core::Traceable {
public:
    tlm_utils::simple_target_socket<HydraUnit> bus{"bus"};
    tlm_utils::simple_initiator_socket<HydraUnit> banks{"banks"};
    sc_core::sc_export<modules::UnitLinesIf> lines{"lines"};

    /// @param index     place among the units: rank * chips_per_rank + chip
    /// @param row_bytes row size of the chip's banks; no transfer crosses a row
    /// @param keep_data false in timing mode: everything happens but the arithmetic
    HydraUnit(const sc_core::sc_module_name& name, const HydraConfig& config, core::Unit index,
              std::uint32_t row_bytes, bool keep_data);

    std::uint32_t weight_space() const override { return weights_.space(); }
    std::uint32_t passes_waiting() const override { return outputs_.waiting(); }
    bool running() const override { return running_; }
    std::uint32_t layers_done() const override { return layers_done_; }
    core::Picoseconds started_at() const override { return started_at_; }
    const sc_core::sc_event& changed() const override { return changed_; }

    /// Multiply-accumulates executed since reset (lanes that had a position to work on).
    std::uint64_t mac_count() const { return mac_count_; }

    /// State of the controller, content of the buffers, and the lanes (MACs) that have an output to work on.
    void trace(core::Tracer& tracer) override;

private:
    /// What the controller does or waits for, as the waveform shows it.
    enum class State : std::uint64_t {
        idle,
        wait_fetch,
        wait_weights,
        compute,
        wait_output,
        pool,
        pool_write
    };
    void enter(State state) const { state_trace_.set(static_cast<std::uint64_t>(state)); }
    void show_tiles() const { tiles_trace_.set(tiles_filled_ - tiles_freed_); }
    void show_weights() const { weights_trace_.set(weights_.used()); }
    void show_outputs() const { outputs_trace_.set(outputs_.waiting()); }
    void show_lanes(std::uint32_t outputs, std::uint32_t steps) const;

    void receive(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    bool write(std::uint64_t address, const unsigned char* data, std::uint32_t length, core::Picoseconds at);
    bool read(std::uint64_t address, unsigned char* data, std::uint32_t length);
    bool append_weights(const unsigned char* data, std::uint32_t length, core::Picoseconds ready);
    bool push();
    bool start(core::Picoseconds at);
    bool release_output(core::Picoseconds at);

    bool is_pooling() const {
        return active_.kind == core::LayerKind::max_pool || active_.kind == core::LayerKind::average_pool;
    }
    void control(); ///< thread: one layer after the other
    void run_convolution();
    void begin_pass(std::uint32_t pass);
    void run_pass();
    void run_fetch(std::uint32_t fetch);
    /// Until the oldest bytes of the WB are valid.
    void wait_for_weights(std::uint32_t bytes);
    void compute_chunk(core::Range steps);
    const std::int16_t* front_weights(core::Range steps);
    void run_pooling();
    void pool_tile(std::uint32_t pass, std::uint32_t fetch);
    void pool_frame(std::uint32_t pass, std::uint32_t fetch, std::uint32_t frame, const ActivationTile& tile);

    void fetch_activations(); ///< thread: fills the halves of the AB
    void fetch_tile(std::uint32_t pass, std::uint32_t fetch);
    void fetch_frame(std::uint32_t pass, std::uint32_t fetch, std::uint32_t frame, ActivationTile& tile);
    void fetch_weights(); ///< thread: fills the WB from the own chip where weights are not streamed
    void fetch_chunk(std::uint64_t address, std::uint32_t bytes);
    /// Moves bytes of the own chip, row by row; throws core::SimulationError on an error response.
    void read_words(std::uint64_t address, std::int16_t* words, std::uint64_t count);
    void write_words(std::uint64_t address, std::int16_t* words, std::uint64_t count);
    void transfer(memory::UnitAccessPayload& payload, tlm::tlm_command command, std::uint64_t address,
                  void* data, std::uint64_t bytes);

    void occupy(core::Picoseconds duration, core::Meter::Account busy);

    HydraConfig config_;
    core::Unit index_;
    std::uint32_t row_bytes_;
    bool keep_data_;
    core::Picoseconds step_time_; ///< one reduction step of one lane group

    static constexpr std::size_t register_sets = 2;
    core::UnitRegisters shadow_, active_;
    std::deque<core::UnitRegisters> queued_;
    core::ConvSchedule schedule_;
    /// What the schedule says of the pass at hand, looked up once.
    struct Pass {
        std::uint32_t index = 0;
        std::uint32_t outputs = 0, group_outputs = 0, lane_groups = 0, filters = 0; ///< of this unit
        bool uses_weights_first = false; ///< they are counted once, however often they are used
        bool has_tile_of_last = false, keeps_tile = false;
    } pass_;
    WeightBuffer weights_;
    std::uint32_t awaited_weights_ = 0; ///< bytes of the chunk that `weights_arrived_` is to report
    OutputBuffer outputs_;
    std::array<FrameTiles, 2> tiles_;
    std::uint32_t tiles_filled_ = 0, tiles_freed_ = 0; ///< counts since the layer's start
    MacArray mac_array_;
    std::vector<std::int16_t> pooled_;
    /// Words as they lie in memory, in 8-bit precision: each thread's own; and a chunk of weights as 16 bits.
    std::vector<unsigned char> narrow_tile_, narrow_pooled_;
    std::vector<std::int16_t> widened_;

    bool running_ = false;
    std::uint32_t layers_done_ = 0;
    core::Picoseconds started_at_{};
    std::uint64_t mac_count_ = 0;
    sc_core::sc_event start_event_, fetch_start_event_, fetch_done_event_, tile_filled_, tile_freed_,
        weights_arrived_, output_freed_, changed_;
    bool fetching_ = false;
    bool fetching_weights_ = false;
    std::vector<unsigned char> chunk_;

    core::LayerId layer_ = core::no_layer;
    memory::UnitAccessPayload tile_access_, weight_access_, pool_access_; ///< of one process each
    core::Meter meter_{"meter"};
    core::Meter::Account mac_energy_, buffer_energy_, control_energy_, mac_busy_, pool_busy_, macs_,
        weight_words_;
    core::TraceSignal state_trace_, tiles_trace_, weights_trace_, outputs_trace_, lanes_trace_;
};

} // namespace hydravp::accelerators::hydra
