// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/at_target.h"
#include "hydravp/core/index.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/technology.h"
#include "hydravp/memory/timing_rules.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/rank_data.h"
#include "hydravp/modules/request_queue.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace hydravp::modules {

/// Controller of one memory channel: FR-FCFS with a read and a write queue, open pages, all-bank refresh.
///
/// Front: TLM-2.0 base protocol, LT, AT and debug; with a `ChannelRequest` also chip-local data. All of them
/// go through the same queues: b_transport waits, and returns at the time of the last data; an AT response
/// begins at the same time. END_REQ comes when all of a request is in the queues. Writes are not posted.
/// Back: commands to a `memory::Channel`, each issued at the time at which it takes its slot on the command
/// bus.
///
/// A request is cut into runs of column accesses to one row, which take their turns independently (rules:
/// `RequestQueue`); of a long run `burst_group` column commands go in one turn, the rest lines up again
/// behind what other sources have waiting. Requests whose bytes overlap, if one of them writes, are served in
/// the order in which they came.
///
/// Interleaved addresses count, from the least significant: byte in the rank's row, bank, rank, row. Byte
/// enables and streaming width are honoured in the interleaved view. In the chip-local view the extension
/// gives the extent and the payload's address, length and streaming width are not looked at; byte enables
/// follow the data's layout, and the array only. A null data pointer moves no data and is for payloads with a
/// `ChannelRequest` only. DMI is denied: no stretch of ordinary memory is contiguous in a chip.
///
/// An ordinary access to a leased bank recalls the lease: the unit stops, the access is made, the bank is
/// precharged and handed back when nothing else waits for it. Refreshes come when they are due, at most
/// behind the burst group on its way. Not modelled: posted writes, read-after-write forwarding, power-down,
/// ECC.
class ChannelController : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::simple_target_socket<ChannelController> front{"front"};
    tlm_utils::simple_initiator_socket<ChannelController> channel{"channel"};

    ChannelController(const sc_core::sc_module_name& name, const ChannelControllerConfig& config,
                      const memory::Technology& technology, const memory::Geometry& geometry);
    ~ChannelController() override;

    /// Precharges the bank in the selected chips and hands it to their units; returns when they may activate
    /// it. Throws std::logic_error if the bank or the chips don't exist or one of them is leased already.
    core::Picoseconds lease(core::Rank rank, core::Bank bank, std::uint32_t chips);
    /// Layer that the refreshes from now on are charged to.
    void charge_refresh_to(core::LayerId layer) { refresh_layer_ = layer; }
    /// Takes a leased bank back. Throws std::logic_error if it is not leased or a unit is at work in it.
    void release(core::Rank rank, core::Bank bank, std::uint32_t chips);

    /// Runs in the queues, and whether writes are drained.
    void trace(core::Tracer& tracer) override;

