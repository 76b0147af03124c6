// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip.h"

#include "hydravp/core/time.h"
#include "hydravp/memory/clock_grid.h"

#include <algorithm>

namespace hydravp::memory {

using core::Bank;
using core::LayerId;
using core::Picoseconds;
using core::Quantity;

namespace {

/// Who has the internal bus, as the waveform shows it.
enum class BusHolder : std::uint64_t { nobody, channel, unit };

} // namespace

/// Holds the turn of a unit's transfer, also when its process is killed.
class Chip::Turn {
public:
    Turn(Chip& chip, Bank bank) : chip_(chip), bank_(bank) {
        ++chip_.leases_[bank_].transfers;
        const std::uint64_t ticket = chip_.next_ticket_++;
        while (chip_.turn_ != ticket) {
            sc_core::wait(chip_.turn_changed_);
        }
    }
    ~Turn() {
        --chip_.leases_[bank_].transfers;
        ++chip_.turn_;
        if (chip_.turn_ != chip_.next_ticket_) {
            chip_.turn_changed_.notify();
        }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    Chip& chip_;
    Bank bank_;
};

Chip::Chip(const sc_core::sc_module_name& name, core::Chip index, const Technology& technology,
           const Geometry& geometry, const std::string& memory_name, RankStorage& cells,
           const InternalBus& bus)
    : sc_core::sc_module(name),
      index_(index),
      geometry_(geometry),
      timing_(technology, geometry.banks, geometry.bank_groups),
      cells_(cells),
      bus_(bus),
      leases_(geometry.banks),
      modified_by_channel_(geometry.banks, ModifiedWords(geometry.row_bytes)),
      modified_by_unit_(modified_by_channel_),
      array_write_energy_(geometry.banks),
      wear_(geometry.row_bytes) {
    banks.register_b_transport(this, &Chip::unit_transport);
    banks.register_transport_dbg(this, &Chip::unit_debug);
    accounts_.array_read = meter_.add(Quantity::energy, memory_name + "_array_read");
    accounts_.array_write = meter_.add(Quantity::energy, memory_name + "_array_write");
    accounts_.buffer_read = meter_.add(Quantity::energy, memory_name + "_buffer_read");
    accounts_.buffer_write = meter_.add(Quantity::energy, memory_name + "_buffer_write");
    accounts_.refresh = meter_.add(Quantity::energy, memory_name + "_refresh");
    accounts_.background = meter_.add(Quantity::energy, memory_name + "_background");
    accounts_.read_bytes = meter_.add(Quantity::bytes, memory_name + "_read");
    accounts_.written_bytes = meter_.add(Quantity::bytes, memory_name + "_written");
    accounts_.array_words = meter_.add(Quantity::words, memory_name + "_array_words");
    for (std::size_t cause = 0; cause < write_causes; ++cause) {
        accounts_.words[cause] =
            meter_.add(Quantity::words, memory_name + "_words_" + to_string(static_cast<WriteCause>(cause)));
    }
    if (technology.energy_needs_data()) {
        flipped_by_channel_.assign(geometry.banks, FlippedBits(geometry.row_bytes));
        flipped_by_unit_ = flipped_by_channel_;
        old_.resize(geometry.row_bytes);
        accounts_.bits_set = meter_.add(Quantity::count, memory_name + "_array_bits_set");
        accounts_.bits_reset = meter_.add(Quantity::count, memory_name + "_array_bits_reset");
    }
    accounts_.bus = meter_.add(Quantity::busy, "chip_bus");
}

void Chip::end_of_elaboration() {
    unit_ = unit.size() > 0 ? unit.operator->() : nullptr;
    attached_ = unit_ != nullptr || banks.get_base_port().size() > 0;
}

void Chip::trace(core::Tracer& tracer) {
    if (has_unit()) {
        bus_trace_ = tracer.states(*this, "bus", {"idle", "channel", "unit"});
    }
}

// ---------------------------------------------------------------------------------------- lockstep side

void Chip::column_access(const CommandExtension& command, std::uint32_t bursts) {
    const bool write = command.kind == CommandKind::write;
    if (command.space == AccessSpace::unit) {
        write ? timing_.unit_space_write(command.issued, bursts)
              : timing_.unit_space_read(command.issued, bursts);
    } else {
        write ? timing_.write(command.bank, command.issued, bursts)
              : timing_.read(command.bank, command.issued, bursts);
    }
}

void Chip::show_channel_slots(const CommandExtension& command) const {
    bus_trace_.hold(command.data_begin, command.data_end, static_cast<std::uint64_t>(BusHolder::channel));
}

void Chip::access(const CommandExtension& command, std::uint32_t bursts, std::uint32_t chips) {
    const bool write = command.kind == CommandKind::write;
    if (write) {
        modified_by_channel_[command.bank].mark(command.column + command.skip, command.bytes, command.layer);
    }
    charge_buffer(write, bursts, command.layer, chips);
    meter_.charge(write ? accounts_.written_bytes : accounts_.read_bytes, command.layer,
                  static_cast<double>(std::uint64_t{command.bytes} * chips));
}

std::uint32_t Chip::access(const CommandExtension& command, std::uint32_t bursts, const ColumnData& data) {
    const bool write = command.kind == CommandKind::write;
    std::uint32_t moved = 0;
    data.for_each_run(index_.value(), [&](std::uint32_t begin, std::uint32_t end) {
        moved += end - begin;
        if (write) {
            modified_by_channel_[command.bank].mark(command.column + command.skip + begin, end - begin,
                                                    command.layer);
        }
    });
    charge_buffer(write, bursts, command.layer);
    meter_.charge(write ? accounts_.written_bytes : accounts_.read_bytes, command.layer,
                  static_cast<double>(moved));
    return moved;
}

void Chip::note_flips(const CommandExtension& command, const ColumnData& data) {
    data.for_each_run(index_.value(), [&](std::uint32_t begin, std::uint32_t end) {
        const std::uint32_t first = command.column + command.skip + begin;
        cells_.peek_chip(index_, command.bank, command.row, first, old_.data(), end - begin);
        flipped_by_channel_[command.bank].write(command.row, first, end - begin, old_.data(),
                                                data.at(index_.value(), begin), data.stride(), command.layer);
    });
}

void Chip::forget_flips(const CommandExtension& command, const ColumnData& data) {
    data.for_each_run(index_.value(), [&](std::uint32_t begin, std::uint32_t end) {
        const std::uint32_t first = command.column + command.skip + begin;
        cells_.peek_chip(index_, command.bank, command.row, first, old_.data(), end - begin);
        for (const BankOwner owner : {BankOwner::channel, BankOwner::unit}) {
            flipped(owner)[command.bank].overwrite(command.row, first, end - begin, old_.data());
        }
    });
}

void Chip::move_unit(tlm::tlm_generic_payload& payload, sc_core::sc_time delay) {
    if (unit_ == nullptr) {
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return;
    }
    unit_->b_transport(payload, delay);
}

void Chip::refresh(Picoseconds stop, Picoseconds precharge, Picoseconds end, LayerId layer) {
    timing_.refresh(precharge, end);
    for (const Bank bank : leased_banks_) {
        add_recall(bank, {stop, precharge, end});
    }
    charge_refresh(layer);
}

void Chip::find_refresh_times(RefreshTimes& times) const {
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        const BankState& bank = timing_.bank(BankOwner::channel, Bank{i});
        if (bank.open) {
            times.precharges = true;
            times.stop = std::max(times.stop, bank.precharge_ready);
        }
        if (!leases_[Bank{i}].leased) {
            times.ready = std::max(times.ready, bank.activate_ready);
        }
    }
    for (const Bank bank : leased_banks_) {
        times.precharges = true;
        times.stop = std::max(times.stop, leases_[bank].since);
    }
}

Picoseconds Chip::earliest_release(Picoseconds stop) const {
    Picoseconds t = stop;
    for (const Bank bank : leased_banks_) {
        t = std::max(t, earliest_release(bank, stop));
    }
    return t;
}

void Chip::refresh_bank(Bank bank, Picoseconds end, LayerId layer) {
    timing_.block(BankOwner::channel, bank, end);
    charge_refresh_bank(layer);
}

void Chip::lease(Bank bank, Picoseconds t) {
    LeasedBank& lease = leases_[bank];
    lease.leased = true;
    leased_banks_.push_back(bank);
    lease.since = t;
    timing_.hand_over(BankOwner::unit, bank, t);
}

Picoseconds Chip::earliest_release(Bank bank, Picoseconds stop) const {
    const Technology& technology = timing_.technology();
    Picoseconds t = timing_.earliest_precharge(BankOwner::unit, bank, stop);
    if (active_ != nullptr && active_->bank == bank) {
        t = std::max(t, active_->write ? stop + technology.t_wr
                                       : stop - technology.burst_time() - technology.t_cl + technology.t_rtp);
    }
    return t;
}

void Chip::release(Bank bank, Picoseconds precharge) {
    LeasedBank& lease = leases_[bank];
    while (!lease.recalls.empty()) {
        settle_recall(bank);
    }
    if (timing_.bank(BankOwner::unit, bank).open) {
        timing_.precharge(BankOwner::unit, bank, precharge);
        close_unit_row(bank);
    }
    const Picoseconds ready =
        std::max(timing_.bank(BankOwner::unit, bank).activate_ready, precharge + timing_.technology().t_rp);
    timing_.hand_over(BankOwner::channel, bank, ready);
    lease.leased = false;
    leased_banks_.erase(std::find(leased_banks_.begin(), leased_banks_.end(), bank));
}

void Chip::begin_recall(Bank bank, Picoseconds stop, Picoseconds precharge) {
    const Picoseconds ready =
        std::max(timing_.bank(BankOwner::unit, bank).activate_ready, precharge + timing_.technology().t_rp);
    add_recall(bank, {stop, precharge, Picoseconds::max()});
    timing_.hand_over(BankOwner::channel, bank, ready);
}

void Chip::end_recall(Bank bank, Picoseconds t) {
    LeasedBank& lease = leases_[bank];
    lease.recalls.back().end = t;
    lease.since = t;
    recalled_.notify();
}

bool Chip::recalled(Bank bank) const {
    const LeasedBank& lease = leases_[bank];
    return lease.leased && !lease.recalls.empty() && lease.recalls.back().end == Picoseconds::max();
}

void Chip::add_recall(Bank bank, const Recall& recall) {
    LeasedBank& lease = leases_[bank];
    if (lease.transfers == 0) {
        // Nobody else would, and an idle unit should not gather them.
        while (!lease.recalls.empty() && lease.recalls.front().begin <= core::now()) {
            settle_recall(bank);
        }
    }
    lease.recalls.push_back(recall);
    lease.since = recall.end;
    if (active_ != nullptr && active_->bank == bank) {
        recalled_.notify();
    }
}

void Chip::flush() {
    for (std::uint32_t i = 0; i < geometry_.banks; ++i) {
        close_unit_row(Bank{i});
    }
}

// -------------------------------------------------------------------------------------------- unit side

tlm::tlm_response_status Chip::check(const tlm::tlm_generic_payload& payload) const {
    const std::uint64_t first = payload.get_address();
    const std::uint64_t bytes = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    if (payload.is_read() == payload.is_write()) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    if (bytes == 0 || (width != 0 && width < bytes)) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.is_write() && payload.get_data_ptr() == nullptr && !flipped_by_unit_.empty()) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (first >= geometry_.chip_bytes() || bytes > geometry_.row_bytes - first % geometry_.row_bytes) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    const Bank bank{static_cast<std::size_t>(first / geometry_.row_bytes / geometry_.rows)};
    return leases_[bank].leased ? tlm::TLM_OK_RESPONSE : tlm::TLM_COMMAND_ERROR_RESPONSE;
}

