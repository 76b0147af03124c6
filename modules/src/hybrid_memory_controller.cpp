// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/hybrid_memory_controller.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/error.h"
#include "hydravp/core/initiator_id.h"
#include "hydravp/core/time.h"
#include "hydravp/modules/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace hydravp::modules {

using core::AddressMap;
using core::ControllerMap;
using core::Picoseconds;
using core::UnitMap;

namespace {

AddressMap make_address_map(const HybridMemoryConfig& config) {
    AddressMap map;
    map.dram_bytes = config.dram.capacity_bytes();
    map.pcm_base = map.dram_base + map.dram_bytes;
    map.pcm_bytes = config.pcm.capacity_bytes();
    map.chip_bytes = config.dram.geometry.chip_bytes();
    return map;
}

/// Words that the DRAM channel delivers in one clock period of the accumulation unit.
std::uint32_t accumulation_lanes(const HybridMemoryConfig& config) {
    const auto& geometry = config.dram.geometry;
    const std::int64_t words = geometry.chips_per_rank * geometry.burst_bytes() / 2;
    const std::int64_t slot = config.dram.technology.burst_time().count();
    return slot == 0 ? static_cast<std::uint32_t>(words)
                     : static_cast<std::uint32_t>(std::max<std::int64_t>(
                           words * config.accumulation.clock_period.count() / slot, 1));
}

} // namespace

HybridMemoryController::HybridMemoryController(const sc_core::sc_module_name& name,
                                               const HybridMemoryConfig& config, std::uint32_t units,
                                               bool keep_data)
    : sc_core::sc_module(name),
      config_(config),
      units_(units),
      ranks_with_units_(core::ceil_divide(units, config.dram.geometry.chips_per_rank)),
      keep_data_(keep_data),
      map_(make_address_map(config)),
      pcm_interleaving_(config.pcm.channels,
                        config.pcm.geometry.row_bytes * config.pcm.geometry.chips_per_rank),
      unit_mask_(present_units()),
      started_layers_(units, 0),
      at_(
          "at", [this](tlm::tlm_generic_payload& payload) { return at_request(payload); },
          [this](tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
              return front->nb_transport_bw(payload, phase, delay);
          }) {
    front.register_b_transport(this, &HybridMemoryController::b_transport);
    front.register_nb_transport_fw(this, &HybridMemoryController::nb_transport_fw);
    front.register_transport_dbg(this, &HybridMemoryController::transport_dbg);
    front.register_get_direct_mem_ptr(this, &HybridMemoryController::get_direct_mem_ptr);

    check_hybrid_mapping(this->name(), config);
    check_hybrid_data(this->name(), config, keep_data);
    ChannelControllerConfig shared = config.controller; // with the units
    shared.address_mapping.clear();
    shared.shares_with_units = true;
    ChannelControllerConfig of_pcm = config.controller;
    of_pcm.address_mapping = config.pcm.address_mapping;
    dram_controller_ = std::make_unique<ChannelController>("dram_controller", shared, config.dram.technology,
                                                           config.dram.geometry);
    dram_controller_->charge_refresh_to(0); // before the first layer begins
    dram_port_ = std::make_unique<ChannelPort>("dram_port");
    dram_port_->socket.bind(dram_controller_->front);
    dram_port_->on_invalidated = [this](std::uint64_t first, std::uint64_t last) {
        front->invalidate_direct_mem_ptr(map_.dram_base + first, map_.dram_base + last);
    };
    WeightStreamer::Ports ports{dram_port_.get(), {}, pcm_interleaving_, map_.pcm_base};
    for (std::uint32_t i = 0; i < config.pcm.channels; ++i) {
        pcm_controllers_.push_back(std::make_unique<ChannelController>(
            fmt::format("pcm_controller{}", i).c_str(), of_pcm, config.pcm.technology, config.pcm.geometry));
        pcm_ports_.push_back(std::make_unique<ChannelPort>(fmt::format("pcm_port{}", i).c_str()));
        pcm_ports_.back()->socket.bind(pcm_controllers_.back()->front);
        pcm_ports_.back()->on_invalidated = [this, i](std::uint64_t first, std::uint64_t last) {
            invalidate_pcm(i, first, last);
        };
        ports.pcm.push_back(pcm_ports_.back().get());
    }
    const std::uint32_t chips = config.dram.geometry.chips_per_rank;
    streamer_ =
        std::make_unique<WeightStreamer>("weight_streamer", ports, chips, config.staging_bytes, keep_data);
    accumulation_ = std::make_unique<ResultAccumulationUnit>(
        "accumulation", config.accumulation, accumulation_lanes(config), *dram_port_, *streamer_, units,
        chips, config.dram.technology.kind, keep_data);
    SC_HAS_PROCESS(HybridMemoryController);
    SC_THREAD(sequence);
    SC_METHOD(drive_interrupt);
    sensitive << interrupt_changed_;
    dont_initialize();
}

