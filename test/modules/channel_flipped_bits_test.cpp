// SPDX-License-Identifier: Apache-2.0
// `array_write_policy: flipped-bits`: array writes are charged for the bits whose values have changed.
#include "hydravp/core/error.h"
#include "hydravp/modules/memory_channel.h"

#include "channel_fixture.h"
#include "hybrid_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bitset>
#include <map>
#include <random>
#include <utility>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using core::Bank;
using core::Rank;
using memory::ArrayWritePolicy;
using modules::ChannelControllerConfig;
using modules::ChannelRequest;

namespace {

constexpr std::uint32_t row_bytes = 8192; // of a rank

memory::Technology flipping(double set = 13.5, double reset = 19.2) {
    memory::Technology t = pcm();
    t.array_write_policy = ArrayWritePolicy::flipped_bits;
    t.array_set.pj = set;
    t.array_reset.pj = reset;
    return t;
}

ChannelRequest local(std::uint32_t rank, std::uint32_t chips, std::uint64_t address, std::uint32_t bytes,
                     std::size_t stride) {
    ChannelRequest r;
    r.view = modules::DataView::chip_local;
    r.rank = Rank{rank};
    r.chips = chips;
    r.chip_address = address;
    r.bytes_per_chip = bytes;
    r.chip_stride = stride;
    return r;
}

double set() {
    return total("mem_array_bits_set");
}
double reset() {
    return total("mem_array_bits_reset");
}

/// Sum of the accounts of that name below a module.
double total(const sc_core::sc_object& root, const std::string& account) {
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters(root)) {
        sum += meter->total(account);
    }
    return sum;
}

std::uint64_t ones(unsigned char byte) {
    return std::bitset<8>(byte).count();
}

} // namespace

