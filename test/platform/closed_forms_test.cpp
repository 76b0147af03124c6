// SPDX-License-Identifier: Apache-2.0
// Every memory in configs/memory, driven alone: its times are those that follow from its parameters by hand.
#include "hydravp/core/time.h"
#include "hydravp/memory/channel.h"
#include "hydravp/memory/clock_grid.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/platform/config_reader.h"

#include "at_initiator.h"
#include "command_tap.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using memory::CommandKind;
using memory::Technology;

namespace {

constexpr auto read_command = tlm::TLM_READ_COMMAND;
constexpr auto write_command = tlm::TLM_WRITE_COMMAND;
constexpr Picoseconds none{0};

struct RigOptions {
    Picoseconds latency{};   ///< of the controller
    bool refresh = false;    ///< as the technology says; false: none
    std::uint32_t ranks = 0; ///< 0: as the file says
    bool mapping = false;    ///< of the file, in its shape; false: rank, bank and row as `Rig::address` says
};

/// One channel of a memory file, its controller, and an initiator.
class Rig : public sc_core::sc_module {
public:
    const std::string memory;
    const Technology t;
    const memory::Geometry g;
    test::AtInitiator initiator{"initiator"};
    modules::ChannelController controller;
    test::CommandTap tap{"tap"};
    memory::Channel channel;

    Rig(const sc_core::sc_module_name& name, const modules::MemoryConfig& config, const RigOptions& options)
        : sc_core::sc_module(name),
          memory(config.technology.name),
          t(times_of(config.technology, options)),
          g(shape_of(config.geometry, options)),
          controller("controller", controller_config(config, options), t, g),
          channel("channel", t, g, "mem", "bus"),
          line_(std::size_t{g.row_bytes} * g.chips_per_rank),
          latency_(memory::align_up(options.latency, t.t_ck)) {
        initiator.socket.bind(controller.front);
        controller.channel.bind(tap.front);
        tap.back.bind(channel.commands);
        initiator.on_response = [this](test::AtInitiator::Transaction& transaction) {
            ++responses;
            last_response = transaction.responded;
            if (recycles_) {
                initiator.recycle(transaction);
            }
        };
    }

    std::size_t responses = 0;
    Picoseconds last_response{};

    std::uint32_t access_bytes() const { return g.burst_bytes() * g.chips_per_rank; }
    Picoseconds burst() const { return t.burst_time(); }
    /// From acceptance to the first command.
    Picoseconds latency() const { return latency_; }
    bool same_group(std::size_t a, std::size_t b) const {
        return a / g.banks_per_group() == b / g.banks_per_group();
    }
    /// A bank of another group, if there is one; a bank of the same group as bank 0 is 1.
    std::uint32_t other_group() const { return g.bank_groups > 1 ? g.banks_per_group() : 2; }

    std::uint64_t address(std::uint32_t rank, std::uint32_t bank, std::uint32_t row,
                          std::uint32_t burst = 0) const {
        const std::uint64_t index = (std::uint64_t{row} * g.ranks + rank) * g.banks + bank;
        return index * g.row_bytes * g.chips_per_rank + std::uint64_t{burst} * access_bytes();
    }

    /// Begins an access of one burst, or more.
    test::AtInitiator::Transaction& post(tlm::tlm_command command, std::uint64_t address,
                                         std::uint32_t bursts = 1) {
        return initiator.access(command, address, line_.data(), bursts * access_bytes());
    }
    /// Begins one of many accesses of a burst, which nobody waits for.
    void post_once(tlm::tlm_command command, std::uint64_t address, std::uint32_t bursts = 1) {
        recycles_ = true;
        post(command, address, bursts);
    }
    /// An access into the idle memory; returns its latency.
    Picoseconds access(tlm::tlm_command command, std::uint64_t address, std::uint32_t bursts = 1) {
        settle();
        recycles_ = false;
        test::AtInitiator::Transaction& transaction = post(command, address, bursts);
        initiator.wait_for(transaction);
        return transaction.end();
    }
    /// Waits until all posted accesses are complete.
    void wait_for_all(std::size_t posted) {
        while (responses < posted) {
            sc_core::wait(initiator.responded());
        }
    }
    /// Waits until no rule remembers a command; ends at a clock edge. Forgets what the tap has seen.
    void settle() {
        const Picoseconds longest = 4 * (t.t_rc + t.t_faw + t.t_wl + t.t_cl + t.t_wr + burst());
        core::wait_until(memory::align_up(core::now() + longest, t.t_ck));
        tap.commands.clear();
        responses = 0;
    }

private:
    static Technology times_of(Technology technology, const RigOptions& options) {
        technology.t_refi = options.refresh ? technology.t_refi : none;
        return technology;
    }
    static memory::Geometry shape_of(memory::Geometry geometry, const RigOptions& options) {
        geometry.ranks = options.ranks != 0 ? options.ranks : geometry.ranks;
        return geometry;
    }
    static modules::ChannelControllerConfig controller_config(const modules::MemoryConfig& memory,
                                                              const RigOptions& options) {
        modules::ChannelControllerConfig config;
        config.latency = options.latency;
        config.keep_data = false;
        config.starvation_limit = Picoseconds{1'000'000'000'000}; // order is the rules' alone
        config.address_mapping = options.mapping ? memory.address_mapping : "";
        return config;
    }

