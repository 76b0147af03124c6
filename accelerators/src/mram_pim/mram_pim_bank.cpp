// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/mram_pim_bank.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace hydravp::accelerators::mram_pim {
namespace {

using core::MramLayerRegisters;
using core::MramMap;
using core::Picoseconds;
using core::Quantity;

constexpr std::uint64_t row_bytes = sizeof(BitRow);

enum Phase : std::uint64_t { idle, map, add, count, htree, dpu };
/// As a step is shown in waveforms.
enum Step : std::uint64_t { none, s1, s2, c1, c2, sense, write };

Step step_of(const RowOperation& operation) {
    const std::string name = operation.name;
    return name == "S1"   ? s1
           : name == "S2" ? s2
           : name == "C1" ? c1
           : name == "C2" ? c2
                          : (operation.is_write ? write : sense);
}

} // namespace

MramPimBank::MramPimBank(const sc_core::sc_module_name& name, const MramPimConfig& config, std::uint64_t base,
                         bool keep_data)
    : sc_core::sc_module(name),
      config_(config),
      memory_base_(base),
      register_base_(base + std::uint64_t{config.subarrays} * MramCells::bytes),
      keep_data_(keep_data),
      storage_(config.subarrays),
      engine_(config, storage_),
      at_(
          "at", [this](tlm::tlm_generic_payload& payload) { return at_request(payload); },
          [this](tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
              return front->nb_transport_bw(payload, phase, delay);
          }),
      ports_(config.ports) {
    core::check_time_resolution();
    if (config.tensor_subarrays == 0 || config.tensor_subarrays >= config.subarrays || config.ports == 0) {
        throw std::invalid_argument(std::string(this->name()) +
                                    ": no port, no sub-array to compute or none for tensors");
    }
    front.register_b_transport(this, &MramPimBank::b_transport);
    front.register_transport_dbg(this, &MramPimBank::transport_dbg);
    front.register_nb_transport_fw(this, &MramPimBank::nb_transport_fw);
    accounts_.add = meter_.add(Quantity::energy, "mram_add");
    accounts_.count = meter_.add(Quantity::energy, "mram_count");
    accounts_.map = meter_.add(Quantity::energy, "mram_map");
    accounts_.htree = meter_.add(Quantity::energy, "mram_htree");
    accounts_.dpu = meter_.add(Quantity::energy, "mram_dpu");
    accounts_.read = meter_.add(Quantity::energy, "mram_read");
    accounts_.write = meter_.add(Quantity::energy, "mram_write");
    accounts_.leakage = meter_.add(Quantity::energy, "mram_leakage");
    accounts_.read_bytes = meter_.add(Quantity::bytes, "mram_read");
    accounts_.written_bytes = meter_.add(Quantity::bytes, "mram_written");
    accounts_.map_busy = meter_.add(Quantity::busy, "mram_map");
    accounts_.add_busy = meter_.add(Quantity::busy, "mram_add");
    accounts_.count_busy = meter_.add(Quantity::busy, "mram_count");
    accounts_.htree_busy = meter_.add(Quantity::busy, "mram_htree");
    accounts_.dpu_busy = meter_.add(Quantity::busy, "mram_dpu");
    accounts_.macs = meter_.add(Quantity::count, "macs");
    accounts_.row_operations = meter_.add(Quantity::count, "mram_row_operations");
    accounts_.bit_additions = meter_.add(Quantity::count, "mram_bit_additions");
    SC_HAS_PROCESS(MramPimBank);
    SC_THREAD(compute);
    set_stack_size(std::size_t{1} << 20);
    SC_METHOD(finish_due);
    sensitive << due_.get_event();
    dont_initialize();
    SC_METHOD(drive_interrupt);
    sensitive << interrupt_event_;
}

void MramPimBank::drive_interrupt() {
    interrupt.write(interrupt_level_);
}

void MramPimBank::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const Picoseconds now = core::now();
    const Picoseconds end = serve(payload, now + core::from_sc_time(delay));
    delay = core::to_sc_time(end - now);
}

tlm::tlm_sync_enum MramPimBank::nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
    return at_.nb_transport_fw(payload, phase, delay);
}

core::AtTarget::Answer MramPimBank::at_request(tlm::tlm_generic_payload& payload) {
    const Picoseconds now = core::now();
    const Picoseconds end = serve(payload, now);
    if (end == now) {
        return core::AtTarget::Answer::completed;
    }
    due_.notify(payload, core::to_sc_time(end - now));
    return core::AtTarget::Answer::accepted;
}

