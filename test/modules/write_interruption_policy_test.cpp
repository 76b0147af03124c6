// SPDX-License-Identifier: Apache-2.0
// Pausing and cancelling array writes: the policy, its controller and its channel together.
#include "hydravp/modules/channel_controller.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/modules/presets.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using modules::ChannelControllerConfig;
using modules::PagePolicy;
using modules::WriteInterruption;

namespace {

ChannelControllerConfig with(WriteInterruption interruption, PagePolicy pages = PagePolicy::open) {
    ChannelControllerConfig config;
    config.write_interruption = interruption;
    config.page_policy = pages;
    config.forwarding = false;
    return config;
}

/// From activate to last data.
constexpr int access = 22 + 5 + 4;

/// Time of the activate for a read that comes so many clocks after the array write was begun.
int activate_after(WriteInterruption interruption, int arrival) {
    const int end = std::max(60, arrival);
    switch (interruption) {
    case WriteInterruption::none:
        return end;
    case WriteInterruption::pause: // the next border, behind a command slot for the pause
        return arrival <= 45 ? std::max(15 * std::max(1, (arrival + 14) / 15), arrival + 1) : end;
    case WriteInterruption::cancel:
        return arrival < 45 ? arrival + 1 : end;
    }
    return end;
}

} // namespace

TEST_CASE("latency of a read that comes during an array write") {
    const memory::Technology technology = interruptible_pcm();
    std::vector<std::unique_ptr<ChannelFixture>> fixtures;
    const WriteInterruption all[] = {WriteInterruption::none, WriteInterruption::pause,
                                     WriteInterruption::cancel};
    for (const WriteInterruption interruption : all) {
        for (const bool stepping : {false, true}) {
            ChannelControllerConfig config = with(interruption, PagePolicy::closed);
            config.command_by_command = stepping;
            fixtures.push_back(std::make_unique<ChannelFixture>(
                technology, geometry(1, 64), 0, config, ("f" + std::to_string(fixtures.size())).c_str()));
        }
    }
    run_in_thread([&] {
        for (std::size_t i = 0; i < fixtures.size(); ++i) {
            ChannelFixture& f = *fixtures[i];
            for (int arrival = 1; arrival <= 70; ++arrival) {
                unsigned char line[64] = {1}, other[64] = {};
                f.write(f.address(0, 3, 0), line, 64);
                // closed as soon as t_wr allows, six clocks after the data
                const Picoseconds begun = core::now() + clocks(6);
                wait_until(begun + clocks(arrival));
                const auto read = f.read(f.address(0, 3, 1), other, 64);
                CAPTURE(i, arrival);
                REQUIRE(read.at - begun == clocks(activate_after(all[i / 2], arrival) + access));
                wait_for(clocks(1000)); // the write goes on by itself
            }
        }
    });
    for (const auto& f : fixtures) {
        f->auditor.finish();
        CHECK(f->auditor.summary() == "");
        CHECK(f->recorder.delayed == 0);
        CHECK(f->recorder.refused == 0);
        CHECK(f->recorder.count(CommandKind::resume_write) ==
              f->recorder.count(CommandKind::pause_write) + f->recorder.count(CommandKind::cancel_write));
    }
    CHECK(fixtures[0]->recorder.count(CommandKind::resume_write) == 0);
    CHECK(fixtures[2]->recorder.count(CommandKind::pause_write) == 45);
    CHECK(fixtures[4]->recorder.count(CommandKind::cancel_write) == 44);
    CHECK(fixtures[2]->controller.statistics().banks[3].write_pauses == 45);
    CHECK(fixtures[4]->controller.statistics().banks[3].write_cancellations == 44);
}

namespace {

/// A row is written, closed for a read of another, and that read interrupts it at once. Returns when a read
/// of the written row, which comes soon after, is done, from the precharge, and checks the energy of the
/// writes.
Picoseconds row_written_again(WriteInterruption interruption, double writes) {
    ChannelFixture f(interruptible_pcm(), geometry(1, 64), 0, with(interruption));
    Picoseconds end{};
    run_in_thread([&] {
        unsigned char line[64] = {7}, first[64] = {}, second[64] = {};
        f.write(f.address(0, 0, 0), line, 64);
        wait_until(clocks(100)); // the precharge
        auto& other = f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, 1), first, 64);
        wait_until(clocks(103));
        auto& same = f.post(tlm::TLM_READ_COMMAND, f.address(0, 0, 0), second, 64);
        f.initiator.wait_for(same);
        REQUIRE(other.done);
        REQUIRE(second[0] == 7);
        end = same.responded - clocks(100);
        wait_for(clocks(1000));
    });
    f.auditor.finish();
    CHECK(f.auditor.summary() == "");
    CHECK(total("mem_array_words") == 32);
    CHECK(total("mem_array_write") == Approx(16.82 * 64 * 8 * writes));
    return end;
}

} // namespace