void Chip::unit_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    if (delay != sc_core::SC_ZERO_TIME) {
        sc_core::wait(delay);
        delay = sc_core::SC_ZERO_TIME;
    }
    const tlm::tlm_response_status status = check(payload);
    payload.set_response_status(status);
    if (status != tlm::TLM_OK_RESPONSE) {
        return;
    }
    const UnitAccessExtension* attribution = nullptr;
    payload.get_extension(attribution);
    const LayerId layer = attribution != nullptr ? attribution->layer : core::no_layer;
    const WriteCause cause = attribution != nullptr ? attribution->cause : WriteCause::host;

    const std::uint64_t row = payload.get_address() / geometry_.row_bytes;
    Transfer transfer{};
    transfer.write = payload.is_write();
    transfer.bank = Bank{static_cast<std::size_t>(row / geometry_.rows)};
    transfer.row = core::Row{static_cast<std::size_t>(row % geometry_.rows)};
    transfer.column = static_cast<std::uint32_t>(payload.get_address() % geometry_.row_bytes);
    transfer.bytes = payload.get_data_length();
    const std::uint32_t skip = transfer.column % geometry_.burst_bytes();
    transfer.bursts = (skip + transfer.bytes + geometry_.burst_bytes() - 1) / geometry_.burst_bytes();
    transfer.layer = layer;
    transfer.data = payload.get_data_ptr();
    {
        const Turn turn(*this, transfer.bank);
        run(transfer);
    }
    if (transfer.data != nullptr && !transfer.write) {
        cells_.read_chip(index_, transfer.bank, transfer.row, transfer.column, transfer.data, transfer.bytes);
    }
    charge_buffer(transfer.write, transfer.bursts, layer);
    meter_.charge(accounts_.bus, layer, transfer.bursts * timing_.technology().burst_time());
    meter_.charge(transfer.write ? accounts_.written_bytes : accounts_.read_bytes, layer,
                  static_cast<double>(transfer.bytes));
    if (transfer.write) {
        const std::uint32_t words = (transfer.bytes + 1) / 2;
        meter_.charge(accounts_.words[static_cast<std::size_t>(cause)], layer, static_cast<double>(words));
    }
}