private:
    struct BankEntry {
        bool open = false;
        core::Row row;
        std::uint32_t leased = 0;   ///< mask of chips
        std::uint32_t recalled = 0; ///< of them, for the moment back with the channel
        std::uint32_t served_since_recall = 0;
    };
    /// A request on its way through the controller; reused.
    struct Request {
        tlm::tlm_generic_payload* payload = nullptr;
        ChannelRequest* extension = nullptr;
        bool at = false;
        bool chip_local = false;
        memory::AccessSpace space = memory::AccessSpace::array;
        core::LayerId layer = core::no_layer;
        memory::WriteCause cause = memory::WriteCause::host;
        Source source = Source::host;
        std::uint64_t bytes = 0;  ///< interleaved: of the payload, else per chip
        std::uint64_t span = 0;   ///< after which the address starts over (streaming width)
        std::uint64_t queued = 0; ///< of the bytes, those that went to the queues
        std::uint32_t runs = 0;   ///< in the queues
        core::Picoseconds ready{};
        tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
        sc_core::sc_event finished;
        bool done = false;
    };
    enum class Step { column, activate, precharge, recall };
    /// The run of a slot and direction whose turn is next, and its next command; found once and kept until
    /// something changes in the slot.
    struct Candidate {
        core::Picoseconds not_before{};    ///< its command can't go earlier
        core::Picoseconds valid_until{-1}; ///< then another run starves
        QueuedRun* run = nullptr;
        Step step = Step::column;
    };

    // front
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return at_.nb_transport_fw(payload, phase, delay);
    }
    core::AtTarget::Answer at_request(tlm::tlm_generic_payload& payload);
    unsigned int debug(tlm::tlm_generic_payload& payload);
    tlm::tlm_response_status check(const tlm::tlm_generic_payload& payload,
                                   const ChannelRequest* request) const;
    tlm::tlm_response_status check_interleaved(const tlm::tlm_generic_payload& payload,
                                               bool has_request) const;
    tlm::tlm_response_status check_chip_local(const tlm::tlm_generic_payload& payload,
                                              const ChannelRequest& request) const;
    std::size_t enter(tlm::tlm_generic_payload& payload, bool at);
    void admit();
    bool queue_up(std::size_t index);
    QueuedRun next_run(const Request& request) const;
    void deliver();

    // scheduling
    void serve();
    bool issue_next();
    Step next_step(const QueuedRun& run) const;
    core::Picoseconds earliest(Step step, const QueuedRun& run, core::Picoseconds now,
                               core::Picoseconds free_slot) const;
    void perform(Step step, QueuedRun& run);
    void column_access(QueuedRun& run);
    void plan_turn(QueuedRun& run) const;
    memory::CommandExtension& column_command(const QueuedRun& run, std::uint64_t bytes);
    void hand_back(core::Rank rank, core::Bank bank);
    void refresh();

    // channel
    tlm::tlm_response_status issue(unsigned char* data = nullptr, unsigned char* enables = nullptr);
    void note_times();
    memory::CommandExtension& command(memory::CommandKind kind, core::Rank rank, core::Bank bank);
    unsigned int debug_chip_local(tlm::tlm_generic_payload& payload, const ChannelRequest& request);
    unsigned int debug_interleaved(tlm::tlm_generic_payload& payload, const ChannelRequest* request);
    memory::CommandExtension& debug_command(const RankStretch& stretch, bool write);
    unsigned int debug_access(unsigned char* data);

    void check_lease(core::Rank rank, core::Bank bank, std::uint32_t chips) const;
    BankEntry& entry(core::Rank rank, core::Bank bank) { return banks_[slot(rank, bank)]; }
    std::size_t slot(core::Rank rank, core::Bank bank) const {
        return std::size_t{rank.value()} * geometry_.banks + bank.value();
    }
    core::Rank rank_of(std::size_t slot) const { return core::Rank{slot / geometry_.banks}; }
    core::Bank bank_of(std::size_t slot) const { return core::Bank{slot % geometry_.banks}; }
    bool is_unit(const QueuedRun& run) const { return run.slot == unit_slot_; }
    void reconsider(std::size_t slot) { candidates_[0][slot] = candidates_[1][slot] = Candidate{}; }

    ChannelControllerConfig config_;
    memory::Technology technology_;
    memory::Geometry geometry_;
    std::uint32_t all_chips_;
    std::size_t unit_slot_;
    RankData data_;
    RequestQueue queue_;
    memory::ChannelTiming timing_;         ///< of what the controller knows; a unit's activates may add to it
    std::vector<BankEntry> banks_;         ///< by slot; the units' slot is always closed
    std::vector<Candidate> candidates_[2]; ///< by direction and slot
    core::IndexedVector<core::Rank, core::Picoseconds> refresh_due_;
    core::LayerId refresh_layer_ = core::no_layer;

    std::deque<Request> requests_;
    std::vector<std::size_t> free_requests_;
    std::deque<std::size_t> arrived_; ///< not all of it is in the queues
    struct Finish {
        core::Picoseconds time;
        std::size_t request;
    };
    std::deque<Finish> finishing_; ///< ascending: the data bus carries one after the other
    core::Picoseconds next_command_{};
    sc_core::sc_event wake_{"wake"};

    tlm::tlm_generic_payload payload_;
    memory::CommandExtension command_;
    core::Meter meter_{"meter"};
    core::Meter::Account io_;
    core::TraceSignal reads_trace_, writes_trace_, drain_trace_;
    core::AtTarget at_;
};

} // namespace hydravp::modules