void HybridMemoryController::end_of_elaboration() {
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.dont_initialize();
    for (int i = 0; i < unit_lines.size(); ++i) {
        lines_.push_back(unit_lines[i]);
        options.set_sensitivity(&unit_lines[i]->changed());
    }
    if (lines_.size() != units_) {
        throw std::logic_error(
            fmt::format("{}: {} units' lines bound, {} expected", name(), lines_.size(), units_));
    }
    if (!lines_.empty()) {
        sc_core::sc_spawn([this] { watch_lines(); }, "watch_lines", &options);
    }
    streamer_->connect(lines_, lines_changed_);
    accumulation_->connect(lines_, lines_changed_);
}

// ---- front side
// ------------------------------------------------------------------------------------------------

HybridMemoryController::Destination HybridMemoryController::decode(std::uint64_t address) const {
    using Kind = Destination::Kind;
    const auto inside = [address](std::uint64_t base, std::uint64_t bytes) {
        return address >= base && address - base < bytes;
    };
    if (inside(map_.dram_base, map_.dram_bytes)) {
        const std::uint64_t offset = address - map_.dram_base;
        return {Kind::dram, offset, 0, map_.dram_bytes - offset};
    }
    if (inside(map_.pcm_base, map_.pcm_bytes)) {
        const std::uint64_t offset = address - map_.pcm_base;
        return {Kind::pcm, offset, pcm_interleaving_.channel(offset), pcm_interleaving_.bytes_left(offset)};
    }
    const std::uint64_t chips = map_.dram_bytes / map_.chip_bytes;
    if (inside(map_.chip_view_base, chips * map_.chip_bytes)) {
        const std::uint64_t offset = address - map_.chip_view_base;
        return {Kind::chip, offset % map_.chip_bytes, static_cast<std::uint32_t>(offset / map_.chip_bytes),
                map_.chip_bytes - offset % map_.chip_bytes};
    }
    if (!inside(map_.registers_base, AddressMap::register_window_bytes)) {
        return {};
    }
    const std::uint64_t offset = address - map_.registers_base;
    if (offset >= AddressMap::unit_registers) {
        const std::uint64_t unit = (offset - AddressMap::unit_registers) / AddressMap::unit_register_stride;
        const std::uint64_t within = offset % AddressMap::unit_register_stride;
        return unit < units_ ? Destination{Kind::unit, within, static_cast<std::uint32_t>(unit),
                                           AddressMap::unit_register_stride - within}
                             : Destination{};
    }
    if (offset >= AddressMap::broadcast_registers) {
        return {Kind::broadcast, offset - AddressMap::broadcast_registers, 0,
                AddressMap::unit_registers - offset};
    }
    return offset < ControllerMap::bytes
               ? Destination{Kind::controller, offset, 0, ControllerMap::bytes - offset}
               : Destination{};
}

ChannelPort& HybridMemoryController::port_of(const Destination& to) {
    return to.kind == Destination::Kind::pcm ? *pcm_ports_[to.index] : *dram_port_;
}

std::uint64_t HybridMemoryController::channel_address(const Destination& to) const {
    return to.kind == Destination::Kind::pcm ? pcm_interleaving_.address(to.offset) : to.offset;
}

