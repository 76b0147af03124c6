// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config_reader.h"

#include "hydravp/core/error.h"
#include "hydravp/modules/presets.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
const std::string hydra_yaml = configs + "hydra.yaml";

std::string read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A folder with files of its own, gone at the end of the test.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (fs::temp_directory_path() / "hydravp-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~TemporaryFolder() { fs::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(const std::string& name, const std::string& text) const {
        fs::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name) << text;
        return (path_ / name).string();
    }
    fs::path path() const { return path_; }

private:
    fs::path path_;
};

/// The effective configuration of configs/hydra.yaml: complete, in one file.
std::string complete() {
    static const std::string yaml = effective_yaml(load_config(hydra_yaml));
    return yaml;
}

/// The text with the first line that begins with `key:` (spaces aside) after the line `section:` replaced.
std::string with_line(std::string yaml, const std::string& section, const std::string& key,
                      const std::string& line) {
    const std::size_t from = section.empty() ? 0 : yaml.find('\n' + section + ':');
    REQUIRE(from != std::string::npos);
    const std::size_t at = yaml.find(' ' + key + ':', from) + 1;
    REQUIRE(at != std::string::npos);
    return yaml.replace(at, yaml.find('\n', at) - at, line);
}

/// Number of the first line with `key:` after the line `section:`; without a key, of the section itself.
std::size_t line_of(const std::string& yaml, const std::string& section, const std::string& key = {}) {
    const std::size_t begin = ('\n' + yaml).find('\n' + section + ':');
    REQUIRE(begin != std::string::npos);
    const std::size_t at = key.empty() ? begin : yaml.find(' ' + key + ':', begin);
    REQUIRE(at != std::string::npos);
    return static_cast<std::size_t>(
               std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
           1;
}

/// "FILE:line:column" of a key of the effective configuration.
std::string place(const std::string& section, const std::string& key, int column) {
    return "FILE:" + std::to_string(line_of(complete(), section, key)) + ":" + std::to_string(column);
}

/// "FILE:line:column" in the line that follows the effective configuration.
std::string after_the_end(int column) {
    const std::string yaml = complete();
    return "FILE:" + std::to_string(std::count(yaml.begin(), yaml.end(), '\n') + 1) + ":" +
           std::to_string(column);
}

/// The message of the error of a configuration; fails if there is none. `FILE` stands for its path.
std::string error_of(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    const TemporaryFolder folder;
    const std::string path = folder.file("p.yaml", yaml);
    try {
        load_config(path, overrides);
    } catch (const core::InputError& e) {
        std::string message = e.what();
        for (std::size_t at = message.find(path); at != std::string::npos; at = message.find(path)) {
            message.replace(at, path.size(), "FILE");
        }
        return message;
    }
    FAIL("no error");
    return {};
}

std::string override_error(const std::string& text) {
    try {
        load_config(hydra_yaml, {text});
    } catch (const core::InputError& e) {
        return e.what();
    }
    FAIL("no error");
    return {};
}

std::size_t count_lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

} // namespace

