// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/hydra_unit.h"

#include "hydravp/accelerators/hydra/pool_unit.h"
#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/core/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace hydravp::accelerators::hydra {

using core::Picoseconds;
using core::Range;
using core::UnitMap;

namespace {

bool executable(const core::UnitRegisters& r) {
    return r.kind <= core::LayerKind::average_pool && r.geometry.executable() &&
           (r.partial_sum_bits == 16 || r.partial_sum_bits == 32 || r.partial_sum_bits == 48);
}

} // namespace

HydraUnit::HydraUnit(const sc_core::sc_module_name& name, const HydraConfig& config, core::Unit index,
                     std::uint32_t row_bytes, bool keep_data)
    : sc_core::sc_module(name),
      config_(config),
      index_(index),
      row_bytes_(row_bytes),
      keep_data_(keep_data),
      step_time_(config.step_time()),
      weights_(static_cast<std::uint32_t>(config.weight_buffer.count), keep_data),
      outputs_(static_cast<std::uint32_t>(config.output_buffer.count), keep_data),
      mac_energy_(meter_.add(core::Quantity::energy, "hydra_mac")),
      buffer_energy_(meter_.add(core::Quantity::energy, "hydra_buffer")),
      control_energy_(meter_.add(core::Quantity::energy, "hydra_control")),
      mac_busy_(meter_.add(core::Quantity::busy, "mac")),
      pool_busy_(meter_.add(core::Quantity::busy, "pool")),
      macs_(meter_.add(core::Quantity::count, "macs")),
      weight_words_(meter_.add(core::Quantity::count, "weight_words")) {
    bus.register_b_transport(this, &HydraUnit::receive);
    lines.bind(*this);
    SC_HAS_PROCESS(HydraUnit);
    SC_THREAD(control);
    SC_THREAD(fetch_activations);
    SC_THREAD(fetch_weights);
}

void HydraUnit::trace(core::Tracer& tracer) {
    state_trace_ =
        tracer.states(*this, "state",
                      {"idle", "wait_fetch", "wait_weights", "compute", "wait_output", "pool", "pool_write"});
    tiles_trace_ = tracer.wire(*this, "tiles_filled", core::bits_for(tiles_.size()));
    weights_trace_ = tracer.wire(*this, "weight_buffer_bytes", core::bits_for(config_.weight_buffer.count));
    outputs_trace_ = tracer.wire(*this, "passes_waiting", 2);
    lanes_trace_ = tracer.wire(*this, "lanes_busy", core::bits_for(config_.macs_per_unit));
}

// ---- the chip's side
// -------------------------------------------------------------------------------------------