void Chip::run(Transfer& transfer) {
    active_ = &transfer;
    LeasedBank& lease = leases_[transfer.bank];
    bool streams_on = core::now() == last_transfer_end_;
    bool row_is_ours = false;
    // Between two waits everything is settled up to now; a recall that is added meanwhile ends the wait.
    for (;;) {
        const Picoseconds now = core::now();
        const Recall* recall = lease.recalls.empty() ? nullptr : &lease.recalls.front();
        const Picoseconds stop = recall != nullptr ? last_data(transfer, *recall) : Picoseconds::max();
        if (row_is_ours) {
            progress(transfer, std::min(now, stop));
            if (transfer.done == transfer.bursts) {
                break;
            }
        }
        if (recall != nullptr && recall->begin <= now) {
            while (lease.recalls.front().end == Picoseconds::max()) { // not handed back yet
                sc_core::wait(recalled_);
            }
            settle_recall(transfer.bank);
            row_is_ours = false;
            streams_on = false;
        } else if (row_is_ours) {
            const InternalBus::Fit rest = bus_.fit(transfer.cursor, stop, transfer.bursts - transfer.done);
            pause(transfer.bank, transfer.done + rest.bursts == transfer.bursts ? rest.end : recall->begin);
        } else {
            row_is_ours = open_row(transfer, streams_on);
        }
    }
    last_transfer_end_ = core::now();
    active_ = nullptr;
}

