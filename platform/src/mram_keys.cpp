// SPDX-License-Identifier: Apache-2.0
// The keys of platforms that compute in SOT-MRAM.
#include "hydravp/core/quantity.h"
#include "hydravp/platform/mram_config.h"

#include "config_binder.h"

#include <limits>

namespace hydravp::platform {
namespace {

using accelerators::mram_pim::DpuConfig;
using accelerators::mram_pim::MappingWrite;
using accelerators::mram_pim::MramPimConfig;
using memory::SenseAmplifierKind;

void resistance(ConfigBinder& b, const char* name, core::Resistance& field, const char* meaning) {
    b.quantity(name, field, "a resistance with its unit, e.g. 4 kohm", core::parse_resistance,
               core::format_resistance, meaning);
}

void length(ConfigBinder& b, const char* name, core::Length& field, const char* meaning) {
    b.quantity(name, field, "a length with its unit, e.g. 60 nm", core::parse_length, core::format_length,
               meaning);
}

void area(ConfigBinder& b, const char* name, core::Area& field, const char* meaning) {
    b.quantity(name, field, "an area with its unit, e.g. 326 mm2", core::parse_area, core::format_area,
               meaning);
}

void current(ConfigBinder& b, const char* name, core::Current& field, const char* meaning) {
    b.quantity(name, field, "a current with its unit, e.g. 10 uA", core::parse_current, core::format_current,
               meaning);
}

void percent(ConfigBinder& b, const char* name, double& field, const char* meaning) {
    b.quantity(name, field, "a percentage, e.g. 5 %", core::parse_percent, core::format_percent, meaning);
}

void cell_keys(ConfigBinder& b, memory::SotMramCell& cell) {
    b.quantity("resistance_area", cell.resistance_area,
               "a resistance-area product with its unit, e.g. 10.58 ohm.um2", core::parse_resistance_area,
               core::format_resistance_area, "of the parallel state");
    percent(b, "tmr", cell.tmr, "tunnel magnetoresistance");
    length(b, "mtj_length", cell.mtj_length, "of the junction");
    length(b, "mtj_width", cell.mtj_width, "of the junction");
    b.choice<memory::JunctionShape>(
        "mtj_shape", cell.mtj_shape,
        {{"ellipse", memory::JunctionShape::ellipse}, {"rectangle", memory::JunctionShape::rectangle}},
        "of the junction's cross-section");
    resistance(b, "access_resistance", cell.access, "of the read access transistor");
    current(b, "write_current", cell.write_current, "through the spin Hall metal");
    b.time("write_pulse", cell.write_pulse, "switching time of the junction");
    b.real("area_f2", cell.cell_area_f2, 1, 1000, "area of the cell in squares of the feature size");
    length(b, "feature_size", cell.feature_size, "of the process");
}

void technology_keys(ConfigBinder& b, memory::MramTechnology& t) {
    b.text("name", t.name, "name of the technology");
    b.section("cell", [&] { cell_keys(b, t.cell); });
    b.section("timing", [&] {
        b.time("sense", t.sense_time, "rows raised and sensed");
        b.time("write", t.write_time, "a row written");
        b.time("htree_read", t.htree_read, "from a sub-array to its port");
        b.time("htree_write", t.htree_write, "from a port to a sub-array");
    });
    b.section("energy", [&] {
        b.energy_per_bit("sense_amplifier", t.sense_amplifier, "a sub-SA compares");
        b.energy_per_bit("bit_line", t.bit_line, "sense current through a bit line");
        b.energy_per_bit("cell_write", t.cell_write, "a cell written");
        b.energy("htree", t.htree_transfer, "a row of 512 bits between port and sub-array");
        b.power("leakage", t.leakage, "of the die");
        current(b, "sense_current", t.sense_current, "nominal, of a bit line");
    });
    area(b, "die", t.die, "of the memory without processing");
}

void area_keys(ConfigBinder& b, memory::MramAreaModel& model) {
    area(b, "transistor", model.transistor, "area of an added transistor");
    b.count("sub_sa", model.sub_sa, "transistors of a further sub-SA").optional();
    b.count("branch", model.branch, "of a further reference branch").optional();
    b.count("latch", model.latch, "of the carry latch").optional();
    b.count("xor_gate", model.xor_gate, "of an XOR gate (SA-I has two)").optional();
    b.count("pass", model.pass, "pass transistors of Sum (SA-II)").optional();
    b.count("output_logic", model.output_logic, "of NOR3 and NAND3 (SA-II)").optional();
    b.count("word_line", model.word_line, "of a word line's driver").optional();
    b.count("enable_bit", model.enable_bit, "of Ctrl, per enable bit").optional();
}

void variation_keys(ConfigBinder& b, memory::SenseVariation& variation) {
    percent(b, "sigma_ra", variation.sigma_ra, "standard deviation of a cell's RA");
    percent(b, "sigma_tmr", variation.sigma_tmr, "standard deviation of a cell's TMR");
    b.quantity("comparator_offset", variation.comparator_offset, "a voltage with its unit, e.g. 1 mV",
               core::parse_voltage, core::format_voltage, "standard deviation of a sub-SA's offset");
    b.count("iterations", variation.iterations, "samples of each state").optional();
    b.number(
         "seed", variation.seed, [](std::uint32_t) { return true; }, "a whole number", "of the samples")
        .optional();
}

void dpu_keys(ConfigBinder& b, DpuConfig& dpu) {
    b.clock("clock_period", dpu.clock_period, "of the DPU");
    b.count("lanes", dpu.lanes, "values per cycle");
    b.energy("combine", dpu.combine, "an operand gets its sign");
    b.energy("count", dpu.count, "the ones of 64 columns are counted");
    b.energy("scale", dpu.scale, "batch normalisation of a value");
    b.energy("activate", dpu.activate, "rounding and clipping of a value");
    b.energy("pool", dpu.pool, "an input of a pooling window");
    b.energy("accumulate", dpu.accumulate, "a count is shifted and added");
}

void mram_keys(ConfigBinder& b, MramPimConfig& mram) {
    b.technology_file();
    technology_keys(b, mram.technology);
    b.choice<SenseAmplifierKind>("sense_amplifier", mram.sense_amplifier,
                                 {{"sa1", SenseAmplifierKind::sa1}, {"sa2", SenseAmplifierKind::sa2}},
                                 "which of the two reconfigurable sense amplifiers");
    b.real("sense_current_scale", mram.sense_current_scale, 1, 100,
           "sense current where OR3 is sensed, in multiples of the nominal one")
        .optional()
        .only_where("sense_amplifier: sa2",
                    [&mram] { return mram.sense_amplifier == SenseAmplifierKind::sa2; });
    b.number(
        "subarrays", mram.subarrays,
        [](std::uint32_t n) { return n >= 1 && n <= 1U << 20 && (n & (n - 1)) == 0; },
        "a power of two, at most 1048576", "sub-arrays of 256x512 bits");
    b.count("tensor_subarrays", mram.tensor_subarrays, "that hold images and kernels; the others compute");
    b.number(
        "ports", mram.ports, [](std::uint32_t n) { return n >= 1 && n <= 4096; },
        "a whole number from 1 to 4096", "rows that enter or leave the bank at a time");
    b.choice<MappingWrite>("mapping_write", mram.mapping_write,
                           {{"ported", MappingWrite::ported}, {"parallel", MappingWrite::parallel}},
                           "operands enter through the ports, or all sub-arrays at once");
    b.section("area", [&] { area_keys(b, mram.area); });
    b.section("variation", [&] { variation_keys(b, mram.variation); });
    b.section("dpu", [&] { dpu_keys(b, mram.dpu); });
}

} // namespace

ConfigSchema::ConfigSchema(MramPlatformConfig& config) {
    ConfigBinder b(*this);
    b.text("name", config.name, "name of the platform");
    b.number(
        "batch", config.batch, [](std::uint32_t n) { return n >= 1 && n <= 1024; },
        "a whole number from 1 to 1024", "frames that are computed together");
    using workloads::Binarizer;
    b.choice<Binarizer>("binarizer", config.binarizer,
                        {{"recognised", Binarizer::recognised},
                         {"deterministic", Binarizer::deterministic},
                         {"stochastic", Binarizer::stochastic}},
                        "layers with binary weights: those that have them, or all but the first and the last")
        .optional();
    b.number(
         "binarizer_seed", config.binarizer_seed, [](std::uint32_t) { return true; }, "a whole number",
         "of stochastic binarisation")
        .optional()
        .only_where("binarizer: stochastic", [&config] { return config.binarizer == Binarizer::stochastic; });
    b.choice<bool>("sense_failures", config.inject_failures, {{"none", false}, {"injected", true}},
                   "whether sense amplifiers fail as often as the variation says")
        .optional();
    b.section("host", [&] {
        b.clock("clock_period", config.host.clock_period, "of a core");
        b.time("layer_timeout", config.host.layer_timeout, "the driver gives up on a layer after it");
    });
    b.section("bus", [&] {
        b.time("latency", config.bus.latency, "per transaction");
        b.bandwidth("bandwidth", config.bus.bandwidth, "of the whole bus");
    });
    b.section("mram", [&] { mram_keys(b, config.mram); });
}

} // namespace hydravp::platform
