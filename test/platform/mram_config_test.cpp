// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mram_config.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"

#include "program.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>

using namespace hydravp;
using namespace hydravp::platform;
using Catch::Contains;

namespace {

const std::string configs = std::string(HYDRAVP_SOURCE_DIR) + "/configs/";

} // namespace

TEST_CASE("the shipped platforms are read, and what is written reads back the same") {
    for (const char* name : {"mram-sa1.yaml", "mram-sa2.yaml"}) {
        const MramPlatformConfig config = load_mram_config(configs + name);
        CHECK(config.mram.subarrays == 4096);
        CHECK(config.mram.technology.sense_time == core::Picoseconds{1418});
        CHECK(config.mram.technology.write_time == core::Picoseconds{1586});
        CHECK(config.mram.technology.cell.tmr == 1.712);
        CHECK(config.mram.technology.die.mm2 == 326);
        CHECK(config.mram.variation.sigma_ra == 0.02);
        CHECK(config.mram.variation.sense_current.amps == 10e-6);
        const std::string yaml = effective_yaml(config);
        const test::TemporaryFolder folder;
        std::ofstream(folder / "copy.yaml") << yaml;
        CHECK(effective_yaml(load_mram_config(folder / "copy.yaml")) == yaml);
    }
    CHECK(load_mram_config(configs + "mram-sa1.yaml").mram.sense_amplifier ==
          memory::SenseAmplifierKind::sa1);
    const MramPlatformConfig sa2 = load_mram_config(configs + "mram-sa2.yaml");
    CHECK(sa2.mram.sense_amplifier == memory::SenseAmplifierKind::sa2);
    CHECK(boost(sa2.mram) == 1.44);
}

TEST_CASE("every technology file fits both platforms") {
    for (const char* technology : {"sot-45nm", "nvsim-sot-45nm", "freepdk45-sot"}) {
        const std::string file = "mram.technology=" + configs + "mram/" + technology + ".yaml";
        const MramPlatformConfig config = load_mram_config(configs + "mram-sa2.yaml", {file});
        CHECK(config.mram.technology.name == technology);
        CHECK(config.mram.technology.cell.parallel().ohms > 1000);
        CHECK(config.mram.technology.cell.antiparallel().ohms < 20000);
    }
}

TEST_CASE("bad values are refused with their place") {
    const auto load = [](const std::string& override_text) {
        return load_mram_config(configs + "mram-sa1.yaml", {override_text});
    };
    CHECK_THROWS_WITH(load("mram.cell.tmr=0 %"),
                      Contains("mram.cell.tmr: found 0 %, expected a ratio above zero"));
    CHECK_THROWS_WITH(load("mram.cell.tmr=1.7"), Contains("found '1.7', expected a percentage"));
    CHECK_THROWS_WITH(load("mram.timing.sense=1418"), Contains("expected a time with its unit"));
    CHECK_THROWS_WITH(load("mram.subarrays=1000"), Contains("expected a power of two"));
    CHECK_THROWS_WITH(load("mram.sense_amplifier=sa3"), Contains("expected sa1 or sa2"));
    CHECK_THROWS_WITH(load("mram.sense_current_scale=1.2"),
                      Contains("expected it with sense_amplifier: sa2 only"));
    CHECK_THROWS_WITH(load("mram.sense_amplifer=sa2"), Contains("did you mean mram.sense_amplifier?"));
    CHECK_THROWS_WITH(load("mram.die=0 mm2"), Contains("mram.die: found 0 mm2"));
    CHECK_THROWS_AS(load("batch=0"), core::InputError);
    CHECK_THROWS_AS(load_mram_config(configs + "hydra.yaml"), core::InputError);
    CHECK_THROWS_AS(load_config(configs + "mram-sa1.yaml"), core::InputError);
    CHECK(is_mram_platform(configs + "mram-sa1.yaml"));
    CHECK_FALSE(is_mram_platform(configs + "hydra.yaml"));
}
