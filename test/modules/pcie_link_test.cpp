// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/pcie_link.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/time.h"

#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <utility>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using test::run_in_thread;

namespace {

constexpr std::int64_t latency = 250'000;

/// 1 byte takes 100 ps: times can be read off.
modules::PcieLinkConfig config() {
    modules::PcieLinkConfig c;
    c.latency = Picoseconds{latency};
    c.bandwidth = {1e10};
    c.packet_payload_bytes = 64;
    c.packet_header_bytes = 24;
    c.energy = {5};
    return c;
}

struct Memory : sc_core::sc_module {
    tlm_utils::simple_target_socket<Memory> socket{"socket"};
    Picoseconds arrived{-1};
    Picoseconds annotated{0}; ///< added to the delay
    Picoseconds waited{0};    ///< spent in a wait()
    tlm::tlm_response_status answer = tlm::TLM_OK_RESPONSE;
    int debugged = 0;

    explicit Memory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &Memory::transport);
        socket.register_transport_dbg(this, &Memory::debug);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        arrived = core::now() + core::from_sc_time(delay);
        if (waited > Picoseconds{0}) {
            wait(delay + core::to_sc_time(waited));
            delay = sc_core::SC_ZERO_TIME;
        }
        delay += core::to_sc_time(annotated);
        payload.set_response_status(answer);
    }
    unsigned debug(tlm::tlm_generic_payload& payload) {
        ++debugged;
        return payload.get_data_length();
    }
};

struct Fixture : sc_core::sc_module {
    modules::PcieLink link;
    Memory memory{"memory"};
    tlm_utils::simple_initiator_socket<sc_core::sc_module> host{"host"};
    sc_core::sc_signal<bool> raised{"raised"}, seen{"seen"};
    std::vector<std::pair<Picoseconds, bool>> history;

    explicit Fixture(const sc_core::sc_module_name& name, const modules::PcieLinkConfig& c = config())
        : sc_core::sc_module(name), link("link", c) {
        host.bind(link.upstream);
        link.downstream.bind(memory.socket);
        link.interrupt_in(raised);
        link.interrupt_out(seen);
        SC_HAS_PROCESS(Fixture);
        SC_METHOD(record);
        sensitive << seen;
        dont_initialize();
    }
    void record() { history.emplace_back(core::now(), seen.read()); }

    /// The delay with which the transaction returns.
    Picoseconds access(tlm::tlm_command command, std::uint32_t bytes, Picoseconds delay = Picoseconds{0},
                       core::LayerId layer = core::no_layer) {
        std::vector<unsigned char> data(bytes);
        core::Attribution attribution;
        attribution.layer = layer;
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(64);
        payload.set_data_ptr(data.data());
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        payload.set_extension(&attribution);
        sc_core::sc_time annotated = core::to_sc_time(delay);
        host->b_transport(payload, annotated);
        payload.clear_extension(&attribution);
        REQUIRE(payload.get_response_status() == memory.answer);
        return core::from_sc_time(annotated);
    }
    Picoseconds write(std::uint32_t bytes, Picoseconds delay = Picoseconds{0}) {
        return access(tlm::TLM_WRITE_COMMAND, bytes, delay);
    }
    Picoseconds read(std::uint32_t bytes, Picoseconds delay = Picoseconds{0}) {
        return access(tlm::TLM_READ_COMMAND, bytes, delay);
    }
};

} // namespace

TEST_CASE("a write crosses once, with a header for every packet that it fills") {
    Fixture f("fixture");
    f.memory.annotated = Picoseconds{70};
    run_in_thread([&] {
        std::int64_t wire = 0;
        for (const auto& [bytes, headers] : std::vector<std::pair<std::uint32_t, std::int64_t>>{
                 {1, 1}, {8, 1}, {64, 1}, {65, 2}, {128, 2}}) {
            CAPTURE(bytes);
            wire = (bytes + headers * 24) * 100;
            REQUIRE(f.write(bytes) == Picoseconds{wire + latency + 70});
            REQUIRE(f.memory.arrived == core::now() + Picoseconds{wire + latency});
            sc_core::wait(1, sc_core::SC_US);
        }
        REQUIRE(f.write(64, Picoseconds{500}) == Picoseconds{500 + 8800 + latency + 70});
    });
}

TEST_CASE("a read crosses as a request and returns with its data") {
    Fixture f("fixture");
    f.memory.annotated = Picoseconds{70};
    run_in_thread([&] {
        REQUIRE(f.read(130) == Picoseconds{2400 + latency + 70 + (130 + 3 * 24) * 100 + latency});
        REQUIRE(f.memory.arrived == Picoseconds{2400 + latency});
        sc_core::wait(1, sc_core::SC_US);
        f.memory.waited = Picoseconds{3000}; // a memory that takes its time in the call
        const Picoseconds begin = core::now();
        const Picoseconds left = f.read(8, Picoseconds{10});
        REQUIRE(core::now() == begin + Picoseconds{10 + 2400 + latency + 3000});
        REQUIRE(left == Picoseconds{70 + 3200 + latency});
    });
}

