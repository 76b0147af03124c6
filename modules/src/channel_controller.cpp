// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "hydravp/core/time.h"

#include <algorithm>
#include <limits>
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
      all_chips_(memory::first_chips(geometry.chips_per_rank)),
      unit_slot_(std::size_t{geometry.ranks} * geometry.banks),
      data_(geometry),
      queue_(config, unit_slot_ + 1),
      timing_(technology, geometry),
      banks_(unit_slot_ + 1),
      at_(
          "at", [this](tlm::tlm_generic_payload& payload) { return at_request(payload); },
          [this](tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
              return front->nb_transport_bw(payload, phase, delay);
          }) {
    front.register_b_transport(this, &ChannelController::b_transport);
    front.register_nb_transport_fw(this, &ChannelController::nb_transport_fw);
    front.register_transport_dbg(this, &ChannelController::debug);
    io_ = meter_.add(core::Quantity::energy, "channel_io");
    payload_.set_extension(&command_);
    for (auto& candidates : candidates_) {
        candidates.resize(banks_.size());
    }
    if (technology_.t_refi.count() > 0) {
        for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
            refresh_due_.push_back(technology_.t_refi + rank * technology_.t_refi / geometry.ranks);
        }
    }
    SC_HAS_PROCESS(ChannelController);
    SC_METHOD(serve);
}

ChannelController::~ChannelController() {
    payload_.clear_extension(&command_);
}

void ChannelController::trace(core::Tracer& tracer) {
    reads_trace_ = tracer.wire(*this, "read_queue", core::bits_for(config_.read_queue));
    writes_trace_ = tracer.wire(*this, "write_queue", core::bits_for(config_.write_queue));
    drain_trace_ = tracer.wire(*this, "write_drain", 1);
}

// ----------------------------------------------------------------------------------------------- front

void ChannelController::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_dmi_allowed(false);
    const tlm::tlm_response_status status = check(payload, payload.get_extension<ChannelRequest>());
    if (status != tlm::TLM_OK_RESPONSE || !moves_data(payload)) {
        payload.set_response_status(status);
        return;
    }
    if (delay != sc_core::SC_ZERO_TIME) {
        wait(delay);
        delay = sc_core::SC_ZERO_TIME;
    }
    const std::size_t index = enter(payload, false);
    if (!arrived_.empty() || !queue_up(index)) {
        arrived_.push_back(index);
    }
    wake_.notify();
    Request& request = requests_[index]; // a deque's elements stay where they are
    while (!request.done) {
        wait(request.finished);
    }
    free_requests_.push_back(index);
}

core::AtTarget::Answer ChannelController::at_request(tlm::tlm_generic_payload& payload) {
    payload.set_dmi_allowed(false);
    const tlm::tlm_response_status status = check(payload, payload.get_extension<ChannelRequest>());
    if (status != tlm::TLM_OK_RESPONSE || !moves_data(payload)) {
        payload.set_response_status(status);
        return core::AtTarget::Answer::completed;
    }
    const std::size_t index = enter(payload, true);
    wake_.notify();
    if (arrived_.empty() && queue_up(index)) {
        return core::AtTarget::Answer::accepted;
    }
    arrived_.push_back(index);
    return core::AtTarget::Answer::queued;
}

tlm::tlm_response_status ChannelController::check(const tlm::tlm_generic_payload& payload,
                                                  const ChannelRequest* request) const {
    if (request != nullptr && request->view == DataView::chip_local) {
        return check_chip_local(payload, *request);
    }
    if (request != nullptr && request->space != AccessSpace::array) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    return check_interleaved(payload, request != nullptr);
}

