// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config_reader.h"

#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using namespace hydravp;
using namespace hydravp::test;

namespace {

/// Time of a request by the time that its data need, refreshes of the whole channel counted.
double by_bound(double random_share, double read_share) {
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    const modules::MemoryConfig ddr3 =
        platform::load_config_with_memory(configs + "hydra.yaml", configs + "memory/ddr3-1600.yaml")
            .memory.dram;
    const memory::Geometry& g = ddr3.geometry;
    const memory::Technology& t = ddr3.technology;
    modules::ChannelControllerConfig config;
    config.keep_data = false;
    ChannelFixture f(t, g, 0, config);
    constexpr int requests = 60000;
    Picoseconds end{};
    run_in_thread([&] {
        std::mt19937_64 random(1);
        std::uniform_real_distribution<double> share(0, 1);
        unsigned char line[64] = {};
        std::uint64_t next = 0;
        int done = 0;
        f.initiator.on_response = [&](AtInitiator::Transaction& transaction) {
            ++done;
            end = core::now();
            f.initiator.recycle(transaction);
        };
        for (int n = 0; n < requests; ++n) {
            std::uint64_t address = next;
            if (share(random) < random_share) {
                address = random() % g.channel_bytes() & ~std::uint64_t{63};
            } else {
                next = (next + 64) % g.channel_bytes();
            }
            f.post(share(random) < read_share ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND, address, line,
                   64);
        }
        while (done < requests) {
            sc_core::wait(f.initiator.responded());
        }
    });
    REQUIRE(f.recorder.delayed == 0);
    REQUIRE(f.auditor.summary() == "");
    REQUIRE(f.checker.summary() == "");
    const double refreshed =
        static_cast<double>(t.t_refi.count()) / static_cast<double>((t.t_refi - t.t_rfc).count());
    const double bound = requests * static_cast<double>(t.t_ccd.count()) * refreshed;
    return static_cast<double>(end.count()) / bound;
}

} // namespace

TEST_CASE("a stream of reads uses the whole channel, less refreshes") {
    const double ratio = by_bound(0, 1);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.02);
    REQUIRE(ratio > 6032.0 / 6240); // no data without their time
}
TEST_CASE("random reads need at most 1.15 times the bound") {
    const double ratio = by_bound(1, 1);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.15);
    REQUIRE(ratio > 1);
}
TEST_CASE("half stream, half random, 70 % reads need at most 1.25 times the bound") {
    const double ratio = by_bound(0.5, 0.7);
    CAPTURE(ratio);
    REQUIRE(ratio <= 1.25);
    REQUIRE(ratio > 1);
}