TEST_CASE("each direction carries one packet after the other, they don't hinder each other") {
    Fixture f("fixture");
    run_in_thread([&] {
        REQUIRE(f.write(64) == Picoseconds{8800 + latency});
        REQUIRE(f.write(64) == Picoseconds{2 * 8800 + latency}); // pipelined: one latency
        // the read's request waits for both writes, its data for nothing
        REQUIRE(f.read(8) == Picoseconds{2 * 8800 + 2400 + latency + 3200 + latency});
        // the next ones' requests follow at once; their data wait for the data before
        REQUIRE(f.read(8) == Picoseconds{2 * 8800 + 2400 + latency + 2 * 3200 + latency});
        constexpr std::int64_t large = (512 + 8 * 24) * 100;
        REQUIRE(f.read(512) == Picoseconds{2 * 8800 + 2400 + latency + 2 * 3200 + large + latency});
        REQUIRE(f.read(8) == Picoseconds{2 * 8800 + 2400 + latency + 3 * 3200 + large + latency});
        REQUIRE(f.write(64) == Picoseconds{3 * 8800 + 4 * 2400 + latency});
    });
}

TEST_CASE("energy and traffic count headers and both crossings, for the right layer") {
    Fixture f("fixture");
    run_in_thread([&] {
        f.access(tlm::TLM_WRITE_COMMAND, 65, Picoseconds{0}, 2);
        f.access(tlm::TLM_READ_COMMAND, 8, Picoseconds{0}, 1);
        f.write(4);
    });
    const auto meters = core::collect_meters();
    REQUIRE(meters.size() == 1);
    REQUIRE(meters[0]->accounts().size() == 2);
    for (const core::Meter::AccountData& account : meters[0]->accounts()) {
        const double scale = account.quantity == core::Quantity::energy ? 8 * 5 : 1;
        REQUIRE(account.name == "link");
        REQUIRE(account.by_layer == std::vector<double>{0, scale * (24 + 32), scale * (65 + 48)});
        REQUIRE(account.unattributed == scale * 28);
    }
}

TEST_CASE("an ideal link costs nothing") {
    modules::PcieLinkConfig c = config();
    c.latency = Picoseconds{0};
    c.bandwidth = {};
    Fixture f("fixture", c);
    run_in_thread([&] {
        REQUIRE(f.write(4096) == Picoseconds{0});
        REQUIRE(f.read(4096) == Picoseconds{0});
        f.raised.write(true);
        for (int delta = 0; delta < 6; ++delta) {
            sc_core::wait(sc_core::SC_ZERO_TIME);
        }
        REQUIRE(f.seen.read());
        REQUIRE(core::now() == Picoseconds{0});
    });
}

TEST_CASE("errors come back, and debug accesses pass") {
    Fixture f("fixture");
    f.memory.answer = tlm::TLM_COMMAND_ERROR_RESPONSE;
    run_in_thread([&] {
        f.write(8);
        f.read(8);
        const Picoseconds begin = core::now();
        unsigned char data[4] = {};
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_data_ptr(data);
        payload.set_data_length(4);
        REQUIRE(f.host->transport_dbg(payload) == 4);
        REQUIRE(f.memory.debugged == 1);
        REQUIRE(core::now() == begin);
    });
}

TEST_CASE("the interrupt crosses with the link's latency, up and down") {
    Fixture f("fixture");
    run_in_thread([&] {
        sc_core::wait(1, sc_core::SC_NS);
        f.raised.write(true);
        sc_core::wait(1, sc_core::SC_US);
        f.raised.write(false);
        sc_core::wait(1, sc_core::SC_US);
    });
    REQUIRE(f.history == std::vector<std::pair<Picoseconds, bool>>{
                             {Picoseconds{1000 + latency}, true}, {Picoseconds{1'001'000 + latency}, false}});
}

TEST_CASE("changes that follow each other faster than the link's latency all arrive, each in its time") {
    Fixture f("fixture");
    run_in_thread([&] {
        for (const bool level : {true, false, true, false, true}) {
            f.raised.write(level);
            sc_core::wait(100, sc_core::SC_NS);
        }
        sc_core::wait(1, sc_core::SC_US);
    });
    std::vector<std::pair<Picoseconds, bool>> expected;
    for (std::int64_t i = 0; i < 5; ++i) {
        expected.emplace_back(Picoseconds{i * 100'000 + latency}, i % 2 == 0);
    }
    REQUIRE(f.history == expected);
}
