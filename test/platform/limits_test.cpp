// SPDX-License-Identifier: Apache-2.0
// Where a parameter goes to its limit, the latency has to follow: transfers that take next to no time give
// the ideal latency, a bus of half the speed doubles the layers that it binds and no others, and more units
// don't harm.
#include "hydravp/platform/config.h"
#include "hydravp/workloads/network_library.h"

#include "inference_rig.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using platform::PlatformConfig;
using test::conv;
using test::metered;
using test::simulate;
using test::TimedFrame;

namespace {

/// Everything that ideal transfers do without, at a whole fraction of its time. 2500 leaves 1 ps of a DRAM
/// clock.
PlatformConfig with_faster_transfers(PlatformConfig config, std::int64_t times) {
    const auto divide = [times](Picoseconds& t) { t /= times; };
    const auto multiply = [times](core::Bandwidth& b) { b.bytes_per_s *= static_cast<double>(times); };
    for (memory::Technology* t : {&config.memory.dram.technology, &config.memory.pcm.technology}) {
        for (Picoseconds* duration :
             {&t->t_ck, &t->t_rcd, &t->t_cl, &t->t_wl, &t->t_ccd, &t->t_wr, &t->t_rtp, &t->t_rp, &t->t_ras,
              &t->t_rc, &t->t_rrd, &t->t_rrd_pre, &t->t_faw, &t->t_wtr, &t->t_rtrs, &t->t_rfc}) {
            divide(*duration);
        }
    }
    divide(config.host.clock_period);
    divide(config.host.caches.l1d.hit_latency);
    divide(config.host.caches.l2.hit_latency);
    divide(config.bus.latency);
    multiply(config.bus.bandwidth);
    divide(config.link.latency);
    multiply(config.link.bandwidth);
    divide(config.memory.controller.latency);
    divide(config.memory.accumulation.latency);
    divide(config.memory.accumulation.clock_period);
    config.hydra.pool_cycles = times > 1 ? 0 : config.hydra.pool_cycles;
    return config;
}

/// A frame of which all transfers are `times` times as fast takes as long as its longest chain of events: M
/// of multiply-accumulates and T / times of transfers. The longest of such sums is a convex function of 1 /
/// times, so it lies above the ideal latency, at 1 / times = 0, and below the straight line from there to the
/// timed one.
void check_limit(const core::Network& network, const std::vector<std::string>& overrides) {
    const PlatformConfig timed = test::shipped_config("hydra", overrides);
    const workloads::MachineShape shape = machine_shape(timed); // all frames are cut alike
    TimedFrame ideal(network, with_ideal_transfers(timed), "ideal", shape);
    std::vector<TimedFrame*> all{&ideal};
    std::vector<std::unique_ptr<TimedFrame>> frames;
    const std::vector<std::int64_t> faster{1, 10, 50, 250, 2500};
    for (const std::int64_t times : faster) {
        frames.push_back(std::make_unique<TimedFrame>(network, with_faster_transfers(timed, times),
                                                      fmt::format("times{}", times), shape));
        all.push_back(frames.back().get());
    }
    simulate(all);
    const double limit = ideal.latency_ms();
    const double slowest = frames.front()->latency_ms();
    CAPTURE(limit, slowest);
    CHECK(slowest > 1.2 * limit); // or there is nothing to see
    for (std::size_t i = 1; i < frames.size(); ++i) {
        const double latency = frames[i]->latency_ms();
        CAPTURE(faster[i], latency);
        CHECK(latency >= limit);
        CHECK(latency <= limit + (slowest - limit) / static_cast<double>(faster[i]));
        CHECK(latency < frames[i - 1]->latency_ms());
    }
    CHECK(frames.back()->latency_ms() == Approx(limit).epsilon(1e-4));
}

core::Network one_layer(const core::LayerDescriptor& layer) {
    core::Network net;
    net.name = layer.name;
    net.input = layer.in;
    net.layers = {layer};
    net.validate();
    return net;
}

/// One layer on a machine with `slower` added: half the speed of a bus.
class Halved {
public:
    Halved(const core::LayerDescriptor& layer, const std::vector<std::string>& overrides,
           const std::string& slower) {
        const PlatformConfig config = test::shipped_config("hydra", overrides);
        std::vector<std::string> with = overrides;
        with.push_back(slower);
        const workloads::MachineShape shape = machine_shape(config); // both are cut alike
        before = std::make_unique<TimedFrame>(one_layer(layer), config, "before", shape);
        after = std::make_unique<TimedFrame>(one_layer(layer), test::shipped_config("hydra", with), "after",
                                             shape);
        simulate(std::vector<TimedFrame*>{before.get(), after.get()});
    }

