// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/host.h"

#include "hydravp/core/error.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/time.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using modules::Host;

namespace {

/// 64 KiB at address 0. Accesses beyond are refused; a hook may do worse.
struct Memory : sc_core::sc_module {
    tlm_utils::simple_target_socket<Memory> socket{"socket"};
    std::vector<unsigned char> bytes = std::vector<unsigned char>(65536);
    Picoseconds latency{4000};
    Picoseconds arrived{-1};
    core::LayerId layer = core::no_layer;
    std::function<void(sc_core::sc_time&)> hook;

    explicit Memory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &Memory::transport);
        socket.register_transport_dbg(this, &Memory::debug);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        arrived = core::now() + core::from_sc_time(delay);
        layer = core::Attribution::layer_of(payload);
        if (hook) {
            hook(delay);
        }
        delay += core::to_sc_time(latency);
        payload.set_response_status(debug(payload) == payload.get_data_length()
                                        ? tlm::TLM_OK_RESPONSE
                                        : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
    unsigned debug(tlm::tlm_generic_payload& payload) {
        const std::uint64_t address = payload.get_address();
        const unsigned length = address >= bytes.size()
                                    ? 0
                                    : static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(),
                                                                                    bytes.size() - address));
        if (payload.is_write()) {
            std::memcpy(bytes.data() + address, payload.get_data_ptr(), length);
        } else if (length > 0) {
            std::memcpy(payload.get_data_ptr(), bytes.data() + address, length);
        }
        return length;
    }
};

struct Fixture : sc_core::sc_module {
    std::unique_ptr<Host> host;
    Memory memory{"memory"};
    sc_core::sc_signal<bool> line{"line"};
    std::vector<std::pair<Picoseconds, bool>> edges; ///< that the line will make

    explicit Fixture(const sc_core::sc_module_name& name,
                     std::vector<std::pair<Picoseconds, bool>> planned = {})
        : sc_core::sc_module(name), edges(std::move(planned)) {
        modules::HostConfig config;
        config.clock_period = Picoseconds{250};
        config.layer_timeout = Picoseconds{77};
        host = std::make_unique<Host>("host", config);
        host->bus.bind(memory.socket);
        host->interrupt(line);
        SC_HAS_PROCESS(Fixture);
        SC_THREAD(drive);
    }
    void drive() {
        for (const auto& [time, level] : edges) {
            wait(core::to_sc_time(time - core::now()));
            line.write(level);
        }
    }
    void run(std::function<void(Host&)> program) {
        host->set_program(std::move(program));
        sc_core::sc_start();
        REQUIRE(host->finished());
    }
};

} // namespace

TEST_CASE("stores and loads move bytes and take a clock and the memory's time") {
    Fixture f("fixture");
    REQUIRE_FALSE(f.host->finished());
    REQUIRE(f.host->config().layer_timeout == Picoseconds{77});
    f.run([&](Host& host) {
        const unsigned char data[5] = {1, 2, 3, 4, 5};
        host.write(100, data, 5);
        REQUIRE(core::now() == Picoseconds{4250}); // the call returns when it is done
        REQUIRE(f.memory.arrived == Picoseconds{250});
        REQUIRE(f.memory.bytes[104] == 5);
        REQUIRE(f.memory.bytes[105] == 0);
        unsigned char back[3] = {};
        host.read(101, back, 3);
        REQUIRE(core::now() == Picoseconds{8500});
        REQUIRE(back[0] == 2);
        REQUIRE(back[2] == 4);
        host.write64(8, 0x1122334455667788);
        REQUIRE(host.read64(8) == 0x1122334455667788);
        REQUIRE(f.memory.bytes[8] == 0x88);
        REQUIRE(core::now() == Picoseconds{17000});
    });
    f.host->rethrow();
}

TEST_CASE("transactions travel on behalf of a layer") {
    Fixture f("fixture");
    f.run([&](Host& host) {
        host.write64(0, 1);
        REQUIRE(f.memory.layer == core::no_layer);
        host.attribute_to(4);
        host.write64(0, 1);
        REQUIRE(f.memory.layer == 4);
        host.attribute_to(core::no_layer);
        host.read64(0);
        REQUIRE(f.memory.layer == core::no_layer);
    });
    f.host->rethrow();
}

TEST_CASE("debug accesses take no time and say how far they came") {
    Fixture f("fixture");
    f.run([&](Host& host) {
        std::vector<unsigned char> data(65536, 7);
        host.debug_write(0, data.data(), data.size());
        REQUIRE(f.memory.bytes.back() == 7);
        data.assign(4, 0);
        host.debug_read(65532, data.data(), 4);
        REQUIRE(data == std::vector<unsigned char>(4, 7));
        host.debug_read(1 << 20, data.data(), 0); // nothing is nowhere
        REQUIRE_THROWS_AS(host.debug_read(65533, data.data(), 4), core::SimulationError);
        REQUIRE_THROWS_WITH(host.debug_write(65533, data.data(), 4),
                            Catch::Contains("0xfffd") && Catch::Contains("reached only 3"));
        REQUIRE(core::now() == Picoseconds{0});
        REQUIRE(f.memory.arrived == Picoseconds{-1});
    });
    f.host->rethrow();
}

