// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/write_forwarding.h"

#include "hydravp/modules/channel_controller.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using modules::ChannelControllerConfig;
using modules::forwarding_write;
using modules::QueuedRun;
using modules::RequestQueue;

namespace {

QueuedRun run(bool write, std::uint64_t row_byte, std::uint64_t length, std::uint32_t row = 0,
              bool chip_local = false) {
    QueuedRun r;
    r.slot = 1;
    r.write = write;
    r.row = core::Row{row};
    r.row_byte = row_byte;
    r.length = length;
    r.chip_local = chip_local;
    r.first = static_cast<std::uint32_t>(chip_local ? row_byte : row_byte / 8);
    r.bytes =
        static_cast<std::uint32_t>(chip_local ? length : (row_byte + length - 1) / 8 - row_byte / 8 + 1);
    return r;
}

const QueuedRun* push(RequestQueue& queue, const QueuedRun& run) {
    QueuedRun& draft = queue.draft();
    draft = run;
    queue.push_draft(Picoseconds{0});
    return &draft;
}

ChannelControllerConfig pipelined() {
    ChannelControllerConfig config;
    config.latency = clocks(2);
    config.forwarding = true;
    return config;
}

std::uint64_t forwarded(ChannelFixture& f) {
    std::uint64_t sum = 0;
    for (const modules::BankStatistics& bank : f.controller.statistics().banks) {
        sum += bank.forwarded;
    }
    return sum;
}

/// Bytes that differ from each other and from zero.
std::vector<unsigned char> pattern(std::size_t bytes, unsigned first) {
    std::vector<unsigned char> data(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
        data[i] = static_cast<unsigned char>(1 + (first + i) % 255);
    }
    return data;
}

} // namespace

TEST_CASE("the youngest write that touches the read forwards if it covers all of it") {
    RequestQueue queue({}, 5);
    const QueuedRun read = run(false, 100, 50);
    CHECK(forwarding_write(queue, read) == nullptr);
    push(queue, run(true, 0, 1024, 1)); // another row
    push(queue, run(false, 100, 50));   // a read
    CHECK(forwarding_write(queue, read) == nullptr);
    const QueuedRun* const wide = push(queue, run(true, 64, 128));
    CHECK(forwarding_write(queue, read) == wide);
    push(queue, run(true, 96, 4)); // the same beat, other bytes
    push(queue, run(true, 150, 10));
    CHECK(forwarding_write(queue, read) == wide);
    const QueuedRun* const exact = push(queue, run(true, 100, 50));
    CHECK(forwarding_write(queue, read) == exact);
    CHECK(forwarding_write(queue, run(false, 99, 50)) == nullptr); // the youngest lacks a byte
    CHECK(forwarding_write(queue, run(false, 64, 36)) == nullptr); // the bytes of two
    CHECK(forwarding_write(queue, run(false, 64, 32)) == wide);
    push(queue, run(true, 149, 1));
    CHECK(forwarding_write(queue, read) == nullptr);
    CHECK(forwarding_write(queue, run(false, 100, 49)) == exact);
    push(queue, run(true, 12, 1, 0, true)); // of every chip, beat 12: bytes 96 to 103
    CHECK(forwarding_write(queue, run(false, 100, 49)) == nullptr);
    CHECK(forwarding_write(queue, run(false, 104, 45)) == exact);
}

TEST_CASE("a forwarded read takes the front-end latency, the channel nothing") {
    ChannelFixture f(dram(), geometry(), 0, pipelined());
    auto data = pattern(64, 0);
    run_in_thread([&] {
        unsigned char line[64] = {};
        wait_for(Picoseconds{1}); // off the clock's edges
        auto& write = f.post(tlm::TLM_WRITE_COMMAND, f.address(0, 2, 1), data.data(), 64);
        auto& read = f.post(tlm::TLM_READ_COMMAND, f.address(0, 2, 1), line, 64);
        f.initiator.wait_for(read);
        REQUIRE(read.responded == clocks(3)); // the edge at or after acceptance and latency
        REQUIRE_FALSE(write.done);
        REQUIRE(std::equal(data.begin(), data.end(), line));
        f.initiator.wait_for(write);
        REQUIRE(write.responded == clocks(3 + 5 + 4 + 4));
        auto& late = f.post(tlm::TLM_READ_COMMAND, f.address(0, 2, 1), line, 64); // the queue is empty
        f.initiator.wait_for(late);
        REQUIRE(late.end() > clocks(5 + 4));
    });
    const modules::ChannelStatistics& s = f.controller.statistics();
    REQUIRE(s.banks[2].forwarded == 1);
    REQUIRE(s.banks[2].runs == 2);
    REQUIRE(s.banks[2].row_hits + s.banks[2].row_misses + s.banks[2].row_conflicts == 2);
    REQUIRE(s.banks[2].reads == 1);
    REQUIRE(s.read.accesses == 2);
    REQUIRE(s.read.bytes == 128);
    REQUIRE(f.recorder.count(CommandKind::read) == 1);
    REQUIRE(total("mem_array_read") == Approx(1.17 * 8 * 8192)); // the write's row, pJ
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
}

