// SPDX-License-Identifier: Apache-2.0
// Playing traces into the project's own memories.
#include "hydravp/platform/trace_replay.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/trace_replay_writer.h"
#include "hydravp/workloads/synthetic_traffic.h"
#include "hydravp/workloads/trace_writer.h"

#include "program.h"
#include "schema_check.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using Catch::Contains;
using namespace hydravp;
using core::Picoseconds;
using platform::TraceReplayOptions;
using platform::TraceReplayResults;
using test::TemporaryFolder;
using workloads::TraceTiming;
using Json = nlohmann::json;

namespace {

const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";

platform::ReplayMemory load(const std::string& file, const std::vector<std::string>& overrides = {}) {
    return platform::load_replay_memory(configs + file, configs + "hydra.yaml", overrides);
}

/// Writes the lines to a file, and says to play it.
TraceReplayOptions trace_of(const TemporaryFolder& folder, const std::string& name,
                            const std::string& lines) {
    test::write_file(folder / name, lines);
    TraceReplayOptions options;
    options.trace = folder / name;
    return options;
}

/// Accesses of 64 bytes at random below `bytes`, 30 % of them writes.
std::string random_lines(std::size_t count, std::uint64_t bytes) {
    std::mt19937_64 random(11);
    std::ostringstream lines;
    for (std::size_t i = 0; i < count; ++i) {
        lines << (random() % 10 < 3 ? "ST " : "LD ") << random() % (bytes / 64) * 64 << '\n';
    }
    return lines.str();
}

double figure(const platform::Figures& figures, const std::string& name) {
    const auto found = figures.find(name);
    return found == figures.end() ? 0 : found->second;
}

std::uint64_t count(const core::LatencyHistogram& latency, Picoseconds from, Picoseconds last) {
    std::uint64_t sum = 0;
    for (const core::LatencyHistogram::Bucket& bucket : latency.buckets()) {
        sum += bucket.from >= from && bucket.last <= last ? bucket.count : 0;
    }
    return sum;
}

/// Energies of banks, ranks and channels add up to what all meters together were charged with.
void check_energy(const TraceReplayResults& results) {
    memory::EnergyBreakdown all;
    for (const TraceReplayResults::Channel& channel : results.channels) {
        CAPTURE(channel.name);
        const platform::ChannelEnergy& energy = channel.energy;
        REQUIRE(energy.banks.size() == energy.ranks.size() * channel.banks);
        memory::EnergyBreakdown of_ranks;
        for (std::size_t rank = 0; rank < energy.ranks.size(); ++rank) {
            memory::EnergyBreakdown of_banks;
            for (std::size_t bank = 0; bank < channel.banks; ++bank) {
                const memory::EnergyBreakdown& e = energy.banks[rank * channel.banks + bank];
                CHECK(e.background.pj == 0);
                CHECK(e.io.pj == 0);
                of_banks += e;
            }
            const memory::EnergyBreakdown& e = energy.ranks[rank];
            CHECK(e.array_read.pj == Approx(of_banks.array_read.pj));
            CHECK(e.array_write.pj == Approx(of_banks.array_write.pj));
            CHECK(e.buffer_read.pj == Approx(of_banks.buffer_read.pj));
            CHECK(e.buffer_write.pj == Approx(of_banks.buffer_write.pj));
            CHECK(e.refresh.pj >= of_banks.refresh.pj);
            CHECK(e.io.pj == 0);
            of_ranks += e;
        }
        CHECK(energy.total.total().pj == Approx(of_ranks.total().pj + energy.total.io.pj));
        CHECK(energy.total.background.pj == Approx(of_ranks.background.pj));
        CHECK(energy.total.refresh.pj == Approx(of_ranks.refresh.pj));
        all += energy.total;
    }
    const auto metered_pj = [&results](const std::string& account) {
        return 1e9 * (figure(results.activity.energy_mj, "dram_" + account) +
                      figure(results.activity.energy_mj, "pcm_" + account));
    };
    const auto exactly = [](double pj) { return Approx(pj).epsilon(1e-9); };
    CHECK(all.array_read.pj == exactly(metered_pj("array_read")));
    CHECK(all.array_write.pj == exactly(metered_pj("array_write")));
    CHECK(all.buffer_read.pj == exactly(metered_pj("buffer_read")));
    CHECK(all.buffer_write.pj == exactly(metered_pj("buffer_write")));
    CHECK(all.refresh.pj == exactly(metered_pj("refresh")));
    CHECK(all.background.pj == exactly(metered_pj("background")));
    CHECK(all.io.pj == exactly(1e9 * figure(results.activity.energy_mj, "channel_io")));
    double sum_mj = 0; // of all accounts there are: none is left out
    for (const auto& account : results.activity.energy_mj) {
        sum_mj += account.second;
    }
    CHECK(all.total().pj == exactly(sum_mj * 1e9));
}

/// Replays random lines all over the memory and checks what must be equal.
void check_sums(const std::string& file, std::size_t channels, std::uint64_t gib) {
    const TemporaryFolder folder;
    const TraceReplayResults results =
        platform::replay_trace(load(file), trace_of(folder, "t", random_lines(10000, gib << 30)));
    CHECK(results.channels.size() == channels);
    modules::BankStatistics sum;
    std::uint64_t read_bytes = 0;
    for (const TraceReplayResults::Channel& channel : results.channels) {
        for (const modules::BankStatistics& bank : channel.statistics.banks) {
            CHECK(bank.runs == bank.row_hits + bank.row_misses + bank.row_conflicts);
            sum += bank;
        }
        read_bytes += channel.statistics.read.bytes;
    }
    const workloads::TraceStatistics& s = results.statistics;
    CHECK(sum.runs == 10000);
    CHECK(sum.reads + sum.writes == 10000); // a burst each
    CHECK(sum.writes == s.write.accesses);
    CHECK(read_bytes == s.read.bytes);
    CHECK(results.read.accesses == s.read.accesses);
    const auto latency_ps = [](const modules::AccessStatistics& parts) {
        return static_cast<double>((parts.queueing + parts.service).count()) /
               static_cast<double>(parts.accesses);
    };
    CHECK(latency_ps(results.read) == s.read.latency.mean_ps());
    CHECK(latency_ps(results.write) == s.write.latency.mean_ps());
    CHECK_THAT(platform::format_trace_replay(results), Contains("conflicts") && Contains("queueing"));
    core::LatencyHistogram reads, writes;
    for (const TraceReplayResults::Channel& channel : results.channels) {
        for (const modules::AccessStatistics* direction :
             {&channel.statistics.read, &channel.statistics.write}) {
            CHECK(direction->latency.count() == direction->accesses);
            CHECK(direction->latency.mean_ps() == Approx(latency_ps(*direction)));
        }
        reads += channel.statistics.read.latency;
        writes += channel.statistics.write.latency;
    }
    CHECK(reads.count() == s.read.accesses);
    CHECK(writes.count() == s.write.accesses);
    if (channels == 1) { // its latencies are those of the accesses, bucket by bucket
        for (const core::LatencyHistogram::Bucket& bucket : s.read.latency.buckets()) {
            CHECK(count(reads, bucket.from, bucket.last) == bucket.count);
        }
        for (const core::LatencyHistogram::Bucket& bucket : s.write.latency.buckets()) {
            CHECK(count(writes, bucket.from, bucket.last) == bucket.count);
        }
        CHECK(reads.percentile(99.9) == s.read.latency.percentile(99.9));
    } else { // an access also passes the hybrid memory's controller
        CHECK(reads.min() <= s.read.latency.min());
        CHECK(reads.mean_ps() <= s.read.latency.mean_ps());
    }
    check_energy(results);
}

} // namespace

