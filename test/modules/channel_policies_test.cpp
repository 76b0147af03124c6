// SPDX-License-Identifier: Apache-2.0
// The policies of a channel controller: scheduling, pages, refresh, mapping of addresses.
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/modules/presets.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using modules::AddressMapping;
using modules::ChannelControllerConfig;
using modules::PagePolicy;
using modules::SchedulingPolicy;

namespace {

ChannelControllerConfig with_pages(PagePolicy policy, Picoseconds timeout = {}) {
    ChannelControllerConfig config;
    config.page_policy = policy;
    config.page_timeout = timeout;
    return config;
}

/// Posts all, and returns the time at which the last of them is complete.
Picoseconds play(ChannelFixture& f, const std::vector<std::uint64_t>& addresses, double write_share = 0) {
    std::mt19937 random(5);
    static unsigned char line[64];
    std::vector<AtInitiator::Transaction*> all;
    for (const std::uint64_t address : addresses) {
        const bool write = random() % 1000 < write_share * 1000;
        all.push_back(&f.post(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address, line, 64));
    }
    Picoseconds last{};
    for (AtInitiator::Transaction* t : all) {
        f.initiator.wait_for(*t);
        last = std::max(last, t->responded);
    }
    return last;
}

} // namespace

TEST_CASE("FCFS serves strictly in the order of arrival") {
    ChannelControllerConfig config;
    config.scheduling = SchedulingPolicy::fcfs;
    ChannelFixture f(refreshed_dram(), geometry(), 0, config);
    std::mt19937 random(3);
    std::vector<std::uint64_t> addresses;
    for (int i = 0; i < 400; ++i) {
        addresses.push_back(f.address(random() % 2, random() % 4, random() % 3, random() % 128 * 64));
    }
    run_in_thread([&] { play(f, addresses, 0.3); });
    std::vector<std::uint64_t> served;
    for (const memory::CommandExtension& c : f.recorder.history) {
        if (c.kind == CommandKind::read || c.kind == CommandKind::write) {
            served.push_back(f.address(static_cast<std::uint32_t>(c.rank.value()),
                                       static_cast<std::uint32_t>(c.bank.value()),
                                       static_cast<std::uint32_t>(c.row.value()), c.column * 8));
        }
    }
    REQUIRE(served == addresses);
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("FCFS is never faster than FR-FCFS on hits between conflicts") {
    ChannelControllerConfig config;
    ChannelFixture ready(dram(), geometry(), 0, config, "fr_fcfs");
    config.scheduling = SchedulingPolicy::fcfs;
    ChannelFixture strict(dram(), geometry(), 0, config, "fcfs");
    run_in_thread([&] {
        for (const std::uint32_t banks : {1u, 2u, 4u}) {
            std::vector<std::uint64_t> addresses; // two rows of every bank, in turn
            for (std::uint32_t i = 0; i < 24; ++i) {
                addresses.push_back(ready.address(0, i / 2 % banks, i % 2, i * 64));
            }
            const auto time = [&](ChannelFixture& f) {
                wait_for(clocks(1000));
                const Picoseconds begin = core::now();
                return play(f, addresses) - begin;
            };
            const Picoseconds by_order = time(strict);
            CAPTURE(banks);
            REQUIRE(time(ready) < by_order);
        }
    });
    REQUIRE(ready.auditor.summary() + strict.auditor.summary() == "");
}

TEST_CASE("closed pages: an access finds its bank closed, whatever its row") {
    ChannelFixture f(dram(), geometry(), 0, with_pages(PagePolicy::closed));
    run_in_thread([&] {
        unsigned char line[64] = {};
        const Picoseconds read = clocks(5 + 5 + 4);
        REQUIRE(f.read(0, line, 64).end == read);
        wait_for(clocks(100));
        REQUIRE(f.read(64, line, 64).end == read); // the same row
        wait_for(clocks(100));
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).end == read); // another one
        wait_for(clocks(100));
        REQUIRE(f.write(f.address(0, 0, 2), line, 64).end == clocks(5 + 4 + 4));
        wait_for(clocks(100));
        REQUIRE(f.recorder.count(CommandKind::precharge) == 4);
        // as early as the rules let it: t_ras after the read's activate, t_wr after the write's data
        std::vector<Picoseconds> open;
        for (const memory::CommandExtension& c : f.recorder.history) {
            if (c.kind == CommandKind::activate) {
                open.push_back(c.issued);
            } else if (c.kind == CommandKind::precharge) {
                open.back() = c.issued - open.back();
            }
        }
        REQUIRE(open == std::vector<Picoseconds>{clocks(16), clocks(16), clocks(16), clocks(5 + 4 + 4 + 6)});
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("closed pages: a row that somebody in the queue wants stays open") {
    ChannelFixture f(dram(), geometry(), 0, with_pages(PagePolicy::closed));
    run_in_thread([&] {
        std::vector<std::uint64_t> addresses;
        for (std::uint32_t i = 0; i < 20; ++i) {
            addresses.push_back(i * 64);
        }
        play(f, addresses);
        wait_for(clocks(100));
        REQUIRE(f.recorder.count(CommandKind::activate) == 1);
        REQUIRE(f.recorder.count(CommandKind::precharge) == 1);
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("pages with a timeout are closed exactly after it") {
    const Picoseconds timeout = clocks(120);
    ChannelFixture f(dram(), geometry(), 0, with_pages(PagePolicy::timeout, timeout));
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.read(0, line, 64);
        wait_for(clocks(60));
        REQUIRE(f.read(64, line, 64).end == clocks(5 + 4)); // still open, and open for longer
        const Picoseconds access = f.recorder.last(CommandKind::read).issued;
        wait_for(timeout + clocks(20));
        REQUIRE(f.recorder.count(CommandKind::precharge) == 1);
        REQUIRE(f.recorder.last(CommandKind::precharge).issued == access + timeout);
        REQUIRE(f.read(128, line, 64).end == clocks(5 + 5 + 4));
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("postponed refreshes are at most eight, and all of them are paid") {
    const memory::Technology t = refreshed_dram();
    ChannelControllerConfig config;
    config.postponed_refreshes = 8;
    ChannelFixture f(t, geometry(1), 0, config);
    run_in_thread([&] {
        const auto refreshes = [&] {
            return static_cast<std::int64_t>(f.recorder.count(CommandKind::refresh));
        };
        const auto owed = [&] { return core::now() / t.t_refi - refreshes(); };
        std::int64_t most = 0;
        std::uint64_t address = 0;
        static unsigned char line[64];
        std::vector<AtInitiator::Transaction*> under_way;
        const auto keep_busy = [&](Picoseconds until) { // the rank never idles
            while (core::now() < until) {
                under_way.push_back(&f.post(tlm::TLM_READ_COMMAND, address, line, 64));
                address = (address + 64) % 8192;
                if (under_way.size() == 16) {
                    f.initiator.wait_for(*under_way.front());
                    f.initiator.recycle(*under_way.front());
                    under_way.erase(under_way.begin());
                }
                most = std::max(most, owed());
            }
        };
        keep_busy(5 * t.t_refi);
        REQUIRE(refreshes() == 0);
        keep_busy(14 * t.t_refi + t.t_refi / 2);
        REQUIRE(refreshes() >= 5);
        REQUIRE(most >= 8);
        REQUIRE(most <= 9); // for the moment before the ninth goes
        for (AtInitiator::Transaction* transaction : under_way) {
            f.initiator.wait_for(*transaction);
        }
        const Picoseconds idle = core::now();
        const std::int64_t to_pay = owed();
        REQUIRE(to_pay == 7); // the first has gone behind the last read
        wait_for(t.t_rfc / 2);
        REQUIRE(owed() == to_pay);                // one at a time
        const auto delayed = f.read(0, line, 64); // goes before those that are still owed
        REQUIRE(delayed.end <= t.t_rfc + clocks(5 + 5 + 4));
        wait_for(10 * (t.t_rfc + clocks(10)));
        REQUIRE(owed() == 0); // paid one after the other as soon as the rank idles
        REQUIRE(f.recorder.last(CommandKind::refresh).issued <=
                idle + delayed.end + to_pay * (t.t_rfc + clocks(20)));
        wait_until(20 * t.t_refi + clocks(10));
        REQUIRE(owed() == 0);
        REQUIRE(f.recorder.last(CommandKind::refresh).issued == 20 * t.t_refi); // when it is due
    });
    REQUIRE(f.auditor.summary() == "");
}

TEST_CASE("rows a power of two apart lie in different banks") {
    const memory::Geometry g = geometry(2, 64);
    const AddressMapping plain(g, "row rank bank column offset");
    const AddressMapping combined(g, "row rank bank^row column offset");
    REQUIRE(plain.is_default());
    REQUIRE_FALSE(combined.is_default());
    for (std::uint64_t distance = 1; distance < 16; distance *= 2) {
        const std::uint64_t bytes = distance * 2 * 16 * 8192; // from row to row
        for (std::uint64_t row = 0; row < 64; row += 2 * distance) {
            const std::uint64_t a = row * 2 * 16 * 8192;
            REQUIRE(plain.place(a).bank == plain.place(a + bytes).bank);
            REQUIRE(combined.place(a).bank != combined.place(a + bytes).bank);
        }
    }
}

TEST_CASE("a field without a number has the bits that are left") {
    const memory::Geometry g = geometry(2, 64);
    REQUIRE(AddressMapping(g, "row rank bank column offset").is_default());
    const AddressMapping cut(g, "row bank2 rank column3 bank column offset");
    const AddressMapping numbered(g, "row6 bank2 rank1 column3 bank2 column4 offset6");
    for (std::uint64_t address = 0; address < g.channel_bytes(); address += 4093 * 7) {
        REQUIRE(cut.place(address).bank == numbered.place(address).bank);
        REQUIRE(cut.place(address).row_byte == numbered.place(address).row_byte);
        REQUIRE(cut.place(address).row == numbered.place(address).row);
    }
    REQUIRE_THROWS_WITH(AddressMapping(g, "row rank bank column"),
                        Catch::Contains("found 0 bits of offset, expected 6"));
    REQUIRE_THROWS_WITH(AddressMapping(g, "row rank bank5 column offset"),
                        Catch::Contains("found 5 bits of bank, expected 4"));
}

TEST_CASE("a place leads back to its address, whatever the mapping") {
    memory::Geometry g = geometry(2, 64);
    g.bank_groups = 4;
    std::mt19937_64 random(1);
    for (const char* fields : {"", "row rank bank column offset", "row rank bank^row column offset",
                               "row3 column3 bankgroup^row rank^row row bank column offset",
                               "row bank2 rank column3 bankgroup column offset",
                               "rank row2 column row bank1 bankgroup bank offset"}) {
        const AddressMapping map(g, fields);
        bool right = true;
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t address = random() % g.channel_bytes();
            right &= map.address(map.place(address)) == address;
        }
        CHECK(right);
    }
}

TEST_CASE("policies that cannot work are refused") {
    const auto refused = [](const modules::HybridMemoryConfig& config, const std::string& message) {
        REQUIRE_THROWS_WITH(modules::check_hybrid_memory("m", config), Catch::Contains(message));
    };
    modules::HybridMemoryConfig config = modules::hydra_memory();
    REQUIRE_NOTHROW(modules::check_hybrid_memory("m", config));
    config.controller.address_mapping = "row rank bank column offset"; // the default
    config.pcm.address_mapping = "row bank rank column offset";        // carries no units
    REQUIRE_NOTHROW(modules::check_hybrid_memory("m", config));
    config.controller.address_mapping = "row bank rank column offset";
    refused(config, "m: dram: address_mapping: found 'row bank rank column offset', expected");
    REQUIRE_NOTHROW(modules::check_channel("m", config.dram, config.controller));
    config.controller.address_mapping = "row bank column";
    refused(config, "found 0 bits of rank, expected 1");
    config = modules::hydra_memory();
    config.controller.postponed_refreshes = 9;
    refused(config, "postponed_refreshes: found 9, expected at most 8");
    config.controller.postponed_refreshes = 8;
    config.controller.refresh = modules::RefreshMode::per_bank;
    refused(config, "refresh: found per-bank, expected all-banks beside near-memory units");
    config.controller.refresh = modules::RefreshMode::all_banks;
    config.controller.power_down_after = clocks(10);
    refused(config, "power_down_after: found a time, expected 0 beside near-memory units");
}

TEST_CASE("with any mapping every byte is read back at its address") {
    memory::Geometry g = geometry(2, 64);
    g.bank_groups = 4;
    const std::vector<std::string> mappings{"row rank bank^row column offset",
                                            "row rank^row bank2 column bankgroup2^row offset",
                                            "row3 column4 bank row rank column bankgroup offset"};
    std::vector<std::unique_ptr<ChannelFixture>> fixtures;
    for (const std::string& mapping : mappings) {
        ChannelControllerConfig config;
        config.address_mapping = mapping;
        fixtures.push_back(std::make_unique<ChannelFixture>(
            dram(), g, 0, config, ("fixture" + std::to_string(fixtures.size())).c_str()));
    }
    run_in_thread([&] {
        for (const auto& f : fixtures) {
            std::mt19937 random(9);
            std::map<std::uint64_t, unsigned char> content;
            std::vector<unsigned char> data(20000);
            for (int i = 0; i < 200; ++i) {
                const auto bytes = static_cast<std::uint32_t>(1 + random() % (i % 10 == 0 ? 20000 : 300));
                const std::uint64_t address = random() % (g.channel_bytes() - bytes);
                for (std::uint32_t n = 0; n < bytes; ++n) {
                    content[address + n] = data[n] = static_cast<unsigned char>(random());
                }
                REQUIRE(f->write(address, data.data(), bytes).ok());
            }
            for (auto byte = content.begin(); byte != content.end();) {
                auto end = byte;
                std::uint32_t bytes = 0;
                for (; end != content.end() && end->first == byte->first + bytes && bytes < data.size();
                     ++end) {
                    ++bytes;
                }
                REQUIRE(f->read(byte->first, data.data(), bytes).ok());
                const std::uint64_t first = byte->first;
                for (; byte != end; ++byte) {
                    if (data[byte->first - first] != byte->second) { // a check each takes long
                        REQUIRE(byte->first == 0);
                    }
                }
            }
            // the same bytes by the debug interface
            tlm::tlm_generic_payload payload;
            payload.set_command(tlm::TLM_READ_COMMAND);
            payload.set_address(content.begin()->first);
            payload.set_data_ptr(data.data());
            payload.set_data_length(1);
            payload.set_streaming_width(1);
            REQUIRE(f->out->transport_dbg(payload) == 1);
            REQUIRE(data[0] == content.begin()->second);
            REQUIRE(f->auditor.summary() == "");
        }
    });
}
