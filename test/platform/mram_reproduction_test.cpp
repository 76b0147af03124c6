// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mram_reproduction.h"

#include "program.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;
using test::Outcome;
using test::read_file;
using test::TemporaryFolder;

namespace {

const std::string config_file = std::string(HYDRAVP_SOURCE_DIR) + "/configs/mram-sa2.yaml";

const ReproducedRow& row(const MramReproduction& result, const std::string& name) {
    for (const ReproducedRow& candidate : result.figures.rows) {
        if (candidate.name == name) {
            return candidate;
        }
    }
    throw std::out_of_range(name);
}

double model(const MramReproduction& result, const std::string& name) {
    const std::optional<double> value = row(result, name).model;
    REQUIRE(value);
    return *value;
}

} // namespace

TEST_CASE("the figures of a bit-addition") {
    const MramReproduction result = reproduce_mram(load_mram_config(config_file), {});
    for (const ReproducedRow& each : result.figures.rows) {
        CAPTURE(each.name);
        CHECK(each.within());
    }
    CHECK(model(result, "SA-II over SA-I, speed of a bit-addition") == Approx(6008.0 / 4590.0));
    CHECK_FALSE(row(result, "SA-II over SA-I, speed of a bit-addition").calibrated);
    CHECK(model(result, "the same per area") == Approx(1.283).margin(0.001));
    CHECK(row(result, "the same per area").calibrated);
    CHECK(model(result, "SA-II over SA-I, energy of a bit-addition") == Approx(1.2).margin(0.005));
    CHECK(model(result, "the same, both at the nominal current") == Approx(0.952).margin(0.001));
    CHECK_FALSE(row(result, "the same, both at the nominal current").calibrated);
    CHECK(model(result, "area overhead of SA-I") == Approx(5.8).margin(0.05));
    CHECK(model(result, "area overhead of SA-II") == Approx(7.9).margin(0.05));
}

TEST_CASE("a calibrated value that is changed changes what is marked, and nothing else") {
    const MramReproduction nominal = reproduce_mram(load_mram_config(config_file), {});
    const MramReproduction current =
        reproduce_mram(load_mram_config(config_file, {"mram.sense_current_scale=1.7"}), {});
    const MramReproduction area =
        reproduce_mram(load_mram_config(config_file, {"mram.area.transistor=0.3 um2"}), {});
    for (const ReproducedRow& each : nominal.figures.rows) {
        CAPTURE(each.name);
        if (!each.calibrated) {
            CHECK(row(current, each.name).model == each.model);
            CHECK(row(area, each.name).model == each.model);
        } else {
            CHECK((row(current, each.name).model != each.model || row(area, each.name).model != each.model));
        }
    }
}

TEST_CASE("the enable tables are printed as in the paper") {
    const auto line = [](memory::SenseAmplifierKind kind, const std::string& name) {
        const std::string table = format_enable_table(kind);
        const auto begin = table.find('\n' + name + ' ') + 1;
        std::string bits;
        for (const char c :
             table.substr(begin + name.size(), table.find('\n', begin) - begin - name.size())) {
            bits += c == ' ' ? "" : std::string(1, c);
        }
        return bits;
    };
    constexpr auto sa1 = memory::SenseAmplifierKind::sa1;
    CHECK(line(sa1, "EN_M") == "10000");
    CHECK(line(sa1, "EN_OR2") == "01001");
    CHECK(line(sa1, "EN_MAJ") == "00010");
    CHECK(line(sa1, "EN_AND2") == "00101");
    constexpr auto sa2 = memory::SenseAmplifierKind::sa2;
    CHECK(line(sa2, "EN_M") == "1000000");
    CHECK(line(sa2, "EN_OR2") == "0100000");
    CHECK(line(sa2, "EN_AND2") == "0010000");
    CHECK(line(sa2, "EN_OR3") == "0000101");
    CHECK(line(sa2, "EN_AND3") == "0000011");
    CHECK(line(sa2, "EN_MAJ") == "0001001");
}

TEST_CASE("hydravp reproduce mram prints and writes the comparison") {
    const TemporaryFolder folder;
    const Outcome outcome = test::run_hydravp("reproduce mram --out '" + folder.path().string() + "'");
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.text, Contains("SA-II over SA-I, speed of a bit-addition") && Contains("1.3089") &&
                                 Contains("Table II: SA-II") && Contains("Sense voltages, 10000 samples"));
    const auto json = nlohmann::json::parse(read_file(folder / "reproduce.json"));
    CHECK(json.at("study") == "mram");
    CHECK(json.at("within") == true);
    CHECK_THAT(read_file(folder / "sense_margins.csv"), Contains("OR3,"));
    CHECK_THAT(read_file(folder / "sense_voltages.csv"), Contains("rows,ones,from_mv,samples\n1,0,"));

    const Outcome outside = test::run_hydravp("reproduce mram --set mram.sense_current_scale=2");
    CHECK(outside.code == 1);
    CHECK_THAT(outside.text, Contains("outside of the tolerance: SA-II over SA-I, energy of a bit-addition"));
    CHECK(test::run_hydravp("reproduce mram --set mram.sense_current_scale=x").code == 2);
}