tlm::tlm_response_status ChannelController::check_interleaved(const tlm::tlm_generic_payload& payload,
                                                              bool has_request) const {
    const std::uint64_t capacity = geometry_.channel_bytes();
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    if (length == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.get_data_ptr() == nullptr && !has_request && config_.keep_data) {
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
        (payload.get_byte_enable_length() == 0 || request.space == AccessSpace::unit)) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (request.space == AccessSpace::array) {
        const std::uint64_t capacity = geometry_.chip_bytes();
        if (request.bytes_per_chip > capacity || request.chip_address > capacity - request.bytes_per_chip) {
            return tlm::TLM_ADDRESS_ERROR_RESPONSE;
        }
    } else if (request.chip_address > std::numeric_limits<std::uint64_t>::max() - request.bytes_per_chip) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

/// Writes down a checked request.
std::size_t ChannelController::enter(tlm::tlm_generic_payload& payload, bool at) {
    if (free_requests_.empty()) {
        free_requests_.push_back(requests_.size());
        requests_.emplace_back();
    }
    const std::size_t index = free_requests_.back();
    free_requests_.pop_back();
    Request& request = requests_[index];
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
    if (request.extension != nullptr) {
        request.space = request.extension->space;
        request.layer = request.extension->layer;
        request.cause = request.extension->cause;
        request.source = request.extension->source;
        request.extension->commanded_bytes = 0;
    }
    request.queued = 0;
    request.runs = 0;
    request.ready = core::now() + config_.latency;
    request.status = tlm::TLM_OK_RESPONSE;
    request.done = false;
    return index;
}

/// Moves requests that had to wait into the queues.
void ChannelController::admit() {
    while (!arrived_.empty() && queue_up(arrived_.front())) {
        const Request& request = requests_[arrived_.front()];
        arrived_.pop_front();
        if (request.at) {
            at_.accept(*request.payload);
        }
    }
}

/// Puts what has room into the queues; returns whether that was the rest of the request.
bool ChannelController::queue_up(std::size_t index) {
    Request& request = requests_[index];
    while (request.queued < request.bytes) {
        if (!queue_.has_room(request.payload->is_write())) {
            return false;
        }
        QueuedRun run = next_run(request);
        run.request = index;
        plan_turn(run);
        queue_.push(run, core::now());
        reconsider(run.slot);
        request.queued += run.length;
        ++request.runs;
    }
    return true;
}

QueuedRun ChannelController::next_run(const Request& request) const {
    QueuedRun run;
    run.slot = unit_slot_;
    run.write = request.payload->is_write();
    run.ready = request.ready;
    run.source = request.source;
    run.offset = request.queued;
    run.length = request.bytes - request.queued;
    if (request.space == AccessSpace::unit) {
        return run;
    }
    RankStretch stretch;
    if (request.chip_local) {
        const std::uint64_t first = request.extension->chip_address + request.queued;
        run.length = std::min(run.length, geometry_.row_bytes - first % geometry_.row_bytes);
        stretch = data_.chip_local(request.extension->rank, first, run.length);
    } else {
        const std::uint64_t within = request.queued % request.span;
        const std::uint64_t first = request.payload->get_address() + within;
        run.length =
            std::min({run.length, request.span - within, data_.row_bytes() - first % data_.row_bytes()});
        stretch = data_.interleaved(first, run.length);
    }
    run.slot = slot(stretch.rank, stretch.bank);
    run.row = stretch.row;
    run.first = stretch.first;
    run.bytes = stretch.bytes;
    return run;
}

/// Ends the requests whose last data have passed.
void ChannelController::deliver() {
    while (!finishing_.empty() && finishing_.front().time <= core::now()) {
        const std::size_t index = finishing_.front().request;
        finishing_.pop_front();
        Request& request = requests_[index];
        request.payload->set_response_status(request.status);
        request.done = true;
        if (request.at) {
            free_requests_.push_back(index);
            at_.respond(*request.payload);
        } else {
            request.finished.notify();
        }
    }
}

// ------------------------------------------------------------------------------------------- scheduling

void ChannelController::serve() {
    refresh();
    do {
        deliver();
        admit();
    } while (issue_next());
    admit(); // the last command may have made room
    reads_trace_.set(queue_.waiting(false));
    writes_trace_.set(queue_.waiting(true));
    drain_trace_.set(queue_.draining() ? 1 : 0);
    Picoseconds next = next_command_;
    if (!finishing_.empty()) {
        next = std::min(next, finishing_.front().time);
    }
    for (const Picoseconds due : refresh_due_) {
        next = std::min(next, due);
    }
    if (next == Picoseconds::max()) {
        next_trigger(wake_);
    } else {
        next_trigger(core::to_sc_time(next - core::now()), wake_);
    }
}

/// Issues the best command of those that can go now: the oldest column access, or else the oldest command to
/// a bank. Returns false if there is none; `next_command_` is then the next moment to look.
bool ChannelController::issue_next() {
    next_command_ = Picoseconds::max();
    if (queue_.empty()) {
        return false;
    }
    const Picoseconds now = core::now();
    const bool write = queue_.choose_direction(now);
    const Picoseconds soon = now + technology_.t_rtrs;
    const Picoseconds free_slot = timing_.bus_allows(now);
    QueuedRun* column = nullptr;         // can go now
    QueuedRun* other = nullptr;          // likewise
    QueuedRun* waiting_column = nullptr; // can go soon
    for (const std::size_t slot : queue_.slots(write)) {
        Candidate& candidate = candidates_[write][slot];
        if (candidate.not_before > soon) {
            next_command_ = std::min(next_command_, candidate.not_before);
            continue;
        }
        if (now > candidate.valid_until) {
            candidate.run = queue_.next(slot, write, banks_[slot].open ? &banks_[slot].row : nullptr, now);
            candidate.valid_until = Picoseconds::max();
            if (candidate.run != nullptr) {
                candidate.step = next_step(*candidate.run);
                if (queue_.waiting(slot, write) > 1) { // another one may starve
                    candidate.valid_until = queue_.starves_at(slot, write, now);
                }
            }
        }
        QueuedRun* const run = candidate.run;
        if (run == nullptr) {
            continue;
        }
        const Step step = candidate.step;
        const Picoseconds t =
            run->ready > now || step == Step::recall ? run->ready : earliest(step, *run, now, free_slot);
        QueuedRun*& best = step != Step::column ? other : t > now ? waiting_column : column;
        if (t > now) {
            candidate.not_before = t;
            next_command_ = std::min(next_command_, t);
        }
        if ((t <= now || (step == Step::column && t <= soon)) &&
            (best == nullptr || RequestQueue::older(*run, *best))) {
            best = run;
        }
    }
    // A stream that has had its turn, or that starves others, doesn't go on only because its rank needs no
    // pause on the data bus.
    if (column != nullptr && waiting_column != nullptr && RequestQueue::older(*waiting_column, *column) &&
        (column->served > 0 || queue_.starving(*waiting_column, now))) {
        column = nullptr;
    }
    QueuedRun* const best = column != nullptr ? column : other;
    if (best == nullptr) {
        return false;
    }
    const Step step = next_step(*best);
    perform(step, *best);
    if (technology_.t_ck.count() == 0 || step == Step::recall) {
        return true;
    }
    next_command_ = queue_.empty() ? Picoseconds::max() : now + technology_.t_ck;
    return false;
}

ChannelController::Step ChannelController::next_step(const QueuedRun& run) const {
    const BankEntry& bank = banks_[run.slot];
    if (is_unit(run)) {
        return Step::column;
    }
    if ((bank.leased & ~bank.recalled) != 0) {
        return Step::recall;
    }
    if (!bank.open) {
        return Step::activate;
    }
    return bank.row == run.row ? Step::column : Step::precharge;
}

/// When the run's next command can go; of what lies ahead of `now` a lower bound.
/// @param free_slot the first free slot of the command bus from `now` on
Picoseconds ChannelController::earliest(Step step, const QueuedRun& run, Picoseconds now,
                                        Picoseconds free_slot) const {
    using memory::TimedCommand;
    const TimedCommand command = step == Step::activate    ? TimedCommand::activate
                                 : step == Step::precharge ? TimedCommand::precharge
                                 : run.write               ? TimedCommand::write
                                                           : TimedCommand::read;
    const Picoseconds allowed =
        is_unit(run) ? timing_.rules_allow_without_bank(command, requests_[run.request].extension->rank)
                     : timing_.rules_allow(command, run.slot);
    if (allowed > now) {
        return allowed;
    }
    return step != Step::column || run.turn_bursts == 1 ? free_slot
                                                        : timing_.bus_allows(now, run.turn_bursts);
}

void ChannelController::perform(Step step, QueuedRun& run) {
    const std::size_t slot = run.slot;
    BankEntry& bank = banks_[slot];
    const Request& request = requests_[run.request];
    switch (step) {
    case Step::recall: {
        CommandExtension& release = command(CommandKind::release, rank_of(slot), bank_of(slot));
        release.chips = bank.leased & ~bank.recalled;
        release.recall = true;
        issue();
        bank.recalled = bank.leased;
        bank.served_since_recall = 0;
        break;
    }
    case Step::precharge:
        command(CommandKind::precharge, rank_of(slot), bank_of(slot)).layer = request.layer;
        issue();
        bank.open = false;
        break;
    case Step::activate: {
        CommandExtension& activate = command(CommandKind::activate, rank_of(slot), bank_of(slot));
        activate.row = run.row;
        activate.layer = request.layer;
        issue();
        bank.open = true;
        bank.row = run.row;
        break;
    }
    case Step::column:
        column_access(run);
        if (bank.recalled != 0 && (!queue_.has_any(slot) || ++bank.served_since_recall == turns_per_recall)) {
            hand_back(rank_of(slot), bank_of(slot));
        }
        break;
    }
    reconsider(slot);
}

/// Fixes what is moved in the run's next turn: whole bursts as far as the run's ends allow.
void ChannelController::plan_turn(QueuedRun& run) const {
    const Request& request = requests_[run.request];
    std::uint64_t burst = geometry_.burst_bytes();
    std::uint64_t first = 0;
    if (request.space == AccessSpace::array) {
        first = run.offset + run.served;
        if (request.chip_local) {
            first += request.extension->chip_address;
        } else {
            first = request.payload->get_address() + first % request.span;
            burst *= geometry_.chips_per_rank;
        }
    }
    const std::uint64_t skip = first % burst;
    const std::uint64_t bytes = std::min(run.length - run.served, config_.burst_group * burst - skip);
    run.turn_bytes = bytes;
    run.turn_bursts = static_cast<std::uint32_t>((skip + bytes + burst - 1) / burst);
}

CommandExtension& ChannelController::column_command(const QueuedRun& run, std::uint64_t bytes) {
    const Request& request = requests_[run.request];
    const std::uint64_t done = run.offset + run.served;
    RankStretch stretch;
    if (request.space == AccessSpace::unit) {
        stretch.rank = request.extension->rank;
        stretch.bytes = static_cast<std::uint32_t>(bytes);
    } else if (request.chip_local) {
        stretch = data_.chip_local(request.extension->rank, request.extension->chip_address + done, bytes);
    } else {
        stretch = data_.interleaved(request.payload->get_address() + done % request.span, bytes);
    }
    CommandExtension& access =
        command(run.write ? CommandKind::write : CommandKind::read, stretch.rank, stretch.bank);
    access.space = request.space;
    access.row = stretch.row;
    access.skip = stretch.first % geometry_.burst_bytes();
    access.column = stretch.first - access.skip;
    access.bytes = stretch.bytes;
    access.layer = request.layer;
    access.cause = request.cause;
    if (request.chip_local) {
        access.unit_address = request.extension->chip_address + done;
        access.chips = request.extension->chips;
        access.chip_stride = request.extension->chip_stride;
    }
    return access;
}

void ChannelController::column_access(QueuedRun& run) {
    Request& request = requests_[run.request];
    const std::uint64_t bytes = run.turn_bytes;
    const std::uint64_t done = run.offset + run.served;
    const ByteEnables enables = enables_of(*request.payload);
    unsigned char* const data = request.payload->get_data_ptr() == nullptr || !config_.keep_data
                                    ? nullptr
                                    : request.payload->get_data_ptr() + done;
    const std::uint64_t address = request.payload->get_address() + done % request.span; // if interleaved
    CommandExtension& access = column_command(run, bytes);
    RankData::Bus bus{data, nullptr, access.chip_stride};
    if (request.chip_local) {
        bus.enables = data_.chip_local_enables(enables, bus.stride, done, bytes);
    } else {
        bus = data_.lay_out(run.write, address, bytes, data, enables, done);
        access.chip_stride = bus.stride;
    }
    const tlm::tlm_response_status status = issue(bus.data, bus.enables);
    Picoseconds end = core::now();
    if (status == tlm::TLM_OK_RESPONSE) {
        if (!request.chip_local && !run.write && data != nullptr) {
            data_.collect(address, bytes, data, enables, done);
        }
        if (request.extension != nullptr) {
            request.extension->commanded_bytes += static_cast<std::uint32_t>(bytes);
        }
        end = access.data_end;
        const double slot_bits = 8.0 * geometry_.burst_bytes() * geometry_.chips_per_rank;
        meter_.charge(io_, request.layer,
                      config_.io_energy.for_bits(access.bursts(geometry_.burst_bytes()) * slot_bits));
    } else {
        request.status = status;
    }
    run.served += bytes;
    if (run.served < run.length) {
        plan_turn(run);
        queue_.rotate(run, core::now());
        for (std::size_t slot = 0; slot < banks_.size(); ++slot) { // ages have changed
            reconsider(slot);
        }
        return;
    }
    const std::size_t index = run.request;
    queue_.remove(run);
    --request.runs;
    if (request.runs == 0 && request.queued == request.bytes) {
        finishing_.push_back({finishing_.empty() ? end : std::max(end, finishing_.back().time), index});
    }
}

/// Ends a recall: the unit goes on as soon as the bank is closed.
void ChannelController::hand_back(Rank rank, Bank bank) {
    BankEntry& state = entry(rank, bank);
    if (state.open) {
        command(CommandKind::precharge, rank, bank);
        issue();
        state.open = false;
    }
    CommandExtension& lease = command(CommandKind::lease, rank, bank);
    lease.chips = state.recalled;
    lease.recall = true;
    issue();
    state.recalled = 0;
    reconsider(slot(rank, bank));
}

/// Issues the refreshes that are due.
void ChannelController::refresh() {
    for (std::size_t r = 0; r < refresh_due_.size(); ++r) {
        const Rank rank{r};
        for (Picoseconds& due = refresh_due_[rank]; due <= core::now(); due += technology_.t_refi) {
            for (std::size_t b = 0; b < geometry_.banks; ++b) {
                if (entry(rank, Bank{b}).recalled != 0) {
                    hand_back(rank, Bank{b});
                }
            }
            command(CommandKind::refresh, rank, Bank{}).layer = refresh_layer_;
            issue();
            for (std::size_t b = 0; b < geometry_.banks; ++b) {
                entry(rank, Bank{b}).open = false;
                reconsider(slot(rank, Bank{b}));
            }
        }
    }
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
    command_.earliest = core::now();
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
    sc_core::sc_time delay;
    channel->b_transport(payload_, delay);
    const tlm::tlm_response_status status = payload_.get_response_status();
    // A unit that refuses its data has had its turn on the buses all the same.
    if (status == tlm::TLM_OK_RESPONSE || command_.space == AccessSpace::unit) {
        note_times();
    }
    return status;
}

/// Takes the times of the command into account that the channel has placed.
void ChannelController::note_times() {
    using memory::TimedCommand;
    timing_.forget(core::now());
    const std::size_t slot = this->slot(command_.rank, command_.bank);
    switch (command_.kind) {
    case CommandKind::activate:
        timing_.issue(TimedCommand::activate, slot, command_.issued);
        break;
    case CommandKind::precharge:
        timing_.issue(TimedCommand::precharge, slot, command_.issued);
        break;
    case CommandKind::read:
    case CommandKind::write: {
        const TimedCommand column =
            command_.kind == CommandKind::read ? TimedCommand::read : TimedCommand::write;
        const std::uint32_t bursts = command_.bursts(geometry_.burst_bytes());
        if (command_.space == AccessSpace::unit) {
            timing_.issue_without_bank(column, command_.rank, command_.issued, bursts);
        } else {
            timing_.issue(column, slot, command_.issued, bursts);
        }
        break;
    }
    case CommandKind::refresh:
        timing_.take_slot(command_.last_issued);
        if (command_.issued != command_.last_issued) { // precharge-all
            timing_.take_slot(command_.issued);
        }
        for (std::size_t bank = 0; bank < geometry_.banks; ++bank) {
            timing_.block(this->slot(command_.rank, Bank{bank}), command_.data_end);
        }
        break;
    case CommandKind::release:
        timing_.block(slot, command_.data_end);
        break;
    case CommandKind::lease:
        break;
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
    if (state.open) {
        command(CommandKind::precharge, rank, bank);
        issue();
        state.open = false;
    }
    command(CommandKind::lease, rank, bank).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": the channel refuses a lease");
    }
    const Picoseconds granted = command_.data_end;
    state.leased |= chips;
    reconsider(slot(rank, bank));
    wake_.notify();
    return granted;
}

