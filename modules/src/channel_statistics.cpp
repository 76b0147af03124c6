// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_statistics.h"

#include <numeric>

namespace hydravp::modules {

using core::Picoseconds;

BankStatistics& BankStatistics::operator+=(const BankStatistics& other) {
    runs += other.runs;
    row_hits += other.row_hits;
    row_misses += other.row_misses;
    row_conflicts += other.row_conflicts;
    forwarded += other.forwarded;
    activates += other.activates;
    precharges += other.precharges;
    reads += other.reads;
    writes += other.writes;
    refreshes += other.refreshes;
    write_pauses += other.write_pauses;
    write_cancellations += other.write_cancellations;
    return *this;
}

RankStatistics& RankStatistics::operator+=(const RankStatistics& other) {
    refreshes += other.refreshes;
    precharge_alls += other.precharge_alls;
    power_downs += other.power_downs;
    self_refreshes += other.self_refreshes;
    unit_reads += other.unit_reads;
    unit_writes += other.unit_writes;
    return *this;
}

AccessStatistics& AccessStatistics::operator+=(const AccessStatistics& other) {
    accesses += other.accesses;
    bytes += other.bytes;
    queueing += other.queueing;
    service += other.service;
    longest_queueing = std::max(longest_queueing, other.longest_queueing);
    longest_service = std::max(longest_service, other.longest_service);
    latency += other.latency;
    return *this;
}

AccessStatistics& ChannelStatistics::count_initiator(std::uint32_t initiator) {
    if (initiators.empty()) { // what has been so far was initiator 0
        initiators.push_back(read);
        initiators.back() += write;
    }
    if (initiator >= initiators.size()) {
        initiators.resize(initiator + 1);
    }
    return initiators[initiator];
}

/// Goes on to the interval in which `now` lies.
void QueueOccupancy::turn_over(Picoseconds now) {
    if (!began_) {
        began_ = true;
        from_ = last_ = now;
        end_ = now + interval_;
    }
    while (now >= end_) {
        fill(end_);
        if (++index_ == most_intervals) {
            for (auto& area : area_) {
                for (std::size_t i = 0; i < most_intervals / 2; ++i) {
                    area[i] = area[2 * i] + area[2 * i + 1];
                }
                std::fill(area.begin() + most_intervals / 2, area.end(), 0.0);
            }
            index_ = most_intervals / 2;
            interval_ = 2 * interval_;
        }
        end_ += interval_;
    }
}

double QueueOccupancy::area_ps(bool write) const {
    return std::accumulate(area_[write].begin(), area_[write].end(), 0.0);
}

std::vector<double> QueueOccupancy::series(bool write) const {
    std::vector<double> means;
    for (std::size_t i = 0; i <= index_; ++i) {
        const Picoseconds begin = from_ + static_cast<std::int64_t>(i) * interval_;
        const Picoseconds time = std::min(interval_, last_ - begin);
        if (time.count() > 0) {
            means.push_back(area_[write][i] / static_cast<double>(time.count()));
        }
    }
    return means;
}

} // namespace hydravp::modules
