// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/interference.h"

#include "program.h"
#include "schema_check.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using Json = nlohmann::json;
using test::check_bad_input;
using test::metered;
using test::Outcome;
using test::read_file;
using test::run_hydravp;
using test::TemporaryFolder;
using test::TimedFrame;

namespace {

const std::string fashion = HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx";

/// Of one account, in the meters of a machine, what belongs to no layer.
double unattributed(const sc_core::sc_object& machine, const std::string& account) {
    double sum = 0;
    for (const core::Meter* meter : core::collect_meters(machine)) {
        for (const auto& data : meter->accounts()) {
            sum += data.name == account ? data.unattributed : 0;
        }
    }
    return sum;
}

} // namespace

TEST_CASE("neither side gains by the other, and both get on") {
    const TemporaryFolder folder;
    const Outcome outcome = test::hydravp_in(
        folder, "interference '" + fashion +
                    "' --rate '50 MB/s' --rate '500 MB/s' --rate '2 GB/s' --out out --set host.load.cores=3");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    const Json json = Json::parse(read_file(folder / "out/interference.json"));
    const Json schema = Json::parse(read_file(HYDRAVP_SOURCE_DIR "/docs/interference.schema.json"));
    test::check_names(json, schema);
    CHECK(json.at("schema") == schema.at("properties").at("schema").at("const"));
    CHECK(json.at("cores") == 3);
    REQUIRE(json.at("points").size() == 3);
    const double frame_ns = json.at("frame_ms").get<double>() * 1e6;
    for (const Json& point : json.at("points")) {
        test::check_names(point, schema.at("$defs").at("point"));
        CAPTURE(point.dump());
        const auto figure = [&](const char* name, const char* of = nullptr) {
            return (of == nullptr ? point.at(name) : point.at(name).at(of)).get<double>();
        };
        CHECK(figure("frame_slowdown") >= 1);
        CHECK(figure("access_slowdown") >= 1);
        // What is under way at the end is not counted: at most ten accesses of 64 bytes for each core.
        const double under_way = 3 * 10 * 64 / frame_ns;
        CHECK(figure("load_gb_s", "alone") >= figure("load_gb_s", "beside") - under_way);
        CHECK(figure("load_gb_s", "alone") <= figure("asked_gb_s") * 1.001);
        CHECK(figure("load_gb_s", "beside") > 0.1 * figure("load_gb_s", "alone")); // it makes progress
        for (const char* side : {"alone", "beside"}) {
            CHECK(figure("mean_ns", side) > 0);
            CHECK(figure("median_ns", side) <= figure("p95_ns", side));
            CHECK(figure("p95_ns", side) <= figure("p99_ns", side));
        }
        CHECK(figure("p95_ns", "beside") > figure("p95_ns", "alone"));
        CHECK(figure("channel_together") <= 1);
        CHECK(figure("channel_together") > figure("channel_load"));
    }
    // What is asked for is what is got where there is room, and more costs more.
    const auto of = [&](std::size_t i, const char* name) {
        return json.at("points").at(i).at(name).get<double>();
    };
    CHECK(json.at("points").at(0).at("load_gb_s").at("alone").get<double>() == Approx(0.15).epsilon(0.05));
    CHECK(of(0, "load_slowdown") == Approx(1).epsilon(0.05));
    CHECK(of(0, "frame_slowdown") < of(1, "frame_slowdown"));
    CHECK(of(1, "frame_slowdown") < of(2, "frame_slowdown"));
    CHECK(of(2, "load_slowdown") > 1.2);
    CHECK_THAT(read_file(folder / "out/interference.md"), Catch::Contains("| asked [GB/s] |"));
    CHECK_THAT(read_file(folder / "out/interference.csv"), Catch::StartsWith("asked_gb_s,frame_ms.alone"));
}