TEST_CASE("the front-end latency is the queueing of a forwarded read, and all of it") {
    ChannelFixture f(dram(), geometry(), 0, pipelined());
    auto data = pattern(64, 0);
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.post(tlm::TLM_WRITE_COMMAND, 0, data.data(), 64);
        f.initiator.wait_for(f.post(tlm::TLM_READ_COMMAND, 0, line, 64));
        REQUIRE(f.controller.statistics().occupancy.area_ps(false) == clocks(2).count());
        REQUIRE(f.controller.statistics().occupancy.max(false) == 1);
        wait_for(clocks(50));
    });
    const modules::AccessStatistics& read = f.controller.statistics().read;
    REQUIRE(read.queueing == clocks(2));
    REQUIRE(read.service == clocks(0));
    REQUIRE(f.controller.statistics().occupancy.area_ps(false) == clocks(2).count());
}

TEST_CASE("without a pipeline the answer comes at once, from b_transport too") {
    ChannelControllerConfig config;
    config.forwarding = true;
    ChannelFixture f(dram(), geometry(), 0, config);
    auto data = pattern(64, 0);
    run_in_thread([&] {
        unsigned char line[64] = {};
        auto& write = f.post(tlm::TLM_WRITE_COMMAND, 0, data.data(), 64);
        const auto read = f.read(8, line, 16);
        REQUIRE(read.ok());
        REQUIRE(read.end == Picoseconds{0});
        REQUIRE_FALSE(write.done);
        REQUIRE(std::equal(line, line + 16, data.begin() + 8));
        wait_for(clocks(50));
    });
    REQUIRE(f.recorder.count(CommandKind::read) == 0);
}

TEST_CASE("switched off, a read waits for the write and reads the cells") {
    ChannelControllerConfig config = pipelined();
    config.forwarding = false;
    ChannelFixture f(dram(), geometry(), 0, config);
    auto data = pattern(64, 0);
    run_in_thread([&] {
        unsigned char line[64] = {};
        auto& write = f.post(tlm::TLM_WRITE_COMMAND, 0, data.data(), 64);
        auto& read = f.post(tlm::TLM_READ_COMMAND, 0, line, 64);
        f.initiator.wait_for(read);
        REQUIRE(write.done);
        REQUIRE(std::equal(data.begin(), data.end(), line));
    });
    REQUIRE(forwarded(f) == 0);
    REQUIRE(f.recorder.count(CommandKind::read) == 1);
}

