// SPDX-License-Identifier: Apache-2.0
// The commands replay and capture.
#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

using Catch::Contains;
using Catch::EndsWith;
using namespace hydravp;
using test::check_bad_input;
using test::hydravp_in;
using test::Outcome;
using test::read_file;
using test::TemporaryFolder;
using Json = nlohmann::json;

namespace {

const std::string memory = " --memory '" HYDRAVP_SOURCE_DIR "/configs/memory/hydra-dram.yaml' ";
const std::string network = " --network '" HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx' ";

} // namespace

TEST_CASE("what is captured replays as it was") {
    const TemporaryFolder folder;
    for (const char* file : {"t.hvt", "t.hvt.gz", "t.hvt.zst", "t.stl"}) {
        CAPTURE(file);
        const Outcome captured =
            hydravp_in(folder, std::string("capture --clock-period 1ps -o ") + file + memory + network);
        CHECK(captured.code == 0);
        CHECK_THAT(captured.text, Catch::StartsWith("traffic of vggs_fashion into hydra-dram: ") &&
                                      EndsWith(std::string(" accesses in ") + file + "\n"));
        const Outcome replayed =
            hydravp_in(folder, std::string("replay --clock-period 1ps --out out ") + file + memory);
        CAPTURE(replayed.text);
        REQUIRE(replayed.code == 0);
        CHECK_THAT(replayed.text, EndsWith("\ntrace.json and histogram.csv are in out\n"));
        CHECK(std::filesystem::exists(folder / "out/histogram.csv"));
        REQUIRE(hydravp_in(folder, "replay-layers --out out" + memory + network).code == 0);
        const Json trace = Json::parse(read_file(folder / "out/trace.json"));
        const Json layers = Json::parse(read_file(folder / "out/replay.json"));
        CHECK(trace.at("accesses") == layers.at("accesses"));
        CHECK(trace.at("duration_ns").get<double>() == Approx(layers.at("time_ms").get<double>() * 1e6));
        CHECK(trace.at("late_accesses") == 0);
        CHECK(trace.at("bytes") == layers.at("bytes"));
        CHECK(trace.at("writes") == layers.at("writes"));
        CHECK(trace.at("energy_mj").at("total").get<double>() ==
              Approx(layers.at("energy_mj").at("total").get<double>()));
        const Json& read = trace.at("read");
        const Json& write = trace.at("write");
        const double mean =
            (read.at("accesses").get<double>() * read.at("latency_ns").at("mean").get<double>() +
             write.at("accesses").get<double>() * write.at("latency_ns").at("mean").get<double>()) /
            trace.at("accesses").get<double>();
        CHECK(mean == Approx(layers.at("mean_latency_ns").get<double>()));
    }
}

TEST_CASE("what is generated is played") {
    const TemporaryFolder folder;
    const Outcome written = hydravp_in(
        folder, "generate -o t.hvt.zst --count 20000 --random 0.5 --reads 0.7 --footprint '4 GiB'");
    CHECK(written.code == 0);
    CHECK(written.text == "20000 accesses in t.hvt.zst\n");
    REQUIRE(hydravp_in(folder, "replay t.hvt.zst --timing saturate --out out" + memory).code == 0);
    const Json mixed = Json::parse(read_file(folder / "out/trace.json"));
    CHECK(mixed.at("accesses") == 20000);
    CHECK(mixed.at("address_errors") == 0);
    CHECK(mixed.at("read").at("accesses").get<double>() == Approx(14000).margin(350)); // 5 deviations
    CHECK(mixed.at("write").at("bytes") == 64 * (20000 - mixed.at("read").at("accesses").get<int>()));

    REQUIRE(hydravp_in(folder, "generate -o t.stl --count 3 --access-bytes 32 --interval 5ns "
                               "--clock-period 2.5ns --footprint '64 B' --reads 0")
                .code == 0);
    CHECK_THAT(read_file(folder / "t.stl"),
               EndsWith("\n0: (32) write 0x0\n2: (32) write 0x20\n4: (32) write 0x0\n"));
}

TEST_CASE("a replay's options") {
    const TemporaryFolder folder;
    test::write_file(folder / "t", "10 R 40 00 0\n20 W 80 00 0\n30 W c0 00 0\n");
    const Outcome printed = hydravp_in(
        folder, "replay t --clock-period 400MHz --limit 2 --access-bytes 32 --outstanding 3" + memory);
    CHECK(printed.code == 0);
    CHECK_THAT(printed.text,
               Contains("t (nvmain, cycles of 2.5 ns) replayed into hydra-dram: transfers timed, "
                        "timing trace, at most 3 under way\n"));
    CHECK_THAT(printed.text, Contains("accesses   2\n") && Contains("from the first request at 25.000 ns"));
    const Outcome fast = hydravp_in(folder, "replay t --timing saturate --format nvmain");
    CHECK_THAT(fast.text, Contains("replayed into hydra: ") && Contains("timing saturate") &&
                              Contains("first request at 0.000 ns"));
}

