// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/weight_streamer.h"

#include "hydravp/core/time.h"

#include <algorithm>
#include <utility>

namespace hydravp::modules {

namespace {

/// Pieces on their way to the units at a time: one on the bus, one that the controller makes ready.
constexpr std::size_t writes_under_way = 2;

} // namespace

WeightStreamer::WeightStreamer(const sc_core::sc_module_name& name, Ports ports, std::uint32_t chips_per_rank,
                               std::uint32_t staging_bytes, bool keep_data)
    : sc_core::sc_module(name),
      ports_(std::move(ports)),
      chips_per_rank_(chips_per_rank),
      staging_bytes_(staging_bytes),
      keep_data_(keep_data) {
    SC_HAS_PROCESS(WeightStreamer);
    SC_THREAD(prefetch);
    SC_THREAD(forward);
    SC_THREAD(retire);
}

void WeightStreamer::connect(std::vector<UnitLinesIf*> lines, const sc_core::sc_event& lines_changed) {
    lines_ = std::move(lines);
    lines_changed_ = &lines_changed;
}

void WeightStreamer::trace(core::Tracer& tracer) {
    staged_trace_ = tracer.wire(*this, "staged_bytes", 32);
}

void WeightStreamer::push(const core::LayerRegisters& layer) {
    const bool has_weights =
        layer.kind == core::LayerKind::conv || layer.kind == core::LayerKind::fully_connected;
    if (has_weights && layer.weight_source != core::WeightSource::resident) {
        layers_.push_back(layer);
        layer_queued_.notify(sc_core::SC_ZERO_TIME);
    }
}

ChannelTransfers WeightStreamer::read_pcm(std::uint64_t address, std::uint64_t bytes, unsigned char* data,
                                          core::LayerId layer) {
    ChannelTransfers reads;
    std::uint64_t offset = address - ports_.pcm_base;
    while (bytes > 0) {
        const std::uint64_t piece = std::min(bytes, ports_.pcm_interleaving.bytes_left(offset));
        const std::uint32_t channel = ports_.pcm_interleaving.channel(offset);
        reads.add(ports_.pcm[channel]->interleaved(
            tlm::TLM_READ_COMMAND, ports_.pcm_interleaving.address(offset), static_cast<std::uint32_t>(piece),
            data, layer, memory::WriteCause::host, Source::weight_streamer));
        offset += piece;
        bytes -= piece;
        data = data == nullptr ? nullptr : data + piece;
    }
    return reads;
}

void WeightStreamer::prefetch() {
    for (;;) {
        while (layers_.empty()) {
            wait(layer_queued_);
        }
        const core::LayerRegisters layer = layers_.front();
        layers_.pop_front();
        if (layer.weight_source == core::WeightSource::migrate) {
            migrate_layer(layer);
        } else {
            prefetch_layer(layer);
        }
    }
}

void WeightStreamer::prefetch_layer(const core::LayerRegisters& layer) {
    const core::ConvSchedule schedule(layer.geometry);
    const std::uint64_t weights = layer.model_address + core::bias_block_bytes(layer.geometry.filters);
    for (std::uint32_t load = 0; load < schedule.weight_loads(); ++load) {
        std::uint64_t address = weights;
        schedule.for_each_chunk(
            load, [&](std::uint32_t /*pass*/, core::Range /*steps*/, std::uint32_t bytes) {
                for (std::uint32_t rank = 0; rank < ranks(layer); ++rank) {
                    const std::uint32_t units = units_in_rank(layer, rank);
                    stage(address, {rank, units, bytes, static_cast<core::LayerId>(layer.layer)});
                    address += std::uint64_t{bytes} * units;
                }
            });
    }
}

void WeightStreamer::stage(std::uint64_t address, Piece piece) {
    const std::uint64_t bytes = std::uint64_t{piece.bytes_per_unit} * piece.units;
    while (staged_bytes_ > 0 && staged_bytes_ + bytes > staging_bytes_) {
        wait(piece_retired_);
    }
    staged_bytes_ += bytes;
    staged_trace_.set(staged_bytes_);
    begin_read(address, piece);
    staged_.push_back(std::move(piece));
    piece_staged_.notify(sc_core::SC_ZERO_TIME);
}

void WeightStreamer::begin_read(std::uint64_t address, Piece& piece) {
    const std::uint64_t bytes = std::uint64_t{piece.bytes_per_unit} * piece.units;
    if (keep_data_) {
        if (!spare_.empty()) {
            piece.data = std::move(spare_.back());
            spare_.pop_back();
        }
        piece.data.resize(bytes);
    }
    piece.reads = read_pcm(address, bytes, keep_data_ ? piece.data.data() : nullptr, piece.layer);
}

void WeightStreamer::migrate_layer(const core::LayerRegisters& layer) {
    const core::ConvSchedule schedule(layer.geometry);
    std::uint64_t from = layer.model_address + core::bias_block_bytes(layer.geometry.filters);
    std::uint64_t to = layer.weights_base;
    schedule.for_each_chunk(0, [&](std::uint32_t /*pass*/, core::Range /*steps*/, std::uint32_t bytes) {
        for (std::uint32_t rank = 0; rank < ranks(layer); ++rank) {
            Piece piece{rank, units_in_rank(layer, rank), bytes, static_cast<core::LayerId>(layer.layer)};
            begin_read(from, piece);
            copy_to_chips(piece, to);
            from += std::uint64_t{bytes} * piece.units;
            spare_.push_back(std::move(piece.data));
        }
        to += bytes;
    });
    ++migrated_;
    migrated_event_.notify(sc_core::SC_ZERO_TIME);
}

void WeightStreamer::copy_to_chips(Piece& piece, std::uint64_t chip_address) {
    piece.reads.wait();
    ChannelRequest request;
    request.rank = core::Rank{piece.rank};
    request.chips = memory::first_chips(piece.units);
    request.chip_address = chip_address;
    request.bytes_per_chip = piece.bytes_per_unit;
    request.chip_stride = piece.bytes_per_unit;
    request.layer = piece.layer;
    request.source = Source::weight_streamer;
    request.cause = memory::WriteCause::migration;
    ports_.dram->chip_local(tlm::TLM_WRITE_COMMAND, request, keep_data_ ? piece.data.data() : nullptr)
        ->wait();
}

void WeightStreamer::wait_migrated(const core::LayerRegisters& layer) {
    const bool has_weights =
        layer.kind == core::LayerKind::conv || layer.kind == core::LayerKind::fully_connected;
    if (!has_weights || layer.weight_source != core::WeightSource::migrate) {
        return;
    }
    ++needed_;
    while (migrated_ < needed_) {
        wait(migrated_event_);
    }
}

void WeightStreamer::forward() {
    for (;;) {
        while (staged_.empty()) {
            wait(piece_staged_);
        }
        Piece& piece = staged_.front(); // references into a deque outlive push_back
        piece.reads.wait();
        while (forwarded_.size() >= writes_under_way) {
            wait(piece_retired_);
        }
        while (!has_space(piece)) {
            wait(*lines_changed_);
        }
        begin_write(piece);
        forwarded_.push_back(std::move(piece));
        staged_.pop_front();
        piece_forwarded_.notify(sc_core::SC_ZERO_TIME);
    }
}

/// The units have room for the piece behind those that are on their way.
bool WeightStreamer::has_space(const Piece& piece) const {
    std::uint32_t needed = piece.bytes_per_unit;
    for (const Piece& other : forwarded_) {
        if (other.rank == piece.rank) {
            needed += other.bytes_per_unit - other.write->commanded_bytes();
        }
    }
    const auto first = lines_.begin() + std::ptrdiff_t{piece.rank} * chips_per_rank_;
    return std::all_of(first, first + piece.units,
                       [needed](const UnitLinesIf* unit) { return unit->weight_space() >= needed; });
}

void WeightStreamer::begin_write(Piece& piece) {
    ChannelRequest request;
    request.space = memory::AccessSpace::unit;
    request.rank = core::Rank{piece.rank};
    request.chips = memory::first_chips(piece.units);
    request.chip_address = core::UnitMap::weight_buffer;
    request.bytes_per_chip = piece.bytes_per_unit;
    request.chip_stride = piece.bytes_per_unit;
    request.layer = piece.layer;
    request.source = Source::weight_streamer;
    piece.write =
        ports_.dram->chip_local(tlm::TLM_WRITE_COMMAND, request, keep_data_ ? piece.data.data() : nullptr);
}

void WeightStreamer::retire() {
    for (;;) {
        while (forwarded_.empty()) {
            wait(piece_forwarded_);
        }
        Piece& piece = forwarded_.front();
        piece.write->wait();
        staged_bytes_ -= std::uint64_t{piece.bytes_per_unit} * piece.units;
        staged_trace_.set(staged_bytes_);
        if (keep_data_) {
            spare_.push_back(std::move(piece.data));
        }
        forwarded_.pop_front();
        piece_retired_.notify(sc_core::SC_ZERO_TIME);
    }
}

/// Ranks with units that the layer is cut for.
std::uint32_t WeightStreamer::ranks(const core::LayerRegisters& layer) const {
    return core::ceil_divide(layer.geometry.units, chips_per_rank_);
}

std::uint32_t WeightStreamer::units_in_rank(const core::LayerRegisters& layer, std::uint32_t rank) const {
    return std::min(chips_per_rank_, layer.geometry.units - rank * chips_per_rank_);
}

} // namespace hydravp::modules
