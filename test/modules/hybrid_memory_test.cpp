// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/hybrid_memory_controller.h"

#include "hybrid_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;

namespace {

/// A region of ordinary memory and what it must hold.
struct Region {
    std::uint64_t base;
    std::vector<unsigned char> golden;
};

std::vector<Region> regions(const modules::HybridMemoryController& controller) {
    const core::AddressMap& map = controller.address_map();
    return {{map.dram_base, std::vector<unsigned char>(map.dram_bytes)},
            {map.pcm_base, std::vector<unsigned char>(map.pcm_bytes)}};
}

} // namespace

TEST_CASE("the hybrid memory has the same unloaded latencies with LT and AT") {
    HybridFixture lt(small_hybrid(), "lt");
    HybridFixture at(small_hybrid(), "at");
    std::mt19937_64 random(3);
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    run_in_thread([&] {
        const std::vector<Region> all = regions(lt.controller);
        std::vector<unsigned char> data(40000);
        for (int n = 0; n < 1500; ++n) {
            const Region& region = all[pick(2)];
            const auto bytes = static_cast<std::uint32_t>(1 + pick(pick(6) == 0 ? 40000 : 100));
            const std::uint64_t address = region.base + pick(region.golden.size() - bytes);
            const auto command = pick(2) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND;
            const Picoseconds delay{static_cast<std::int64_t>(pick(2) * pick(50000))};
            auto& transaction = at.initiator.access(command, address, data.data(), bytes, delay);
            auto& same = lt.initiator.make(command, address, data.data(), bytes);
            sc_core::sc_time annotated = core::to_sc_time(delay);
            lt.initiator.socket->b_transport(*same.payload, annotated);
            const Picoseconds end = core::now() + core::from_sc_time(annotated);
            at.initiator.wait_for(transaction);
            REQUIRE(same.payload->is_response_ok());
            REQUIRE(transaction.payload->is_response_ok());
            REQUIRE(transaction.responded == end);
            at.initiator.recycle(transaction);
            lt.initiator.recycle(same);
            wait_for(Picoseconds{static_cast<std::int64_t>(pick(2) * pick(1000000))});
        }
    });
    REQUIRE(lt.violations() == "");
    REQUIRE(at.violations() == "");
}

TEST_CASE("random AT accesses to the hybrid memory, split over channels, return what was written") {
    HybridFixture f;
    std::mt19937_64 random(9);
    const auto pick = [&](std::uint64_t n) { return random() % n; };
    f.initiator.reply = [&] { return static_cast<AtInitiator::Reply>(pick(3)); };
    struct Flight {
        std::vector<unsigned char> data, expected, enables;
    };
    std::deque<Flight> flights;
    std::vector<Flight*> spare;
    std::map<AtInitiator::Transaction*, Flight*> under_way;
    std::size_t bad = 0;
    f.initiator.on_response = [&](AtInitiator::Transaction& t) {
        Flight* flight = under_way.at(&t);
        bad += !t.payload->is_response_ok();
        bad += t.payload->is_read() && flight->data != flight->expected;
        under_way.erase(&t);
        spare.push_back(flight);
        f.initiator.recycle(t);
    };
    run_in_thread([&] {
        std::vector<Region> all = regions(f.controller);
        for (int n = 0; n < 30000; ++n) {
            while (under_way.size() > 100) {
                sc_core::wait(f.initiator.responded());
            }
            if (spare.empty()) {
                spare.push_back(&flights.emplace_back());
            }
            Flight& flight = *spare.back();
            spare.pop_back();
            Region& region = all[pick(2)];
            const auto bytes = static_cast<std::uint32_t>(1 + pick(pick(20) == 0 ? 30000 : 100));
            const std::uint64_t offset = pick(pick(3) == 0 ? 300 : region.golden.size() - bytes);
            const bool write = pick(2) == 0;
            const auto width = static_cast<std::uint32_t>(pick(6) == 0 ? 1 + pick(bytes) : bytes);
            flight.data.resize(bytes);
            std::generate(flight.data.begin(), flight.data.end(),
                          [&] { return static_cast<unsigned char>(random()); });
            flight.enables.resize(pick(4) == 0 ? 1 + pick(20) : 0);
            std::generate(flight.enables.begin(), flight.enables.end(), [&] { return pick(2) ? 0xFF : 0; });
            flight.expected = flight.data;
            for (std::uint32_t i = 0; i < bytes; ++i) {
                if (flight.enables.empty() || flight.enables[i % flight.enables.size()] != 0) {
                    unsigned char& cell = region.golden[offset + i % width];
                    write ? cell = flight.data[i] : flight.expected[i] = cell;
                }
            }
            auto& t = f.initiator.make(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
                                       region.base + offset, flight.data.data(), bytes);
            t.payload->set_streaming_width(width);
            if (!flight.enables.empty()) {
                t.payload->set_byte_enable_ptr(flight.enables.data());
                t.payload->set_byte_enable_length(static_cast<unsigned>(flight.enables.size()));
            }
            under_way[&t] = &flight;
            f.initiator.begin(t);
            if (pick(100) == 0) {
                wait_for(Picoseconds{static_cast<std::int64_t>(pick(5000000))});
            }
        }
        while (!under_way.empty()) {
            sc_core::wait(f.initiator.responded());
        }
    });
    REQUIRE(bad == 0);
    REQUIRE(f.checker.unfinished() == 0);
    REQUIRE(f.violations() == "");
    REQUIRE(f.controller.rejected_accesses() == 0);
}

