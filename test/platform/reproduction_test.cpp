// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/reproduction.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/workloads/network_library.h"

#include "program.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
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
    study.runs = {{"a", "vgg16", {}, ""}};
    const auto model = [](const Measurements& runs) { return runs.at("a").at("/latency_ms"); };
    study.rows = {{"Table 1", "near", "ms", 200.0, 1.0, model, {}, true, "a, b | c"},
                  {"Table 1", "far", "ms", 100.0, 1.0, model, model, false, ""},
                  {"Figure 2", "aside", "ms", 100.0, std::nullopt, model, {}, false, ""},
                  {"Figure 2", "drawn", "ms", std::nullopt, std::nullopt, model, {}, false, ""},
                  {"Figure 2", "published", "ms", 3283.0, std::nullopt, {}, {}, false, ""}};
    return study;
}

Reproduction example(double latency) {
    return {
        "example", "hydra", {"hydra.units=8"}, compare(example_study(), {{"a", {{"/latency_ms", latency}}}})};
}

const Json& row(const Json& reproduction, const std::string& name, const std::string& section = "") {
    for (const Json& candidate : reproduction.at("rows")) {
        const auto of = candidate.at("section").get<std::string>();
        if (candidate.at("name") == name && of.compare(0, section.size(), section) == 0) {
            return candidate;
        }
    }
    throw std::out_of_range(name);
}

} // namespace

TEST_CASE("deviation and tolerance are in percent of the paper's figure") {
    const auto rows = example(200.9).rows;
    REQUIRE(rows.size() == 5);
    CHECK(rows[0].deviation.value() == Approx(0.45));
    CHECK(rows[0].tolerance.value() == Approx(0.5));
    CHECK(rows[0].within());
    CHECK(rows[0].calibrated);
    CHECK_FALSE(rows[0].timed.has_value());
    CHECK(rows[1].deviation.value() == Approx(100.9));
    CHECK(rows[1].timed.value() == 200.9);
    CHECK_FALSE(rows[1].within());
    CHECK_FALSE(rows[2].tolerance.has_value());
    CHECK(rows[2].within());
    CHECK(rows[3].model.value() == 200.9);
    CHECK_FALSE(rows[3].deviation.has_value());
    CHECK_FALSE(rows[4].model.has_value());
    CHECK_FALSE(rows[4].deviation.has_value());
    CHECK(rows[4].within());
    CHECK_FALSE(example(198.9).rows[0].within());
    CHECK(example(199.1).rows[0].within());
    CHECK_THROWS_AS(example(std::nan("")), core::SimulationError);
}

namespace {

/// Figures of a run in which every place has one.
class EveryFigure {
public:
    explicit EveryFigure(const Study& study) {
        for (const StudyRun& run : study.runs) {
            CHECK(measurements[run.name].empty()); // a name of its own
            Figures& figures = measurements[run.name];
            for (const char* place :
                 {"/latency_ms", "/writes/pcm_words_avoided", "/hardware/area_mm2", "/hardware/area_share",
                  "/hardware/mean_power_w", "/endurance/0/years", "/endurance/0/years_levelled",
                  "/endurance/0/array_words", "/transfer_mj/array_only", "/transfer_mj/array_only_migration",
                  "/transfer_mj/array_buffer", "/transfer_mj/array_buffer_migration",
                  "/transfer_mj/simulated_array", "/transfer_mj/simulated_array_buffer"}) {
                figures[place] = 1;
            }
            for (std::size_t i = 0; i < workloads::make_network(run.network).layers.size(); ++i) {
                figures[fmt::format("/layers/{}/latency_ms", i)] = 1;
                figures[fmt::format("/layers/{}/writes/pcm_words_avoided", i)] = 1;
            }
            figures.merge(config_figures(load_config(HYDRAVP_SOURCE_DIR "/configs/" +
                                                     (run.platform.empty() ? "hydra.yaml" : run.platform))));
        }
    }
    Measurements measurements;
};

} // namespace

TEST_CASE("every row of every study has its runs, and half of a printed digit as its tolerance") {
    for (const Study& study : known_studies()) {
        EveryFigure every(study);
        std::set<std::string> names;
        for (const ReproducedRow& reproduced : compare(study, every.measurements)) {
            CAPTURE(reproduced.section, reproduced.name);
            CHECK(names.insert(reproduced.section + '/' + reproduced.name).second);
            CHECK((reproduced.model || reproduced.note == "published, not modelled"));
            CHECK((!reproduced.calibrated || reproduced.model));
            if (reproduced.tolerance.value_or(0) > 0) {
                const double digit = std::log10(2 * *reproduced.tolerance / 100 * *reproduced.paper);
                CHECK(digit == Approx(std::round(digit)).margin(1e-9));
            }
        }
        every.measurements.erase(every.measurements.begin());
        CHECK_THROWS_AS(compare(study, every.measurements), core::SimulationError);
    }
    CHECK(find_study("hydra").name == "hydra");
    CHECK_THROWS_AS(find_study("nothing"), core::InputError);
}

