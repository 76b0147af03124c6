// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;

TEST_CASE("LT and AT have the same unloaded latencies") {
    modules::ChannelControllerConfig config;
    config.latency = clocks(2);
    ChannelFixture lt(refreshed_dram(), geometry(2, 8), 0, config, "lt");
    ChannelFixture at(refreshed_dram(), geometry(2, 8), 0, config, "at");
    std::mt19937 random(11);
    const auto pick = [&](std::uint64_t n) { return static_cast<std::uint64_t>(random() % n); };
    run_in_thread([&] {
        std::vector<unsigned char> data(20000);
        const std::uint64_t capacity = lt.channel.geometry().channel_bytes();
        for (int n = 0; n < 2000; ++n) {
            const auto bytes = static_cast<std::uint32_t>(1 + pick(pick(10) == 0 ? 20000 : 200));
            const std::uint64_t address = pick(capacity - bytes);
            const auto command = pick(2) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND;
            const Picoseconds delay{static_cast<std::int64_t>(pick(3) == 0 ? pick(100000) : 0)};
            auto& transaction = at.initiator.access(command, address, data.data(), bytes, delay);
            const auto result = lt.access(command, address, data.data(), bytes, delay);
            at.initiator.wait_for(transaction);
            REQUIRE(result.ok());
            REQUIRE(transaction.payload->is_response_ok());
            REQUIRE(transaction.responded == result.at);
            at.initiator.recycle(transaction);
            wait_for(Picoseconds{static_cast<std::int64_t>(pick(2) * pick(1000000))});
        }
    });
    REQUIRE(lt.recorder.history.size() == at.recorder.history.size());
    REQUIRE(at.auditor.summary() == "");
}

TEST_CASE("errors and ignored commands are completed early") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        unsigned char line[64] = {};
        const auto response = [&](tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                                  std::uint32_t bytes) {
            auto& t = f.post(command, address, data, bytes);
            REQUIRE(t.completed_early);
            REQUIRE(t.end() == Picoseconds{0});
            return t.payload->get_response_status();
        };
        const std::uint64_t capacity = f.channel.geometry().channel_bytes();
        REQUIRE(response(tlm::TLM_READ_COMMAND, capacity, line, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(response(tlm::TLM_WRITE_COMMAND, 0, line, 0) == tlm::TLM_BURST_ERROR_RESPONSE);
        REQUIRE(response(tlm::TLM_READ_COMMAND, 0, nullptr, 8) == tlm::TLM_GENERIC_ERROR_RESPONSE);
        REQUIRE(response(tlm::TLM_IGNORE_COMMAND, 0, line, 8) == tlm::TLM_OK_RESPONSE);
        // with annotated time they come when that has passed
        auto& late = f.initiator.access(tlm::TLM_READ_COMMAND, capacity, line, 1, clocks(5));
        f.initiator.wait_for(late);
        REQUIRE(core::now() == clocks(5));
        REQUIRE(late.payload->get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        // a payload without memory manager can't be kept
        tlm::tlm_generic_payload own;
        own.set_command(tlm::TLM_READ_COMMAND);
        own.set_data_ptr(line);
        own.set_data_length(8);
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time delay;
        REQUIRE(f.out->nb_transport_fw(own, phase, delay) == tlm::TLM_COMPLETED);
        REQUIRE(own.get_response_status() == tlm::TLM_GENERIC_ERROR_RESPONSE);
    });
    REQUIRE(f.recorder.history.empty());
}

TEST_CASE("END_REQ stays away while the queue is full") {
    modules::ChannelControllerConfig config;
    config.read_queue = 4;
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[64];
        std::vector<AtInitiator::Transaction*> all;
        for (std::uint32_t i = 0; i < 6; ++i) { // six rows of one bank
            all.push_back(&f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, i), line, 64));
        }
        for (std::uint32_t i = 0; i < 4; ++i) {
            REQUIRE(all[i]->accepted == Picoseconds{0});
        }
        f.initiator.wait_for(*all[5]);
        // Number 4 found room when number 0's data had passed, number 5 when number 1's had.
        REQUIRE(all[4]->accepted == clocks(14));
        REQUIRE(all[5]->begun == all[4]->accepted);
        REQUIRE(all[5]->accepted == clocks(22 + 14));
        for (std::size_t i = 0; i < 6; ++i) { // a row cycle each
            REQUIRE(all[i]->responded == clocks(22 * static_cast<int>(i) + 14));
        }
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("one response at a time, and the next begins when the one before has ended") {
    ChannelFixture f(dram(), geometry());
    f.initiator.reply = [] { return AtInitiator::Reply::accepted; };
    f.initiator.response_time = [] { return clocks(50); };
    run_in_thread([&] {
        unsigned char line[64];
        std::vector<AtInitiator::Transaction*> all;
        for (std::uint32_t i = 0; i < 3; ++i) {
            all.push_back(&f.post(tlm::TLM_READ_COMMAND, i * 64, line, 64));
        }
        for (auto* t : all) {
            f.initiator.wait_for(*t);
        }
        REQUIRE(all[0]->responded == clocks(14));
        REQUIRE(all[1]->responded == clocks(14 + 50));
        REQUIRE(all[2]->responded == clocks(14 + 100));
        f.initiator.reply = [] { return AtInitiator::Reply::updated; };
        auto& first = f.post(tlm::TLM_READ_COMMAND, 0, line, 64);
        auto& second = f.post(tlm::TLM_READ_COMMAND, 64, line, 64);
        f.initiator.wait_for(second);
        REQUIRE(second.responded == first.responded + clocks(50));
    });
}

