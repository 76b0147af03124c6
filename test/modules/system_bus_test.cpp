// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/system_bus.h"

#include "hydravp/core/time.h"

#include "run_in_thread.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using test::run_in_thread;

namespace {

/// Answers after a fixed time and writes down what it saw.
struct Target : sc_core::sc_module {
    tlm_utils::simple_target_socket<Target> socket{"socket"};
    struct Access {
        std::uint64_t address;
        Picoseconds at;
    };
    std::vector<Access> seen;
    int debugged = 0;
    Picoseconds latency;

    Target(const sc_core::sc_module_name& name, Picoseconds latency_)
        : sc_core::sc_module(name), latency(latency_) {
        socket.register_b_transport(this, &Target::transport);
        socket.register_transport_dbg(this, &Target::debug);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        seen.push_back({payload.get_address(), core::now() + core::from_sc_time(delay)});
        delay += core::to_sc_time(latency);
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    unsigned debug(tlm::tlm_generic_payload& payload) {
        ++debugged;
        return payload.get_data_length();
    }
};

struct Fixture : sc_core::sc_module {
    modules::SystemBus bus;
    Target low{"low", Picoseconds{7000}}, high{"high", Picoseconds{100}};
    tlm_utils::simple_initiator_socket<sc_core::sc_module> a{"a"}, b{"b"};

    explicit Fixture(const sc_core::sc_module_name& name,
                     modules::SystemBusConfig config = {Picoseconds{5000}, core::Bandwidth{32e9}})
        : sc_core::sc_module(name), bus("bus", config) {
        bus.add_target(0x1000, 0x1000).bind(low.socket);
        bus.add_target(0x4000, 0x100).bind(high.socket);
        a.bind(bus.initiators);
        b.bind(bus.initiators);
    }

    struct Result {
        tlm::tlm_response_status status;
        Picoseconds delay;
    };
    static Result access(tlm_utils::simple_initiator_socket<sc_core::sc_module>& from, std::uint64_t address,
                         std::uint32_t bytes, Picoseconds delay = Picoseconds{0},
                         tlm::tlm_command command = tlm::TLM_WRITE_COMMAND) {
        std::vector<unsigned char> data(bytes);
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data.data());
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        sc_core::sc_time annotated = core::to_sc_time(delay);
        from->b_transport(payload, annotated);
        REQUIRE(payload.get_address() == address); // addresses are passed on unchanged
        return {payload.get_response_status(), core::from_sc_time(annotated)};
    }
};

} // namespace

TEST_CASE("a transaction takes the bytes' time, the latency and the target's own") {
    Fixture f("fixture");
    run_in_thread([&] {
        const auto write = Fixture::access(f.a, 0x1010, 64);
        REQUIRE(write.status == tlm::TLM_OK_RESPONSE);
        REQUIRE(write.delay == Picoseconds{2000 + 5000 + 7000});
        REQUIRE(f.low.seen.at(0).address == 0x1010);
        REQUIRE(f.low.seen.at(0).at == Picoseconds{7000});
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(Fixture::access(f.a, 0x40F8, 8, Picoseconds{300}, tlm::TLM_READ_COMMAND).delay ==
                Picoseconds{300 + 250 + 5000 + 100});
        REQUIRE(f.low.seen.size() == 1);
        REQUIRE(f.high.seen.at(0).at == Picoseconds{1'000'000 + 300 + 250 + 5000});
    });
}

TEST_CASE("who comes second waits until the wires are free, but not for the latency") {
    Fixture f("fixture");
    run_in_thread([&] {
        REQUIRE(Fixture::access(f.a, 0x1000, 640).delay == Picoseconds{20000 + 5000 + 7000});
        REQUIRE(Fixture::access(f.b, 0x4000, 64).delay == Picoseconds{20000 + 2000 + 5000 + 100});
        // third, and asks for a time at which the wires are still busy
        REQUIRE(Fixture::access(f.a, 0x4000, 32, Picoseconds{21000}).delay ==
                Picoseconds{22000 + 1000 + 5000 + 100});
        sc_core::wait(core::to_sc_time(Picoseconds{22500}));
        REQUIRE(Fixture::access(f.b, 0x4000, 32).delay == Picoseconds{500 + 1000 + 5000 + 100});
        sc_core::wait(core::to_sc_time(Picoseconds{1500}));
        REQUIRE(Fixture::access(f.b, 0x4000, 32).delay == Picoseconds{1000 + 5000 + 100}); // just free
    });
}