TEST_CASE("a load adds its own traffic to the channel and leaves the inference's as it is") {
    std::mt19937 random(5);
    const core::Network network = test::busy_network(random);
    TimedFrame alone(network, test::shipped_config("hydra"), "alone");
    TimedFrame beside(network, test::shipped_config("hydra", {"host.load.cores=3", "host.load.rate=2 GB/s"}),
                      "beside");
    test::simulate({&alone, &beside});
    CHECK(beside.latency_ms() > 1.05 * alone.latency_ms());
    for (std::size_t layer = 0; layer < alone.layers(); ++layer) {
        for (const char* account :
             {"dram_bus_read", "dram_bus_written", "pcm_bus_read", "dram_read", "dram_written", "channel",
              "chip_bus", "mac", "macs", "dram_words_activation"}) {
            CAPTURE(layer, account);
            CHECK(metered(alone.machine(), account, layer) == metered(beside.machine(), account, layer));
        }
    }
    // Every slot belongs to one of both, and all slots together are the channel's busy time: none is lost or
    // counted twice.
    const auto& machine = beside.machine();
    CHECK(unattributed(alone.machine(), "dram_bus_read") == 0);
    const double read = unattributed(machine, "dram_bus_read");
    const double written = unattributed(machine, "dram_bus_written");
    CHECK(read > 0);
    CHECK(written > 0);
    constexpr double slot_bytes = 64;
    constexpr double slot_ps = 10'000;
    CHECK(metered(machine.dram, "channel") ==
          (metered(machine.dram, "dram_bus_read") + metered(machine.dram, "dram_bus_written")) / slot_bytes *
              slot_ps);
    // A line that the L2 hasn't is read, and a dirty one that leaves it is written; some are still on their
    // way.
    const double misses = metered(machine.l2, "l2_misses");
    const double writebacks = metered(machine.l2, "l2_writebacks");
    CHECK(read / slot_bytes <= misses);
    CHECK(read / slot_bytes >= misses - 3 * 10);
    CHECK(written / slot_bytes <= writebacks);
    CHECK(written / slot_bytes >= writebacks - 10);
    // No access starves: the controller serves what has waited for 2 us, and a few such waits add up.
    CHECK(machine.load_latencies().count() > 1000);
    CHECK(machine.load_latencies().max() < core::Picoseconds{100'000'000});
}

TEST_CASE("a load alone gets what it asks for, and leaves the units idle") {
    const TemporaryFolder folder;
    const Outcome outcome = test::hydravp_in(
        folder,
        "run --load-alone '200 us' --set host.load.cores=2 --set 'host.load.rate=320 MB/s' --out out");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    const Json json = Json::parse(read_file(folder / "out/results.json"));
    CHECK(json.at("network") == "none");
    CHECK(json.at("complete") == true);
    CHECK(json.at("latency_ms") == Approx(0.2));
    CHECK(json.at("macs") == 0);
    CHECK(json.at("layers").empty());
    // An access of 64 bytes every 200 ns on each core, less those under way at the end.
    CHECK(json.at("load").at("accesses").get<double>() <= 2001);
    CHECK(json.at("load").at("accesses").get<double>() >= 1980);
    CHECK(json.at("load").at("mean_latency_ns").get<double>() > 500); // twice over the link
    CHECK(json.at("energy_mj").at("hydra_mac") == 0);
    // Standby of 16 chips, refreshes of both ranks.
    CHECK(json.at("energy_mj").at("dram_background").get<double>() == Approx(0.2 * 16 * 43.125e-3));
    CHECK(json.at("energy_mj").at("dram_refresh").get<double>() == Approx(25 * 16 * 69.1e-6).epsilon(0.05));
}

TEST_CASE("what makes no load is refused") {
    check_bad_input(run_hydravp("run --load-alone '1 ms'"), "host.load.cores: found 0");
    check_bad_input(run_hydravp("run --load-alone '0 ms' --set host.load.cores=1"),
                    "expected a time above 0");
    check_bad_input(run_hydravp("run --load-alone 3 --set host.load.cores=1"), "--load-alone: found");
    check_bad_input(run_hydravp("run --load-alone '1 ms' --network vgg16"),
                    "found --load-alone with --network");
    check_bad_input(run_hydravp("run '" HYDRAVP_SOURCE_DIR "/configs/mram-sa1.yaml' --load-alone '1 ms'"),
                    "MRAM");
    check_bad_input(run_hydravp("interference vgg17"), "vgg16");
    check_bad_input(run_hydravp("interference vgg16 --rate 3"), "--rate: found '3'");
    check_bad_input(run_hydravp("interference vgg16 --rate unlimited"), "expected a limited rate");
    check_bad_input(run_hydravp("interference"), "network");
}
