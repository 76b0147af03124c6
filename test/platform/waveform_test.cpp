// SPDX-License-Identifier: Apache-2.0
// The waveform of a run must tell the same story as its figures.
#include "hydravp/platform/waveform.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config.h"
#include "hydravp/platform/config_reader.h"

#include "vcd_reader.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

using namespace hydravp;
using Catch::Contains;
using hydravp::test::VcdReader;
namespace fs = std::filesystem;

namespace {

namespace command {
constexpr int none = 0, activate = 1, precharge = 2, read = 3, write = 4, refresh = 5;
}
namespace bank {
constexpr int open = 1, leased = 2;
}
namespace unit_state {
constexpr int compute = 3, pool = 5;
}

platform::PlatformConfig config(std::vector<std::string> overrides = {}) {
    overrides.insert(overrides.begin(), "pcm.ranks=1");
    return platform::load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", overrides);
}

/// One frame of a small network without data, traced.
struct Run {
    std::string path =
        (fs::temp_directory_path() / ("hydravp_waveform_" + std::to_string(getpid()) + ".vcd")).string();
    platform::RunResults results;

    explicit Run(const platform::PlatformConfig& machine, platform::TraceOptions trace = {}) {
        platform::RunOptions options;
        options.network = HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx";
        options.functional = false;
        trace.file = path;
        options.trace = trace;
        results = platform::run(machine, options);
    }
    ~Run() { fs::remove(path); }

    std::int64_t busy_ps(const std::string& account) const {
        return std::llround(results.total.busy_ms.at(account) * 1e9);
    }
};

bool active(double value) {
    return value > 0;
}

/// Changes of the state of all banks of a channel's ranks to `state`.
std::size_t bank_changes_to(const VcdReader& vcd, const std::string& channel, int state) {
    std::size_t count = 0;
    for (const auto& [name, signal] : vcd.signals()) {
        if (name.rfind(channel + ".rank", 0) == 0 && name.find("_state") != std::string::npos) {
            count += vcd.times_of(name, state).size();
        }
    }
    return count;
}

} // namespace