TEST_CASE("unloaded latencies are those of the technology") {
    const TemporaryFolder folder;
    std::ostringstream lines;
    for (int bank = 0; bank < 32; ++bank) { // of both ranks, each closed, before the first refresh
        lines << 40 * bank << ": read 0x" << std::hex << bank * 8192 << std::dec << '\n';
    }
    const TraceReplayResults results =
        platform::replay_trace(load("memory/hydra-dram.yaml"), trace_of(folder, "t.stl", lines.str()));
    const workloads::TraceStatistics& s = results.statistics;
    CHECK(results.complete);
    CHECK(results.memory == "hydra-dram");
    CHECK(results.format == "stl");
    CHECK(results.clock_period == Picoseconds{2500});
    CHECK(s.read.accesses == 32);
    CHECK(s.write.accesses == 0);
    CHECK(s.late_accesses == 0);
    CHECK(s.last == Picoseconds{31 * 40 * 2500} + s.read.latency.max());
    const Picoseconds expected{5000 + 12500 + 12500 + 10000}; // controller, t_rcd, t_cl, burst
    CHECK(s.read.latency.min() == expected);
    CHECK(s.read.latency.max() == expected);
}

TEST_CASE("a stream of reads nearly fills the bus") {
    const TemporaryFolder folder;
    std::ostringstream lines;
    for (int i = 0; i < 20000; ++i) {
        lines << "LD " << i * 64 << '\n';
    }
    const TraceReplayResults results =
        platform::replay_trace(load("memory/hydra-dram.yaml"), trace_of(folder, "t", lines.str()));
    const workloads::TraceStatistics& s = results.statistics;
    CHECK(results.timing == "saturate"); // the trace has no times
    CHECK_FALSE(results.clock_period.has_value());
    CHECK(s.late_accesses == 0);
    CHECK(s.duration() >= Picoseconds{20000 * 10000}); // 64 bytes in 10 ns
    CHECK(s.duration() < Picoseconds{20000 * 10500});
    CHECK(figure(results.activity.bytes, "dram_read") == 20000 * 64);
}

