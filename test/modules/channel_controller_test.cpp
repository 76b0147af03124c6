// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_controller.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

using namespace hydravp;
using namespace hydravp::test;
using core::Bank;
using core::Rank;
using memory::CommandKind;
using modules::ChannelRequest;
using modules::DataView;

namespace {

constexpr std::uint32_t row_bytes = 8192; // of a rank

ChannelRequest local(std::uint32_t rank, std::uint32_t chips, std::uint64_t address, std::uint32_t bytes,
                     std::size_t stride) {
    ChannelRequest r;
    r.view = DataView::chip_local;
    r.rank = Rank{rank};
    r.chips = chips;
    r.chip_address = address;
    r.bytes_per_chip = bytes;
    r.chip_stride = stride;
    return r;
}

} // namespace

TEST_CASE("an unloaded read takes controller latency, t_rcd, t_cl and one burst") {
    modules::ChannelControllerConfig config;
    config.latency = clocks(4);
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[64];
        REQUIRE(f.read(0, line, 64).end == clocks(4 + 5 + 5 + 4));
        wait_for(clocks(1000));
        REQUIRE(f.read(64, line, 64).end == clocks(4 + 5 + 4)); // a row hit saves t_rcd
        wait_for(clocks(1000));
        REQUIRE(f.read(128, line, 64, clocks(10)).end == clocks(10 + 4 + 5 + 4)); // the caller is ahead
        wait_for(clocks(1000));
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).end ==
                clocks(4 + 5 + 5 + 5 + 4)); // a conflict pays t_rp as well
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("an early conflict waits for t_ras and t_rc") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        unsigned char line[64];
        f.read(0, line, 64);
        // precharge at t_ras = 16, activate at max(16 + t_rp, t_rc) = 22
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).at == clocks(22 + 5 + 5 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("a write is followed by a read after t_wtr, by a precharge after t_wr") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        unsigned char line[64] = {};
        Picoseconds end = f.write(0, line, 64).at;
        REQUIRE(end == clocks(5 + 4 + 4));
        REQUIRE(f.read(64, line, 64).at == end + clocks(3 + 5 + 4));
        wait_for(clocks(1000));
        end = f.write(0, line, 64).at;
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).at == end + clocks(6 + 5 + 5 + 5 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("a change of the rank costs t_rtrs on the data bus") {
    ChannelFixture f(dram(), geometry());
    run_in_thread([&] {
        unsigned char data[3][512];
        auto& first = f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, 0), data[0], 512);
        auto& other = f.post(tlm::TLM_READ_COMMAND, f.address(1, 0, 0), data[1], 64);
        auto& same = f.post(tlm::TLM_READ_COMMAND, f.address(1, 0, 0, 64), data[2], 64);
        f.initiator.wait_for(same);
        REQUIRE(first.end() == clocks(10 + 4 * 8));
        REQUIRE(other.end() == first.end() + clocks(1 + 4));
        REQUIRE(same.end() == other.end() + clocks(4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("one long request streams without a gap on the data bus") {
    ChannelFixture f(dram(), geometry(1));
    run_in_thread([&] {
        std::vector<unsigned char> rows(20 * row_bytes);
        REQUIRE(f.read(0, rows.data(), 20 * row_bytes).end == clocks(10 + 20 * 512));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("row-sized requests, two of them under way, stream without a gap") {
    ChannelFixture f(dram(), geometry(1));
    run_in_thread([&] {
        unsigned char row[2][row_bytes];
        AtInitiator::Transaction* before = nullptr;
        Picoseconds end{};
        for (std::uint32_t i = 0; i < 20; ++i) {
            auto& next = f.post(tlm::TLM_READ_COMMAND, i * row_bytes, row[i % 2], row_bytes);
            if (before != nullptr) {
                f.initiator.wait_for(*before);
            }
            before = &next;
        }
        f.initiator.wait_for(*before);
        REQUIRE(core::now() == clocks(10 + 20 * 512));
        REQUIRE(total("data_bus") == 20 * 512 * 2500.0);
        REQUIRE(total("mem_bus_read") == 20 * row_bytes);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("activates are held apart by t_rrd and t_faw") {
    memory::Technology t = dram();
    t.t_ccd = clocks(1);
    t.t_faw = clocks(30);
    ChannelFixture f(t, geometry());
    run_in_thread([&] {
        unsigned char line[64];
        AtInitiator::Transaction* last = nullptr;
        for (std::uint32_t bank = 0; bank < 9; ++bank) {
            last = &f.post(tlm::TLM_READ_COMMAND, f.address(0, bank, 0), line, 64);
        }
        f.initiator.wait_for(*last);
    });
    std::vector<std::int64_t> activates;
    for (const auto& c : f.recorder.history) {
        if (c.kind == CommandKind::activate) {
            activates.push_back(c.issued / clock_period);
        }
    }
    // the read commands, at activate + 5, stand in the way of none of them
    REQUIRE(activates == std::vector<std::int64_t>{0, 3, 6, 9, 30, 33, 36, 39, 60});
    REQUIRE(f.auditor.summary() == "");
}

namespace {

/// Random accesses of all kinds against a golden memory and the auditor.
void random_traffic(const memory::Technology& t, unsigned seed) {
    ChannelFixture f(t, geometry(2, 4));
    run_in_thread([&] {
        const std::uint64_t capacity = f.channel.geometry().channel_bytes();
        std::mt19937 random(seed);
        const auto pick = [&](std::uint64_t n) { return static_cast<std::uint64_t>(random() % n); };
        std::vector<unsigned char> golden(capacity, 0); // in the interleaved view
        const auto golden_of_chip = [&](std::uint32_t rank, std::uint32_t chip,
                                        std::uint64_t a) -> unsigned char& {
            const std::uint64_t row = a / 1024;
            return golden[f.address(rank, static_cast<std::uint32_t>(row / 4),
                                    static_cast<std::uint32_t>(row % 4),
                                    static_cast<std::uint32_t>(a % 1024 * 8 + chip))];
        };
        std::uint64_t bad = 0;
        double bytes_read = 0, bytes_written = 0;
        Picoseconds last_end{};
        for (int n = 0; n < 1500; ++n) {
            const bool write = pick(2) == 0;
            const std::uint64_t kind = pick(10);
            Picoseconds end{};
            if (kind < 6) { // interleaved, any alignment
                const std::uint32_t bytes =
                    static_cast<std::uint32_t>(pick(5) == 0 ? 1 + pick(20000) : 1 + pick(200));
                const bool aligned = pick(2) == 0;
                const std::uint64_t address = pick(capacity - bytes) & ~(aligned ? 63u : 0u);
                std::vector<unsigned char> data(bytes);
                std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
                const std::vector<unsigned char> before = data;
                std::vector<unsigned char> enables(1 + pick(20));
                std::generate(enables.begin(), enables.end(), [&] { return pick(2) ? 0xFF : 0; });
                const bool masked = pick(3) == 0;
                tlm::tlm_generic_payload payload;
                payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
                payload.set_address(address);
                payload.set_data_ptr(data.data());
                payload.set_data_length(bytes);
                const std::uint32_t width = pick(6) == 0 ? std::max<std::uint32_t>(1, bytes / 3)
                                            : pick(2)    ? bytes
                                                         : 0;
                payload.set_streaming_width(width);
                if (masked) {
                    payload.set_byte_enable_ptr(enables.data());
                    payload.set_byte_enable_length(static_cast<unsigned>(enables.size()));
                }
                const auto result = f.transport(payload);
                REQUIRE(result.ok());
                end = result.at;
                for (std::uint32_t i = 0; i < bytes; ++i) {
                    const bool enabled = !masked || enables[i % enables.size()] != 0;
                    unsigned char& expected = golden[address + (width != 0 ? i % width : i)];
                    if (write && enabled) {
                        expected = data[i];
                    } else if (!write) {
                        bad += data[i] != (enabled ? expected : before[i]);
                    }
                    (write ? bytes_written : bytes_read) += enabled;
                }
            } else if (kind < 9) { // chip-local
                const std::uint32_t bytes = static_cast<std::uint32_t>(1 + pick(3000));
                const std::uint32_t chips = static_cast<std::uint32_t>(1 + pick(255));
                const std::uint32_t rank = static_cast<std::uint32_t>(pick(2));
                const std::uint64_t address = pick(f.channel.geometry().chip_bytes() - bytes);
                const std::size_t stride = bytes + pick(10);
                std::vector<unsigned char> data(8 * stride);
                std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
                const auto result = f.request(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
                                              local(rank, chips, address, bytes, stride), 0, data.data(),
                                              static_cast<std::uint32_t>(data.size()));
                REQUIRE(result.ok());
                end = result.at;
                for (std::uint32_t chip = 0; chip < 8; ++chip) {
                    for (std::uint32_t i = 0; i < bytes && (chips >> chip & 1u) != 0; ++i) {
                        unsigned char& expected = golden_of_chip(rank, chip, address + i);
                        if (write) {
                            expected = data[chip * stride + i];
                        } else {
                            bad += data[chip * stride + i] != expected;
                        }
                        (write ? bytes_written : bytes_read) += 1;
                    }
                }
            } else { // debug, past the end as well
                const std::uint32_t bytes = static_cast<std::uint32_t>(1 + pick(9000));
                const std::uint64_t address = pick(capacity);
                const std::uint32_t moved =
                    static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, capacity - address));
                std::vector<unsigned char> data(bytes, static_cast<unsigned char>(random()));
                tlm::tlm_generic_payload payload;
                payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
                payload.set_address(address);
                payload.set_data_ptr(data.data());
                payload.set_data_length(bytes);
                REQUIRE(f.out->transport_dbg(payload) == moved);
                if (write) {
                    std::copy_n(data.begin(), moved, golden.begin() + static_cast<std::ptrdiff_t>(address));
                } else {
                    bad += !std::equal(data.begin(), data.begin() + moved,
                                       golden.begin() + static_cast<std::ptrdiff_t>(address));
                }
            }
            last_end = std::max(last_end, end);
            if (pick(3) == 0) {
                wait_for(Picoseconds{static_cast<std::int64_t>(pick(3000000))});
            }
        }
        REQUIRE(bad == 0);
        REQUIRE(total("mem_read") == bytes_read);
        REQUIRE(total("mem_written") == bytes_written);
        if (t.t_ccd.count() == 0) {
            REQUIRE(last_end <= core::now());
        }
    });
    REQUIRE(f.recorder.refused == 0);
    REQUIRE(f.recorder.delayed == 0); // the controller's table and the chips' rules agree
    REQUIRE(f.auditor.summary() == "");
}

} // namespace

TEST_CASE("random traffic to DRAM keeps every rule and returns what was written") {
    random_traffic(dram(), 1);
}
TEST_CASE("random traffic to refreshed DRAM keeps every rule and returns what was written") {
    random_traffic(refreshed_dram(), 2);
}
TEST_CASE("random traffic to PCM keeps every rule and returns what was written") {
    random_traffic(pcm(), 3);
}
TEST_CASE("random traffic to an ideal memory takes no time and returns what was written") {
    random_traffic(ideal(), 4);
}
TEST_CASE("random traffic to a memory of odd timings keeps every rule and returns what was written") {
    memory::Technology t = with_odd_timings(refreshed_dram());
    t.t_rtrs = Picoseconds{0};
    random_traffic(t, 5);
}

TEST_CASE("errors are responses, and change nothing") {
    modules::ChannelControllerConfig config;
    config.shares_with_units = true; // a unit's error is known at once
    ChannelFixture f(refreshed_dram(), geometry(), 0, config);
    run_in_thread([&] {
        const std::uint64_t capacity = f.channel.geometry().channel_bytes();
        unsigned char line[64] = {};
        unsigned char enable = 0xFF;
        ChannelRequest plain;
        REQUIRE(f.read(capacity, line, 1).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(f.read(capacity - 63, line, 64).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(f.read(~std::uint64_t{0} - 10, line, 64).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(f.read(0, line, 0).status == tlm::TLM_BURST_ERROR_RESPONSE);
        REQUIRE(f.read(0, nullptr, 64).status == tlm::TLM_GENERIC_ERROR_RESPONSE);
        REQUIRE(f.access(tlm::TLM_IGNORE_COMMAND, 0, line, 64).ok());
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_data_ptr(line);
        payload.set_data_length(64);
        payload.set_byte_enable_ptr(&enable);
        payload.set_byte_enable_length(0);
        REQUIRE(f.transport(payload).status == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
        tlm::tlm_dmi dmi;
        REQUIRE_FALSE(f.out->get_direct_mem_ptr(payload, dmi));
        plain.space = memory::AccessSpace::unit;
        REQUIRE(f.request(tlm::TLM_READ_COMMAND, plain, 0, line, 64).status ==
                tlm::TLM_COMMAND_ERROR_RESPONSE);
        const std::uint64_t chip_bytes = f.channel.geometry().chip_bytes();
        const auto try_local = [&](const ChannelRequest& r) {
            return f.request(tlm::TLM_READ_COMMAND, r, 0, line, 64).status;
        };
        REQUIRE(try_local(local(2, 1, 0, 8, 8)) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(try_local(local(0, 0, 0, 8, 8)) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(try_local(local(0, 0x100, 0, 8, 8)) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(try_local(local(0, 1, chip_bytes - 7, 8, 8)) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(try_local(local(0, 1, ~std::uint64_t{0}, 8, 8)) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(try_local(local(0, 1, 0, 0, 8)) == tlm::TLM_BURST_ERROR_RESPONSE);
        ChannelRequest unit = local(0, 1, 0, 8, 8);
        unit.space = memory::AccessSpace::unit;
        const auto at_unit = f.request(tlm::TLM_READ_COMMAND, unit, 0, line, 64);
        REQUIRE(at_unit.status == tlm::TLM_ADDRESS_ERROR_RESPONSE); // no unit is attached
        REQUIRE(at_unit.end == Picoseconds{0});
    });
    REQUIRE(f.recorder.history.empty());
}

TEST_CASE("energy, traffic and words of writes and a read by hand") {
    modules::ChannelControllerConfig config;
    config.io_energy.pj = 5;
    ChannelFixture f(pcm(), geometry(), 0, config);
    run_in_thread([&] {
        std::vector<unsigned char> data(row_bytes, 7);
        ChannelRequest r;
        r.layer = 3;
        r.cause = memory::WriteCause::migration;
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, r, 0, data.data(), 128).ok()); // 16 bytes, 8 words a chip
        REQUIRE(f.request(tlm::TLM_READ_COMMAND, r, 128, data.data(), 64).ok()); // the row is open
        REQUIRE(
            f.request(tlm::TLM_WRITE_COMMAND, r, 64, data.data(), 64).ok()); // words that are dirty already
        REQUIRE(total("mem_array_read") == Approx(2.47 * 8 * 8192));
        REQUIRE(total("mem_buffer_write") == Approx(1.02 * 8 * 192));
        REQUIRE(total("mem_buffer_read") == Approx(0.93 * 8 * 64));
        REQUIRE(total("channel_io") == Approx(5 * 8 * 256));
        REQUIRE(total("mem_words_migration") == 96);
        REQUIRE(total("mem_words_host") == 0);
        REQUIRE(total("mem_written") == 192);
        REQUIRE(total("mem_read") == 64);
        REQUIRE(total("mem_bus_written") == 192);
        REQUIRE(total("mem_array_words") == 0);

        // A dirty row is written back when it is closed, for the modified words only.
        f.read(f.address(0, 0, 1), data.data(), 64);
        REQUIRE(total("mem_array_words") == 64);
        REQUIRE(total("mem_array_write") == Approx(16.82 * 16 * 64));
        f.read(f.address(0, 0, 0), data.data(), 64); // this one was clean
        REQUIRE(total("mem_array_words") == 64);
        for (const core::Meter* meter : core::collect_meters()) {
            for (const auto& account : meter->accounts()) {
                if (account.name == "mem_array_words") {
                    REQUIRE(account.unattributed == 0);
                    // What the chips do alike is charged to the first of them.
                    REQUIRE((account.by_layer.size() <= 3 || account.by_layer[3] == 64));
                }
            }
        }

        // A chip-local write charges its chip only, but fills the slot.
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, local(1, 0x4, 3, 5, 5), 0, data.data(), 40).ok());
        REQUIRE(total("mem_bus_written") == 192 + 64);
        REQUIRE(total("mem_written") == 192 + 5);
        REQUIRE(total("mem_words_host") == 3);
        REQUIRE(total("mem_buffer_write") == Approx(1.02 * 8 * (192 + 8)));
        // At the end of the run what is left is written back, once; bytes 3 to 7 touch three words.
        f.channel.flush();
        f.channel.flush();
        REQUIRE(total("mem_array_words") == 64 + 3);
        f.read(f.address(1, 0, 1), data.data(), 64);
        REQUIRE(total("mem_array_words") == 64 + 3);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("closing a row costs t_rp, dirty or not, and the whole row's energy by policy") {
    memory::Technology t = pcm();
    t.array_write_policy = memory::ArrayWritePolicy::whole_row;
    ChannelFixture f(t, geometry());
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.read(0, line, 64);
        wait_for(clocks(1000));
        const Picoseconds clean = f.write(f.address(0, 0, 1), line, 64).end;
        REQUIRE(clean == clocks(60 + 22 + 4 + 4));
        REQUIRE(total("mem_array_write") == 0);
        wait_for(clocks(1000));
        REQUIRE(f.write(f.address(0, 0, 2), line, 64).end == clean);
        REQUIRE(total("mem_array_words") == 4096);
        REQUIRE(total("mem_array_write") == Approx(16.82 * 16 * 4096));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("timing mode takes the same time, energy and counts as real data") {
    std::map<std::string, double> accounts[2];
    Picoseconds ends[2];
    ChannelFixture f(refreshed_dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> data(40000, 1);
        for (int mode = 0; mode < 2; ++mode) {
            const auto before = [&] {
                std::map<std::string, double> sums;
                for (const core::Meter* meter : core::collect_meters()) {
                    for (const auto& account : meter->accounts()) {
                        sums[account.name] += meter->total(account.name);
                    }
                }
                return sums;
            };
            const Picoseconds origin = 200 * 3120 * clock_period * (mode + 1);
            wait_until(origin);
            const auto start = before();
            std::mt19937 random(5);
            for (int n = 0; n < 100; ++n) {
                const auto bytes = static_cast<std::uint32_t>(1 + random() % 30000);
                const std::uint64_t address = random() % 1000000;
                const auto command = random() % 2 == 0 ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
                const auto result =
                    f.request(command, ChannelRequest{}, address, mode == 0 ? data.data() : nullptr, bytes);
                REQUIRE(result.ok());
                ends[mode] = result.at - origin;
                wait_for(result.end / 2);
            }
            wait_for(clocks(10000));
            unsigned char line[64];
            for (std::uint32_t bank = 0; bank < 32; ++bank) { // leave the same rows open
                f.read(f.address(bank / 16, bank % 16, 63), line, 64);
            }
            for (const auto& [name, value] : before()) {
                accounts[mode][name] = value - start.at(name);
            }
        }
        REQUIRE(ends[0] == ends[1]);
        for (const auto& [name, value] : accounts[0]) {
            INFO(name);
            CHECK(value == Approx(accounts[1].at(name)));
        }
    });
    REQUIRE(f.auditor.summary() == "");
}

namespace {

/// A millisecond with an idle or a busy channel, and an initiator that waits or keeps the queue full.
void count_refreshes(bool busy, bool full) {
    ChannelFixture f(refreshed_dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> row(row_bytes);
        const Picoseconds millisecond{1000000000};
        if (busy && full) { // as much as the queue takes
            while (core::now() < millisecond) {
                for (std::uint32_t i = 0; i < 64; ++i) {
                    f.post(tlm::TLM_READ_COMMAND, std::uint64_t{i} * row_bytes, row.data(), row_bytes);
                }
            }
        } else if (busy) {
            for (std::uint32_t i = 0; core::now() < millisecond; ++i) {
                f.read(std::uint64_t{i % 64} * row_bytes, row.data(), row_bytes);
            }
        }
        wait_until(millisecond);
        wait_for(Picoseconds{1});
        REQUIRE(total("mem_refresh") == Approx(69100.0 * 8 * f.recorder.count(CommandKind::refresh)));
    });
    // 1 ms / 7.8 us = 128.2: 128 in rank 0; in rank 1, half an interval later, 127
    std::size_t per_rank[2] = {};
    Picoseconds latest{};
    for (const auto& c : f.recorder.history) {
        if (c.kind == CommandKind::refresh && c.issued < Picoseconds{1000000000}) {
            const std::size_t k = ++per_rank[c.rank.value()];
            const Picoseconds due =
                k * refreshed_dram().t_refi + c.rank.value() * refreshed_dram().t_refi / 2;
            REQUIRE(c.issued >= due);
            latest = std::max(latest, c.issued - due);
        }
    }
    REQUIRE(per_rank[0] == 128);
    REQUIRE(per_rank[1] == 127);
    REQUIRE(latest <=
            (busy ? clocks(32 * 4 + 100) : Picoseconds{0})); // at most behind the burst group on its way
    REQUIRE(f.auditor.summary() == "");
}

} // namespace

TEST_CASE("refreshes come once per t_refi and rank, staggered") {
    count_refreshes(false, false);
}
TEST_CASE("refreshes of a busy channel come once per t_refi and rank") {
    count_refreshes(true, false);
}
TEST_CASE("refreshes keep up with a full queue") {
    count_refreshes(true, true);
}

TEST_CASE("an access after a refresh waits for t_rfc and opens its row again") {
    ChannelFixture f(refreshed_dram(), geometry(1));
    run_in_thread([&] {
        unsigned char line[64];
        f.read(0, line, 64);
        wait_until(clocks(3120) + Picoseconds{1});
        // precharge-all at the due time, refresh t_rp later
        REQUIRE(f.read(0, line, 64).at == clocks(3120 + 5 + 104 + 5 + 5 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("unit registers: data, times and errors") {
    ChannelFixture f(dram(), geometry(), 8);
    run_in_thread([&] {
        std::vector<unsigned char> data(64);
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(0));
        ChannelRequest r = local(0, 0xFF, 40, 8, 8);
        r.space = memory::AccessSpace::unit;
        r.layer = 2;
        const auto written = f.request(tlm::TLM_WRITE_COMMAND, r, 0, data.data(), 64);
        REQUIRE(written.ok());
        REQUIRE(written.end == clocks(4 + 4)); // t_wl and one burst; no row is needed
        REQUIRE(f.units[3]->memory[40] == 24);
        REQUIRE(f.units[3]->last_layer == 2);
        REQUIRE(f.units[3]->last_delay == core::to_sc_time(clocks(8)));
        r.chips = 0x20;
        r.chip_stride = 0;
        r.bytes_per_chip = 17; // three bursts, after the turnaround
        const auto read = f.request(tlm::TLM_READ_COMMAND, r, 0, data.data(), 17);
        REQUIRE(read.at == clocks(8 + 3 + 5 + 12));
        REQUIRE(data[1] == 41);
        REQUIRE(total("mem_bus_read") == 3 * 64);
        REQUIRE(total("mem_read") == 0);
        REQUIRE(total("chip_bus") == 8 * (10000.0 + 30000.0)); // lockstep: all eight chips
        REQUIRE(total("mem_array_read") == 0);
        // debug, and a bad address inside the unit
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_data_ptr(data.data());
        payload.set_data_length(17);
        payload.set_extension(&r);
        REQUIRE(f.out->transport_dbg(payload) == 17);
        payload.clear_extension(&r);
        r.chip_address = 4090;
        REQUIRE(f.request(tlm::TLM_READ_COMMAND, r, 0, data.data(), 17).status ==
                tlm::TLM_ADDRESS_ERROR_RESPONSE);
        // a broadcast: the stride 0 gives every unit the same bytes
        ChannelRequest all = local(0, 0xFF, 100, 8, 0);
        all.space = memory::AccessSpace::unit;
        data.assign(8, 9);
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, all, 0, data.data(), 8).ok());
        REQUIRE(f.units[0]->memory[107] == 9);
        REQUIRE(f.units[7]->memory[100] == 9);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("leases: times, errors, and an ordinary access which recalls one") {
    ChannelFixture f(dram(), geometry(), 8);
    run_in_thread([&] {
        std::vector<unsigned char> line(64, 5);
        REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, 0, line.data(), 8) ==
                tlm::TLM_COMMAND_ERROR_RESPONSE);
        REQUIRE(f.controller.lease(Rank{0}, Bank{1}, 0xFF) == Picoseconds{0}); // it was closed
        f.write(0, line.data(), 64);
        // the write's data end at 13; precharge t_wr later, the unit may activate t_rp after that
        REQUIRE(f.controller.lease(Rank{0}, Bank{0}, 0x3) == clocks(13 + 6 + 5));
        REQUIRE_THROWS_AS(f.controller.lease(Rank{0}, Bank{0}, 0x2), std::logic_error);
        REQUIRE_THROWS_AS(f.controller.lease(Rank{2}, Bank{0}, 0x2), std::logic_error);
        REQUIRE_THROWS_AS(f.controller.lease(Rank{0}, Bank{0}, 0x100), std::logic_error);
        REQUIRE_THROWS_AS(f.controller.release(Rank{0}, Bank{0}, 0x4), std::logic_error);

        // the unit's first row: activate when granted, t_rcd, t_cl, one burst
        REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, 0, line.data(), 8) == tlm::TLM_OK_RESPONSE);
        REQUIRE(core::now() == clocks(24 + 5 + 5 + 4));
        REQUIRE(line[0] == 5);
        REQUIRE(f.units[2]->access(tlm::TLM_READ_COMMAND, 0, line.data(), 8) ==
                tlm::TLM_COMMAND_ERROR_RESPONSE);

        // recall: unit 0's row may be closed at 24 + t_ras = 40, activate at 24 + t_rc = 46
        wait_until(clocks(39));
        const double array_reads = total("mem_array_read");
        REQUIRE(f.read(f.address(0, 0, 3), line.data(), 64).at == clocks(46 + 5 + 5 + 4));
        REQUIRE(total("mem_array_read") == Approx(array_reads + 1.17 * 8 * 8192));
        // the controller precharges at 46 + t_ras and hands the bank back; t_rc is later than t_rp
        REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, 0, line.data(), 8) == tlm::TLM_OK_RESPONSE);
        REQUIRE(core::now() == clocks(46 + 22 + 5 + 5 + 4));

        f.controller.release(Rank{0}, Bank{0}, 0x3);
        REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, 0, line.data(), 8) ==
                tlm::TLM_COMMAND_ERROR_RESPONSE);
    });
    REQUIRE(f.recorder.refused == 0);
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("leases are refused by a controller that does not share its channel with units") {
    ChannelFixture f(dram(), geometry());
    REQUIRE_THROWS_AS(f.controller.lease(Rank{1}, Bank{0}, 0xFF), std::logic_error);
}

TEST_CASE("a chip without units can be leased and recalled too") {
    modules::ChannelControllerConfig config;
    config.shares_with_units = true;
    ChannelFixture f(dram(), geometry(), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.controller.lease(Rank{1}, Bank{0}, 0xFF);
        const Picoseconds first = f.read(f.address(1, 0, 0), line, 64).end;
        REQUIRE(first == clocks(5 + 5 + 5 + 4)); // the release counts t_rp
        f.controller.release(Rank{1}, Bank{0}, 0xFF);
    });
    REQUIRE(f.auditor.summary() == "");
}