TEST_CASE("without interruptions the row being written is opened after the other one has been") {
    // 60 of writing, t_rcd..., t_ras of the other row and its closing
    CHECK(row_written_again(WriteInterruption::none, 1) == clocks(60 + 36 + 60 + access));
}
TEST_CASE("a paused write goes on behind the reads, and its row can be opened when it is done") {
    // paused at 15, the other row open for t_ras, 45 left
    CHECK(row_written_again(WriteInterruption::pause, 1) == clocks(15 + 36 + 45 + access));
}
TEST_CASE("a cancelled write begins anew, and what it has done is charged too") {
    // cancelled at 1, activate at 2, t_ras, all 60 again
    CHECK(row_written_again(WriteInterruption::cancel, 1 + 1.0 / 60) == clocks(2 + 36 + 60 + access));
}

TEST_CASE("a memory without iterations lets reads wait") {
    ChannelFixture f(pcm(), geometry(1, 64), 0, with(WriteInterruption::pause));
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.write(f.address(0, 0, 0), line, 64);
        wait_until(clocks(100));
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).end == clocks(60 + access));
    });
    REQUIRE(f.recorder.count(CommandKind::pause_write) == 0);
}

TEST_CASE("reading a clean row's neighbour takes all of t_rp") {
    ChannelFixture f(interruptible_pcm(), geometry(1, 64), 0, with(WriteInterruption::cancel));
    run_in_thread([&] {
        unsigned char line[64] = {};
        f.read(f.address(0, 0, 0), line, 64);
        wait_until(clocks(100));
        REQUIRE(f.read(f.address(0, 0, 1), line, 64).end == clocks(60 + access));
    });
    REQUIRE(f.recorder.count(CommandKind::cancel_write) == 0);
}

TEST_CASE("a write is done within the starvation limit and a row cycle, however many reads come") {
    memory::Technology technology = interruptible_pcm();
    technology.write_cancel_threshold = 1; // it would begin anew for ever
    ChannelControllerConfig config = with(WriteInterruption::cancel, PagePolicy::closed);
    config.starvation_limit = clocks(800);
    ChannelFixture f(technology, geometry(1, 64), 0, config);
    run_in_thread([&] {
        unsigned char line[64] = {3}, other[64] = {};
        f.write(f.address(0, 0, 0), line, 64);
        for (std::uint32_t i = 0; i < 200; ++i) {
            f.read(f.address(0, 0, 1 + i % 50), other, 64);
        }
        f.read(f.address(0, 0, 0), other, 64);
        REQUIRE(other[0] == 3);
        wait_for(clocks(1000));
    });
    Picoseconds begun{-1}, done{};
    std::size_t cancelled = 0;
    for (const memory::CommandExtension& c : f.recorder.history) {
        if (c.kind == CommandKind::precharge && begun < Picoseconds{0}) {
            begun = c.issued;
        } else if (c.kind == CommandKind::cancel_write) {
            ++cancelled;
            CHECK(c.issued - begun <= config.starvation_limit);
        } else if (c.kind == CommandKind::resume_write) {
            done = c.data_end;
        }
    }
    CHECK(cancelled > 5);
    CHECK(done - begun <= config.starvation_limit + technology.t_ras + technology.t_rp + clocks(8));
    f.auditor.finish();
    CHECK(f.auditor.summary() == "");
}

TEST_CASE("interruptions that cannot work are refused") {
    modules::HybridMemoryConfig config = modules::hydra_memory();
    config.controller.write_interruption = WriteInterruption::pause;
    REQUIRE_NOTHROW(modules::check_hybrid_memory("m", config)); // units in the DRAM, which has no such writes
    const auto refused = [](const modules::MemoryConfig& memory, const ChannelControllerConfig& controller,
                            const std::string& message) {
        REQUIRE_THROWS_WITH(modules::check_channel("m", memory, controller), Catch::Contains(message));
    };
    config.pcm.technology.write_iterations = 4;
    ChannelControllerConfig controller = config.controller;
    REQUIRE_NOTHROW(modules::check_channel("m", config.pcm, controller));
    controller.shares_with_units = true;
    refused(config.pcm, controller, "write_interruption: found pause or cancel, expected none beside");
    controller.shares_with_units = false;
    controller.scheduling = modules::SchedulingPolicy::fcfs;
    refused(config.pcm, controller, "expected none with scheduling: fcfs");
    config.pcm.technology.t_refi = clocks(3120);
    config.pcm.technology.t_rfc = clocks(104);
    refused(config.pcm, config.controller, "timing.write_iterations: found array writes that can be");
    config.pcm.technology.write_iterations = 0;
    refused(config.pcm, config.controller, "timing.write_iterations: found 0, expected");
}

// ------------------------------------------------------------------------------------------- random loads

