// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"
#include "hydravp/memory/command_bus.h"
#include "hydravp/memory/technology.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// The commands whose distances a technology's rules fix.
enum class TimedCommand : std::uint8_t { activate, precharge, read, write };
constexpr std::size_t timed_commands = 4;

/// Where the later command of a rule goes, as seen from the earlier one.
enum class TimingScope : std::uint8_t {
    bank,       ///< to the same bank
    bank_group, ///< to any bank of the same bank group
    rank,       ///< to any bank of the same rank
    other_ranks ///< to any bank of the channel's other ranks
};

/// One line of a technology's timing: `after` may be issued at the earliest `distance` after the `window`-th
/// last `before`.
struct TimingRule {
    const char* name; ///< of the parameter that it comes from
    TimedCommand before;
    TimedCommand after;
    TimingScope scope;
    core::Picoseconds distance;
    std::uint32_t window = 1;
};

/// The rules of a technology as a table; those that hold always (a distance of zero) are left out. What a
/// refresh blocks is not in it.
std::vector<TimingRule> timing_rules(const Technology& technology);

/// The bank machinery of a channel controller, driven by such a table: when may a command go, given those
/// before it? Commands are issued in the order of their times. Free of SystemC.
class ChannelTiming {
public:
    ChannelTiming(const Technology& technology, const Geometry& geometry);
    ChannelTiming(const Technology& technology, const Geometry& geometry,
                  const std::vector<TimingRule>& rules);

    /// @name When a command may go, in parts: what commands to the bank, its group and its rank hold up, and
    /// the command bus, on which a run of `bursts` column commands needs its slots. The latest of them
    /// counts; to column commands that go to no bank only those of the rank and the bus matter. The
    /// references stay valid and follow what is issued. `slot`: rank * banks + bank.
    /// @{
    const core::Picoseconds& bank_allows(TimedCommand command, std::size_t slot) const {
        return banks_[slot][index(command)];
    }
    const core::Picoseconds& group_allows(TimedCommand command, std::size_t slot) const {
        return groups_[places_[slot].group][index(command)];
    }
    const core::Picoseconds& rank_allows(TimedCommand command, core::Rank rank) const {
        return ranks_[rank.value()][index(command)];
    }
    /// Bank groups of all ranks, one after the other.
    std::size_t group_of(std::size_t slot) const { return places_[slot].group; }
    core::Picoseconds bus_allows(core::Picoseconds t, std::uint32_t bursts = 1) const {
        return commands_.earliest(t, bursts);
    }
    /// @}
    /// All of them but the command bus.
    core::Picoseconds rules_allow(TimedCommand command, std::size_t slot) const {
        return std::max({bank_allows(command, slot), group_allows(command, slot),
                         ranks_[places_[slot].rank][index(command)]});
    }
    void issue(TimedCommand command, std::size_t slot, core::Picoseconds t, std::uint32_t bursts = 1);
    void issue_without_bank(TimedCommand command, core::Rank rank, core::Picoseconds t, std::uint32_t bursts);
    /// The bank may not be activated before `t`, for reasons beyond the rules.
    void block(std::size_t slot, core::Picoseconds t);
    /// The closed bank may be activated from `t` on, whatever the rules of the bank say.
    void free_from(std::size_t slot, core::Picoseconds t) { banks_[slot][index(TimedCommand::activate)] = t; }
    /// No command to the rank may go before `t`, for reasons beyond the rules.
    void hold(core::Rank rank, core::Picoseconds t);
    /// A command without rules (refresh) takes the slot at `t`.
    void take_slot(core::Picoseconds t) { commands_.reserve(t); }
    /// Nobody will ask about times before `t` any more.
    void forget(core::Picoseconds t) { commands_.forget(t); }

private:
    using Times = std::array<core::Picoseconds, timed_commands>;
    struct Window {
        std::size_t before, after;
        core::Picoseconds distance;
        std::uint32_t size;
        std::vector<core::Picoseconds> times; ///< per rank a ring of the last `size`
        std::vector<std::uint32_t> next;      ///< per rank the oldest
    };
    /// What a command holds up in one scope: those behind it, and for how long.
    struct Holds {
        struct Hold {
            std::size_t after;
            core::Picoseconds distance;
        };
        std::array<Hold, timed_commands> holds{};
        std::size_t count = 0;
        void add(std::size_t after, core::Picoseconds distance);
        void apply(Times& times, core::Picoseconds t) const {
            for (std::size_t i = 0; i < count; ++i) {
                core::Picoseconds& time = times[holds[i].after];
                time = std::max(time, t + holds[i].distance);
            }
        }
    };
    static std::size_t index(TimedCommand command) { return static_cast<std::size_t>(command); }
    void apply_to_ranks(std::size_t command, std::size_t rank, core::Picoseconds last);

    core::Picoseconds column_cycle_;
    struct Place {
        std::uint32_t rank, group;
    };
    std::vector<Place> places_;                                                  ///< by slot
    std::array<Holds, timed_commands> in_bank_, in_group_, in_rank_, in_others_; ///< by the command before
    std::vector<Window> windows_;
    std::vector<Times> banks_, groups_, ranks_; ///< the earliest moment of each command
    CommandBus commands_;
};

} // namespace hydravp::memory
