// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cnn_traffic_replayer.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/error.h"
#include "hydravp/core/protocol_checker.h"
#include "hydravp/core/time.h"
#include "hydravp/workloads/network_library.h"

#include "network_maker.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using Catch::Contains;
using namespace hydravp;
using namespace hydravp::workloads;
using core::Picoseconds;

namespace {

/// A memory that serves any number of accesses at a time, each in the same time.
struct Memory : sc_core::sc_module {
    tlm_utils::simple_target_socket<Memory> socket{"socket"};
    std::vector<unsigned char> bytes;
    Picoseconds waits{0};     ///< spent in the call
    Picoseconds annotates{0}; ///< added to the delay
    std::uint64_t accesses = 0;
    std::uint64_t refuses = ~std::uint64_t{0}; ///< number of the access that is refused
    std::vector<std::uint64_t> by_layer;
    bool debug_works = true;

    Memory(const sc_core::sc_module_name& name, std::uint64_t size)
        : sc_core::sc_module(name), bytes(size), by_layer(100, 0) {
        socket.register_b_transport(this, &Memory::transport);
        socket.register_transport_dbg(this, &Memory::debug);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        const std::uint64_t end = payload.get_address() + payload.get_data_length();
        by_layer.at(core::Attribution::layer_of(payload)) += payload.get_data_length();
        if (accesses++ == refuses || end > bytes.size()) {
            payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
            return;
        }
        if (waits.count() > 0) {
            wait(core::to_sc_time(waits));
        }
        move(payload);
        delay += core::to_sc_time(annotates);
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    unsigned debug(tlm::tlm_generic_payload& payload) {
        if (!debug_works || payload.get_address() + payload.get_data_length() > bytes.size()) {
            return 0;
        }
        move(payload);
        return payload.get_data_length();
    }
    void move(tlm::tlm_generic_payload& payload) {
        unsigned char* const at = bytes.data() + payload.get_address();
        if (payload.is_read()) {
            std::memcpy(payload.get_data_ptr(), at, payload.get_data_length());
        } else {
            std::memcpy(at, payload.get_data_ptr(), payload.get_data_length());
        }
    }
};

/// Two 3x3 convolutions of 16 channels on 8x8 words, a pooling, a shortcut and a fully-connected layer.
core::Network small_network() {
    core::Network net;
    net.name = "small";
    net.input = {16, 8, 8};
    const auto add = [&net](const char* name, core::LayerKind kind, std::uint32_t kernel,
                            std::uint32_t stride, core::TensorShape out) -> core::LayerDescriptor& {
        core::LayerDescriptor layer;
        layer.name = name;
        layer.kind = kind;
        layer.input = static_cast<int>(net.layers.size()) - 1;
        layer.in = net.shape_of(layer.input);
        layer.out = out;
        layer.kernel_height = layer.kernel_width = kernel;
        layer.stride_height = layer.stride_width = stride;
        net.layers.push_back(layer);
        return net.layers.back();
    };
    for (const char* name : {"conv1", "conv2"}) {
        core::LayerDescriptor& layer = add(name, core::LayerKind::conv, 3, 1, {16, 8, 8});
        layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = 1;
    }
    net.layers.back().residual = core::ResidualInput{core::network_input, 1};
    add("pool", core::LayerKind::max_pool, 2, 2, {16, 4, 4});
    add("fc", core::LayerKind::fully_connected, 4, 1, {10, 1, 1});
    net.validate();
    return net;
}

CnnTraffic traffic_of(const core::Network& network, const MachineShape& machine = {}) {
    return {network, map_network(network, {}, machine), {}};
}

/// A replayer and its memory, with a checker of the protocol between the two.
struct Fixture : sc_core::sc_module {
    Memory memory;
    core::ProtocolChecker checker{"checker"};
    CnnTrafficReplayer replayer;

