// SPDX-License-Identifier: Apache-2.0
// Direct memory access to one channel.
#include "hydravp/core/error.h"
#include "hydravp/core/trace.h"
#include "hydravp/core/vcd_writer.h"
#include "hydravp/core/width_adapter.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/modules/memory_channel.h"
#include "hydravp/modules/system_bus.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using core::Bank;
using core::Rank;
using modules::ChannelControllerConfig;
using modules::ChannelRequest;
using Range = AtInitiator::Range;

namespace {

constexpr std::uint64_t row_bytes = 8192; // of a rank

ChannelControllerConfig with_dmi(const std::string& mapping = "") {
    ChannelControllerConfig config;
    config.latency = clocks(3);
    config.dmi = true;
    config.address_mapping = mapping;
    return config;
}

ChannelRequest local(std::uint32_t rank, std::uint32_t chips, std::uint64_t address, std::uint32_t bytes) {
    ChannelRequest r;
    r.view = modules::DataView::chip_local;
    r.rank = Rank{rank};
    r.chips = chips;
    r.chip_address = address;
    r.bytes_per_chip = bytes;
    r.chip_stride = bytes;
    return r;
}

struct Answer {
    bool granted;
    tlm::tlm_dmi dmi;
    Range range() const { return {dmi.get_start_address(), dmi.get_end_address()}; }
};

Answer ask(ChannelFixture& f, std::uint64_t address, tlm::tlm_command command = tlm::TLM_READ_COMMAND) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    Answer answer{};
    answer.granted = f.out->get_direct_mem_ptr(payload, answer.dmi);
    return answer;
}

struct Waveform {
    std::string path =
        (std::filesystem::temp_directory_path() / fmt::format("hydravp_dmi_{}.vcd", getpid())).string();
    core::VcdWriter writer{path, {}, [] { return core::now(); }};
    ~Waveform() { std::filesystem::remove(path); }
};

bool hint(ChannelFixture& f, std::uint64_t address) {
    unsigned char data[64];
    tlm::tlm_generic_payload payload;
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(data);
    payload.set_data_length(64);
    payload.set_streaming_width(64);
    REQUIRE(f.transport(payload).ok());
    return payload.is_dmi_allowed();
}

} // namespace

TEST_CASE("DMI has to be asked for in the configuration") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        const Answer answer = ask(f, 100);
        REQUIRE_FALSE(answer.granted);
        REQUIRE(answer.dmi.is_none_allowed());
        REQUIRE(answer.range() == Range{0, ~std::uint64_t{0}}); // nowhere
        REQUIRE_FALSE(hint(f, 100));
    });
    REQUIRE(f.checker.summary() == "");
}

TEST_CASE("a grant is a row of the rank, and its pointer leads to the cells") {
    ChannelFixture f(dram(), geometry(), 0, with_dmi());
    run_in_thread([&] {
        std::vector<unsigned char> data(row_bytes);
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(1));
        const std::uint64_t row = f.address(1, 5, 40);
        REQUIRE(f.write(row, data.data(), row_bytes).ok());
        REQUIRE(hint(f, row + 64));
        for (const std::uint64_t byte : {std::uint64_t{0}, std::uint64_t{77}, row_bytes - 1}) {
            const Answer answer = ask(f, row + byte, tlm::TLM_WRITE_COMMAND);
            REQUIRE(answer.granted);
            REQUIRE(answer.dmi.is_read_write_allowed());
            REQUIRE(answer.range() == Range{row, row + row_bytes - 1});
            REQUIRE(std::equal(data.begin(), data.end(), answer.dmi.get_dmi_ptr()));
        }
        unsigned char* const cells = ask(f, row).dmi.get_dmi_ptr();
        cells[1000] = 0xA5;
        unsigned char byte = 0;
        REQUIRE(f.read(row + 1000, &byte, 1).ok());
        REQUIRE(byte == 0xA5);
        // The other view sees it as well: byte 1000 is byte 125 of chip 0.
        REQUIRE(
            f.request(tlm::TLM_READ_COMMAND, local(1, 1, f.chip_address(5, 40, 125), 1), 0, &byte, 1).ok());
        REQUIRE(byte == 0xA5);
        byte = 7;
        REQUIRE(f.write(row + 1001, &byte, 1).ok());
        REQUIRE(cells[1001] == 7);
        REQUIRE(f.initiator.invalidated.empty());
        // A row that nobody has touched is zeros.
        const Answer fresh = ask(f, f.address(0, 0, 63));
        REQUIRE(fresh.granted);
        REQUIRE(std::count(fresh.dmi.get_dmi_ptr(), fresh.dmi.get_dmi_ptr() + row_bytes, 0) == row_bytes);

        const std::uint64_t capacity = f.channel.geometry().channel_bytes();
        REQUIRE(ask(f, capacity - 1).granted);
        REQUIRE_FALSE(ask(f, capacity).granted);
    });
    REQUIRE(f.checker.summary() == "");
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("the latencies of DMI are the unloaded ones of LT") {
    ChannelFixture f(dram(), geometry(), 0, with_dmi());
    run_in_thread([&] {
        unsigned char line[64] = {};
        const Answer answer = ask(f, 0);
        REQUIRE(answer.granted);
        REQUIRE(core::from_sc_time(answer.dmi.get_read_latency()) == clocks(3 + 5 + 5 + 4));
        REQUIRE(core::from_sc_time(answer.dmi.get_read_latency()) == f.read(0, line, 64).end);
        wait_until(clocks(1000));
        REQUIRE(core::from_sc_time(answer.dmi.get_write_latency()) ==
                f.write(f.address(0, 1, 0), line, 64).end);
    });
}

