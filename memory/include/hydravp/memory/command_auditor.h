// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/array_write_audit.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::memory {

/// Stands between a controller and its `Channel`, passes every command on unchanged, and compares the times
/// and the order of the commands with the rules of a technology. It takes no simulated time.
///
/// The rules are a table of its own (`constraints`), checked against a history of its own: it shares nothing
/// with the controller or the channel but the command protocol. Each command of a run of column commands is
/// checked by itself.
///
/// The channel may place commands ahead, and a run overlaps with later commands. So commands wait until the
/// simulated time has reached them, and are checked in the order of their times; a violation may be reported
/// some calls later. `finish` checks the rest. Of the past only the last commands of each kind are kept, per
/// bank, bank group and rank, so memory is bounded however long the run is.
///
/// Rules beyond the table, by name:
/// - `clock_grid`, `command_bus`: commands lie on clock edges, one in each period at most;
/// - `t_cl`, `t_wl`, `t_burst`: when the data begin after their command, and how long they take;
/// - `data_bus`, `t_rtrs`: bursts don't overlap; the gap where the rank or the direction changes;
/// - `t_refi`: refreshes of a rank are not put off by more than `Options::postponable_refreshes` intervals;
/// - `row_open`: activate or refresh while a row is open;
/// - `row_closed`, `wrong_row`: column command to a bank without an open row, or with another;
/// - `leased`: a command to a bank that a near-memory unit has; also a lease of what is leased already;
/// - `not_leased`: a release of what is not leased;
/// - `place`: a rank, bank or row that the memory doesn't have;
/// - `issue_time`: a command issued before the controller gave it;
/// - `write_...`: interruptions of array writes, see `ArrayWriteAudit`.
///
/// A precharge of a closed bank does nothing, and starts no t_rp. Commands that are refused are not checked.
/// With a `t_ck` of 0 (ideal transfers) only state and data times are. Not checked: what near-memory units do
/// in their banks, data.
class CommandAuditor : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<CommandAuditor> front{"front"};
    tlm_utils::simple_initiator_socket<CommandAuditor> back{"back"};

    /// What a command is to the rules: the precharge-all of a refresh is one of its own.
    enum class Kind : std::uint8_t {
        activate,
        precharge,
        precharge_all,
        read,
        write,
        refresh,
        refresh_bank,
        power_down,
        self_refresh,
        power_up,          ///< ends power-down
        self_refresh_exit, ///< power_up after self-refresh
        lease,             ///< at the time when the unit may activate
        release,           ///< with the precharge that closes the unit's row
        pause_write,
        cancel_write,
        resume_write
    };
    static constexpr std::size_t kinds = 16;

    /// A command as the rules see it.
    struct Command {
        core::Picoseconds time{};
        Kind kind = Kind::activate;
        bool has_bank = true; ///< false: of the whole rank, or a unit's buffers
        std::uint32_t rank = 0;
        std::uint32_t bank = 0;
        std::uint32_t row = 0;
        std::uint32_t chips = ~std::uint32_t{0}; ///< lease, release: those that change hands
    };

    /// What two commands of a constraint have in common.
    enum class Scope { bank, bank_group, rank };

    /// A line of the table: a command of one of the kinds in `after` comes at least `distance` behind each of
    /// the kinds in `before`, or behind the `window`th last of them.
    struct Constraint {
        const char* rule; ///< the name of the technology's value
        std::vector<Kind> before;
        std::vector<Kind> after;
        Scope scope;
        core::Picoseconds distance;
        std::uint32_t window = 1; ///< more than 1: per rank only
    };
    /// The table of a technology; rules that it doesn't have are left out.
    static std::vector<Constraint> constraints(const Technology& technology);
    /// The names of all rules.
    static std::vector<std::string> rules();

    struct Violation {
        std::string rule;
        std::optional<Command> first;  ///< empty: no other command takes part
        std::optional<Command> second; ///< the offender; empty: a refresh that never came
        core::Picoseconds found{};     ///< from the first to the second, or what the rule measures
        core::Picoseconds required{};  ///< at least; t_refi: at most; t_cl, t_wl, t_burst: exactly
        std::string text;              ///< all of it as a sentence
    };

    enum class OnViolation {
        record, ///< only write it down
        raise,  ///< and throw SimulationError from the call in which it is found
        report  ///< and report it with SC_REPORT_ERROR
    };

    struct Options {
        /// Refreshes of a rank that may be owed, or done ahead, at a time; JEDEC's DDR3 and DDR4 allow 8.
        std::uint32_t postponable_refreshes = 8;
        OnViolation on_violation = OnViolation::record;
        std::size_t max_recorded = 100; ///< violations beyond are only counted
    };

    CommandAuditor(const sc_core::sc_module_name& name, const Technology& technology,
                   const Geometry& geometry, const Options& options);
    CommandAuditor(const sc_core::sc_module_name& name, const Technology& technology,
                   const Geometry& geometry);

    /// Checks the commands that still wait, and the refreshes up to now. The end of the simulation (sc_stop)
    /// does it too; nothing may follow that is issued before the last command.
    void finish();

    /// Those found so far.
    const std::vector<Violation>& violations() const { return violations_; }
    /// All of them, also those beyond `Options::max_recorded`.
    std::uint64_t violation_count() const { return violation_count_; }
    /// By the name of the rule; rules that were kept are not in it.
    const std::map<std::string, std::uint64_t>& violations_by_rule() const { return by_rule_; }
    /// The recorded violations, one a line, and how many there are of each rule; empty if there are none.
    std::string summary() const;

    /// Commands checked so far, every burst of a run counted.
    std::uint64_t commands() const;
    std::uint64_t commands(Kind kind) const { return commands_[static_cast<std::size_t>(kind)]; }

