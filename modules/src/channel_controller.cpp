// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "hydravp/core/initiator_id.h"
#include "hydravp/core/time.h"
#include "hydravp/memory/clock_grid.h"
#include "hydravp/modules/request_check.h"
#include "hydravp/modules/write_forwarding.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace hydravp::modules {

using core::Bank;
using core::Picoseconds;
using core::Rank;
using memory::AccessSpace;
using memory::CommandExtension;
using memory::CommandKind;

namespace {

/// Turns that ordinary accesses get in a recalled bank before its unit may go on.
constexpr std::uint32_t turns_per_recall = 8;

ByteEnables enables_of(const tlm::tlm_generic_payload& payload) {
    return {payload.get_byte_enable_ptr(), payload.get_byte_enable_length()};
}

bool moves_data(const tlm::tlm_generic_payload& payload) {
    return payload.is_read() || payload.is_write();
}

} // namespace

ChannelController::ChannelController(const sc_core::sc_module_name& name,
                                     const ChannelControllerConfig& config,
                                     const memory::Technology& technology, const memory::Geometry& geometry)
    : sc_core::sc_module(name),
      config_(config),
      technology_(technology),
      geometry_(geometry),
      forwards_(config.forwarding && config.scheduling == SchedulingPolicy::fr_fcfs),
      all_chips_(memory::first_chips(geometry.chips_per_rank)),
      rank_burst_bytes_(std::uint64_t{geometry.burst_bytes()} * geometry.chips_per_rank),
      map_(geometry, config.address_mapping),
      data_(geometry),
      debug_(geometry, map_,
             [this](tlm::tlm_generic_payload& payload) { return channel->transport_dbg(payload); }),
      scheduler_(config, technology, geometry),
      at_(
          "at", [this](tlm::tlm_generic_payload& payload) { return at_request(payload); },
          [this](tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
              return front->nb_transport_bw(payload, phase, delay);
          }) {
    front.register_b_transport(this, &ChannelController::b_transport);
    front.register_nb_transport_fw(this, &ChannelController::nb_transport_fw);
    front.register_transport_dbg(this, &ChannelController::debug);
    front.register_get_direct_mem_ptr(this, &ChannelController::get_direct_mem_ptr);
    channel.register_invalidate_direct_mem_ptr(this, &ChannelController::invalidate);
    // What is decided at one moment can't be seen from outside before the data that it leads to have passed.
    if (!config.shares_with_units) {
        lookahead_ = config.command_by_command
                         ? Picoseconds{1}
                         : std::min(technology.t_cl, technology.t_wl) + technology.burst_time();
    }
    command_.settled = lookahead_ != Picoseconds{0};
    command_.placed = command_.settled && !config.command_by_command;
    statistics_.ranks.resize(geometry.ranks);
    statistics_.banks.resize(scheduler_.unit_slot());
    io_ = meter_.add(core::Quantity::energy, "channel_io");
    payload_.set_extension(&command_);
    SC_HAS_PROCESS(ChannelController);
    SC_METHOD(serve);
    sensitive << wake_;
}

ChannelController::~ChannelController() {
    payload_.clear_extension(&command_);
}

void ChannelController::trace(core::Tracer& tracer) {
    reads_trace_ = tracer.wire(*this, "read_queue", core::bits_for(config_.read_queue));
    writes_trace_ = tracer.wire(*this, "write_queue", core::bits_for(config_.write_queue));
    drain_trace_ = tracer.wire(*this, "write_drain", 1);
    traced_ = reads_trace_ || writes_trace_ || drain_trace_;
}

// ----------------------------------------------------------------------------------------------- front

void ChannelController::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_dmi_allowed(false);
    const tlm::tlm_response_status status =
        check_request(payload, payload.get_extension<ChannelRequest>(), geometry_, config_.keep_data);
    if (status != tlm::TLM_OK_RESPONSE || !moves_data(payload)) {
        payload.set_response_status(status);
        return;
    }
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
        delay = sc_core::SC_ZERO_TIME;
    }
    const std::size_t index = enter(payload, false);
    if (!take(index)) {
        arrived_.push_back(index);
    }
    const Request& request = *requests_[index];
    while (!request.done) {
        wait(request.finished);
    }
    free_requests_.push_back(index);
}