TEST_CASE("random accesses to a channel leave nothing in the host's memory") {
    const TemporaryFolder folder;
    TraceReplayOptions options = trace_of(folder, "t", random_lines(20000, std::uint64_t{8} << 30));
    const platform::ReplayMemory memory = load("memory/hydra-dram.yaml");
    const auto peak_kb = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    const long before = peak_kb();
    const TraceReplayResults results = platform::replay_trace(memory, options);
    CHECK(peak_kb() - before < 100000); // a page of 64 KiB for every write in each of 8 chips is 3 GB
    const workloads::TraceStatistics& s = results.statistics;
    CHECK(s.accesses() == 20000);
    CHECK(figure(results.activity.bytes, "dram_read") == static_cast<double>(s.read.bytes));
    CHECK(figure(results.activity.bytes, "dram_written") == static_cast<double>(s.write.bytes));
    CHECK(figure(results.activity.writes, "dram_array_words") == static_cast<double>(s.write.bytes) / 2);
    CHECK(s.read.latency.percentile(50) <= s.read.latency.percentile(99));
}

TEST_CASE("the hybrid memory serves both parts and counts addresses outside") {
    const TemporaryFolder folder;
    const std::string lines =
        "0x0 READ 0\n0x200000000 READ 100\n0x200000040 WRITE 200\n0x3fffffffff00 WRITE 300\n"
        "0x1fffffffe0 READ 400\n0x40 WRITE 500\n";
    const TraceReplayResults results =
        platform::replay_trace(load("hydra.yaml"), trace_of(folder, "t", lines));
    const workloads::TraceStatistics& s = results.statistics;
    CHECK(s.read.accesses + s.write.accesses + s.address_errors == 6);
    CHECK(s.address_errors >= 1);
    CHECK(s.other_errors == 0);
    CHECK(s.first == Picoseconds{0});
    CHECK(figure(results.activity.bytes, "pcm_read") >= 64);
    CHECK(figure(results.activity.bytes, "pcm_written") == 64);
    CHECK(figure(results.activity.bytes, "dram_written") == 64);
}

TEST_CASE("the figures of one channel add up") {
    check_sums("memory/hydra-dram.yaml", 1, 8);
}

TEST_CASE("the figures of the five channels of a hybrid memory add up") {
    check_sums("hydra.yaml", 5, 40);
}

TEST_CASE("energy of banks that are refreshed alone, and of ranks that save power") {
    const TemporaryFolder folder;
    // Lines of some bytes each, so that not all chips take part; pauses in which ranks fall asleep.
    std::mt19937_64 random(3);
    std::ostringstream lines;
    std::uint64_t cycle = 0;
    for (int i = 0; i < 4000; ++i) {
        cycle += i % 100 == 99 ? 20000 : 20;
        lines << cycle << ": (" << 1 + random() % 200 << (random() % 2 == 0 ? ") read 0x" : ") write 0x")
              << std::hex << random() % (1 << 30) << std::dec << '\n';
    }
    const TraceReplayResults results = platform::replay_trace(
        load("memory/lpddr4-3200.yaml", {"controller.refresh=per-bank", "controller.power_down_after=100 ns",
                                         "controller.self_refresh_after=1 us"}),
        trace_of(folder, "t.stl", lines.str()));
    const TraceReplayResults::Channel& channel = results.channels.at(0);
    std::uint64_t power_downs = 0, self_refreshes = 0, refreshed_banks = 0;
    for (const modules::RankStatistics& rank : channel.statistics.ranks) {
        power_downs += rank.power_downs;
        self_refreshes += rank.self_refreshes;
    }
    for (const memory::EnergyBreakdown& bank : channel.energy.banks) {
        refreshed_banks += bank.refresh.pj > 0 ? 1 : 0;
    }
    CHECK(power_downs > 10);
    CHECK(self_refreshes > 10);
    CHECK(refreshed_banks == channel.energy.banks.size());
    check_energy(results);
}