void MramPimBank::finish_due() {
    while (tlm::tlm_generic_payload* payload = due_.get_next_transaction()) {
        at_.respond(*payload);
    }
}

Picoseconds MramPimBank::serve(tlm::tlm_generic_payload& payload, Picoseconds arrival) {
    payload.set_dmi_allowed(false);
    Picoseconds end = arrival;
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
        return end;
    }
    const std::uint64_t address = payload.get_address();
    if (address >= register_base_ && address - register_base_ < MramMap::bytes) {
        payload.set_response_status(access_registers(payload));
    } else {
        payload.set_response_status(check_memory(payload));
        if (payload.is_response_ok()) {
            end = access_memory(payload, arrival);
        }
    }
    rejected_accesses_ += payload.is_response_ok() ? 0 : 1;
    return end;
}

tlm::tlm_response_status MramPimBank::check_memory(const tlm::tlm_generic_payload& payload) const {
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    if (length == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.get_data_ptr() == nullptr) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr && payload.get_byte_enable_length() == 0) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    const std::uint64_t span = width == 0 ? length : std::min(width, length);
    const std::uint64_t address = payload.get_address();
    if (address < memory_base_ || span > storage_.size() || address - memory_base_ > storage_.size() - span) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    const std::uint64_t begin = address - memory_base_;
    if (payload.is_write() && is_locked(begin, begin + span)) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

/// Moves the bytes; with a streaming width below the length the same addresses are accessed again and again.
void MramPimBank::move(tlm::tlm_generic_payload& payload) {
    const std::size_t length = payload.get_data_length();
    const std::size_t width = payload.get_streaming_width() == 0
                                  ? length
                                  : std::min<std::size_t>(payload.get_streaming_width(), length);
    const std::uint64_t begin = payload.get_address() - memory_base_;
    unsigned char* const data = payload.get_data_ptr();
    const unsigned char* const enables = payload.get_byte_enable_ptr();
    for (std::size_t done = 0; done < length; done += width) {
        const std::size_t part = std::min(width, length - done);
        if (enables == nullptr) {
            if (payload.is_read()) {
                storage_.read(begin, data + done, part);
            } else {
                storage_.write(begin, data + done, part);
            }
            continue;
        }
        for (std::size_t i = 0; i < part; ++i) {
            if (enables[(done + i) % payload.get_byte_enable_length()] != TLM_BYTE_ENABLED) {
                continue;
            }
            if (payload.is_read()) {
                storage_.read(begin + i, data + done + i, 1);
            } else {
                storage_.write(begin + i, data + done + i, 1);
            }
        }
    }
}

/// Row after row through the ports of their sub-arrays, then through the H-tree.
Picoseconds MramPimBank::access_memory(tlm::tlm_generic_payload& payload, Picoseconds arrival) {
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    const std::uint64_t span = width == 0 ? length : std::min<std::uint64_t>(width, length);
    const std::uint64_t repeats = (length + span - 1) / span;
    const std::uint64_t begin = payload.get_address() - memory_base_;
    const bool read = payload.is_read();
    const memory::MramTechnology& technology = config_.technology;
    const Picoseconds row_time = read ? technology.sense_time : technology.write_time;
    Picoseconds end = arrival;
    std::uint64_t rows = 0;
    for (std::uint64_t row = begin / row_bytes; row * row_bytes < begin + span; ++row) {
        const std::uint64_t port = row * row_bytes * ports_.size() / storage_.size();
        end = ports_[port].occupy(end, row_time * static_cast<std::int64_t>(repeats));
        rows += repeats;
    }
    if (busy_) { // the layer waits meanwhile
        const Picoseconds taken = row_time * static_cast<std::int64_t>(rows);
        stolen_ += taken;
        layer_end_ += taken;
    }
    move(payload);
    MramEvents events;
    if (read) {
        events.senses = events.comparisons = rows;
    } else {
        events.writes = rows;
    }
    const core::LayerId layer = core::Attribution::layer_of(payload);
    meter_.charge(read ? accounts_.read : accounts_.write, layer,
                  events.energy(technology, 1) + technology.htree_transfer * static_cast<double>(rows));
    meter_.charge(read ? accounts_.read_bytes : accounts_.written_bytes, layer, static_cast<double>(length));
    const Picoseconds done = end + (read ? technology.htree_read : technology.htree_write);
    access_.hold(arrival, done, 1);
    return done;
}

