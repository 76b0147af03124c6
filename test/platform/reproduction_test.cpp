// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/reproduction.h"

#include "hydravp/core/error.h"

#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <set>
#include <string>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;
using test::Outcome;
using test::read_file;
using test::TemporaryFolder;
using Json = nlohmann::json;

namespace {

Study example_study() {
    Study study;
    study.name = "example";
    study.runs = {{"a", "vgg16", {}}};
    const auto model = [](const Measurements& runs) { return runs.at("a").at("/latency_ms"); };
    study.rows = {{"near", "ms", 200.0, 1.0, model, true, "a, b | c"},
                  {"far", "ms", 100.0, 1.0, model, false, ""},
                  {"aside", "ms", 100.0, std::nullopt, model, false, ""}};
    return study;
}

Reproduction example(double latency) {
    return {
        "example", "hydra", {"hydra.units=8"}, compare(example_study(), {{"a", {{"/latency_ms", latency}}}})};
}

const Json& row(const Json& reproduction, const std::string& name) {
    for (const Json& candidate : reproduction.at("rows")) {
        if (candidate.at("name") == name) {
            return candidate;
        }
    }
    throw std::out_of_range(name);
}

} // namespace

TEST_CASE("deviation and tolerance are in percent of the paper's figure") {
    const auto rows = example(200.9).rows;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].deviation == Approx(0.45));
    CHECK(rows[0].tolerance.value() == Approx(0.5));
    CHECK(rows[0].within());
    CHECK(rows[0].calibrated);
    CHECK(rows[1].deviation == Approx(100.9));
    CHECK_FALSE(rows[1].within());
    CHECK_FALSE(rows[2].tolerance.has_value());
    CHECK(rows[2].within());
    CHECK_FALSE(example(198.9).rows[0].within());
    CHECK(example(199.1).rows[0].within());
    CHECK_THROWS_AS(example(std::nan("")), core::SimulationError);
}

TEST_CASE("every row of every study has a run, a paper's figure and a tolerance of at most one percent") {
    for (const Study& study : known_studies()) {
        Measurements measurements;
        std::set<std::string> names;
        for (const StudyRun& run : study.runs) {
            measurements[run.name] = {{"/latency_ms", 1}, {"/writes/pcm_words_avoided", 1}};
        }
        CHECK(measurements.size() == study.runs.size());
        for (const ReproducedRow& reproduced : compare(study, measurements)) {
            CAPTURE(reproduced.name);
            CHECK(names.insert(reproduced.name).second);
            CHECK(reproduced.paper > 0);
            CHECK(reproduced.tolerance.value_or(0) < 1);
        }
        measurements.erase(measurements.begin());
        CHECK_THROWS_AS(compare(study, measurements), core::SimulationError);
    }
    CHECK(find_study("hydra").name == "hydra");
    CHECK_THROWS_AS(find_study("nothing"), core::InputError);
}

TEST_CASE("the table and the files say what is within and what is not") {
    const Reproduction reproduction = example(200.5);
    const std::string table = format_reproduction(reproduction);
    CHECK_THAT(table, Contains("hydra.units=8") && Contains("\nfar  ") && Contains("NO"));
    const TemporaryFolder folder;
    write_reproduction(folder.path().string(), reproduction);
    CHECK(read_file(folder / "reproduce.csv") == "name,unit,paper,model,deviation,tolerance,calibrated,note\n"
                                                 "near,ms,200,200.5,0.25,0.5,true,\"a, b | c\"\n"
                                                 "far,ms,100,200.5,100.5,1,false,\n"
                                                 "aside,ms,100,200.5,100.5,,false,\n");
    CHECK_THAT(read_file(folder / "reproduce.md"),
               Contains("| near | ms | 200.0000 | 200.5000 | +0.2500 | 0.5000 | yes | yes | a, b \\| c |\n"));
    const Json json = Json::parse(read_file(folder / "reproduce.json"));
    CHECK(json.at("schema") == "hydravp-reproduction-1");
    CHECK(json.at("within") == false);
    CHECK(row(json, "near").at("within") == true);
    CHECK(row(json, "aside").at("tolerance").is_null());
    CHECK(row(json, "aside").at("within").is_null());
}

