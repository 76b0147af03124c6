// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/load_generator.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using modules::LoadConfig;
using modules::LoadGenerator;

namespace {

struct Memory : sc_core::sc_module {
    tlm_utils::simple_target_socket<Memory> socket{"socket"};
    std::vector<std::tuple<std::uint64_t, bool, std::int64_t>> seen; ///< address, read, time
    Picoseconds latency{100'000};
    std::uint64_t refused = ~std::uint64_t{0};
    explicit Memory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &Memory::transport);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        REQUIRE(payload.get_data_length() == 64);
        seen.emplace_back(payload.get_address(), payload.is_read(),
                          (core::now() + core::from_sc_time(delay)).count());
        delay += core::to_sc_time(latency);
        payload.set_response_status(seen.size() > refused ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                          : tlm::TLM_OK_RESPONSE);
    }
};

LoadConfig config() {
    LoadConfig load;
    load.rate = core::Bandwidth{6.4e9}; // an access every 10 ns
    load.footprint = {4096};
    load.base = {0x10000};
    load.block = {1024};
    load.stride = {4096};
    return load;
}

struct Fixture : sc_core::sc_module {
    Memory memory{"memory"};
    LoadGenerator load;
    Fixture(const sc_core::sc_module_name& name, const LoadConfig& with, std::uint32_t outstanding = 100,
            std::uint32_t core = 0)
        : sc_core::sc_module(name), load("load", with, core, outstanding) {
        load.memory.bind(memory.socket);
    }
};

} // namespace

TEST_CASE("a load has its rate, its shares and its footprint") {
    LoadConfig load = config();
    load.read_share = 0.75;
    load.locality = 0.6;
    Fixture f("fixture", load);
    sc_core::sc_start(100, sc_core::SC_US);
    const auto& seen = f.memory.seen;
    REQUIRE(seen.size() == Approx(10'000).margin(1));
    std::size_t reads = 0;
    std::size_t followers = 0;
    std::vector<std::uint64_t> addresses;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const auto [address, read, time] = seen[i];
        REQUIRE(time == static_cast<std::int64_t>(i) * 10'000);
        REQUIRE(address % 64 == 0);
        REQUIRE(address >= 0x10000);
        REQUIRE((address - 0x10000) / 4096 < 4);
        REQUIRE((address - 0x10000) % 4096 < 1024);
        reads += read ? 1 : 0;
        if (i > 0) {
            const std::uint64_t before = std::get<0>(seen[i - 1]);
            const std::uint64_t next = before / 1024 * 1024 + (before + 64) % 1024;
            followers += address == next ? 1 : 0;
        }
        addresses.push_back(address);
    }
    REQUIRE(reads == Approx(7500).margin(200));
    REQUIRE(followers == Approx(6000 + 4000 / 64).margin(250)); // a jump may lead there too
    std::sort(addresses.begin(), addresses.end());
    REQUIRE(std::unique(addresses.begin(), addresses.end()) - addresses.begin() == 64); // all of it
    REQUIRE(f.load.meter().total("load_latency_ps") == f.load.meter().total("load_accesses") * 100'000);
    REQUIRE(f.load.meter().total("load") == f.load.meter().total("load_accesses") * 64);
}

TEST_CASE("with few accesses under way the memory sets the pace") {
    Fixture f("fixture", config(), 2);
    sc_core::sc_start(10, sc_core::SC_US);
    REQUIRE(f.memory.seen.size() == Approx(200).margin(2)); // two per 100 ns
    f.load.stop();
    const std::size_t before = f.memory.seen.size();
    sc_core::sc_start(10, sc_core::SC_US);
    REQUIRE(f.memory.seen.size() == before);
    f.load.rethrow();
}

TEST_CASE("the same seed gives the same accesses, another core or seed others") {
    LoadConfig other = config();
    other.seed = 2;
    Fixture a("a", config());
    Fixture b("b", config());
    Fixture c("c", config(), 100, 1);
    Fixture d("d", other);
    sc_core::sc_start(10, sc_core::SC_US);
    REQUIRE(a.memory.seen == b.memory.seen);
    REQUIRE(a.memory.seen != c.memory.seen);
    REQUIRE(a.memory.seen != d.memory.seen);
}

TEST_CASE("a refused access ends the load and comes out of rethrow") {
    Fixture f("fixture", config());
    f.memory.refused = 10;
    sc_core::sc_start(10, sc_core::SC_US);
    REQUIRE(f.memory.seen.size() < 30);
    REQUIRE_THROWS_AS(f.load.rethrow(), core::SimulationError);
    REQUIRE_THROWS_WITH(f.load.rethrow(), Catch::Contains("fixture.load") && Catch::Contains("64 bytes"));
}

TEST_CASE("a load that would never take time is refused") {
    LoadConfig load = config();
    load.rate = {};
    CHECK_THROWS_AS(LoadGenerator("unlimited", load, 0, 1), std::invalid_argument);
    load = config();
    load.block = {1000};
    CHECK_THROWS_AS(LoadGenerator("block", load, 0, 1), std::invalid_argument);
    load = config();
    load.footprint = {1500};
    CHECK_THROWS_AS(LoadGenerator("footprint", load, 0, 1), std::invalid_argument);
    CHECK_THROWS_AS(LoadGenerator("outstanding", config(), 0, 0), std::invalid_argument);
}