/// Takes the next step towards the open row, or waits until it may be taken.
bool Chip::open_row(Transfer& transfer, bool streams_on) {
    const Technology& technology = timing_.technology();
    const LeasedBank& lease = leases_[transfer.bank];
    const BankState& bank = timing_.bank(BankOwner::unit, transfer.bank);
    const Picoseconds now = core::now();
    const Picoseconds edge = align_up(now, technology.t_ck);
    if (bank.open && bank.row != transfer.row) {
        const Picoseconds t =
            align_up(timing_.earliest_precharge(BankOwner::unit, transfer.bank, edge), technology.t_ck);
        if (t > now) {
            pause(transfer.bank, t);
        } else {
            timing_.precharge(BankOwner::unit, transfer.bank, now);
            close_unit_row(transfer.bank);
        }
        return false;
    }
    if (!bank.open) {
        Picoseconds t = edge;
        for (Picoseconds before{-1}; before != t;) { // until on the grid and within the rules
            before = t;
            t = align_up(timing_.earliest_activate(BankOwner::unit, transfer.bank, t), technology.t_ck);
        }
        if (!lease.recalls.empty() &&
            t + timing_.row_cycle_before_precharge() > lease.recalls.front().precharge) {
            t = std::max(t, lease.recalls.front().begin);
        }
        if (t > now) {
            pause(transfer.bank, t);
            return false;
        }
        timing_.activate(BankOwner::unit, transfer.bank, transfer.row, now);
        charge_activate(transfer.layer);
    }
    const Picoseconds latency = transfer.write ? technology.t_wl : technology.t_cl;
    transfer.cursor = std::max(edge, bank.column_ready) + latency;
    if (streams_on) {
        transfer.cursor = std::max(now, bank.column_ready + latency);
    }
    return true;
}

