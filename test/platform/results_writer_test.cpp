// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/results_writer.h"

#include "hydravp/core/error.h"

#include "program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;
using test::read_file;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

RunResults example() {
    RunResults r;
    r.complete = true;
    r.platform = "hydra";
    r.network = "tiny";
    r.transfers = "timed";
    r.mapping = "paper-numbers";
    r.partial_sum_bits = 32;
    r.precision = 16;
    r.data = "functional";
    r.frames = 2;
    r.latency_ms = 0.3;
    r.control_ms = 0.1;
    r.load_bytes = 1e6;
    r.macs = 15'470'264'320;
    r.total.energy_mj = {{"dram_array_read", 0.1}, {"hydra_mac", 0.2}, {"dram_background", 0.4}};
    r.total.bytes = {{"dram_read", 1024}, {"dram_written", 512.5}};
    r.total.writes = {{"dram_words", 256}};
    r.total.counts = {{"l2_misses", 3}};
    r.total.busy_ms = {{"mac", 0.15}, {"channel", 0.2}};
    LayerResult conv;
    conv.name = "conv, \"first\"";
    conv.kind = "conv";
    conv.start_ms = 0;
    conv.end_ms = 0.2;
    conv.macs = 15'470'264'320;
    conv.bound_by = "mac";
    conv.activity.energy_mj = {{"dram_array_read", 0.1}, {"hydra_mac", 0.2}};
    conv.activity.bytes = {{"dram_read", 1024}};
    conv.activity.busy_ms = {{"mac", 0.15}};
    LayerResult pool;
    pool.name = "pool";
    pool.kind = "max_pool";
    pool.start_ms = 0.2;
    pool.end_ms = 0.3;
    pool.activity.writes = {{"dram_words", 256}};
    r.total.transfer_mj = {{"array_only", 0.05}};
    pool.activity.transfer_mj = {{"array_only", 0.05}};
    r.layers = {conv, pool};
    r.hardware = {1.6384, 0.02048, 1.4, 0.7, 32, 16};
    r.host = {1.5, 100.25, 12345};
    return r;
}

std::string json_of(const RunResults& results) {
    const TemporaryFolder folder;
    write_results_json(folder / "results.json", results);
    return read_file(folder / "results.json");
}

} // namespace

TEST_CASE("results.json is exactly this") {
    CHECK(json_of(example()) == R"({
  "schema": "hydravp-results-1",
  "complete": true,
  "platform": "hydra",
  "network": "tiny",
  "transfers": "timed",
  "mapping": "paper-numbers",
  "partial_sum_bits": 32,
  "precision": 16,
  "data": "functional",
  "frames": 2,
  "latency_ms": 0.3,
  "control_ms": 0.1,
  "load_bytes": 1000000,
  "macs": 15470264320,
  "energy_mj": {
    "dram_array_read": 0.1,
    "dram_background": 0.4,
    "hydra_mac": 0.2,
    "total": 0.7
  },
  "bytes": {
    "dram_read": 1024,
    "dram_written": 512.5
  },
  "writes": {
    "dram_words": 256
  },
  "counts": {
    "l2_misses": 3
  },
  "busy_ms": {
    "channel": 0.2,
    "mac": 0.15
  },
  "energy_split_mj": {
    "background": 0.4,
    "compute": 0.2,
    "refresh": 0.0,
    "transfer": 0.1
  },
  "transfer_mj": {
    "array_only": 0.05
  },
  "hardware": {
    "area_mm2": 1.6384,
    "area_share": 0.02048,
    "power_w": 1.4,
    "mean_power_w": 0.7,
    "units": 32,
    "working_units": 16
  },
  "endurance": [],
  "layers": [
    {
      "name": "conv, \"first\"",
      "kind": "conv",
      "start_ms": 0.0,
      "end_ms": 0.2,
      "latency_ms": 0.2,
      "macs": 15470264320,
      "bound_by": "mac",
      "energy_mj": {
        "dram_array_read": 0.1,
        "hydra_mac": 0.2,
        "total": 0.30000000000000004
      },
      "bytes": {
        "dram_read": 1024
      },
      "writes": {},
      "counts": {},
      "busy_ms": {
        "mac": 0.15
      },
      "energy_split_mj": {
        "background": 0.0,
        "compute": 0.2,
        "refresh": 0.0,
        "transfer": 0.1
      },
      "transfer_mj": {}
    },
    {
      "name": "pool",
      "kind": "max_pool",
      "start_ms": 0.2,
      "end_ms": 0.3,
      "latency_ms": 0.09999999999999998,
      "macs": 0,
      "bound_by": "",
      "energy_mj": {
        "total": 0.0
      },
      "bytes": {},
      "writes": {
        "dram_words": 256
      },
      "counts": {},
      "busy_ms": {},
      "energy_split_mj": {
        "background": 0.0,
        "compute": 0.0,
        "refresh": 0.0,
        "transfer": 0.0
      },
      "transfer_mj": {
        "array_only": 0.05
      }
    }
  ],
  "load": null,
  "accuracy": null,
  "host": {
    "wall_s": 1.5,
    "peak_rss_mb": 100.25,
    "kernel_events": 12345
  }
}
)");
}

