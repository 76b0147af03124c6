// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "hydravp/core/time.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace hydravp::modules {

using core::Bank;
using core::Picoseconds;
using core::Rank;
using core::Row;
using memory::CommandExtension;
using memory::CommandKind;

ChannelController::ChannelController(const sc_core::sc_module_name& name,
                                     const ChannelControllerConfig& config,
                                     const memory::Technology& technology, const memory::Geometry& geometry)
    : sc_core::sc_module(name),
      config_(config),
      technology_(technology),
      geometry_(geometry),
      interleave_(geometry.chips_per_rank),
      all_chips_(geometry.chips_per_rank >= 32 ? ~0u : (1u << geometry.chips_per_rank) - 1),
      banks_(geometry.ranks, core::IndexedVector<Bank, BankEntry>(geometry.banks)),
      staging_(std::size_t{geometry.row_bytes} * geometry.chips_per_rank),
      staging_enables_(staging_.size()) {
    front.register_b_transport(this, &ChannelController::transport);
    front.register_transport_dbg(this, &ChannelController::debug);
    io_ = meter_.add(core::Quantity::energy, "channel_io");
    payload_.set_extension(&command_);
    if (technology_.t_refi.count() > 0) {
        for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
            refresh_due_.push_back(technology_.t_refi + rank * technology_.t_refi / geometry.ranks);
        }
        SC_HAS_PROCESS(ChannelController);
        SC_METHOD(refresh);
    }
}

ChannelController::~ChannelController() {
    payload_.clear_extension(&command_);
}

// ----------------------------------------------------------------------------------------------- front

void ChannelController::transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_dmi_allowed(false);
    ChannelRequest* request = nullptr;
    payload.get_extension(request);
    Context context;
    context.write = payload.is_write();
    context.chips = all_chips_;
    context.start = core::now() + core::from_sc_time(delay) + config_.latency;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    if (request != nullptr) {
        context.layer = request->layer;
        context.cause = request->cause;
    }
    if (request != nullptr && request->view == DataView::chip_local) {
        context.space = request->space;
        context.chips = request->chips;
        status = check_chip_local(payload, *request);
        if (status == tlm::TLM_OK_RESPONSE && !payload.is_read() && !payload.is_write()) {
            payload.set_response_status(status);
            return;
        }
        if (status == tlm::TLM_OK_RESPONSE) {
            status = serve_chip_local(payload, *request, context);
        }
    } else {
        status = check_interleaved(payload, request != nullptr);
        if (request != nullptr && request->space != memory::AccessSpace::array) {
            status = tlm::TLM_COMMAND_ERROR_RESPONSE;
        }
        if (status == tlm::TLM_OK_RESPONSE && !payload.is_read() && !payload.is_write()) {
            payload.set_response_status(status);
            return;
        }
        if (status == tlm::TLM_OK_RESPONSE) {
            status = serve_interleaved(payload, context);
        }
    }
    payload.set_response_status(status);
    if (status != tlm::TLM_OK_RESPONSE) {
        return;
    }
    if (request != nullptr) {
        request->accepted = context.accepted;
        request->finished = context.finished;
    }
    delay = std::max(delay, core::to_sc_time(context.finished - core::now()));
}

