// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mapping_report.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"

#include "program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;
using test::Outcome;
using test::TemporaryFolder;

namespace {

MappingReport report_of(const std::string& network, const std::vector<std::string>& overrides) {
    return map_report(load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", overrides), network);
}

} // namespace

TEST_CASE("the roofs are those of the machine: 512 MACs in 8 cycles of 336 ps, 64 bytes in 10 ns") {
    const MappingReport report = report_of("vgg16", {"mapping=optimized"});
    CHECK(report.mapping == "optimized");
    CHECK(report.layers.size() == 21);
    CHECK(report.peak_macs_per_s == Approx(512 / 2.688e-9));
    CHECK(report.channel_bytes_per_s == Approx(6.4e9));
    CHECK(report.chip_bytes_per_s == Approx(16 * 0.8e9));
    for (const MappedLayer& layer : report.layers) {
        CAPTURE(layer.layer.name);
        const workloads::LayerCost& cost = layer.cost;
        CHECK(cost.macs == Approx(static_cast<double>(layer.layer.macs())));
        // No layer is above a roof.
        const double seconds = cost.latency * 1e-12;
        CHECK(cost.macs <= report.peak_macs_per_s * seconds * (1 + 1e-9));
        const double bytes = cost.weight_bytes + cost.sum_bytes + cost.result_bytes;
        CHECK(bytes <= report.channel_bytes_per_s * seconds * (1 + 1e-9));
    }
}

TEST_CASE("what binds a layer follows the machine") {
    const auto bound = [](const std::vector<std::string>& overrides, std::size_t layer) {
        return std::string(report_of("vgg16", overrides).layers.at(layer).cost.bound_by());
    };
    constexpr std::size_t conv4_2 = 11;
    constexpr std::size_t fc6 = 18;
    CHECK(bound({"mapping=optimized"}, conv4_2) == "mac");
    CHECK(bound({"mapping=optimized"}, fc6) == "channel");
    CHECK(bound({"mapping=optimized", "hydra.mac_cycles=1", "hydra.ab_port_bits=512"}, conv4_2) != "mac");
    CHECK(bound({"mapping=paper-numbers"}, 1) == "channel"); // conv1_2: sums of 16 units
}

TEST_CASE("the program prints both tables and writes a row per layer") {
    const TemporaryFolder folder;
    const Outcome outcome = test::hydravp_in(folder, "map resnet34 --out m");
    CAPTURE(outcome.text);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.text, Contains("resnet34 on hydra: mapping optimized, for transfers timed") &&
                                 Contains("channels x filters x positions") &&
                                 Contains("roofline: 190.48 GMAC/s") && Contains("ridge at 29.8 MAC/B"));
    const std::string csv = test::read_file(folder / "m/mapping.csv");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 37); // a head, 33 convolutions, 2 poolings, fc
    const Outcome paper = test::hydravp_in(folder, "map vgg16 --mapping paper-text");
    CHECK_THAT(paper.text, Contains("mapping paper-text,") && Contains("16 x 1 x 1"));
    test::check_bad_input(test::hydravp_in(folder, "map vgg17"), "vgg16");
    test::check_bad_input(test::hydravp_in(folder, "map"), "network");
}