ChannelRequest HybridMemoryController::one_chip(const Destination& to, std::uint32_t bytes) const {
    const std::uint32_t chips = config_.dram.geometry.chips_per_rank;
    ChannelRequest request;
    request.view = DataView::chip_local;
    request.space =
        to.kind == Destination::Kind::chip ? memory::AccessSpace::array : memory::AccessSpace::unit;
    request.rank = core::Rank{to.index / chips};
    request.chips = 1U << (to.index % chips);
    request.chip_address = to.offset;
    request.bytes_per_chip = bytes;
    return request;
}

tlm::tlm_response_status HybridMemoryController::check(const tlm::tlm_generic_payload& payload,
                                                       const Destination& to) const {
    using Kind = Destination::Kind;
    if (to.kind == Kind::none) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
        return tlm::TLM_OK_RESPONSE;
    }
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    const bool ordinary = to.kind == Kind::dram || to.kind == Kind::pcm;
    if (payload.get_data_ptr() == nullptr && (keep_data_ || !ordinary)) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr && (!ordinary || payload.get_byte_enable_length() == 0)) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (length == 0 || (!ordinary && width != 0 && width < length)) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (to.kind == Kind::broadcast && !payload.is_write()) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    const std::uint64_t span = width == 0 ? length : std::min(width, length);
    const std::uint64_t room = to.kind == Kind::pcm ? map_.pcm_bytes - to.offset : to.bytes_left;
    return span <= room ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
}

/// The access goes to a channel.
bool HybridMemoryController::takes_time(const tlm::tlm_generic_payload& payload, const Destination& to) {
    return to.kind != Destination::Kind::controller && payload.get_command() != tlm::TLM_IGNORE_COMMAND;
}

void HybridMemoryController::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_dmi_allowed(false);
    const Destination to = decode(payload.get_address());
    tlm::tlm_response_status status = check(payload, to);
    if (status == tlm::TLM_OK_RESPONSE && payload.get_command() != tlm::TLM_IGNORE_COMMAND) {
        if (delay != sc_core::SC_ZERO_TIME) { // what follows happens when the access arrives
            wait(delay);
            delay = sc_core::SC_ZERO_TIME;
        }
        if (takes_time(payload, to)) {
            const std::size_t index = enter(payload, false);
            Access& access = accesses_[index]; // a deque's elements stay where they are
            while (!access.done) {
                wait(access.finished);
            }
            free_accesses_.push_back(index);
            return;
        }
        status = controller_registers(payload, to.offset);
    }
    payload.set_response_status(status);
    rejected_accesses_ += payload.is_response_error() ? 1 : 0;
}

core::AtTarget::Answer HybridMemoryController::at_request(tlm::tlm_generic_payload& payload) {
    payload.set_dmi_allowed(false);
    const Destination to = decode(payload.get_address());
    tlm::tlm_response_status status = check(payload, to);
    if (status == tlm::TLM_OK_RESPONSE && takes_time(payload, to)) {
        enter(payload, true);
        return waiting_.empty() ? core::AtTarget::Answer::accepted : core::AtTarget::Answer::queued;
    }
    if (status == tlm::TLM_OK_RESPONSE && payload.get_command() != tlm::TLM_IGNORE_COMMAND) {
        status = controller_registers(payload, to.offset);
    }
    payload.set_response_status(status);
    rejected_accesses_ += payload.is_response_error() ? 1 : 0;
    return core::AtTarget::Answer::completed;
}

/// Begins a checked access, or lets it wait until there is room.
std::size_t HybridMemoryController::enter(tlm::tlm_generic_payload& payload, bool at) {
    if (free_accesses_.empty()) {
        free_accesses_.push_back(accesses_.size());
        accesses_.emplace_back();
    }
    const std::size_t index = free_accesses_.back();
    free_accesses_.pop_back();
    Access& access = accesses_[index];
    access.payload = &payload;
    access.at = at;
    access.status = tlm::TLM_OK_RESPONSE;
    access.accepted = core::now();
    access.first_column = Picoseconds::max();
    access.dmi_allowed = false;
    access.done = false;
    if (under_way_ < config_.front_queue && waiting_.empty()) {
        begin(index);
    } else {
        waiting_.push_back(index);
    }
    return index;
}