    std::vector<unsigned char> line_;
    const Picoseconds latency_;
    bool recycles_ = false;
};

/// Runs `check` with every memory, one after the other.
void with_every_memory(const RigOptions& options, const std::function<void(Rig&)>& check) {
    namespace fs = std::filesystem;
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    std::vector<std::unique_ptr<Rig>> rigs;
    for (const auto& entry : fs::directory_iterator(configs + "memory")) {
        const modules::MemoryConfig config =
            platform::load_config_with_memory(configs + "hydra.yaml", entry.path().string()).memory.dram;
        const std::string name = "rig" + std::to_string(rigs.size());
        rigs.push_back(std::make_unique<Rig>(name.c_str(), config, options));
    }
    REQUIRE(rigs.size() >= 7);
    test::run_in_thread([&] {
        for (const auto& rig : rigs) {
            CAPTURE(rig->memory);
            check(*rig);
        }
    });
}

RigOptions with_latency() {
    RigOptions options;
    options.latency = Picoseconds{5000};
    return options;
}

RigOptions with_refresh() {
    RigOptions options = with_latency();
    options.refresh = true;
    options.ranks = 1;
    return options;
}

} // namespace

TEST_CASE("unloaded latencies of closed, open and wrong rows") {
    with_every_memory(with_latency(), [](Rig& rig) {
        const Technology& t = rig.t;
        const Picoseconds read = rig.latency() + t.t_cl + rig.burst();
        const Picoseconds write = rig.latency() + t.t_wl + rig.burst();
        CHECK(rig.access(read_command, rig.address(0, 0, 0)) == read + t.t_rcd);
        CHECK(rig.access(read_command, rig.address(0, 0, 0, 1)) == read);
        CHECK(rig.access(read_command, rig.address(0, 0, 1)) == read + t.t_rp + t.t_rcd);
        CHECK(rig.access(write_command, rig.address(0, 1, 0)) == write + t.t_rcd);
        CHECK(rig.access(write_command, rig.address(0, 1, 0, 1)) == write);
        CHECK(rig.access(write_command, rig.address(0, 1, 1)) == write + t.t_rp + t.t_rcd);
    });
}

TEST_CASE("an access of a whole row moves a burst per column cycle") {
    with_every_memory(with_latency(), [](Rig& rig) {
        const Technology& t = rig.t;
        const std::uint32_t bursts = rig.g.bursts_per_row();
        const Picoseconds opened = rig.latency() + t.t_rcd + (bursts - 1) * std::max(t.t_ccd, t.t_ccd_l);
        CHECK(rig.access(read_command, rig.address(0, 0, 0), bursts) == opened + t.t_cl + rig.burst());
        CHECK(rig.access(write_command, rig.address(0, 1, 0), bursts) == opened + t.t_wl + rig.burst());
    });
}