void HydraUnit::receive(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const bool ok = payload.is_write()
                        ? write(payload.get_address(), payload.get_data_ptr(), payload.get_data_length(),
                                core::now() + core::from_sc_time(delay))
                        : payload.is_read() &&
                              read(payload.get_address(), payload.get_data_ptr(), payload.get_data_length());
    payload.set_response_status(ok ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

bool HydraUnit::write(std::uint64_t address, const unsigned char* data, std::uint32_t length,
                      Picoseconds at) {
    if (address >= UnitMap::weight_buffer && address < UnitMap::output_buffer) {
        return append_weights(data, length, at);
    }
    if (address == UnitMap::push) {
        return push();
    }
    if (address == UnitMap::start) {
        return start(at);
    }
    if (address == UnitMap::release) {
        return release_output(at);
    }
    if (data == nullptr || address > sizeof shadow_ || length > sizeof shadow_ - address) {
        return false;
    }
    std::memcpy(reinterpret_cast<unsigned char*>(&shadow_) + address, data, length);
    return true;
}

bool HydraUnit::read(std::uint64_t address, unsigned char* data, std::uint32_t length) {
    if (address >= UnitMap::output_buffer) {
        const std::uint64_t offset = address - UnitMap::output_buffer;
        if (outputs_.waiting() == 0) {
            return false;
        }
        if (data != nullptr) {
            outputs_.read_front(offset, length, data);
        }
        return true;
    }
    if (data == nullptr || (address != UnitMap::status && address != UnitMap::mac_count) || length > 8) {
        return false;
    }
    const std::uint64_t value = address == UnitMap::status ? std::uint64_t{running_} : mac_count_;
    std::memcpy(data, &value, length);
    return true;
}

bool HydraUnit::append_weights(const unsigned char* data, std::uint32_t length, Picoseconds ready) {
    const bool fits = weights_.append(data, length, ready);
    show_weights();
    if (awaited_weights_ > 0 && weights_.used() >= awaited_weights_) {
        // The controller sleeps until the last byte of its chunk is valid.
        const Picoseconds all_ready = *weights_.ready_time(awaited_weights_);
        awaited_weights_ = 0;
        weights_arrived_.notify(core::to_sc_time(std::max(all_ready - core::now(), Picoseconds{0})));
    }
    return fits;
}

bool HydraUnit::push() {
    if (queued_.size() == register_sets || !executable(shadow_) ||
        shadow_.geometry.word_bytes != config_.word_bytes()) {
        return false;
    }
    queued_.push_back(shadow_);
    return true;
}

bool HydraUnit::release_output(Picoseconds at) {
    if (outputs_.waiting() == 0) {
        return false;
    }
    outputs_.release_front(at);
    show_outputs();
    output_freed_.notify(sc_core::SC_ZERO_TIME);
    changed_.notify(sc_core::SC_ZERO_TIME);
    return true;
}

bool HydraUnit::start(Picoseconds at) {
    if (running_ || queued_.empty()) {
        return false;
    }
    active_ = queued_.front();
    queued_.pop_front();
    running_ = true;
    started_at_ = at;
    start_event_.notify(core::to_sc_time(at - core::now()));
    return true;
}

// ---- controller
// ------------------------------------------------------------------------------------------------

void HydraUnit::control() {
    for (;;) {
        wait(start_event_);
        schedule_ = core::ConvSchedule(active_.geometry);
        layer_ = static_cast<core::LayerId>(active_.layer);
        tiles_filled_ = tiles_freed_ = 0;
        show_tiles();
        mac_array_.begin_layer();
        fetching_ = true;
        fetching_weights_ = !is_pooling() && active_.weight_source != core::WeightSource::stream;
        fetch_start_event_.notify();
        if (is_pooling()) {
            run_pooling();
        } else {
            run_convolution();
        }
        enter(State::wait_fetch);
        while (fetching_ || fetching_weights_) {
            wait(fetch_done_event_);
        }
        enter(State::idle);
        running_ = false;
        ++layers_done_;
        changed_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HydraUnit::run_convolution() {
    for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
        begin_pass(pass);
        run_pass();
    }
}

void HydraUnit::begin_pass(std::uint32_t pass) {
    const bool had_outputs = pass > 0 && pass_.outputs > 0;
    pass_.index = pass;
    pass_.outputs = schedule_.outputs(index_, pass);
    pass_.group_outputs = schedule_.group_outputs(index_, pass);
    pass_.lane_groups = schedule_.lane_groups(index_, pass);
    pass_.filters = schedule_.filters(index_, pass).size();
    // The weights are used neither by an earlier pass nor by a unit before, of another slice of positions.
    const core::LayerGeometry& g = schedule_.geometry();
    pass_.uses_weights_first =
        schedule_.tile_of(pass) == 0 && index_.value() / g.channel_split % g.position_split == 0;
    pass_.has_tile_of_last = had_outputs && schedule_.fetch_resident(pass);
    pass_.keeps_tile = pass + 1 < schedule_.passes() && schedule_.fetch_resident(pass + 1) &&
                       schedule_.outputs(index_, pass + 1) > 0;
}

void HydraUnit::run_pass() {
    if (pass_.outputs > 0) {
        enter(State::wait_output);
        std::optional<Picoseconds> free = outputs_.free_time();
        for (; !free; free = outputs_.free_time()) {
            wait(output_freed_);
        }
        core::wait_until(*free);
        if (keep_data_) {
            mac_array_.begin_pass(schedule_, index_, pass_.index);
        }
    }
    for (std::uint32_t fetch = 0; fetch < schedule_.fetches(); ++fetch) {
        run_fetch(fetch);
    }
    if (pass_.outputs > 0) {
        outputs_.commit(keep_data_ ? mac_array_.sums() : nullptr, mac_array_.layout(), pass_.outputs,
                        active_.partial_sum_bits, active_.partial_sum_shift);
        show_outputs();
        changed_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HydraUnit::run_fetch(std::uint32_t fetch) {
    const bool working = pass_.outputs > 0;
    enter(State::wait_fetch);
    while (working && tiles_filled_ == tiles_freed_) {
        wait(tile_filled_);
    }
    for (std::uint32_t chunk = 0; chunk < schedule_.chunks(fetch); ++chunk) {
        const Range steps = schedule_.chunk_steps(pass_.index, fetch, chunk);
        const std::uint32_t bytes = schedule_.chunk_bytes(pass_.index, steps);
        enter(State::wait_weights);
        wait_for_weights(bytes);
        const Range own = schedule_.own_steps(index_, steps);
        if (working && !own.empty()) {
            compute_chunk(own);
        }
        if (schedule_.last_use(pass_.index)) {
            weights_.consume(bytes);
            show_weights();
            changed_.notify(sc_core::SC_ZERO_TIME);
        }
    }
    if (working && keep_data_) {
        mac_array_.end_fetch(tiles_[tiles_freed_ % 2], pass_.has_tile_of_last);
    }
    if (working && !pass_.keeps_tile) {
        ++tiles_freed_;
        show_tiles();
        tile_freed_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HydraUnit::wait_for_weights(std::uint32_t bytes) {
    if (const std::optional<Picoseconds> ready = weights_.ready_time(bytes)) {
        core::wait_until(*ready);
        return;
    }
    awaited_weights_ = bytes;
    wait(weights_arrived_);
}

void HydraUnit::compute_chunk(Range steps) {
    enter(State::compute);
    if (lanes_trace_) {
        show_lanes(pass_.group_outputs, steps.size());
    }
    occupy(step_time_ * (std::int64_t{pass_.lane_groups} * steps.size()), mac_busy_);
    const std::uint64_t macs = std::uint64_t{pass_.group_outputs} * steps.size();
    mac_count_ += macs;
    meter_.charge(macs_, layer_, static_cast<double>(macs));
    if (pass_.uses_weights_first) {
        meter_.charge(weight_words_, layer_,
                      static_cast<double>(std::uint64_t{pass_.filters} * steps.size()));
    }
    if (keep_data_) {
        mac_array_.take(front_weights(steps), schedule_.step_filters(pass_.index), steps,
                        tiles_[tiles_freed_ % 2]);
    }
}

/// The chunk's weights as the MACs take them.
const std::int16_t* HydraUnit::front_weights(Range steps) {
    const core::LayerGeometry& g = schedule_.geometry();
    if (g.word_bytes == sizeof(std::int16_t)) {
        return reinterpret_cast<const std::int16_t*>(weights_.front());
    }
    widened_.resize(std::size_t{schedule_.step_filters(pass_.index)} * steps.size());
    core::load_words(weights_.front(), widened_.size(), g.word_bytes, widened_.data());
    return widened_.data();
}

/// Lane group after lane group, each for all steps of the chunk; the last one may be short.
void HydraUnit::show_lanes(std::uint32_t outputs, std::uint32_t steps) const {
    const std::uint32_t lanes = schedule_.geometry().lanes;
    const Picoseconds begin = core::now();
    const Picoseconds full_end = begin + step_time_ * (std::int64_t{outputs / lanes} * steps);
    lanes_trace_.hold(begin, full_end, lanes);
    if (outputs % lanes != 0) {
        lanes_trace_.hold(full_end, full_end + step_time_ * std::int64_t{steps}, outputs % lanes);
    }
}

// ---- pool unit
// -------------------------------------------------------------------------------------------------

void HydraUnit::run_pooling() {
    for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
        for (std::uint32_t fetch = 0; fetch < schedule_.fetches(); ++fetch) {
            enter(State::wait_fetch);
            while (tiles_filled_ == tiles_freed_) {
                wait(tile_filled_);
            }
            pool_tile(pass, fetch);
            ++tiles_freed_;
            show_tiles();
            tile_freed_.notify(sc_core::SC_ZERO_TIME);
        }
    }
}

void HydraUnit::pool_tile(std::uint32_t pass, std::uint32_t fetch) {
    const Range channels = schedule_.fetch_channels(index_, pass, fetch);
    const Range positions = schedule_.positions(index_, pass);
    const Range frames = schedule_.frames(pass);
    if (channels.empty()) {
        return;
    }
    const std::uint32_t groups =
        core::ceil_divide(channels.size() * positions.size() * frames.size(), config_.macs_per_unit);
    enter(State::pool);
    occupy(config_.clock_period * (std::int64_t{config_.pool_cycles} * groups * active_.geometry.taps()),
           pool_busy_);
    enter(State::pool_write);
    for (std::uint32_t frame = frames.begin; frame < frames.end; ++frame) {
        pool_frame(pass, fetch, frame, tiles_[tiles_freed_ % 2][frame - frames.begin]);
    }
}

void HydraUnit::pool_frame(std::uint32_t pass, std::uint32_t fetch, std::uint32_t frame,
                           const ActivationTile& tile) {
    const core::LayerGeometry& g = active_.geometry;
    const Range channels = schedule_.fetch_channels(index_, pass, fetch);
    const Range positions = schedule_.positions(index_, pass);
    const core::TensorPlacement& to = active_.output;
    const bool whole_planes = positions.size() == g.positions() && channels.size() > 1;
    const std::size_t plane_words = whole_planes ? to.plane_bytes / g.word_bytes : positions.size();
    pooled_.assign(plane_words * channels.size(), 0);
    if (keep_data_) {
        for (std::uint32_t c = channels.begin; c < channels.end; ++c) {
            pool_channel(tile, active_, c, positions, pooled_.data() + (c - channels.begin) * plane_words);
        }
    }
    const std::uint64_t plane =
        to.base + std::uint64_t{frame} * to.frame_distance + std::uint64_t{channels.begin} * to.plane_bytes;
    if (whole_planes) { // planes follow each other; the padding between them is written along
        write_words(plane, pooled_.data(), (channels.size() - 1) * plane_words + g.positions());
        return;
    }
    for (std::uint32_t i = 0; i < channels.size(); ++i) {
        write_words(plane + std::uint64_t{i} * to.plane_bytes + std::uint64_t{positions.begin} * g.word_bytes,
                    pooled_.data() + i * plane_words, positions.size());
    }
}

// ---- activation fetch
// ------------------------------------------------------------------------------------------

void HydraUnit::fetch_activations() {
    for (;;) {
        wait(fetch_start_event_);
        const bool pooling = is_pooling();
        for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
            if (!pooling && (schedule_.outputs(index_, pass) == 0 || schedule_.fetch_resident(pass))) {
                continue;
            }
            for (std::uint32_t fetch = 0; fetch < schedule_.fetches(); ++fetch) {
                while (tiles_filled_ - tiles_freed_ == tiles_.size()) {
                    wait(tile_freed_);
                }
                fetch_tile(pass, fetch);
                ++tiles_filled_;
                show_tiles();
                tile_filled_.notify(sc_core::SC_ZERO_TIME);
            }
        }
        fetching_ = false;
        fetch_done_event_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HydraUnit::fetch_weights() {
    for (;;) {
        wait(fetch_start_event_);
        if (!fetching_weights_) {
            continue;
        }
        for (std::uint32_t load = 0; load < schedule_.weight_loads(); ++load) {
            std::uint64_t address = active_.weights_base;
            schedule_.for_each_chunk(load, [&](std::uint32_t /*pass*/, Range /*steps*/, std::uint32_t bytes) {
                fetch_chunk(address, bytes);
                address += bytes;
            });
        }
        fetching_weights_ = false;
        fetch_done_event_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HydraUnit::fetch_chunk(std::uint64_t address, std::uint32_t bytes) {
    while (weights_.space() < bytes) {
        wait(changed_);
    }
    if (keep_data_) {
        chunk_.resize(bytes);
    }
    transfer(weight_access_, tlm::TLM_READ_COMMAND, address, keep_data_ ? chunk_.data() : nullptr, bytes);
    append_weights(keep_data_ ? chunk_.data() : nullptr, bytes, core::now());
}

void HydraUnit::fetch_tile(std::uint32_t pass, std::uint32_t fetch) {
    const Range frames = schedule_.frames(pass);
    FrameTiles& tiles = tiles_[tiles_filled_ % 2];
    tiles.resize(std::max<std::size_t>(tiles.size(), frames.size()));
    for (std::uint32_t frame = frames.begin; frame < frames.end; ++frame) {
        fetch_frame(pass, fetch, frame, tiles[frame - frames.begin]);
    }
}

void HydraUnit::fetch_frame(std::uint32_t pass, std::uint32_t fetch, std::uint32_t frame,
                            ActivationTile& tile) {
    const core::LayerGeometry& g = active_.geometry;
    const core::TensorPlacement& from = active_.input;
    const Range channels = schedule_.fetch_channels(index_, pass, fetch);
    const Range rows = g.input_rows(schedule_.positions(index_, pass));
    tile.reset(g, channels, rows, keep_data_);
    const std::uint64_t row_bytes = std::uint64_t{g.in_width} * g.word_bytes;
    const std::uint64_t words = std::uint64_t{rows.size()} * g.in_width;
    const std::uint64_t bytes = rows.size() * row_bytes;
    const std::uint64_t first = from.base + std::uint64_t{frame} * from.frame_distance +
                                std::uint64_t{channels.begin} * from.plane_bytes + rows.begin * row_bytes;
    if (bytes == 0 || channels.empty()) {
        return; // the outputs see nothing but padding
    }
    if (rows.size() == g.in_height && from.plane_bytes == bytes) { // planes without a gap: one piece
        read_words(first, keep_data_ ? tile.channel(channels.begin) : nullptr, channels.size() * words);
        return;
    }
    for (std::uint32_t c = channels.begin; c < channels.end; ++c) {
        read_words(first + std::uint64_t{c - channels.begin} * from.plane_bytes,
                   keep_data_ ? tile.channel(c) : nullptr, words);
    }
}

void HydraUnit::read_words(std::uint64_t address, std::int16_t* words, std::uint64_t count) {
    const std::uint32_t word_bytes = active_.geometry.word_bytes;
    if (!keep_data_ || word_bytes == sizeof(std::int16_t)) {
        transfer(tile_access_, tlm::TLM_READ_COMMAND, address, words, count * word_bytes);
        return;
    }
    narrow_tile_.resize(count);
    transfer(tile_access_, tlm::TLM_READ_COMMAND, address, narrow_tile_.data(), count);
    core::load_words(narrow_tile_.data(), count, word_bytes, words);
}

void HydraUnit::write_words(std::uint64_t address, std::int16_t* words, std::uint64_t count) {
    const std::uint32_t word_bytes = active_.geometry.word_bytes;
    if (!keep_data_ || word_bytes == sizeof(std::int16_t)) {
        transfer(pool_access_, tlm::TLM_WRITE_COMMAND, address, words, count * word_bytes);
        return;
    }
    narrow_pooled_.resize(count);
    core::store_words(words, count, word_bytes, narrow_pooled_.data());
    transfer(pool_access_, tlm::TLM_WRITE_COMMAND, address, narrow_pooled_.data(), count);
}

void HydraUnit::transfer(memory::UnitAccessPayload& payload, tlm::tlm_command command, std::uint64_t address,
                         void* data, std::uint64_t bytes) {
    auto* at = static_cast<unsigned char*>(data);
    while (bytes > 0) {
        const std::uint64_t piece = std::min<std::uint64_t>(bytes, row_bytes_ - address % row_bytes_);
        payload.begin(command, address, static_cast<std::uint32_t>(piece));
        payload.set_data_ptr(keep_data_ ? at : nullptr);
        payload.attribution.layer = layer_;
        payload.attribution.cause = memory::WriteCause::pool; // of a unit's writes
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        banks->b_transport(payload, delay);
        if (payload.is_response_error()) {
            throw core::SimulationError(fmt::format("{}: access to chip address {:#x} failed: {}", name(),
                                                    address, payload.get_response_string()));
        }
        if (delay != sc_core::SC_ZERO_TIME) {
            wait(delay);
        }
        address += piece;
        at = at == nullptr ? nullptr : at + piece;
        bytes -= piece;
    }
}

// ---- time
// ------------------------------------------------------------------------------------------------------

void HydraUnit::occupy(Picoseconds duration, core::Meter::Account busy) {
    const core::Energy energy = config_.unit_power().over(duration);
    meter_.charge(mac_energy_, layer_, energy * config_.mac_power_share);
    meter_.charge(buffer_energy_, layer_, energy * config_.buffer_power_share);
    meter_.charge(control_energy_, layer_, energy * config_.control_power_share);
    meter_.charge(busy, layer_, duration);
    if (duration > Picoseconds{0}) {
        wait(core::to_sc_time(duration));
    }
}

} // namespace hydravp::accelerators::hydra