void HybridMemoryController::begin(std::size_t index) {
    ++under_way_;
    const Destination to = decode(accesses_[index].payload->get_address());
    if (to.kind == Destination::Kind::dram || to.kind == Destination::Kind::pcm) {
        begin_ordinary(index);
    } else {
        begin_chip_or_unit(index, to);
    }
}

/// A part per streaming beat and channel granule; one for all if that is possible.
void HybridMemoryController::begin_ordinary(std::size_t index) {
    Access& access = accesses_[index];
    const tlm::tlm_generic_payload& payload = *access.payload;
    const std::uint64_t address = payload.get_address();
    const std::uint32_t length = payload.get_data_length();
    const std::uint32_t width = payload.get_streaming_width() == 0 ? length : payload.get_streaming_width();
    ChannelRequest attributed;
    attributed.layer = core::Attribution::layer_of(payload);
    attributed.initiator = core::initiator_of(payload);
    unsigned char* const data = payload.get_data_ptr(); // null: the request says that none is to be moved
    const ChannelRequest* const request = &attributed;
    tlm::tlm_generic_payload part;
    part.set_command(payload.get_command());
    const Destination whole = decode(address);
    if (std::min(width, length) <= whole.bytes_left) {
        part.set_address(channel_address(whole));
        part.set_data_ptr(data);
        part.set_data_length(length);
        part.set_streaming_width(width);
        part.set_byte_enable_ptr(payload.get_byte_enable_ptr());
        part.set_byte_enable_length(payload.get_byte_enable_length());
        add_part(index, port_of(whole), part, request);
        return;
    }
    for (std::uint32_t done = 0; done < length;) {
        const Destination to = decode(address + done % width);
        const auto bytes = static_cast<std::uint32_t>(
            std::min({std::uint64_t{length - done}, std::uint64_t{width - done % width}, to.bytes_left}));
        part.set_address(channel_address(to));
        part.set_data_ptr(data == nullptr ? nullptr : data + done);
        part.set_data_length(bytes);
        part.set_streaming_width(bytes);
        if (payload.get_byte_enable_ptr() != nullptr) {
            std::vector<unsigned char>& enables = access.byte_enables.emplace_back(bytes);
            for (std::uint32_t i = 0; i < bytes; ++i) {
                enables[i] = payload.get_byte_enable_ptr()[(done + i) % payload.get_byte_enable_length()];
            }
            part.set_byte_enable_ptr(enables.data());
            part.set_byte_enable_length(bytes);
        }
        add_part(index, port_of(to), part, request);
        done += bytes;
    }
}

void HybridMemoryController::begin_chip_or_unit(std::size_t index, const Destination& to) {
    const tlm::tlm_generic_payload& payload = *accesses_[index].payload;
    ChannelRequest request = one_chip(to, payload.get_data_length());
    request.layer = core::Attribution::layer_of(payload);
    request.initiator = core::initiator_of(payload);
    tlm::tlm_generic_payload part;
    part.set_command(payload.get_command());
    part.set_address(payload.get_address());
    part.set_data_ptr(payload.get_data_ptr());
    part.set_data_length(payload.get_data_length());
    part.set_streaming_width(payload.get_data_length());
    if (to.kind != Destination::Kind::broadcast) {
        add_part(index, *dram_port_, part, &request);
        return;
    }
    for (std::uint32_t rank = 0; rank < ranks_with_units_; ++rank) { // every chip sees the same bytes
        request.rank = core::Rank{rank};
        request.chips = working_chips(rank);
        if (request.chips != 0) {
            add_part(index, *dram_port_, part, &request);
        }
    }
}

void HybridMemoryController::add_part(std::size_t index, ChannelPort& port,
                                      const tlm::tlm_generic_payload& part, const ChannelRequest* request) {
    Access& access = accesses_[index];
    const std::size_t number = access.parts.size();
    ++access.parts_left;
    access.parts.push_back(
        port.forward(part, request, [this, index, number] { part_finished(index, number); }));
}

