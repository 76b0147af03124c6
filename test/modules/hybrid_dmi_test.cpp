// SPDX-License-Identifier: Apache-2.0
// Direct memory access to DRAM and PCM behind one target.
#include "hydravp/core/error.h"
#include "hydravp/modules/hybrid_memory.h"

#include "hybrid_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using Range = AtInitiator::Range;

namespace {

constexpr std::uint64_t row_bytes = 8192; // of a rank

modules::HybridMemoryConfig with_dmi() {
    modules::HybridMemoryConfig config = small_hybrid();
    config.controller.latency = clocks(3);
    config.controller.dmi = true;
    return config;
}

struct Answer {
    bool granted;
    tlm::tlm_dmi dmi;
    Range range() const { return {dmi.get_start_address(), dmi.get_end_address()}; }
};

Answer ask(HybridFixture& f, std::uint64_t address) {
    tlm::tlm_generic_payload payload;
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    Answer answer{};
    answer.granted = f.initiator.socket->get_direct_mem_ptr(payload, answer.dmi);
    REQUIRE(payload.get_address() == address);
    return answer;
}

/// By AT; returns the time and whether the response hints at DMI.
std::pair<Picoseconds, bool> access(HybridFixture& f, tlm::tlm_command command, std::uint64_t address,
                                    std::vector<unsigned char>& data) {
    AtInitiator::Transaction& t =
        f.initiator.access(command, address, data.data(), static_cast<std::uint32_t>(data.size()));
    f.initiator.wait_for(t);
    REQUIRE(t.payload->is_response_ok());
    const bool hint = t.payload->is_dmi_allowed();
    return {t.end(), hint};
}

} // namespace

TEST_CASE("grants of DRAM and PCM are rows at their system addresses") {
    HybridFixture f(with_dmi());
    run_in_thread([&] {
        const core::AddressMap& map = f.controller.address_map();
        std::vector<unsigned char> data(6 * row_bytes); // of all four channels
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(1));
        for (std::size_t i = 0; i < data.size(); i += 251) { // differ from row to row
            data[i] = static_cast<unsigned char>(i / row_bytes + 100);
        }
        for (const std::uint64_t base : {map.dram_base, map.pcm_base}) {
            REQUIRE(access(f, tlm::TLM_WRITE_COMMAND, base, data).second);
            for (std::uint64_t row = 0; row < 6; ++row) {
                const Answer answer = ask(f, base + row * row_bytes + 4321);
                REQUIRE(answer.granted);
                REQUIRE(answer.dmi.is_read_write_allowed());
                REQUIRE(answer.range() == Range{base + row * row_bytes, base + (row + 1) * row_bytes - 1});
                REQUIRE(std::equal(answer.dmi.get_dmi_ptr(), answer.dmi.get_dmi_ptr() + row_bytes,
                                   data.begin() + static_cast<std::ptrdiff_t>(row * row_bytes)));
                answer.dmi.get_dmi_ptr()[7] = static_cast<unsigned char>(row + 200);
            }
            std::vector<unsigned char> byte(1);
            for (std::uint64_t row = 0; row < 6; ++row) {
                access(f, tlm::TLM_READ_COMMAND, base + row * row_bytes + 7, byte);
                REQUIRE(byte[0] == row + 200);
            }
        }
        // The last rows.
        REQUIRE(ask(f, map.dram_base + map.dram_bytes - 1).range() ==
                Range{map.pcm_base - row_bytes, map.pcm_base - 1});
        const std::uint64_t end = map.pcm_base + map.pcm_bytes;
        REQUIRE(ask(f, end - 1).range() == Range{end - row_bytes, end - 1});
        // No memory, the chips' own view, registers: denied there, and only there.
        for (const std::uint64_t address : {end, map.chip_view_base, map.registers_base, ~std::uint64_t{0}}) {
            const Answer answer = ask(f, address);
            REQUIRE_FALSE(answer.granted);
            REQUIRE(answer.dmi.is_none_allowed());
            REQUIRE(answer.range() == Range{address, address});
        }
    });
    REQUIRE(f.violations() == "");
}