TEST_CASE("the latencies of DMI are on the clock grid") {
    ChannelControllerConfig config = with_dmi();
    config.latency = config.latency + Picoseconds{1};
    ChannelFixture f(pcm(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        const Answer answer = ask(f, 0);
        REQUIRE(core::from_sc_time(answer.dmi.get_read_latency()) == f.read(0, line, 64).end);
        REQUIRE(core::from_sc_time(answer.dmi.get_read_latency()) == clocks(4 + 22 + 5 + 4));
        wait_until(clocks(1000));
        REQUIRE(core::from_sc_time(answer.dmi.get_write_latency()) ==
                f.write(f.address(0, 1, 0), line, 64).end);
    });
}

TEST_CASE("a mapping that cuts rows gives smaller stretches") {
    ChannelFixture f(dram(), geometry(), 0, with_dmi("row rank column4 bank^row column3 offset6"));
    run_in_thread([&] {
        const std::uint64_t capacity = f.channel.geometry().channel_bytes();
        std::mt19937_64 random(11);
        bool right = true;
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t address = random() % capacity;
            auto value = static_cast<unsigned char>(random());
            tlm::tlm_generic_payload payload; // by debug transport: faster
            payload.set_command(tlm::TLM_WRITE_COMMAND);
            payload.set_address(address);
            payload.set_data_ptr(&value);
            payload.set_data_length(1);
            right &= f.out->transport_dbg(payload) == 1;
            const Answer answer = ask(f, address);
            right &= answer.granted && answer.range().last - answer.range().first == 511 &&
                     answer.range().first % 512 == 0;
            right &= answer.dmi.get_dmi_ptr()[address - answer.range().first] == value;
        }
        REQUIRE(right);
        // All 16 stretches of a row are taken back, wherever they are.
        const Answer answer = ask(f, 0);
        std::vector<unsigned char> data(8, 3);
        REQUIRE(
            f.request(tlm::TLM_WRITE_COMMAND, local(0, 1, f.chip_address(0, 0), 8), 0, data.data(), 8).ok());
        const std::vector<Range>& ranges = f.initiator.invalidated;
        REQUIRE(ranges.size() == 16);
        REQUIRE(std::count(ranges.begin(), ranges.end(), answer.range()) == 1);
        for (std::size_t i = 0; i < 16; ++i) {
            REQUIRE(ranges[i] == Range{i * 8192, i * 8192 + 511});
        }
    });
    REQUIRE(f.checker.summary() == "");
}