tlm::tlm_response_status MramPimBank::access_registers(tlm::tlm_generic_payload& payload) {
    const std::uint64_t offset = payload.get_address() - register_base_;
    const std::uint64_t length = payload.get_data_length();
    if (payload.get_byte_enable_ptr() != nullptr) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (payload.get_streaming_width() != 0 && payload.get_streaming_width() < length) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.get_data_ptr() == nullptr) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (offset < MramMap::layer_block + sizeof block_) {
        if (offset % 4 != 0 || length == 0 || length % 4 != 0 || length > sizeof block_ - offset) {
            return tlm::TLM_BURST_ERROR_RESPONSE;
        }
        if (payload.is_write() && busy_) {
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        unsigned char* const registers = reinterpret_cast<unsigned char*>(&block_) + offset;
        if (payload.is_read()) {
            std::memcpy(payload.get_data_ptr(), registers, length);
        } else {
            std::memcpy(registers, payload.get_data_ptr(), length);
        }
        return tlm::TLM_OK_RESPONSE;
    }
    if (length != 8 || offset % 8 != 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    std::uint64_t value = 0;
    if (payload.is_write()) {
        switch (offset) {
        case MramMap::go:
            if (busy_) {
                return tlm::TLM_COMMAND_ERROR_RESPONSE;
            }
            busy_ = true;
            go_event_.notify(sc_core::SC_ZERO_TIME);
            return tlm::TLM_OK_RESPONSE;
        case MramMap::interrupt_clear:
            interrupt_level_ = false;
            interrupt_event_.notify(sc_core::SC_ZERO_TIME);
            return tlm::TLM_OK_RESPONSE;
        case MramMap::status:
        case MramMap::error:
        case MramMap::busy:
            return tlm::TLM_COMMAND_ERROR_RESPONSE;
        default:
            return tlm::TLM_ADDRESS_ERROR_RESPONSE;
        }
    }
    switch (offset) {
    case MramMap::status:
        value = status_;
        break;
    case MramMap::error:
        value = error_ ? 1 : 0;
        break;
    case MramMap::busy:
        value = busy_ ? 1 : 0;
        break;
    case MramMap::go:
    case MramMap::interrupt_clear:
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    default:
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    std::memcpy(payload.get_data_ptr(), &value, sizeof value);
    return tlm::TLM_OK_RESPONSE;
}

unsigned MramPimBank::transport_dbg(tlm::tlm_generic_payload& payload) {
    const std::uint64_t address = payload.get_address();
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    if (payload.get_data_ptr() == nullptr || address < memory_base_ ||
        address - memory_base_ >= storage_.size()) {
        return 0;
    }
    const std::uint64_t begin = address - memory_base_;
    const auto bytes =
        static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(), storage_.size() - begin));
    if (payload.is_read()) {
        storage_.read(begin, payload.get_data_ptr(), bytes);
    } else if (payload.is_write()) {
        storage_.write(begin, payload.get_data_ptr(), bytes);
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return bytes;
}

bool MramPimBank::is_locked(std::uint64_t begin, std::uint64_t end) const {
    return std::any_of(locked_.begin(), locked_.end(),
                       [begin, end](const Range& range) { return begin < range.end && range.begin < end; });
}

void MramPimBank::lock(const MramLayerRegisters& layer) {
    const auto add = [this](std::uint64_t begin, std::uint64_t bytes) {
        if (bytes > 0) {
            locked_.push_back({begin, begin + bytes});
        }
    };
    add(0, engine_.tensor_base());
    add(layer.input, layer.input_words() * layer.batch);
    add(layer.weights, layer.weight_bytes());
    add(layer.parameters, layer.parameter_bytes());
    add(layer.output, layer.outputs() * layer.batch * layer.output_bytes);
}

void MramPimBank::compute() {
    for (;;) {
        wait(go_event_);
        MramLayerRegisters layer = block_;
        // Addresses on the bus become addresses in the bank; one that is below wraps and is refused.
        for (std::uint64_t* address : {&layer.input, &layer.weights, &layer.parameters, &layer.output}) {
            *address -= memory_base_;
        }
        CompletedLayer done;
        done.start = core::now();
        error_ = false;
        refusal_.clear();
        try {
            layer_end_ = done.start;
            done.activity = engine_.evaluate(layer);
            if (keep_data_) {
                show_program(done.start + done.activity.plan.times.map);
                engine_.compute(layer);
            }
            stolen_ = Picoseconds{0};
            layer_end_ = done.start + done.activity.time();
            lock(layer);
            show(done.activity.plan.times, done.start);
            while (core::now() < layer_end_) {
                core::wait_until(layer_end_);
            }
            if (keep_data_) {
                engine_.commit();
            }
            done.end = core::now();
            done.stolen = stolen_;
            charge(done.activity, layer.layer);
            completed_.push_back(std::move(done));
        } catch (const std::invalid_argument& e) {
            error_ = true;
            refusal_ = e.what();
        }
        locked_.clear();
        busy_ = false;
        ++status_;
        interrupt_level_ = true;
        interrupt_event_.notify(sc_core::SC_ZERO_TIME);
    }
}

void MramPimBank::charge(const LayerActivity& activity, core::LayerId layer) {
    meter_.charge(accounts_.add, layer, activity.add_energy);
    meter_.charge(accounts_.count, layer, activity.count_energy);
    meter_.charge(accounts_.map, layer, activity.map_energy);
    meter_.charge(accounts_.htree, layer, activity.htree_energy);
    meter_.charge(accounts_.dpu, layer, activity.dpu_energy);
    const core::MramTimes& times = activity.plan.times;
    meter_.charge(accounts_.map_busy, layer, times.map);
    meter_.charge(accounts_.add_busy, layer, times.add);
    meter_.charge(accounts_.count_busy, layer, times.count);
    meter_.charge(accounts_.htree_busy, layer, times.htree);
    meter_.charge(accounts_.dpu_busy, layer, times.dpu);
    const MramLayerRegisters& block = block_;
    const bool has_weights = block.weight_bytes() > 0;
    meter_.charge(accounts_.macs, layer,
                  has_weights ? static_cast<double>(block.outputs() * block.batch * block.terms()) : 0);
    meter_.charge(accounts_.row_operations, layer, static_cast<double>(activity.row_operations()));
    meter_.charge(accounts_.bit_additions, layer, static_cast<double>(activity.plan.bit_additions));
}

void MramPimBank::charge_background(Picoseconds duration, core::LayerId layer) {
    meter_.charge(accounts_.leakage, layer, config_.technology.leakage.over(duration));
}

void MramPimBank::trace(core::Tracer& tracer) {
    phase_ = tracer.states(*this, "phase", {"idle", "map", "add", "count", "htree", "dpu"});
    access_ = tracer.wire(*this, "access", 1);
    constexpr unsigned row_bits = 9; // 256 rows and none
    program_.step =
        tracer.states(*this, "subarray0.step", {"none", "S1", "S2", "C1", "C2", "sense", "write"});
    program_.rwl = tracer.wire(*this, "subarray0.rwl", 3 * row_bits);
    program_.wwl = tracer.wire(*this, "subarray0.wwl", row_bits);
    program_.enables = tracer.wire(*this, "subarray0.enables", 6);
    program_.latch = tracer.wire(*this, "subarray0.latch", 1);
    program_.sum = tracer.wire(*this, "subarray0.sum", 1);
    program_.carry = tracer.wire(*this, "subarray0.carry", 1);
}

void MramPimBank::show(const core::MramTimes& times, Picoseconds start) {
    Picoseconds at = start;
    for (const auto& [phase, duration] : {std::pair{map, times.map},
                                          {add, times.add},
                                          {count, times.count},
                                          {htree, times.htree},
                                          {dpu, times.dpu}}) {
        phase_.hold(at, at + duration, phase, idle);
        at += duration;
    }
}

/// The first program of the layer in the waveform: what sub-array 0 raises, and column 0 of its sense
/// amplifiers.
void MramPimBank::show_program(Picoseconds start) {
    if (!program_.step && !program_.rwl && !program_.wwl && !program_.enables && !program_.latch &&
        !program_.sum && !program_.carry) {
        return;
    }
    engine_.observe_first_program([this, at = start](const BitStep&, const RowOperation& operation,
                                                     const MramSubarray& subarray) mutable {
        const Picoseconds end =
            at + (operation.is_write ? config_.technology.write_time : config_.technology.sense_time);
        program_.step.hold(at, end, step_of(operation), none);
        if (operation.is_write) {
            program_.wwl.hold(at, end, operation.row + 1U);
        } else {
            std::uint64_t rows = 0; // three numbers of nine bits, 0 for none
            for (std::size_t i = 0; i < operation.rows.size(); ++i) {
                rows |= (operation.rows[i] + std::uint64_t{1}) << (9 * i);
            }
            program_.rwl.hold(at, end, rows);
            program_.enables.hold(at, end, operation.enables);
        }
        program_.sum.set_at(end, subarray.sensed().sum.bit(0) ? 1 : 0);
        program_.carry.set_at(end, subarray.sensed().out.bit(0) ? 1 : 0);
        program_.latch.set_at(end, subarray.latch().bit(0) ? 1 : 0);
        at = end;
    });
}

} // namespace hydravp::accelerators::mram_pim
