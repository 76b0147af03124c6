// SPDX-License-Identifier: Apache-2.0
// The command line, as a user meets it: the program's exit code and what it prints.
#include "program.h"

#include <string>

using Catch::Contains;
using Catch::StartsWith;
using namespace hydravp;
using test::Outcome;
using test::run_hydravp;

namespace {

const std::string platform_yaml = HYDRAVP_SOURCE_DIR "/configs/hydra.yaml";

void check_bad_input(const std::string& arguments, const std::string& expected) {
    CAPTURE(arguments);
    test::check_bad_input(run_hydravp(arguments), expected);
}

} // namespace

TEST_CASE("help and version are printed without SystemC's banner") {
    for (const char* arguments : {"--help", "run --help", "config --help", "networks --help",
                                  "replay-layers --help", "capture --help", "replay --help"}) {
        const Outcome help = run_hydravp(arguments);
        CHECK(help.code == 0);
        CHECK_THAT(help.text, Contains("Usage: hydravp"));
        CHECK_THAT(help.text, !Contains("Copyright"));
    }
    const Outcome version = run_hydravp("--version");
    CHECK(version.code == 0);
    CHECK_THAT(version.text, StartsWith("hydravp ") && Contains("SystemC ") && !Contains("Copyright"));
}

TEST_CASE("the effective configuration is printed and reads back") {
    const Outcome first = run_hydravp("config " + platform_yaml + " --set hydra.units=8");
    CHECK(first.code == 0);
    CHECK_THAT(first.text, StartsWith("# Effective configuration") && Contains("  units: 8 "));
    const Outcome second = run_hydravp("config " + platform_yaml +
                                       " --set hydra.units=8 > p.yaml; '" HYDRAVP_PROGRAM "' config p.yaml");
    CHECK(second.code == 0);
    CHECK(second.text == first.text);
}

TEST_CASE("a replay prints a table, and writes its files where it is told to") {
    const std::string network = " --network '" HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx'";
    const std::string dram = "replay-layers --memory '" HYDRAVP_SOURCE_DIR "/configs/memory/hydra-dram.yaml'";
    const Outcome printed = run_hydravp(dram + network + "; ls -A | wc -l");
    CHECK(printed.code == 0);
    CHECK_THAT(printed.text, Contains("replayed into hydra-dram: transfers timed, mapping paper-numbers, "
                                      "accesses of 64 bytes, 16 under way") &&
                                 Contains("mean latency [ns]") && Contains("\ntotal ") &&
                                 Contains("dram_array_read") && Catch::EndsWith("\n0\n"));
    const Outcome written = run_hydravp(
        dram + network + " --out a/b --mapping paper-text --access-bytes 1024 --outstanding 4" +
        " --set controller.latency=10ns; ls a/b; grep -c '\"mapping\": \"paper-text\"' a/b/replay.json");
    CHECK(written.code == 0);
    CHECK_THAT(written.text, Contains("mapping paper-text, accesses of 1024 bytes, 4 under way") &&
                                 Contains("replay.json and replay.csv are in a/b\n") &&
                                 Catch::EndsWith("replay.csv\nreplay.json\n1\n"));
    const Outcome hybrid = run_hydravp("replay-layers --memory " + platform_yaml + network);
    CHECK(hybrid.code == 0);
    CHECK_THAT(hybrid.text,
               Contains("replayed into hydra: ") && Contains("pcm_array_read") && !Contains("Warning"));
}

TEST_CASE("bad input of a replay ends with exit code 2 and a message") {
    const std::string dram =
        "replay-layers --memory '" HYDRAVP_SOURCE_DIR "/configs/memory/hydra-dram.yaml' ";
    check_bad_input("replay-layer", "(did you mean replay-layers?)");
    check_bad_input("replay-layers", "--memory");
    check_bad_input("replay-layers --memory nowhere.yaml", "nowhere.yaml: no such file");
    check_bad_input(dram + "--network vgg17", "vgg16");
    check_bad_input(dram + "--network nowhere.onnx", "nowhere.onnx");
    check_bad_input(dram + "--access-bytes 100",
                    "--access-bytes: found 100, expected a power of two from 8 to 8192");
    check_bad_input(dram + "--access-bytes many", "--access-bytes: found 'many', expected a whole number");
    check_bad_input(dram + "--access-bytes 4294967296", "--access-bytes");
    check_bad_input(dram + "--outstanding 0", "--outstanding");
    check_bad_input(dram + "--outstanding 5000",
                    "--outstanding: found 5000, expected a whole number from 1 to 1024");
    check_bad_input(dram + "--mapping paper", "--mapping");
    check_bad_input(dram + "--set dram.timing.t_rdc=1cy", "(did you mean dram.timing.t_rcd?)");
    check_bad_input(dram + "--out /dev/null", "/dev/null");
    const test::TemporaryFolder folder;
    test::write_file(folder / "t.yaml", "name: t\nkind: dram\ntiming:\n  t_ck: 2.5\n  t_rdc: 5 cy\n");
    const Outcome bad = test::hydravp_in(folder, "replay-layers --memory t.yaml");
    test::check_bad_input(bad, "t.yaml:4:9: dram.timing.t_ck: found '2.5', expected");
    CHECK_THAT(bad.text,
               Contains("t.yaml:5:3: dram.timing.t_rdc: unknown key (did you mean dram.timing.t_rcd?)") &&
                   Contains("\nt.yaml: dram.energy.array_read: missing"));
}

