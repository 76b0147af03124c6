// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_queue.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using core::Row;
using modules::ChannelControllerConfig;
using modules::QueuedRun;
using modules::RequestQueue;
using modules::Source;

namespace {

constexpr std::size_t slots = 5; // four banks and the units
constexpr std::size_t units = 4;

ChannelControllerConfig config() {
    ChannelControllerConfig c;
    c.read_queue = 8;
    c.write_queue = 8;
    c.write_high_watermark = 6;
    c.write_low_watermark = 2;
    c.starvation_limit = Picoseconds{1000};
    return c;
}

QueuedRun run(std::size_t slot, bool write, std::uint32_t row, std::uint32_t first = 0,
              std::uint32_t bytes = 8) {
    QueuedRun r;
    r.slot = slot;
    r.write = write;
    r.row = Row{row};
    r.first = first;
    r.bytes = bytes;
    return r;
}

void push(RequestQueue& queue, const QueuedRun& run, Picoseconds now) {
    queue.draft() = run;
    queue.push_draft(now);
}

Picoseconds at(std::int64_t t) {
    return Picoseconds{t};
}

} // namespace

TEST_CASE("an open row's runs go before older ones, the oldest of them first") {
    RequestQueue queue(config(), slots);
    push(queue, run(1, false, 7), at(0));
    push(queue, run(1, false, 3, 0), at(1));
    push(queue, run(1, false, 3, 8), at(2));
    const Row open{3};
    QueuedRun* next = queue.next(1, false, &open, at(3)).run;
    REQUIRE(next->first == 0);
    REQUIRE(next->row == open);
    queue.remove(*next);
    next = queue.next(1, false, &open, at(3)).run;
    REQUIRE(next->first == 8);
    queue.remove(*next);
    REQUIRE(queue.next(1, false, &open, at(3)).run->row == Row{7});
    REQUIRE(queue.next(1, false, nullptr, at(3)).run->row == Row{7});
    REQUIRE(queue.next(0, false, nullptr, at(3)).run == nullptr);
    REQUIRE(queue.next(1, true, nullptr, at(3)).run == nullptr);
}

TEST_CASE("a starving run goes before the open row's") {
    RequestQueue queue(config(), slots);
    push(queue, run(1, false, 7), at(0));
    push(queue, run(1, false, 3), at(500));
    const Row open{3};
    REQUIRE(queue.next(1, false, &open, at(1000)).run->row == open);
    REQUIRE(queue.next(1, false, &open, at(1001)).run->row == Row{7});
}

TEST_CASE("reads go before writes until the high watermark, then writes until the low one") {
    RequestQueue queue(config(), slots);
    push(queue, run(0, false, 1), at(0));
    for (std::uint32_t i = 0; i < 5; ++i) {
        push(queue, run(1, true, i), at(0));
        REQUIRE_FALSE(queue.choose_direction(at(1)).write);
    }
    push(queue, run(1, true, 5), at(0));
    for (int left = 6; left > 2; --left) {
        REQUIRE(queue.choose_direction(at(1)).write);
        queue.remove(*queue.next(1, true, nullptr, at(1)).run);
    }
    REQUIRE_FALSE(queue.choose_direction(at(1)).write);
    queue.remove(*queue.next(0, false, nullptr, at(1)).run);
    REQUIRE(queue.choose_direction(at(1)).write); // nothing else to do
    push(queue, run(0, false, 1), at(0));
    REQUIRE_FALSE(queue.choose_direction(at(1)).write);
}

TEST_CASE("a starving direction goes first, the longer one waits") {
    RequestQueue queue(config(), slots);
    push(queue, run(0, true, 1), at(0));
    push(queue, run(1, false, 1), at(100));
    REQUIRE_FALSE(queue.choose_direction(at(1000)).write);
    REQUIRE(queue.choose_direction(at(1001)).write);
    REQUIRE(queue.choose_direction(at(1101)).write); // now both starve
    queue.remove(*queue.next(0, true, nullptr, at(1101)).run);
    REQUIRE_FALSE(queue.choose_direction(at(1101)).write);
}

TEST_CASE("a run never overtakes one that touches the same bytes") {
    RequestQueue queue(config(), slots);
    push(queue, run(2, true, 1, 0, 64), at(0));
    push(queue, run(2, false, 1, 60, 8), at(1)); // reads what is to be written
    push(queue, run(2, false, 1, 64, 8), at(2)); // does not
    push(queue, run(2, true, 1, 66, 1), at(3));  // writes what both reads want first
    const Row open{1};
    REQUIRE(queue.next(2, false, &open, at(4)).run->first == 64);
    REQUIRE(queue.choose_direction(at(4)).write); // a read waits for the write
    QueuedRun* write = queue.next(2, true, &open, at(4)).run;
    REQUIRE(write->first == 0);
    queue.remove(*write);
    REQUIRE(queue.next(2, true, &open, at(4)).run == nullptr);
    REQUIRE_FALSE(queue.choose_direction(at(4)).write);
    QueuedRun* read = queue.next(2, false, &open, at(4)).run;
    REQUIRE(read->first == 60);
    queue.remove(*read);
    REQUIRE(queue.next(2, true, &open, at(4)).run == nullptr);
    queue.remove(*queue.next(2, false, &open, at(4)).run);
    REQUIRE(queue.next(2, true, &open, at(4)).run->first == 66);
}