TEST_CASE("the open row's reads overtake an older conflict, a write drain is one turnaround") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        unsigned char line[64];
        f.read(0, line, 64); // opens row 0 of bank 0
        auto& conflict = f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, 1), line, 64);
        auto& hit = f.post(tlm::TLM_READ_COMMAND, 64, line, 64);
        f.initiator.wait_for(conflict);
        REQUIRE(hit.end() == clocks(9));
        REQUIRE(conflict.responded == clocks(22 + 14)); // t_rc after the first; the hit didn't hold it up
        // writes wait for reads, then go together
        std::vector<AtInitiator::Transaction*> writes;
        for (std::uint32_t i = 0; i < 4; ++i) {
            writes.push_back(&f.post(tlm::TLM_WRITE_COMMAND, f.address(0, 0, 1, 64 * i), line, 64));
            f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, 1, 1024 + 64 * i), line, 64);
        }
        f.initiator.wait_for(*writes.back());
    });
    std::string order;
    for (const auto& c : f.recorder.history) {
        order += c.kind == CommandKind::read ? "r" : c.kind == CommandKind::write ? "w" : "";
    }
    REQUIRE(order == "rrrrrrrwwww");
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("a write is not held up longer than the starvation limit by reads") {
    modules::ChannelControllerConfig config;
    config.starvation_limit = clocks(200);
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[64];
        AtInitiator::Transaction* write = nullptr;
        std::vector<AtInitiator::Transaction*> reads;
        for (std::uint32_t i = 0; i < 300; ++i) { // a stream of row hits
            if (i == 10) {
                write = &f.post(tlm::TLM_WRITE_COMMAND, f.address(0, 3, 0), line, 64);
            }
            reads.push_back(&f.post(tlm::TLM_READ_COMMAND, i % 100 * 64, line, 64));
        }
        f.initiator.wait_for(*reads.back());
        REQUIRE(write->done);
        REQUIRE(write->end() > clocks(200));
        // its row has to be opened, and the bus turned around
        REQUIRE(write->end() <= clocks(200 + 5 + 5 + 4 + 4 + 1 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("a line read waits for a burst group of a stream, not for the stream") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> rows(16 * 8192);
        unsigned char line[64];
        modules::ChannelRequest stream;
        stream.source = modules::Source::weight_streamer;
        auto& long_read =
            f.initiator.make(tlm::TLM_READ_COMMAND, 0, rows.data(), static_cast<std::uint32_t>(rows.size()));
        long_read.payload->set_extension(&stream);
        f.initiator.begin(long_read);
        wait_until(clocks(1000));
        auto& one = f.post(tlm::TLM_READ_COMMAND, f.address(1, 0, 0), line, 64);
        f.initiator.wait_for(one);
        // the group on its way, at most 32 bursts, one more that was older, and turning to the other rank
        REQUIRE(one.end() <= clocks(2 * 32 * 4 + 1 + 4 + 5));
        f.initiator.wait_for(long_read);
        REQUIRE(long_read.responded <= clocks(10 + 16 * 512 + 4 + 2 + 1));
        long_read.payload->clear_extension(&stream);
    });
    REQUIRE(f.auditor.summary() == "");
}

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int many = 50000;
#else
constexpr int many = 1000000;
#endif

/// What a memory must hold if accesses act in the order in which they are begun.
class Golden {
public:
    explicit Golden(std::size_t bytes) : memory_(bytes) {}
    void write(std::uint64_t address, const unsigned char* data, std::size_t bytes) {
        std::copy_n(data, bytes, memory_.begin() + static_cast<std::ptrdiff_t>(address));
    }
    std::vector<unsigned char> read(std::uint64_t address, std::size_t bytes) const {
        const auto first = memory_.begin() + static_cast<std::ptrdiff_t>(address);
        return {first, first + static_cast<std::ptrdiff_t>(bytes)};
    }

private:
    std::vector<unsigned char> memory_;
};

/// One of the accesses under way.
struct Flight {
    AtInitiator::Transaction* transaction = nullptr;
    std::vector<unsigned char> data, expected;
};

