// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_queue.h"

#include <algorithm>
#include <stdexcept>

namespace hydravp::modules {

using core::Picoseconds;

RequestQueue::RequestQueue(const ChannelControllerConfig& config, std::size_t slots)
    : config_(config), unit_slot_(slots - 1), storage_(config.read_queue + config.write_queue) {
    if (config.read_queue == 0 || config.write_queue == 0 || config.write_low_watermark == 0 ||
        config.write_low_watermark > config.write_high_watermark ||
        config.write_high_watermark > config.write_queue || config.burst_group == 0) {
        throw std::invalid_argument(
            "channel controller: needs queues, burst groups, and 1 <= low <= high watermark <= write queue");
    }
    for (auto& runs : runs_) {
        runs.resize(slots);
    }
    for (QueuedRun& run : storage_) {
        free_.push_back(&run);
    }
}

bool RequestQueue::conflict(const QueuedRun& a, const QueuedRun& b) {
    return (a.write || b.write) && a.row == b.row && a.first < b.first + b.bytes &&
           b.first < a.first + a.bytes;
}

bool RequestQueue::older(const QueuedRun& a, const QueuedRun& b) {
    return a.age != b.age ? a.age < b.age : a.order < b.order;
}

void RequestQueue::push(const QueuedRun& arrived, Picoseconds now) {
    QueuedRun& run = *free_.back();
    free_.pop_back();
    run = arrived;
    run.order = next_order_++;
    run.age = now;
    run.blockers = 0;
    run.blocks_read = false;
    if (run.slot != unit_slot_) {
        for (auto& runs : runs_) {
            for (QueuedRun* older : runs[run.slot]) {
                if (conflict(*older, run)) {
                    ++run.blockers;
                    if (!run.write && !older->blocks_read) {
                        older->blocks_read = true;
                        ++writes_that_block_reads_;
                    }
                }
            }
        }
    }
    std::vector<QueuedRun*>& runs = runs_[run.write][run.slot];
    if (runs.empty()) {
        std::vector<std::size_t>& active = active_[run.write];
        active.insert(std::lower_bound(active.begin(), active.end(), run.slot), run.slot);
    }
    runs.push_back(&run);
    ++waiting_[run.write];
    if (oldest_known_[run.write] && oldest_[run.write] == nullptr && run.blockers == 0) {
        oldest_[run.write] = &run;
    }
}

const QueuedRun* RequestQueue::oldest_servable(bool write) {
    if (oldest_known_[write]) {
        return oldest_[write];
    }
    const QueuedRun* oldest = nullptr;
    for (const std::size_t slot : active_[write]) {
        for (const QueuedRun* run : runs_[write][slot]) {
            if (run->blockers == 0 && (oldest == nullptr || older(*run, *oldest))) {
                oldest = run;
            }
            if (slot == unit_slot_) { // only the first has its turn
                break;
            }
        }
    }
    oldest_[write] = oldest;
    oldest_known_[write] = true;
    return oldest;
}

bool RequestQueue::choose_direction(Picoseconds now) {
    const QueuedRun* const read = oldest_servable(false);
    const QueuedRun* const write = oldest_servable(true);
    if (read == nullptr || write == nullptr) {
        draining_ = write != nullptr;
        return draining_;
    }
    if (waiting_[true] >= config_.write_high_watermark || writes_that_block_reads_ > 0) {
        draining_ = true;
    } else if (waiting_[true] <= config_.write_low_watermark) {
        draining_ = false;
    }
    const bool read_starves = starving(*read, now);
    const bool write_starves = starving(*write, now);
    if (read_starves != write_starves) {
        return write_starves;
    }
    return read_starves ? older(*write, *read) : draining_;
}

QueuedRun* RequestQueue::next(std::size_t slot, bool write, const core::Row* open_row, Picoseconds now) {
    const std::vector<QueuedRun*>& runs = runs_[write][slot];
    if (slot == unit_slot_) {
        return runs.front();
    }
    QueuedRun* hit = nullptr;
    QueuedRun* oldest = nullptr;
    for (QueuedRun* run : runs) {
        if (run->blockers > 0) {
            continue;
        }
        if (oldest == nullptr || older(*run, *oldest)) {
            oldest = run;
        }
        if (open_row != nullptr && run->row == *open_row && (hit == nullptr || older(*run, *hit))) {
            hit = run;
        }
    }
    return hit == nullptr || (oldest != nullptr && starving(*oldest, now)) ? oldest : hit;
}

Picoseconds RequestQueue::starves_at(std::size_t slot, bool write, Picoseconds now) const {
    Picoseconds next = Picoseconds::max();
    for (const QueuedRun* run : runs_[write][slot]) {
        const Picoseconds limit = run->age + config_.starvation_limit;
        if (limit >= now) { // the others starve already
            next = std::min(next, limit);
        }
    }
    return next;
}

void RequestQueue::rotate(QueuedRun& run, Picoseconds now) {
    for (const bool write : {false, true}) {
        oldest_known_[write] = false;
        for (const std::size_t slot : active_[write]) {
            for (QueuedRun* other : runs_[write][slot]) {
                if (other->source == run.source && other->order >= run.order) {
                    other->age = now;
                }
            }
        }
    }
}

void RequestQueue::remove(QueuedRun& run) {
    std::vector<QueuedRun*>& runs = runs_[run.write][run.slot];
    runs.erase(std::find(runs.begin(), runs.end(), &run));
    if (runs.empty()) {
        std::vector<std::size_t>& active = active_[run.write];
        active.erase(std::find(active.begin(), active.end(), run.slot));
    }
    --waiting_[run.write];
    if (run.slot == unit_slot_ || oldest_[run.write] == &run) {
        oldest_known_[run.write] = false;
    }
    writes_that_block_reads_ -= run.blocks_read ? 1 : 0;
    if (run.slot != unit_slot_) {
        for (auto& others : runs_) {
            for (QueuedRun* other : others[run.slot]) {
                if (other->order > run.order && conflict(run, *other) && --other->blockers == 0) {
                    oldest_known_[other->write] = false;
                }
            }
        }
    }
    free_.push_back(&run);
}

} // namespace hydravp::modules
