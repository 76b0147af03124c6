// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_queue.h"

#include <algorithm>
#include <stdexcept>

namespace hydravp::modules {

using core::Picoseconds;

RequestQueue::RequestQueue(const ChannelControllerConfig& config, std::size_t slots)
    : config_(config),
      unit_slot_(slots - 1),
      storage_(config.read_queue + config.write_queue),
      batches_(config.fairness == Fairness::batch ? config.batch_cap : 0) {
    if (config.read_queue == 0 || config.write_queue == 0 || config.write_low_watermark == 0 ||
        config.write_low_watermark > config.write_high_watermark ||
        config.write_high_watermark > config.write_queue || config.burst_group == 0) {
        throw std::invalid_argument(
            "channel controller: needs queues, burst groups, and 1 <= low <= high watermark <= write queue");
    }
    for (const bool write : {false, true}) {
        lists_[write].resize(slots);
    }
    for (QueuedRun& run : storage_) {
        free_.push_back(&run);
    }
}

void RequestQueue::append(List& list, QueuedRun& run, QueuedRun::Link QueuedRun::*link) {
    (run.*link) = {list.last, nullptr};
    (list.last != nullptr ? (list.last->*link).after : list.first) = &run;
    list.last = &run;
}

void RequestQueue::unlink(List& list, QueuedRun& run, QueuedRun::Link QueuedRun::*link) {
    const QueuedRun::Link& place = run.*link;
    (place.before != nullptr ? (place.before->*link).after : list.first) = place.after;
    (place.after != nullptr ? (place.after->*link).before : list.last) = place.before;
}

void RequestQueue::push_draft(Picoseconds now) {
    QueuedRun& run = *free_.back();
    free_.pop_back();
    run.order = next_order_++;
    run.turn = next_turn_++;
    run.age = now;
    run.blockers = 0;
    run.blocks = run.blocks_read = false;
    if (run.slot != unit_slot_) {
        note_conflicts(run);
    }
    append(lists_[run.write][run.slot], run, &QueuedRun::in_slot);
    append(queues_[run.write], run, &QueuedRun::in_queue);
    ++waiting_[run.write];
    ++by_source_[static_cast<std::size_t>(run.source)];
    run.marked = false;
}

bool RequestQueue::form_batches() {
    bool formed = false;
    for (const bool write : {false, true}) {
        if (waiting_[write] > 0 && batches_.marked(write) == 0) {
            for (const List& slot : lists_[write]) {
                batches_.form(write, slot.first);
            }
            formed = formed || batches_.marked(write) > 0;
        }
    }
    return formed;
}

/// Finds the older runs that a new one must not overtake; a read conflicts with writes only.
void RequestQueue::note_conflicts(QueuedRun& run) {
    for (const bool write : {false, true}) {
        if (!write && !run.write) {
            continue;
        }
        for (QueuedRun* older = lists_[write][run.slot].first; older != nullptr;
             older = older->in_slot.after) {
            if (conflict(*older, run)) {
                ++run.blockers;
                older->blocks = true;
                if (!run.write && !older->blocks_read) {
                    older->blocks_read = true;
                    ++writes_that_block_reads_;
                }
            }
        }
    }
}

QueuedRun* RequestQueue::oldest(bool write) const {
    for (QueuedRun* run = queues_[write].first; run != nullptr; run = run->in_queue.after) {
        // Of the units' runs only the first has its turn.
        if (run->blockers == 0 && (run->slot != unit_slot_ || run == lists_[write][unit_slot_].first)) {
            return run;
        }
    }
    return nullptr;
}

RequestQueue::Direction RequestQueue::choose_direction(Picoseconds now) {
    const QueuedRun* const read = oldest(false);
    const QueuedRun* const write = oldest(true);
    if (read == nullptr || write == nullptr) {
        draining_ = write != nullptr;
        return {draining_, Picoseconds::max()};
    }
    if (waiting_[true] >= config_.write_high_watermark || writes_that_block_reads_ > 0) {
        draining_ = true;
    } else if (waiting_[true] <= config_.write_low_watermark) {
        draining_ = false;
    }
    const bool read_starves = starving(*read, now);
    const bool write_starves = starving(*write, now);
    if (read_starves && write_starves) {
        return {older(*write, *read), Picoseconds::max()};
    }
    return {read_starves || write_starves ? write_starves : draining_,
            read_starves    ? starves_after(*write)
            : write_starves ? starves_after(*read)
                            : std::min(starves_after(*read), starves_after(*write))};
}

RequestQueue::Choice RequestQueue::next(std::size_t slot, bool write, const core::Row* open_row,
                                        Picoseconds now) const {
    QueuedRun* const first = lists_[write][slot].first;
    if (slot == unit_slot_) {
        return {first, Picoseconds::max()};
    }
    if (batches_.on()) {
        return next_by_batch(slot, write, open_row, now);
    }
    QueuedRun* oldest = nullptr;
    for (QueuedRun* run = first; run != nullptr; run = run->in_slot.after) {
        if (run->blockers > 0) {
            continue;
        }
        if (oldest == nullptr) {
            oldest = run;
            if (open_row == nullptr || run->row == *open_row || starving(*run, now)) {
                return {run, Picoseconds::max()};
            }
        } else if (run->row == *open_row) {
            return {run, starves_after(*oldest)};
        }
    }
    return {oldest, Picoseconds::max()};
}

/// The same, first among the runs of the batch, then among the others.
RequestQueue::Choice RequestQueue::next_by_batch(std::size_t slot, bool write, const core::Row* open_row,
                                                 Picoseconds now) const {
    for (const bool marked : {true, false}) {
        QueuedRun* oldest = nullptr;
        for (QueuedRun* run = lists_[write][slot].first; run != nullptr; run = run->in_slot.after) {
            if (run->blockers > 0 || run->marked != marked) {
                continue;
            }
            if (oldest == nullptr) {
                oldest = run;
                if (open_row == nullptr || run->row == *open_row || starving(*run, now)) {
                    return {run, Picoseconds::max()};
                }
            } else if (run->row == *open_row) {
                return {run, starves_after(*oldest)};
            }
        }
        if (oldest != nullptr) {
            return {oldest, Picoseconds::max()};
        }
    }
    return {nullptr, Picoseconds::max()};
}

bool RequestQueue::wants(std::size_t slot, core::Row row) const {
    for (const bool write : {false, true}) {
        for (const QueuedRun* run = lists_[write][slot].first; run != nullptr; run = run->in_slot.after) {
            if (run->row == row) {
                return true;
            }
        }
    }
    return false;
}

/// Writes what has been noted of all later runs into those that are there.
void RequestQueue::settle_ages() {
    for (const List& queue : queues_) {
        for (QueuedRun* run = queue.first; run != nullptr; run = run->in_queue.after) {
            run->age = waits_from(*run);
        }
    }
}

const std::vector<QueuedRun*>& RequestQueue::rotate(QueuedRun& run, Picoseconds now) {
    moving_.clear();
    batches_.unmark(run);
    if (by_source_[static_cast<std::size_t>(run.source)] == waiting_[0] + waiting_[1]) {
        // Nobody to let go first: all that came later have been waiting since now. The runs of one source are
        // in the order in which they came.
        const bool older_waits = std::any_of(std::begin(queues_), std::end(queues_), [&](const List& queue) {
            return queue.first != nullptr && queue.first->order < run.order;
        });
        if (older_waits && run.order > served_order_) {
            settle_ages();
        }
        served_order_ = run.order;
        served_at_ = now;
        return moving_;
    }
    for (const bool write : {false, true}) {
        for (QueuedRun* other = queues_[write].first; other != nullptr; other = other->in_queue.after) {
            if (other->source == run.source && other->order >= run.order) {
                moving_.push_back(other);
            }
        }
    }
    std::sort(moving_.begin(), moving_.end(),
              [](const QueuedRun* a, const QueuedRun* b) { return older(*a, *b); });
    for (QueuedRun* other : moving_) {
        List& queue = queues_[other->write];
        unlink(queue, *other, &QueuedRun::in_queue);
        append(queue, *other, &QueuedRun::in_queue);
        if (other->slot != unit_slot_) { // whose runs stay in order
            List& slot = lists_[other->write][other->slot];
            unlink(slot, *other, &QueuedRun::in_slot);
            append(slot, *other, &QueuedRun::in_slot);
        }
        other->age = now;
        other->turn = next_turn_++;
    }
    return moving_;
}

void RequestQueue::remove(QueuedRun& run) {
    unlink(lists_[run.write][run.slot], run, &QueuedRun::in_slot);
    unlink(queues_[run.write], run, &QueuedRun::in_queue);
    --waiting_[run.write];
    --by_source_[static_cast<std::size_t>(run.source)];
    writes_that_block_reads_ -= run.blocks_read ? 1 : 0;
    if (run.blocks) {
        for (const bool write : {false, true}) {
            for (QueuedRun* other = lists_[write][run.slot].first; other != nullptr;
                 other = other->in_slot.after) {
                if (other->order > run.order && conflict(run, *other)) {
                    --other->blockers;
                }
            }
        }
    }
    batches_.unmark(run);
    free_.push_back(&run);
}

} // namespace hydravp::modules
