// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/pass_through.h"
#include "hydravp/core/units.h"

#include <systemc>
#include <tlm>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace hydravp::core {

/// What a `ProtocolChecker` does that doesn't depend on the width of its sockets.
class ProtocolCheckerBase : public PassThroughBase {
public:
    /// What a violation is a violation of. `description` has each as a sentence, with its source.
    enum class Rule {
        // what an initiator hands over
        response_status_at_start,
        dmi_allowed_at_start,
        command,
        data_pointer,
        data_length,
        streaming_width,
        byte_enable_length,
        memory_manager,
        reference_count,
        // what comes back to it
        response_missing,
        time_backwards,
        command_changed,
        address_changed,
        data_pointer_changed,
        data_length_changed,
        streaming_width_changed,
        byte_enables_changed,
        write_data_changed,
        disabled_byte_changed,
        // phases of nb_transport
        phase_path,
        phase_order,
        phase_repeated,
        unknown_transaction,
        request_exclusion,
        response_exclusion,
        payload_in_use,
        mixed_interfaces,
        response_changed,
        return_value,
        accepted_changed,
        // direct memory interface
        dmi_range,
        dmi_address,
        dmi_access,
        dmi_pointer,
        invalidated_range,
        // debug transport
        debug_count
    };

    /// The interface by which a transaction comes; a non-blocking one is counted with its BEGIN_REQ.
    enum class Kind { blocking, nonblocking, dmi, debug };

    struct Violation {
        Picoseconds time{0}; ///< simulated, without the annotated delay
        Rule rule{};
        std::string text; ///< the rule and, for phases and times, what was seen
        tlm::tlm_command command = tlm::TLM_IGNORE_COMMAND;
        std::uint64_t address = 0; ///< of the payload when the transaction began
        unsigned length = 0;       ///< in bytes
        std::string socket;        ///< full name: `front` if the initiator's side is at fault, else `back`
    };

    enum class OnViolation {
        record, ///< only write it down
        raise   ///< and throw SimulationError in the call that breaks the rule
    };

    struct Options {
        bool null_data_allowed = false; ///< reads and writes without data, as in a simulation of time only
        /// The standard lets an interconnect change the address for good (14.7). HydraVP's own modules
        /// restore it, so by default an address that does not come back is a violation.
        bool address_may_change = false;
        bool check_data = true; ///< compare data and byte enables; costs a copy of them
        OnViolation on_violation = OnViolation::record;
        std::size_t max_recorded = 1000; ///< violations beyond are only counted
    };

    const std::vector<Violation>& violations() const { return violations_; }
    /// All of them, also those beyond `Options::max_recorded`.
    std::uint64_t violation_count() const { return violation_count_; }
    std::uint64_t transactions() const;
    std::uint64_t transactions(Kind kind) const { return transactions_[static_cast<std::size_t>(kind)]; }

    /// Transactions that have begun and are not complete. At the end of a simulation this may be right.
    std::size_t unfinished() const { return open_.size(); }
    /// The unfinished transactions, one a line in the order of their beginning; empty if there are none.
    std::string report_open() const;
    /// The recorded violations, one a line; empty if there are none.
    std::string summary() const;

    /// The rule as half a sentence, with the clause of IEEE 1666-2011 where it is one of the standard's.
    static const char* description(Rule rule);

    // The sockets' interfaces.
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override;
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override;
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override;
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) override;
    void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) override;
    unsigned int transport_dbg(tlm::tlm_generic_payload& payload) override;

protected:
    ProtocolCheckerBase(const sc_core::sc_module_name& name, const Options& options);