TEST_CASE("energy of a PCM that writes whole rows, or words") {
    const TemporaryFolder folder;
    const TraceReplayResults results = platform::replay_trace(
        load("memory/isscc2012-pcm.yaml"), trace_of(folder, "t", random_lines(3000, 1 << 26)));
    CHECK(results.channels.at(0).energy.total.array_write.pj > 0);
    check_energy(results);
}

TEST_CASE("a replay needs little memory, whatever the trace's length") {
    const TemporaryFolder folder;
    workloads::SyntheticTrafficConfig load;
    load.capacity = std::uint64_t{8} << 30;
    load.random_share = 0.5;
    load.read_share = 0.7;
    workloads::SyntheticTraffic traffic(load);
    workloads::TraceWriter writer(folder / "t.hvt.zst");
    for (int i = 0; i < 100000; ++i) {
        writer.write(traffic.next());
    }
    writer.close();
    const auto peak_mb = [&folder](const std::string& options) {
        const test::Outcome outcome =
            test::hydravp_in(folder, "replay t.hvt.zst --timing saturate --out out --memory '" + configs +
                                         "memory/ddr3-1600.yaml' " + options);
        CAPTURE(outcome.text);
        REQUIRE(outcome.code == 0);
        return Json::parse(test::read_file(folder / "out/trace.json"))
            .at("host")
            .at("peak_rss_mb")
            .get<double>();
    };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr double margin_mb = 60; // for their shadow
#else
    constexpr double margin_mb = 1;
#endif
    const double one = peak_mb("--limit 1");
    const double many = peak_mb("");
    CAPTURE(one, many);
    CHECK(many < one + margin_mb);
}

TEST_CASE("ideal transfers take no time") {
    const TemporaryFolder folder;
    const TraceReplayResults results = platform::replay_trace(
        load("memory/lee-pcm.yaml", {"transfers=ideal"}), trace_of(folder, "t", random_lines(5000, 1 << 30)));
    CHECK(results.transfers == "ideal");
    CHECK(results.statistics.duration() == Picoseconds{0});
    CHECK(results.statistics.accesses() == 5000);
    CHECK_THAT(platform::format_trace_replay(results), !Contains("bandwidth  "));
}

TEST_CASE("a replay that is stopped is incomplete") {
    const TemporaryFolder folder;
    TraceReplayOptions options = trace_of(folder, "t", random_lines(50000, 1 << 30));
    int asked = 0;
    double done = 0;
    options.stop = [&asked] { return ++asked > 3; };
    options.progress = [&done](double share) { done = share; };
    const TraceReplayResults results = platform::replay_trace(load("memory/hydra-dram.yaml"), options);
    CHECK_FALSE(results.complete);
    CHECK(results.statistics.accesses() < 50000);
    CHECK(done <= 1);
    CHECK_THAT(platform::format_trace_replay(results), Contains("INCOMPLETE"));
}

TEST_CASE("a malformed line in the middle of a trace") {
    const TemporaryFolder folder;
    const TraceReplayOptions options =
        trace_of(folder, "t", random_lines(9999, 1 << 30) + "LD what\n" + random_lines(10, 1 << 30));
    CHECK_THROWS_WITH(platform::replay_trace(load("memory/hydra-dram.yaml"), options),
                      Contains(":10000: found 'what', expected an address"));
}

TEST_CASE("a trace without an access") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(
        platform::replay_trace(load("memory/hydra-dram.yaml"), trace_of(folder, "t.stl", "# nothing\n")),
        Contains("found no access, expected at least one"));
}

