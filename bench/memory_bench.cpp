// SPDX-License-Identifier: Apache-2.0
//
// Requests per CPU second of one DDR3-1600 channel behind its AT socket, with refresh: a stream, random
// accesses, and a mixture of both with 70 % reads, each in lines of 64 bytes and in rows of 8 KiB. Beside it
// the bare core of the controller under the same load, batch by batch in turn, so that both see the same
// machine. `sim_ns` is the simulated time of a request, the same for both: a core that makes other commands
// or ends at another time is an error.
#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/platform/config_reader.h"

#include "bare_core.h"
#include "saturating_initiator.h"

#include <benchmark/benchmark.h>
#include <systemc>

#include <cstdint>
#include <ctime>
#include <string>
#include <tuple>

using namespace hydravp;

namespace {

/// Two ranks of DDR3-1600K, 4 Gb x8, as `hydravp replay` has them.
modules::HybridMemoryConfig ddr3() {
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    modules::HybridMemoryConfig config =
        platform::load_config_with_memory(configs + "hydra.yaml", configs + "memory/ddr3-1600.yaml").memory;
    config.controller.keep_data = false;  // times only, as the simulators have it with which users compare
    config.controller.forwarding = false; // of data, which the bare core has none of
    return config;
}

struct Machine {
    const modules::HybridMemoryConfig config = ddr3();
    const modules::MemoryConfig& memory = config.dram;
    bench::SaturatingInitiator initiator{"initiator"};
    modules::ChannelController controller{"controller", config.controller, memory.technology,
                                          memory.geometry};
    memory::Channel channel{"channel", memory.technology, memory.geometry, "dram", "channel"};
    bench::BareCore core{config.controller, memory.technology, memory.geometry};

    Machine() {
        initiator.socket.bind(controller.front);
        controller.channel.bind(channel.commands);
    }
    std::uint64_t commands() {
        std::uint64_t count = 0;
        for (const modules::BankStatistics& bank : controller.statistics().banks) {
            count += bank.activates + bank.precharges + bank.reads + bank.writes;
        }
        for (const modules::RankStatistics& rank : controller.statistics().ranks) {
            count += rank.refreshes;
        }
        return count;
    }
};

Machine& machine() {
    static auto* one = new Machine; // SystemC's modules live as long as the process
    return *one;
}

double cpu_s() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void requests(benchmark::State& state, std::uint32_t bytes, double random_share, double read_share) {
    const std::uint64_t batch = 1280000 / bytes;
    Machine& m = machine();
    workloads::SyntheticTrafficConfig load;
    load.capacity = m.memory.geometry.channel_bytes();
    load.bytes = bytes;
    load.random_share = random_share;
    load.read_share = read_share;
    workloads::SyntheticTraffic traffic(load), same_traffic(load);
    const core::Picoseconds begin = m.initiator.end(), core_begin = m.core.now();
    double socket_s = 0, core_s = 0;
    std::uint64_t count = 0;
    for (auto _ : state) {
        const double start = cpu_s();
        m.initiator.run(traffic, batch);
        const double middle = cpu_s();
        m.core.run(same_traffic, batch);
        core_s += cpu_s() - middle;
        socket_s += middle - start;
        state.SetIterationTime(middle - start);
        count += batch;
        if (m.initiator.end() != m.core.now() || m.commands() != m.core.commands()) {
            state.SkipWithError("the bare core makes other commands than the controller");
            return;
        }
    }
    const auto requests = static_cast<double>(count);
    const auto sim_ns = [requests](core::Picoseconds time) {
        return static_cast<double>(time.count()) / 1e3 / requests;
    };
    state.SetItemsProcessed(static_cast<std::int64_t>(count));
    state.SetBytesProcessed(static_cast<std::int64_t>(count * bytes));
    state.counters["core_items_per_second"] = requests / core_s;
    state.counters["of_core"] = core_s / socket_s;
    state.counters["sim_ns"] = sim_ns(m.initiator.end() - begin);
    state.counters["core_sim_ns"] = sim_ns(m.core.now() - core_begin);
}

} // namespace

int sc_main(int argc, char** argv) {
    machine();
    for (const std::uint32_t bytes : {64U, 8192U}) {
        const std::string size = bytes == 64 ? "64 B" : "8 KiB";
        for (const auto& [name, random_share, read_share] :
             {std::tuple("stream", 0.0, 1.0), std::tuple("random", 1.0, 1.0),
              std::tuple("mixed", 0.5, 0.7)}) {
            benchmark::RegisterBenchmark((name + (' ' + size)).c_str(), requests, bytes, random_share,
                                         read_share)
                ->UseManualTime();
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
