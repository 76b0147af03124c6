// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/latency_histogram.h"
#include "hydravp/core/payload_pool.h"
#include "hydravp/core/units.h"
#include "hydravp/workloads/trace.h"

#include <systemc>
#include <tlm_utils/peq_with_get.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace hydravp::workloads {

/// When an access of a trace is issued: at its time or, if something holds it up, as soon as possible; or
/// always as soon as possible.
enum class TraceTiming { trace, saturate };

struct TracePlayerConfig {
    TraceTiming timing = TraceTiming::trace;
    std::uint32_t outstanding = 64; ///< accesses under way at a time, at least 1
    std::uint64_t limit = 0;        ///< accesses of the trace, 0 for all
};

/// Reads, or writes, that ended without an error.
struct TraceDirectionStatistics {
    std::uint64_t accesses = 0;
    std::uint64_t bytes = 0;
    /// Each from its BEGIN_REQ to its BEGIN_RESP, with their annotated delays: from the time at which the
    /// request is put to the socket to the time of its last data.
    core::LatencyHistogram latency;
};

struct TraceStatistics {
    TraceDirectionStatistics read, write;
    core::Picoseconds first{};        ///< BEGIN_REQ of the first access
    core::Picoseconds last{};         ///< BEGIN_RESP of the last one
    std::uint64_t late_accesses = 0;  ///< issued later than the trace says (TraceTiming::trace)
    core::Picoseconds max_lateness{}; ///< of them
    std::uint64_t address_errors = 0; ///< accesses that the target has no address for
    std::uint64_t other_errors = 0;   ///< accesses with another error response

    std::uint64_t accesses() const { return read.accesses + write.accesses + address_errors + other_errors; }
    core::Picoseconds duration() const { return last - first; }
};

/// Plays a trace into any memory, and measures.
///
/// `memory` speaks the TLM-2.0 base protocol, AT: a target with nb_transport, or one of tlm_utils' simple
/// sockets with b_transport only, which takes one access at a time. Accesses are issued in the order of the
/// trace, at most one of them between BEGIN_REQ and END_REQ. What is written are zeros, what is read is not
/// looked at. An error response is counted, and the trace goes on.
///
/// It begins with the simulation and never ends it. Its memory does not depend on the length of the trace.
/// Not modelled: DMI, byte enables, the threads of a trace.
class TracePlayer : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<TracePlayer> memory{"memory"};

    /// Called for every payload before it is issued, for extensions or other data pointers. May be empty. To
    /// be set before the simulation.
    std::function<void(tlm::tlm_generic_payload&)> prepare;
    /// Called every some thousand accesses, for a sign of life or `stop()`. May be empty; as above.
    std::function<void()> heartbeat;

    /// Throws std::invalid_argument without a reader or with 0 accesses under way.
    TracePlayer(const sc_core::sc_module_name& name, std::unique_ptr<TraceReader> reader,
                const TracePlayerConfig& config = {});
    ~TracePlayer() override;

    const TraceStatistics& statistics() const { return statistics_; }
    const TraceReader& reader() const { return *reader_; }
    /// No further accesses; finished when those under way are complete.
    void stop();
    /// All accesses are complete, or the trace cannot be read.
    bool finished() const { return finished_; }
    const sc_core::sc_event& finished_event() const { return finished_event_; }
    /// Throws what the reader threw: core::InputError.
    void rethrow() const;

private:
    struct Slot;

    void issue();
    bool take();
    void send();
    void finish();
    void end_request(core::Picoseconds delay);
    void respond(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);
    void complete_due();
    void complete(tlm::tlm_generic_payload& payload);
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);

    std::unique_ptr<TraceReader> reader_;
    TracePlayerConfig config_;
    TraceAccess next_;
    bool pending_ = false; ///< `next_` is to be issued
    bool stopped_ = false;
    bool exhausted_ = false; ///< the trace has no further access
    std::uint64_t taken_ = 0;

    core::PayloadPool payloads_;
    std::vector<std::unique_ptr<Slot>> slots_;
    std::vector<Slot*> free_slots_;
    struct Free {
        void operator()(unsigned char* data) const { std::free(data); }
    };
    std::unique_ptr<unsigned char, Free> read_data_, write_data_; ///< of all accesses
    const tlm::tlm_generic_payload* request_ = nullptr;           ///< between BEGIN_REQ and END_REQ
    core::Picoseconds request_free_{};                            ///< the next BEGIN_REQ may not come before
    tlm_utils::peq_with_get<tlm::tlm_generic_payload> responses_{"responses"}; ///< with annotated delay
    sc_core::sc_event wake_{"wake"};

    TraceStatistics statistics_;
    bool finished_ = false;
    std::exception_ptr failure_;
    sc_core::sc_event finished_event_{"finished"};
};

} // namespace hydravp::workloads