core::AtTarget::Answer ChannelController::at_request(tlm::tlm_generic_payload& payload) {
    payload.set_dmi_allowed(false);
    const tlm::tlm_response_status status =
        check_request(payload, payload.get_extension<ChannelRequest>(), geometry_, config_.keep_data);
    if (status != tlm::TLM_OK_RESPONSE || !moves_data(payload)) {
        payload.set_response_status(status);
        return core::AtTarget::Answer::completed;
    }
    const std::size_t index = enter(payload, true);
    if (take(index)) {
        return core::AtTarget::Answer::accepted;
    }
    arrived_.push_back(index);
    return core::AtTarget::Answer::queued;
}

unsigned int ChannelController::debug(tlm::tlm_generic_payload& payload) {
    settle(core::now());
    return debug_.transport(payload);
}

/// Whether DMI would be granted to the request's first byte.
bool ChannelController::grants_dmi(const ChannelRequest* request, std::uint64_t address) const {
    const bool ordinary = request == nullptr ||
                          (request->view == DataView::interleaved && request->space == AccessSpace::array);
    if (!config_.dmi || traced_ || !ordinary || address >= geometry_.channel_bytes()) {
        return false;
    }
    const AddressMapping::Place place = map_.place(address);
    return scheduler_.bank(scheduler_.slot(place.rank, place.bank)).leased == 0;
}

bool ChannelController::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    dmi.init(); // granted to nobody, nowhere
    const std::uint64_t address = payload.get_address();
    if (!config_.dmi || traced_) {
        return false;
    }
    const std::uint64_t first = address & ~(map_.stretch() - 1);
    dmi.set_start_address(first);
    dmi.set_end_address(first + (map_.stretch() - 1));
    if (!grants_dmi(payload.get_extension<ChannelRequest>(), address)) {
        return false;
    }
    settle(core::now());
    const AddressMapping::Place place = map_.place(first);
    const std::uint64_t banks = std::uint64_t{place.rank.value()} * geometry_.banks + place.bank.value();
    tlm::tlm_generic_payload cells;
    cells.set_command(payload.get_command());
    cells.set_address((banks * geometry_.rows + place.row.value()) * data_.row_bytes());
    tlm::tlm_dmi row;
    if (!channel->get_direct_mem_ptr(cells, row)) {
        return false;
    }
    const Picoseconds t_ck = technology_.t_ck;
    const Picoseconds opened =
        memory::align_up(memory::align_up(config_.latency, t_ck) + technology_.t_rcd, t_ck);
    dmi.set_dmi_ptr(row.get_dmi_ptr() + place.row_byte);
    dmi.set_read_latency(core::to_sc_time(opened + technology_.t_cl + technology_.burst_time()));
    dmi.set_write_latency(core::to_sc_time(opened + technology_.t_wl + technology_.burst_time()));
    dmi.allow_read_write();
    return true;
}

/// The channel takes rows back; it knows them by their cell addresses.
void ChannelController::invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
    const std::uint64_t row_bytes = data_.row_bytes();
    for (std::uint64_t row = first / row_bytes; row <= last / row_bytes; ++row) {
        AddressMapping::Place place;
        place.row = core::Row{static_cast<std::size_t>(row % geometry_.rows)};
        place.bank = Bank{static_cast<std::size_t>(row / geometry_.rows % geometry_.banks)};
        place.rank = Rank{static_cast<std::size_t>(row / geometry_.rows / geometry_.banks)};
        for (; place.row_byte < row_bytes; place.row_byte += map_.stretch()) {
            const std::uint64_t address = map_.address(place);
            front->invalidate_direct_mem_ptr(address, address + (map_.stretch() - 1));
        }
    }
}

