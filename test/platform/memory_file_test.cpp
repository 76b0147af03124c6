// SPDX-License-Identifier: Apache-2.0
// Memory files: what they hold, what of it is refused, and that nothing of it is ignored.
#include "hydravp/core/error.h"
#include "hydravp/memory/power_residency.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/replay_memory.h"

#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using Catch::Contains;
using namespace hydravp;
using platform::PlatformConfig;
using test::hydravp_in;
using test::TemporaryFolder;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
const std::string hydra_yaml = configs + "hydra.yaml";

std::string text_of(const std::string& name) {
    return test::read_file(configs + "memory/" + name + ".yaml");
}

modules::MemoryConfig memory_of(const std::string& path, const std::vector<std::string>& overrides = {}) {
    return platform::load_config_with_memory(hydra_yaml, path, overrides).memory.dram;
}

std::string without(std::string text, const std::string& begin, const std::string& end) {
    const std::size_t at = text.find('\n' + begin) + 1;
    REQUIRE(at != 0);
    const std::size_t to = end.empty() ? text.size() : text.find('\n' + end, at) + 1;
    return text.erase(at, to - at);
}

/// The text with the line of a key replaced.
std::string with_key(std::string text, const std::string& key, const std::string& value) {
    const std::size_t at = text.find("  " + key + ": ");
    REQUIRE(at != std::string::npos);
    return text.replace(at, text.find('\n', at) - at, "  " + key + ": " + value);
}

/// "FILE:line:column" of the value of a key.
std::string place_of(const std::string& text, const std::string& key) {
    const std::size_t at = text.find("  " + key + ": ");
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    return "FILE:" + std::to_string(line) + ":" + std::to_string(key.size() + 5);
}

/// The error of a memory file; `FILE` stands for its path.
std::string error_of(const std::string& text) {
    const TemporaryFolder folder;
    const std::string path = folder / "m.yaml";
    test::write_file(path, text);
    try {
        memory_of(path);
    } catch (const core::InputError& e) {
        std::string message = e.what();
        for (std::size_t at = message.find(path); at != std::string::npos; at = message.find(path)) {
            message.replace(at, path.size(), "FILE");
        }
        return message;
    }
    return "no error";
}

std::vector<std::string> memory_files() {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(configs + "memory")) {
        files.push_back(entry.path().string());
    }
    REQUIRE(files.size() >= 7);
    return files;
}

} // namespace

TEST_CASE("a memory file alone is one channel with the file's shape") {
    const memory::Geometry lpddr4 = memory_of(configs + "memory/lpddr4-3200.yaml").geometry;
    CHECK(lpddr4.ranks == 1);
    CHECK(lpddr4.chips_per_rank == 1);
    CHECK(lpddr4.row_bytes == 2048);
    CHECK(lpddr4.burst_bytes() == 32);
    CHECK(lpddr4.channel_bytes() == 1ULL << 30);
    const memory::Geometry ddr4 = memory_of(configs + "memory/ddr4-2400.yaml").geometry;
    CHECK(ddr4.bank_groups == 4);
    CHECK(ddr4.channel_bytes() == 16ULL << 30);
    for (const std::string& file : memory_files()) {
        CAPTURE(file);
        const platform::ReplayMemory memory = platform::load_replay_memory(file, hydra_yaml);
        CHECK(memory.single_channel);
        CHECK(memory.name + ".yaml" == fs::path(file).filename());
    }
}

TEST_CASE("a platform's shape wins over that of its memory files") {
    const PlatformConfig config =
        platform::load_config(hydra_yaml, {"dram.technology=" + configs + "memory/ddr4-2400.yaml"});
    CHECK(config.memory.dram.geometry.rows == 32768);
    CHECK(config.memory.dram.geometry.bank_groups == 4); // which the platform does not name
    CHECK(config.memory.pcm.geometry.rows == 16384);
}