TEST_CASE("only bits that change are paid for when a row is closed, by hand") {
    ChannelFixture f(flipping(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> line(64, 0xFF);
        const auto close = [&] { // opens the next row
            std::vector<unsigned char> other(64);
            f.read(f.address(0, 0, 1), other.data(), 64);
        };
        REQUIRE(f.write(0, line.data(), 64).ok());
        REQUIRE(set() == 0);
        close();
        REQUIRE(set() == 512);
        REQUIRE(reset() == 0);
        REQUIRE(total("mem_array_words") == 32);
        REQUIRE(total("mem_array_write") == Approx(512 * 13.5));

        f.write(0, line.data(), 64); // the same again: words are counted, nothing is programmed
        close();
        REQUIRE(set() + reset() == 512);
        REQUIRE(total("mem_array_words") == 64);
        REQUIRE(total("mem_array_write") == Approx(512 * 13.5));

        std::fill(line.begin(), line.end(), 0x0F);
        f.write(0, line.data(), 64);
        std::fill(line.begin(), line.end(), 0xFF);
        f.write(0, line.data(), 32); // half of it gets its old value back before the row is closed
        close();
        REQUIRE(set() == 512);
        REQUIRE(reset() == 32 * 4);
        REQUIRE(total("mem_array_words") == 96);
        REQUIRE(total("mem_array_write") == Approx(512 * 13.5 + 128 * 19.2));

        const unsigned char byte_in_word[1] = {0x00}; // bits of half a word; the whole word counts as written
        f.write(3, const_cast<unsigned char*>(byte_in_word), 1);
        close();
        REQUIRE(reset() == 128 + 8);
        REQUIRE(total("mem_array_words") == 97);

        std::vector<unsigned char> enables(64, 0);
        enables[10] = enables[63] = 0xFF;
        tlm::tlm_generic_payload payload;
        payload.set_command(tlm::TLM_WRITE_COMMAND);
        payload.set_address(0);
        std::fill(line.begin(), line.end(), 0x00);
        payload.set_data_ptr(line.data());
        payload.set_data_length(64);
        payload.set_streaming_width(64);
        payload.set_byte_enable_ptr(enables.data());
        payload.set_byte_enable_length(64);
        REQUIRE(f.transport(payload).ok());
        close();
        REQUIRE(reset() == 136 + 8 + 4); // 0xFF and 0x0F
        REQUIRE(set() == 512);
        REQUIRE(total("mem_array_words") == 99);

        // The rest of the run: dirty rows are flushed, once.
        std::fill(line.begin(), line.end(), 0x01);
        f.write(f.address(1, 2, 3), line.data(), 64);
        f.channel.flush();
        f.channel.flush();
        REQUIRE(set() == 512 + 64);
        std::fill(line.begin(), line.end(), 0x03); // on from what has been flushed
        f.write(f.address(1, 2, 3), line.data(), 64);
        f.channel.flush();
        REQUIRE(set() == 512 + 128);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("without energies of their own set and reset cost array_write") {
    ChannelFixture f(flipping(0, 0), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> line(64, 0x11);
        f.write(0, line.data(), 64);
        f.channel.flush();
        std::fill(line.begin(), line.end(), 0x80);
        f.write(0, line.data(), 64);
        f.channel.flush();
        REQUIRE(set() == 128 + 64);
        REQUIRE(reset() == 128);
        REQUIRE(total("mem_array_write") == Approx(320 * 16.82));
    });
}

TEST_CASE("times and words are those of modified-words, energy goes to the layer that wrote") {
    memory::Technology plain = pcm();
    ChannelFixture f(flipping(), geometry(), 0, {}, "flipping");
    ChannelFixture g(plain, geometry(), 0, {}, "plain");
    run_in_thread([&] {
        std::mt19937 random(1);
        std::vector<unsigned char> data(300);
        for (int i = 0; i < 300; ++i) {
            std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
            ChannelRequest r;
            r.layer = static_cast<core::LayerId>(i % 2);
            const auto command = i % 3 == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND;
            const std::uint64_t address = random() % (1 << 20);
            const auto bytes = static_cast<std::uint32_t>(1 + random() % 300);
            wait_until(clocks(1000 * i * 2));
            const Picoseconds a = f.request(command, r, address, data.data(), bytes).end;
            wait_until(clocks(1000 * (i * 2 + 1)));
            REQUIRE(g.request(command, r, address, data.data(), bytes).end == a);
        }
        f.channel.flush();
        g.channel.flush();
        REQUIRE(total(f, "mem_array_words") == total(g, "mem_array_words"));
        REQUIRE(total(f, "mem_array_words") > 0);
        REQUIRE(total(f, "mem_array_read") == total(g, "mem_array_read"));
        // Random data on fresh cells: a quarter to a half of the bits of what is written.
        REQUIRE(total(f, "mem_array_bits_set") > 0.2 * 16 * total(f, "mem_array_words"));
        REQUIRE(total(f, "mem_array_bits_set") < 0.55 * 16 * total(f, "mem_array_words"));
        double of_layers = 0;
        double energy = 0;
        for (const core::Meter* meter : core::collect_meters(f)) {
            for (const auto& account : meter->accounts()) {
                if (account.name == "mem_array_write") {
                    REQUIRE(account.unattributed == 0);
                    for (const double layer : account.by_layer) {
                        of_layers += layer;
                    }
                    energy += meter->total("mem_array_write");
                }
            }
        }
        REQUIRE(of_layers == Approx(energy));
        REQUIRE(energy ==
                Approx(13.5 * total(f, "mem_array_bits_set") + 19.2 * total(f, "mem_array_bits_reset")));
    });
}

TEST_CASE("random writes of both views against a memory that compares rows when they are closed") {
    ChannelFixture f(flipping(), geometry(1, 4));
    run_in_thread([&] {
        const memory::Geometry& g = f.channel.geometry();
        // Without refreshes, and one request at a time, a row is closed when another one of its bank is
        // wanted.
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<unsigned char>> cells, buffer;
        std::map<std::uint32_t, std::uint32_t> open;
        std::uint64_t sets = 0;
        std::uint64_t resets = 0;
        const auto value = [](auto& rows, std::uint32_t bank,
                              std::uint32_t row) -> std::vector<unsigned char>& {
            auto& bytes = rows[{bank, row}];
            bytes.resize(row_bytes, 0);
            return bytes;
        };
        const auto close = [&](std::uint32_t bank, std::uint32_t row) {
            std::vector<unsigned char>& old = value(cells, bank, row);
            const std::vector<unsigned char>& now = value(buffer, bank, row);
            for (std::size_t i = 0; i < row_bytes; ++i) {
                sets += ones(now[i] & ~old[i] & 0xFF);
                resets += ones(old[i] & ~now[i] & 0xFF);
            }
            old = now;
        };
        std::mt19937 random(23);
        const auto draw = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
        std::vector<unsigned char> data(row_bytes);
        std::vector<unsigned char> enables(row_bytes);
        bool right = true;
        for (int step = 0; step < 1500; ++step) {
            const std::uint32_t bank = draw(3);
            const std::uint32_t row = draw(g.rows);
            std::vector<unsigned char>& here = value(buffer, bank, row);
            if (open.count(bank) != 0 && open[bank] != row) {
                close(bank, open[bank]);
            }
            open[bank] = row;
            std::generate(data.begin(), data.end(),
                          [&] { return static_cast<unsigned char>(draw(3) == 0 ? 0 : random()); });
            std::generate(enables.begin(), enables.end(),
                          [&] { return static_cast<unsigned char>(draw(3) == 0 ? 0 : 0xFF); });
            const bool write = draw(4) != 0;
            const auto command = write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND;
            const bool enabled = draw(2) == 0;
            if (draw(2) == 0) {
                const std::uint32_t chips = 1 + draw(255);
                const std::uint32_t column = draw(1024);
                const std::uint32_t bytes = 1 + draw(std::min(1024 - column, 100u));
                ChannelRequest r = local(0, chips, f.chip_address(bank, row, column), bytes, bytes);
                tlm::tlm_generic_payload payload;
                payload.set_command(command);
                payload.set_data_ptr(data.data());
                payload.set_data_length(bytes);
                payload.set_streaming_width(bytes);
                payload.set_byte_enable_ptr(enabled ? enables.data() : nullptr);
                payload.set_byte_enable_length(enabled ? bytes * 8 : 0);
                payload.set_extension(&r);
                right &= f.transport(payload).ok();
                payload.clear_extension(&r);
                for (std::uint32_t chip = 0; write && chip < 8; ++chip) {
                    for (std::uint32_t i = 0; (chips >> chip & 1u) != 0 && i < bytes; ++i) {
                        if (!enabled || enables[chip * bytes + i] != 0) {
                            here[(column + i) * 8 + chip] = data[chip * bytes + i];
                        }
                    }
                }
            } else {
                const std::uint32_t byte = draw(row_bytes);
                const std::uint32_t bytes = 1 + draw(std::min(row_bytes - byte, draw(8) == 0 ? 4000u : 80u));
                tlm::tlm_generic_payload payload;
                payload.set_command(command);
                payload.set_address(f.address(0, bank, row, byte));
                payload.set_data_ptr(data.data());
                payload.set_data_length(bytes);
                payload.set_streaming_width(bytes);
                payload.set_byte_enable_ptr(enabled ? enables.data() : nullptr);
                payload.set_byte_enable_length(enabled ? 13 : 0);
                right &= f.transport(payload).ok();
                for (std::uint32_t i = 0; write && i < bytes; ++i) {
                    if (!enabled || enables[i % 13] != 0) {
                        here[byte + i] = data[i];
                    }
                }
            }
            if (step % 50 == 0) {
                right &= set() == static_cast<double>(sets) && reset() == static_cast<double>(resets);
            }
        }
        for (const auto& [bank, row] : open) {
            close(bank, row);
        }
        f.channel.flush();
        REQUIRE(right);
        REQUIRE(set() == static_cast<double>(sets));
        REQUIRE(reset() == static_cast<double>(resets));
        REQUIRE(resets > 100000);
        REQUIRE(total("mem_array_write") ==
                Approx(13.5 * static_cast<double>(sets) + 19.2 * static_cast<double>(resets)));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("what a unit writes counts as well, and recalls split it right") {
    ChannelFixture f(flipping(), geometry(), 1);
    run_in_thread([&] {
        wait_until(f.controller.lease(Rank{0}, Bank{2}, 1));
        std::vector<unsigned char> data(512, 0xFF);
        UnitStub& unit = *f.units[0];
        const std::uint64_t row = f.chip_address(2, 5);
        REQUIRE(unit.access(tlm::TLM_WRITE_COMMAND, row, data.data(), 512) == tlm::TLM_OK_RESPONSE);
        std::fill(data.begin(), data.end(), 0x0F);
        REQUIRE(unit.access(tlm::TLM_WRITE_COMMAND, row, data.data(), 100) == tlm::TLM_OK_RESPONSE);
        REQUIRE(set() == 0);
        unit.access(tlm::TLM_READ_COMMAND, f.chip_address(2, 6), data.data(), 8); // closes the row
        REQUIRE(set() == 412 * 8 + 100 * 4);
        REQUIRE(reset() == 0);
        REQUIRE(total("mem_array_words") == 256);

        // A long transfer is interrupted: what has been written by then is programmed when the channel takes
        // the bank, the channel's own write in that row after it, the rest of the transfer at the end.
        std::fill(data.begin(), data.end(), 0x00);
        bool done = false;
        sc_core::sc_spawn([&] {
            unit.access(tlm::TLM_WRITE_COMMAND, row, data.data(), 512); // 64 bursts of 4 clocks
            done = true;
        });
        wait_for(clocks(60 + 22 + 4 + 100));
        std::vector<unsigned char> line(64, 0xFF);
        REQUIRE(f.write(f.address(0, 2, 5, 4096), line.data(), 64).ok()); // columns 512 to 519 of every chip
        REQUIRE_FALSE(done);
        wait_for(clocks(3000));
        REQUIRE(done);
        f.controller.release(Rank{0}, Bank{2}, 1);
        REQUIRE(set() == 412 * 8 + 100 * 4 + 512);
        REQUIRE(reset() == 412 * 8 + 100 * 4);
        REQUIRE(total("mem_array_words") == 256 + 256 + 32);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("debug transport costs nothing, also in an open row") {
    ChannelFixture f(flipping(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> line(64, 0xFF);
        const auto debug = [&](unsigned char value) {
            std::vector<unsigned char> bytes(64, value);
            tlm::tlm_generic_payload payload;
            payload.set_command(tlm::TLM_WRITE_COMMAND);
            payload.set_address(0);
            payload.set_data_ptr(bytes.data());
            payload.set_data_length(64);
            REQUIRE(f.out->transport_dbg(payload) == 64);
        };
        debug(0xF0); // the loaded image
        f.write(0, line.data(), 64);
        f.write(64, line.data(), 64);
        debug(0x00); // while the row is dirty
        f.channel.flush();
        REQUIRE(set() == 512);
        REQUIRE(reset() == 0);
        f.write(0, line.data(), 64);
        f.channel.flush();
        REQUIRE(set() == 1024);
    });
}

TEST_CASE("a write without data is refused where energy depends on them") {
    ChannelFixture f(flipping(), geometry(), 1);
    run_in_thread([&] {
        unsigned char line[64] = {1};
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, ChannelRequest{}, 0, nullptr, 64).status ==
                tlm::TLM_GENERIC_ERROR_RESPONSE);
        REQUIRE(f.request(tlm::TLM_READ_COMMAND, ChannelRequest{}, 0, nullptr, 64).ok());
        REQUIRE(f.request(tlm::TLM_WRITE_COMMAND, ChannelRequest{}, 0, line, 64).ok());
        f.channel.flush();
        REQUIRE(set() == 1);
        wait_until(f.controller.lease(Rank{0}, Bank{1}, 1));
        REQUIRE(f.units[0]->access(tlm::TLM_WRITE_COMMAND, f.chip_address(1, 0), nullptr, 8) ==
                tlm::TLM_GENERIC_ERROR_RESPONSE);
        REQUIRE(f.units[0]->access(tlm::TLM_READ_COMMAND, f.chip_address(1, 0), nullptr, 8) ==
                tlm::TLM_OK_RESPONSE);
    });
}

TEST_CASE("timing mode refuses flipped-bits") {
    modules::HybridMemoryConfig config = small_hybrid();
    config.pcm.technology.array_write_policy = ArrayWritePolicy::flipped_bits;
    REQUIRE_THROWS_WITH(modules::HybridMemoryController("controller", config, 0, false),
                        Catch::Contains("pcm: energy.array_write_policy: found flipped-bits"));
}

TEST_CASE("a hybrid memory's DRAM and PCM may have policies of their own") {
    modules::HybridMemoryConfig config = small_hybrid();
    config.pcm.technology.array_write_policy = ArrayWritePolicy::flipped_bits;
    HybridFixture f(config);
    run_in_thread([&] {
        std::vector<unsigned char> line(64, 0x01);
        for (const std::uint64_t address : {std::uint64_t{0}, f.controller.address_map().pcm_base}) {
            AtInitiator::Transaction& t =
                f.initiator.access(tlm::TLM_WRITE_COMMAND, address, line.data(), 64);
            f.initiator.wait_for(t);
            REQUIRE(t.payload->is_response_ok());
        }
        for (const auto& channel : f.channels) {
            channel->flush();
        }
        REQUIRE(total("pcm_array_bits_set") == 64);
        REQUIRE(total("pcm_array_write") == Approx(64 * 16.82));
        REQUIRE(total("dram_array_bits_set") == 0);
        REQUIRE(total("dram_array_write") == Approx(512 * 0.39));
    });
    REQUIRE(f.violations() == "");
}