/// Commits the bursts which have ended by `until`.
void Chip::progress(Transfer& transfer, Picoseconds until) {
    unit_bursts_.clear();
    const InternalBus::Fit fit = bus_.fit(transfer.cursor, until, transfer.bursts - transfer.done,
                                          bus_trace_ ? &unit_bursts_ : nullptr);
    if (fit.bursts == 0) {
        return;
    }
    for (const InternalBus::Interval& interval : unit_bursts_) {
        bus_trace_.hold(interval.begin, interval.end, static_cast<std::uint64_t>(BusHolder::unit));
    }
    const std::uint32_t aligned = transfer.column - transfer.column % geometry_.burst_bytes();
    const std::uint32_t begin = std::max(transfer.column, aligned + transfer.done * geometry_.burst_bytes());
    transfer.done += fit.bursts;
    transfer.cursor = fit.end;
    const std::uint32_t end =
        std::min(transfer.column + transfer.bytes, aligned + transfer.done * geometry_.burst_bytes());
    if (transfer.write) {
        modified_by_unit_[transfer.bank].mark(begin, end - begin, transfer.layer);
        if (transfer.data != nullptr) {
            write(transfer, begin, end);
        }
        timing_.unit_write(transfer.bank, fit.end);
    } else {
        timing_.unit_read(transfer.bank, fit.end);
    }
}

/// Moves the bytes up to which the unit's transfer has got, so that the row has them when it is closed.
void Chip::write(const Transfer& transfer, std::uint32_t begin, std::uint32_t end) {
    const unsigned char* const data = transfer.data + (begin - transfer.column);
    if (!flipped_by_unit_.empty()) {
        cells_.peek_chip(index_, transfer.bank, transfer.row, begin, old_.data(), end - begin);
        flipped_by_unit_[transfer.bank].write(transfer.row, begin, end - begin, old_.data(), data, 1,
                                              transfer.layer);
    }
    cells_.write_chip(index_, transfer.bank, transfer.row, begin, data, end - begin);
}

Picoseconds Chip::last_data(const Transfer& transfer, const Recall& recall) const {
    return transfer.write ? std::min(recall.begin, recall.precharge - timing_.technology().t_wr)
                          : recall.begin;
}

void Chip::pause(Bank bank, Picoseconds until) {
    const LeasedBank& lease = leases_[bank];
    if (!lease.recalls.empty()) {
        until = std::min(until, lease.recalls.front().begin);
    }
    const Picoseconds now = core::now();
    if (until > now) { // a recall notifies the event at once, which takes this notification back
        recalled_.notify(core::to_sc_time(until - now));
        sc_core::wait(recalled_);
    }
}

/// The unit has reached the bank's next recall: its row is closed, and may be opened again when the recall
/// ends.
void Chip::settle_recall(Bank bank) {
    LeasedBank& lease = leases_[bank];
    const Recall recall = lease.recalls.front();
    lease.recalls.erase(lease.recalls.begin());
    if (timing_.bank(BankOwner::unit, bank).open) {
        timing_.precharge_silently(BankOwner::unit, bank, recall.precharge);
        close_unit_row(bank);
    }
    timing_.block(BankOwner::unit, bank, recall.end);
}