TEST_CASE("an override wins over the file's shape, under both names of the key") {
    const std::string file = configs + "memory/ddr4-2400.yaml";
    CHECK(memory_of(file, {"dram.rows=1024"}).geometry.rows == 1024);
    CHECK(memory_of(file, {"dram.geometry.rows=1024"}).geometry.rows == 1024);
    CHECK(memory_of(file, {"dram.rows=2048", "dram.geometry.rows=1024"}).geometry.rows == 1024);
}

TEST_CASE("the mapping of a file is that of the memory alone") {
    const std::string file = configs + "memory/ddr4-2400.yaml";
    CHECK(memory_of(file).address_mapping == "row rank bank column bankgroup offset");
    CHECK(memory_of(file, {"dram.geometry.mapping=row rank bank column offset"}).address_mapping ==
          "row rank bank column offset");
    CHECK(memory_of(configs + "memory/ddr3-1600.yaml").address_mapping.empty());
    const std::string key = "dram.technology=" + file;
    CHECK(platform::load_config(hydra_yaml, {key}).memory.dram.address_mapping.empty());
    CHECK(platform::load_config(hydra_yaml, {"pcm.technology=" + file}).memory.pcm.address_mapping.empty());
    const std::string ddr4 = text_of("ddr4-2400");
    CHECK_THAT(error_of(with_key(ddr4, "mapping", "row rank bank column bankgroup1 offset")),
               Catch::StartsWith(place_of(ddr4, "mapping") + ": geometry.mapping: address mapping") ||
                   Contains("found 1 bits of bankgroup, expected 2 as in the memory's geometry"));
}

TEST_CASE("a file without a shape has the platform's") {
    const TemporaryFolder folder;
    test::write_file(folder / "m.yaml", without(text_of("ddr3-1600"), "geometry:", "timing:"));
    const memory::Geometry g = memory_of(folder / "m.yaml").geometry;
    CHECK(g.banks == 16);
    CHECK(g.rows == 32768);
}

TEST_CASE("keys of a memory file that contradict each other are refused at their place") {
    const std::string ddr4 = text_of("ddr4-2400");
    const auto [key, value, section, expected] =
        GENERATE(table<std::string, std::string, std::string, std::string>({
            {"banks", "12", "geometry", "found '12', expected a power of two"},
            {"bank_groups", "32", "geometry", "found 32, expected a power of two that divides banks = 16"},
            {"device_bits", "2", "geometry", "found 2, expected 4, 8, 16, 32, 64 or 128"},
            {"device_bits", "256", "geometry", "found 256, expected 4, 8, 16, 32, 64 or 128"},
            {"burst_length", "1", "geometry", "found 1, expected a power of two from 2 to 64"},
            {"row_size", "1000 B", "geometry", "found 1000 B, expected a power of two, at least 8 B"},
            {"row_size", "4 B", "geometry", "expected a power of two, at least 8 B, a burst of 8 transfers"},
            {"rows", "2147483648", "geometry", "found a memory of 2^49 B, expected at most 2^46 B"},
            {"chips_per_rank", "64", "geometry", "found 64, expected a power of two, at most 32"},
            {"t_rc", "55 cy", "timing", "found 45.815 ns, expected at least t_ras + t_rp = 46.648 ns"},
            {"t_ras", "16 cy", "timing", "expected at least t_rcd = 14.161 ns"},
            {"t_ccd_l", "3 cy", "timing", "expected at least t_ccd = 3.332 ns"},
            {"t_rrd_l", "3 cy", "timing", "expected at least t_rrd = 3.332 ns"},
            {"t_wtr_l", "2 cy", "timing", "expected at least t_wtr = 2.499 ns"},
            {"t_faw", "3 cy", "timing", "expected at least t_rrd = 3.332 ns"},
            {"t_xs", "7 cy", "timing", "expected at least t_xp = 6.664 ns"},
            {"t_refi", "476 cy", "timing", "expected 0 ns or more than t_rfc + t_rc = 396.508 ns"},
            {"vdd", "0 V", "currents", "found 0 V, expected a voltage above zero"},
            {"vdd", "1.2", "currents", "found '1.2', expected a voltage with its unit"},
            {"idd2n", "24 mA", "currents", "found 24 mA, expected at least idd2p = 25 mA"},
            {"idd3p", "44 mA", "currents", "currents.idd3n: found 43 mA, expected at least idd3p = 44 mA"},
            {"idd4r", "42 mA", "currents", "found 42 mA, expected at least idd3n = 43 mA"},
            {"idd4w", "42 mA", "currents", "found 42 mA, expected at least idd3n = 43 mA"},
            {"idd0", "40 mA", "currents", "expected at least the mean standby current of a row cycle = 40.2"},
            {"idd5", "0 mA", "currents", "found 0 mA, expected at least idd3n = 43 mA"},
        }));
    CAPTURE(key, value);
    const std::string text = with_key(ddr4, key, value);
    const std::string message = error_of(text);
    const std::string reported = key == "idd3p" ? "idd3n" : key;
    CHECK_THAT(message, Catch::StartsWith(place_of(text, reported) + ": dram." + section + "." + reported +
                                          ": found"));
    CHECK_THAT(message, Contains(expected));
}