TEST_CASE("a waveform agrees with the figures of its run") {
    const platform::PlatformConfig machine = config();
    const Run run(machine); // one run for all checks: SystemC elaborates once per process
    const VcdReader vcd(run.path);
    const auto& dram = machine.memory.dram;
    const std::int64_t t_ccd = dram.technology.t_ccd.count();

    { // values change
        for (const char* name : {"bus.busy",
                                 "link.down_busy",
                                 "link.interrupt",
                                 "controller.layer",
                                 "controller.queued_layers",
                                 "controller.interrupt",
                                 "controller.weight_streamer.staged_bytes",
                                 "controller.accumulation.state",
                                 "controller.accumulation.pass",
                                 "dram.command",
                                 "dram.data_bus",
                                 "dram.rank0.bank0_state",
                                 "dram.rank0.bank1_row",
                                 "dram.rank1.bank0_leased_chips",
                                 "dram.rank0.chip0.bus",
                                 "dram.rank1.chip7.bus",
                                 "pcm0.command",
                                 "pcm3.data_bus",
                                 "pcm0.rank0.bank0_row",
                                 "hydra0.state",
                                 "hydra0.tiles_filled",
                                 "hydra0.weight_buffer_bytes",
                                 "hydra15.passes_waiting",
                                 "hydra15.lanes_busy",
                                 "energy_mj.hydra_mac",
                                 "energy_mj.dram_background"}) {
            CAPTURE(name);
            CHECK(vcd[std::string("platform.") + name].changes.size() > 0);
        }
    }
    { // the command bus
        std::vector<std::int64_t> columns = vcd.times_of("platform.dram.command", command::read);
        const std::vector<std::int64_t> writes = vcd.times_of("platform.dram.command", command::write);
        CHECK(!columns.empty());
        CHECK(!writes.empty());
        columns.insert(columns.end(), writes.begin(), writes.end());
        CHECK(static_cast<std::int64_t>(columns.size()) * t_ccd == run.busy_ps("channel"));
        std::sort(columns.begin(), columns.end());
        std::int64_t closest = run.busy_ps("channel");
        for (std::size_t i = 1; i < columns.size(); ++i) {
            closest = std::min(closest, columns[i] - columns[i - 1]);
        }
        CHECK(closest == t_ccd);
        CHECK(vcd.times_of("platform.dram.command", command::activate).size() ==
              bank_changes_to(vcd, "platform.dram", bank::open));
        const double refreshes =
            static_cast<double>(vcd.times_of("platform.dram.command", command::refresh).size());
        CHECK(refreshes == Approx(2.0 * static_cast<double>(vcd.end()) /
                                  static_cast<double>(dram.technology.t_refi.count()))
                               .margin(3));
        const std::int64_t pulse = dram.technology.t_ck.count() / 2;
        vcd.for_each_stretch("platform.dram.command", [&](std::int64_t from, std::int64_t to, double value) {
            if (value != command::none && to - from != pulse) {
                FAIL("a command of " << to - from << " ps at " << from);
            }
        });
        CHECK(vcd.times_of("platform.dram.command", command::precharge).size() > 0);
        CHECK(bank_changes_to(vcd, "platform.dram", bank::leased) > 0);
    }
    { // the data buses
        CHECK(vcd.time_in("platform.dram.data_bus", active) == run.busy_ps("channel"));
        std::int64_t busiest = 0;
        for (int i = 0; i < 4; ++i) {
            const std::string channel = fmt::format("platform.pcm{}", i);
            const std::int64_t busy = vcd.time_in(channel + ".data_bus", active);
            CHECK(static_cast<std::int64_t>(vcd.times_of(channel + ".command", command::read).size()) *
                      machine.memory.pcm.technology.t_ccd.count() ==
                  busy);
            busiest = std::max(busiest, busy);
        }
        CHECK(busiest == run.busy_ps("pcm"));
    }
    { // the chips' buses
        std::int64_t busiest = 0;
        for (std::uint32_t i = 0; i < machine.hydra.units; ++i) {
            const std::string bus = fmt::format("platform.dram.rank{}.chip{}.bus", i / 8, i % 8);
            busiest = std::max(busiest, vcd.time_in(bus, active));
        }
        CHECK(busiest == run.busy_ps("chip_bus"));
    }
    { // the units
        std::int64_t busiest_mac = 0;
        std::int64_t busiest_pool = 0;
        std::int64_t lane_time = 0;
        for (std::uint32_t i = 0; i < machine.hydra.units; ++i) {
            const std::string unit = fmt::format("platform.hydra{}", i);
            const std::int64_t busy = vcd.time_in(unit + ".lanes_busy", active);
            CHECK(busy ==
                  vcd.time_in(unit + ".state", [](double state) { return state == unit_state::compute; }));
            busiest_mac = std::max(busiest_mac, busy);
            busiest_pool = std::max(busiest_pool, vcd.time_in(unit + ".state", [](double state) {
                return state == unit_state::pool;
            }));
            vcd.for_each_stretch(unit + ".lanes_busy", [&](std::int64_t from, std::int64_t to, double lanes) {
                lane_time += (to - from) * static_cast<std::int64_t>(lanes);
            });
            // Everything is back where it began.
            CHECK(vcd[unit + ".state"].changes.back().second == 0);
            CHECK(vcd[unit + ".tiles_filled"].changes.back().second == 0);
            CHECK(vcd[unit + ".weight_buffer_bytes"].changes.back().second == 0);
            CHECK(vcd[unit + ".passes_waiting"].changes.back().second == 0);
        }
        CHECK(busiest_mac == run.busy_ps("mac"));
        CHECK(busiest_pool == run.busy_ps("pool"));
        CHECK(lane_time == static_cast<std::int64_t>(run.results.macs) * machine.hydra.step_time().count());
    }
    { // the layers
        const std::size_t layers = run.results.layers.size();
        std::vector<double> numbers;
        for (const auto& [time, layer] : vcd["platform.controller.layer"].changes) {
            if (layer != VcdReader::unknown) {
                numbers.push_back(layer);
            }
        }
        std::vector<double> expected(layers);
        std::iota(expected.begin(), expected.end(), 0.0);
        CHECK(numbers == expected);
        CHECK(vcd.times_of("platform.controller.interrupt", 1).size() == layers);
        CHECK(vcd.times_of("platform.link.interrupt", 1).size() == layers);
        const auto& energy = vcd["platform.energy_mj.hydra_mac"].changes;
        CHECK(energy.back().second == Approx(run.results.total.energy_mj.at("hydra_mac")));
    }
}

TEST_CASE("a waveform shows the window and the signals that were asked for") {
    platform::TraceOptions trace;
    trace.from = core::Picoseconds{20'000'000};
    trace.to = core::Picoseconds{40'000'000};
    trace.patterns = {"platform.hydra0.*", "*.command"};
    const Run run(config(), trace);
    const VcdReader vcd(run.path);
    CHECK(vcd.begin() == 20'000'000);
    CHECK(vcd.end() == 40'000'000);
    CHECK(vcd.signals().size() == 5 + 5); // a unit's, and a command bus for the DRAM and each PCM channel
    CHECK(vcd["platform.hydra0.state"].changes.size() > 0);
    CHECK(vcd["platform.dram.command"].changes.size() > 0);
}

TEST_CASE("a machine with ideal transfers can be traced") {
    const Run run(config({"transfers=ideal"}));
    const VcdReader vcd(run.path);
    CHECK(vcd.time_in("platform.hydra0.lanes_busy", active) > 0);
    CHECK(vcd["platform.dram.command"].changes.empty()); // commands take no time
    CHECK(vcd.time_in("platform.dram.rank0.chip0.bus", active) == 0);
}

TEST_CASE("a pattern that matches no signal is an error that names those near to it") {
    platform::TraceOptions trace;
    trace.patterns = {"*.command", "platform.hydar0.state"};
    try {
        const Run run(config(), trace);
        FAIL("no exception");
    } catch (const core::InputError& e) {
        CHECK_THAT(e.what(), Contains("'platform.hydar0.state'") && Contains("platform.hydra0.state"));
    }
}
