// SPDX-License-Identifier: Apache-2.0
//
// The scheduler, driven without SystemC as the benchmarks do, makes the commands that the controller makes.
#include "bare_core.h"

#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/platform/config_reader.h"

#include "command_recorder.h"
#include "saturating_initiator.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;

namespace {

using Change = std::function<void(modules::ChannelControllerConfig&)>;

std::uint64_t count_commands(const modules::ChannelStatistics& statistics) {
    std::uint64_t count = 0;
    for (const modules::BankStatistics& bank : statistics.banks) {
        count += bank.activates + bank.precharges + bank.reads + bank.writes + bank.refreshes;
    }
    for (const modules::RankStatistics& rank : statistics.ranks) {
        count += rank.refreshes;
    }
    return count;
}

/// Compares every command of both, over every load one after the other.
void compare(
    const std::string& memory_file, const Change& change = [](auto&) {}) {
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    modules::HybridMemoryConfig config =
        platform::load_config_with_memory(configs + "hydra.yaml", configs + "memory/" + memory_file).memory;
    config.controller.keep_data = false;
    config.controller.forwarding = false;
    config.controller.address_mapping = config.dram.address_mapping;
    change(config.controller);
    const memory::Technology& technology = config.dram.technology;
    const memory::Geometry& geometry = config.dram.geometry;

    bench::SaturatingInitiator initiator("initiator");
    modules::ChannelController controller("controller", config.controller, technology, geometry);
    CommandRecorder recorder("recorder");
    memory::Channel channel("channel", technology, geometry, "dram", "channel");
    initiator.socket.bind(controller.front);
    controller.channel.bind(recorder.front);
    recorder.back.bind(channel.commands);
    bench::BareCore core(config.controller, technology, geometry);
    std::vector<memory::CommandExtension> commands;
    core.on_command = [&commands](const memory::CommandExtension& command) { commands.push_back(command); };

    for (const std::uint32_t bytes : {64U, 8192U, 96U}) {
        for (const auto& [random_share, read_share] :
             {std::pair(0.0, 1.0), std::pair(1.0, 1.0), std::pair(0.5, 0.7)}) {
            CAPTURE(bytes, random_share, read_share);
            workloads::SyntheticTrafficConfig load;
            load.capacity = geometry.channel_bytes();
            load.bytes = bytes;
            load.random_share = random_share;
            load.read_share = read_share;
            workloads::SyntheticTraffic traffic(load), same_traffic(load);
            const std::uint64_t accesses = bytes == 8192 ? 400 : 8000;
            initiator.run(traffic, accesses);
            core.run(same_traffic, accesses);
            REQUIRE(core.now() == initiator.end());
            controller.statistics(); // makes it issue the commands up to this moment
            REQUIRE(recorder.history.size() > accesses / 2);
            REQUIRE(commands.size() == recorder.history.size());
            REQUIRE(core.commands() == count_commands(controller.statistics()));
            for (std::size_t i = 0; i < commands.size(); ++i) {
                const memory::CommandExtension& a = commands[i];
                const memory::CommandExtension& b = recorder.history[i];
                const bool same = a.kind == b.kind && a.rank == b.rank && a.issued == b.issued &&
                                  a.last_issued == b.last_issued;
                const bool of_bank = b.kind != memory::CommandKind::refresh;
                const bool ends = b.kind != memory::CommandKind::precharge; // t_rc may be longer than t_rp
                if (!same || (of_bank && a.bank != b.bank) || (ends && a.data_end != b.data_end)) {
                    CAPTURE(i, a.issued.count(), b.issued.count());
                    FAIL("command " << i << " differs");
                }
            }
            commands.clear();
            recorder.history.clear();
        }
    }
}

} // namespace

TEST_CASE("the bare core makes the controller's commands on a DDR3 channel") {
    compare("ddr3-1600.yaml");
}
TEST_CASE("the bare core makes the controller's commands with bank groups") {
    compare("ddr4-2400.yaml");
}
TEST_CASE("the bare core makes the controller's commands to a PCM") {
    compare("isscc2012-pcm.yaml");
}
TEST_CASE("the bare core makes the controller's commands in order and with closed pages") {
    compare("ddr3-1600.yaml", [](modules::ChannelControllerConfig& c) {
        c.scheduling = modules::SchedulingPolicy::fcfs;
        c.page_policy = modules::PagePolicy::closed;
    });
}
TEST_CASE("the bare core makes the controller's commands with refreshes bank by bank") {
    compare("lpddr4-3200.yaml",
            [](modules::ChannelControllerConfig& c) { c.refresh = modules::RefreshMode::per_bank; });
}