TEST_CASE("a stream of lines of 64 bytes reaches the full bandwidth") {
    // With the mapping of the memory's file: neighbouring bursts lie in different bank groups, so that
    // t_ccd_l does not count. The rows of the first burst of each group are open, all others are opened in
    // time.
    RigOptions options = with_latency();
    options.mapping = true;
    with_every_memory(options, [](Rig& rig) {
        const Technology& t = rig.t;
        const std::uint32_t per_line = std::max(64 / rig.access_bytes(), 1u);
        const std::uint32_t lines = rig.g.bursts_per_row() * rig.g.banks * rig.g.ranks * 2 / per_line;
        rig.settle();
        for (std::uint32_t line = 0; line < rig.g.bank_groups; ++line) {
            rig.access(read_command, std::uint64_t{line} * per_line * rig.access_bytes(), per_line);
        }
        rig.settle();
        const Picoseconds begin = core::now();
        for (std::uint32_t line = 0; line < lines; ++line) {
            rig.post_once(read_command, std::uint64_t{line} * per_line * rig.access_bytes(), per_line);
        }
        rig.wait_for_all(lines);
        const Picoseconds time = rig.last_response - begin;
        // The bus turns to another rank once per row of all banks.
        const std::int64_t turns = 2 * rig.g.ranks - 1;
        const std::int64_t further = std::int64_t{lines} * per_line - 1;
        CHECK(time == rig.latency() + t.t_cl + rig.burst() + further * t.t_ccd +
                          turns * t.t_rtrs * (rig.g.ranks > 1));
    });
}

TEST_CASE("without a mapping of its own a memory has bursts of one group next to each other") {
    // What the mapping of the memory's file avoids: the stream of a row has t_ccd_l between its bursts.
    with_every_memory(with_latency(), [](Rig& rig) {
        const Technology& t = rig.t;
        const std::uint32_t bursts = rig.g.bursts_per_row();
        rig.access(read_command, rig.address(0, 0, 0));
        rig.settle();
        const Picoseconds begin = core::now();
        for (std::uint32_t n = 0; n < bursts; ++n) {
            rig.post_once(read_command, rig.address(0, 0, 0, n));
        }
        rig.wait_for_all(bursts);
        CHECK(rig.last_response - begin ==
              rig.latency() + t.t_cl + rig.burst() + (bursts - 1) * std::max(t.t_ccd, t.t_ccd_l));
    });
}

TEST_CASE("a stream of single bursts goes from row to row without a pause") {
    // A row is opened while the queue's other bursts of the row before are read. With bank groups the first
    // bursts of a row in another group may go between those of the row before, so that the stream is faster:
    // at best a burst per t_ccd.
    RigOptions options = with_latency();
    options.ranks = 1;
    with_every_memory(options, [](Rig& rig) {
        const Technology& t = rig.t;
        const std::uint32_t per_row = rig.g.bursts_per_row();
        const std::uint32_t rows = 2 * rig.g.banks + 1;
        const Picoseconds column = std::max(t.t_ccd, t.t_ccd_l);
        REQUIRE(t.t_rp + t.t_rcd < 32 * column); // the queue looks ahead far enough
        rig.settle();
        const Picoseconds begin = core::now();
        for (std::uint32_t n = 0; n < rows * per_row; ++n) {
            rig.post_once(read_command, std::uint64_t{n} * rig.access_bytes());
        }
        rig.wait_for_all(std::size_t{rows} * per_row);
        const Picoseconds unloaded = begin + rig.latency() + t.t_rcd + t.t_cl + rig.burst();
        const std::int64_t further = std::int64_t{rows} * per_row - 1;
        if (rig.g.bank_groups == 1) {
            CHECK(rig.last_response == unloaded + further * t.t_ccd);
        } else {
            CHECK(rig.last_response <= unloaded + further * column);
            CHECK(rig.last_response >= unloaded + further * t.t_ccd);
        }
    });
}

TEST_CASE("a stream from one row with refreshes") {
    // From a refresh on, all follows from the rules: the row is closed as soon as it may be, refreshed,
    // opened and read until the next refresh is due.
    with_every_memory(with_refresh(), [](Rig& rig) {
        const Technology& t = rig.t;
        const Picoseconds column = std::max(t.t_ccd, t.t_ccd_l);
        const Picoseconds interval = t.t_refi.count() > 0 ? t.t_refi : Picoseconds{10'000'000};
        constexpr int intervals = 60;
        const std::int64_t reads = intervals * (interval / column);
        const std::int64_t now = core::now() / interval;
        core::wait_until(memory::align_up(now * interval + interval * 3 / 2, t.t_ck)); // rows are closed
        rig.settle();
        const Picoseconds begin = core::now();
        for (std::int64_t n = 0; n < reads; ++n) {
            rig.post_once(read_command, rig.address(0, 0, 0));
        }
        rig.wait_for_all(static_cast<std::size_t>(reads));

        Picoseconds activate = begin + rig.latency();
        std::int64_t left = reads;
        std::int64_t refreshes = 0;
        Picoseconds last{};
        for (Picoseconds due = (begin / interval + 1) * interval; left > 0; due += interval) {
            const Picoseconds first = activate + t.t_rcd;
            std::int64_t fit = (due - first + column - Picoseconds{1}) / column; // before the refresh is due
            fit = t.t_refi.count() > 0 ? std::min(fit, left) : left;
            last = first + (fit - 1) * column;
            left -= fit;
            const Picoseconds precharge = std::max({due, last + t.t_rtp, activate + t.t_ras});
            activate = memory::align_up(precharge + t.t_rp + t.t_rfc, t.t_ck);
            refreshes += left > 0 ? 1 : 0;
        }
        CHECK(rig.last_response == last + t.t_cl + rig.burst());
        CHECK((t.t_refi.count() == 0 || refreshes >= intervals));
    });
}