TEST_CASE("accuracy says null for what was not compared") {
    RunResults results = example();
    results.accuracy = Accuracy{100, 0.875, std::nullopt};
    CHECK_THAT(json_of(results), Contains("\"accuracy\": {\n    \"images\": 100,\n    \"top1\": 0.875,\n"
                                          "    \"golden_agreement\": null\n  }"));
}

TEST_CASE("a memory that wears out has a lifetime, in the table in years or days") {
    RunResults results = example();
    results.endurance = {{"dram", "lee-pcm", 100'000'000, 8'589'934'592, 15000.5, 2, 0.5, 166.25},
                         {"pcm", "other", 100'000'000, 34'359'738'368, 0, 0, std::nullopt, std::nullopt}};
    const std::string json = json_of(results);
    CHECK_THAT(json, Contains(R"(    {
      "memory": "dram",
      "technology": "lee-pcm",
      "endurance": 100000000,
      "capacity_bytes": 8589934592,
      "array_words": 15000.5,
      "most_writes": 2,
      "years": 0.5,
      "years_levelled": 166.25
    },)") && Contains("\"years\": null,\n      \"years_levelled\": null"));
    const std::string table = format_table(results);
    CHECK_THAT(
        table,
        Contains("lifetime  dram (lee-pcm): 182.6 days until the first word wears out, 166.2 years with "
                 "ideal levelling\n"));
    CHECK_THAT(table, Contains("lifetime  pcm (other): nothing is written into its cells\n"));
    CHECK_THAT(table,
               Contains("units     16 of 32 work; with more of them the mapping would be no faster\n"));
    CHECK_THAT(table, Contains("area      1.638 mm2 of all units, 2.05 % of a DRAM\n") &&
                          Contains("power     1.4 W while all units compute, 0.7 W on average\n"));
}

TEST_CASE("a background load has figures of its own") {
    RunResults results = example();
    results.load = LoadFigures{1000, 612.5, 580.5, 900, 1200, 2000.5, 1.25};
    CHECK_THAT(json_of(results),
               Contains("\"load\": {\n    \"accesses\": 1000,\n    \"mean_latency_ns\": 612.5,\n"
                        "    \"median_latency_ns\": 580.5,\n    \"p95_latency_ns\": 900.0,\n"
                        "    \"p99_latency_ns\": 1200.0,\n    \"max_latency_ns\": 2000.5,\n"
                        "    \"bandwidth_gb_s\": 1.25\n  }"));
    CHECK_THAT(
        format_table(results),
        Contains(
            "load      1000 accesses per frame, 612.5 ns each on average, 95 % within 900.0 ns, 1.250 GB/s"));
    CHECK_THAT(format_table(example()), !Contains("load  "));
}

TEST_CASE("a run without layers has an empty list of them") {
    RunResults results = example();
    results.layers.clear();
    CHECK_THAT(json_of(results), Contains("\"layers\": [],"));
}

TEST_CASE("the same results give the same bytes") {
    CHECK(json_of(example()) == json_of(example()));
}

TEST_CASE("a figure that is not a number is never written") {
    RunResults results = example();
    results.total.energy_mj["link"] = std::numeric_limits<double>::quiet_NaN();
    const TemporaryFolder folder;
    CHECK_THROWS_AS(write_results_json(folder / "results.json", results), core::SimulationError);
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a name that is not UTF-8 does not break the file") {
    RunResults results = example();
    results.network = "net\xFFwork";
    CHECK_THAT(json_of(results), Contains("\"network\": \"net\xEF\xBF\xBDwork\""));
}

TEST_CASE("layers.csv has a column for every account of any layer") {
    const TemporaryFolder folder;
    write_layers_csv(folder / "layers.csv", example());
    CHECK(read_file(folder / "layers.csv") ==
          "name,kind,start_ms,end_ms,latency_ms,macs,bound_by,energy_mj.total,"
          "energy_mj.dram_array_read,energy_mj.dram_background,energy_mj.hydra_mac,"
          "bytes.dram_read,bytes.dram_written,writes.dram_words,counts.l2_misses,busy_ms.channel,busy_ms.mac,"
          "transfer_mj.array_only\n"
          "\"conv, \"\"first\"\"\",conv,0,0.2,0.2,15470264320,mac,0.30000000000000004,"
          "0.1,0,0.2,1024,0,0,0,0,0.15,0\n"
          "pool,max_pool,0.2,0.3,0.09999999999999998,0,,0,0,0,0,0,0,256,0,0,0,0.05\n");
}

TEST_CASE("the table has aligned columns with units") {
    const std::string text = format_table(example());
    CHECK_THAT(text, Catch::StartsWith("tiny on hydra: transfers timed, mapping paper-numbers, words 16 bit, "
                                       "partial sums 32 bit, data functional, 2 frames\n"));
    CHECK_THAT(text, Contains("latency [ms]") && Contains("energy [mJ]") && Contains("DRAM written [MB]"));
    CHECK_THAT(text, Contains("75.0")); // mac: 0.15 of 0.2 ms
    CHECK_THAT(text, Contains("0.3000 ms per frame (3333.33 frames/s)"));
    CHECK_THAT(text, Contains("total 0.700"));
    CHECK_THAT(text, !Contains("INCOMPLETE"));
    std::istringstream lines(text);
    std::vector<std::size_t> widths;
    for (std::string line; std::getline(lines, line);) {
        if (Contains("layer  ").match(line) || Contains("----").match(line) ||
            Catch::StartsWith("frame").match(line) || Catch::StartsWith("pool").match(line)) {
            widths.push_back(line.size());
        }
    }
    REQUIRE(widths.size() == 5);
    CHECK(std::all_of(widths.begin(), widths.end(), [&](std::size_t w) { return w == widths.front(); }));
}

TEST_CASE("the table counts bits that changed where somebody did") {
    RunResults results = example();
    CHECK_THAT(format_table(results), !Contains("bits that changed"));
    results.total.counts["pcm_array_bits_set"] = 121099.5;
    results.total.counts["pcm_array_bits_reset"] = 54001;
    const std::string text = format_table(results);
    CHECK_THAT(text, Contains("\nbits that changed in the cells per frame\n  pcm_array_bits_reset") &&
                         Contains(" 54001\n") && !Contains("l2_misses"));
}

TEST_CASE("the table of an incomplete run says so") {
    RunResults results = example();
    results.complete = false;
    CHECK_THAT(format_table(results),
               Contains("INCOMPLETE") && Contains("the complete frames\n") && Contains("frames/s"));
    results.frames = 0;
    CHECK_THAT(format_table(results),
               Contains("INCOMPLETE") && Contains("the frame's complete layers\n") && !Contains("frames/s"));
}

TEST_CASE("a file is replaced in one step, and nothing else is left") {
    const TemporaryFolder folder;
    write_file(folder / "a", "old");
    write_file(folder / "a", "new");
    CHECK(read_file(folder / "a") == "new");
    CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a file that cannot be written is an error and leaves nothing") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(write_file(folder / "missing/a", "text"), core::SimulationError);
    fs::create_directory(folder / "folder");
    write_file(folder / "folder/inside", "text");
    CHECK_THROWS_AS(write_file(folder / "folder", "text"), core::SimulationError);
    CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("files of an earlier run are removed, others stay") {
    const TemporaryFolder folder;
    write_file(folder / "results.json", "old");
    write_file(folder / "notes", "mine");
    remove_old_files(folder.path().string(), {"results.json", "layers.csv"});
    CHECK_FALSE(fs::exists(folder / "results.json"));
    CHECK(fs::exists(folder / "notes"));
    fs::create_directory(folder / "folder");
    write_file(folder / "folder/inside", "text");
    CHECK_THROWS_AS(remove_old_files(folder.path().string(), {"folder"}), core::InputError);
}

TEST_CASE("the output folder is made, or refused before anything is simulated") {
    const TemporaryFolder folder;
    prepare_output_folder(folder / "a/b/c");
    CHECK(fs::is_directory(folder / "a/b/c"));
    CHECK_NOTHROW(prepare_output_folder(folder / "a/b/c/"));
    write_file(folder / "file", "text");
    CHECK_THROWS_WITH(prepare_output_folder(folder / "file"), Contains("file: "));
    CHECK_THROWS_AS(prepare_output_folder(folder / "file"), core::InputError);
    CHECK_THROWS_AS(prepare_output_folder(folder / "file/below"), core::InputError);
    CHECK_THROWS_AS(prepare_output_folder(""), core::InputError);
    CHECK_THROWS_AS(prepare_output_folder("/proc/hydravp"), core::InputError);
}
