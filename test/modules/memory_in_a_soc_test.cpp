// SPDX-License-Identifier: Apache-2.0
// The memories as modules with one socket, several of them in one simulation.
#include "hydravp/core/error.h"
#include "hydravp/core/protocol_checker.h"
#include "hydravp/modules/hybrid_memory.h"
#include "hydravp/modules/memory_channel.h"

#include "at_initiator.h"
#include "hybrid_fixture.h"
#include "memory_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using Catch::Contains;

namespace {

/// A system of the user's: an initiator, and a memory of any kind behind a checker.
template <class Memory>
class Soc : public sc_core::sc_module {
public:
    AtInitiator initiator{"initiator"};
    core::ProtocolChecker checker{"checker"};
    Memory memory;

    template <class... Config>
    explicit Soc(const sc_core::sc_module_name& name, const Config&... config)
        : sc_core::sc_module(name), memory("memory", config...) {
        initiator.socket.bind(checker.front);
        checker.back.bind(memory.front);
    }

    /// Time of one access by LT; from a thread.
    Picoseconds access(tlm::tlm_command command, std::uint64_t address, std::vector<unsigned char>& data) {
        auto& t = initiator.make(command, address, data.data(), static_cast<std::uint32_t>(data.size()));
        const Picoseconds begin = core::now();
        sc_core::sc_time delay;
        initiator.socket->b_transport(*t.payload, delay);
        REQUIRE(t.payload->is_response_ok());
        initiator.recycle(t);
        return core::now() + core::from_sc_time(delay) - begin;
    }
    Picoseconds read(std::uint64_t address, std::uint32_t bytes = 64) {
        std::vector<unsigned char> data(bytes);
        return access(tlm::TLM_READ_COMMAND, address, data);
    }

    /// Random AT traffic, every word of which is checked, in [base, base + bytes); from a thread.
    void exercise(std::uint64_t base, std::uint64_t bytes, unsigned seed) {
        std::mt19937_64 random(seed);
        std::vector<unsigned char> golden(bytes), data(64);
        for (int n = 0; n < 500; ++n) {
            const std::uint64_t offset = random() % (bytes - data.size());
            const bool write = random() % 2 == 0;
            for (unsigned char& byte : data) {
                byte = static_cast<unsigned char>(random());
            }
            auto& t = initiator.access(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, base + offset,
                                       data.data(), static_cast<std::uint32_t>(data.size()));
            initiator.wait_for(t);
            REQUIRE(t.payload->is_response_ok());
            initiator.recycle(t);
            if (write) {
                std::memcpy(golden.data() + offset, data.data(), data.size());
            } else {
                REQUIRE(std::memcmp(golden.data() + offset, data.data(), data.size()) == 0);
            }
        }
    }

    double total(const std::string& account) const {
        double sum = 0;
        for (const core::Meter* meter : core::collect_meters(*this)) {
            sum += meter->total(account);
        }
        return sum;
    }
};

using HybridSoc = Soc<modules::HybridMemory>;
using ChannelSoc = Soc<modules::MemoryChannel>;

/// Two threads at once: the second runs beside the first, which waits for it.
void run_both(std::function<void()> first, std::function<void()> second) {
    run_in_thread([&] {
        auto other = sc_core::sc_spawn(second, "second");
        first();
        if (!other.terminated()) {
            sc_core::wait(other.terminated_event());
        }
    });
}

} // namespace

TEST_CASE("the preset is the paper's machine and ready to be bound") {
    HybridSoc soc("soc");
    const modules::HybridMemory& memory = soc.memory;
    REQUIRE(memory.pcm_channels() == 4);
    REQUIRE(memory.address_map().dram_bytes == std::uint64_t{8} << 30);
    REQUIRE(memory.address_map().pcm_base == std::uint64_t{8} << 30);
    REQUIRE(memory.address_map().pcm_bytes == std::uint64_t{32} << 30);
    run_in_thread([&] {
        const std::uint64_t pcm = soc.memory.address_map().pcm_base;
        // 2 cycles of the controller, t_rp, t_rcd, t_cl, and the burst
        CHECK(soc.read(0) == clocks(2 + 5 + 5 + 4));
        CHECK(soc.read(64) == clocks(2 + 5 + 4));
        CHECK(soc.read(256 * 1024) == clocks(2 + 5 + 5 + 5 + 4));
        CHECK(soc.read(pcm) == clocks(2 + 22 + 5 + 4));
        CHECK(soc.read(pcm + 64) == clocks(2 + 5 + 4));
        CHECK(soc.read(pcm + 2 * 1024 * 1024) == clocks(2 + 60 + 22 + 5 + 4));
        CHECK(soc.read(pcm + (std::uint64_t{32} << 30) - 64) == clocks(2 + 22 + 5 + 4)); // the last bytes
    });
    REQUIRE(soc.checker.summary() == "");
}

TEST_CASE("two hybrid memories in one simulation know nothing of each other") {
    modules::HybridMemoryConfig other = small_hybrid();
    other.pcm.channels = 2;
    other.dram.technology.t_rcd += clocks(3);
    HybridSoc a("a", small_hybrid());
    HybridSoc b("b", other);
    REQUIRE(a.memory.address_map().pcm_bytes == 2 * b.memory.address_map().pcm_bytes);
    run_both(
        [&] {
            CHECK(a.read(0) == clocks(5 + 5 + 4));
            a.exercise(0, a.memory.address_map().pcm_base, 1);
            a.exercise(a.memory.address_map().pcm_base, a.memory.address_map().pcm_bytes, 2);
        },
        [&] {
            CHECK(b.read(0) == clocks(8 + 5 + 4));
            b.exercise(0, b.memory.address_map().pcm_base, 3);
        });
    REQUIRE(a.checker.summary() == "");
    REQUIRE(b.checker.summary() == "");
    CHECK(a.total("pcm_read") > 0);
    CHECK(b.total("pcm_read") == 0);
    CHECK(a.total("dram_written") > 0);
    CHECK(b.total("dram_written") > 0);
    CHECK(total("dram_written") == a.total("dram_written") + b.total("dram_written"));

    const double written_back = a.total("pcm_array_words"); // no refresh closes rows of the PCM
    b.memory.flush();
    CHECK(a.total("pcm_array_words") == written_back);
    a.memory.flush();
    CHECK(a.total("pcm_array_words") > written_back);
}