TEST_CASE("an address of nobody is an address error and costs nothing") {
    Fixture f("fixture");
    run_in_thread([&] {
        for (const std::uint64_t address :
             {std::uint64_t{0}, std::uint64_t{0xFFF}, std::uint64_t{0x2000}, std::uint64_t{0x3FFF},
              std::uint64_t{0x4100}, ~std::uint64_t{0}}) {
            CAPTURE(address);
            const auto result = Fixture::access(f.a, address, 1);
            REQUIRE(result.status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
            REQUIRE(result.delay == Picoseconds{0});
        }
        REQUIRE(f.low.seen.empty());
        REQUIRE(f.high.seen.empty());
        REQUIRE(f.bus.rejected_accesses() == 6);
        REQUIRE(Fixture::access(f.a, 0x1000, 64).delay == Picoseconds{2000 + 5000 + 7000});
    });
}

TEST_CASE("the first and the last byte of a range belong to it, an access must not run out of it") {
    Fixture f("fixture");
    run_in_thread([&] {
        REQUIRE(Fixture::access(f.a, 0x1000, 1).status == tlm::TLM_OK_RESPONSE);
        REQUIRE(Fixture::access(f.a, 0x1FFF, 1).status == tlm::TLM_OK_RESPONSE);
        REQUIRE(Fixture::access(f.a, 0x1000, 0x1000).status == tlm::TLM_OK_RESPONSE);
        REQUIRE(Fixture::access(f.a, 0x1FFF, 2).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(Fixture::access(f.a, 0x40C1, 64).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(f.low.seen.size() == 3);
        REQUIRE(f.high.seen.empty());
        REQUIRE(f.bus.rejected_accesses() == 2);
    });
}

TEST_CASE("debug accesses pass without time") {
    Fixture f("fixture");
    run_in_thread([&] {
        unsigned char data[16] = {};
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_address(0x4010);
        payload.set_data_ptr(data);
        payload.set_data_length(16);
        REQUIRE(f.a->transport_dbg(payload) == 16);
        REQUIRE(f.high.debugged == 1);
        payload.set_address(0x3000);
        REQUIRE(f.a->transport_dbg(payload) == 0);
        REQUIRE(Fixture::access(f.b, 0x4000, 64).delay == Picoseconds{2000 + 5000 + 100});
        REQUIRE(core::now() == Picoseconds{0});
    });
}

TEST_CASE("an infinitely fast bus costs its latency only") {
    Fixture f("fixture", {Picoseconds{10}, {}});
    run_in_thread([&] {
        REQUIRE(Fixture::access(f.a, 0x4000, 256).delay == Picoseconds{110});
        REQUIRE(Fixture::access(f.b, 0x4000, 256).delay == Picoseconds{110});
    });
}

TEST_CASE("overlapping ranges are refused, touching ones are not") {
    modules::SystemBus bus("bus", {});
    const auto& port = bus.add_target(0x1000, 0x1000);
    CHECK(port.get_parent_object() == &bus);
    CHECK_THROWS_AS(bus.add_target(0x1000, 0x1000), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(0x1FFF, 1), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(0x0FFF, 2), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(0, ~std::uint64_t{0}), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(0x1800, 0x10), std::invalid_argument);
    CHECK_NOTHROW(bus.add_target(0x2000, 0x10));
    CHECK_NOTHROW(bus.add_target(0x0FF0, 0x10));
    // right below 2^64, where a sum of base and size is no longer a number
    CHECK_NOTHROW(bus.add_target(~std::uint64_t{0} - 0xFFF, 0x1000));
    CHECK_THROWS_AS(bus.add_target(~std::uint64_t{0} - 0x7FF, 0x800), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(~std::uint64_t{0} - 0x1FFF, 0x2000), std::invalid_argument);
    CHECK_THROWS_AS(bus.add_target(~std::uint64_t{0} - 0x1FFF, 0x1001), std::invalid_argument);
}