TEST_CASE("results are read by their place") {
    const TemporaryFolder folder;
    test::write_file(folder / "r.json", R"({"latency_ms": 1.5, "writes": {"pcm_words": 7}, "network": "x"})");
    CHECK(read_results_json(folder / "r.json") == Figures{{"/latency_ms", 1.5}, {"/writes/pcm_words", 7}});
    test::write_file(folder / "r.json", "{");
    CHECK_THROWS_AS(read_results_json(folder / "r.json"), core::SimulationError);
    CHECK_THROWS_AS(read_results_json(folder / "missing"), core::SimulationError);
}

TEST_CASE("the program reproduces the figures of the Hydra paper") {
    const TemporaryFolder folder;
    const Outcome outcome = test::hydravp_in(folder, "reproduce hydra --out figures");
    CAPTURE(outcome.text);
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.text, Contains("VGG-16 latency") && !Contains("NO") && !Contains("error"));
    const Json json = Json::parse(read_file(folder / "figures/reproduce.json"));
    CHECK(json.at("schema") == "hydravp-reproduction-1");
    CHECK(json.at("within") == true);
    CHECK(json.at("rows").size() == 10);
    const Json& latency = row(json, "VGG-16 latency");
    CHECK(latency.at("paper") == 81.22);
    CHECK(latency.at("model").get<double>() == Approx(81.2194).margin(1e-4));
    CHECK(latency.at("unit") == "ms");
    CHECK(std::abs(latency.at("deviation").get<double>()) < latency.at("tolerance").get<double>());
    CHECK(latency.at("calibrated") == true);
    CHECK(row(json, "VGG-19 latency, 626 ps").at("model").get<double>() == Approx(192.0271).margin(1e-4));
    CHECK(row(json, "VGG-16 PCM writes avoided").at("model") == 13'556'712);
    CHECK(row(json, "VGG-19 PCM writes avoided").at("model") == 14'861'288);
    CHECK(row(json, "VGG-16 PCM writes avoided").at("calibrated") == false);
    const Json& timed = row(json, "VGG-16 latency, timed");
    CHECK(timed.at("tolerance").is_null());
    CHECK(timed.at("model").get<double>() > 2 * timed.at("paper").get<double>());
    CHECK_THAT(read_file(folder / "figures/reproduce.csv"), Contains("\nVGG-16 latency,ms,81.22,81.21"));
    CHECK_THAT(read_file(folder / "figures/reproduce.md"), Contains("| ResNet-34 latency | ms | 19.1300 |"));
}

TEST_CASE("a changed machine is outside of the tolerance, and the rows are named") {
    const TemporaryFolder folder;
    test::write_file(folder / "reproduce.json", "of an earlier run");
    const Outcome outcome = test::hydravp_in(folder, "reproduce hydra --set hydra.mac_cycles=9 --out .");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.text, Contains("hydravp: error: outside of the tolerance: VGG-16 latency; VGG-19") &&
                                 !Contains("timed;") && !Contains("avoided;"));
    const Json json = Json::parse(read_file(folder / "reproduce.json"));
    CHECK(json.at("within") == false);
    CHECK(json.at("overrides") == Json::array({"hydra.mac_cycles=9"}));
    CHECK(row(json, "VGG-16 latency").at("model").get<double>() == Approx(81.2194 * 9 / 8).margin(1e-3));
}

TEST_CASE("what is wrong in a run is said once, with the run's name") {
    const TemporaryFolder folder;
    test::write_file(folder / "reproduce.json", "of an earlier run");
    const Outcome outcome = test::hydravp_in(folder, "reproduce hydra --set dram.rows=64 --out .");
    test::check_bad_input(outcome, "run 'vgg");
    CHECK_FALSE(std::filesystem::exists(folder / "reproduce.json"));
}