TEST_CASE("bursts that don't fit their columns and refreshes of a bank that take too long are refused") {
    const std::string ddr4 = text_of("ddr4-2400");
    CHECK_THAT(error_of(with_key(ddr4, "t_xp", "8 cy\n  t_rfc_pb: 421 cy")),
               Contains("timing.t_rfc_pb: found 350.693 ns, expected at most t_rfc = 349.86 ns"));
    CHECK_THAT(error_of(with_key(ddr4, "t_xp", "8 cy\n  t_burst: 5 cy")),
               Contains("timing.t_ccd: found 3.332 ns, expected at least t_burst = 4.165 ns"));
    CHECK_THAT(error_of(with_key(ddr4, "idd6", "30 mA\n  idd5_pb: 40 mA")),
               Contains("currents.idd5_pb: found 40 mA, expected at least idd3n = 43 mA"));
}

TEST_CASE("what a section lacks is missing in the file") {
    const std::string ddr4 = text_of("ddr4-2400");
    CHECK_THAT(error_of(without(ddr4, "  rows:", "  row_size:")),
               Catch::StartsWith("FILE: dram.rows: missing, expected a power of two"));
    CHECK_THAT(error_of(without(ddr4, "  idd3n:", "  idd4r:")),
               Contains(": dram.currents.idd3n: missing, expected a current with its unit"));
    CHECK_THAT(error_of(without(ddr4, "currents:", "")),
               Contains("FILE: dram.energy.array_read: missing, expected an energy per bit"));
    CHECK_THAT(error_of(ddr4 + "  idd7: 100 mA\n"), Contains("dram.currents.idd7: unknown key"));
    CHECK_THAT(error_of(with_key(ddr4, "rows", "8\n  row: 9")),
               Contains("dram.geometry.row: unknown key (did you mean dram.geometry.row"));
    CHECK_THAT(error_of(ddr4 + "rows: 8\n"),
               Contains("dram.rows: found it also as dram.geometry.rows, expected it once"));
}

TEST_CASE("the program refuses a contradicting memory file") {
    const TemporaryFolder folder;
    test::write_file(folder / "m.yaml", with_key(text_of("ddr4-2400"), "bank_groups", "32"));
    test::write_file(folder / "t.stl", "1: read 0x0\n");
    test::check_bad_input(hydravp_in(folder, "replay t.stl --memory m.yaml"),
                          "m.yaml:15:16: dram.geometry.bank_groups: found 32, expected a power of two");
}