void HybridMemoryController::part_finished(std::size_t index, std::size_t part) {
    Access& access = accesses_[index];
    const tlm::tlm_response_status status = access.parts[part]->response();
    if (access.status == tlm::TLM_OK_RESPONSE) {
        access.status = status;
    }
    access.first_column = std::min(access.first_column, access.parts[part]->first_column());
    access.dmi_allowed = access.dmi_allowed || (part == 0 && access.parts[part]->dmi_allowed());
    if (--access.parts_left == 0) {
        finish(index);
    }
}

void HybridMemoryController::finish(std::size_t index) {
    Access& access = accesses_[index];
    tlm::tlm_generic_payload& payload = *access.payload;
    payload.set_response_status(access.status);
    payload.set_dmi_allowed(access.dmi_allowed && payload.is_response_ok());
    rejected_accesses_ += payload.is_response_error() ? 1 : 0;
    if (payload.is_response_ok()) {
        (payload.is_write() ? write_statistics_ : read_statistics_)
            .add(payload.get_data_length(), access.accepted, access.first_column, core::now());
    }
    access.parts.clear();
    access.byte_enables.clear();
    access.done = true;
    --under_way_;
    if (access.at) {
        free_accesses_.push_back(index);
        at_.respond(payload);
    } else {
        access.finished.notify();
    }
    while (under_way_ < config_.front_queue && !waiting_.empty()) {
        const std::size_t next = waiting_.front();
        waiting_.pop_front();
        begin(next);
        if (accesses_[next].at) {
            at_.accept(*accesses_[next].payload);
        }
    }
}

tlm::tlm_response_status HybridMemoryController::controller_registers(tlm::tlm_generic_payload& payload,
                                                                      std::uint64_t offset) {
    if (payload.is_write()) {
        return write_register(offset, payload.get_data_ptr(), payload.get_data_length())
                   ? tlm::TLM_OK_RESPONSE
                   : tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (offset != ControllerMap::status || payload.get_data_length() != 8) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    std::memcpy(payload.get_data_ptr(), &completed_count_, 8);
    return tlm::TLM_OK_RESPONSE;
}

bool HybridMemoryController::write_register(std::uint64_t offset, const unsigned char* data,
                                            std::uint32_t length) {
    if (offset + length <= sizeof layer_block_) {
        std::memcpy(reinterpret_cast<unsigned char*>(&layer_block_) + offset, data, length);
        return true;
    }
    if (length != 8) {
        return false;
    }
    switch (offset) {
    case ControllerMap::push:
        if (queued_.size() == queue_depth || !layer_block_.geometry.executable() ||
            layer_block_.geometry.units > units_) {
            return false;
        }
        queued_.push_back(layer_block_);
        queued_trace_.set(queued_.size());
        streamer_->push(layer_block_);
        return true;
    case ControllerMap::go:
        ++go_count_;
        go_.notify(sc_core::SC_ZERO_TIME);
        return true;
    case ControllerMap::interrupt_clear:
        interrupt_level_ = false;
        interrupt_changed_.notify(sc_core::SC_ZERO_TIME);
        return true;
    case ControllerMap::unit_mask: {
        std::uint64_t mask = 0;
        std::memcpy(&mask, data, 8);
        mask &= present_units();
        unit_mask_ = mask != 0 ? mask : unit_mask_;
        return mask != 0;
    }
    default:
        return false;
    }
}

bool HybridMemoryController::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    const std::uint64_t address = payload.get_address();
    const Destination to = decode(address);
    const bool pcm = to.kind == Destination::Kind::pcm;
    dmi.init();
    dmi.set_start_address(address); // what lies around it may be of another kind
    dmi.set_end_address(address);
    if (!pcm && to.kind != Destination::Kind::dram) {
        return false;
    }
    tlm::tlm_generic_payload part;
    part.set_command(payload.get_command());
    part.set_address(channel_address(to));
    tlm::tlm_dmi granted;
    const bool is_granted = port_of(to).get_direct_mem_ptr(part, granted);
    // The answer is for the channel's addresses; of them a granule, or the whole DRAM, are neighbours here.
    const std::uint64_t here = part.get_address();
    const std::uint64_t before = pcm ? pcm_interleaving_.granule() - to.bytes_left : to.offset;
    const std::uint64_t first = std::max<std::uint64_t>(granted.get_start_address(), here - before);
    const std::uint64_t last = std::min<std::uint64_t>(granted.get_end_address(), here + (to.bytes_left - 1));
    if (is_granted) {
        dmi = granted;
        dmi.set_dmi_ptr(granted.get_dmi_ptr() + (first - granted.get_start_address()));
    }
    dmi.set_start_address(address - (here - first));
    dmi.set_end_address(address + (last - here));
    return is_granted;
}

