// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/sensitivity.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"

#include "program.h"
#include "schema_check.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::platform;
using Json = nlohmann::json;
using test::check_bad_input;
using test::Outcome;
using test::read_file;
using test::run_hydravp;
using test::TemporaryFolder;

namespace {

const Json& row_of(const Json& json, const std::string& key) {
    for (const Json& row : json.at("rows")) {
        if (row.at("parameter") == key) {
            return row;
        }
    }
    throw std::out_of_range(key);
}

} // namespace

TEST_CASE("every design variation makes a machine of its own, on every shipped platform") {
    for (const char* system : {"hydra", "pure-dram", "pure-pcm"}) {
        const std::string path = std::string(HYDRAVP_SOURCE_DIR "/configs/") + system + ".yaml";
        const PlatformConfig base = load_config(path);
        std::set<std::string> machines{effective_yaml(base)};
        const std::vector<Variation> variations = design_variations(base);
        CHECK(variations.size() > 30);
        for (const Variation& variation : variations) {
            CAPTURE(system, variation.parameter, variation.to);
            CHECK(variation.from != variation.to);
            CHECK(machines.insert(effective_yaml(load_config(path, variation.overrides))).second);
        }
    }
}

TEST_CASE("what is varied is measured, sorted and compared with the machine as it is") {
    const TemporaryFolder folder;
    const Outcome outcome = test::hydravp_in(
        folder,
        "sensitivity '" HYDRAVP_SOURCE_DIR
        "/workloads/models/vggs_fashion.onnx' --set transfers=ideal --out out --vary hydra.mac_cycles=16 "
        "--vary hydra.mac_cycles=4 --vary hydra.units=64 --vary link.latency=1us");
    CAPTURE(outcome.text);
    REQUIRE(outcome.code == 0);
    const Json json = Json::parse(read_file(folder / "out/sensitivity.json"));
    const Json schema = Json::parse(read_file(HYDRAVP_SOURCE_DIR "/docs/sensitivity.schema.json"));
    test::check_names(json, schema);
    test::check_names(json.at("base"), schema.at("$defs").at("frame"));
    CHECK(json.at("schema") == schema.at("properties").at("schema").at("const"));
    CHECK(json.at("overrides") == Json::array({"transfers=ideal"}));
    REQUIRE(json.at("rows").size() == 4);
    for (const Json& row : json.at("rows")) {
        test::check_names(row, schema.at("$defs").at("row"));
    }
    // Only the MACs take time: half the cycles, half the latency.
    CHECK(json.at("rows").at(0).at("to") == "4");
    CHECK(json.at("rows").at(0).at("latency_factor").get<double>() == Approx(0.5));
    CHECK(row_of(json, "link.latency").at("latency_factor") == 1.0);
    CHECK(json.at("rows").at(2).at("to") == "16");
    CHECK(json.at("rows").at(2).at("latency_factor").get<double>() == Approx(2));
    CHECK(json.at("base").at("busiest") == "mac");
    // There are 16 chips.
    const Json& refused = json.at("rows").at(3);
    CHECK(refused.at("parameter") == "hydra.units");
    CHECK(refused.at("frame").is_null());
    CHECK_THAT(refused.at("refused").get<std::string>(), Catch::Contains("64"));
    CHECK_THAT(read_file(folder / "out/sensitivity.md"), Catch::Contains("| hydra.mac_cycles |"));
    CHECK_THAT(read_file(folder / "out/sensitivity.csv"), Catch::StartsWith("parameter,from,to,overrides"));
}

TEST_CASE("what can't be varied is refused") {
    check_bad_input(run_hydravp("sensitivity vgg17"), "vgg16");
    check_bad_input(run_hydravp("sensitivity vgg16 --vary hydra.units"), "--vary: found 'hydra.units'");
    check_bad_input(run_hydravp("sensitivity vgg16 --set hydra.untis=8"), "hydra.units");
    CHECK_THROWS_AS(variation_of("=3"), core::InputError);
    CHECK(variation_of("a=b=c").to == "b=c");
}