tlm::tlm_response_status ChannelController::check_interleaved(const tlm::tlm_generic_payload& payload,
                                                              bool has_request) const {
    const std::uint64_t capacity = geometry_.channel_bytes();
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    if (length == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.get_data_ptr() == nullptr && !has_request) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr && payload.get_byte_enable_length() == 0) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    const std::uint64_t span = width == 0 ? length : std::min(width, length);
    if (span > capacity || payload.get_address() > capacity - span) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status ChannelController::check_chip_local(const tlm::tlm_generic_payload& payload,
                                                             const ChannelRequest& request) const {
    if (request.bytes_per_chip == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (request.rank.value() >= geometry_.ranks || request.chips == 0 || (request.chips & ~all_chips_) != 0) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr &&
        (payload.get_byte_enable_length() == 0 || request.space == memory::AccessSpace::unit)) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (request.space == memory::AccessSpace::array) {
        const std::uint64_t capacity = geometry_.chip_bytes();
        if (request.bytes_per_chip > capacity || request.chip_address > capacity - request.bytes_per_chip) {
            return tlm::TLM_ADDRESS_ERROR_RESPONSE;
        }
    } else if (request.chip_address > std::numeric_limits<std::uint64_t>::max() - request.bytes_per_chip) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status ChannelController::serve_interleaved(tlm::tlm_generic_payload& payload,
                                                              Context& context) {
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    const std::uint64_t span = width == 0 ? length : std::min(width, length);
    unsigned char* const data = payload.get_data_ptr();
    Enables enables{payload.get_byte_enable_ptr(), payload.get_byte_enable_length(), 0};
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    for (std::uint64_t done = 0; done < length && status == tlm::TLM_OK_RESPONSE; done += span) {
        enables.offset = static_cast<std::size_t>(done);
        status = serve_stretch(payload.get_address(), data != nullptr ? data + done : nullptr,
                               std::min(span, length - done), enables, context);
    }
    return status;
}

/// One pass over ascending addresses, cut into rows.
tlm::tlm_response_status ChannelController::serve_stretch(std::uint64_t address, unsigned char* data,
                                                          std::uint64_t bytes, const Enables& enables,
                                                          Context& context) {
    const std::uint64_t row_bytes = std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t length = std::min(bytes - done, row_bytes - (address + done) % row_bytes);
        Piece piece = interleaved_piece(address + done, length);
        piece.chip_stride = piece.bytes;
        const std::size_t head = static_cast<std::size_t>((address + done) % geometry_.chips_per_rank);
        // Beats of which not every byte takes part go with byte enables.
        const bool masked = head != 0 || length % geometry_.chips_per_rank != 0 || enables.pattern != nullptr;
        unsigned char* const bus = data != nullptr ? staging_.data() : nullptr;
        const auto place = [&](std::size_t i) { // of byte i in the layout chip by chip
            const std::size_t x = head + i;
            return x % geometry_.chips_per_rank * piece.chip_stride + x / geometry_.chips_per_rank;
        };
        if (masked) {
            std::fill(staging_enables_.begin(), staging_enables_.end(), 0);
            for (std::size_t i = 0; i < length; ++i) {
                staging_enables_[place(i)] = enables[done + i] ? 0xFF : 0;
                if (bus != nullptr && context.write) {
                    bus[place(i)] = data[done + i];
                }
            }
        } else if (bus != nullptr && context.write) {
            interleave_.split(data + done, piece.bytes, bus, piece.chip_stride);
        }
        piece.data = bus;
        piece.enables = masked ? staging_enables_.data() : nullptr;
        const tlm::tlm_response_status status = access_row(piece, context);
        if (status != tlm::TLM_OK_RESPONSE) {
            return status;
        }
        if (bus != nullptr && !context.write) {
            if (masked) {
                for (std::size_t i = 0; i < length; ++i) {
                    if (enables[done + i]) {
                        data[done + i] = bus[place(i)];
                    }
                }
            } else {
                interleave_.join(bus, piece.chip_stride, piece.bytes, data + done);
            }
        }
        done += length;
    }
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status ChannelController::serve_chip_local(tlm::tlm_generic_payload& payload,
                                                             const ChannelRequest& request,
                                                             Context& context) {
    const bool array = request.space == memory::AccessSpace::array;
    unsigned char* const data = payload.get_data_ptr();
    const Enables enables{payload.get_byte_enable_ptr(), payload.get_byte_enable_length(), 0};
    for (std::uint32_t done = 0; done < request.bytes_per_chip;) {
        const std::uint64_t first = request.chip_address + done;
        const std::uint64_t left = geometry_.row_bytes - (array ? first % geometry_.row_bytes : 0);
        const auto bytes =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(request.bytes_per_chip - done, left));
        Piece piece;
        if (array) {
            piece = chip_local_piece(request.rank, first, bytes);
        } else {
            piece.rank = request.rank;
            piece.bytes = bytes;
            context.unit_address = first;
        }
        piece.chip_stride = request.chip_stride;
        piece.data = data != nullptr ? data + done : nullptr;
        if (enables.pattern != nullptr) {
            const std::size_t needed = request.chip_stride * (geometry_.chips_per_rank - 1) + bytes;
            if (staging_enables_.size() < needed) {
                staging_enables_.resize(needed);
            }
            for (std::size_t chip = 0; chip < geometry_.chips_per_rank; ++chip) {
                for (std::size_t i = 0; i < bytes; ++i) {
                    const std::size_t at = chip * request.chip_stride + i;
                    staging_enables_[at] = enables[at + done] ? 0xFF : 0;
                }
            }
            piece.enables = staging_enables_.data();
        }
        const tlm::tlm_response_status status =
            array ? access_row(piece, context) : column_access(piece, context);
        if (status != tlm::TLM_OK_RESPONSE) {
            return status;
        }
        done += bytes;
    }
    return tlm::TLM_OK_RESPONSE;
}

