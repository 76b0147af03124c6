// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/timing_rules.h"

#include <algorithm>

namespace hydravp::memory {

using core::Picoseconds;

std::vector<TimingRule> timing_rules(const Technology& t) {
    using C = TimedCommand;
    using S = TimingScope;
    // From a column command to the end of its data, and from there back to the command of the next data.
    const Picoseconds read_data = t.t_cl + t.burst_time();
    const Picoseconds write_data = t.t_wl + t.burst_time();
    const Picoseconds read_to_write = read_data + t.t_rtrs - t.t_wl;
    const Picoseconds write_to_read = write_data + t.t_rtrs - t.t_cl;
    const Picoseconds change_of_rank = t.burst_time() + t.t_rtrs;
    const TimingRule all[] = {
        {"t_rcd", C::activate, C::read, S::bank, t.t_rcd},
        {"t_rcd", C::activate, C::write, S::bank, t.t_rcd},
        {"t_ras", C::activate, C::precharge, S::bank, t.t_ras},
        {"t_rc", C::activate, C::activate, S::bank, t.t_rc},
        {"t_rp", C::precharge, C::activate, S::bank, t.t_rp},
        {"t_rtp", C::read, C::precharge, S::bank, t.t_rtp},
        {"t_wr", C::write, C::precharge, S::bank, write_data + t.t_wr},
        {"t_rrd", C::activate, C::activate, S::rank, t.t_rrd},
        {"t_faw", C::activate, C::activate, S::rank, t.t_faw, 4},
        {"t_rrd_pre", C::precharge, C::precharge, S::rank, t.t_rrd_pre},
        {"t_ccd", C::read, C::read, S::rank, t.t_ccd},
        {"t_ccd", C::write, C::write, S::rank, t.t_ccd},
        {"t_ccd", C::read, C::write, S::rank, t.t_ccd},
        {"t_ccd", C::write, C::read, S::rank, t.t_ccd},
        {"t_rtrs", C::read, C::write, S::rank, read_to_write},
        {"t_rtrs", C::write, C::read, S::rank, write_to_read},
        {"t_wtr", C::write, C::read, S::rank, write_data + t.t_wtr},
        {"t_rrd_l", C::activate, C::activate, S::bank_group, t.t_rrd_l},
        {"t_ccd_l", C::read, C::read, S::bank_group, t.t_ccd_l},
        {"t_ccd_l", C::write, C::write, S::bank_group, t.t_ccd_l},
        {"t_wtr_l", C::write, C::read, S::bank_group,
         t.t_wtr_l.count() > 0 ? write_data + t.t_wtr_l : Picoseconds{0}},
        {"t_rtrs", C::read, C::read, S::other_ranks, change_of_rank},
        {"t_rtrs", C::write, C::write, S::other_ranks, change_of_rank},
        {"t_rtrs", C::read, C::write, S::other_ranks, read_to_write},
        {"t_rtrs", C::write, C::read, S::other_ranks, write_to_read},
    };
    std::vector<TimingRule> rules;
    std::copy_if(std::begin(all), std::end(all), std::back_inserter(rules),
                 [](const TimingRule& rule) { return rule.distance.count() > 0; });
    return rules;
}

ChannelTiming::ChannelTiming(const Technology& technology, const Geometry& geometry)
    : ChannelTiming(technology, geometry, timing_rules(technology)) {}

ChannelTiming::ChannelTiming(const Technology& technology, const Geometry& geometry,
                             const std::vector<TimingRule>& rules)
    : column_cycle_(technology.column_cycle()),
      banks_(std::size_t{geometry.ranks} * geometry.banks, Times{}),
      groups_(std::size_t{geometry.ranks} * geometry.bank_groups, Times{}),
      ranks_(geometry.ranks, Times{}),
      commands_(technology.t_ck, technology.column_cycle()) {
    for (std::uint32_t slot = 0; slot < banks_.size(); ++slot) {
        places_.push_back({slot / geometry.banks, slot / geometry.banks_per_group()});
    }
    constexpr Picoseconds long_ago{-1'000'000'000'000};
    for (const TimingRule& rule : rules) {
        if (rule.window > 1) {
            windows_.push_back({index(rule.before), index(rule.after), rule.distance, rule.window,
                                std::vector<Picoseconds>(ranks_.size() * rule.window, long_ago),
                                std::vector<std::uint32_t>(ranks_.size(), 0)});
            continue;
        }
        auto& scope = rule.scope == TimingScope::bank         ? in_bank_
                      : rule.scope == TimingScope::bank_group ? in_group_
                      : rule.scope == TimingScope::rank       ? in_rank_
                                                              : in_others_;
        scope[index(rule.before)].add(index(rule.after), rule.distance);
    }
}

/// Of two distances between the same commands the longer one counts.
void ChannelTiming::Holds::add(std::size_t after, Picoseconds distance) {
    for (std::size_t i = 0; i < count; ++i) {
        if (holds[i].after == after) {
            holds[i].distance = std::max(holds[i].distance, distance);
            return;
        }
    }
    holds[count++] = {after, distance};
}

void ChannelTiming::issue(TimedCommand command, std::size_t slot, Picoseconds t, std::uint32_t bursts) {
    const Picoseconds last = t + (bursts - 1) * column_cycle_;
    commands_.reserve(t, bursts);
    in_bank_[index(command)].apply(banks_[slot], last);
    in_group_[index(command)].apply(groups_[places_[slot].group], last);
    apply_to_ranks(index(command), places_[slot].rank, last);
}

void ChannelTiming::issue_without_bank(TimedCommand command, core::Rank rank, Picoseconds t,
                                       std::uint32_t bursts) {
    commands_.reserve(t, bursts);
    apply_to_ranks(index(command), rank.value(), t + (bursts - 1) * column_cycle_);
}

void ChannelTiming::apply_to_ranks(std::size_t command, std::size_t rank, Picoseconds last) {
    in_rank_[command].apply(ranks_[rank], last);
    for (std::size_t other = 0; other < ranks_.size() && in_others_[command].count > 0; ++other) {
        if (other != rank) {
            in_others_[command].apply(ranks_[other], last);
        }
    }
    for (Window& window : windows_) {
        if (window.before == command) {
            std::uint32_t& next = window.next[rank];
            window.times[rank * window.size + next] = last;
            next = next + 1 == window.size ? 0 : next + 1;
            const Picoseconds oldest = window.times[rank * window.size + next];
            ranks_[rank][window.after] = std::max(ranks_[rank][window.after], oldest + window.distance);
        }
    }
}

void ChannelTiming::hold(core::Rank rank, Picoseconds t) {
    for (Picoseconds& time : ranks_[rank.value()]) {
        time = std::max(time, t);
    }
}

void ChannelTiming::block(std::size_t slot, Picoseconds t) {
    Picoseconds& activate = banks_[slot][index(TimedCommand::activate)];
    activate = std::max(activate, t);
}

} // namespace hydravp::memory
