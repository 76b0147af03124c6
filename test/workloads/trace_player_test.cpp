// SPDX-License-Identifier: Apache-2.0
// Playing a trace, and recording what crosses a socket.
#include "hydravp/workloads/trace_player.h"

#include "hydravp/core/at_target.h"
#include "hydravp/core/error.h"
#include "hydravp/core/protocol_checker.h"
#include "hydravp/core/time.h"
#include "hydravp/workloads/trace_recorder.h"

#include "temporary_file.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::Picoseconds;

namespace {

constexpr Picoseconds latency{40000};
constexpr std::uint64_t capacity = 1 << 20;

/// A trace that is not in a file.
class ListReader : public TraceReader {
public:
    explicit ListReader(std::vector<TraceAccess> accesses) : accesses_(std::move(accesses)) {}
    bool next(TraceAccess& access) override {
        if (at_ == accesses_.size()) {
            return false;
        }
        access = accesses_[at_++];
        return true;
    }
    TraceFormat format() const override { return TraceFormat::binary; }
    double progress() const override { return 0; }

private:
    std::vector<TraceAccess> accesses_;
    std::size_t at_ = 0;
};

std::unique_ptr<TraceReader> list(std::vector<TraceAccess> accesses) {
    return std::make_unique<ListReader>(std::move(accesses));
}

/// `count` accesses of 64 bytes, every third a write, `interval` apart.
std::vector<TraceAccess> regular(std::size_t count, Picoseconds interval,
                                 Picoseconds begin = Picoseconds{0}) {
    std::vector<TraceAccess> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back({begin + static_cast<std::int64_t>(i) * interval, i % 3 == 2, i * 64 % capacity, 64});
    }
    return all;
}

tlm::tlm_response_status status_of(const tlm::tlm_generic_payload& payload) {
    return payload.get_address() + payload.get_data_length() <= capacity ? tlm::TLM_OK_RESPONSE
           : payload.get_address() >= 2 * capacity                       ? tlm::TLM_GENERIC_ERROR_RESPONSE
                                                                         : tlm::TLM_ADDRESS_ERROR_RESPONSE;
}

/// LT only: every access takes the same time, by waiting or by annotation.
class BlockingMemory : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<BlockingMemory> socket{"socket"};
    bool annotate = false;
    bool dmi_hint = false;

    explicit BlockingMemory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &BlockingMemory::b_transport);
        socket.register_get_direct_mem_ptr(this, &BlockingMemory::get_direct_mem_ptr);
        socket.register_transport_dbg(this, &BlockingMemory::transport_dbg);
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        payload.set_response_status(status_of(payload));
        payload.set_dmi_allowed(dmi_hint);
        if (annotate) {
            delay += core::to_sc_time(latency);
        } else {
            wait(core::to_sc_time(latency));
        }
    }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
        dmi.allow_read_write();
        return true;
    }
    unsigned int transport_dbg(tlm::tlm_generic_payload& payload) { return payload.get_data_length(); }
};

class Initiator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};
    explicit Initiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
};

/// AT: up to `places` accesses at a time, each with the same latency from the moment in which it gets a
/// place.
class PipelinedMemory : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<PipelinedMemory> socket{"socket"};
    std::size_t places = 8;

    explicit PipelinedMemory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_nb_transport_fw(this, &PipelinedMemory::nb_transport_fw);
        SC_HAS_PROCESS(PipelinedMemory);
        SC_METHOD(respond);
        sensitive << done_.get_event();
        dont_initialize();
    }

private:
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return at_.nb_transport_fw(payload, phase, delay);
    }
    core::AtTarget::Answer request(tlm::tlm_generic_payload& payload) {
        payload.set_response_status(status_of(payload));
        if (payload.is_response_error()) {
            return core::AtTarget::Answer::completed;
        }
        if (busy_ == places) {
            waiting_.push_back(&payload);
            return core::AtTarget::Answer::queued;
        }
        begin(payload);
        return core::AtTarget::Answer::accepted;
    }
    void begin(tlm::tlm_generic_payload& payload) {
        ++busy_;
        done_.notify(payload, core::to_sc_time(latency));
    }
    void respond() {
        while (tlm::tlm_generic_payload* payload = done_.get_next_transaction()) {
            --busy_;
            at_.respond(*payload);
            if (!waiting_.empty()) {
                tlm::tlm_generic_payload* const next = waiting_.front();
                waiting_.pop_front();
                begin(*next);
                at_.accept(*next);
            }
        }
    }

    core::AtTarget at_{
        "at", [this](tlm::tlm_generic_payload& payload) { return request(payload); },
        [this](tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
            return socket->nb_transport_bw(payload, phase, delay);
        }};
    tlm_utils::peq_with_get<tlm::tlm_generic_payload> done_{"done"};
    std::deque<tlm::tlm_generic_payload*> waiting_;
    std::size_t busy_ = 0;
};