TEST_CASE("bad input of replay and capture ends with exit code 2 and a message") {
    const TemporaryFolder folder;
    const auto bad = [&folder](const std::string& arguments, const std::string& expected) {
        CAPTURE(arguments);
        check_bad_input(hydravp_in(folder, arguments), expected);
    };
    test::write_file(folder / "t.stl", "1: read 0x0\n2: reed 0x0\n");
    test::write_file(folder / "good.stl", "1: read 0x0\n");
    bad("replay", "trace is required");
    bad("replay nowhere.stl", "nowhere.stl: can't open the file");
    bad("replay t.stl" + memory, "t.stl:2: found 'reed', expected read or write");
    bad("replay good.stl --memory nowhere.yaml", "nowhere.yaml: no such file");
    bad("replay good.stl --format elf", "found trace format 'elf', expected one of auto, stl, ramulator");
    bad("replay good.stl --format nvmain" + memory, "good.stl:1: found '1: read 0x0', expected 'CYCLE R|W");
    bad("replay good.stl --timing never", "--timing");
    bad("replay good.stl --clock-period 3", "--clock-period: found");
    bad("replay good.stl --clock-period 0ns", "--clock-period: found");
    bad("replay good.stl --outstanding 0", "--outstanding: found '0', expected a whole number");
    bad("replay good.stl --limit -1", "--limit: found '-1', expected a whole number");
    bad("replay good.stl --access-bytes 2000000", "--access-bytes: found 2000000, expected");
    bad("replay good.stl --set dram.timing.t_rdc=1", "t_rdc");
    bad("capture -o x" + network, "--memory");
    bad("capture" + memory, "--output");
    bad("capture -o x --network vgg17" + memory, "vgg17");
    bad("generate --count 3", "--output");
    bad("generate -o x", "--count");
    bad("generate -o x --count 0", "--count: found '0', expected a whole number, at least 1");
    bad("generate -o x --count 3 --random 1.5", "--random: found '1.5', expected a number from 0 to 1");
    bad("generate -o x --count 3 --reads half", "--reads: found 'half', expected a number from 0 to 1");
    bad("generate -o x --count 3 --footprint 32", "--footprint: found '32', expected a size with its unit");
    bad("generate -o x --count 3 --footprint '32 B'", "--footprint: found '32 B', expected room for");
    bad("generate -o x --count 3 --access-bytes 2000000", "--access-bytes: found 2000000, expected");
    bad("generate -o x --count 9000000 --interval '3600 s'", "--interval: found '3600 s', expected a trace");
    bad("generate -o x --count 3 --interval 5", "--interval: found");
    bad("generate -o x --count 3 --seed -1", "--seed: found '-1', expected a whole number");
    CHECK_FALSE(std::filesystem::exists(folder / "x"));
    const Outcome unwritable = hydravp_in(folder, "capture -o nowhere/x" + memory + network);
    CHECK(unwritable.code == 1);
    CHECK_THAT(unwritable.text, Contains("nowhere/x: cannot be written"));
}

TEST_CASE("a replay that fails removes earlier results") {
    const TemporaryFolder folder;
    test::write_file(folder / "good.stl", "1: read 0x0\n");
    test::write_file(folder / "t.stl", "1: read 0x0\n2: reed 0x0\n");
    REQUIRE(hydravp_in(folder, "replay good.stl --out out" + memory).code == 0);
    CHECK(std::filesystem::exists(folder / "out/trace.json"));
    CHECK(hydravp_in(folder, "replay t.stl --out out" + memory).code == 2);
    CHECK_FALSE(std::filesystem::exists(folder / "out/trace.json"));
    CHECK_FALSE(std::filesystem::exists(folder / "out/histogram.csv"));
}

TEST_CASE("an endless trace from a pipe, until SIGINT") {
    const TemporaryFolder folder;
    // More lines than a pipe holds: when they are through, the program is at work.
    const std::string lines = R"(srand(1); for (n = 0; n < limit || limit < 0; ++n))"
                              R"( printf("LD %.0f\n", int(rand() * 100000000) * 64))";
    const Outcome outcome =
        test::shell("cd '" + folder.path().string() + "' && { awk -v limit=20000 'BEGIN { " + lines +
                    " }'; kill -INT $(cat pid); awk -v limit=-1 'BEGIN { " + lines +
                    " }'; } 2>/dev/null | sh -c 'echo $$ > pid; exec \"$@\"' sh '" HYDRAVP_PROGRAM
                    "' replay /dev/stdin --out out" +
                    memory);
    CAPTURE(outcome.text);
    CHECK(outcome.code == 130);
    CHECK_THAT(outcome.text, Contains("INCOMPLETE: ") && Contains("hydravp: interrupted"));
    const Json results = Json::parse(read_file(folder / "out/trace.json"));
    CHECK(results.at("complete") == false);
    CHECK(results.at("accesses").get<std::uint64_t>() > 0);
}