TEST_CASE("the table and the files say what is within and what is not") {
    const Reproduction reproduction = example(200.5);
    const std::string table = format_reproduction(reproduction);
    CHECK_THAT(table, Contains("hydra.units=8") && Contains("\nfar  ") && Contains("NO") &&
                          Contains("\nTable 1\n\nrow  ") && Contains("\nFigure 2\n\nrow  "));
    const TemporaryFolder folder;
    write_reproduction(folder.path().string(), reproduction);
    CHECK(read_file(folder / "reproduce.csv") ==
          "section,name,unit,paper,model,timed,deviation,tolerance,calibrated,note\n"
          "Table 1,near,ms,200,200.5,,0.25,0.5,true,\"a, b | c\"\n"
          "Table 1,far,ms,100,200.5,200.5,100.5,1,false,\n"
          "Figure 2,aside,ms,100,200.5,,100.5,,false,\n"
          "Figure 2,drawn,ms,,200.5,,,,false,\n"
          "Figure 2,published,ms,3283,,,,,false,\n");
    CHECK_THAT(
        read_file(folder / "reproduce.md"),
        Contains("\n## Table 1\n\n| row | unit | paper | model | timed | deviation") &&
            Contains("| near | ms | 200 | 200.5000 | - | +0.2500 | 0.5000 | yes | yes | a, b \\| c |\n"));
    const Json json = Json::parse(read_file(folder / "reproduce.json"));
    CHECK(json.at("schema") == "hydravp-reproduction-1");
    CHECK(json.at("within") == false);
    CHECK(row(json, "near").at("within") == true);
    CHECK(row(json, "near").at("section") == "Table 1");
    CHECK(row(json, "aside").at("tolerance").is_null());
    CHECK(row(json, "aside").at("within").is_null());
    CHECK(row(json, "drawn").at("paper").is_null());
    CHECK(row(json, "published").at("model").is_null());
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
    const Json& latency = row(json, "VGG-16 latency", "Figure 5");
    CHECK(latency.at("paper") == 81.22);
    CHECK(latency.at("model").get<double>() == Approx(81.2194).margin(1e-4));
    CHECK(latency.at("timed").get<double>() > 1.1 * latency.at("model").get<double>());
    CHECK(latency.at("unit") == "ms");
    CHECK(std::abs(latency.at("deviation").get<double>()) < latency.at("tolerance").get<double>());
    CHECK(latency.at("calibrated") == true);
    CHECK(row(json, "VGG-19 latency", "Table II").at("model").get<double>() == Approx(192.0271).margin(1e-4));
    for (const char* system : {"VGG-19 latency, pure DRAM", "VGG-19 latency, pure PCM"}) {
        CHECK(row(json, system).at("model") == row(json, "VGG-19 latency", "Figure 5").at("model"));
    }
    CHECK(row(json, "VGG-16 PCM writes avoided").at("model") == 13'556'712);
    CHECK(row(json, "VGG-19 PCM writes avoided").at("model") == 14'861'288);
    CHECK(row(json, "VGG-16 PCM writes avoided").at("calibrated") == false);
    CHECK(row(json, "pure PCM / Hydra: arrays, with the migration write").at("model").get<double>() ==
          Approx(1.579).margin(5e-4));
    CHECK(row(json, "pure PCM / pure DRAM: arrays, with the migration write").at("model").get<double>() ==
          Approx(3.537).margin(5e-4));
    CHECK(row(json, "VGG-16 frames per second and watt").at("model").get<double>() ==
          Approx(1.82).margin(5e-3));
    // The layers of a figure add up to its total: of the writes exactly, of the time but for the gaps.
    double words = 0;
    double ms = 0;
    for (const Json& entry : json.at("rows")) {
        const auto section = entry.at("section").get<std::string>();
        if (section == "Figure 7: PCM writes avoided by the layers of VGG-16" &&
            entry.at("paper").is_null()) {
            words += entry.at("model").get<double>();
        } else if (section == "Figure 5: latency of the layers of VGG-16" && entry.at("paper").is_null()) {
            ms += entry.at("model").get<double>();
        }
    }
    CHECK(words == 13'556'712);
    CHECK(ms == Approx(latency.at("model").get<double>()).epsilon(1e-9));
    CHECK_THAT(read_file(folder / "figures/reproduce.csv"), Contains(",VGG-16 latency,ms,81.22,81.21"));
    CHECK_THAT(read_file(folder / "figures/reproduce.md"), Contains("| ResNet-34 latency | ms | 19.1300 |"));
}

TEST_CASE("a changed machine is outside of the tolerance, and the rows are named") {
    const TemporaryFolder folder;
    test::write_file(folder / "reproduce.json", "of an earlier run");
    const Outcome outcome = test::hydravp_in(folder, "reproduce hydra --set hydra.mac_cycles=9 --out .");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.text, Contains("hydravp: error: outside of the tolerance: VGG-16 latency; VGG-19") &&
                                 !Contains("avoided;"));
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