/// Puts an arriving request into the queues, if they have room for all of it.
bool ChannelController::take(std::size_t index) {
    const Picoseconds now = requests_[index]->accepted;
    settle(now - Picoseconds{1}); // commands of this moment know of it
    clock_ = now;
    if (!serving_) {
        wake_.notify(core::to_sc_time(config_.latency + lookahead_));
    }
    const bool taken = arrived_.empty() && queue_up(index, now);
    show_queues();
    return taken;
}

/// Writes down a checked request.
std::size_t ChannelController::enter(tlm::tlm_generic_payload& payload, bool at) {
    if (free_requests_.empty()) {
        free_requests_.push_back(requests_.size());
        requests_.push_back(std::make_unique<Request>());
    }
    const std::size_t index = free_requests_.back();
    free_requests_.pop_back();
    Request& request = *requests_[index];
    request.payload = &payload;
    request.extension = payload.get_extension<ChannelRequest>();
    request.at = at;
    request.chip_local = request.extension != nullptr && request.extension->view == DataView::chip_local;
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    request.bytes = request.chip_local ? request.extension->bytes_per_chip : length;
    request.span = request.chip_local || width == 0 ? request.bytes : std::min(width, length);
    request.space = AccessSpace::array;
    request.layer = core::no_layer;
    request.cause = memory::WriteCause::host;
    request.source = Source::host;
    request.initiator = core::initiator_of(payload);
    if (request.extension != nullptr) {
        request.space = request.extension->space;
        request.layer = request.extension->layer;
        request.cause = request.extension->cause;
        request.source = request.extension->source;
        if (request.extension->initiator != 0) {
            request.initiator = request.extension->initiator;
        }
        request.extension->commanded_bytes = 0;
        request.extension->first_column = Picoseconds{-1};
    }
    request.queued = 0;
    request.runs = 0;
    request.accepted = core::now();
    request.ready = request.accepted + config_.latency;
    request.first_column = Picoseconds{-1};
    request.status = tlm::TLM_OK_RESPONSE;
    request.done = false;
    return index;
}

/// Moves requests that had to wait into the queues.
void ChannelController::admit(Picoseconds now) {
    while (!arrived_.empty() && queue_up(arrived_.front(), now)) {
        const Request& request = *requests_[arrived_.front()];
        arrived_.pop_front();
        if (request.at) {
            at_.accept(*request.payload);
        }
    }
}

/// Puts what has room into the queues; returns whether that was the rest of the request.
bool ChannelController::queue_up(std::size_t index, Picoseconds now) {
    Request& request = *requests_[index];
    const bool write = request.payload->is_write();
    while (request.queued < request.bytes) {
        if (queued_[write] == (write ? config_.write_queue : config_.read_queue)) {
            return false;
        }
        statistics_.occupancy.set(write, now, ++queued_[write]);
        QueuedRun& run = scheduler_.draft();
        run.write = write;
        run.source = request.source;
        run.initiator = request.initiator;
        run.ready = request.ready;
        run.request = index;
        run.offset = request.queued;
        run.served = 0;
        run.begun = false;
        place_run(request, run);
        if (forwards_ && !write && forward(index, run, now)) {
            continue;
        }
        plan_turn(run);
        request.queued += run.length;
        ++request.runs;
        scheduler_.push_draft(clock_);
    }
    return true;
}

/// Finds where the next part of the request lies, and how long it is.
void ChannelController::place_run(const Request& request, QueuedRun& run) const {
    const std::uint64_t left = request.bytes - request.queued;
    if (request.space == AccessSpace::unit) {
        run.slot = scheduler_.unit_slot();
        run.rank = request.extension->rank;
        run.row_byte = 0;
        run.length = left;
        return;
    }
    run.chip_local = request.chip_local;
    RankStretch stretch;
    if (request.chip_local) {
        const std::uint64_t first = request.extension->chip_address + request.queued;
        run.row_byte = first % geometry_.row_bytes;
        run.length = std::min(left, geometry_.row_bytes - run.row_byte);
        stretch = data_.chip_local(request.extension->rank, first, run.length);
    } else {
        const std::uint64_t within =
            request.span == request.bytes ? request.queued : request.queued % request.span;
        const AddressMapping::Place place = map_.place(request.payload->get_address() + within);
        run.row_byte = place.row_byte;
        run.length =
            std::min({left, request.span - within, map_.stretch() - (place.row_byte & (map_.stretch() - 1))});
        stretch = data_.interleaved(place, run.length);
    }
    run.slot = scheduler_.slot(stretch.rank, stretch.bank);
    run.rank = stretch.rank;
    run.row = stretch.row;
    run.first = stretch.first;
    run.bytes = stretch.bytes;
}