    /// The bus sets the pace: what was its busy time takes twice as long, and nothing takes more than twice
    /// as long.
    /// @param share of the latency that the bus is busy at least
    void check_bound(double busy_ms, double share) const {
        CAPTURE(busy_ms, before->latency_ms(), after->latency_ms());
        CHECK(busy_ms >= share * before->latency_ms());
        CHECK(after->latency_ms() >= 2 * busy_ms);
        CHECK(after->latency_ms() <= 2 * before->latency_ms());
    }

    std::unique_ptr<TimedFrame> before, after;
};

double busiest_chip_ms(TimedFrame& frame) {
    double most = 0;
    const memory::Geometry& g = frame.machine().dram.geometry();
    for (std::uint32_t rank = 0; rank < g.ranks; ++rank) {
        for (std::uint32_t chip = 0; chip < g.chips_per_rank; ++chip) {
            most = std::max(
                most, metered(frame.machine().dram.chip(core::Rank{rank}, core::Chip{chip}), "chip_bus"));
        }
    }
    return most * 1e-9;
}

const std::string slower_dram = "dram.timing.t_ccd=8 cy";

/// 16 and 32 units, on as many DRAM chips.
struct Doubled {
    std::vector<std::unique_ptr<TimedFrame>> frames;
    std::vector<TimedFrame*> all;

    void add(const core::Network& network, std::vector<std::string> overrides, const std::string& with = "") {
        overrides.emplace_back("dram.ranks=4");
        for (const char* units : {"hydra.units=16", "hydra.units=32"}) {
            std::vector<std::string> of = overrides;
            of.emplace_back(units);
            if (!with.empty() && frames.size() % 2 == 1) {
                of.push_back(with);
            }
            frames.push_back(std::make_unique<TimedFrame>(network, test::shipped_config("hydra", of),
                                                          fmt::format("platform{}", frames.size())));
            all.push_back(frames.back().get());
        }
    }
    void add_random(const std::vector<std::string>& overrides, unsigned networks,
                    const std::string& with = "") {
        for (unsigned seed = 1; seed <= networks; ++seed) {
            std::mt19937 random(seed);
            add(test::busy_network(random), overrides, with);
        }
    }
    void check_never_slower() {
        simulate(all);
        for (std::size_t i = 0; i < all.size(); i += 2) {
            CAPTURE(i / 2 + 1, all[i]->network().name, all[i]->mapped().units, all[i + 1]->mapped().units);
            CHECK(all[i + 1]->latency_ms() <= all[i]->latency_ms());
        }
    }
};

void check_ideal_units(const std::string& mapping) {
    const std::vector<std::string> overrides{"transfers=ideal", "mapping=" + mapping};
    Doubled pairs;
    pairs.add_random(overrides, 12);
    pairs.add(workloads::make_network("vgg16"), overrides);
    pairs.add(workloads::make_network("resnet34"), overrides);
    pairs.check_never_slower();
}

} // namespace

TEST_CASE("VGG-16 with ever faster transfers comes to the ideal latency") {
    check_limit(workloads::make_network("vgg16"), {});
}
TEST_CASE("ResNet-34 with ever faster transfers comes to the ideal latency") {
    check_limit(workloads::make_network("resnet34"), {});
}
TEST_CASE("optimized ResNet-34 with ever faster transfers comes to the ideal latency") {
    check_limit(workloads::make_network("resnet34"), {"mapping=optimized"});
}
TEST_CASE("ResNet-34 whose weights migrate with ever faster transfers comes to the ideal latency") {
    check_limit(workloads::make_network("resnet34"), {"weights=migrate"});
}

TEST_CASE("internal buses of half the speed double a pooling") {
    const Halved pair(test::pool("pool", {64, 112, 112}, core::network_input, true, 2, 2, 0), {},
                      slower_dram);
    pair.check_bound(busiest_chip_ms(*pair.before), 0.9);
}