TEST_CASE("a stream through the memory with refreshes") {
    // A refresh costs its time, the closing and opening of a row, and at most the wait for the row to be
    // closed (t_ras) and the activate of the next row, which may go first. With bank groups as above.
    with_every_memory(with_refresh(), [](Rig& rig) {
        const Technology& t = rig.t;
        const Picoseconds column = std::max(t.t_ccd, t.t_ccd_l);
        const Picoseconds interval = t.t_refi.count() > 0 ? t.t_refi : Picoseconds{10'000'000};
        const std::int64_t reads = 40 * (interval / t.t_ccd);
        rig.settle();
        const Picoseconds begin = core::now();
        for (std::int64_t n = 0; n < reads; ++n) {
            rig.post_once(read_command, static_cast<std::uint64_t>(n) * rig.access_bytes());
        }
        rig.wait_for_all(static_cast<std::size_t>(reads));
        const Picoseconds time = rig.last_response - begin;
        const std::int64_t refreshes =
            t.t_refi.count() > 0 ? rig.last_response / t.t_refi - begin / t.t_refi : 0;
        const Picoseconds unloaded = rig.latency() + t.t_rcd + t.t_cl + rig.burst();
        const Picoseconds refresh = t.t_rp + t.t_rfc + t.t_rcd;
        CHECK(time <= unloaded + (reads - 1) * column +
                          refreshes * (refresh + t.t_ras + std::max(t.t_rrd, t.t_rrd_l)));
        CHECK(time >= unloaded + (reads - 1) * t.t_ccd + (refreshes - 1) * (refresh - column));
        CHECK((t.t_refi.count() == 0 || refreshes >= 40));
    });
}

TEST_CASE("one bank, another row every time") {
    with_every_memory(with_latency(), [](Rig& rig) {
        const Technology& t = rig.t;
        const auto check = [&](tlm::tlm_command command, Picoseconds column_to_precharge,
                               Picoseconds to_end) {
            constexpr std::uint32_t accesses = 100;
            const Picoseconds cycle =
                std::max(t.t_rc, std::max(t.t_ras, t.t_rcd + column_to_precharge) + t.t_rp);
            rig.settle();
            rig.access(read_command, rig.address(0, 0, 0)); // every access closes a row
            rig.settle();
            const Picoseconds begin = core::now();
            for (std::uint32_t n = 0; n < accesses; ++n) {
                rig.post_once(command, rig.address(0, 0, 1 + n));
            }
            rig.wait_for_all(accesses);
            CHECK(rig.last_response - begin ==
                  rig.latency() + t.t_rp + (accesses - 1) * cycle + t.t_rcd + to_end + rig.burst());
        };
        check(read_command, t.t_rtp, t.t_cl);
        check(write_command, t.t_wl + rig.burst() + t.t_wr, t.t_wl);
    });
}