TracePlayerConfig config(TraceTiming timing, std::uint32_t outstanding, std::uint64_t limit = 0) {
    TracePlayerConfig c;
    c.timing = timing;
    c.outstanding = outstanding;
    c.limit = limit;
    return c;
}

void check_latency(const TraceDirectionStatistics& direction, Picoseconds expected) {
    CHECK(direction.latency.count() == direction.accesses);
    CHECK(direction.latency.min() == expected);
    CHECK(direction.latency.max() == expected);
    CHECK(direction.latency.mean_ps() == Approx(static_cast<double>(expected.count())));
    CHECK(direction.latency.percentile(99.9) == expected);
}

} // namespace

TEST_CASE("one access at a time into a memory of fixed latency") {
    BlockingMemory memory("memory");
    TracePlayer player("player", list(regular(300, Picoseconds{0})), config(TraceTiming::saturate, 4));
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    const TraceStatistics& s = player.statistics();
    CHECK(player.finished());
    CHECK(s.accesses() == 300);
    CHECK(s.read.accesses == 200);
    CHECK(s.write.accesses == 100);
    CHECK(s.read.bytes == 200 * 64);
    CHECK(s.write.bytes == 100 * 64);
    CHECK(s.first == Picoseconds{0});
    CHECK(s.last == 300 * latency); // b_transport alone has no END_REQ: one after the other
    CHECK(s.late_accesses == 0);
    check_latency(s.read, latency);
    check_latency(s.write, latency);
    CHECK_NOTHROW(player.rethrow());
}

TEST_CASE("a memory that annotates its latency") {
    BlockingMemory memory("memory");
    memory.annotate = true;
    core::ProtocolChecker checker("checker");
    TracePlayer player("player", list(regular(30, Picoseconds{0})), config(TraceTiming::saturate, 4));
    player.memory.bind(checker.front);
    checker.back.bind(memory.socket);
    sc_core::sc_start();
    CHECK(player.statistics().last == 30 * latency);
    check_latency(player.statistics().read, latency);
    CHECK(checker.summary().empty());
}

TEST_CASE("as many accesses under way as player and memory allow") {
    PipelinedMemory memory("memory");
    core::ProtocolChecker checker("checker");
    TracePlayer player("player", list(regular(3000, Picoseconds{0})), config(TraceTiming::saturate, 5));
    player.memory.bind(checker.front);
    checker.back.bind(memory.socket);
    sc_core::sc_start();
    CHECK(player.statistics().last == 3000 / 5 * latency);
    check_latency(player.statistics().write, latency);
    CHECK(checker.summary().empty());
    CHECK(checker.unfinished() == 0);
}

TEST_CASE("a memory without room holds up the next request, and its wait is latency") {
    PipelinedMemory memory("memory");
    memory.places = 4;
    core::ProtocolChecker checker("checker");
    TracePlayer player("player", list(regular(400, Picoseconds{0})), config(TraceTiming::saturate, 64));
    player.memory.bind(checker.front);
    checker.back.bind(memory.socket);
    sc_core::sc_start();
    const TraceStatistics& s = player.statistics();
    CHECK(s.last == 400 / 4 * latency);
    CHECK(s.read.latency.min() == latency);
    CHECK(s.read.latency.max() == 2 * latency); // one waits between BEGIN_REQ and END_REQ
    CHECK(checker.summary().empty());
}

TEST_CASE("a trace's own times, recorded again on their way to the memory") {
    std::vector<TraceAccess> accesses = regular(500, Picoseconds{7000}, Picoseconds{123456});
    std::vector<TraceAccess> seen;
    PipelinedMemory memory("memory");
    TraceRecorder recorder("recorder", [&seen](const TraceAccess& access) { seen.push_back(access); });
    core::ProtocolChecker checker("checker");
    TracePlayer player("player", list(accesses), config(TraceTiming::trace, 16));
    player.memory.bind(checker.front);
    checker.back.bind(recorder.front);
    recorder.back.bind(memory.socket);
    sc_core::sc_start();
    CHECK(seen == accesses);
    CHECK(recorder.accesses() == 500);
    const TraceStatistics& s = player.statistics();
    CHECK(s.first == Picoseconds{123456});
    CHECK(s.last == accesses.back().time + latency);
    CHECK(s.duration() == 499 * Picoseconds{7000} + latency);
    CHECK(s.late_accesses == 0);
    CHECK(s.max_lateness == Picoseconds{0});
    check_latency(s.read, latency);
    CHECK(checker.summary().empty());
}

TEST_CASE("accesses that come too late are counted") {
    PipelinedMemory memory("memory");
    // Two at a time, one every quarter of the latency: the k-th pair begins k latencies after the first.
    TracePlayer player("player", list(regular(100, latency / 4)), config(TraceTiming::trace, 2));
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    const TraceStatistics& s = player.statistics();
    CHECK(s.late_accesses == 98);
    CHECK(s.max_lateness == 49 * latency + latency / 4 - 99 * (latency / 4));
    CHECK(s.last == 50 * latency + latency / 4);
    check_latency(s.read, latency);
}