namespace {

using Line = std::tuple<std::int64_t, int, std::uint32_t, std::uint32_t, std::int64_t>;

/// Reads and writes of few rows; the same by a controller that catches up and one that works command by
/// command.
void random_load(ChannelControllerConfig config, int accesses, unsigned seed) {
    std::vector<std::vector<Line>> commands;
    std::vector<double> energies;
    std::vector<std::unique_ptr<ChannelFixture>> fixtures;
    for (const bool stepping : {false, true}) {
        config.command_by_command = stepping;
        fixtures.push_back(std::make_unique<ChannelFixture>(interruptible_pcm(), geometry(2, 8), 0, config,
                                                            stepping ? "stepping" : "catching_up"));
    }
    std::size_t bad = 0;
    const auto drive = [&](ChannelFixture& f) {
        std::mt19937_64 random(seed);
        struct Flight {
            std::vector<unsigned char> data, expected;
            AtInitiator::Transaction* transaction = nullptr;
        };
        std::vector<unsigned char> golden(f.channel.geometry().channel_bytes());
        std::vector<std::unique_ptr<Flight>> flights;
        for (int n = 0; n < accesses; ++n) {
            auto flight = std::make_unique<Flight>();
            const auto bytes = static_cast<std::uint32_t>(1 + random() % (random() % 40 == 0 ? 9000 : 128));
            std::uint64_t address = f.address(random() % 2, random() % 3, random() % 5, random() % 8000);
            address = random() % 5 == 0 ? random() % 512 : std::min(address, golden.size() - bytes);
            const bool write = random() % 2 == 0;
            flight->data.resize(bytes);
            const auto first = golden.begin() + static_cast<std::ptrdiff_t>(address);
            if (write) {
                std::generate(flight->data.begin(), flight->data.end(),
                              [&] { return static_cast<unsigned char>(random()); });
                std::copy(flight->data.begin(), flight->data.end(), first);
            } else {
                flight->expected = {first, first + bytes};
            }
            flight->transaction = &f.post(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address,
                                          flight->data.data(), bytes);
            flights.push_back(std::move(flight));
            if (random() % 3 == 0) {
                wait_for(clocks(static_cast<std::int64_t>(random() % 120)));
            }
        }
        for (const auto& flight : flights) {
            f.initiator.wait_for(*flight->transaction);
            bad += !flight->transaction->payload->is_response_ok();
            bad += !flight->expected.empty() && flight->expected != flight->data;
        }
        wait_for(clocks(2000));
    };
    run_in_thread([&] {
        bool done = false;
        sc_core::sc_event other_done;
        sc_core::sc_spawn([&] {
            drive(*fixtures[1]);
            done = true;
            other_done.notify();
        });
        drive(*fixtures[0]);
        if (!done) {
            sc_core::wait(other_done);
        }
    });
    REQUIRE(bad == 0);
    for (const auto& f : fixtures) {
        f->auditor.finish();
        CHECK(f->auditor.summary() == "");
        CHECK(f->checker.summary() == "");
        CHECK(f->checker.unfinished() == 0);
        CHECK(f->recorder.delayed == 0);
        CHECK(f->recorder.refused == 0);
        std::vector<Line> lines;
        for (const memory::CommandExtension& c : f->recorder.history) {
            lines.emplace_back(c.issued.count(), static_cast<int>(c.kind), c.rank.value(), c.bank.value(),
                               c.data_end.count());
        }
        commands.push_back(std::move(lines));
        double energy = 0;
        for (const core::Meter* meter : core::collect_meters(*f)) {
            energy += meter->total("mem_array_write");
        }
        energies.push_back(energy);
        CHECK(f->recorder.count(CommandKind::resume_write) ==
              f->recorder.count(CommandKind::pause_write) + f->recorder.count(CommandKind::cancel_write));
        CHECK(f->recorder.count(CommandKind::resume_write) > 50);
    }
    REQUIRE(commands[0] == commands[1]);
    REQUIRE(energies[0] == Approx(energies[1]));
}

} // namespace

TEST_CASE("random loads keep every rule and return what was written: pauses") {
    random_load(with(WriteInterruption::pause), 6000, 1);
}
TEST_CASE("random loads keep every rule and return what was written: cancellations, closed pages") {
    random_load(with(WriteInterruption::cancel, PagePolicy::closed), 6000, 2);
}
TEST_CASE(
    "random loads keep every rule and return what was written: pauses, impatient, batches, forwarding") {
    ChannelControllerConfig config = with(WriteInterruption::pause, PagePolicy::timeout);
    config.page_timeout = clocks(40);
    config.starvation_limit = clocks(300);
    config.fairness = modules::Fairness::batch;
    config.forwarding = true;
    config.latency = Picoseconds{12'345};
    random_load(config, 6000, 3);
}
