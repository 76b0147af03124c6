// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/channel.h"

#include "hydravp/core/time.h"

#include <algorithm>
#include <stdexcept>

namespace hydravp::memory {

using core::Picoseconds;
using core::Quantity;

namespace {

bool is_column(const CommandExtension& command) {
    return command.kind == CommandKind::read || command.kind == CommandKind::write;
}

void check_geometry(const Geometry& geometry) {
    if (geometry.ranks == 0 || geometry.chips_per_rank == 0 || geometry.chips_per_rank > 32 ||
        geometry.banks == 0 || geometry.rows == 0 || geometry.row_bytes == 0 || geometry.burst_bytes() == 0 ||
        (geometry.burst_bytes() & (geometry.burst_bytes() - 1)) != 0 ||
        geometry.row_bytes % geometry.burst_bytes() != 0 || geometry.bank_groups == 0 ||
        geometry.banks % geometry.bank_groups != 0) {
        throw std::invalid_argument("memory geometry: needs ranks, whole bank groups, rows, 1 to 32 chips "
                                    "per rank, bursts of a power of "
                                    "two bytes, and rows of whole bursts");
    }
}

} // namespace

Channel::Channel(const sc_core::sc_module_name& name, const Technology& technology, const Geometry& geometry,
                 const std::string& memory_name, const std::string& busy_name)
    : sc_core::sc_module(name),
      technology_(technology),
      geometry_(geometry),
      command_bus_(technology.t_ck, technology.column_cycle()),
      data_bus_(technology.t_rtrs) {
    check_geometry(geometry);
    commands.register_b_transport(this, &Channel::transport);
    commands.register_transport_dbg(this, &Channel::debug);
    commands.register_get_direct_mem_ptr(this, &Channel::get_direct_mem_ptr);
    busy_ = meter_.add(Quantity::busy, busy_name);
    bus_read_ = meter_.add(Quantity::bytes, memory_name + "_bus_read");
    bus_written_ = meter_.add(Quantity::bytes, memory_name + "_bus_written");
    for (std::size_t cause = 0; cause < write_causes; ++cause) {
        words_[cause] =
            meter_.add(Quantity::words, memory_name + "_words_" + to_string(static_cast<WriteCause>(cause)));
    }
    for (std::uint32_t i = 0; i < geometry.ranks; ++i) {
        const std::string rank_name = "rank" + std::to_string(i);
        ranks_.push_back(std::make_unique<Rank>(rank_name.c_str(), core::Rank{i}, technology, geometry,
                                                memory_name, command_bus_, data_bus_));
        ranks_.back()->on_taken_back([this, i](core::Bank bank, core::Row row) {
            const std::uint64_t first = cell_address(i, bank, row);
            commands->invalidate_direct_mem_ptr(
                first, first + std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank - 1);
        });
    }
}

tlm::tlm_response_status Channel::check(const CommandExtension& command) const {
    if (command.rank.value() >= geometry_.ranks) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if (command.kind == CommandKind::refresh || command.kind == CommandKind::power_down ||
        command.kind == CommandKind::self_refresh || command.kind == CommandKind::power_up) {
        return tlm::TLM_OK_RESPONSE;
    }
    const bool column = is_column(command);
    const bool unit = column && command.space == AccessSpace::unit;
    if (!unit && command.bank.value() >= geometry_.banks) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if (!unit && (column || command.kind == CommandKind::activate) && command.row.value() >= geometry_.rows) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if ((command.chips & all_chips()) == 0) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (!column) {
        return tlm::TLM_OK_RESPONSE;
    }
    if (command.bytes == 0 || command.skip >= geometry_.burst_bytes() ||
        command.column % geometry_.burst_bytes() != 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (command.layout == DataLayout::interleaved) {
        const std::uint64_t last = std::uint64_t{command.lane} + command.interleaved_bytes - 1;
        if (unit || (~command.chips & all_chips()) != 0 || command.lane >= geometry_.chips_per_rank ||
            command.interleaved_bytes == 0 || last / geometry_.chips_per_rank + 1 != command.bytes) {
            return tlm::TLM_BURST_ERROR_RESPONSE;
        }
    }
    const std::uint64_t end = std::uint64_t{command.column} + command.skip + command.bytes;
    return unit || end <= geometry_.row_bytes ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
}

void Channel::transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    CommandExtension* command = nullptr;
    payload.get_extension(command);
    if (command == nullptr) {
        payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
        return;
    }
    tlm::tlm_response_status status = check(*command);
    if (status == tlm::TLM_OK_RESPONSE && technology_.energy_needs_data() &&
        command->kind == CommandKind::write && command->space == AccessSpace::array &&
        payload.get_data_ptr() == nullptr) {
        status = tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (status == tlm::TLM_OK_RESPONSE && command->placed) {
        status = ranks_[command->rank]->follow(*command);
    } else if (status == tlm::TLM_OK_RESPONSE) {
        if (!command->settled) {
            command->earliest = std::max(command->earliest, core::now() + core::from_sc_time(delay));
        }
        command_bus_.forget(command->earliest);
        status = ranks_[command->rank]->issue(*command);
    }
    if (status == tlm::TLM_OK_RESPONSE) {
        if (is_column(*command)) {
            std::uint64_t moved = 0;
            status = ranks_[command->rank]->move(*command, payload.get_data_ptr(),
                                                 payload.get_byte_enable_ptr(), moved);
            charge(*command, moved);
        }
        if (command_trace_ || data_trace_) {
            show(*command);
        }
        if (!command->placed) {
            const Picoseconds end = is_column(*command) ? command->data_end : command->issued;
            const Picoseconds now = core::now();
            if (end > now) {
                delay = std::max(delay, core::to_sc_time(end - now));
            }
        }
    }
    payload.set_response_status(status);
}

void Channel::charge(const CommandExtension& command, std::uint64_t moved) {
    const bool write = command.kind == CommandKind::write;
    const std::uint64_t bursts = command.bursts(geometry_.burst_bytes());
    const std::uint64_t slot_bytes = bursts * geometry_.burst_bytes() * geometry_.chips_per_rank;
    meter_.charge(busy_, command.layer, command.data_end - command.data_begin);
    meter_.charge(write ? bus_written_ : bus_read_, command.layer, static_cast<double>(slot_bytes));
    if (write && command.space == AccessSpace::array) {
        const std::uint64_t words = (moved + 1) / 2;
        meter_.charge(words_[static_cast<std::size_t>(command.cause)], command.layer,
                      static_cast<double>(words));
    }
}

unsigned int Channel::debug(tlm::tlm_generic_payload& payload) {
    CommandExtension* command = nullptr;
    payload.get_extension(command);
    if (command == nullptr || payload.get_data_ptr() == nullptr || payload.is_read() == payload.is_write()) {
        return 0;
    }
    CommandExtension access = *command;
    access.kind = payload.is_write() ? CommandKind::write : CommandKind::read;
    if (check(access) != tlm::TLM_OK_RESPONSE) {
        return 0;
    }
    return static_cast<unsigned int>(
        ranks_[access.rank]->debug(access, payload.is_write(), payload.get_data_ptr()));
}

std::uint64_t Channel::cell_address(std::size_t rank, core::Bank bank, core::Row row) const {
    const std::uint64_t rows = (rank * geometry_.banks + bank.value()) * geometry_.rows + row.value();
    return rows * geometry_.row_bytes * geometry_.chips_per_rank;
}

bool Channel::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    dmi.init();
    if (payload.get_address() >= geometry_.channel_bytes() || command_trace_ || data_trace_) {
        return false;
    }
    const std::uint64_t row_bytes = std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank;
    const std::uint64_t first = payload.get_address() - payload.get_address() % row_bytes;
    const std::uint64_t rows = first / row_bytes;
    const core::Row row{static_cast<std::size_t>(rows % geometry_.rows)};
    const core::Bank bank{static_cast<std::size_t>(rows / geometry_.rows % geometry_.banks)};
    const core::Rank rank{static_cast<std::size_t>(rows / geometry_.rows / geometry_.banks)};
    dmi.set_start_address(first);
    dmi.set_end_address(first + (row_bytes - 1));
    unsigned char* const cells = ranks_[rank]->share(bank, row);
    if (cells == nullptr) {
        return false;
    }
    dmi.allow_read_write();
    dmi.set_dmi_ptr(cells);
    return true;
}

void Channel::flush() {
    for (const auto& rank : ranks_) {
        rank->flush();
    }
}

WearSummary Channel::wear() const {
    WearSummary wear;
    for (const auto& rank : ranks_) {
        const WearSummary of_rank = rank->wear();
        wear.words += of_rank.words;
        wear.most_writes = std::max(wear.most_writes, of_rank.most_writes);
    }
    return wear;
}

namespace {

enum class BusCommand : std::uint64_t {
    none,
    activate,
    precharge,
    read,
    write,
    refresh,
    refresh_bank,
    power_down,
    self_refresh,
    power_up,
    pause_write,
    cancel_write,
    resume_write
};
enum class BusData : std::uint64_t { idle, read, write };

} // namespace

void Channel::trace(core::Tracer& tracer) {
    command_trace_ = tracer.states(*this, "command",
                                   {"none", "ACT", "PRE", "RD", "WR", "REF", "REFpb", "PDE", "SRE", "PDX",
                                    "WRpause", "WRcancel", "WRresume"});
    data_trace_ = tracer.states(*this, "data_bus", {"idle", "read", "write"});
}

void Channel::show(const CommandExtension& command) const {
    const auto pulse = [this](Picoseconds t, BusCommand what) {
        command_trace_.hold(t, t + technology_.t_ck / 2, static_cast<std::uint64_t>(what));
    };
    const bool write = command.kind == CommandKind::write;
    switch (command.kind) {
    case CommandKind::activate:
        pulse(command.issued, BusCommand::activate);
        break;
    case CommandKind::precharge:
        pulse(command.issued, BusCommand::precharge);
        break;
    case CommandKind::read:
    case CommandKind::write:
        for (std::uint32_t i = 0; command_trace_ && i < command.bursts(geometry_.burst_bytes()); ++i) {
            pulse(command.issued + i * technology_.column_cycle(),
                  write ? BusCommand::write : BusCommand::read);
        }
        data_trace_.hold(command.data_begin, command.data_end,
                         static_cast<std::uint64_t>(write ? BusData::write : BusData::read));
        break;
    case CommandKind::refresh:
        if (command.issued != command.last_issued) { // precharge-all
            pulse(command.issued, BusCommand::precharge);
        }
        pulse(command.last_issued, BusCommand::refresh);
        break;
    case CommandKind::refresh_bank:
        pulse(command.issued, BusCommand::refresh_bank);
        break;
    case CommandKind::power_down:
        pulse(command.issued, BusCommand::power_down);
        break;
    case CommandKind::self_refresh:
        pulse(command.issued, BusCommand::self_refresh);
        break;
    case CommandKind::power_up:
        pulse(command.issued, BusCommand::power_up);
        break;
    case CommandKind::pause_write:
        pulse(command.issued, BusCommand::pause_write);
        break;
    case CommandKind::cancel_write:
        pulse(command.issued, BusCommand::cancel_write);
        break;
    case CommandKind::resume_write:
        pulse(command.issued, BusCommand::resume_write);
        break;
    case CommandKind::lease:
    case CommandKind::release: // go over the side band
        break;
    }
}

} // namespace hydravp::memory