    explicit Fixture(const sc_core::sc_module_name& name, const CnnTrafficReplayerConfig& config,
                     CnnTraffic traffic = traffic_of(small_network()))
        : sc_core::sc_module(name),
          memory("memory", traffic.weights().base + traffic.weights().bytes),
          replayer("replayer", std::move(traffic), config) {
        replayer.memory.bind(checker.front);
        checker.back.bind(memory.socket);
    }
};

CnnTrafficReplayerConfig config(std::uint32_t outstanding, bool keep_data = false,
                                std::uint32_t access_bytes = 64) {
    CnnTrafficReplayerConfig c;
    c.access_bytes = access_bytes;
    c.outstanding = outstanding;
    c.keep_data = keep_data;
    return c;
}

std::uint64_t accesses_of(const CnnTraffic& traffic, std::size_t layer, std::uint32_t access_bytes) {
    std::uint64_t count = 0;
    TrafficAccess access;
    for (LayerStream stream = traffic.stream(layer, access_bytes); stream.next(access);) {
        ++count;
    }
    return count;
}

void check_times(const Fixture& f, std::uint32_t outstanding, std::int64_t latency) {
    f.replayer.rethrow();
    REQUIRE(f.replayer.finished());
    CHECK(f.checker.summary().empty());
    CHECK(f.checker.unfinished() == 0);
    REQUIRE(f.replayer.layers().size() == f.replayer.traffic().layers());
    Picoseconds at{0};
    for (std::size_t i = 0; i < f.replayer.layers().size(); ++i) {
        CAPTURE(i);
        const LayerReplay& layer = f.replayer.layers()[i];
        const std::uint64_t accesses = accesses_of(f.replayer.traffic(), i, 64);
        CHECK(layer.start == at);
        const auto rounds = static_cast<std::int64_t>((accesses + outstanding - 1) / outstanding);
        CHECK(layer.duration().count() == rounds * latency);
        CHECK(layer.accesses == accesses);
        CHECK(layer.traffic == f.replayer.traffic().traffic(i));
        CHECK(layer.mean_latency_ps() == static_cast<double>(latency));
        CHECK(layer.max_latency.count() == latency);
        CHECK(f.memory.by_layer[i] == layer.traffic.total());
        at = layer.end;
    }
}

} // namespace

TEST_CASE("one access after the other takes the sum of their times") {
    Fixture f("fixture", config(1));
    f.memory.annotates = Picoseconds{100'000};
    sc_core::sc_start();
    // conv1: 2 accesses of biases, 16 x 2 of input, 16 x 9 x 16 words of weights, 16 x 2 of output
    CHECK(f.replayer.layers().front().accesses == 2 + 32 + 72 + 32);
    CHECK(f.replayer.layers().front().written_words() == 16 * 64);
    check_times(f, 1, 100'000);
}

TEST_CASE("several accesses are under way at a time, and layers wait for each other") {
    Fixture f("fixture", config(10));
    f.memory.annotates = Picoseconds{70'000};
    f.memory.waits = Picoseconds{30'000};
    sc_core::sc_start();
    check_times(f, 10, 100'000);
}

TEST_CASE("a memory that takes no time is enough") {
    Fixture f("fixture", config(16));
    sc_core::sc_start();
    check_times(f, 16, 0);
    CHECK(f.replayer.loaded_bytes() == 0);
}

TEST_CASE("every word that is read is what the layer before wrote") {
    Fixture small("small", config(7, true));
    Fixture row("row", config(3, true, 8192));
    small.memory.waits = row.memory.annotates = Picoseconds{1000};
    std::vector<std::unique_ptr<Fixture>> random;
    test::NetworkMaker maker(31);
    for (int i = 0; i < 20; ++i) {
        random.push_back(std::make_unique<Fixture>(("random" + std::to_string(i)).c_str(), config(5, true),
                                                   traffic_of(maker.next())));
        random.back()->memory.annotates = Picoseconds{1000};
    }
    sc_core::sc_start();
    small.replayer.rethrow();
    row.replayer.rethrow();
    CHECK(small.replayer.loaded_bytes() ==
          16 * 128 + (128 + 16 * 9 * 16 * 2) * 2 + small.replayer.traffic().weights_of(3).bytes);
    for (const auto& f : random) {
        f->replayer.rethrow();
        CHECK(f->checker.summary().empty());
        CHECK(f->replayer.layers().size() == f->replayer.traffic().layers());
    }
}

TEST_CASE("the data of ResNet-34's first layers comes back as it was written") {
    core::Network network = make_network("resnet34");
    network.layers.resize(12); // with shortcuts, strides, and a pooling
    Fixture f("fixture", config(4, true, 1024), traffic_of(network));
    f.memory.annotates = Picoseconds{1000};
    sc_core::sc_start();
    f.replayer.rethrow();
    CHECK(f.replayer.layers().size() == 12);
}

TEST_CASE("a bit that flips between two layers is found") {
    Fixture f("fixture", config(4, true));
    f.memory.annotates = Picoseconds{1000};
    const std::uint64_t address = f.replayer.traffic().tensor(0).region.base + 101;
    f.replayer.layer_done = [&](std::size_t layer) {
        if (layer == 0) {
            f.memory.bytes[address] ^= 0x10;
        }
    };
    sc_core::sc_start();
    CHECK(f.replayer.finished());
    CHECK(f.replayer.layers().size() == 1);
    CHECK_THROWS_AS(f.replayer.rethrow(), core::SimulationError);
    CHECK_THROWS_WITH(f.replayer.rethrow(),
                      Contains("layer 'conv2': activation read at 0x" +
                               [&] {
                                   char text[20];
                                   std::snprintf(text, sizeof text, "%llx",
                                                 static_cast<unsigned long long>(address));
                                   return std::string(text);
                               }()) &&
                          Contains("what layer 'conv1' wrote"));
}

TEST_CASE("a weight that is not what was loaded is found") {
    Fixture f("fixture", config(4, true));
    f.memory.annotates = Picoseconds{1000};
    f.replayer.layer_done = [&](std::size_t layer) {
        if (layer == 2) {
            f.memory.bytes[f.replayer.traffic().weights_of(3).base + 300] ^= 1;
        }
    };
    sc_core::sc_start();
    CHECK_THROWS_WITH(f.replayer.rethrow(),
                      Contains("layer 'fc': weight read") && Contains("what was loaded"));
}

TEST_CASE("an error response ends the replay and says where") {
    Fixture f("fixture", config(8));
    f.memory.annotates = Picoseconds{1000};
    f.memory.refuses = 200; // in conv2
    sc_core::sc_start();
    CHECK(f.replayer.finished());
    CHECK(f.replayer.layers().size() == 1);
    CHECK(f.memory.accesses < 220);
    CHECK_THROWS_AS(f.replayer.rethrow(), core::SimulationError);
    CHECK_THROWS_WITH(f.replayer.rethrow(), Contains("fixture.replayer: layer 'conv2': ") &&
                                                Contains(" bytes at 0x") &&
                                                Contains("failed: TLM_ADDRESS_ERROR_RESPONSE"));
}

TEST_CASE("memory without debug transport cannot be loaded") {
    Fixture f("fixture", config(1, true));
    f.memory.debug_works = false;
    sc_core::sc_start();
    CHECK(f.memory.accesses == 0);
    CHECK_THROWS_WITH(f.replayer.rethrow(), Contains("took 0 of ") && Contains("by debug transport"));
}

TEST_CASE("a replay that makes no sense is refused") {
    CHECK_THROWS_AS(CnnTrafficReplayer("a", traffic_of(small_network()), config(0)), std::invalid_argument);
    CHECK_THROWS_AS(CnnTrafficReplayer("b", traffic_of(small_network()), config(1, false, 0)),
                    std::invalid_argument);
    CHECK_THROWS_AS(CnnTrafficReplayer("c", traffic_of(small_network()), config(1, false, 7)),
                    std::invalid_argument);
}
