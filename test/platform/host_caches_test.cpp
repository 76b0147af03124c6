// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/error.h"
#include "hydravp/platform/inference.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/workloads/quantizer.h"

#include "inference_rig.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

using namespace hydravp;
using platform::Inference;
using test::simulate;
using test::small_platform;

namespace {

core::Network small_network() {
    core::Network net;
    net.name = "small";
    net.input = {16, 16, 16};
    net.layers.push_back(test::conv("conv1", net.input, core::network_input, 32, 3, 1, 1));
    net.layers.push_back(test::pool("pool1", net.layers[0].out, 0, true, 2, 2, 0));
    net.layers.push_back(test::conv("conv2", net.layers[1].out, 1, 32, 3, 1, 1));
    net.layers.push_back(test::fully_connected("fc", net.layers[2].out, 2, 10));
    net.validate();
    return net;
}

/// One frame of the small network.
struct Rig : test::InferenceRig {
    std::function<void()> before, after; ///< run by the host around the frame

    explicit Rig(const platform::PlatformConfig& with, const char* name = "platform")
        : InferenceRig(small_network(), with, 7, name) {
        Inference::Callbacks callbacks;
        callbacks.input = [this](std::uint64_t) {
            if (before) {
                before();
            }
            return input;
        };
        callbacks.frame_done = [this](std::uint64_t) {
            if (after) {
                after();
            }
        };
        install(callbacks);
    }

    bool bit_exact() const { return agreement() == 1; }
    core::Picoseconds latency() const { return inference->frames().front().latency(); }
    double events(const std::string& account) const {
        double sum = 0;
        for (const auto& cache : machine->l1d) {
            sum += cache->meter().total(account);
        }
        for (const auto& load : machine->load) {
            sum += load->meter().total(account);
        }
        return sum + machine->l2.meter().total(account);
    }
};

/// The longest that one line of somebody else can keep a memory channel from its own work: the present row is
/// closed, the line's is opened, moved over with two turns of the bus, closed, and the first one is opened
/// again; a leased bank is taken from the units and given back besides.
core::Picoseconds longest_disturbance(const memory::Technology& t) {
    const core::Picoseconds closing = t.t_ras + t.t_wr + t.t_rp;
    const core::Picoseconds opening = t.t_rrd + t.t_rcd;
    const core::Picoseconds moving = std::max(t.t_cl, t.t_wl) + t.t_ccd + t.t_wtr + 2 * t.t_rtrs;
    return 2 * (closing + opening) + moving + (closing + opening); // the last: recall and lease
}

} // namespace

TEST_CASE("a background load leaves the results alone and costs time within bounds") {
    // Rows of all banks, among them the leased ones; of bank 0 only, where a tensor lies; of bank 14, where
    // none does.
    Rig quiet(small_platform(), "quiet");
    Rig everywhere(small_platform({"host.load.cores=3", "host.load.rate=2 GB/s"}), "everywhere");
    Rig colliding(small_platform({"host.load.cores=4", "host.load.rate=2 GB/s", "host.load.stride=128 KiB"}),
                  "colliding");
    Rig apart(small_platform({"host.load.cores=3", "host.load.rate=2 GB/s", "host.load.stride=128 KiB",
                              "host.load.base=4295081984 B"}),
              "apart");
    simulate({&quiet, &everywhere, &colliding, &apart});
    REQUIRE(quiet.bit_exact());
    REQUIRE(quiet.events("load_accesses") == 0);
    REQUIRE(quiet.events("l1d_misses") == 0);
    const core::Picoseconds each = longest_disturbance(quiet.config.memory.dram.technology);
    for (const Rig* rig : {&everywhere, &colliding, &apart}) {
        CAPTURE(rig->machine->name());
        REQUIRE(rig->bit_exact());
        REQUIRE(rig->events("load_accesses") > 50);
        const double lines = rig->events("l2_misses") + rig->events("l2_writebacks");
        REQUIRE(rig->latency() > quiet.latency());
        const auto bound =
            quiet.latency() + core::Picoseconds{static_cast<std::int64_t>(lines) * each.count()};
        INFO(core::to_ms(quiet.latency()) << " ms alone, " << core::to_ms(rig->latency()) << " ms with "
                                          << lines << " lines, bound " << core::to_ms(bound) << " ms");
        REQUIRE(rig->latency() <= bound);
        const std::size_t accesses = static_cast<std::size_t>(rig->events("load_accesses"));
        sc_core::sc_start(100, sc_core::SC_US); // it has stopped with the host's program
        REQUIRE(rig->events("load_accesses") <= static_cast<double>(accesses) + 40);
    }
}