TEST_CASE("energies derive from currents") {
    const memory::Technology t = memory_of(configs + "memory/ddr3-1600.yaml").technology;
    // (55 x 39 - 38 x 28 - 32 x 11) mA cy, 1.25 ns, 1.35 V, 8192 bits
    CHECK(t.array_read.pj == Approx(729 * 1.25 * 1.35 / 8192));
    CHECK(t.array_read.pj == Approx(0.150).epsilon(0.01));
    CHECK(t.array_write.pj == 0);
    CHECK(t.buffer_read.pj == Approx(12.55).epsilon(0.001));
    CHECK(t.buffer_write.pj == Approx(9.18).epsilon(0.001));
    CHECK(t.background.watts == Approx(0.0432));
    CHECK(t.active_standby.value().watts == Approx(0.0513));
    CHECK(t.refresh.pj == Approx(69147));
}

TEST_CASE("an energy that is given wins over the one that derives") {
    const std::string file = configs + "memory/ddr3-1600.yaml";
    const memory::Technology t = memory_of(file, {"dram.energy.background=1 W"}).technology;
    CHECK(t.background.watts == 1);
    CHECK(t.active_standby.value().watts == Approx(0.0513));
    const memory::Technology hotter = memory_of(file, {"dram.currents.vdd=2.7 V"}).technology;
    CHECK(hotter.background.watts == Approx(0.0864));
    CHECK(hotter.refresh.pj == Approx(2 * 69147));
}

TEST_CASE("a power of 0 is none, and one that is not given is that of the state above") {
    const std::string file = configs + "memory/hydra-dram.yaml";
    const memory::Technology without = memory_of(file).technology;
    CHECK_FALSE(without.active_standby.has_value());
    CHECK(background_power(without, memory::PowerState::active_standby).watts == without.background.watts);
    const std::vector<std::string> zero{"dram.energy.active_standby=0 W", "dram.energy.power_down=0 W"};
    const memory::Technology with = memory_of(file, zero).technology;
    CHECK(background_power(with, memory::PowerState::active_standby).watts == 0);
    CHECK(background_power(with, memory::PowerState::self_refresh).watts == 0); // as power-down
    const std::string yaml = platform::effective_yaml(platform::load_config(hydra_yaml, zero));
    CHECK_THAT(yaml, Contains("    active_standby: 0 W ") && !Contains("    self_refresh: "));
}

TEST_CASE("a loaded memory file is written and read back as the same") {
    const TemporaryFolder folder;
    for (const std::string& file : memory_files()) {
        const std::string yaml =
            platform::effective_yaml(platform::load_config(hydra_yaml, {"dram.technology=" + file}));
        test::write_file(folder / "p.yaml", yaml);
        CHECK(platform::effective_yaml(platform::load_config(folder / "p.yaml")) == yaml);
    }
}

TEST_CASE("ideal transfers leave no time to any memory") {
    for (const std::string& file : memory_files()) {
        const memory::Technology t =
            platform::with_ideal_transfers(platform::load_config_with_memory(hydra_yaml, file))
                .memory.dram.technology;
        const core::Picoseconds sum = t.t_ck + t.t_rcd + t.t_cl + t.t_wl + t.t_ccd + t.t_burst + t.t_wr +
                                      t.t_rtp + t.t_rp + t.t_ras + t.t_rc + t.t_rrd + t.t_rrd_pre + t.t_faw +
                                      t.t_wtr + t.t_ccd_l + t.t_rrd_l + t.t_wtr_l + t.t_rtrs + t.t_rfc +
                                      t.t_rfc_pb + t.t_cke + t.t_xp + t.t_xs;
        CHECK(sum.count() == 0);
    }
}

