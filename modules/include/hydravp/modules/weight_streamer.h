// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/trace.h"
#include "hydravp/core/work_item.h"
#include "hydravp/modules/channel_interleaving.h"
#include "hydravp/modules/channel_port.h"
#include "hydravp/modules/unit_lines.h"

#include <systemc>

#include <cstdint>
#include <deque>
#include <vector>

namespace hydravp::modules {

/// Prefetches model data from PCM and streams it through the DRAM channel into the units' weight buffers.
///
/// Layers are queued in the order of execution; the stream runs ahead across layer borders as far as the
/// staging buffer and the weight buffers allow. Part of the memory controller: it uses the controller's
/// ports.
class WeightStreamer : public sc_core::sc_module, public core::Traceable {
public:
    struct Ports {
        ChannelPort* dram;
        std::vector<ChannelPort*> pcm;
        ChannelInterleaving pcm_interleaving;
        std::uint64_t pcm_base = 0; ///< system address of the PCM
    };

    /// @param chips_per_rank chips that one transfer on the DRAM channel reaches
    /// @param staging_bytes  capacity of the staging buffer
    WeightStreamer(const sc_core::sc_module_name& name, Ports ports, std::uint32_t chips_per_rank,
                   std::uint32_t staging_bytes, bool keep_data);

    /// The units' lines and the event that any of them changed; before the simulation starts.
    void connect(std::vector<UnitLinesIf*> lines, const sc_core::sc_event& lines_changed);
    /// Queues a layer's stream; pooling layers have none and are ignored.
    void push(const core::LayerRegisters& layer);
    /// Waits until the layer's weights are in the units' chips; returns at once if they don't migrate. From a
    /// thread.
    void wait_migrated(const core::LayerRegisters& layer);
    /// Begins to read `bytes` of the PCM at a system address.
    ChannelTransfers read_pcm(std::uint64_t address, std::uint64_t bytes, unsigned char* data,
                              core::LayerId layer);

    void trace(core::Tracer& tracer) override;

private:
    struct Piece { ///< one chunk for the units of one rank
        std::uint32_t rank, units, bytes_per_unit;
        core::LayerId layer;
        std::vector<unsigned char> data{}; ///< unit after unit
        ChannelTransfers reads{};          ///< from the PCM, under way
        ChannelTransferPtr write{};        ///< to the units, once under way
    };

    void prefetch(); ///< thread: PCM to staging
    void prefetch_layer(const core::LayerRegisters& layer);
    void migrate_layer(const core::LayerRegisters& layer);
    void copy_to_chips(Piece& piece, std::uint64_t chip_address);
    void stage(std::uint64_t address, Piece piece);
    void begin_read(std::uint64_t address, Piece& piece);
    void forward(); ///< thread: staging to weight buffers
    void begin_write(Piece& piece);
    bool has_space(const Piece& piece) const;
    void retire(); ///< thread: frees the staging of what has arrived
    std::uint32_t ranks(const core::LayerRegisters& layer) const;
    std::uint32_t units_in_rank(const core::LayerRegisters& layer, std::uint32_t rank) const;

    Ports ports_;
    std::uint32_t chips_per_rank_, staging_bytes_;
    bool keep_data_;
    std::vector<UnitLinesIf*> lines_;
    const sc_core::sc_event* lines_changed_ = nullptr;
    std::deque<core::LayerRegisters> layers_;
    std::deque<Piece> staged_, forwarded_;          ///< the latter on their way to the units
    std::vector<std::vector<unsigned char>> spare_; ///< data buffers for reuse
    std::uint64_t staged_bytes_ = 0;
    std::uint64_t migrated_ = 0, needed_ = 0; ///< layers since reset: migrated, waited for
    sc_core::sc_event migrated_event_;
    sc_core::sc_event layer_queued_, piece_staged_, piece_forwarded_, piece_retired_;
    core::TraceSignal staged_trace_;
};

} // namespace hydravp::modules