TEST_CASE("writes chip by chip and leases take grants back") {
    ChannelFixture f(dram(), geometry(), 8, with_dmi());
    run_in_thread([&] {
        std::vector<unsigned char> data(64, 9);
        const std::uint64_t row = f.address(0, 3, 2);
        const Range range{row, row + row_bytes - 1};
        REQUIRE(ask(f, row).granted);
        REQUIRE(ask(f, f.address(0, 3, 7)).granted);
        REQUIRE(ask(f, f.address(0, 4, 2)).granted);
        REQUIRE(ask(f, f.address(1, 3, 2)).granted);
        REQUIRE(f.request(tlm::TLM_READ_COMMAND, local(0, 0xFF, f.chip_address(3, 2), 8), 0, data.data(), 64)
                    .ok());
        REQUIRE(f.initiator.invalidated.empty());
        std::fill(data.begin(), data.end(), 9);
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, local(0, 0x10, f.chip_address(3, 2), 8), 0, data.data(), 64)
                    .ok());
        REQUIRE(f.initiator.invalidated == std::vector<Range>{range});
        f.initiator.invalidated.clear();

        REQUIRE(ask(f, row).granted);
        const Picoseconds granted = f.controller.lease(Rank{0}, Bank{3}, 0x01);
        std::vector<Range> expected{{f.address(0, 3, 2), f.address(0, 3, 2) + row_bytes - 1},
                                    {f.address(0, 3, 7), f.address(0, 3, 7) + row_bytes - 1}};
        std::sort(f.initiator.invalidated.begin(), f.initiator.invalidated.end(),
                  [](const Range& a, const Range& b) { return a.first < b.first; });
        REQUIRE(f.initiator.invalidated == expected);
        const Answer denied = ask(f, row);
        REQUIRE_FALSE(denied.granted);
        REQUIRE(denied.range() == range); // here only
        REQUIRE(ask(f, f.address(0, 4, 2)).granted);
        wait_until(granted);
        REQUIRE(f.units[0]->access(tlm::TLM_WRITE_COMMAND, f.chip_address(3, 2), data.data(), 64) ==
                tlm::TLM_OK_RESPONSE);
        REQUIRE_FALSE(hint(f, row)); // recalls the lease, and the bank goes back
        REQUIRE_FALSE(ask(f, row).granted);
        wait_for(clocks(1000));
        f.controller.release(Rank{0}, Bank{3}, 0x01);
        REQUIRE(hint(f, row));
        const Answer again = ask(f, row);
        REQUIRE(again.granted);
        for (std::uint32_t i = 0; i < 512; ++i) { // what unit 0 has written, and chip 4 before
            const int expected_byte = i % 8 == 0 || (i % 8 == 4 && i < 64) ? 9 : 0;
            REQUIRE(again.dmi.get_dmi_ptr()[i] == expected_byte);
        }
    });
    REQUIRE(f.checker.summary() == "");
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("a traced controller denies DMI") {
    Waveform waveform;
    ChannelFixture f(dram(), geometry(), 0, with_dmi());
    core::Tracer tracer(waveform.writer, {"*.write_drain"});
    f.controller.trace(tracer);
    run_in_thread([&] {
        REQUIRE_FALSE(ask(f, 0).granted);
        REQUIRE_FALSE(hint(f, 0));
    });
}

TEST_CASE("a traced channel denies DMI") {
    Waveform waveform;
    ChannelFixture f(dram(), geometry(), 0, with_dmi());
    core::Tracer tracer(waveform.writer, {"*.data_bus"});
    f.channel.trace(tracer);
    run_in_thread([&] { REQUIRE_FALSE(ask(f, 0).granted); });
}

TEST_CASE("chip-local requests and registers of units get no DMI") {
    ChannelFixture f(dram(), geometry(), 0, with_dmi());
    run_in_thread([&] {
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        ChannelRequest request = local(0, 1, 0, 8);
        payload.set_extension(&request);
        tlm::tlm_dmi dmi;
        REQUIRE_FALSE(f.out->get_direct_mem_ptr(payload, dmi));
        request.view = modules::DataView::interleaved;
        REQUIRE(f.out->get_direct_mem_ptr(payload, dmi));
        request.space = memory::AccessSpace::unit;
        REQUIRE_FALSE(f.out->get_direct_mem_ptr(payload, dmi));
        payload.clear_extension(&request);
    });
    REQUIRE(f.checker.summary() == "");
}