unsigned int Chip::unit_debug(tlm::tlm_generic_payload& payload) {
    const std::uint64_t first = payload.get_address();
    if (first >= geometry_.chip_bytes() || payload.get_data_ptr() == nullptr) {
        return 0;
    }
    const std::uint64_t bytes =
        std::min<std::uint64_t>(payload.get_data_length(), geometry_.chip_bytes() - first);
    if (payload.is_read() == payload.is_write()) {
        return 0;
    }
    CommandExtension piece;
    for (std::uint64_t done = 0; done < bytes; done += piece.bytes) {
        const std::uint64_t row = (first + done) / geometry_.row_bytes;
        piece.bank = Bank{static_cast<std::size_t>(row / geometry_.rows)};
        piece.row = core::Row{static_cast<std::size_t>(row % geometry_.rows)};
        piece.column = static_cast<std::uint32_t>((first + done) % geometry_.row_bytes);
        piece.bytes = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(bytes - done, geometry_.row_bytes - piece.column));
        unsigned char* const data = payload.get_data_ptr() + done;
        if (payload.is_read()) {
            cells_.read_chip(index_, piece.bank, piece.row, piece.column, data, piece.bytes);
            continue;
        }
        if (!flipped_by_unit_.empty()) {
            forget_flips(piece, ColumnData(piece, geometry_.chips_per_rank, data, nullptr));
        }
        cells_.write_chip(index_, piece.bank, piece.row, piece.column, data, piece.bytes);
    }
    return static_cast<unsigned int>(bytes);
}

// ---------------------------------------------------------------------------------------------- charges

void Chip::charge_activate(LayerId layer, std::uint32_t chips) {
    meter_.charge(accounts_.array_read, layer,
                  timing_.technology().array_read.for_bits(geometry_.row_bytes * 8.0 * chips));
}

void Chip::charge_buffer(bool write, std::uint32_t bursts, LayerId layer, std::uint32_t chips) {
    const double bits = bursts * geometry_.burst_bytes() * 8.0 * chips;
    if (write) {
        meter_.charge(accounts_.buffer_write, layer, timing_.technology().buffer_write.for_bits(bits));
    } else {
        meter_.charge(accounts_.buffer_read, layer, timing_.technology().buffer_read.for_bits(bits));
    }
}

void Chip::charge_array_write(Bank bank, LayerId layer, core::Energy energy) {
    meter_.charge(accounts_.array_write, layer, energy);
    array_write_energy_[bank] = array_write_energy_[bank] + energy;
}

void Chip::close_row(BankOwner owner, Bank bank, core::Row row, WriteWear& wear, std::uint32_t chips) {
    ModifiedWords& modified = this->modified(owner)[bank];
    if (modified.count() == 0) {
        return;
    }
    const bool whole_row = timing_.technology().array_write_policy == ArrayWritePolicy::whole_row;
    const double words = 1.0 * chips * (whole_row ? geometry_.row_bytes / 2 : modified.count());
    if (flipped_by_channel_.empty()) {
        charge_array_write(bank, modified.last_writer(),
                           timing_.technology().array_write.for_bits(words * 16.0));
    } else if (owner == BankOwner::unit) { // in the channel's row every chip has its own
        close_flipped(owner, bank);
    }
    meter_.charge(accounts_.array_words, modified.last_writer(), words);
    if (timing_.technology().endurance != 0) {
        const std::uint64_t index = std::uint64_t{bank.value()} * geometry_.rows + row.value();
        whole_row ? wear.note_row(index, geometry_.row_bytes) : wear.note(index, modified);
    }
    modified.clear();
}

void Chip::close_flipped(BankOwner owner, Bank bank) {
    FlippedBits& flipped = this->flipped(owner)[bank];
    const auto set = static_cast<double>(flipped.set());
    const auto reset = static_cast<double>(flipped.reset());
    if (set + reset > 0) {
        const core::Energy energy = timing_.technology().set_energy().for_bits(set) +
                                    timing_.technology().reset_energy().for_bits(reset);
        charge_array_write(bank, flipped.last_writer(), energy);
        meter_.charge(accounts_.bits_set, flipped.last_writer(), set);
        meter_.charge(accounts_.bits_reset, flipped.last_writer(), reset);
    }
    flipped.clear();
}

} // namespace hydravp::memory
