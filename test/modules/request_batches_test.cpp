// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_batches.h"

#include "hydravp/core/initiator_id.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/modules/presets.h"
#include "hydravp/modules/system_bus.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using modules::ChannelControllerConfig;
using modules::Fairness;
using modules::QueuedRun;
using modules::RequestQueue;

namespace {

ChannelControllerConfig batches(std::uint32_t cap) {
    ChannelControllerConfig config;
    config.fairness = Fairness::batch;
    config.batch_cap = cap;
    return config;
}

QueuedRun run(std::uint32_t initiator, std::size_t slot, std::uint32_t row, bool write = false,
              std::uint32_t first = 0) {
    QueuedRun r;
    r.initiator = initiator;
    r.slot = slot;
    r.row = core::Row{row};
    r.write = write;
    r.first = first;
    r.bytes = 8;
    return r;
}

QueuedRun* push(RequestQueue& queue, const QueuedRun& run) {
    QueuedRun& draft = queue.draft();
    draft = run;
    queue.push_draft(Picoseconds{0});
    queue.renew_batches();
    return &draft;
}

void remove(RequestQueue& queue, QueuedRun* run) {
    queue.remove(*run);
    queue.renew_batches();
}

} // namespace

TEST_CASE("a batch takes the first runs of each initiator and bank, and goes before row hits of others") {
    RequestQueue queue(batches(2), 5);
    const core::Row open{7};
    const auto next = [&](std::size_t slot, bool write = false) {
        return queue.next(slot, write, &open, Picoseconds{0}).run;
    };
    QueuedRun* const alone = push(queue, run(1, 0, 7)); // nothing waited: a batch of one
    CHECK(alone->marked);
    QueuedRun* const a[] = {push(queue, run(1, 0, 7)), push(queue, run(1, 0, 7)), push(queue, run(1, 0, 7))};
    QueuedRun* const b = push(queue, run(2, 0, 3));
    QueuedRun* const other_bank = push(queue, run(2, 1, 3));
    QueuedRun* const write = push(queue, run(1, 0, 9, true));
    CHECK_FALSE((a[0]->marked || b->marked || other_bank->marked));
    CHECK(write->marked); // a batch of its own
    CHECK(next(0) == alone);
    remove(queue, alone);
    CHECK((a[0]->marked && a[1]->marked && !a[2]->marked));
    CHECK((b->marked && other_bank->marked));
    CHECK(next(0) == a[0]); // within the batch row hits first
    remove(queue, a[0]);
    remove(queue, a[1]);
    CHECK(next(0) == b); // before the row hit behind the batch
    CHECK(queue.precedence(*b) < queue.precedence(*a[2]));
    remove(queue, b);
    CHECK(next(0) == a[2]); // nothing of the batch is left in this bank
    CHECK_FALSE(a[2]->marked);
    remove(queue, other_bank);
    CHECK(a[2]->marked);
}

TEST_CASE("a mark is good for one turn, and runs that must wait for others are not marked") {
    RequestQueue queue(batches(4), 5);
    QueuedRun* const longer = push(queue, run(1, 0, 7));
    QueuedRun* const write = push(queue, run(1, 2, 1, true));
    QueuedRun* const behind = push(queue, run(2, 2, 1)); // reads what is written
    QueuedRun* const other = push(queue, run(2, 0, 7));
    CHECK((longer->marked && write->marked && !behind->marked && !other->marked));
    queue.rotate(*longer, Picoseconds{0}); // a turn, and not all of it
    queue.renew_batches();
    CHECK((longer->marked && other->marked && !behind->marked)); // the next batch
    remove(queue, write);
    CHECK_FALSE(behind->marked); // a batch is under way
    remove(queue, longer);
    remove(queue, other);
    CHECK(behind->marked);
}

TEST_CASE("batches and strict order exclude each other") {
    modules::HybridMemoryConfig config = modules::hydra_memory();
    config.controller = batches(5);
    REQUIRE_NOTHROW(modules::check_hybrid_memory("m", config));
    config.controller.scheduling = modules::SchedulingPolicy::fcfs;
    REQUIRE_THROWS_WITH(modules::check_hybrid_memory("m", config),
                        Catch::Contains("fairness: found batch, expected none with scheduling: fcfs"));
    config.controller = batches(0);
    REQUIRE_THROWS_WITH(modules::check_hybrid_memory("m", config),
                        Catch::Contains("batch_cap: found 0, expected at least 1"));
}

// ------------------------------------------------------------------------------------------- hog and victim

namespace {

/// An initiator with so many accesses under way, until it is told to stop.
class Traffic {
public:
    Traffic(ChannelFixture& f, std::uint32_t initiator, std::size_t under_way,
            std::function<std::uint64_t()> address, std::function<bool()> write)
        : f_(f), id_(initiator), address_(std::move(address)), write_(std::move(write)), free_(under_way) {}