TEST_CASE("latencies of DMI are those of an unloaded access through the whole memory") {
    HybridFixture f(with_dmi());
    run_in_thread([&] {
        const core::AddressMap& map = f.controller.address_map();
        std::vector<unsigned char> line(64);
        std::int64_t time = 0;
        for (const std::uint64_t base : {map.dram_base, map.pcm_base}) {
            const Answer answer = ask(f, base);
            wait_until(clocks(time += 1000));
            REQUIRE(access(f, tlm::TLM_READ_COMMAND, base, line).first ==
                    core::from_sc_time(answer.dmi.get_read_latency()));
            wait_until(clocks(time += 1000));
            REQUIRE(access(f, tlm::TLM_WRITE_COMMAND, base + row_bytes, line).first ==
                    core::from_sc_time(answer.dmi.get_write_latency()));
        }
        REQUIRE(ask(f, map.pcm_base).dmi.get_read_latency() == core::to_sc_time(clocks(3 + 22 + 5 + 4)));
    });
    REQUIRE(f.violations() == "");
}

TEST_CASE("writes by way of the chips' own view take the row back, leases the bank") {
    HybridFixture f(with_dmi());
    run_in_thread([&] {
        const core::AddressMap& map = f.controller.address_map();
        std::vector<unsigned char> word{1, 2, 3, 4, 5, 6, 7, 8};
        // Bank 2, row 3 of rank 1.
        const std::uint64_t row = map.dram_base + ((3 * 2 + 1) * 16 + 2) * row_bytes;
        const Range range{row, row + row_bytes - 1};
        REQUIRE(ask(f, row).range() == range);
        REQUIRE(ask(f, map.pcm_base).granted);
        const std::uint64_t chip = map.chip_view_base + 10 * map.chip_bytes; // chip 2 of rank 1
        access(f, tlm::TLM_READ_COMMAND, chip + (2 * 4 + 3) * 1024, word);
        REQUIRE(f.initiator.invalidated.empty());
        access(f, tlm::TLM_WRITE_COMMAND, chip + (2 * 4 + 3) * 1024, word);
        REQUIRE(f.initiator.invalidated == std::vector<Range>{range});
        f.initiator.invalidated.clear();

        REQUIRE(ask(f, row).granted);
        const Picoseconds from = f.controller.dram_controller().lease(core::Rank{1}, core::Bank{2}, 0xFF);
        REQUIRE(f.initiator.invalidated == std::vector<Range>{range});
        const Answer denied = ask(f, row + 5);
        REQUIRE_FALSE(denied.granted);
        REQUIRE(denied.range() == range);
        wait_until(from);
        f.controller.dram_controller().release(core::Rank{1}, core::Bank{2}, 0xFF);
        REQUIRE(ask(f, row).granted);
    });
    REQUIRE(f.violations() == "");
}

TEST_CASE("rows of a PCM with a mapping of its own are granted in pieces") {
    modules::HybridMemoryConfig config = with_dmi();
    config.pcm.address_mapping = "row column4 bank column offset";
    HybridFixture f(config);
    run_in_thread([&] {
        const core::AddressMap& map = f.controller.address_map();
        std::vector<unsigned char> data(3 * row_bytes);
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(9));
        const std::uint64_t base = map.pcm_base + 512 * 3;
        access(f, tlm::TLM_WRITE_COMMAND, base, data);
        for (std::uint64_t done = 0; done < data.size(); done += 512) {
            const Answer answer = ask(f, base + done + 100);
            REQUIRE(answer.granted);
            REQUIRE(answer.range() == Range{base + done, base + done + 511});
            REQUIRE(std::equal(answer.dmi.get_dmi_ptr(), answer.dmi.get_dmi_ptr() + 512,
                               data.begin() + static_cast<std::ptrdiff_t>(done)));
        }
    });
    REQUIRE(f.violations() == "");
}

TEST_CASE("timing mode refuses DMI") {
    REQUIRE_THROWS_WITH(modules::HybridMemoryController("controller", with_dmi(), 0, false),
                        Catch::Contains("dmi: found true, expected false: no data are kept"));
}