TEST_CASE("random accesses by DMI, by transport, by debug transport and chip by chip see one memory") {
    ChannelFixture f(dram(), geometry(1, 4), 0, with_dmi("row rank bank column4 bank1 column offset"));
    run_in_thread([&] {
        const memory::Geometry& g = f.channel.geometry();
        const modules::AddressMapping map(g, "row rank bank column4 bank1 column offset");
        std::vector<unsigned char> golden(g.channel_bytes(), 0);
        std::map<std::uint64_t, std::pair<std::uint64_t, unsigned char*>> grants; ///< first -> last, pointer
        std::mt19937_64 random(5);
        std::size_t by_dmi = 0;
        std::size_t taken_back = 0;
        bool right = true;
        for (int step = 0; step < 4000; ++step) {
            for (const Range& range : f.initiator.invalidated) {
                taken_back += grants.erase(range.first);
            }
            f.initiator.invalidated.clear();
            const bool write = random() % 2 != 0;
            const tlm::tlm_command command = write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
            // Few places, so that the ways meet.
            const std::uint64_t address = random() % 4 * (g.channel_bytes() / 4) + random() % 2048;
            const auto bytes = static_cast<std::uint32_t>(1 + random() % 64);
            std::vector<unsigned char> data(bytes);
            std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
            const auto compare = [&](std::uint64_t at, unsigned char value) {
                if (write) {
                    golden[at] = value;
                } else {
                    right &= golden[at] == value;
                }
            };
            switch (random() % 4) {
            case 0: { // one chip of a row
                const auto row = static_cast<std::uint32_t>(random() % 4);
                const auto bank = static_cast<std::uint32_t>(random() % 2);
                const auto chip = static_cast<std::uint32_t>(random() % 8);
                const auto column = static_cast<std::uint32_t>(random() % (1024 - bytes));
                ChannelRequest request = local(0, 1u << chip, f.chip_address(bank, row, column), bytes);
                request.chip_stride = 0;
                right &= f.request(command, request, 0, data.data(), bytes).ok();
                for (std::uint32_t i = 0; i < bytes; ++i) {
                    modules::AddressMapping::Place place;
                    place.bank = Bank{bank};
                    place.row = core::Row{row};
                    place.row_byte = (column + i) * 8 + chip;
                    compare(map.address(place), data[i]);
                }
                break;
            }
            case 1: {
                right &= f.access(command, address, data.data(), bytes).ok();
                for (std::uint32_t i = 0; i < bytes; ++i) {
                    compare(address + i, data[i]);
                }
                break;
            }
            case 2: {
                tlm::tlm_generic_payload payload;
                payload.set_command(command);
                payload.set_address(address);
                payload.set_data_ptr(data.data());
                payload.set_data_length(bytes);
                right &= f.out->transport_dbg(payload) == bytes;
                for (std::uint32_t i = 0; i < bytes; ++i) {
                    compare(address + i, data[i]);
                }
                break;
            }
            default: {
                auto grant = grants.upper_bound(address);
                if (grant == grants.begin() || std::prev(grant)->second.first < address) {
                    const Answer answer = ask(f, address, command);
                    right &= answer.granted;
                    grant = grants
                                .emplace(answer.range().first,
                                         std::pair{answer.range().last, answer.dmi.get_dmi_ptr()})
                                .first;
                } else {
                    --grant;
                }
                unsigned char& cell = grant->second.second[address - grant->first];
                if (write) {
                    cell = data[0];
                }
                compare(address, cell);
                ++by_dmi;
                break;
            }
            }
        }
        REQUIRE(right);
        REQUIRE(by_dmi > 900);
        REQUIRE(taken_back > 100);
    });
    REQUIRE(f.checker.summary() == "");
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("DMI where there are no data, or where every write counts, is refused") {
    const auto refused = [](const modules::MemoryConfig& memory, const ChannelControllerConfig& controller,
                            const std::string& message) {
        REQUIRE_THROWS_WITH(modules::check_channel("m", memory, controller), Catch::Contains(message));
    };
    modules::HybridMemoryConfig config = modules::hydra_memory();
    config.controller.dmi = true;
    REQUIRE_NOTHROW(modules::check_channel("m", config.pcm, config.controller));
    config.controller.keep_data = false;
    refused(config.pcm, config.controller, "m: dmi: found true, expected false: no data are kept");
    config.controller.keep_data = true;
    config.pcm.technology.array_write_policy = memory::ArrayWritePolicy::flipped_bits;
    refused(config.pcm, config.controller,
            "m: dmi: found true, expected false: with array_write_policy: flipped-bits");
    config.controller.dmi = false;
    REQUIRE_NOTHROW(modules::check_channel("m", config.pcm, config.controller));
    config.controller.keep_data = false;
    refused(config.pcm, config.controller, "m: energy.array_write_policy: found flipped-bits, expected");
}

namespace {

/// A core on a 64-bit socket, an adapter, a bus of two cores, and the memory from 1 MiB on.
struct Soc : sc_core::sc_module {
    tlm_utils::simple_initiator_socket<Soc, 64> wide{"wide"};
    AtInitiator narrow{"narrow"};
    core::WidthAdapter<64> adapter{"adapter"};
    modules::SystemBus bus{"bus", {Picoseconds{5000}, core::Bandwidth{32e9}}};
    /// The bus passes addresses on as they are.
    struct Rebase : sc_core::sc_module {
        tlm_utils::simple_target_socket<Rebase> front{"front"};
        tlm_utils::simple_initiator_socket<Rebase> back{"back"};
        explicit Rebase(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
            front.register_get_direct_mem_ptr(this, &Rebase::get);
            front.register_b_transport(this, &Rebase::transport);
            back.register_invalidate_direct_mem_ptr(this, &Rebase::invalidate);
        }
        static constexpr std::uint64_t base = 1 << 20;
        void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
            payload.set_address(payload.get_address() - base);
            back->b_transport(payload, delay);
            payload.set_address(payload.get_address() + base);
        }
        bool get(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
            payload.set_address(payload.get_address() - base);
            const bool granted = back->get_direct_mem_ptr(payload, dmi);
            payload.set_address(payload.get_address() + base);
            dmi.set_start_address(dmi.get_start_address() + base);
            dmi.set_end_address(dmi.get_end_address() + base);
            return granted;
        }
        void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
            front->invalidate_direct_mem_ptr(first + base, last + base);
        }
    } rebase{"rebase"};
    modules::MemoryChannel memory{"memory", modules::hydra_memory().dram, with_dmi()};
    std::vector<Range> invalidated;

    explicit Soc(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        wide.register_invalidate_direct_mem_ptr(this, &Soc::invalidate);
        wide.bind(adapter.front);
        adapter.back.bind(bus.initiators);
        narrow.socket.bind(bus.initiators);
        // Half a row at the end of the window.
        bus.add_target(Rebase::base, 3 * row_bytes + row_bytes / 2).bind(rebase.front);
        rebase.back.bind(memory.front);
    }
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) { invalidated.push_back({first, last}); }
};

} // namespace