    /// To be called from a thread, when there is room.
    bool post() {
        if (free_ == 0) {
            return false;
        }
        --free_;
        auto& t = f_.initiator.make(write_() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address_(),
                                    line_, 64);
        t.payload->set_extension(&id_);
        begun_.push_back(&t);
        f_.initiator.begin(t);
        return true;
    }
    /// Of this initiator's accesses, those that have ended are taken out.
    void collect() {
        const auto done = [this](AtInitiator::Transaction* t) {
            if (t->done) {
                ++free_;
                ++ended_;
                longest_ = std::max(longest_, t->end());
                t->payload->clear_extension(&id_);
                f_.initiator.recycle(*t);
            }
            return t->done;
        };
        begun_.erase(std::remove_if(begun_.begin(), begun_.end(), done), begun_.end());
    }
    std::size_t ended() const { return ended_; }
    bool idle() const { return begun_.empty(); }
    Picoseconds longest() const { return longest_; }

private:
    ChannelFixture& f_;
    core::InitiatorId id_;
    std::function<std::uint64_t()> address_;
    std::function<bool()> write_;
    std::size_t free_, ended_ = 0;
    std::vector<AtInitiator::Transaction*> begun_;
    Picoseconds longest_{};
    unsigned char line_[64] = {};
};

/// Until the last one has had so many accesses; all of them end.
void play(ChannelFixture& f, const std::vector<Traffic*>& all, std::size_t accesses_of_last) {
    while (all.back()->ended() < accesses_of_last) {
        bool any = false;
        for (Traffic* t : all) {
            any = t->post() || any;
        }
        if (!any) {
            sc_core::wait(f.initiator.responded());
        }
        for (Traffic* t : all) {
            t->collect();
        }
    }
    for (Traffic* t : all) {
        while (!t->idle()) {
            sc_core::wait(f.initiator.responded());
            t->collect();
        }
    }
}

} // namespace

namespace {

/// A row of 8 KiB is read again and again, always with hits waiting; the victim reads rows of the same bank,
/// one access after the other. Returns the longest latency of the victim.
Picoseconds latency_beside_a_hog(Fairness fairness, std::uint32_t cap) {
    ChannelControllerConfig config = batches(cap);
    config.fairness = fairness;
    config.starvation_limit = clocks(4000);
    ChannelFixture f(dram(), geometry(), 0, config);
    std::uint64_t column = 0;
    std::uint32_t row = 0;
    const auto reads = [] { return false; };
    Traffic hog(
        f, 1, 16, [&] { return f.address(0, 0, 0, column++ % 128 * 64); }, reads);
    Traffic victim(
        f, 2, 1, [&] { return f.address(0, 0, 1 + row++ % 60); }, reads);
    run_in_thread([&] { play(f, {&hog, &victim}, 20); });
    CHECK(f.auditor.summary() == "");
    CHECK(f.checker.summary() == "");
    CHECK(f.checker.unfinished() == 0);
    const modules::ChannelStatistics& s = f.controller.statistics();
    REQUIRE(s.initiators.size() == 3);
    CHECK(s.initiators[0].accesses == 0);
    CHECK(s.initiators[1].accesses == hog.ended());
    CHECK(s.initiators[2].accesses == victim.ended());
    CHECK(s.initiators[1].accesses + s.initiators[2].accesses == s.read.accesses);
    CHECK(s.initiators[1].queueing + s.initiators[2].queueing == s.read.queueing);
    CHECK(s.initiators[2].mean_latency_ps() > 0);
    CHECK(s.initiators[2].longest_queueing + s.initiators[2].longest_service >= victim.longest());
    return victim.longest();
}

} // namespace

TEST_CASE("without batches an initiator that hogs a row holds others up until they starve") {
    CHECK(latency_beside_a_hog(Fairness::none, 5) > clocks(4000));
}

TEST_CASE("with batches it holds others up for two batches at most") {
    // Of the hog at most `cap` runs in the batch before and as many in the victim's own, and for each of
    // these pieces its row may have to be opened once more; then the victim's.
    constexpr std::uint32_t cap = 5;
    const memory::Technology t = dram();
    const Picoseconds row_cycle = std::max(t.t_ras, t.t_rcd + t.t_rtp) + t.t_rp;
    const Picoseconds bound = 2 * (cap * t.t_ccd + row_cycle) + row_cycle + t.t_rcd + t.t_cl + t.t_ccd;
    CHECK(latency_beside_a_hog(Fairness::batch, cap) <= bound);
}