class Traffic {
public:
    explicit Traffic(std::uint64_t capacity) : capacity_(capacity), golden_(capacity) {}

    /// Draws an access; its expectation is fixed now.
    void draw(Flight& flight) {
        const bool near = pick(4) == 0; // so that many touch the same bytes
        bytes_ = static_cast<std::uint32_t>(1 + pick(pick(50) == 0 ? 9000 : 128));
        address_ = pick(near ? 512 : capacity_ - bytes_);
        if (pick(2) == 0) {
            address_ &= ~std::uint64_t{63};
        }
        write_ = pick(2) == 0;
        flight.data.resize(bytes_);
        flight.expected.clear();
        if (write_) {
            std::generate(flight.data.begin(), flight.data.end(),
                          [&] { return static_cast<unsigned char>(random_()); });
            golden_.write(address_, flight.data.data(), bytes_);
        } else {
            flight.expected = golden_.read(address_, bytes_);
        }
    }
    tlm::tlm_command command() const { return write_ ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND; }
    std::uint64_t address() const { return address_; }
    std::uint32_t bytes() const { return bytes_; }
    std::uint64_t pick(std::uint64_t n) { return random_() % n; }

private:
    std::uint64_t capacity_;
    Golden golden_;
    std::mt19937_64 random_{5};
    std::uint64_t address_ = 0;
    std::uint32_t bytes_ = 0;
    bool write_ = false;
};

} // namespace

TEST_CASE("a million random AT transactions return what was written before them") {
    ChannelFixture f(refreshed_dram(), geometry(2, 4));
    f.recorder.keep_history(false);
    std::size_t bad = 0;
    Traffic traffic(f.channel.geometry().channel_bytes());
    const auto reply = [&] { return static_cast<AtInitiator::Reply>(traffic.pick(3)); };
    f.initiator.reply = reply;
    f.initiator.response_time = [&] { return clocks(static_cast<int>(traffic.pick(40) == 0 ? 30 : 0)); };
    std::deque<Flight> flights;
    std::vector<Flight*> spare;
    std::map<AtInitiator::Transaction*, Flight*> by_transaction;
    f.initiator.on_response = [&](AtInitiator::Transaction& t) {
        const auto found = by_transaction.find(&t);
        if (found == by_transaction.end()) {
            return; // completed in its begin
        }
        Flight* flight = found->second;
        bad += !t.payload->is_response_ok();
        bad += !flight->expected.empty() && flight->expected != flight->data;
        by_transaction.erase(found);
        spare.push_back(flight);
        f.initiator.recycle(t);
    };
    run_in_thread([&] {
        for (int n = 0; n < many; ++n) {
            while (by_transaction.size() > 48) {
                sc_core::wait(f.initiator.responded());
            }
            if (spare.empty()) {
                spare.push_back(&flights.emplace_back());
            }
            Flight& flight = *spare.back();
            spare.pop_back();
            traffic.draw(flight);
            auto& t =
                f.initiator.make(traffic.command(), traffic.address(), flight.data.data(), traffic.bytes());
            by_transaction[&t] = &flight;
            f.initiator.begin(t);
            if (traffic.pick(200) == 0) {
                wait_for(Picoseconds{static_cast<std::int64_t>(traffic.pick(3000000))});
            }
        }
        while (!by_transaction.empty()) {
            sc_core::wait(f.initiator.responded());
        }
    });
    REQUIRE(bad == 0);
    REQUIRE(f.recorder.refused == 0);
    REQUIRE(f.recorder.delayed == 0);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
    REQUIRE(f.checker.unfinished() == 0);
}

TEST_CASE("a million random LT transactions return what was written before them") {
    ChannelFixture f(refreshed_dram(), geometry(2, 4));
    f.recorder.keep_history(false);
    std::size_t bad = 0;
    Traffic traffic(f.channel.geometry().channel_bytes());
    int begun = 0;
    run_in_thread([&] {
        constexpr int threads = 8;
        int running = threads;
        sc_core::sc_event finished;
        for (int i = 0; i < threads; ++i) {
            sc_core::sc_spawn([&] {
                Flight flight;
                while (begun < many) {
                    ++begun;
                    traffic.draw(flight); // begun at once: nobody gets in between
                    const auto result =
                        f.access(traffic.command(), traffic.address(), flight.data.data(), traffic.bytes());
                    bad += !result.ok();
                    bad += !flight.expected.empty() && flight.expected != flight.data;
                    if (traffic.pick(200) == 0) {
                        wait_for(Picoseconds{static_cast<std::int64_t>(traffic.pick(3000000))});
                    }
                }
                --running;
                finished.notify(sc_core::SC_ZERO_TIME);
            });
        }
        while (running > 0) {
            sc_core::wait(finished);
        }
    });
    REQUIRE(bad == 0);
    REQUIRE(f.recorder.refused == 0);
    REQUIRE(f.recorder.delayed == 0);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
}