TEST_CASE("runs to the units stay in order, also when they take turns with others") {
    RequestQueue queue(config(), slots);
    QueuedRun weights = run(units, true, 0);
    weights.source = Source::weight_streamer;
    weights.request = 1;
    push(queue, weights, at(0));
    weights.request = 2;
    push(queue, weights, at(1));
    QueuedRun result = run(0, true, 1);
    result.source = Source::accumulation;
    push(queue, result, at(2));
    QueuedRun* first = queue.next(units, true, nullptr, at(3)).run;
    REQUIRE(first->request == 1);
    REQUIRE(RequestQueue::older(*first, *queue.next(0, true, nullptr, at(3)).run));
    queue.rotate(*first, at(3));
    REQUIRE(queue.next(units, true, nullptr, at(3)).run == first);
    REQUIRE_FALSE(RequestQueue::older(*first, *queue.next(0, true, nullptr, at(3)).run));
    // What the same source has lined up behind it goes back with it.
    queue.remove(*first);
    QueuedRun* second = queue.next(units, true, nullptr, at(3)).run;
    REQUIRE(second->request == 2);
    REQUIRE_FALSE(RequestQueue::older(*second, *queue.next(0, true, nullptr, at(3)).run));
}

TEST_CASE("impossible queues are refused") {
    const auto refused = [](auto change) {
        ChannelControllerConfig c = config();
        change(c);
        REQUIRE_THROWS_AS(RequestQueue(c, slots), std::invalid_argument);
    };
    refused([](auto& c) { c.read_queue = 0; });
    refused([](auto& c) { c.write_queue = 5; });
    refused([](auto& c) { c.write_low_watermark = 7; });
    refused([](auto& c) { c.write_low_watermark = 0; });
    refused([](auto& c) { c.burst_group = 0; });
}

TEST_CASE("random runs all get their turn, in an order that keeps every byte's history") {
    RequestQueue queue(config(), slots);
    std::mt19937 random(7);
    const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    std::map<std::tuple<std::size_t, std::uint32_t, std::uint32_t>, std::vector<std::pair<int, bool>>>
        history;
    std::map<int, Picoseconds> waiting_since;
    int next_id = 0;
    int served = 0;
    std::vector<Row> open(slots);
    for (std::int64_t now = 0; served < 20000; now += 10) {
        for (const bool write : {false, true}) {
            while (queue.waiting(write) < 8 && pick(3) != 0) {
                QueuedRun r = run(pick(slots), write, pick(3), pick(24), 1 + pick(8));
                r.request = static_cast<std::size_t>(next_id);
                push(queue, r, at(now));
                waiting_since[next_id] = at(now);
                for (std::uint32_t byte = r.first; r.slot != units && byte < r.first + r.bytes; ++byte) {
                    history[{r.slot, r.row.value(), byte}].push_back({next_id, write});
                }
                ++next_id;
            }
        }
        if (queue.empty()) {
            continue;
        }
        const bool write = queue.choose_direction(at(now)).write;
        QueuedRun* best = nullptr;
        for (std::size_t slot = 0; slot < slots; ++slot) {
            QueuedRun* candidate = queue.next(slot, write, &open[slot], at(now)).run;
            if (candidate != nullptr && (best == nullptr || RequestQueue::older(*candidate, *best))) {
                best = candidate;
            }
        }
        REQUIRE(best != nullptr); // the chosen direction can always go on
        open[best->slot] = best->row;
        const int id = static_cast<int>(best->request);
        for (std::uint32_t byte = best->first; best->slot != units && byte < best->first + best->bytes;
             ++byte) {
            auto& events = history[{best->slot, best->row.value(), byte}];
            for (const auto& [other, writes] : events) {
                if (other == id) {
                    break;
                }
                REQUIRE_FALSE((writes || best->write)); // an older one, still waiting
            }
            events.erase(std::find(events.begin(), events.end(), std::make_pair(id, best->write)));
        }
        // The limit, and the time that the others that starve need: the queues hold 16 runs.
        REQUIRE(at(now) - waiting_since[id] <= at(1000 + 16 * 10));
        waiting_since.erase(id);
        queue.remove(*best);
        ++served;
    }
}