TEST_CASE("internal buses of half the speed double a convolution of few filters") {
    const Halved pair(conv("strided", {64, 112, 112}, core::network_input, 4, 1, 4, 0), {}, slower_dram);
    pair.check_bound(busiest_chip_ms(*pair.before), 0.9);
    CHECK(metered(pair.before->machine(), "channel") * 1e-9 < 0.3 * pair.before->latency_ms());
}

TEST_CASE("a channel of half the speed doubles a fully-connected layer") {
    const Halved pair(test::fully_connected("fc", {64, 14, 14}, core::network_input, 1024), {}, slower_dram);
    pair.check_bound(metered(pair.before->machine(), "channel") * 1e-9, 0.99);
}

TEST_CASE("PCM of half the speed doubles a fully-connected layer that it binds") {
    // One slow channel instead of four.
    const Halved pair(test::fully_connected("fc", {64, 14, 14}, core::network_input, 1024),
                      {"pcm.channels=1", "pcm.timing.t_ccd=8 cy"}, "pcm.timing.t_ccd=16 cy");
    pair.check_bound(metered(*pair.before->machine().pcm.front(), "pcm") * 1e-9, 0.95);
}

TEST_CASE("DRAM of half the speed changes nothing where the MACs set the pace") {
    const Halved pair(conv("wide", {256, 28, 28}, core::network_input, 64, 11, 1, 5), {}, slower_dram);
    const double macs = metered(*pair.before->machine().units.front(), "mac") * 1e-9;
    CAPTURE(macs, pair.before->latency_ms(), pair.after->latency_ms());
    CHECK(busiest_chip_ms(*pair.after) < 0.5 * macs);
    // The first fetch and the last pass are all that MACs can't hide.
    CHECK(pair.before->latency_ms() < 1.01 * macs);
    CHECK(pair.after->latency_ms() < 1.02 * macs);
    CHECK(pair.after->latency_ms() > pair.before->latency_ms());
}

TEST_CASE("MACs of half the speed double a layer that they bind") {
    const Halved pair(conv("wide", {256, 28, 28}, core::network_input, 64, 11, 1, 5), {},
                      "hydra.mac_cycles=16");
    pair.check_bound(metered(*pair.before->machine().units.front(), "mac") * 1e-9, 0.98);
}

TEST_CASE("MACs of half the speed change nothing where the channel sets the pace") {
    const Halved pair(test::fully_connected("fc", {64, 14, 14}, core::network_input, 1024), {},
                      "hydra.mac_cycles=16");
    CHECK(pair.after->latency_ms() < 1.01 * pair.before->latency_ms());
}

TEST_CASE("32 units are never slower than 16 if transfers take no time") {
    check_ideal_units("paper-numbers");
}
TEST_CASE("32 units are never slower than 16 if transfers take no time, mapped as in the paper's text") {
    check_ideal_units("paper-text");
}
TEST_CASE("32 units are never slower than 16 if transfers take no time, optimized") {
    check_ideal_units("optimized");
}

TEST_CASE("32 units on the same channel are never slower than 16, optimized") {
    Doubled pairs;
    pairs.add_random({"mapping=optimized"}, 12);
    for (const char* network : {"vgg16", "resnet34", "mobilenet-v2", "squeezenet"}) {
        pairs.add(workloads::make_network(network), {"mapping=optimized"});
    }
    pairs.check_never_slower();
}
TEST_CASE("32 units on a channel of twice the speed are never slower than 16") {
    const std::string twice_the_speed = "dram.timing.t_ck=1.25 ns";
    Doubled pairs;
    pairs.add_random({"mapping=optimized"}, 10, twice_the_speed);
    pairs.add(workloads::make_network("resnet34"), {"mapping=optimized"}, twice_the_speed);
    pairs.check_never_slower();
}

TEST_CASE(
    "32 units on the same channel are slower under the paper's mapping: twice the partial sums cross it") {
    // 16 units add 4 of the 64 channels each, 32 units 2; each makes a partial sum of every output.
    Doubled pair;
    pair.add(one_layer(conv("conv", {64, 56, 56}, core::network_input, 64, 3, 1, 1)), {});
    simulate(pair.all);
    const auto sums = [&](std::size_t i) { return metered(pair.all[i]->machine(), "dram_bus_read"); };
    CHECK(sums(0) == 64.0 * 56 * 56 * 4 * 16);
    CHECK(sums(1) == 2 * sums(0));
    CHECK(pair.all[1]->latency_ms() > 1.5 * pair.all[0]->latency_ms());
}