void ChannelController::release(Rank rank, Bank bank, std::uint32_t chips) {
    check_lease(rank, bank, chips);
    BankEntry& state = entry(rank, bank);
    if ((state.leased & chips) != chips) {
        throw std::logic_error(std::string(name()) + ": bank " + std::to_string(bank.value()) +
                               " is not leased");
    }
    if (state.recalled != 0) {
        hand_back(rank, bank);
    }
    command(CommandKind::release, rank, bank).chips = chips;
    if (issue() != tlm::TLM_OK_RESPONSE) {
        throw std::logic_error(std::string(name()) + ": a unit is at work in bank " +
                               std::to_string(bank.value()));
    }
    state.leased &= ~chips;
    reconsider(slot(rank, bank));
    wake_.notify();
}

// ----------------------------------------------------------------------------------------------- debug

unsigned int ChannelController::debug(tlm::tlm_generic_payload& payload) {
    if (payload.get_data_ptr() == nullptr || payload.is_read() == payload.is_write()) {
        return 0;
    }
    const auto* request = payload.get_extension<ChannelRequest>();
    return request != nullptr && request->view == DataView::chip_local ? debug_chip_local(payload, *request)
                                                                       : debug_interleaved(payload, request);
}

unsigned int ChannelController::debug_chip_local(tlm::tlm_generic_payload& payload,
                                                 const ChannelRequest& request) {
    if (check_chip_local(payload, request) != tlm::TLM_OK_RESPONSE) {
        return 0;
    }
    const bool array = request.space == AccessSpace::array;
    unsigned int moved = 0;
    for (std::uint32_t done = 0; done < request.bytes_per_chip;) {
        const std::uint64_t first = request.chip_address + done;
        const std::uint64_t left = geometry_.row_bytes - (array ? first % geometry_.row_bytes : 0);
        const std::uint64_t bytes = std::min<std::uint64_t>(request.bytes_per_chip - done, left);
        RankStretch stretch = data_.chip_local(request.rank, array ? first : 0, bytes);
        CommandExtension& access = debug_command(stretch, payload.is_write());
        access.space = request.space;
        access.unit_address = first;
        access.chips = request.chips;
        access.chip_stride = request.chip_stride;
        moved += debug_access(payload.get_data_ptr() + done);
        done += static_cast<std::uint32_t>(bytes);
    }
    return moved;
}