/// Answers a run that is about to be queued from the write queue, if that has all of it.
bool ChannelController::forward(std::size_t index, const QueuedRun& read, Picoseconds now) {
    Request& request = *requests_[index];
    if (request.chip_local || scheduler_.queue().waiting(true) == 0) {
        return false;
    }
    const QueuedRun* const write = forwarding_write(scheduler_.queue(), read);
    if (write == nullptr) {
        return false;
    }
    const tlm::tlm_generic_payload& payload = *request.payload;
    const tlm::tlm_generic_payload& source = *requests_[write->request]->payload;
    const ForwardedBytes from{source.get_data_ptr(), enables_of(source),
                              write->offset + read.row_byte - write->row_byte};
    const ForwardedBytes to{config_.keep_data ? payload.get_data_ptr() : nullptr, enables_of(payload),
                            read.offset};
    if (!enables_cover(from, to, read.length) || (to.data != nullptr && from.data == nullptr)) {
        return false;
    }
    copy_forwarded(from, to, read.length);
    const Picoseconds at = memory::align_up(std::max(request.ready, now), technology_.t_ck);
    ++statistics_.banks[read.slot].forwarded;
    if (request.first_column < Picoseconds{0}) {
        request.first_column = at;
        if (request.extension != nullptr) {
            request.extension->first_column = at;
        }
    }
    request.queued += read.length;
    // Column commands that are to come have their data after `at`, those that have gone maybe.
    bool completes = request.runs == 0 && request.queued == request.bytes;
    for (auto other = finishing_.rbegin(); completes && other != finishing_.rend() && other->time >= at;
         ++other) {
        if (other->request == index) {
            other->completes = true;
            completes = false;
        }
    }
    forwarded_.push_back({at, index, false, completes});
    if (!serving_) {
        wake_.notify(core::to_sc_time(at - core::now()));
    }
    return true;
}

/// Ends what has had its last data: runs leave the queues, complete requests are answered.
void ChannelController::deliver(Picoseconds now) {
    while (!forwarded_.empty() && forwarded_.front().time <= now) {
        const Finish finish = forwarded_.front();
        forwarded_.pop_front();
        this->finish(finish, now);
    }
    while (!finishing_.empty() && finishing_.front().time <= now) {
        const Finish finish = finishing_.front();
        finishing_.pop_front();
        this->finish(finish, now);
    }
}

void ChannelController::finish(const Finish& finish, Picoseconds now) {
    statistics_.occupancy.set(finish.write, now, --queued_[finish.write]);
    if (finish.completes) {
        Request& request = *requests_[finish.request];
        count_access(request, finish.write, finish.time);
        request.payload->set_response_status(request.status);
        request.payload->set_dmi_allowed(config_.dmi && request.status == tlm::TLM_OK_RESPONSE &&
                                         grants_dmi(request.extension, request.payload->get_address()));
        request.done = true;
        if (request.at) {
            free_requests_.push_back(finish.request);
            at_.respond(*request.payload);
        } else {
            request.finished.notify();
        }
    }
    admit(now);
}

/// When the next run has had its last data, as far as is known.
Picoseconds ChannelController::next_finish() const {
    const Picoseconds end = finishing_.empty() ? Picoseconds::max() : finishing_.front().time;
    return forwarded_.empty() ? end : std::min(end, forwarded_.front().time);
}

// ------------------------------------------------------------------------------------------- scheduling