/// What is neighbours in a channel lies a row apart here; of more than a granule all of the PCM is named.
void HybridMemoryController::invalidate_pcm(std::uint32_t channel, std::uint64_t first, std::uint64_t last) {
    if (last - first < pcm_interleaving_.granule()) {
        const std::uint64_t begin = map_.pcm_base + pcm_interleaving_.offset(channel, first);
        front->invalidate_direct_mem_ptr(begin, begin + (last - first));
    } else {
        front->invalidate_direct_mem_ptr(map_.pcm_base, map_.pcm_base + (map_.pcm_bytes - 1));
    }
}

unsigned HybridMemoryController::transport_dbg(tlm::tlm_generic_payload& payload) {
    using Kind = Destination::Kind;
    const std::uint64_t address = payload.get_address();
    std::uint64_t done = 0;
    while (done < payload.get_data_length()) {
        const Destination to = decode(address + done);
        // Of the registers those that begin nothing.
        if (done == 0 && to.kind == Kind::controller &&
            to.offset == (payload.is_write() ? ControllerMap::unit_mask : ControllerMap::status)) {
            const bool ok = controller_registers(payload, to.offset) == tlm::TLM_OK_RESPONSE;
            done = ok ? payload.get_data_length() : 0;
            break;
        }
        if (to.kind != Kind::dram && to.kind != Kind::pcm && to.kind != Kind::chip) {
            break;
        }
        const auto bytes =
            static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length() - done, to.bytes_left));
        tlm::tlm_generic_payload part;
        part.set_command(payload.get_command());
        part.set_address(channel_address(to));
        part.set_data_ptr(payload.get_data_ptr() + done);
        part.set_data_length(bytes);
        ChannelRequest request = one_chip(to, bytes);
        if (to.kind == Kind::chip) {
            part.set_extension(&request);
        }
        const unsigned moved = port_of(to).debug(part);
        part.clear_extension<ChannelRequest>();
        done += moved;
        if (moved != bytes) {
            break;
        }
    }
    payload.set_response_status(done == payload.get_data_length() ? tlm::TLM_OK_RESPONSE
                                                                  : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return static_cast<unsigned>(done);
}

// ---- layer sequencer
// -------------------------------------------------------------------------------------------

void HybridMemoryController::sequence() {
    for (;;) {
        while (go_count_ == 0 || queued_.empty()) {
            wait(go_);
        }
        --go_count_;
        const core::LayerRegisters layer = queued_.front();
        queued_.pop_front();
        queued_trace_.set(queued_.size());
        layer_trace_.set(layer.layer);
        dram_controller_->charge_refresh_to(static_cast<core::LayerId>(layer.layer)); // until the next begins
        streamer_->wait_migrated(layer);
        lease_banks(layer, true);
        start_units(layer);
        if (layer.kind == core::LayerKind::conv || layer.kind == core::LayerKind::fully_connected) {
            accumulation_->process(layer);
        }
        wait_for_units();
        lease_banks(layer, false);

        Picoseconds start = Picoseconds::max();
        for (std::uint32_t unit = 0; unit < units_; ++unit) {
            if (works(unit)) {
                start = std::min(start, lines_[unit]->started_at());
            }
        }
        completed_.push_back({static_cast<core::LayerId>(layer.layer), start, core::now()});
        ++completed_count_;
        layer_trace_.set(core::VcdWriter::unknown);
        interrupt_level_ = true;
        interrupt_changed_.notify(sc_core::SC_ZERO_TIME);
    }
}