TEST_CASE(
    "byte enables: what the write leaves out is not forwarded, what the read leaves out is not copied") {
    ChannelFixture f(dram(), geometry(), 0, pipelined());
    auto data = pattern(64, 0);
    std::vector<unsigned char> enables(64, 0xFF), wanted(64, 0xFF);
    enables[5] = 0;
    run_in_thread([&] {
        auto old = pattern(64, 100);
        f.write(0, old.data(), 64);
        unsigned char all[64] = {}, some[64] = {};
        auto& write = f.initiator.make(tlm::TLM_WRITE_COMMAND, 0, data.data(), 64);
        write.payload->set_byte_enable_ptr(enables.data());
        write.payload->set_byte_enable_length(64);
        f.initiator.begin(write);
        wanted[5] = wanted[9] = 0;
        auto& without = f.initiator.make(tlm::TLM_READ_COMMAND, 0, some, 64);
        without.payload->set_byte_enable_ptr(wanted.data());
        without.payload->set_byte_enable_length(64);
        f.initiator.begin(without);
        auto& with = f.post(tlm::TLM_READ_COMMAND, 0, all, 64);
        auto& behind = f.post(tlm::TLM_READ_COMMAND, 6, all + 6, 58);
        f.initiator.wait_for(without);
        REQUIRE(without.end() == clocks(2));
        REQUIRE(behind.done);
        f.initiator.wait_for(with);
        REQUIRE(write.done);
        for (std::size_t i = 0; i < 64; ++i) {
            REQUIRE(all[i] == (i == 5 ? old[i] : data[i]));
            REQUIRE(some[i] == (i == 5 || i == 9 ? 0 : data[i]));
        }
    });
    REQUIRE(forwarded(f) == 2);
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("streaming: the last bytes that a write puts at an address are forwarded") {
    ChannelFixture f(dram(), geometry(), 0, pipelined());
    auto data = pattern(64, 0);
    run_in_thread([&] {
        std::vector<unsigned char> twice(32);
        auto& write = f.initiator.make(tlm::TLM_WRITE_COMMAND, 256, data.data(), 64); // four times 16 bytes
        write.payload->set_streaming_width(16);
        f.initiator.begin(write);
        auto& read = f.initiator.make(tlm::TLM_READ_COMMAND, 256, twice.data(), 32);
        read.payload->set_streaming_width(16);
        f.initiator.begin(read);
        f.initiator.wait_for(read);
        REQUIRE(read.end() == clocks(2));
        REQUIRE(std::equal(data.begin() + 48, data.end(), twice.begin()));
        REQUIRE(std::equal(data.begin() + 48, data.end(), twice.begin() + 16));
        f.initiator.wait_for(write);
    });
    REQUIRE(forwarded(f) == 2);
}

TEST_CASE("a read of several runs ends with the last of them, wherever that comes from") {
    ChannelFixture f(dram(), geometry(), 0, pipelined());
    auto data = pattern(8192, 0);
    run_in_thread([&] {
        for (const bool first_half : {true, false}) {
            const std::uint64_t border = f.address(0, 4, first_half ? 0 : 1);
            std::vector<unsigned char> both(256);
            auto& write =
                f.post(tlm::TLM_WRITE_COMMAND, first_half ? border - 128 : border, data.data(), 128);
            auto& read = f.post(tlm::TLM_READ_COMMAND, border - 128, both.data(), 256);
            f.initiator.wait_for(read);
            REQUIRE(read.end() >= clocks(2 + 5 + 5 + 2 * 4));
            REQUIRE(std::equal(data.begin(), data.begin() + 128, both.begin() + (first_half ? 0 : 128)));
            f.initiator.wait_for(write);
        }
        // The first run's data have passed when the second one is taken up and finds a write.
        wait_for(clocks(1000));
    });
    REQUIRE(forwarded(f) == 2);
    REQUIRE(f.controller.statistics().read.accesses == 2);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
}

TEST_CASE("forwarded reads leave a full read queue, and make room for others") {
    ChannelControllerConfig config = pipelined();
    config.read_queue = 1;
    ChannelFixture f(dram(), geometry(), 0, config);
    auto data = pattern(64, 0);
    run_in_thread([&] {
        unsigned char lines[4][64] = {};
        f.post(tlm::TLM_WRITE_COMMAND, 0, data.data(), 64);
        std::vector<AtInitiator::Transaction*> reads;
        for (auto& line : lines) {
            reads.push_back(&f.post(tlm::TLM_READ_COMMAND, 0, line, 64));
        }
        f.initiator.wait_for(*reads[0]);
        REQUIRE(reads[0]->responded == clocks(2));
        for (auto* read : reads) {
            f.initiator.wait_for(*read);
        }
        REQUIRE(reads[1]->accepted == clocks(2));
        REQUIRE(reads[1]->responded == clocks(2)); // it has waited for longer than the latency
        REQUIRE(reads[2]->responded == clocks(4));
        for (const auto& line : lines) {
            REQUIRE(std::equal(data.begin(), data.end(), line));
        }
        wait_for(clocks(50));
    });
    REQUIRE(f.checker.unfinished() == 0);
    REQUIRE(f.checker.summary() == "");
}

namespace {

struct Access {
    tlm::tlm_command command;
    std::uint64_t address;
    std::uint32_t bytes, width, enables; ///< enables: length of the pattern; 0: none
    Picoseconds pause;
};

/// Accesses of a few rows, of which many overlap.
std::vector<Access> overlapping(unsigned seed, int count) {
    std::mt19937 random(seed);
    std::vector<Access> all;
    for (int i = 0; i < count; ++i) {
        Access a{};
        a.command = random() % 2 == 0 ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
        a.bytes = 1 + random() % (random() % 30 == 0 ? 20000 : 200);
        a.address = random() % 4 == 0 ? random() % 100000 : random() % 8 * 64;
        a.width = random() % 10 == 0 ? 1 + random() % a.bytes : a.bytes;
        a.width = a.bytes > 4 * a.width ? a.bytes : a.width;
        a.enables = random() % 8 == 0 ? 1 + random() % 9 : 0;
        a.pause = clocks(random() % 3 == 0 ? random() % 60 : 0);
        all.push_back(a);
    }
    return all;
}

/// Plays the accesses and compares each read with a memory that takes them in their order.
/// @return times of the responses
std::vector<Picoseconds> play(ChannelFixture& f, const std::vector<Access>& accesses, bool with_data) {
    struct Flight {
        std::vector<unsigned char> data, expected, enables;
        modules::ChannelRequest engine; // may go without data
        AtInitiator::Transaction* transaction = nullptr;
    };
    std::mt19937 random(1);
    std::vector<unsigned char> golden(200000);
    std::vector<Flight> flights(accesses.size());
    for (std::size_t i = 0; i < accesses.size(); ++i) {
        const Access& a = accesses[i];
        Flight& flight = flights[i];
        for (std::uint32_t e = 0; e < a.enables; ++e) {
            flight.enables.push_back(random() % 4 == 0 ? 0 : 0xFF);
        }
        flight.data = pattern(a.bytes, random());
        flight.expected = flight.data;
        for (std::uint32_t b = 0; b < a.bytes; ++b) {
            unsigned char& cell = golden[a.address + b % a.width];
            if (a.enables != 0 && flight.enables[b % a.enables] == 0) {
                continue;
            }
            if (a.command == tlm::TLM_WRITE_COMMAND) {
                cell = flight.data[b];
            } else {
                flight.expected[b] = cell;
            }
        }
        auto& t = f.initiator.make(a.command, a.address, with_data ? flight.data.data() : nullptr, a.bytes);
        flight.transaction = &t;
        t.payload->set_streaming_width(a.width);
        if (a.enables != 0) {
            t.payload->set_byte_enable_ptr(flight.enables.data());
            t.payload->set_byte_enable_length(a.enables);
        }
        t.payload->set_extension(&flight.engine);
        f.initiator.begin(t);
        wait_for(a.pause);
    }
    std::vector<Picoseconds> times;
    for (Flight& flight : flights) {
        f.initiator.wait_for(*flight.transaction);
        flight.transaction->payload->clear_extension(&flight.engine);
        times.push_back(flight.transaction->responded);
        REQUIRE(flight.transaction->payload->is_response_ok());
        if (with_data) {
            REQUIRE(flight.data == flight.expected);
        }
    }
    return times;
}

} // namespace

TEST_CASE("overlapping accesses: the bytes are right, and without data all is the same") {
    ChannelControllerConfig config = pipelined();
    config.write_high_watermark = 30;
    const auto accesses = overlapping(3, 4000);
    std::vector<std::unique_ptr<ChannelFixture>> fixtures;
    for (const char* name : {"with_data", "without", "stepping"}) {
        config.command_by_command = std::string(name) == "stepping";
        fixtures.push_back(
            std::make_unique<ChannelFixture>(refreshed_dram(), geometry(1, 64), 0, config, name));
    }
    std::vector<Picoseconds> times[3];
    run_in_thread([&] {
        std::size_t running = 3;
        sc_core::sc_event finished;
        for (std::size_t i = 0; i < 3; ++i) {
            sc_core::sc_spawn([&, i] {
                times[i] = play(*fixtures[i], accesses, i != 1);
                --running;
                finished.notify(sc_core::SC_ZERO_TIME);
            });
        }
        while (running > 0) {
            sc_core::wait(finished);
        }
    });
    REQUIRE(times[0] == times[1]);
    REQUIRE(times[0] == times[2]);
    REQUIRE(forwarded(*fixtures[0]) > 200);
    for (const auto& f : fixtures) {
        CHECK(forwarded(*f) == forwarded(*fixtures[0]));
        CHECK(f->recorder.history.size() == fixtures[0]->recorder.history.size());
        CHECK(f->auditor.summary() == "");
        CHECK(f->checker.summary() == "");
        CHECK(f->checker.unfinished() == 0);
    }
}
