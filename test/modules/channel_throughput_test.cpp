// SPDX-License-Identifier: Apache-2.0
#include "channel_fixture.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <random>

using namespace hydravp;
using namespace hydravp::test;

namespace {

/// DDR3-1600K, 4 Gb x8; the values of configs/memory/ddr3-1600.yaml.
memory::Technology ddr3() {
    const Picoseconds ck{1250};
    memory::Technology t;
    t.t_ck = ck;
    t.t_rcd = t.t_cl = t.t_rp = 11 * ck;
    t.t_wl = 8 * ck;
    t.t_ccd = 4 * ck;
    t.t_wr = 12 * ck;
    t.t_rtp = t.t_wtr = 6 * ck;
    t.t_ras = 28 * ck;
    t.t_rc = 39 * ck;
    t.t_rrd = 5 * ck;
    t.t_faw = 24 * ck;
    t.t_rtrs = 2 * ck;
    t.t_refi = 6240 * ck;
    t.t_rfc = 208 * ck;
    return t;
}

/// Time of a request by the time that its data need, refreshes of the whole channel counted.
double by_bound(double random_share, double read_share) {
    memory::Geometry g = geometry(2, 65536);
    g.banks = 8;
    modules::ChannelControllerConfig config;
    config.keep_data = false;
    ChannelFixture f(ddr3(), g, 0, config);
    constexpr int requests = 60000;
    Picoseconds end{};
    run_in_thread([&] {
        std::mt19937_64 random(1);
        std::uniform_real_distribution<double> share(0, 1);
        unsigned char line[64] = {};
        std::uint64_t next = 0;
        int done = 0;
        f.initiator.on_response = [&](AtInitiator::Transaction& t) {
            ++done;
            end = core::now();
            f.initiator.recycle(t);
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
    const double bound = requests * 4 * 1250.0 * 6240 / (6240 - 208);
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