void HybridMemoryController::lease_banks(const core::LayerRegisters& layer, bool lease) {
    const std::uint64_t bank_bytes =
        std::uint64_t{config_.dram.geometry.rows} * config_.dram.geometry.row_bytes;
    std::set<std::uint64_t> banks;
    const auto add = [&](std::uint64_t base, std::uint64_t bytes) {
        for (std::uint64_t bank = base / bank_bytes; bytes > 0 && bank <= (base + bytes - 1) / bank_bytes;
             ++bank) {
            banks.insert(bank);
        }
    };
    add(layer.input.base, layer.input.bytes_per_chip());
    if (layer.kind == core::LayerKind::max_pool || layer.kind == core::LayerKind::average_pool) {
        add(layer.output.base, layer.output.bytes_per_chip()); // the pool unit writes its results itself
    } else if (layer.weight_source != core::WeightSource::stream) {
        add(layer.weights_base, layer.weight_bytes_per_chip);
    }
    Picoseconds granted = core::now();
    for (std::uint32_t rank = 0; rank < ranks_with_units_; ++rank) {
        const std::uint32_t mask = working_chips(rank);
        for (const std::uint64_t bank : mask == 0 ? std::set<std::uint64_t>() : banks) {
            if (lease) {
                granted =
                    std::max(granted, dram_controller_->lease(core::Rank{rank}, core::Bank{bank}, mask));
            } else {
                dram_controller_->release(core::Rank{rank}, core::Bank{bank}, mask);
            }
        }
    }
    if (granted > core::now()) {
        wait(core::to_sc_time(granted - core::now()));
    }
}

void HybridMemoryController::start_units(const core::LayerRegisters& layer) {
    for (std::uint32_t unit = 0; unit < units_; ++unit) {
        started_layers_[unit] += works(unit) ? 1 : 0;
    }
    ChannelTransfers starts;
    for (std::uint32_t rank = 0; rank < ranks_with_units_; ++rank) {
        ChannelRequest request;
        request.space = memory::AccessSpace::unit;
        request.rank = core::Rank{rank};
        request.chips = working_chips(rank);
        request.chip_address = UnitMap::start;
        request.bytes_per_chip = 8;
        request.layer = static_cast<core::LayerId>(layer.layer);
        if (request.chips != 0) {
            starts.add(dram_port_->chip_local(tlm::TLM_WRITE_COMMAND, request,
                                              reinterpret_cast<unsigned char*>(&start_)));
        }
    }
    starts.wait();
}

void HybridMemoryController::wait_for_units() {
    for (std::uint32_t unit = 0; unit < units_; ++unit) {
        while (lines_[unit]->layers_done() < started_layers_[unit]) {
            wait(lines_changed_);
        }
    }
}

/// Units beyond the mask's 64 bits always work.
bool HybridMemoryController::works(std::uint32_t unit) const {
    return unit >= 64 || (unit_mask_ >> unit & 1) != 0;
}

std::uint64_t HybridMemoryController::present_units() const {
    return units_ >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << units_) - 1;
}

/// Chips of a rank with units that work.
std::uint32_t HybridMemoryController::working_chips(std::uint32_t rank) const {
    const std::uint32_t chips = config_.dram.geometry.chips_per_rank;
    std::uint32_t mask = 0;
    for (std::uint32_t chip = 0; chip < chips && rank * chips + chip < units_; ++chip) {
        mask |= works(rank * chips + chip) ? 1U << chip : 0;
    }
    return mask;
}

void HybridMemoryController::drive_interrupt() {
    interrupt.write(interrupt_level_);
    interrupt_trace_.set(interrupt_level_ ? 1 : 0);
}

void HybridMemoryController::trace(core::Tracer& tracer) {
    layer_trace_ = tracer.wire(*this, "layer", 16, core::VcdWriter::unknown);
    queued_trace_ = tracer.wire(*this, "queued_layers", core::bits_for(queue_depth));
    interrupt_trace_ = tracer.wire(*this, "interrupt", 1);
}

} // namespace hydravp::modules