TEST_CASE("times that go back are issued at once, in order") {
    std::vector<TraceAccess> seen;
    PipelinedMemory memory("memory");
    TraceRecorder recorder("recorder", [&seen](const TraceAccess& access) { seen.push_back(access); });
    TracePlayer player("player",
                       list({{Picoseconds{500}, false, 0, 64},
                             {Picoseconds{100}, false, 64, 64},
                             {Picoseconds{700}, true, 128, 64}}),
                       config(TraceTiming::trace, 16));
    player.memory.bind(recorder.front);
    recorder.back.bind(memory.socket);
    sc_core::sc_start();
    REQUIRE(seen.size() == 3);
    CHECK(seen[1].time == Picoseconds{500});
    CHECK(seen[2].time == Picoseconds{700});
    CHECK(player.statistics().late_accesses == 1);
    CHECK(player.statistics().max_lateness == Picoseconds{400});
}

TEST_CASE("errors are counted and the trace goes on") {
    PipelinedMemory memory("memory");
    TracePlayer player("player",
                       list({{Picoseconds{0}, false, capacity - 32, 64},
                             {Picoseconds{0}, true, ~std::uint64_t{0} - 100, 8},
                             {Picoseconds{0}, true, 0, 64},
                             {Picoseconds{0}, false, 2 * capacity, 64},
                             {Picoseconds{0}, false, 64, largest_trace_access / 2}}),
                       config(TraceTiming::trace, 16));
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    const TraceStatistics& s = player.statistics();
    CHECK(s.address_errors == 1);
    CHECK(s.other_errors == 2);
    CHECK(s.write.accesses == 1);
    CHECK(s.read.bytes == largest_trace_access / 2);
    CHECK(s.read.latency.count() == 1);
    CHECK(s.accesses() == 5);
}

TEST_CASE("a limit ends the trace early") {
    PipelinedMemory memory("memory");
    TracePlayer player("player", list(regular(100, latency)), config(TraceTiming::trace, 16, 10));
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    CHECK(player.finished());
    CHECK(player.statistics().accesses() == 10);
    CHECK(player.statistics().last == 10 * latency);
}

TEST_CASE("a player that is stopped completes what is under way") {
    PipelinedMemory memory("memory");
    TracePlayer player("player", list(regular(100000, Picoseconds{0})), config(TraceTiming::saturate, 8));
    int beats = 0;
    player.heartbeat = [&] {
        if (++beats == 3) {
            player.stop();
        }
    };
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    CHECK(player.finished());
    CHECK(player.statistics().accesses() == 8192);
}

TEST_CASE("a line that cannot be read ends the replay") {
    const TemporaryFile trace("1: read 0x0\n2: write 0x40\n3: rite 0x80\n", ".stl");
    PipelinedMemory memory("memory");
    TracePlayer player("player", open_trace(trace.path()), config(TraceTiming::trace, 8));
    player.memory.bind(memory.socket);
    sc_core::sc_start();
    CHECK(player.finished());
    CHECK_THROWS_WITH(player.rethrow(), trace.path() + ":3: found 'rite', expected read or write");
}

TEST_CASE("a player needs a trace and room for an access") {
    CHECK_THROWS_AS(TracePlayer("a", nullptr), std::invalid_argument);
    CHECK_THROWS_AS(TracePlayer("b", list({}), config(TraceTiming::trace, 0)), std::invalid_argument);
}

TEST_CASE("a recorder passes everything on but DMI") {
    std::vector<TraceAccess> seen;
    BlockingMemory memory("memory");
    memory.annotate = true;
    memory.dmi_hint = true;
    TraceRecorder recorder("recorder", [&seen](const TraceAccess& access) { seen.push_back(access); });
    Initiator module("initiator");
    auto& initiator = module.socket;
    initiator.bind(recorder.front);
    recorder.back.bind(memory.socket);
    sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_NS));
    unsigned char data[8] = {};
    tlm::tlm_generic_payload payload;
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(16);
    payload.set_data_ptr(data);
    payload.set_data_length(8);
    payload.set_streaming_width(8);
    sc_core::sc_time delay(5, sc_core::SC_PS);
    initiator->b_transport(payload, delay);
    CHECK(delay == core::to_sc_time(latency + Picoseconds{5}));
    CHECK(payload.is_response_ok());
    CHECK_FALSE(payload.is_dmi_allowed());
    payload.set_command(tlm::TLM_IGNORE_COMMAND);
    initiator->b_transport(payload, delay);
    CHECK(seen == std::vector<TraceAccess>{{Picoseconds{1005}, true, 16, 8}});
    tlm::tlm_dmi dmi;
    CHECK_FALSE(initiator->get_direct_mem_ptr(payload, dmi));
    CHECK(initiator->transport_dbg(payload) == 8);
    CHECK(seen.size() == 1);
}