TEST_CASE("the shipped platform is the paper's") {
    const PlatformConfig config = load_config(hydra_yaml);
    CHECK(config.name == "hydra");
    CHECK(config.transfers == TransferModel::timed);
    CHECK(config.mapping == Mapping::paper_numbers);
    CHECK(config.partial_sum_bits == 32);
    CHECK(config.host.clock_period.count() == 250);
    CHECK(config.host.layer_timeout.count() == 1'000'000'000'000);
    CHECK(config.host.cores == 4);
    CHECK(config.host.caches.line_bytes == 64);
    CHECK(config.host.caches.l1i.size_bytes == 32768);
    CHECK(config.host.caches.l1i.ways == 4);
    CHECK(config.host.caches.l1d.size_bytes == 32768);
    CHECK(config.host.caches.l1d.ways == 8);
    CHECK(config.host.caches.l1d.hit_latency.count() == 1000);
    CHECK(config.host.caches.l2.size_bytes == 262144);
    CHECK(config.host.caches.l2.hit_latency.count() == 3000);
    CHECK(config.host.load.cores == 0);
    CHECK(config.bus.latency.count() == 5000);
    CHECK(config.link.bandwidth.bytes_per_s == 15.75e9);
    CHECK(config.memory.controller.io_energy.pj == 5);
    CHECK(config.memory.controller.starvation_limit.count() == 2'000'000);
    CHECK(config.memory.accumulation.latency.count() == 10'000);
    CHECK(config.memory.staging_bytes == 65536);

    const modules::MemoryConfig& dram = config.memory.dram;
    CHECK(dram.capacity_bytes() == 8ULL << 30);
    CHECK(dram.geometry.ranks * dram.geometry.chips_per_rank == 16);
    CHECK(dram.technology.name == "hydra-dram");
    CHECK(dram.technology.t_rcd.count() == 12'500);
    CHECK(dram.technology.t_rc.count() == 55'000);
    CHECK(dram.technology.t_faw.count() == 35'000);
    CHECK(dram.technology.t_refi.count() == 7'800'000);
    CHECK(dram.technology.t_rfc.count() == 260'000);
    CHECK(dram.technology.array_write.pj == 0.39);
    CHECK(dram.technology.background.watts == Approx(0.69 / 16));
    CHECK(dram.technology.refresh.pj == 69100);

    const modules::MemoryConfig& pcm = config.memory.pcm;
    CHECK(pcm.capacity_bytes() == 32ULL << 30);
    CHECK(pcm.channels == 4);
    CHECK(pcm.technology.t_rp.count() == 150'000);
    CHECK(pcm.technology.array_write.pj == 16.82);
    CHECK(pcm.technology.t_refi.count() == 0);
    CHECK(pcm.technology.refresh.pj == 0);
    CHECK(pcm.technology.array_write_policy == memory::ArrayWritePolicy::modified_words);

    CHECK(config.hydra.units == 16);
    CHECK(config.hydra.clock_period.count() == 336);
    CHECK(config.hydra.activation_buffer.count == 32768);
    CHECK(config.hydra.weight_buffer.count == 4096);
    CHECK(config.hydra.power.watts == 1.4);
}

TEST_CASE("the effective configuration loads as the same configuration") {
    const std::vector<std::string> overrides = {"name=a \"quoted\" # name: \\ 1",
                                                "transfers=ideal",
                                                "partial_sum_bits=48",
                                                "host.clock_period=3 GHz",
                                                "bus.bandwidth=unlimited",
                                                "dram.timing.t_ck=626 ps",
                                                "pcm.energy.array_read=0.1 fJ/bit",
                                                "hydra.power=0.3333333333333333 W",
                                                "pcm.energy.array_write_policy=flipped-bits",
                                                "pcm.energy.array_set=13.5 pJ/bit",
                                                "dram.energy.array_write_policy=whole-row",
                                                "pcm.name=null",
                                                "hydra.weight_buffer=48 B"};
    const std::string effective = effective_yaml(load_config(hydra_yaml, overrides));
    CHECK_THAT(effective, Contains("host:\n  clock_period: 333 ps "));
    CHECK_THAT(effective, Contains("t_rcd: 3.13 ns "));
    CHECK_THAT(effective, !Contains("technology:"));
    const TemporaryFolder folder;
    const PlatformConfig again = load_config(folder.file("p.yaml", effective));
    CHECK(effective_yaml(again) == effective);
    CHECK(again.name == "a \"quoted\" # name: \\ 1");
    CHECK(again.memory.pcm.technology.name == "null");
    CHECK(again.memory.pcm.technology.array_read.pj == 0.0001);
    CHECK(again.hydra.power.watts == 0.3333333333333333);
}

TEST_CASE("an override changes any key, also one of a technology file") {
    const PlatformConfig config =
        load_config(hydra_yaml, {"dram.timing.t_rcd=6 cy", "dram.energy.array_read=2pJ/bit",
                                 "hydra.units = 4", "hydra.units=8", "transfers=ideal"});
    CHECK(config.memory.dram.technology.t_rcd.count() == 15'000);
    CHECK(config.memory.dram.technology.array_read.pj == 2);
    CHECK(config.hydra.units == 8);
    CHECK(config.transfers == TransferModel::ideal);
    CHECK(config.memory.dram.technology.t_rp.count() == 12'500);
}

TEST_CASE("a changed clock changes what is given in cycles") {
    const PlatformConfig config = load_config(hydra_yaml, {"dram.timing.t_ck=1.25 ns"});
    CHECK(config.memory.dram.technology.t_rcd.count() == 6250);
    CHECK(config.memory.dram.technology.t_rfc.count() == 260'000);
}

TEST_CASE("a technology named on the command line is relative to the current folder") {
    fs::current_path(configs);
    const PlatformConfig config = load_config("hydra.yaml", {"dram.technology=memory/lee-pcm.yaml"});
    CHECK(config.memory.dram.technology.name == "lee-pcm");
}

TEST_CASE("keys beside the technology file win over it") {
    const TemporaryFolder folder;
    folder.file("memory/hydra-dram.yaml", read(configs + "memory/hydra-dram.yaml"));
    folder.file("memory/lee-pcm.yaml", read(configs + "memory/lee-pcm.yaml"));
    std::string yaml = read(hydra_yaml);
    const std::string line = "  technology: memory/hydra-dram.yaml\n";
    yaml.insert(yaml.find(line) + line.size(), "  timing: {t_wr: 7 cy}\n");
    CHECK(load_config(folder.file("p.yaml", yaml)).memory.dram.technology.t_wr.count() == 17'500);
}

TEST_CASE("optional keys have defaults") {
    std::string yaml = complete();
    yaml.erase(yaml.find("hydra:\n"));
    yaml = with_line(yaml, "link", "packet_header", "");
    yaml = with_line(yaml, "staging", "size", "");
    const TemporaryFolder folder;
    const PlatformConfig config = load_config(folder.file("p.yaml", yaml));
    CHECK(config.hydra.clock_period.count() == 336);
    CHECK(config.link.packet_header_bytes == 24);
    CHECK(config.memory.staging_bytes == 65536);
}

TEST_CASE("an error names file, line, column and key") {
    SECTION("unknown key") {
        CHECK(error_of(with_line(complete(), "hydra", "pool_cycles", "pool_cycle: 1")) ==
              place("hydra", "pool_cycles", 3) +
                  ": hydra.pool_cycle: unknown key (did you mean hydra.pool_cycles?)");
    }
    SECTION("unknown section") {
        CHECK_THAT(error_of(complete() + "hybra:\n  units: 1\n"),
                   Contains("hybra: unknown key (did you mean hydra?)"));
    }
    SECTION("unknown key that resembles nothing") {
        CHECK_THAT(error_of(complete() + "  quux: 1\n"),
                   Contains("hydra.quux: unknown key; known in hydra: units, "));
    }
    SECTION("duplicate key") {
        CHECK(error_of(complete() + "  units: 16\n") ==
              after_the_end(3) + ": hydra.units: found it twice, expected it once; the first is in line " +
                  std::to_string(line_of(complete(), "hydra", "units")));
    }
    SECTION("duplicate section") {
        CHECK_THAT(error_of(complete() + "bus:\n  latency: 5 ns\n"),
                   Contains(after_the_end(1) + ": bus: found it twice"));
    }
    SECTION("missing key") {
        CHECK(error_of(with_line(complete(), "bus", "latency", "")) ==
              place("bus", "", 1) + ": bus.latency: missing, expected a time with its unit, e.g. 2.5 ns");
    }
    SECTION("missing section") {
        std::string yaml = complete();
        const std::size_t at = yaml.find("controller:");
        yaml.erase(at, yaml.find("accumulation:") - at);
        CHECK_THAT(error_of(yaml), Contains("FILE: controller.latency: missing") &&
                                       Contains("FILE: controller.io_energy: missing"));
    }
    SECTION("missing unit") {
        CHECK(error_of(with_line(complete(), "bus", "latency", "latency: 5")) ==
              place("bus", "latency", 12) +
                  ": bus.latency: found '5', expected a time with its unit, e.g. 2.5 ns");
    }
    SECTION("wrong unit") {
        CHECK_THAT(error_of(with_line(complete(), "bus", "latency", "latency: 5 nJ")),
                   Contains("found '5 nJ', expected a time"));
    }
    SECTION("cycles without a clock") {
        CHECK_THAT(error_of(with_line(complete(), "bus", "latency", "latency: 5 cy")),
                   Contains("found '5 cy', expected a time with its unit"));
    }
    SECTION("no value") {
        CHECK_THAT(error_of(with_line(complete(), "bus", "latency", "latency:")),
                   Contains("bus.latency: found nothing, expected a time"));
    }
    SECTION("list instead of a value") {
        CHECK_THAT(error_of(with_line(complete(), "bus", "latency", "latency: [5 ns]")),
                   Contains(place("bus", "latency", 12) + ": bus.latency: found a list, expected a time"));
    }
    SECTION("keys instead of a value") {
        CHECK_THAT(error_of(with_line(complete(), "bus", "latency", "latency: {a: 5 ns}")),
                   Contains("found keys below it, expected a time"));
    }
    SECTION("value instead of keys") {
        std::string yaml = complete();
        const std::size_t at = yaml.find("controller:");
        yaml.replace(at, yaml.find("accumulation:") - at, "controller: 5 ns\n");
        CHECK(error_of(yaml) ==
              place("controller", "", 13) +
                  ": controller: found '5 ns', expected the keys latency, io_energy, "
                  "read_queue, write_queue, write_high_watermark, write_low_watermark, "
                  "burst_group, starvation_limit, scheduling, forwarding, fairness, "
                  "batch_cap, page_policy, page_timeout, "
                  "refresh, write_interruption, postponed_refreshes, power_down_after, self_refresh_after, "
                  "address_mapping, dmi, front_queue");
    }
    SECTION("word that is none of the choices") {
        CHECK_THAT(
            error_of(with_line(complete(), "dram", "array_write_policy", "array_write_policy: all")),
            Contains("dram.energy.array_write_policy: found 'all', expected modified-words, whole-row or "
                     "flipped-bits"));
    }
    SECTION("list as a key") {
        CHECK_THAT(error_of(complete() + "? [a]\n: 1\n"), Contains("found a list, expected a key"));
    }
}

TEST_CASE("impossible values are refused") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {"host.clock_period=0 ns", "expected a period above zero"},
        {"host.cores=0", "expected a whole number from 1 to 32"},
        {"host.caches.line=48 B", "expected a power of two"},
        {"host.caches.l1d.size=1000 B", "expected a multiple of 512 B, a set of 8 ways"},
        {"host.caches.l2.size=0 B", "expected a multiple"},
        {"host.caches.l2.ways=0", "expected a whole number, at least 1"},
        {"host.caches.l2.hit_latency=3", "expected a time with its unit"},
        {"host.caches.l1.size=1 KiB", "unknown key"},
        {"host.load.cores=5", "expected at most 4, the cores"},
        {"host.load.rate=unlimited", "expected a limit"},
        {"host.load.read_share=1.5", "expected a number from 0 to 1"},
        {"host.load.access=0 B", "expected 1 B to 4 KiB"},
        {"host.load.block=100 B", "expected a multiple of host.load.access = 64 B"},
        {"host.load.footprint=100 B", "expected a multiple of host.load.block = 8 KiB"},
        {"host.load.stride=4 KiB", "expected at least host.load.block = 8 KiB"},
        {"hydra.clock_period=0 GHz", "expected a frequency whose period"},
        {"host.layer_timeout=0 s", "expected a time above zero"},
        {"bus.bandwidth=0 GB/s", "expected a bandwidth above zero"},
        {"bus.latency=-1 ns", "expected a time"},
        {"partial_sum_bits=24", "expected 16, 32 or 48"},
        {"mapping=best", "expected paper-numbers"},
        {"transfers=", "found nothing, expected ideal or timed"},
        {"name=", "found nothing, expected a name"},
        {"link.packet_payload=0 B", "expected a payload above zero"},
        {"link.packet_payload=4 GiB", "expected a size below 4 GiB"},
        {"accumulation.operands_per_cycle=0", "expected a whole number, at least 1"},
        {"staging.size=100 B", "expected a multiple of 64 B"},
        {"staging.size=0 B", "expected a multiple of 64 B"},
        {"dram.channels=2", "expected 1"},
        {"pcm.channels=3", "expected a power of two"},
        {"dram.ranks=0", "expected a power of two"},
        {"dram.banks=12", "expected a power of two"},
        {"dram.chips_per_rank=64", "found 64, expected a power of two, at most 32"},
        {"dram.rows=1e4", "expected a power of two"},
        {"dram.rows=4294967296", "expected a power of two"},
        {"dram.rows=-8", "expected a power of two"},
        {"dram.row_size=1000 B", "expected a power of two, at least 8 B"},
        {"dram.row_size=4 B", "expected a power of two, at least 8 B"},
        {"pcm.rows=2147483648", "found a memory of 2^52 B, expected at most 2^46 B"},
        {"controller.read_queue=0", "expected a whole number from 1 to 4096"},
        {"controller.write_high_watermark=33",
         "controller.write_high_watermark: found 33, expected at most controller.write_queue = 32"},
        {"controller.write_low_watermark=25",
         "controller.write_low_watermark: found 25, expected at most controller.write_high_watermark = 24"},
        {"controller.starvation_limit=5", "controller.starvation_limit"},
        {"controller.scheduling=fifo", "controller.scheduling: found 'fifo', expected fr-fcfs or fcfs"},
        {"controller.write_interruption=stop", "found 'stop', expected none, pause or cancel"},
        {"pcm.timing.write_iterations=0", "pcm.timing.write_iterations: found '0'"},
        {"pcm.timing.write_cancel_threshold=1.5", "pcm.timing.write_cancel_threshold: found '1.5'"},
        {"dram.timing.write_iterations=4",
         "dram.timing.write_iterations: found array writes that can be interrupted, expected none in a "
         "memory with refresh"},
        {"controller.fairness=fair", "controller.fairness: found 'fair', expected none or batch"},
        {"controller.batch_cap=3", "found '3', expected it with fairness: batch only"},
        {"controller.forwarding=yes", "controller.forwarding: found 'yes', expected true or false"},
        {"controller.page_policy=adaptive", "found 'adaptive', expected open, closed or timeout"},
        {"controller.page_timeout=1 us", "found '1 us', expected it with page_policy: timeout only"},
        {"controller.dmi=yes", "found 'yes', expected true or false"},
        {"pcm.energy.array_set=13.5 pJ/bit",
         "found '13.5 pJ/bit', expected it with array_write_policy: flipped-bits only"},
        {"controller.page_timout=1 us", "unknown key (did you mean controller.page_timeout?)"},
        {"controller.refresh=per-row", "controller.refresh: found 'per-row', expected all-banks or per-bank"},
        {"controller.refresh=per-bank",
         "controller.refresh: found per-bank, expected all-banks beside near-memory units"},
        {"controller.power_down_after=1 us",
         "controller.power_down_after: found a time, expected 0 beside near-memory units"},
        {"controller.self_refresh_after=1 us",
         "controller.self_refresh_after: found a time, expected 0 beside near-memory units"},
        {"controller.postponed_refreshes=9", "expected a whole number from 0 to 8"},
        {"controller.address_mapping=", "found nothing, expected fields of an address"},
        {"controller.address_mapping=row rank banks column offset", "found 'banks', expected row, rank"},
        {"controller.address_mapping=row rank bank3 column offset",
         "found 3 bits of bank, expected 4 as in the memory's geometry"},
        {"controller.address_mapping=row bank rank column offset",
         "found 'row bank rank column offset', expected 'row15 rank1 bank4 column7 offset6'"},
        {"dram.mapping=row rank bank4^row column offset", "expected 'row15 rank1 bank4 column7 offset6'"},
        {"pcm.mapping=row rank bank", "found 0 bits of column, expected 7"},
        {"dram.timing.t_rc=20 cy", "dram.timing.t_rc: found 50 ns, expected at least t_ras + t_rp = 52.5 ns"},
        {"dram.timing.t_rp=9223372 s",
         "dram.timing.t_rp: found '9223372 s', expected a time of at most 3600 s"},
        {"hydra.clock_period=9223372 s", "expected a time of at most 3600 s"},
        {"dram.timing.t_ras=4 cy", "expected at least t_rcd = 12.5 ns"},
        {"dram.timing.t_ccd=0 ns", "expected at least t_ck = 2.5 ns"},
        {"dram.timing.t_faw=1 cy", "expected at least t_rrd = 7.5 ns"},
        {"dram.timing.t_refi=300 ns", "expected 0 ns or more than t_rfc + t_rc = 315 ns"},
        {"dram.timing.t_rfc=0 ns", "expected one above zero where t_refi is"},
        {"hydra.units=17", "hydra.units: found 17, expected at most 16, one per DRAM chip"},
        {"hydra.units=0", "expected a whole number, at least 1"},
        {"hydra.precision=12", "hydra.precision: found '12', expected 16 or 8"},
        {"hydra.multiplier=booth", "found 'booth', expected booth-radix-4, booth-radix-2 or parallel"},
        {"hydra.mac_cycles=0", "hydra.mac_cycles: found '0', expected a whole number, at least 1"},
        {"hydra.ab_port_bits=60", "expected a multiple of 16"},
        {"hydra.activation_buffer=64 B", "expected at least 128 B"},
        {"hydra.output_buffer=368 B", "expected at least 384 B"},
        {"hydra.weight_buffer=0 B", "expected two halves of whole 8-byte bursts"},
        {"hydra.weight_buffer=24 B", "expected two halves of whole 8-byte bursts"},
        {"hydra.mac_power_share=-0.1", "expected a number from 0 to 1"},
        {"hydra.mac_power_share=nan", "expected a number from 0 to 1"},
        {"hydra.power=inf W", "expected a power"},
    }));
    const std::string message = override_error(text);
    CHECK_THAT(message, Catch::StartsWith("--set " + text + ": "));
    CHECK_THAT(message, Contains(expected));
    CHECK(count_lines(message) == 1);
}

TEST_CASE("the shares of the power add to one") {
    CHECK_THAT(
        override_error("hydra.mac_power_share=0.7"),
        Contains(": hydra: found shares of mac, buffer and control power that add to 1.1, expected 1"));
    CHECK_NOTHROW(load_config(hydra_yaml, {"hydra.mac_power_share=0.7", "hydra.buffer_power_share=0.2"}));
}

TEST_CASE("words of 8 bits need half the activation buffer") {
    CHECK_NOTHROW(load_config(hydra_yaml, {"hydra.precision=8", "hydra.activation_buffer=64 B"}));
    CHECK_THAT(error_of(complete(), {"hydra.precision=8", "hydra.activation_buffer=48 B"}),
               Contains("found 48 B, expected at least 64 B: two halves of 1 B for each of 32 lanes"));
}

TEST_CASE("all errors of a configuration are reported at once") {
    std::string yaml = with_line(complete(), "bus", "latency", "latency: 5");
    yaml = with_line(yaml, "hydra", "units", "units: 99");
    yaml = with_line(yaml, "dram", "t_ck", "t_clk: 2.5 ns");
    const std::string message = error_of(yaml, {"pcm.rows=3", "nonsense"});
    CHECK_THAT(message, Catch::StartsWith("6 errors in the configuration\n"));
    CHECK(count_lines(message) == 7);
    CHECK_THAT(message, Contains(place("bus", "latency", 12) + ": bus.latency: found '5'"));
    CHECK_THAT(message, Contains("dram.timing.t_clk: unknown key (did you mean dram.timing.t_ck?)"));
    CHECK_THAT(message, Contains("dram.timing.t_ck: missing"));
    CHECK_THAT(message, Contains("--set pcm.rows=3: pcm.rows: found '3', expected a power of two"));
    CHECK_THAT(message, Contains("--set nonsense: found no '=', expected KEY=VALUE"));
    CHECK_THAT(message, Contains("hydra.units: found 99"));
}

TEST_CASE("a file that is no configuration is refused in no time") {
    std::string yaml;
    for (int i = 0; i < 20'000; ++i) {
        yaml += "unit" + std::to_string(i) + ": 1\n";
    }
    const TemporaryFolder folder;
    const std::string path = folder.file("p.yaml", yaml);
    // Every key has its error, but only the first ones are compared with all that are known.
    CHECK_THROWS_WITH(load_config(path), Contains(path + ":20000:1: unit19999: unknown key\n"));
}

TEST_CASE("an error of an override names the option") {
    CHECK(override_error("hydra.unit=3") ==
          "--set hydra.unit=3: hydra.unit: unknown key (did you mean hydra.units?)");
    CHECK_THAT(override_error("dram.t_rcd=3 cy"), Contains("(did you mean dram.timing.t_rcd?)"));
    CHECK_THAT(override_error("dram.technology.timing.t_rcd=3 cy"),
               Contains("(did you mean dram.timing.t_rcd?)"));
    CHECK_THAT(override_error("hydra=3"),
               Contains("hydra: found a section, expected one of its keys units, "));
    CHECK_THAT(override_error("=3"), Contains("unknown key"));
    CHECK_THAT(override_error("dram.technology="), Contains("expected the name of a technology file"));
    CHECK_THAT(override_error("dram.technology=nowhere.yaml"),
               Catch::StartsWith("nowhere.yaml: no such file (technology of dram, named in --set "));
}

TEST_CASE("an error in a technology file names that file") {
    const TemporaryFolder folder;
    std::string technology = read(configs + "memory/hydra-dram.yaml");
    technology.replace(technology.find("t_rp: 5 cy"), 10, "t_rp: five");
    const std::string path = folder.file("memory/hydra-dram.yaml", technology);
    folder.file("memory/lee-pcm.yaml", "name: x\ntechnology: memory/lee-pcm.yaml\n");
    const std::string main = folder.file("hydra.yaml", read(hydra_yaml));
    try {
        load_config(main);
        FAIL("no error");
    } catch (const core::InputError& e) {
        CHECK_THAT(e.what(), Contains(path + ":" + std::to_string(line_of(technology, "timing", "t_rp")) +
                                      ":9: dram.timing.t_rp: found 'five', expected a time"));
        CHECK_THAT(e.what(), Contains("lee-pcm.yaml:2:13: pcm.technology: found it in a technology file"));
    }
}

TEST_CASE("what is not a configuration is refused with its file") {
    CHECK_THAT(error_of(""), Contains("FILE: found nothing, expected a configuration"));
    CHECK_THAT(error_of("# only a comment\n"), Contains("FILE: found nothing"));
    CHECK_THAT(error_of("just text"), Contains("FILE:1:1: found 'just text', expected keys with values"));
    CHECK_THAT(error_of("- a\n- b\n"), Contains("FILE:1:1: found a list"));
    CHECK_THAT(error_of("name: [unclosed\nbus: 1\n"), Contains("FILE:2:") && Contains("not valid YAML"));
    CHECK_THAT(error_of("name: a\n\tbus: 1\n"), Contains("not valid YAML"));
    CHECK_THAT(error_of("name: *nowhere\n"), Contains("not valid YAML"));
    CHECK_THAT(error_of(std::string("\x7F"
                                    "ELF\0\1\2",
                                    7)),
               Contains("FILE: found binary data"));
    CHECK_THAT(error_of("name: a\n---\nname: b\n"),
               Contains("FILE: found more than one document, expected one"));
    CHECK_THAT(error_of(std::string(100'000, '[')), Contains("not valid YAML"));
    CHECK_THAT(error_of(std::string(2'000'000, ' ')), Contains("more than 1 MiB"));
    CHECK_THROWS_WITH(load_config("/nowhere/p.yaml"), "/nowhere/p.yaml: no such file");
    CHECK_THROWS_WITH(load_config(configs), Contains("found a folder, expected a YAML file"));
    CHECK_THROWS_AS(load_config(""), core::InputError);
}

TEST_CASE("Windows line ends and a byte order mark are tolerated") {
    std::string yaml = "\xEF\xBB\xBF";
    for (const char c : complete()) {
        yaml += c == '\n' ? "\r\n" : std::string(1, c);
    }
    const TemporaryFolder folder;
    CHECK(effective_yaml(load_config(folder.file("p.yaml", yaml))) == complete());
}

TEST_CASE("DMI is off unless it is asked for, and nothing where every write counts") {
    CHECK_FALSE(load_config(hydra_yaml).memory.controller.dmi);
    CHECK_THAT(effective_yaml(load_config(hydra_yaml)), Contains("dmi: false"));
    CHECK(load_config(hydra_yaml, {"controller.dmi=true"}).memory.controller.dmi);
    CHECK_THROWS_WITH(
        load_config(hydra_yaml, {"controller.dmi=true", "pcm.energy.array_write_policy=flipped-bits"}),
        Contains("controller.dmi: found true, expected false: with array_write_policy: flipped-bits"));
}

TEST_CASE("energies of set and reset are those of write where they are not given") {
    const PlatformConfig config = load_config(
        hydra_yaml, {"pcm.energy.array_write_policy=flipped-bits", "pcm.energy.array_reset=19.2 pJ/bit"});
    CHECK(config.memory.pcm.technology.set_energy().pj == 16.82);
    CHECK(config.memory.pcm.technology.reset_energy().pj == 19.2);
}

TEST_CASE("the policies of the controllers are read, written and read again") {
    const TemporaryFolder folder;
    const PlatformConfig config =
        load_config(hydra_yaml, {"controller.scheduling=fcfs", "controller.forwarding=false",
                                 "controller.page_policy=timeout", "controller.page_timeout=250 ns",
                                 "controller.refresh=all-banks", "controller.postponed_refreshes=8",
                                 "controller.address_mapping=row rank bank column offset",
                                 "pcm.mapping=row bank rank column offset"});
    const PlatformConfig again = load_config(folder.file("p.yaml", effective_yaml(config)));
    for (const PlatformConfig* read : {&config, &again}) {
        const modules::ChannelControllerConfig& controller = read->memory.controller;
        CHECK(controller.scheduling == modules::SchedulingPolicy::fcfs);
        CHECK_FALSE(controller.forwarding);
        CHECK(controller.page_policy == modules::PagePolicy::timeout);
        CHECK(controller.page_timeout == core::Picoseconds{250'000});
        CHECK(controller.refresh == modules::RefreshMode::all_banks);
        CHECK(controller.postponed_refreshes == 8);
        CHECK(controller.address_mapping == "row rank bank column offset");
        CHECK(read->memory.pcm.address_mapping == "row bank rank column offset");
    }
    const std::string plain = effective_yaml(load_config(hydra_yaml));
    CHECK_THAT(plain,
               Contains("page_policy: open") && !Contains("page_timeout") && !Contains("mapping: row"));
    CHECK_NOTHROW(load_config(folder.file("plain.yaml", plain)));
}

TEST_CASE(
    "interruptions of array writes need a memory that can do them, and another place than beside units") {
    const auto controller_of = [](const std::vector<std::string>& settings) {
        return load_config(hydra_yaml, settings).memory.controller;
    };
    CHECK(controller_of({"controller.write_interruption=pause"}).write_interruption ==
          modules::WriteInterruption::pause);
    CHECK(controller_of(
              {"controller.write_interruption=cancel", "controller.fairness=batch", "controller.batch_cap=3"})
              .batch_cap == 3);
    CHECK_THROWS_WITH(controller_of({"controller.write_interruption=pause", "pcm.timing.write_iterations=1"}),
                      Contains("found pause, expected none: no memory has write_iterations above 1"));
    CHECK_THROWS_WITH(controller_of({"controller.write_interruption=cancel", "controller.scheduling=fcfs"}),
                      Contains("found pause or cancel, expected none with scheduling: fcfs"));
    CHECK_THROWS_WITH(
        load_config(HYDRAVP_SOURCE_DIR "/configs/pure-pcm.yaml", {"controller.write_interruption=pause"}),
        Contains("found pause or cancel, expected none beside near-memory units"));
}

TEST_CASE("ideal transfers take no time and change nothing else") {
    const PlatformConfig timed = load_config(hydra_yaml);
    const PlatformConfig ideal = with_ideal_transfers(timed);
    CHECK(ideal.transfers == TransferModel::ideal);
    CHECK(ideal.host.clock_period.count() == 0);
    CHECK(ideal.host.caches.l1i.hit_latency.count() == 0);
    CHECK(ideal.host.caches.l1d.hit_latency.count() == 0);
    CHECK(ideal.host.caches.l2.hit_latency.count() == 0);
    CHECK(ideal.host.caches.l2.size_bytes == timed.host.caches.l2.size_bytes);
    CHECK(ideal.host.layer_timeout == timed.host.layer_timeout);
    CHECK(ideal.bus.latency.count() == 0);
    CHECK(ideal.bus.bandwidth.time_for(1'000'000).count() == 0);
    CHECK(ideal.link.latency.count() == 0);
    CHECK(ideal.link.bandwidth.time_for(1'000'000).count() == 0);
    CHECK(ideal.link.energy.pj == timed.link.energy.pj);
    CHECK(ideal.memory.controller.latency.count() == 0);
    CHECK(ideal.memory.accumulation.latency.count() == 0);
    CHECK(ideal.memory.accumulation.clock_period.count() == 0);
    for (const memory::Technology* t : {&ideal.memory.dram.technology, &ideal.memory.pcm.technology}) {
        const core::Picoseconds sum = t->t_ck + t->t_rcd + t->t_cl + t->t_wl + t->t_ccd + t->t_wr + t->t_rtp +
                                      t->t_rp + t->t_ras + t->t_rc + t->t_rrd + t->t_rrd_pre + t->t_faw +
                                      t->t_wtr + t->t_rtrs + t->t_rfc;
        CHECK(sum.count() == 0);
    }
    CHECK(ideal.memory.dram.technology.t_refi.count() == 7'800'000);
    CHECK(ideal.memory.dram.technology.refresh.pj == 69100);
    CHECK(ideal.memory.dram.technology.array_read.pj == 1.17);
    CHECK(ideal.hydra.pool_cycles == 0);
    CHECK(ideal.hydra.clock_period.count() == 336);
    CHECK(ideal.hydra.ab_port_bits == 0); // no bottleneck
}

TEST_CASE("the ready-made configuration of the modules is that of the file") {
    const PlatformConfig read = load_config(hydra_yaml);
    PlatformConfig preset = read;
    preset.memory = modules::hydra_memory();
    CHECK(effective_yaml(preset) == effective_yaml(read));
    preset.memory = load_hybrid_memory(hydra_yaml);
    CHECK(effective_yaml(preset) == effective_yaml(read));
    CHECK(load_hybrid_memory(hydra_yaml, {"transfers=ideal"}).dram.technology.t_rcd == core::Picoseconds{0});
}