ChannelController::Piece ChannelController::interleaved_piece(std::uint64_t address,
                                                              std::uint64_t bytes) const {
    const std::uint64_t row_bytes = std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank;
    const std::uint64_t offset = address % row_bytes;
    std::uint64_t index = address / row_bytes;
    Piece piece;
    piece.bank = Bank{static_cast<std::size_t>(index % geometry_.banks)};
    index /= geometry_.banks;
    piece.rank = Rank{static_cast<std::size_t>(index % geometry_.ranks)};
    piece.row = Row{static_cast<std::size_t>(index / geometry_.ranks)};
    piece.first = static_cast<std::uint32_t>(offset / geometry_.chips_per_rank);
    piece.bytes =
        static_cast<std::uint32_t>((offset + bytes - 1) / geometry_.chips_per_rank) - piece.first + 1;
    return piece;
}

ChannelController::Piece ChannelController::chip_local_piece(Rank rank, std::uint64_t chip_address,
                                                             std::uint64_t bytes) const {
    const std::uint64_t row = chip_address / geometry_.row_bytes;
    Piece piece;
    piece.rank = rank;
    piece.bank = Bank{static_cast<std::size_t>(row / geometry_.rows)};
    piece.row = Row{static_cast<std::size_t>(row % geometry_.rows)};
    piece.first = static_cast<std::uint32_t>(chip_address % geometry_.row_bytes);
    piece.bytes = static_cast<std::uint32_t>(bytes);
    return piece;
}

// -------------------------------------------------------------------------------------------- commands

tlm::tlm_response_status ChannelController::access_row(const Piece& piece, Context& context) {
    refresh_until(std::max(context.start, bus_end_));
    BankEntry& bank = entry(piece.rank, piece.bank);
    const std::uint32_t recalled = bank.leased;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    if (recalled != 0) {
        CommandExtension& release = command(CommandKind::release, piece.rank, piece.bank, context.start);
        release.chips = recalled;
        release.recall = true;
        status = issue();
    }
    if (status == tlm::TLM_OK_RESPONSE && bank.open && bank.row != piece.row) {
        command(CommandKind::precharge, piece.rank, piece.bank, context.start).layer = context.layer;
        status = issue();
        bank.open = false;
    }
    if (status == tlm::TLM_OK_RESPONSE && !bank.open) {
        CommandExtension& activate = command(CommandKind::activate, piece.rank, piece.bank, context.start);
        activate.row = piece.row;
        activate.layer = context.layer;
        status = issue();
        bank.open = status == tlm::TLM_OK_RESPONSE;
        bank.row = piece.row;
    }
    if (status == tlm::TLM_OK_RESPONSE) {
        status = column_access(piece, context);
    }
    if (recalled != 0 && bank.open) {
        command(CommandKind::precharge, piece.rank, piece.bank, context.start).layer = context.layer;
        issue();
        bank.open = false;
        CommandExtension& lease = command(CommandKind::lease, piece.rank, piece.bank, context.start);
        lease.chips = recalled;
        lease.recall = true;
        issue();
    }
    return status;
}