void ChannelController::serve() {
    serving_ = true;
    const Picoseconds now = core::now();
    settle(now - Picoseconds{1});
    clock_ = now;
    do {
        deliver(now);
        if (lookahead_ == Picoseconds{0}) {
            settle(now);
        } // else commands of this moment wait for all that comes in it
    } while (next_finish() <= now);
    show_queues();
    serving_ = false;
    const Picoseconds next = next_wake(now);
    if (next != Picoseconds::max()) {
        wake_.notify(core::to_sc_time(next - now));
    }
}

/// When something will have happened that can be seen from outside.
Picoseconds ChannelController::next_wake(Picoseconds now) {
    using Step = CommandScheduler::Step;
    const CommandScheduler::Decision& decision = scheduler_.next(now);
    Picoseconds next = decision.at;
    if (next != Picoseconds::max() && lookahead_ != Picoseconds{0}) {
        const bool towards_data = decision.step == Step::column || decision.step == Step::activate ||
                                  decision.step == Step::precharge;
        next += towards_data ? lookahead_ : Picoseconds{1};
    }
    return std::min(next, next_finish());
}

/// Issues the commands up to `until`.
void ChannelController::settle(Picoseconds until) {
    for (;;) {
        const CommandScheduler::Decision& decision = scheduler_.next(clock_);
        if (decision.at > until) {
            break;
        }
        clock_ = decision.at;
        if (decision.step != CommandScheduler::Step::none) {
            perform(decision);
        }
    }
    clock_ = std::max(clock_, until);
}

void ChannelController::show_queues() const {
    if (reads_trace_ || writes_trace_ || drain_trace_) {
        reads_trace_.set(queued_[0]);
        writes_trace_.set(queued_[1]);
        drain_trace_.set(scheduler_.queue().draining() ? 1 : 0);
    }
}

void ChannelController::perform(const CommandScheduler::Decision& decision) {
    using Step = CommandScheduler::Step;
    if (!decision.run && decision.step != Step::close && decision.step != Step::resume) {
        command_rank(decision);
        return;
    }
    const std::size_t slot = decision.run == nullptr ? decision.slot : decision.run->slot;
    const Rank rank = scheduler_.rank_of(slot);
    const Bank bank = scheduler_.bank_of(slot);
    if (decision.run != nullptr && !decision.run->begun) {
        count_run(decision.step, *decision.run);
    }
    switch (decision.step) {
    case Step::recall: {
        CommandScheduler::BankEntry& entry = scheduler_.change_bank(slot);
        CommandExtension& release = command(CommandKind::release, rank, bank);
        release.chips = entry.leased & ~entry.recalled;
        release.recall = true;
        issue();
        entry.recalled = entry.leased;
        entry.served_since_recall = 0;
        break;
    }
    case Step::precharge:
        command(CommandKind::precharge, rank, bank).layer = requests_[decision.run->request]->layer;
        issue();
        break;
    case Step::close:
        command(CommandKind::precharge, rank, bank);
        issue();
        break;
    case Step::interrupt:
        command(scheduler_.interruption(), rank, bank).layer = requests_[decision.run->request]->layer;
        issue();
        break;
    case Step::resume:
        command(CommandKind::resume_write, rank, bank);
        issue();
        break;
    case Step::activate: {
        CommandExtension& activate = command(CommandKind::activate, rank, bank);
        activate.row = decision.run->row;
        activate.layer = requests_[decision.run->request]->layer;
        issue();
        break;
    }
    case Step::column:
        column_access(*decision.run);
        if (scheduler_.bank(slot).recalled != 0 &&
            (!scheduler_.queue().has_any(slot) ||
             ++scheduler_.change_bank(slot).served_since_recall == turns_per_recall)) {
            hand_back(slot);
        }
        break;
    default: // commands to ranks
        break;
    }
}

/// Fixes what is moved in the run's next turn: whole bursts as far as the run's ends allow.
void ChannelController::plan_turn(QueuedRun& run) const {
    const std::uint64_t burst =
        requests_[run.request]->chip_local ? geometry_.burst_bytes() : rank_burst_bytes_;
    const std::uint64_t skip = (run.row_byte + run.served) & (burst - 1);
    const std::uint64_t bytes = std::min(run.length - run.served, config_.burst_group * burst - skip);
    run.turn_bytes = bytes;
    run.turn_bursts = static_cast<std::uint32_t>((skip + bytes + burst - 1) / burst);
}