TEST_CASE("the hybrid memory takes no more accesses than its front queue holds") {
    modules::HybridMemoryConfig config = small_hybrid();
    config.front_queue = 2;
    HybridFixture f(config);
    run_in_thread([&] {
        unsigned char line[64];
        std::vector<AtInitiator::Transaction*> all;
        for (std::uint64_t i = 0; i < 4; ++i) { // each on a PCM channel of its own
            all.push_back(&f.initiator.access(tlm::TLM_READ_COMMAND,
                                              f.controller.address_map().pcm_base + i * 8192, line, 64));
        }
        f.initiator.wait_for(*all[3]);
        const Picoseconds latency = clocks(22 + 5 + 4);
        REQUIRE(all[0]->responded == latency);
        REQUIRE(all[1]->responded == latency);
        REQUIRE(all[1]->accepted == Picoseconds{0});
        REQUIRE(all[2]->accepted == latency);
        REQUIRE(all[2]->responded == 2 * latency);
        REQUIRE(all[3]->responded == 2 * latency);
    });
    REQUIRE(f.violations() == "");
}

TEST_CASE("what the hybrid memory can't do is an error response, early and counted") {
    HybridFixture f;
    run_in_thread([&] {
        const core::AddressMap& map = f.controller.address_map();
        unsigned char line[64] = {};
        std::uint64_t errors = 0;
        const auto response = [&](std::uint64_t address, unsigned char* data, std::uint32_t bytes,
                                  tlm::tlm_command command = tlm::TLM_READ_COMMAND) {
            auto& t = f.initiator.access(command, address, data, bytes);
            REQUIRE(t.completed_early);
            const tlm::tlm_response_status at = t.payload->get_response_status();
            sc_core::sc_time delay = core::to_sc_time(clocks(3));
            auto& blocking = f.initiator.make(command, address, data, bytes);
            f.initiator.socket->b_transport(*blocking.payload, delay);
            REQUIRE(blocking.payload->get_response_status() == at);
            errors += at == tlm::TLM_OK_RESPONSE ? 0 : 2;
            REQUIRE(f.controller.rejected_accesses() == errors);
            return at;
        };
        REQUIRE(response(map.dram_base + map.dram_bytes - 1, line, 1, tlm::TLM_IGNORE_COMMAND) ==
                tlm::TLM_OK_RESPONSE);
        REQUIRE(response(map.pcm_base + map.pcm_bytes - 1, line, 2) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(response(map.pcm_base - 1, line, 2) == tlm::TLM_ADDRESS_ERROR_RESPONSE); // across the border
        REQUIRE(response(~std::uint64_t{0}, line, 1) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(response(map.dram_base, nullptr, 1) == tlm::TLM_GENERIC_ERROR_RESPONSE);
        REQUIRE(response(map.dram_base, line, 0) == tlm::TLM_BURST_ERROR_RESPONSE);
        REQUIRE(core::now() == Picoseconds{0});
    });
}
