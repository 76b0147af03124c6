// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace hydravp;
using Catch::Contains;
using test::Outcome;
using test::read_file;
using test::TemporaryFolder;
using Json = nlohmann::json;

namespace {

const std::string source = HYDRAVP_SOURCE_DIR;
const std::string images = "--images /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz "
                           "--labels /usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz ";

Json run(const TemporaryFolder& folder, const std::string& platform, const std::string& arguments) {
    const Outcome outcome =
        test::hydravp_in(folder, "run " + source + "/configs/" + platform + " " + arguments + " --out out");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    return Json::parse(read_file(folder / "out/results.json"));
}

double sum(const Json& figures) {
    double total = 0;
    for (const auto& [name, value] : figures.items()) {
        total += name == "total" ? 0 : value.get<double>();
    }
    return total;
}

} // namespace

TEST_CASE("the SVHN topology with trained weights is computed bit by bit on real images") {
    const std::string platform = GENERATE("mram-sa1.yaml", "mram-sa2.yaml");
    const TemporaryFolder folder;
    const Json results =
        run(folder, platform,
            "--network " + source + "/workloads/models/svhn_bwn_fashion.onnx " + images + "--count 20");
    CHECK(results.at("accuracy").at("golden_agreement") == 1.0);
    CHECK(results.at("accuracy").at("top1") >= 0.8);
    CHECK(results.at("frames") == 20);
    CHECK(results.at("macs") == 41735424);
    const Json& mram = results.at("mram");
    CHECK(mram.at("batch") == 8);
    CHECK(mram.at("frames_per_s").get<double>() > 0);
    CHECK(mram.at("frames_per_j").get<double>() ==
          Approx(1e3 / results.at("energy_mj").at("total").get<double>()));
    // Layers add up to the frame.
    double energy = 0;
    std::uint64_t macs = 0;
    for (const Json& layer : results.at("layers")) {
        energy += sum(layer.at("energy_mj"));
        macs += layer.at("macs").get<std::uint64_t>();
    }
    CHECK(energy == Approx(sum(results.at("energy_mj"))).epsilon(1e-9));
    CHECK(macs == 41735424);
    CHECK(results.at("layers").size() == 10);
}

TEST_CASE("hundred images through a small trained network, in batches of which the last is smaller") {
    const TemporaryFolder folder;
    const Json results = run(folder, "mram-sa2.yaml",
                             "--network " + source + "/workloads/models/vggs_bwn_fashion.onnx " + images +
                                 "--count 100 --set batch=32");
    CHECK(results.at("accuracy").at("golden_agreement") == 1.0);
    CHECK(results.at("accuracy").at("top1") >= 0.88);
}

TEST_CASE("timing mode gives the same time, energy and counts") {
    const TemporaryFolder folder;
    const std::string network = "--network " + source + "/workloads/models/vggs_bwn_fashion.onnx --count 16";
    Json functional = run(folder, "mram-sa1.yaml", network);
    Json timing = run(folder, "mram-sa1.yaml", network + " --data timing");
    CHECK(functional.at("accuracy").at("golden_agreement") == 1.0);
    CHECK(timing.at("accuracy").is_null());
    for (Json* results : {&functional, &timing}) {
        for (const char* name : {"data", "accuracy", "load_bytes", "host"}) {
            results->erase(name);
        }
    }
    CHECK(functional == timing);
}

TEST_CASE("failing sense amplifiers cost accuracy in proportion to the cells' variation") {
    const TemporaryFolder folder;
    const auto agreement = [&](const std::string& sigma) {
        const Json results = run(
            folder, "mram-sa2.yaml",
            "--network " + source + "/workloads/models/vggs_bwn_fashion.onnx " + images +
                "--count 8 --set sense_failures=injected --set 'mram.variation.sigma_ra=" + sigma + " %'");
        return results.at("accuracy").at("golden_agreement").get<double>();
    };
    CHECK(agreement("2") == 1.0);
    const double some = agreement("6");
    const double many = agreement("10");
    CHECK(some < 1);
    CHECK(many < some);
}

TEST_CASE("known networks run without data, and what does not fit is refused") {
    const TemporaryFolder folder;
    const Json results = run(folder, "mram-sa1.yaml", "--count 8");
    CHECK(results.at("network") == "svhn");
    CHECK(results.at("data") == "timing");
    CHECK_THAT(test::hydravp_in(folder, "config " + source + "/configs/mram-sa1.yaml").text,
               Contains("sense_amplifier: sa1"));
    const Outcome large = test::run_hydravp(
        "run " + source + "/configs/mram-sa1.yaml --count 32 --set batch=32 --set mram.tensor_subarrays=64");
    CHECK(large.code == 2);
    CHECK_THAT(large.text, Contains("with a batch of 32, expected at most 1048576"));
    const Outcome shortcut = test::run_hydravp("run " + source + "/configs/mram-sa1.yaml --network resnet34");
    CHECK(shortcut.code == 2);
}

TEST_CASE("the waveform of a run shows phases and the first addition of each layer") {
    const TemporaryFolder folder;
    run(folder, "mram-sa1.yaml",
        "--network " + source +
            "/workloads/models/vggs_bwn_fashion.onnx --count 1 --set batch=1 --vcd a.vcd");
    const std::string vcd = read_file(folder / "a.vcd");
    CHECK_THAT(vcd, Contains("phase") && Contains("subarray0") && Contains("rwl") && Contains("latch"));
    CHECK(vcd.size() > 10000);
}