/// The column commands of the run's turn.
CommandExtension& ChannelController::column_command(const QueuedRun& run) {
    const Request& request = *requests_[run.request];
    CommandExtension& access =
        command(run.write ? CommandKind::write : CommandKind::read, run.rank, scheduler_.bank_of(run.slot));
    const std::uint64_t row_byte = run.row_byte + run.served;
    access.space = request.space;
    access.row = run.row;
    access.layer = request.layer;
    access.cause = request.cause;
    if (request.chip_local) {
        const std::uint64_t first = request.space == AccessSpace::array ? row_byte : 0;
        access.layout = memory::DataLayout::chip_by_chip;
        access.skip = static_cast<std::uint32_t>(first & (geometry_.burst_bytes() - 1));
        access.column = static_cast<std::uint32_t>(first) - access.skip;
        access.bytes = static_cast<std::uint32_t>(run.turn_bytes);
        access.unit_address = request.extension->chip_address + run.offset + run.served;
        access.chips = request.extension->chips;
        access.chip_stride = request.extension->chip_stride;
    } else {
        data_.interleave(access, row_byte, run.turn_bytes);
    }
    return access;
}

void ChannelController::column_access(QueuedRun& run) {
    Request& request = *requests_[run.request];
    const std::uint64_t bytes = run.turn_bytes;
    const std::uint64_t done = run.offset + run.served;
    const ByteEnables enables = enables_of(*request.payload);
    unsigned char* const data = request.payload->get_data_ptr() == nullptr || !config_.keep_data
                                    ? nullptr
                                    : request.payload->get_data_ptr() + done;
    const CommandExtension& access = column_command(run);
    const tlm::tlm_response_status status =
        issue(data, request.chip_local ? data_.chip_local_enables(enables, access.chip_stride, done, bytes)
                                       : data_.interleaved_enables(enables, done, bytes));
    Picoseconds end = clock_;
    if (status == tlm::TLM_OK_RESPONSE) {
        if (request.extension != nullptr) {
            request.extension->commanded_bytes += static_cast<std::uint32_t>(bytes);
        }
        end = access.data_end;
        if (request.first_column < Picoseconds{0}) {
            request.first_column = access.issued;
            if (request.extension != nullptr) {
                request.extension->first_column = access.issued;
            }
        }
        meter_.charge(
            io_, request.layer,
            config_.io_energy.for_bits(run.turn_bursts * 8.0 * static_cast<double>(rank_burst_bytes_)));
    } else {
        request.status = status;
    }
    run.served += bytes;
    if (run.served < run.length) {
        plan_turn(run);
        scheduler_.served(run, clock_);
        return;
    }
    const std::size_t index = run.request;
    const bool write = run.write;
    if (run.slot != scheduler_.unit_slot()) {
        ++statistics_.banks[run.slot].runs;
    }
    scheduler_.finished(run);
    --request.runs;
    finishing_.push_back({finishing_.empty() ? end : std::max(end, finishing_.back().time), index, write,
                          request.runs == 0 && request.queued == request.bytes});
}

/// Ends a recall: the unit goes on as soon as the bank is closed.
void ChannelController::hand_back(std::size_t slot) {
    const Rank rank = scheduler_.rank_of(slot);
    const Bank bank = scheduler_.bank_of(slot);
    if (scheduler_.bank(slot).open) {
        command(CommandKind::precharge, rank, bank);
        issue();
    }
    CommandScheduler::BankEntry& entry = scheduler_.change_bank(slot);
    CommandExtension& lease = command(CommandKind::lease, rank, bank);
    lease.chips = entry.recalled;
    lease.recall = true;
    issue();
    entry.recalled = 0;
}