private:
    /// A command, or the rest of a run, that the simulated time has not reached.
    struct Pending {
        Command command;
        std::uint64_t number = 0; ///< in the order of the calls
        std::uint32_t left = 1;   ///< commands of the run
        core::Picoseconds spacing{};
        friend bool operator<(const Pending& a, const Pending& b) { // the heap's top is the earliest
            return a.command.time != b.command.time ? a.command.time > b.command.time : a.number > b.number;
        }
    };
    /// The last command of each kind.
    using History = std::array<Command, kinds>;
    struct Check {
        const char* rule;
        std::size_t before;
        core::Picoseconds distance;
    };
    struct Window {
        const char* rule;
        std::size_t kind;
        core::Picoseconds distance;
        std::uint32_t size;
        std::vector<Command> last;       ///< per rank a ring
        std::vector<std::uint32_t> next; ///< per rank the oldest
    };
    struct BankState {
        bool open = false;
        std::uint32_t leased = 0; ///< mask of chips
        Command changed;          ///< the command that made it so
        History last;
    };
    struct RankState {
        History last;
        Command refreshed;
        core::Picoseconds covered{}; ///< up to here the refreshes so far suffice
        Command slept;               ///< the last power-down or self-refresh
        bool asleep = false;
        bool noted_in_self_refresh = false; ///< in the order of the calls
    };
    struct Burst {
        core::Picoseconds begin{}, end{};
        Command command;
    };

    class Call;
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int debug(tlm::tlm_generic_payload& payload) { return back->transport_dbg(payload); }
    /// What goes by DMI makes no commands.
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
        return back->get_direct_mem_ptr(payload, dmi);
    }
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
        front->invalidate_direct_mem_ptr(first, last);
    }
    void end_of_simulation() override { finish(); }

    void note(const CommandExtension& command, core::Picoseconds given);
    Kind power_kind(const CommandExtension& command);
    void note_run(const CommandExtension& command, Command first);
    void wait_for_turn(const Command& command, std::uint32_t left = 1, core::Picoseconds spacing = {});
    void check_until(core::Picoseconds time);
    void check(const Command& command);
    void check_buses(const Command& command);
    void check_data_bus(const Command& command);
    void check_state(const Command& command);
    void check_refreshes(std::uint32_t rank, core::Picoseconds time, const Command* command);
    void check_distances(const Command& command);
    void check_array_write(const Command& command);
    void compare(const Check& check, const Command& before, const Command& command);
    void remember(const Command& command);
    void violation(const char* rule, const Command* first, const Command* second, core::Picoseconds found,
                   core::Picoseconds required, const char* relation);

    BankState& bank(const Command& command) {
        return banks_[std::size_t{command.rank} * geometry_.banks + command.bank];
    }
    History& group(const Command& command) {
        return groups_[std::size_t{command.rank} * geometry_.bank_groups +
                       command.bank / geometry_.banks_per_group()];
    }

    Technology technology_;
    Geometry geometry_;
    Options options_;
    bool timed_;                   ///< there is a clock
    core::Picoseconds burst_time_; ///< 0 without a clock
    core::Picoseconds min_latency_;
    std::array<std::vector<Check>, kinds> in_bank_, in_group_, in_rank_; ///< by the command behind
    std::vector<Window> windows_;

    std::vector<core::Picoseconds> calls_; ///< begin of those under way
    std::vector<Pending> pending_;         ///< a heap
    std::uint64_t calls_noted_ = 0;
    std::vector<BankState> banks_;
    std::vector<History> groups_;
    std::vector<RankState> ranks_;
    Command last_command_; ///< on the command bus
    ArrayWriteAudit array_writes_;
    std::vector<Burst> bursts_; ///< on the data bus, those that a later one may still overlap
    std::array<std::uint64_t, kinds> commands_{};

    std::vector<Violation> violations_;
    std::uint64_t violation_count_ = 0;
    std::map<std::string, std::uint64_t> by_rule_;
};

/// As in "read at 25000 ps, rank 0, bank 1, row 2".
std::string to_string(const CommandAuditor::Command& command);

} // namespace hydravp::memory