tlm::tlm_response_status ChannelController::column_access(const Piece& piece, Context& context) {
    if (context.space == memory::AccessSpace::unit) {
        refresh_until(std::max(context.start, bus_end_));
    }
    CommandExtension& access = command(context.write ? CommandKind::write : CommandKind::read, piece.rank,
                                       piece.bank, context.start);
    access.space = context.space;
    access.row = piece.row;
    access.skip = piece.first % memory::Geometry::burst_bytes;
    access.column = piece.first - access.skip;
    access.bytes = piece.bytes;
    access.unit_address = context.unit_address;
    access.chips = context.chips;
    access.chip_stride = piece.chip_stride;
    access.layer = context.layer;
    access.cause = context.cause;
    const tlm::tlm_response_status status = issue(piece.data, piece.enables);
    if (status == tlm::TLM_OK_RESPONSE) {
        context.accepted = access.issued;
        context.finished = access.data_end;
        bus_end_ = access.data_end;
        const double slot_bits = 8.0 * memory::Geometry::burst_bytes * geometry_.chips_per_rank;
        meter_.charge(io_, context.layer,
                      config_.io_energy.for_bits(access.bursts(memory::Geometry::burst_bytes) * slot_bits));
    }
    return status;
}

CommandExtension& ChannelController::command(CommandKind kind, Rank rank, Bank bank, Picoseconds earliest) {
    command_.kind = kind;
    command_.space = memory::AccessSpace::array;
    command_.rank = rank;
    command_.bank = bank;
    command_.chips = all_chips_;
    command_.layer = core::no_layer;
    command_.recall = false;
    command_.earliest = earliest;
    return command_;
}

tlm::tlm_response_status ChannelController::issue(unsigned char* data, unsigned char* enables) {
    payload_.set_command(command_.kind == CommandKind::read    ? tlm::TLM_READ_COMMAND
                         : command_.kind == CommandKind::write ? tlm::TLM_WRITE_COMMAND
                                                               : tlm::TLM_IGNORE_COMMAND);
    payload_.set_data_ptr(data);
    payload_.set_byte_enable_ptr(enables);
    payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay;
    channel->b_transport(payload_, delay);
    return payload_.get_response_status();
}

void ChannelController::refresh() {
    refresh_until(core::now());
    const Picoseconds next = *std::min_element(refresh_due_.begin(), refresh_due_.end());
    next_trigger(core::to_sc_time(next - core::now()));
}

/// Issues the refreshes which fall due by `t`.
void ChannelController::refresh_until(Picoseconds t) {
    for (std::size_t rank = 0; rank < refresh_due_.size(); ++rank) {
        for (Picoseconds& due = refresh_due_[Rank{rank}]; due <= t; due += technology_.t_refi) {
            command(CommandKind::refresh, Rank{rank}, Bank{}, due).layer = refresh_layer_;
            issue();
            for (BankEntry& bank : banks_[Rank{rank}]) {
                bank.open = false;
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- leases

void ChannelController::check_lease(Rank rank, Bank bank, std::uint32_t chips) const {
    if (rank.value() >= geometry_.ranks || bank.value() >= geometry_.banks || chips == 0 ||
        (chips & ~all_chips_) != 0) {
        throw std::logic_error(std::string(name()) + ": lease of a rank, bank or chips that don't exist");
    }
}

Picoseconds ChannelController::lease(Rank rank, Bank bank, std::uint32_t chips) {
    check_lease(rank, bank, chips);
    BankEntry& state = entry(rank, bank);
    if ((state.leased & chips) != 0) {
        throw std::logic_error(std::string(name()) + ": bank " + std::to_string(bank.value()) +
                               " is leased already");
    }
    const Picoseconds start = core::now();
    if (state.open) {
        command(CommandKind::precharge, rank, bank, start);
        issue();
        state.open = false;
    }
    command(CommandKind::lease, rank, bank, start).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": the channel refuses a lease");
    }
    state.leased |= chips;
    return command_.data_end;
}

void ChannelController::release(Rank rank, Bank bank, std::uint32_t chips) {
    check_lease(rank, bank, chips);
    BankEntry& state = entry(rank, bank);
    if ((state.leased & chips) != chips) {
        throw std::logic_error(std::string(name()) + ": bank " + std::to_string(bank.value()) +
                               " is not leased");
    }
    command(CommandKind::release, rank, bank, core::now()).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": a unit is at work in bank " +
                               std::to_string(bank.value()));
    }
    state.leased &= ~chips;
}