TEST_CASE("an error response ends the program and comes out of rethrow") {
    Fixture f("fixture");
    bool after = false;
    f.run([&](Host& host) {
        host.write64(0, 1);
        host.read64(65536);
        after = true;
    });
    REQUIRE_FALSE(after);
    REQUIRE_THROWS_AS(f.host->rethrow(), core::SimulationError);
    REQUIRE_THROWS_WITH(f.host->rethrow(), Catch::Contains("host: read of 8 bytes at 0x10000") &&
                                               Catch::Contains("TLM_ADDRESS_ERROR_RESPONSE"));
}

TEST_CASE("a failed write is called one, and the program may catch it") {
    Fixture f("fixture");
    f.run([&](Host& host) {
        REQUIRE_THROWS_WITH(host.write64(1 << 20, 1), Catch::Contains("write of 8 bytes at 0x100000"));
        host.write64(0, 9);
        REQUIRE(host.read64(0) == 9);
    });
    f.host->rethrow();
}

TEST_CASE("whatever the program throws comes out of rethrow") {
    Fixture f("fixture");
    f.run([&](Host&) { throw std::out_of_range("mine"); });
    REQUIRE_THROWS_AS(f.host->rethrow(), std::out_of_range);
}

TEST_CASE("no program is a finished one") {
    Fixture f("fixture");
    sc_core::sc_start();
    REQUIRE(f.host->finished());
    f.host->rethrow();
}

TEST_CASE("a target that throws is survived, and so is the host's end") {
    Fixture f("fixture");
    f.memory.hook = [](sc_core::sc_time&) { throw core::SimulationError("broken target"); };
    f.run([&](Host& host) { host.write64(0, 1); });
    REQUIRE_THROWS_WITH(f.host->rethrow(), "broken target");
    f.host.reset(); // must not free what it does not own
}

TEST_CASE("a simulation may end in the middle of an access") {
    Fixture f("fixture");
    f.memory.hook = [](sc_core::sc_time& delay) {
        sc_core::wait(delay + sc_core::sc_time(1, sc_core::SC_MS));
        delay = sc_core::SC_ZERO_TIME;
    };
    f.host->set_program([](Host& host) { host.write64(0, 1); });
    sc_core::sc_start(1, sc_core::SC_US);
    REQUIRE_FALSE(f.host->finished());
    f.host->rethrow();
}

TEST_CASE("waiting for the interrupt: in time, high already, too late, not at all") {
    Fixture f("fixture", {{Picoseconds{1000}, true}, {Picoseconds{5000}, false}});
    f.run([&](Host& host) {
        REQUIRE_FALSE(host.wait_interrupt(Picoseconds{400}));
        REQUIRE(core::now() == Picoseconds{400});
        REQUIRE_FALSE(host.wait_interrupt(Picoseconds{0}));
        REQUIRE(core::now() == Picoseconds{400});
        REQUIRE(host.wait_interrupt(Picoseconds{601}));
        REQUIRE(core::now() == Picoseconds{1000});
        REQUIRE(host.wait_interrupt(Picoseconds{0})); // a level, not an edge
        REQUIRE(core::now() == Picoseconds{1000});
        host.wait_interrupt_cleared();
        REQUIRE(core::now() == Picoseconds{5000});
        host.wait_interrupt_cleared();
        REQUIRE_FALSE(host.wait_interrupt(Picoseconds{9000}));
        REQUIRE(core::now() == Picoseconds{14000});
    });
    f.host->rethrow();
}

TEST_CASE("the longest timeout that can be configured is a long one") {
    Fixture f("fixture", {{Picoseconds{100}, true}, {Picoseconds{200}, false}, {Picoseconds{300}, true}});
    f.run([&](Host& host) {
        REQUIRE(host.wait_interrupt(Picoseconds::max()));
        host.wait_interrupt_cleared();
        REQUIRE(host.wait_interrupt(Picoseconds::max())); // now + timeout would overflow
        REQUIRE(core::now() == Picoseconds{300});
    });
    f.host->rethrow();
}

TEST_CASE("the end of the program is an event") {
    Fixture f("fixture");
    f.run([&](Host& host) {
        REQUIRE_FALSE(host.finished());
        sc_core::wait(3, sc_core::SC_NS);
    });
    REQUIRE(core::now() == Picoseconds{3000});
    REQUIRE(f.host->finished());
    f.host->rethrow();
}
