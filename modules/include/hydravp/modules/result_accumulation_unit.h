// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/core/work_item.h"
#include "hydravp/modules/channel_port.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/unit_lines.h"
#include "hydravp/modules/weight_streamer.h"

#include <systemc>

#include <cstdint>
#include <deque>
#include <vector>

namespace hydravp::modules {

/// The result accumulation unit (RAU) of the memory controller (Das et al., section III-B).
///
/// Pass by pass it reads the units' partial sums over the DRAM channel, adds them, adds bias and shortcut,
/// applies ReLU, requantises to FX16, and writes the words back to where the next layer's units find them:
/// channel c into the chips of its residue class. One channel slot carries 8 bytes of each chip of a rank, so
/// neighbouring channels that lie at the same address of different chips travel together.
class ResultAccumulationUnit : public sc_core::sc_module, public core::Traceable {
public:
    /// @param results_in the memory that the results are written to: words in DRAM are words not written to
    /// PCM
    /// @param lanes words worked on in parallel: as many as the channel delivers per clock period
    ResultAccumulationUnit(const sc_core::sc_module_name& name, const AccumulationConfig& config,
                           std::uint32_t lanes, ChannelPort& dram, WeightStreamer& pcm, std::uint32_t units,
                           std::uint32_t chips_per_rank, memory::MemoryKind results_in, bool keep_data);

    /// The units' lines and the event that any of them changed; before the simulation starts.
    void connect(std::vector<UnitLinesIf*> lines, const sc_core::sc_event& lines_changed);
    /// Works through one convolution; returns (in simulated time) when its last word is in the DRAM. Call
    /// from a thread.
    void process(const core::LayerRegisters& layer);

    /// What it does, and for which pass of the layer.
    void trace(core::Tracer& tracer) override;

private:
    enum class State : std::uint64_t { idle, read_biases, wait_sums, read_sums, read_residual, add, write };
    void enter(State state) { state_trace_.set(static_cast<std::uint64_t>(state)); }

    /// `bytes` at a chip-local address of one unit's chip, to be moved from or to `data`.
    struct Segment {
        std::uint32_t unit;
        std::uint64_t address;
        std::uint32_t bytes;
        unsigned char* data;
    };

    /// The outputs of one frame and convolution group that some neighbouring units make in a pass.
    struct Part {
        core::Unit first_unit;
        std::uint32_t index = 0; ///< among the parts of these units
        std::uint32_t frame = 0;
        core::Range filters, positions;
        std::size_t first_output = 0; ///< in the results of the pass
        std::uint32_t outputs() const { return filters.size() * positions.size(); }
    };

    void read_biases();
    void read_resident_biases();
    void process_pass(std::uint32_t pass);
    void read_partial_sums(std::uint32_t pass);
    ChannelRequest sums_request(std::uint32_t rank, std::uint32_t pass) const;
    void release_outputs(const ChannelRequest& read);
    core::Picoseconds accumulation_time(std::uint32_t pass) const;
    void read_residual(std::uint32_t pass);
    void accumulate(std::uint32_t pass);
    void add_partial_sums(std::uint32_t pass, const Part& part);
    const std::int16_t* add_residual(core::Range positions, const std::int16_t* residual,
                                     std::int64_t* sums) const;
    void write_back(std::uint32_t pass);
    core::Range residual_words(core::Range positions) const;
    /// Calls work(part) for every part of a pass's outputs.
    template <class Work>
    void for_each_part(std::uint32_t pass, Work work) const;
    /// Segments that travel together, and their transfer.
    struct Move {
        ChannelTransferPtr transfer;
        std::vector<unsigned char> data; ///< chip after chip
        std::uint64_t address = 0;       ///< of the first byte in each chip
        std::uint32_t bytes = 0;         ///< per chip
        std::vector<Segment> segments;
    };
    /// Begins to move segments; those at the same address of chips of one rank share their slots. Waits only
    /// while too many moves are under way.
    void move(tlm::tlm_command command, std::vector<Segment>& segments);
    void begin_move(tlm::tlm_command command, const Segment* first, const Segment* last,
                    std::uint32_t bytes_per_chip);
    void finish_moves(std::size_t left_under_way);
    unsigned char* place(Move& move, const Segment& segment) const {
        return move.data.data() + std::size_t{segment.unit % chips_per_rank_} * move.bytes +
               (segment.address - move.address);
    }

    AccumulationConfig config_;
    std::uint32_t lanes_;
    ChannelPort& dram_;
    WeightStreamer& pcm_;
    std::uint32_t units_, chips_per_rank_, ranks_;
    bool keep_data_;
    std::vector<UnitLinesIf*> lines_;
    const sc_core::sc_event* lines_changed_ = nullptr;

    core::LayerRegisters layer_;
    core::ConvSchedule schedule_;
    std::vector<std::int64_t> biases_;
    std::vector<std::vector<unsigned char>> rank_data_; ///< partial sums as they come, per rank
    std::vector<const unsigned char*> partial_sums_;    ///< of each unit, in there
    std::vector<const unsigned char*> sources_;         ///< of the part at hand
    std::vector<std::int64_t> sums_;
    std::vector<std::int16_t> results_; ///< outputs of the pass, part by part: [filter][position]
    std::vector<std::int16_t>
        residual_; ///< shortcut words of the pass: per part and filter `residual_words()`
    std::vector<unsigned char> narrow_; ///< words of the pass as they lie in memory, where they have 8 bits
    std::vector<Segment> segments_;
    std::deque<Move> moves_; ///< under way
    std::vector<Move> spare_moves_;
    ChannelTransfers releases_;
    std::uint64_t one_ = 1; ///< what is written to registers

    core::Meter meter_{"meter"};
    bool avoids_pcm_writes_;
    core::Meter::Account avoided_words_, output_words_;
    core::TraceSignal state_trace_, pass_trace_;
};

} // namespace hydravp::modules