TEST_CASE("a load costs the units no time where transfers take none") {
    Rig quiet(small_platform({"transfers=ideal"}), "quiet");
    Rig loaded(small_platform({"transfers=ideal", "host.load.cores=4"}), "loaded");
    simulate({&quiet, &loaded});
    REQUIRE(loaded.bit_exact());
    REQUIRE(loaded.events("load_accesses") > 50);
    REQUIRE(loaded.latency() == quiet.latency());
    REQUIRE(loaded.machine->l1d[0]->meter().total("l1d_misses") > 0);
}

TEST_CASE("results name what the load got") {
    Rig rig(small_platform({"host.load.cores=2"}));
    simulate({&rig});
    platform::RunResults results;
    collect_results(results, rig.quantized.network, rig.inference->frames());
    REQUIRE(results.load);
    REQUIRE(results.load->accesses == rig.events("load_accesses"));
    REQUIRE(results.load->mean_latency_ns > 500); // the link alone takes that
    REQUIRE(results.load->bandwidth_gb_s > 0);
    REQUIRE(results.load->bandwidth_gb_s <= 2.1);
    REQUIRE(results.total.counts.at("l2_misses") == rig.machine->l2.meter().total("l2_misses"));
    REQUIRE(results.total.counts.count("load_accesses") == 0);
}

TEST_CASE("what the host has cached of the tensors neither hurts the results nor outlives them") {
    Rig rig(small_platform());
    modules::Host& host = rig.machine->host;
    const auto result = rig.inference->ordinary_ranges(rig.mapped.outputs.back()).front();
    const auto middle = rig.inference->ordinary_ranges(rig.mapped.outputs[1]).front();
    std::vector<unsigned char> junk(1024, 0xA5);
    rig.before = [&] {
        host.write(result.base, junk.data(), static_cast<std::uint32_t>(junk.size()));
        host.write(middle.base, junk.data(), static_cast<std::uint32_t>(junk.size()));
        host.write(rig.machine->controller.address_map().dram_base + (1ULL << 32), junk.data(), 64);
    };
    rig.after = [&] {
        std::vector<unsigned char> seen(1024), real(1024);
        host.read(result.base, seen.data(), 1024);
        host.flush(0, 1ULL << 40);
        host.debug_read(result.base, real.data(), 1024);
        REQUIRE(seen == real);
        REQUIRE(seen != junk);
    };
    simulate({&rig});
    REQUIRE(rig.bit_exact());
    REQUIRE(rig.machine->l2.meter().total("l2_writebacks") == 33); // the tensors' lines and the one apart
}

TEST_CASE("the host's ordinary accesses are cached, those of chips and registers are not") {
    Rig rig(small_platform());
    modules::Host& host = rig.machine->host;
    rig.before = [&] {
        const core::AddressMap& map = rig.machine->controller.address_map();
        const std::uint64_t address = map.dram_base + (1ULL << 32); // row 16384 of bank 0, chips 0 to 7
        host.write64(address, 0x8877665544332211);
        const std::uint64_t in_chip_2 = map.chip_view_base + 2 * map.chip_bytes + std::uint64_t{16384} * 1024;
        unsigned char byte = 0;
        host.debug_read(in_chip_2, &byte, 1);
        REQUIRE(byte == 0); // the cells do not know yet
        host.flush(address, 8);
        host.debug_read(in_chip_2, &byte, 1);
        REQUIRE(byte == 0x33);
        byte = 0x44;
        host.write(in_chip_2, &byte, 1); // at once in the cells
        REQUIRE(host.read64(address) == 0x8877665544442211);
        byte = 0x55;
        host.write(in_chip_2, &byte, 1);
        REQUIRE(host.read64(address) == 0x8877665544442211); // cached: not coherent with the chips' view
        host.invalidate(address & ~63ULL, 64);
        REQUIRE(host.read64(address) == 0x8877665544552211);
    };
    simulate({&rig});
}

TEST_CASE("a load that would write into tensors is refused") {
    REQUIRE_THROWS_AS(Rig(small_platform({"host.load.cores=1", "host.load.base=0 B"}), "from_0"),
                      core::InputError);
    REQUIRE_THROWS_WITH(Rig(small_platform({"host.load.cores=1", "host.load.base=0 B"}), "again"),
                        Catch::Contains("host.load") && Catch::Contains("overlaps"));
    REQUIRE_NOTHROW(Rig(small_platform({"host.load.base=0 B"}), "off"));
    // Bank 14, which the network leaves alone, from the first row on.
    REQUIRE_NOTHROW(
        Rig(small_platform({"host.load.cores=1", "host.load.base=112 KiB", "host.load.stride=128 KiB"}),
            "apart"));
}