TEST_CASE("every key of a memory file is read") {
    const auto legal_change = [](const std::string& key, const std::string& value) -> std::string {
        if (key == "name") {
            return "another";
        }
        if (key == "kind") {
            return value == "dram" ? "pcm" : "dram";
        }
        if (key == "array_write_policy") {
            return "whole-row";
        }
        if (key == "mapping") {
            return "row rank bank column offset";
        }
        const std::size_t unit = value.find_first_not_of("0123456789.");
        const bool cycles = value.find("cy") != std::string::npos;
        double number = std::stod(value);
        if (unit == std::string::npos) { // a count
            return std::to_string(static_cast<int>(key == "bank_groups" ? number / 2 : number * 2));
        }
        number = key == "row_size" ? number * 2 : number * 1.01 + (cycles || number == 0 ? 1 : 0);
        std::ostringstream text;
        text << (cycles ? static_cast<int>(number) : number) << value.substr(unit);
        return text.str();
    };
    for (const std::string& file : memory_files()) {
        const std::string before =
            platform::effective_yaml(platform::load_config_with_memory(hydra_yaml, file));
        std::istringstream lines(test::read_file(file));
        std::string section = "dram";
        for (std::string line; std::getline(lines, line);) {
            const std::string content = line.substr(0, line.find('#'));
            const std::size_t colon = content.find(':');
            if (colon == std::string::npos) {
                continue;
            }
            const std::string key =
                content.substr(content.find_first_not_of(' '), colon - content.find_first_not_of(' '));
            std::string value = content.substr(colon + 1);
            value.erase(value.find_last_not_of(' ') + 1).erase(0, value.find_first_not_of(' '));
            if (value.empty()) {
                section = "dram." + key;
                continue;
            }
            const std::string override_text =
                (content[0] == ' ' ? section : "dram") + "." + key + "=" + legal_change(key, value);
            CAPTURE(file, override_text);
            std::string after;
            try {
                after = platform::effective_yaml(
                    platform::load_config_with_memory(hydra_yaml, file, {override_text}));
            } catch (const core::InputError& e) {
                after = e.what(); // contradicts other keys: read as well
            }
            CHECK(after != before);
        }
    }
}

TEST_CASE("refresh interval, row size and write energy of a file change what is simulated") {
    const TemporaryFolder folder;
    std::ostringstream trace;
    for (int i = 0; i < 4000; ++i) { // rows are opened, written and left
        trace << (i % 2 == 0 ? "ST " : "LD ") << i * 1664 << '\n';
    }
    test::write_file(folder / "t", trace.str());
    const auto result = [&folder](const std::string& text) {
        test::write_file(folder / "m.yaml", text);
        const test::Outcome outcome =
            hydravp_in(folder, "replay t --format ramulator --memory m.yaml --out out");
        CAPTURE(outcome.text);
        REQUIRE(outcome.code == 0);
        return Json::parse(test::read_file(folder / "out/trace.json"));
    };
    const Json dram = result(text_of("ddr3-1600"));
    const Json often = result(with_key(text_of("ddr3-1600"), "t_refi", "1000 cy"));
    CHECK(often.at("energy_mj").at("dram_refresh") > dram.at("energy_mj").at("dram_refresh"));
    CHECK(often.at("duration_ns") > dram.at("duration_ns"));
    const Json small_rows = result(with_key(text_of("ddr3-1600"), "row_size", "256 B"));
    CHECK(small_rows.at("energy_mj").at("dram_array_read") != dram.at("energy_mj").at("dram_array_read"));
    const Json pcm = result(text_of("isscc2012-pcm"));
    const Json hot = result(with_key(text_of("isscc2012-pcm"), "array_write", "52.66 pJ/bit"));
    const double written = pcm.at("energy_mj").at("pcm_array_write");
    CHECK(written > 0);
    CHECK(hot.at("energy_mj").at("pcm_array_write").get<double>() == Approx(2 * written));
}

TEST_CASE("the traffic of a network is the same for every memory") {
    const TemporaryFolder folder;
    const auto traffic = [&folder](const std::string& memory) {
        const test::Outcome outcome =
            hydravp_in(folder, "replay-layers --out out --network '" HYDRAVP_SOURCE_DIR
                               "/workloads/models/vggs_fashion.onnx' --memory '" +
                                   configs + "memory/" + memory + ".yaml'");
        CAPTURE(outcome.text);
        REQUIRE(outcome.code == 0);
        return Json::parse(test::read_file(folder / "out/replay.json")).at("traffic");
    };
    const Json hydra = traffic("hydra-dram");
    CHECK(traffic("hbm2") == hydra);
    CHECK(traffic("ddr4-2400") == hydra);
}