unsigned int ChannelController::debug_interleaved(tlm::tlm_generic_payload& payload,
                                                  const ChannelRequest* request) {
    const std::uint64_t capacity = geometry_.channel_bytes();
    const std::uint64_t address = payload.get_address();
    if (address >= capacity || (request != nullptr && request->space != AccessSpace::array)) {
        return 0;
    }
    const std::uint64_t bytes = std::min<std::uint64_t>(payload.get_data_length(), capacity - address);
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t first = address + done;
        const std::uint64_t length = std::min(bytes - done, data_.row_bytes() - first % data_.row_bytes());
        unsigned char* const data = payload.get_data_ptr() + done;
        const RankStretch stretch = data_.interleaved(first, length);
        if (payload.is_read() || !data_.whole_beats(first, length)) { // else what surrounds the bytes is kept
            unsigned char* const bus = data_.lay_out(false, first, length, data, {}, 0).data;
            debug_command(stretch, false).chip_stride = stretch.bytes;
            debug_access(bus);
        }
        if (payload.is_read()) {
            data_.collect(first, length, data, {}, 0);
        } else {
            unsigned char* const bus = data_.lay_out(true, first, length, data, {}, 0).data;
            debug_command(stretch, true).chip_stride = stretch.bytes;
            debug_access(bus);
        }
        done += length;
    }
    return static_cast<unsigned int>(bytes);
}

CommandExtension& ChannelController::debug_command(const RankStretch& stretch, bool write) {
    CommandExtension& access =
        command(write ? CommandKind::write : CommandKind::read, stretch.rank, stretch.bank);
    access.row = stretch.row;
    access.skip = stretch.first % geometry_.burst_bytes();
    access.column = stretch.first - access.skip;
    access.bytes = stretch.bytes;
    return access;
}

unsigned int ChannelController::debug_access(unsigned char* data) {
    payload_.set_command(command_.kind == CommandKind::write ? tlm::TLM_WRITE_COMMAND
                                                             : tlm::TLM_READ_COMMAND);
    payload_.set_data_ptr(data);
    payload_.set_byte_enable_ptr(nullptr);
    return channel->transport_dbg(payload_);
}

} // namespace hydravp::modules