void ChannelController::command_rank(const CommandScheduler::Decision& decision) {
    using Step = CommandScheduler::Step;
    const bool per_bank = config_.refresh == RefreshMode::per_bank;
    if (decision.step != Step::refresh || per_bank) {
        const CommandKind kind = decision.step == Step::refresh        ? CommandKind::refresh_bank
                                 : decision.step == Step::power_down   ? CommandKind::power_down
                                 : decision.step == Step::self_refresh ? CommandKind::self_refresh
                                                                       : CommandKind::power_up;
        command(kind, decision.rank, scheduler_.bank_of(decision.slot)).layer = refresh_layer_;
        issue();
        return;
    }
    for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
        const std::size_t slot = scheduler_.slot(decision.rank, Bank{bank});
        if (scheduler_.bank(slot).recalled != 0) {
            hand_back(slot);
        }
    }
    command(CommandKind::refresh, decision.rank, Bank{}).layer = refresh_layer_;
    issue();
}

// ------------------------------------------------------------------------------------------------ channel

CommandExtension& ChannelController::command(CommandKind kind, Rank rank, Bank bank) {
    command_.kind = kind;
    command_.space = AccessSpace::array;
    command_.rank = rank;
    command_.bank = bank;
    command_.chips = all_chips_;
    command_.layer = core::no_layer;
    command_.recall = false;
    command_.earliest = clock_;
    return command_;
}

tlm::tlm_response_status ChannelController::issue(unsigned char* data, unsigned char* enables) {
    payload_.set_command(command_.kind == CommandKind::read    ? tlm::TLM_READ_COMMAND
                         : command_.kind == CommandKind::write ? tlm::TLM_WRITE_COMMAND
                                                               : tlm::TLM_IGNORE_COMMAND);
    const std::uint32_t bytes = payload_.get_command() == tlm::TLM_IGNORE_COMMAND ? 0 : command_.bytes;
    payload_.set_data_ptr(data);
    payload_.set_data_length(bytes); // of the first chip; the extension says the rest
    payload_.set_streaming_width(std::max(bytes, 1u));
    payload_.set_byte_enable_ptr(enables);
    payload_.set_byte_enable_length(enables != nullptr ? bytes : 0);
    payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    if (command_.placed) {
        scheduler_.place(command_, clock_);
    }
    sc_core::sc_time delay;
    channel->b_transport(payload_, delay);
    const tlm::tlm_response_status status = payload_.get_response_status();
    // A unit that refuses its data has had its turn on the buses all the same.
    if (status == tlm::TLM_OK_RESPONSE || command_.space == AccessSpace::unit) {
        scheduler_.issued(command_, clock_);
        count_command();
    } else if (command_.kind != CommandKind::read && command_.kind != CommandKind::write &&
               command_.kind != CommandKind::lease && command_.kind != CommandKind::release) {
        // It would be tried again for ever: the channel is of another technology, or has a second controller.
        throw std::logic_error(std::string(name()) + ": the channel refuses a command");
    }
    return status;
}

// --------------------------------------------------------------------------------------------- statistics

const ChannelStatistics& ChannelController::statistics() {
    settle(core::now() - Picoseconds{1}); // commands of this moment may still change
    statistics_.occupancy.pass(core::now());
    return statistics_;
}

/// The first command for a run says in which state its bank was.
void ChannelController::count_run(CommandScheduler::Step step, QueuedRun& run) {
    using Step = CommandScheduler::Step;
    if (step == Step::recall || step == Step::interrupt || step == Step::resume ||
        run.slot == scheduler_.unit_slot()) {
        return;
    }
    run.begun = true;
    BankStatistics& bank = statistics_.banks[run.slot];
    ++(step == Step::column ? bank.row_hits : step == Step::activate ? bank.row_misses : bank.row_conflicts);
}