namespace {

/// Several initiators at once, of which each has a stretch of memory of its own and one that all share.
void everybody(ChannelControllerConfig config, const memory::Technology& technology, std::size_t accesses) {
    ChannelFixture f(technology, geometry(2, 8), 0, config);
    std::vector<unsigned char> golden(f.channel.geometry().channel_bytes());
    std::mt19937_64 random(7);
    struct Flight {
        std::vector<unsigned char> data, expected;
        core::InitiatorId id;
        AtInitiator::Transaction* transaction = nullptr;
    };
    std::vector<std::unique_ptr<Flight>> flights;
    std::size_t bad = 0;
    std::uint64_t streams[4] = {};
    run_in_thread([&] {
        for (std::size_t n = 0; n < accesses; ++n) {
            auto flight = std::make_unique<Flight>();
            const auto who = static_cast<std::uint32_t>(random() % 4);
            const auto bytes = static_cast<std::uint32_t>(1 + random() % (random() % 20 == 0 ? 9000 : 128));
            std::uint64_t address = random() % (golden.size() - bytes);
            if (who < 2) { // streams
                address = (streams[who] += 64) % (golden.size() - 9000);
            } else if (who == 2) {
                address = random() % 512;
            }
            const bool write = random() % 3 == 0;
            flight->id.id = who;
            flight->data.resize(bytes);
            if (write) {
                for (unsigned char& byte : flight->data) {
                    byte = static_cast<unsigned char>(random());
                }
                std::copy(flight->data.begin(), flight->data.end(),
                          golden.begin() + static_cast<std::ptrdiff_t>(address));
            } else {
                const auto first = golden.begin() + static_cast<std::ptrdiff_t>(address);
                flight->expected = {first, first + bytes};
            }
            auto& t = f.initiator.make(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address,
                                       flight->data.data(), bytes);
            t.payload->set_extension(&flight->id);
            flight->transaction = &t;
            f.initiator.begin(t);
            flights.push_back(std::move(flight));
            if (random() % 50 == 0) {
                wait_for(clocks(static_cast<std::int64_t>(random() % 3000)));
            }
        }
        for (const auto& flight : flights) {
            f.initiator.wait_for(*flight->transaction);
            bad += !flight->transaction->payload->is_response_ok();
            bad += !flight->expected.empty() && flight->expected != flight->data;
            flight->transaction->payload->clear_extension(&flight->id);
        }
    });
    REQUIRE(bad == 0);
    f.auditor.finish();
    REQUIRE(f.recorder.delayed == 0);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
    REQUIRE(f.checker.unfinished() == 0);
    const modules::ChannelStatistics& s = f.controller.statistics();
    REQUIRE(s.initiators.size() == 4);
    std::uint64_t counted = 0;
    for (const modules::AccessStatistics& initiator : s.initiators) {
        REQUIRE(initiator.accesses > 0);
        counted += initiator.accesses;
    }
    REQUIRE(counted == accesses);
}

} // namespace

TEST_CASE("random loads of four initiators with batches: refreshed DRAM") {
    everybody(batches(5), refreshed_dram(), 15000);
}
TEST_CASE("random loads of four initiators with batches: a cap of one, command by command") {
    ChannelControllerConfig config = batches(1);
    config.command_by_command = true;
    everybody(config, refreshed_dram(), 10000);
}
TEST_CASE("random loads of four initiators with batches: PCM, closed pages, no forwarding") {
    ChannelControllerConfig config = batches(3);
    config.page_policy = modules::PagePolicy::closed;
    config.forwarding = false;
    everybody(config, pcm(), 10000);
}

// --------------------------------------------------------------------------------------------- identities

namespace {

struct IdSink : sc_core::sc_module {
    tlm_utils::simple_target_socket<IdSink> socket{"socket"};
    std::vector<std::uint32_t> seen;
    explicit IdSink(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &IdSink::transport);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
        seen.push_back(core::initiator_of(payload));
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
};

} // namespace

TEST_CASE("the system bus says which port an access comes from, unless the access says it itself") {
    modules::SystemBus bus("bus", {});
    IdSink sink("sink");
    AtInitiator first("first"), second("second");
    first.socket.bind(bus.initiators);
    second.socket.bind(bus.initiators);
    bus.add_target(0, 1024).bind(sink.socket);
    run_in_thread([&] {
        unsigned char line[64] = {};
        const auto access = [&](AtInitiator& from, core::InitiatorId* id) {
            tlm::tlm_generic_payload payload;
            payload.set_command(tlm::TLM_READ_COMMAND);
            payload.set_address(0);
            payload.set_data_ptr(line);
            payload.set_data_length(64);
            payload.set_streaming_width(64);
            payload.set_extension(id);
            sc_core::sc_time delay;
            from.socket->b_transport(payload, delay);
            REQUIRE(payload.get_extension<core::InitiatorId>() == id);
            payload.clear_extension<core::InitiatorId>();
        };
        core::InitiatorId own{9}, huge{4'000'000'000u};
        access(second, nullptr);
        access(first, nullptr);
        access(first, &own);
        access(second, &huge);
    });
    REQUIRE(sink.seen == std::vector<std::uint32_t>{2, 1, 9, core::InitiatorId::most - 1});
}