private:
    enum class Side { front, back };

    /// What a violation says of a payload.
    struct Access {
        tlm::tlm_command command;
        std::uint64_t address;
        unsigned length;
        explicit Access(const tlm::tlm_generic_payload& payload);
        Access(tlm::tlm_command c, std::uint64_t a, unsigned l) : command(c), address(a), length(l) {}
    };

    /// A transaction under way, as it was when it began.
    struct Transaction {
        std::uint64_t number = 0; ///< of all, from 1
        bool blocking = false;
        bool acquired = false;                      ///< the checker holds a reference
        tlm::tlm_phase_enum phase = tlm::BEGIN_REQ; ///< the last
        sc_core::sc_time time;                      ///< of the last phase, with the annotated delay
        tlm::tlm_response_status response{};        ///< as of BEGIN_RESP
        tlm::tlm_command command{};
        sc_dt::uint64 address = 0;
        unsigned char* data = nullptr;
        unsigned length = 0;
        unsigned width = 0;
        unsigned char* enables = nullptr;
        unsigned enables_length = 0;
        std::vector<unsigned char> data_copy;    ///< empty if there is nothing to compare
        std::vector<unsigned char> enables_copy; ///< the same
        Access access() const { return {command, address, length}; }
    };
    using Transactions = std::unordered_map<const tlm::tlm_generic_payload*, Transaction>;

    struct End;
    Transaction* find(const tlm::tlm_generic_payload& payload);
    Transaction* find(const tlm::tlm_generic_payload& payload, std::uint64_t number);
    Transaction& begin(tlm::tlm_generic_payload& payload, bool blocking, const sc_core::sc_time& time);
    void end(tlm::tlm_generic_payload& payload);

    std::uint64_t receive_forward(tlm::tlm_generic_payload& payload, const tlm::tlm_phase& phase,
                                  const sc_core::sc_time& delay);
    std::uint64_t begin_request(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);
    std::uint64_t end_response(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);
    void complete(Transaction& transaction, tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);
    std::uint64_t receive_backward(tlm::tlm_generic_payload& payload, const tlm::tlm_phase& phase,
                                   const sc_core::sc_time& delay);
    void advance(Transaction& transaction, const tlm::tlm_generic_payload& payload, tlm::tlm_phase_enum phase,
                 const sc_core::sc_time& delay);

    void check_start(const tlm::tlm_generic_payload& payload, bool blocking);
    void check_response(const Transaction& transaction, const tlm::tlm_generic_payload& payload);
    void check_data(const Transaction& transaction);
    void check_time(Transaction& transaction, const sc_core::sc_time& delay, Side side);
    void report(Rule rule, Side side, const Access& access, const std::string& detail = {});

    Options options_;
    Transactions open_;
    std::vector<Transactions::node_type> spare_;         ///< of finished transactions, with their buffers
    const tlm::tlm_generic_payload* request_ = nullptr;  ///< between BEGIN_REQ and END_REQ
    const tlm::tlm_generic_payload* response_ = nullptr; ///< between BEGIN_RESP and END_RESP
    std::uint64_t begun_ = 0;
    std::array<std::uint64_t, 4> transactions_{};
    std::vector<Violation> violations_;
    std::uint64_t violation_count_ = 0;
};

/// Stands between an initiator and a target, passes everything on unchanged, and writes down what breaks the
/// TLM-2.0 base protocol (IEEE 1666-2011, clauses 11, 14 and 15): b_transport, nb_transport with all its
/// return paths, DMI and debug transport. It takes no simulated time.
///
/// From BEGIN_REQ until a transaction is complete the checker holds a reference to its payload, as every
/// component that looks at a payload between calls has to (14.5). Phases that are not of the base protocol
/// are passed on and ignored (15.2.5). Exclusion rules follow the order of the calls, not the annotated
/// delays. An attribute that has changed is charged to the target's side; in nb_transport the initiator may
/// have done it.
///
/// Not checked: extensions, the option attribute, endianness, order of transactions to the same address.
template <unsigned int BUSWIDTH = 32>
class BasicProtocolChecker : public PassThrough<ProtocolCheckerBase, BUSWIDTH> {
public:
    explicit BasicProtocolChecker(const sc_core::sc_module_name& name,
                                  const ProtocolCheckerBase::Options& options = {})
        : PassThrough<ProtocolCheckerBase, BUSWIDTH>(name, options) {}
};

/// With sockets as wide as those of HydraVP's modules.
using ProtocolChecker = BasicProtocolChecker<>;

} // namespace hydravp::core