// ----------------------------------------------------------------------------------------------- debug

unsigned int ChannelController::debug(tlm::tlm_generic_payload& payload) {
    if (payload.get_data_ptr() == nullptr || payload.is_read() == payload.is_write()) {
        return 0;
    }
    ChannelRequest* request = nullptr;
    payload.get_extension(request);
    const bool write = payload.is_write();
    unsigned char* const data = payload.get_data_ptr();
    unsigned int moved = 0;
    if (request != nullptr && request->view == DataView::chip_local) {
        if (check_chip_local(payload, *request) != tlm::TLM_OK_RESPONSE) {
            return 0;
        }
        const bool array = request->space == memory::AccessSpace::array;
        for (std::uint32_t done = 0; done < request->bytes_per_chip;) {
            const std::uint64_t first = request->chip_address + done;
            const std::uint64_t left = geometry_.row_bytes - (array ? first % geometry_.row_bytes : 0);
            const std::uint64_t bytes = std::min<std::uint64_t>(request->bytes_per_chip - done, left);
            Piece piece;
            if (array) {
                piece = chip_local_piece(request->rank, first, bytes);
            } else {
                piece.rank = request->rank;
                piece.bytes = static_cast<std::uint32_t>(bytes);
            }
            piece.data = data + done;
            piece.chip_stride = request->chip_stride;
            moved += debug_stretch(piece, request->chips, request->space, first, write);
            done += static_cast<std::uint32_t>(bytes);
        }
        return moved;
    }
    const std::uint64_t capacity = geometry_.channel_bytes();
    const std::uint64_t address = payload.get_address();
    if (address >= capacity || (request != nullptr && request->space != memory::AccessSpace::array)) {
        return 0;
    }
    const std::uint64_t bytes = std::min<std::uint64_t>(payload.get_data_length(), capacity - address);
    const std::uint64_t row_bytes = std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t length = std::min(bytes - done, row_bytes - (address + done) % row_bytes);
        const std::size_t head = static_cast<std::size_t>((address + done) % geometry_.chips_per_rank);
        Piece piece = interleaved_piece(address + done, length);
        piece.data = staging_.data();
        piece.chip_stride = piece.bytes;
        const bool whole = head == 0 && length % geometry_.chips_per_rank == 0;
        if (!write || !whole) {
            debug_stretch(piece, all_chips_, memory::AccessSpace::array, 0, false);
        }
        if (whole && write) {
            interleave_.split(data + done, piece.bytes, staging_.data(), piece.chip_stride);
        } else if (whole) {
            interleave_.join(staging_.data(), piece.chip_stride, piece.bytes, data + done);
        } else {
            for (std::size_t i = 0; i < length; ++i) {
                const std::size_t x = head + i;
                unsigned char& byte =
                    staging_[x % geometry_.chips_per_rank * piece.chip_stride + x / geometry_.chips_per_rank];
                write ? byte = data[done + i] : data[done + i] = byte;
            }
        }
        if (write) {
            debug_stretch(piece, all_chips_, memory::AccessSpace::array, 0, true);
        }
        done += length;
    }
    return static_cast<unsigned int>(bytes);
}

unsigned int ChannelController::debug_stretch(const Piece& piece, std::uint32_t chips,
                                              memory::AccessSpace space, std::uint64_t unit_address,
                                              bool write) {
    CommandExtension& access =
        command(write ? CommandKind::write : CommandKind::read, piece.rank, piece.bank, Picoseconds{0});
    access.space = space;
    access.row = piece.row;
    access.skip = piece.first % memory::Geometry::burst_bytes;
    access.column = piece.first - access.skip;
    access.bytes = piece.bytes;
    access.unit_address = unit_address;
    access.chips = chips;
    access.chip_stride = piece.chip_stride;
    payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload_.set_data_ptr(piece.data);
    payload_.set_byte_enable_ptr(nullptr);
    return channel->transport_dbg(payload_);
}

} // namespace hydravp::modules