TEST_CASE("an option of the configuration does not swallow what follows it") {
    CHECK(run_hydravp("config --set hydra.units=8 --set hydra.units=4 " + platform_yaml).code == 0);
}

TEST_CASE("the known networks are listed") {
    const Outcome networks = run_hydravp("networks");
    CHECK(networks.code == 0);
    CHECK_THAT(networks.text, Contains("MACs [M]") && Contains("vgg16") && Contains("15470.26"));
}

TEST_CASE("bad input ends with exit code 2 and a message") {
    check_bad_input("", "expected a command: run, reproduce, map, interference, sensitivity, replay-layers, "
                        "capture, replay, generate, "
                        "networks, config");
    check_bad_input("rnu", "(did you mean run?)");
    check_bad_input("--nonsense", "--nonsense");
    check_bad_input("run --nonsense", "--nonsense");
    check_bad_input("reproduce", "paper");
    check_bad_input("reproduce hidra", "(did you mean hydra?)");
    check_bad_input("reproduce hydra nowhere.yaml", "nowhere.yaml: no such file");
    check_bad_input("reproduce hydra --out /dev/null", "/dev/null");
    check_bad_input("run --data fast", "--data");
    check_bad_input("run --golden maybe", "--golden");
    check_bad_input("run --count 0", "--count");
    check_bad_input("run --count -1", "--count");
    check_bad_input("run --count many", "--count");
    check_bad_input("run --seed x", "--seed");
    check_bad_input("run --labels l", "--labels without --images");
    check_bad_input("run --set", "--set");
    check_bad_input("config", "platform");
    check_bad_input("config nowhere.yaml", "nowhere.yaml: no such file");
    check_bad_input("config .", "found a folder");
    check_bad_input("config " + platform_yaml + " --set hydra.unit=8", "(did you mean hydra.units?)");
    check_bad_input("run --set hydra.units=99", "hydra.units: found 99, expected at most 16");
    check_bad_input(
        "run --set pcm.energy.array_write_policy=flipped-bits",
        "--data timing: pcm: energy.array_write_policy: found flipped-bits, expected modified-words "
        "or whole-row: no data are kept here, whose bits could be compared (--data functional "
        "keeps them)");
    check_bad_input("run --set controller.dmi=true", "--data timing: dram: dmi: found true, expected false");
    const std::string pcm = " --memory '" HYDRAVP_SOURCE_DIR "/configs/memory/lee-pcm.yaml'";
    check_bad_input("replay-layers" + pcm + " --set dram.energy.array_write_policy=flipped-bits",
                    "energy.array_write_policy: found flipped-bits");
    check_bad_input("capture -o t.hvt" + pcm + " --set controller.dmi=true", "dmi: found true");
    check_bad_input("run --network vgg17", "vgg16");
    check_bad_input("run --network nowhere.onnx", "nowhere.onnx");
    check_bad_input("run --network vgg16 --images nowhere --count 1", "nowhere");
    check_bad_input("run --out /dev/null", "/dev/null");
    check_bad_input("run --out /dev/null/below", "/dev/null/below");
    check_bad_input("run --vcd /nowhere/a.vcd", "/nowhere/a.vcd: cannot be written");
    check_bad_input("run --vcd .", "cannot be written");
    check_bad_input("run --trace 'platform.*'", "without --vcd");
    check_bad_input("run --trace-to '1 ms'", "without --vcd");
    check_bad_input("run --vcd a.vcd --trace-from 10", "--trace-from");
    check_bad_input("run --vcd a.vcd --trace-from 2us --trace-to '2 us'", "--trace-to: found 2 us");
    check_bad_input("run --vcd a.vcd --trace 'platform.hydar0.*'", "platform.hydra0.*");
}

TEST_CASE("a run gives the same results whether it is traced or not") {
    const std::string run = "run --network '" HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx' ";
    const std::string again = "; '" HYDRAVP_PROGRAM "' " + run;
    const std::string compare =
        "; for d in a b; do grep -v -e wall_s -e peak_rss_mb $d/results.json > $d.txt; done; "
        "cmp a.txt b.txt && cmp a/layers.csv b/layers.csv && test -s w.vcd && echo same";
    CHECK_THAT(run_hydravp(run + "--out a" + again + "--out b --vcd w.vcd" + compare).text,
               Contains("\nsame\n"));
    CHECK_THAT(run_hydravp(run + "--data timing --out a" + again +
                           "--data timing --out b --vcd w.vcd --trace 'platform.dram.*'" + compare)
                   .text,
               Contains("\nsame\n"));
}

TEST_CASE("no figure but the agreement depends on the golden executor") {
    const std::string run = "run --network '" HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx' ";
    const std::string without = "grep -v -e wall_s -e peak_rss_mb -e golden_agreement ";
    CHECK_THAT(run_hydravp(run + "--out a --golden on; '" HYDRAVP_PROGRAM "' " + run +
                           "--out b --golden off; " + without + "a/results.json > a.txt; " + without +
                           "b/results.json > b.txt; cmp a.txt b.txt && "
                           "grep -c 'golden_agreement.: 1.0' a/results.json && echo same")
                   .text,
               Contains("1\nsame\n"));
}

TEST_CASE("output that cannot be written is noticed") {
    CHECK(run_hydravp("networks > /dev/full").code == 1);
}