TEST_CASE("single channels of any technology stand side by side") {
    const modules::HybridMemoryConfig parts = modules::hydra_memory();
    ChannelSoc dram("dram_soc");
    ChannelSoc pcm("pcm_soc", parts.pcm, parts.controller);
    REQUIRE(dram.memory.capacity_bytes() == std::uint64_t{8} << 30);
    REQUIRE(pcm.memory.capacity_bytes() == std::uint64_t{8} << 30);
    run_both(
        [&] {
            CHECK(dram.read(0) == clocks(2 + 5 + 5 + 4));
            dram.exercise(0, 1 << 20, 1);
        },
        [&] {
            CHECK(pcm.read(0) == clocks(2 + 22 + 5 + 4));
            pcm.exercise(pcm.memory.capacity_bytes() - (1 << 20), 1 << 20, 2);
        });
    REQUIRE(dram.checker.summary() == "");
    REQUIRE(pcm.checker.summary() == "");
    CHECK(dram.total("pcm_written") == 0);
    CHECK(dram.total("dram_written") > 0);
    CHECK(pcm.total("pcm_written") > 0);
    const double waiting = pcm.total("pcm_array_words");
    pcm.memory.flush();
    CHECK(pcm.total("pcm_array_words") > waiting);
}

TEST_CASE("a hybrid memory without PCM is a DRAM") {
    modules::HybridMemoryConfig config = small_hybrid();
    config.pcm.channels = 0;
    HybridSoc soc("soc", config);
    REQUIRE(soc.memory.pcm_channels() == 0);
    REQUIRE(soc.memory.address_map().pcm_bytes == 0);
    run_in_thread([&] { soc.exercise(0, soc.memory.address_map().dram_bytes, 1); });
    REQUIRE(soc.checker.summary() == "");
}

TEST_CASE("values that no machine can have are refused") {
    auto refusal = [n = 0](auto change) mutable {
        modules::HybridMemoryConfig config = modules::hydra_memory();
        change(config);
        try {
            const modules::HybridMemory memory(("memory" + std::to_string(n++)).c_str(), config);
        } catch (const core::InputError& e) {
            return std::string(e.what());
        }
        return std::string("accepted");
    };
    using Config = modules::HybridMemoryConfig;
    CHECK(refusal([](Config&) {}) == "accepted");
    CHECK(refusal([](Config& c) { c.dram.geometry.rows = 3; }) ==
          "memory1: dram: rows: found 3, expected a power of two");
    CHECK_THAT(refusal([](Config& c) { c.dram.channels = 2; }), Contains("dram: channels: found 2"));
    CHECK_THAT(refusal([](Config& c) { c.pcm.channels = 3; }), Contains("pcm: channels: found 3"));
    CHECK_THAT(refusal([](Config& c) { c.pcm.geometry.chips_per_rank = 64; }), Contains("at most 32"));
    CHECK_THAT(refusal([](Config& c) { c.pcm.geometry.row_bytes = 4; }), Contains("at least 8"));
    CHECK_THAT(refusal([](Config& c) { c.pcm.geometry.bank_groups = 16; }),
               Contains("pcm: bank_groups: found 16, expected a power of two that divides banks = 8"));
    CHECK_THAT(refusal([](Config& c) { c.dram.geometry.device_bits = 12; }), Contains("device_bits"));
    CHECK_THAT(refusal([](Config& c) { c.dram.geometry.burst_length = 0; }), Contains("burst_length"));
    CHECK_THAT(refusal([](Config& c) { c.dram.technology.t_rrd_l = clocks(1); }),
               Contains("dram: timing.t_rrd_l: found 2.5 ns, expected at least t_rrd = 7.5 ns"));
    CHECK_THAT(refusal([](Config& c) { c.dram.technology.t_rc = clocks(1); }), Contains("t_ras + t_rp"));
    CHECK_THAT(refusal([](Config& c) { c.dram.technology.t_refi = clocks(50); }), Contains("t_refi"));
    CHECK_THAT(refusal([](Config& c) { c.controller.write_low_watermark = 30; }),
               Contains("write_low_watermark"));
    CHECK_THAT(refusal([](Config& c) { c.controller.write_queue = 8; }), Contains("at most write_queue"));
    CHECK_THAT(refusal([](Config& c) { c.front_queue = 0; }), Contains("front_queue"));
    modules::MemoryConfig channel;
    CHECK_NOTHROW(modules::MemoryChannel("default", channel, {})); // ideal: everything at once
    channel.geometry.banks = 0;
    CHECK_THROWS_AS(modules::MemoryChannel("channel", channel, {}), core::InputError);
}

TEST_CASE("another time resolution is refused") {
    sc_core::sc_set_time_resolution(1, sc_core::SC_NS);
    CHECK_THROWS_WITH(modules::HybridMemory("memory"), Contains("time resolution of 1 ps"));
    CHECK_THROWS_WITH(modules::MemoryChannel("channel"), Contains("time resolution of 1 ps"));
}
