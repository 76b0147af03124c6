// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/at_target.h"
#include "hydravp/core/index.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/technology.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/channel_debug.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/channel_statistics.h"
#include "hydravp/modules/command_scheduler.h"
#include "hydravp/modules/config.h"
#include "hydravp/modules/rank_data.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace hydravp::modules {

/// Controller of one memory channel: FR-FCFS or FCFS with a read and a write queue; policies for pages,
/// refreshes and idle ranks.
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
/// the order in which they came. A read of the interleaved view whose bytes wait in the write queue
/// (`forwarding_write`) is answered from there: after the front-end latency, maybe before the write's own
/// response, and without the channel. Until then it has its place in the read queue.
///
/// Interleaved addresses are taken apart by an `AddressMapping`. Byte
/// enables and streaming width are honoured in the interleaved view. In the chip-local view the extension
/// gives the extent and the payload's address, length and streaming width are not looked at; byte enables
/// follow the data's layout, and the array only. A null data pointer moves no data and is for payloads with a
/// `ChannelRequest` only.
///
/// DMI is granted to ordinary memory if the configuration says so (`dmi`), for the stretch of the mapping
/// (`AddressMapping::stretch`, by default a row of the rank) around the address, to read and to write. It is
/// denied while the bank is leased, and where a waveform of the controller, its channel or the rank is
/// traced. A grant is taken back when somebody writes into the row chip by chip, and when its bank is leased.
/// Its latencies are those of one access of a burst to an idle channel with a closed bank, arriving on an
/// edge of the clock: what LT and AT take then. What goes by DMI is neither timed nor counted nor ordered
/// with the requests under way; the payloads' hint (`is_dmi_allowed`) says whether a grant would be had.
///
/// The controller wakes when data have passed, not for every command: what the commands are depends on
/// nothing but the requests that have come by their times, so they can be issued later, up to the moment at
/// which their effects are seen. Commands know all requests that have come by their times, those of the same
/// moment included. Only a controller that shares its channel with units issues each command at its own time,
/// and so without those that come later in the same moment.
///
/// An ordinary access to a leased bank recalls the lease: the unit stops, the access is made, the bank is
/// precharged and handed back when nothing else waits for it. Refreshes come when they are due, at most
/// behind the burst group on its way, or as long after as the configuration lets them wait. Not modelled:
/// posted writes, ECC.
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

    /// What has happened before this moment.
    const ChannelStatistics& statistics();

    /// Runs in the queues, and whether writes are drained.
    void trace(core::Tracer& tracer) override;

private:
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
        std::uint32_t initiator = 0;
        std::uint64_t bytes = 0;  ///< interleaved: of the payload, else per chip
        std::uint64_t span = 0;   ///< after which the address starts over (streaming width)
        std::uint64_t queued = 0; ///< of the bytes, those that went to the queues
        std::uint32_t runs = 0;   ///< in the queues
        core::Picoseconds accepted{}, ready{};
        core::Picoseconds first_column{-1}; ///< command; below 0: none has gone
        tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
        sc_core::sc_event finished;
        bool done = false;
    };
    // front
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return at_.nb_transport_fw(payload, phase, delay);
    }
    core::AtTarget::Answer at_request(tlm::tlm_generic_payload& payload);
    unsigned int debug(tlm::tlm_generic_payload& payload);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last);
    bool grants_dmi(const ChannelRequest* request, std::uint64_t address) const;
    std::size_t enter(tlm::tlm_generic_payload& payload, bool at);
    bool take(std::size_t index);
    void admit(core::Picoseconds now);
    bool queue_up(std::size_t index, core::Picoseconds now);
    void place_run(const Request& request, QueuedRun& run) const;
    bool forward(std::size_t index, const QueuedRun& read, core::Picoseconds now);
    void deliver(core::Picoseconds now);
    core::Picoseconds next_finish() const;

    // commands
    void serve();
    void settle(core::Picoseconds until);
    core::Picoseconds next_wake(core::Picoseconds now);
    void show_queues() const;
    void perform(const CommandScheduler::Decision& decision);
    void count_run(CommandScheduler::Step step, QueuedRun& run);
    void count_command();
    void count_access(const Request& request, bool write, core::Picoseconds end);
    void column_access(QueuedRun& run);
    void plan_turn(QueuedRun& run) const;
    memory::CommandExtension& column_command(const QueuedRun& run);
    void hand_back(std::size_t slot);
    void command_rank(const CommandScheduler::Decision& decision);
    void check_lease(core::Rank rank, core::Bank bank, std::uint32_t chips) const;
    tlm::tlm_response_status issue(unsigned char* data = nullptr, unsigned char* enables = nullptr);
    memory::CommandExtension& command(memory::CommandKind kind, core::Rank rank, core::Bank bank);

    ChannelControllerConfig config_;
    memory::Technology technology_;
    memory::Geometry geometry_;
    bool forwards_;
    std::uint32_t all_chips_;
    std::uint64_t rank_burst_bytes_; ///< all chips together
    AddressMapping map_;
    RankData data_;
    ChannelDebug debug_;
    CommandScheduler scheduler_;
    core::LayerId refresh_layer_ = core::no_layer;

    std::vector<std::unique_ptr<Request>> requests_;
    std::vector<std::size_t> free_requests_;
    std::deque<std::size_t> arrived_; ///< not all of it is in the queues
    struct Finish {
        core::Picoseconds time;
        std::size_t request;
        bool write;
        bool completes; ///< the request
    };
    void finish(const Finish& finish, core::Picoseconds now);
    std::deque<Finish> finishing_;     ///< runs, ascending: the data bus carries one after the other
    std::deque<Finish> forwarded_;     ///< runs that the write queue answers, ascending
    std::uint32_t queued_[2] = {0, 0}; ///< runs in the queues, by direction, until their data have passed
    core::Picoseconds clock_{};        ///< all commands up to here have been issued
    core::Picoseconds lookahead_{};
    sc_core::sc_event wake_{"wake"};
    bool serving_ = false;
    bool traced_ = false;

    tlm::tlm_generic_payload payload_;
    memory::CommandExtension command_;
    ChannelStatistics statistics_;
    core::Meter meter_{"meter"};
    core::Meter::Account io_;
    core::TraceSignal reads_trace_, writes_trace_, drain_trace_;
    core::AtTarget at_;
};

} // namespace hydravp::modules