TEST_CASE("activates are t_rrd apart, four in t_faw, t_rrd_l within a bank group") {
    with_every_memory({}, [](Rig& rig) {
        const Technology& t = rig.t;
        const auto check = [&](const std::vector<std::uint32_t>& banks) {
            static std::uint32_t row = 0;
            ++row;
            rig.settle();
            for (const std::uint32_t bank : banks) { // close what is open
                rig.access(read_command, rig.address(0, bank, 2 * row));
            }
            rig.settle();
            for (const std::uint32_t bank : banks) {
                rig.post(read_command, rig.address(0, bank, 2 * row + 1));
            }
            rig.wait_for_all(banks.size());
            std::set<Picoseconds> slots; // of the command bus that precharges and reads have taken
            std::map<std::size_t, Picoseconds> closed_at;
            std::vector<test::CommandTap::Command> activates;
            for (const test::CommandTap::Command& command : rig.tap.commands) {
                if (command.kind == CommandKind::activate) {
                    activates.push_back(command);
                } else {
                    slots.insert(command.time);
                }
                if (command.kind == CommandKind::precharge) {
                    closed_at[command.bank] = command.time;
                }
            }
            REQUIRE(activates.size() == banks.size());
            for (std::size_t i = 1; i < activates.size(); ++i) {
                Picoseconds expected = activates[i - 1].time + t.t_rrd;
                for (std::size_t j = 0; j < i; ++j) {
                    if (rig.same_group(activates[j].bank, activates[i].bank)) {
                        expected = std::max(expected, activates[j].time + t.t_rrd_l);
                    }
                }
                const auto closed = closed_at.find(activates[i].bank);
                if (closed != closed_at.end()) {
                    expected = std::max(expected, closed->second + t.t_rp);
                }
                if (i >= 4) {
                    expected = std::max(expected, activates[i - 4].time + t.t_faw);
                }
                expected = memory::align_up(expected, t.t_ck);
                while (slots.count(expected) != 0) {
                    expected += t.t_ck;
                }
                CAPTURE(i, activates[i].bank);
                CHECK(activates[i].time == expected);
            }
        };
        std::vector<std::uint32_t> all;
        const std::uint32_t per_group = rig.g.banks_per_group();
        for (std::uint32_t i = 0; i < per_group; ++i) { // from group to group
            for (std::uint32_t group = 0; group < rig.g.bank_groups; ++group) {
                all.push_back(group * per_group + i);
            }
        }
        check(all);
        if (rig.g.bank_groups > 1) {
            check({0, 1, 2, 3});
        }
    });
}

TEST_CASE("column commands of different banks, and the turns of the data bus") {
    with_every_memory({}, [](Rig& rig) {
        const Technology& t = rig.t;
        const Picoseconds read_data = t.t_cl + rig.burst();
        const Picoseconds write_data = t.t_wl + rig.burst();
        for (const std::uint32_t bank : {0u, 1u, rig.other_group()}) {
            rig.access(read_command, rig.address(0, bank, 0));
        }
        const auto distance = [&](tlm::tlm_command first, std::uint32_t first_bank, tlm::tlm_command second,
                                  std::uint32_t second_bank, std::uint32_t second_rank = 0) {
            rig.settle();
            rig.post(first, rig.address(0, first_bank, 0, 0));
            sc_core::wait(core::to_sc_time(t.t_ck)); // the first has gone
            rig.post(second, rig.address(second_rank, second_bank, 0, 1));
            rig.wait_for_all(2);
            REQUIRE(rig.tap.commands.size() == 2);
            return rig.tap.commands[1].time - rig.tap.commands[0].time;
        };
        const auto in_group = [&](Picoseconds any, Picoseconds within, std::uint32_t bank) {
            return rig.same_group(0, bank) ? std::max(any, within) : any;
        };
        for (const std::uint32_t bank : {0u, 1u, rig.other_group()}) {
            CAPTURE(bank);
            const Picoseconds spacing = in_group(t.t_ccd, t.t_ccd_l, bank);
            CHECK(distance(read_command, 0, read_command, bank) == spacing);
            CHECK(distance(write_command, 0, write_command, bank) == spacing);
            CHECK(distance(read_command, 0, write_command, bank) ==
                  std::max(t.t_ccd, read_data + t.t_rtrs - t.t_wl));
            CHECK(distance(write_command, 0, read_command, bank) ==
                  std::max({t.t_ccd, write_data + in_group(t.t_wtr, t.t_wtr_l, bank),
                            write_data + t.t_rtrs - t.t_cl}));
        }
        if (rig.g.ranks > 1) {
            rig.access(read_command, rig.address(1, 0, 0));
            const auto to_other_rank = [&](tlm::tlm_command first, tlm::tlm_command second) {
                return distance(first, 0, second, 0, 1);
            };
            const Picoseconds ck = t.t_ck; // one command at a time
            CHECK(to_other_rank(read_command, read_command) == std::max(ck, rig.burst() + t.t_rtrs));
            CHECK(to_other_rank(write_command, write_command) == std::max(ck, rig.burst() + t.t_rtrs));
            CHECK(to_other_rank(read_command, write_command) == std::max(ck, read_data + t.t_rtrs - t.t_wl));
            CHECK(to_other_rank(write_command, read_command) == std::max(ck, write_data + t.t_rtrs - t.t_cl));
        }
    });
}