/// The command that the channel has just placed.
void ChannelController::count_command() {
    RankStatistics& rank = statistics_.ranks[command_.rank.value()];
    BankStatistics& bank = statistics_.banks[scheduler_.slot(command_.rank, command_.bank)];
    const bool unit = command_.space == AccessSpace::unit;
    switch (command_.kind) {
    case CommandKind::activate:
        ++bank.activates;
        break;
    case CommandKind::precharge:
        ++bank.precharges;
        break;
    case CommandKind::read:
        (unit ? rank.unit_reads : bank.reads) += command_.bursts(geometry_.burst_bytes());
        break;
    case CommandKind::write:
        (unit ? rank.unit_writes : bank.writes) += command_.bursts(geometry_.burst_bytes());
        break;
    case CommandKind::refresh:
        ++rank.refreshes;
        rank.precharge_alls += command_.issued != command_.last_issued ? 1 : 0;
        break;
    case CommandKind::refresh_bank:
        ++bank.refreshes;
        break;
    case CommandKind::power_down:
        ++rank.power_downs;
        break;
    case CommandKind::self_refresh:
        ++rank.self_refreshes;
        break;
    case CommandKind::pause_write:
        ++bank.write_pauses;
        break;
    case CommandKind::cancel_write:
        ++bank.write_cancellations;
        break;
    case CommandKind::resume_write: // as often, but for those that are interrupted
    case CommandKind::power_up:     // as often as the two before
    case CommandKind::lease:
    case CommandKind::release:
        break;
    }
}

void ChannelController::count_access(const Request& request, bool write, Picoseconds end) {
    if (request.status != tlm::TLM_OK_RESPONSE) {
        return;
    }
    const std::uint64_t chips =
        request.chip_local ? static_cast<std::uint64_t>(__builtin_popcount(request.extension->chips)) : 1;
    if (request.initiator != 0 || !statistics_.initiators.empty()) {
        statistics_.count_initiator(request.initiator)
            .add(request.bytes * chips, request.accepted, request.first_column, end);
    }
    (write ? statistics_.write : statistics_.read)
        .add(request.bytes * chips, request.accepted, request.first_column, end);
}

// ---------------------------------------------------------------------------------------------- leases

void ChannelController::check_lease(Rank rank, Bank bank, std::uint32_t chips) const {
    if (rank.value() >= geometry_.ranks || bank.value() >= geometry_.banks || chips == 0 ||
        (chips & ~all_chips_) != 0) {
        throw std::logic_error(std::string(name()) + ": lease of a rank, bank or chips that don't exist");
    }
    if (lookahead_ != Picoseconds{0}) {
        throw std::logic_error(std::string(name()) +
                               ": leases need a controller that shares its channel with units");
    }
}

Picoseconds ChannelController::lease(Rank rank, Bank bank, std::uint32_t chips) {
    check_lease(rank, bank, chips);
    settle(core::now());
    const std::size_t slot = scheduler_.slot(rank, bank);
    CommandScheduler::BankEntry& state = scheduler_.change_bank(slot);
    if ((state.leased & chips) != 0) {
        throw std::logic_error(std::string(name()) + ": bank " + std::to_string(bank.value()) +
                               " is leased already");
    }
    if (state.open) {
        command(CommandKind::precharge, rank, bank);
        issue();
    }
    command(CommandKind::lease, rank, bank).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": the channel refuses a lease");
    }
    const Picoseconds granted = command_.data_end;
    state.leased |= chips;
    scheduler_.change_bank(slot);
    wake_.notify();
    return granted;
}

void ChannelController::release(Rank rank, Bank bank, std::uint32_t chips) {
    check_lease(rank, bank, chips);
    settle(core::now());
    const std::size_t slot = scheduler_.slot(rank, bank);
    CommandScheduler::BankEntry& state = scheduler_.change_bank(slot);
    if ((state.leased & chips) != chips) {
        throw std::logic_error(std::string(name()) + ": bank " + std::to_string(bank.value()) +
                               " is not leased");
    }
    if (state.recalled != 0) {
        hand_back(slot);
    }
    command(CommandKind::release, rank, bank).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": a unit is at work in bank " +
                               std::to_string(bank.value()));
    }
    state.leased &= ~chips;
    scheduler_.change_bank(slot);
    wake_.notify();
}

} // namespace hydravp::modules