TEST_CASE("options out of range") {
    TraceReplayOptions options;
    options.trace = "t";
    const platform::ReplayMemory memory = load("memory/hydra-dram.yaml");
    options.outstanding = 65537;
    CHECK_THROWS_WITH(platform::replay_trace(memory, options),
                      Contains("--outstanding: found 65537, expected"));
    options.outstanding = 1;
    options.bytes_per_access = 0;
    CHECK_THROWS_WITH(platform::replay_trace(memory, options), Contains("--access-bytes: found 0, expected"));
    options.bytes_per_access = 64;
    CHECK_THROWS_WITH(platform::replay_trace(memory, options), Contains("t: can't open the file"));
}

TEST_CASE("the files hold every figure that the schema asks for") {
    const TemporaryFolder folder;
    TraceReplayOptions options = trace_of(folder, "t", random_lines(4000, 1 << 20));
    options.limit = 3000;
    const TraceReplayResults results = platform::replay_trace(load("memory/hydra-dram.yaml"), options);
    platform::write_trace_json(folder / "trace.json", results);
    platform::write_latency_histogram(folder / "histogram.csv", results);
    const Json json = Json::parse(test::read_file(folder / "trace.json"));
    const Json schema = Json::parse(test::read_file(HYDRAVP_SOURCE_DIR "/docs/trace.schema.json"));
    test::check_names(json, schema);
    CHECK(json.at("schema") == schema.at("$id"));
    CHECK(json.at("accesses") == 3000);
    for (const char* direction : {"read", "write"}) {
        test::check_names(json.at(direction), schema.at("$defs").at("direction"));
        test::check_names(json.at(direction).at("latency_ns"), schema.at("$defs").at("latency_ns"));
        test::check_names(json.at(direction).at("queueing_ns"), schema.at("$defs").at("mean_max"));
    }
    test::check_names(json.at("total"), schema.at("properties").at("total"));
    test::check_names(json.at("total").at("energy_mj"), schema.at("$defs").at("channel_energy_mj"));
    REQUIRE(json.at("channels").size() == 1);
    const Json& channel = json.at("channels").front();
    test::check_names(channel, schema.at("$defs").at("channel"));
    test::check_names(channel.at("commands"), schema.at("$defs").at("rank_commands"));
    test::check_names(channel.at("read"), schema.at("$defs").at("direction"));
    test::check_names(channel.at("read").at("latency_ns"), schema.at("$defs").at("latency_ns"));
    test::check_names(channel.at("energy_mj"), schema.at("$defs").at("channel_energy_mj"));
    test::check_names(channel.at("queues"), schema.at("$defs").at("queues"));
    test::check_names(channel.at("queues").at("write"), schema.at("$defs").at("queue"));
    REQUIRE(channel.at("ranks").size() == 2);
    REQUIRE(channel.at("ranks").back().at("banks").size() == 16);
    test::check_names(channel.at("ranks").back(), schema.at("$defs").at("rank"));
    test::check_names(channel.at("ranks").back().at("energy_mj"), schema.at("$defs").at("rank_energy_mj"));
    test::check_names(channel.at("ranks").back().at("banks").back(), schema.at("$defs").at("bank"));
    test::check_names(channel.at("ranks").back().at("banks").back().at("energy_mj"),
                      schema.at("$defs").at("bank_energy_mj"));
    CHECK(channel.at("commands") == json.at("total").at("commands"));
    std::istringstream csv(test::read_file(folder / "histogram.csv"));
    std::string line;
    REQUIRE(std::getline(csv, line));
    CHECK(line == "channel,latency_from_ns,latency_to_ns,reads,writes");
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counted;
    std::string name_before;
    double before = -1;
    while (std::getline(csv, line)) {
        char name[20] = {};
        double from = 0;
        double to = 0;
        std::uint64_t r = 0;
        std::uint64_t w = 0;
        REQUIRE(std::sscanf(line.c_str(), "%19[^,],%lf,%lf,%lu,%lu", name, &from, &to, &r, &w) == 5);
        CHECK((name != name_before || from > before));
        CHECK(to >= from);
        CHECK(r + w > 0);
        before = to;
        name_before = name;
        counted[name].first += r;
        counted[name].second += w;
    }
    const std::pair all(results.statistics.read.accesses, results.statistics.write.accesses);
    CHECK(counted.size() == 2);
    CHECK(counted["all"] == all);
    CHECK(counted["channel"] == all);
}