TEST_CASE("a bus and an adapter pass DMI on, with the time of the bus") {
    Soc soc("soc");
    run_in_thread([&] {
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_address(Soc::Rebase::base + row_bytes + 5);
        tlm::tlm_dmi dmi;
        REQUIRE(soc.wide->get_direct_mem_ptr(payload, dmi));
        REQUIRE(dmi.get_start_address() == Soc::Rebase::base + row_bytes);
        REQUIRE(dmi.get_end_address() == Soc::Rebase::base + 2 * row_bytes - 1);
        dmi.get_dmi_ptr()[5] = 42;
        std::vector<unsigned char> line(64);
        payload.set_address(Soc::Rebase::base + row_bytes);
        payload.set_data_ptr(line.data());
        payload.set_data_length(64);
        payload.set_streaming_width(64);
        sc_core::sc_time delay;
        wait_until(Picoseconds{500}); // 7 ns on the bus: arrives on an edge of the memory's clock
        const Picoseconds begin = core::now();
        soc.wide->b_transport(payload, delay);
        REQUIRE(payload.is_dmi_allowed());
        REQUIRE(line[5] == 42);
        REQUIRE(core::now() + core::from_sc_time(delay) - begin ==
                core::from_sc_time(dmi.get_read_latency()));

        payload.set_address(Soc::Rebase::base + 3 * row_bytes); // the window ends in this row
        REQUIRE(soc.narrow.socket->get_direct_mem_ptr(payload, dmi));
        REQUIRE(dmi.get_end_address() == Soc::Rebase::base + 3 * row_bytes + row_bytes / 2 - 1);
        payload.set_address(100);
        REQUIRE_FALSE(soc.wide->get_direct_mem_ptr(payload, dmi));
        REQUIRE(dmi.get_start_address() == 100);
        REQUIRE(dmi.get_end_address() == 100);

        // Both cores hear of it.
        ChannelRequest request = local(0, 1, 1024 * 32768, 8); // bank 1, row 0: the second row of the memory
        payload.set_command(tlm::TLM_WRITE_COMMAND);
        payload.set_address(Soc::Rebase::base);
        payload.set_extension(&request);
        payload.set_dmi_allowed(false);
        payload.set_data_length(8);
        soc.wide->b_transport(payload, delay);
        payload.clear_extension(&request);
        const std::vector<Range> expected{
            {Soc::Rebase::base + row_bytes, Soc::Rebase::base + 2 * row_bytes - 1}};
        REQUIRE(soc.invalidated == expected);
        REQUIRE(soc.narrow.invalidated == expected);
    });
}
