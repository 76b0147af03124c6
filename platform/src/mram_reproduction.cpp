// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mram_reproduction.h"

#include "hydravp/accelerators/mram_pim/adder.h"
#include "hydravp/accelerators/mram_pim/layer_engine.h"
#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/workloads/mram_mapper.h"
#include "hydravp/workloads/network_library.h"

#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace hydravp::platform {
namespace {

using accelerators::mram_pim::MappingWrite;
using accelerators::mram_pim::MramPimConfig;
using memory::SenseAmplifierKind;
using memory::SenseEnables;
using memory::SenseFunction;
using memory::SenseMargins;
namespace enable = memory::enable;

constexpr double tenth = 0.05; // half of the last digit of 1.3

MramPimConfig with(MramPimConfig config, SenseAmplifierKind kind) {
    config.sense_amplifier = kind;
    return config;
}

struct BitAddition {
    double picoseconds;
    double pj_per_column;
    double nominal_pj_per_column; ///< without a larger sense current
};

BitAddition bit_addition(const MramPimConfig& config) {
    const memory::MramEvents events = accelerators::mram_pim::add_events(config.sense_amplifier, 1);
    const double columns = memory::BitRow::columns;
    return {static_cast<double>(events.time(config.technology).count()),
            events.energy(config.technology, boost(config)).pj / columns,
            events.energy(config.technology, 1).pj / columns};
}

double overhead(const MramPimConfig& config) {
    return memory::area_overhead(config.area, config.sense_amplifier, config.subarrays)
        .share_of(config.technology.die);
}

class Report {
public:
    void row(const std::string& name, const std::string& unit, double paper, std::optional<double> rounding,
             double model, bool calibrated, const std::string& note) {
        if (!std::isfinite(model)) {
            throw core::SimulationError(fmt::format("{}: the figure is not a number", name));
        }
        ReproducedRow row;
        row.section = "Section IV: additions in sub-arrays with SA-I and SA-II";
        row.name = name;
        row.unit = unit;
        row.paper = paper;
        row.model = model;
        row.deviation = 100 * (model - paper) / paper;
        if (rounding) {
            row.tolerance = 100 * *rounding / paper;
        }
        row.calibrated = calibrated;
        row.note = note;
        rows.push_back(std::move(row));
    }
    std::vector<ReproducedRow> rows;
};

void add_bit_additions(Report& report, const MramPlatformConfig& config) {
    const MramPimConfig sa1 = with(config.mram, SenseAmplifierKind::sa1);
    const MramPimConfig sa2 = with(config.mram, SenseAmplifierKind::sa2);
    const BitAddition one = bit_addition(sa1);
    const BitAddition two = bit_addition(sa2);
    const double area = (1 + overhead(sa2)) / (1 + overhead(sa1));
    const double speed = one.picoseconds / two.picoseconds;
    const std::string steps =
        fmt::format("per bit {:.0f} ps against {:.0f} ps: 2 senses + 2 writes, 1 sense + 2 writes",
                    one.picoseconds, two.picoseconds);
    report.row("SA-II over SA-I, speed of a bit-addition", "", 1.3, tenth, speed, false, steps);
    report.row("the same per area", "", 1.3, tenth, speed / area, true, "area of a transistor is calibrated");

    const SenseMargins margins(config.mram.technology.cell, config.mram.variation);
    const std::string factor = fmt::format(
        "sense current of SA-II {} times nominal, calibrated within 1 and {:.2f} (OR3 as wide as MAJ)",
        sa2.sense_current_scale, margins.largest_sense_current_scale());
    report.row("SA-II over SA-I, energy of a bit-addition", "", 1.2, tenth,
               two.pj_per_column / one.pj_per_column, true, factor);
    report.row("the same times area", "", 1.2, std::nullopt, two.pj_per_column / one.pj_per_column * area,
               true, "if frames per joule are per area, too; the paper does not say");
    report.row("the same, both at the nominal current", "", 1.2, std::nullopt,
               two.nominal_pj_per_column / one.nominal_pj_per_column, false, "first principles");
    const std::string area_note = "area of a transistor is calibrated, one value for both";
    report.row("area overhead of SA-I", "%", 5.8, tenth, 100 * overhead(sa1), true, area_note);
    report.row("area overhead of SA-II", "%", 7.9, tenth, 100 * overhead(sa2), true, area_note);
}

/// A frame of the SVHN network, mean over the batch, by account.
struct Frame {
    core::MramTimes times;
    double map_uj = 0, add_uj = 0, count_uj = 0, htree_uj = 0, dpu_uj = 0;
    double subarrays = 0; ///< that compute, mean over the time of the binary layers
    double us() const { return static_cast<double>(times.total().count()) * 1e-6; }
    double uj() const { return map_uj + add_uj + count_uj + htree_uj + dpu_uj; }
};

/// The largest of some parts, and its share: `map 87 %`.
std::string dominant(const std::vector<std::pair<const char*, double>>& parts) {
    const auto largest = std::max_element(parts.begin(), parts.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    double sum = 0;
    for (const auto& [name, value] : parts) {
        sum += value;
    }
    return fmt::format("{} {:.0f} %", largest->first, 100 * largest->second / sum);
}

std::string dominant_time(const Frame& frame) {
    const auto us = [](core::Picoseconds t) { return static_cast<double>(t.count()); };
    return dominant({{"map", us(frame.times.map)},
                     {"add", us(frame.times.add)},
                     {"count", us(frame.times.count)},
                     {"H-tree", us(frame.times.htree)},
                     {"DPU", us(frame.times.dpu)}});
}

std::string dominant_energy(const Frame& frame) {
    return dominant({{"map", frame.map_uj},
                     {"add", frame.add_uj},
                     {"count", frame.count_uj},
                     {"H-tree", frame.htree_uj},
                     {"DPU", frame.dpu_uj}});
}

Frame frame_of(const MramPimConfig& config, const workloads::BinaryNetwork& network, std::uint32_t batch) {
    using accelerators::mram_pim::LayerActivity;
    memory::MramStorage storage(config.subarrays);
    const accelerators::mram_pim::LayerEngine engine(config, storage);
    const workloads::MappedBinaryNetwork mapped = workloads::map_binary_network(
        network, bank_shape(config), engine.tensor_base(), storage.size() - engine.tensor_base(), batch);
    Frame frame;
    double busy = 0;
    double adding = 0;
    constexpr double uj_per_pj = 1e-6;
    const double share = uj_per_pj / batch;
    for (const core::MramLayerRegisters& layer : mapped.layers) {
        const LayerActivity activity = engine.evaluate(layer);
        frame.times += activity.plan.times;
        frame.map_uj += activity.map_energy.pj * share;
        frame.add_uj += activity.add_energy.pj * share;
        frame.count_uj += activity.count_energy.pj * share;
        frame.htree_uj += activity.htree_energy.pj * share;
        frame.dpu_uj += activity.dpu_energy.pj * share;
        const auto time = static_cast<double>(activity.plan.times.add.count());
        adding += time;
        busy += time * static_cast<double>(activity.plan.subarrays);
    }
    frame.subarrays = busy / adding;
    for (core::Picoseconds* time :
         {&frame.times.map, &frame.times.add, &frame.times.count, &frame.times.htree, &frame.times.dpu}) {
        *time /= static_cast<std::int64_t>(batch);
    }
    return frame;
}

struct FrameCase {
    const char* name;
    MappingWrite mapping_write;
    std::uint32_t batch;
};

constexpr FrameCase frame_cases[] = {{"ported, batch 8", MappingWrite::ported, 8},
                                     {"ported, batch 32", MappingWrite::ported, 32},
                                     {"parallel, batch 8", MappingWrite::parallel, 8},
                                     {"parallel, batch 32", MappingWrite::parallel, 32}};

/// Whole frames, unforced: rows that inform, and a table by account.
std::string add_frames(Report& report, const MramPlatformConfig& config) {
    const workloads::BinaryNetwork network = workloads::binary_shape(workloads::make_network("svhn"));
    TextTable times({"SVHN, time of a frame [us]", "SA", "map", "add", "count", "H-tree", "DPU", "total",
                     "frames/s", "frames/s/mm2", "sub-arrays adding"},
                    2);
    TextTable energies({"SVHN, energy of a frame [uJ]", "SA", "map", "add", "count", "H-tree", "DPU", "total",
                        "frames/J", "frames/J/mm2"},
                       2);
    times.add_rule();
    energies.add_rule();
    for (const FrameCase& each : frame_cases) {
        Frame frames[2];
        double area[2] = {};
        for (const SenseAmplifierKind kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
            MramPimConfig bank = with(config.mram, kind);
            bank.mapping_write = each.mapping_write;
            const std::size_t i = kind == SenseAmplifierKind::sa1 ? 0 : 1;
            const Frame& frame = frames[i] = frame_of(bank, network, each.batch);
            area[i] = bank.technology.die.mm2 * (1 + overhead(bank));
            const char* const name = i == 0 ? "SA-I" : "SA-II";
            const auto number = [](double value) { return fmt::format("{:.2f}", value); };
            const auto time = [](core::Picoseconds t) {
                return fmt::format("{:.3f}", static_cast<double>(t.count()) * 1e-6);
            };
            times.add({each.name, name, time(frame.times.map), time(frame.times.add), time(frame.times.count),
                       time(frame.times.htree), time(frame.times.dpu), number(frame.us()),
                       number(1e6 / frame.us()), number(1e6 / frame.us() / area[i]),
                       fmt::format("{:.0f}", frame.subarrays)});
            energies.add({each.name, name, number(frame.map_uj), number(frame.add_uj), number(frame.count_uj),
                          number(frame.htree_uj), number(frame.dpu_uj), number(frame.uj()),
                          number(1e6 / frame.uj()), number(1e6 / frame.uj() / area[i])});
        }
        report.row(fmt::format("SA-II over SA-I, frames/s per area, {}", each.name), "", 1.3, std::nullopt,
                   frames[0].us() / frames[1].us() * area[0] / area[1], true,
                   fmt::format("whole frame of SVHN, unforced; of SA-I's time {}", dominant_time(frames[0])));
        report.row(
            fmt::format("SA-I over SA-II, frames/J, {}", each.name), "", 1.2, std::nullopt,
            frames[1].uj() / frames[0].uj(), true,
            fmt::format("whole frame of SVHN, unforced; of SA-I's energy {}", dominant_energy(frames[0])));
    }
    return times.text() + '\n' + energies.text() +
           "\nOperands are what a frame costs: every activation is written once per filter and kernel "
           "position, nine rows of\n"
           "bits for an addition of about ten bits, and each row crosses the H-tree. SA-I and SA-II differ "
           "in additions alone;\n"
           "the paper's 1.3 and 1.2 are those of a bit-addition, as if all operands were in place.\n";
}

std::string area_table(const MramPlatformConfig& config) {
    TextTable table({"area overhead", "sense amplifiers [mm2]", "row decoder [mm2]", "control [mm2]",
                     "total [mm2]", "of the die [%]", "transistors per SA"},
                    1);
    table.add_rule();
    for (const SenseAmplifierKind kind : {SenseAmplifierKind::sa1, SenseAmplifierKind::sa2}) {
        const auto area = memory::area_overhead(config.mram.area, kind, config.mram.subarrays);
        table.add({kind == SenseAmplifierKind::sa1 ? "SA-I" : "SA-II",
                   fmt::format("{:.3f}", area.sense_amplifiers.mm2),
                   fmt::format("{:.3f}", area.row_decoder.mm2), fmt::format("{:.4f}", area.control.mm2),
                   fmt::format("{:.3f}", area.total().mm2),
                   fmt::format("{:.2f}", 100 * area.share_of(config.mram.technology.die)),
                   fmt::format("{}", memory::added_transistors(config.mram.area, kind))});
    }
    return table.text();
}

std::string millivolts(double volts) {
    return fmt::format("{:.2f}", volts * 1e3);
}

std::string margin_table(const SenseMargins& margins) {
    TextTable table({"threshold", "low [mV]", "reference [mV]", "high [mV]", "gap [mV]", "gap - 3 sigma [mV]",
                     "worst gap [mV]", "failure", "failures counted"},
                    1);
    table.add_rule();
    for (const memory::ThresholdMargin& margin : margins.thresholds()) {
        table.add({margin.name, millivolts(margin.low), millivolts(margin.reference), millivolts(margin.high),
                   millivolts(margin.gap), millivolts(margin.gap_3sigma), millivolts(margin.worst_gap),
                   fmt::format("{:.1e}", margin.failure), std::to_string(margin.failures_counted)});
    }
    return table.text();
}

std::string margin_effects(const MramPlatformConfig& config, const SenseMargins& nominal) {
    memory::SenseVariation more_current = config.mram.variation;
    more_current.sense_current.amps *= 2;
    memory::SotMramCell access = config.mram.technology.cell;
    access.access = {4000};
    const std::array<std::pair<const char*, SenseMargins>, 3> others{
        {{"twice the sense current", SenseMargins(config.mram.technology.cell, more_current)},
         {"oxide 0.1 nm thicker", SenseMargins(memory::with_thicker_oxide(config.mram.technology.cell, {0.1}),
                                               config.mram.variation)},
         {"access transistor of 4 kohm", SenseMargins(access, config.mram.variation)}}};
    std::vector<std::string> head{"gap - 3 sigma [mV]", "as configured"};
    for (const auto& [name, margins] : others) {
        head.emplace_back(name);
    }
    TextTable table(head, 1);
    table.add_rule();
    for (const memory::ThresholdMargin& margin : nominal.thresholds()) {
        std::vector<std::string> row{margin.name, millivolts(margin.gap_3sigma)};
        for (const auto& [name, margins] : others) {
            row.push_back(millivolts(margins.threshold(margin.branch).gap_3sigma));
        }
        table.add(std::move(row));
    }
    std::vector<std::string> factors{"current for OR3 = MAJ",
                                     fmt::format("{:.2f} x", nominal.largest_sense_current_scale())};
    for (const auto& [name, margins] : others) {
        factors.push_back(fmt::format("{:.2f} x", margins.largest_sense_current_scale()));
    }
    table.add(std::move(factors));
    return table.text();
}

std::string margins_csv(const SenseMargins& margins) {
    std::string text = "threshold,low_mv,reference_mv,high_mv,gap_mv,gap_3sigma_mv,worst_gap_mv,failure,"
                       "failures_counted\n";
    for (const memory::ThresholdMargin& margin : margins.thresholds()) {
        text +=
            fmt::format("{},{},{},{},{},{},{},{},{}\n", margin.name, margin.low * 1e3, margin.reference * 1e3,
                        margin.high * 1e3, margin.gap * 1e3, margin.gap_3sigma * 1e3, margin.worst_gap * 1e3,
                        margin.failure, margin.failures_counted);
    }
    return text;
}

/// The distribution of the sense voltage in each state (Fig. 4), in steps of 0.5 mV.
std::string distributions_csv(const SenseMargins& margins) {
    constexpr double step = 0.5e-3;
    std::string text = "rows,ones,from_mv,samples\n";
    for (const memory::SenseDistribution& state : margins.states()) {
        for (auto begin = state.samples.begin(); begin != state.samples.end();) {
            const double from = std::floor(*begin / step) * step;
            const auto end = std::lower_bound(begin, state.samples.end(), from + step);
            const auto next = end == begin ? begin + 1 : end; // rounding at the border of a step
            text += fmt::format("{},{},{:.1f},{}\n", state.rows, state.ones, from * 1e3, next - begin);
            begin = next;
        }
    }
    return text;
}

} // namespace

std::string format_enable_table(SenseAmplifierKind kind) {
    const bool sa1 = kind == SenseAmplifierKind::sa1;
    const auto label = [sa1](SenseFunction function) -> std::string {
        switch (function) {
        case SenseFunction::read:
            return "read";
        case SenseFunction::or2:
            return "OR2/NOR2";
        case SenseFunction::and2:
            return "AND2/NAND2";
        case SenseFunction::maj:
            return "MAJ/MIN";
        case SenseFunction::or3:
            return "OR3/NOR3";
        case SenseFunction::and3:
            return "AND3/NAND3";
        case SenseFunction::xor2:
            return "XOR2/XNOR2";
        case SenseFunction::add:
            return "Add/XOR3/XOR2";
        }
        return "";
    };
    std::vector<std::pair<const char*, SenseEnables>> bits{{"EN_M", enable::m}, {"EN_OR2", enable::or2}};
    if (sa1) {
        bits.insert(bits.end(), {{"EN_MAJ", enable::maj}, {"EN_AND2", enable::and2}});
    } else {
        bits.insert(bits.end(), {{"EN_AND2", enable::and2},
                                 {"EN_OR3", enable::or3},
                                 {"EN_AND3", enable::and3},
                                 {"EN_MAJ", enable::maj}});
    }
    std::vector<std::string> head{sa1 ? "Table I: SA-I" : "Table II: SA-II"};
    std::vector<std::string> rows{"rows raised"};
    for (const memory::SenseMode& mode : memory::sense_modes(kind)) {
        head.push_back(label(mode.function));
        rows.push_back(std::to_string(mode.rows));
    }
    TextTable table(head, 1);
    table.add_rule();
    for (const auto& [name, bit] : bits) {
        std::vector<std::string> row{name};
        for (const memory::SenseMode& mode : memory::sense_modes(kind)) {
            row.emplace_back((mode.enables & bit) != 0 ? "1" : "0");
        }
        table.add(std::move(row));
    }
    table.add(std::move(rows));
    return table.text();
}

MramReproduction reproduce_mram(const MramPlatformConfig& config, const std::vector<std::string>& overrides) {
    MramReproduction result;
    result.figures.study = "mram";
    result.figures.platform = config.name;
    result.figures.overrides = overrides;
    Report report;
    add_bit_additions(report, config);
    const std::string frames = add_frames(report, config);
    result.figures.rows = std::move(report.rows);

    const SenseMargins margins(config.mram.technology.cell, config.mram.variation);
    result.tables =
        format_enable_table(SenseAmplifierKind::sa1) + '\n' + format_enable_table(SenseAmplifierKind::sa2) +
        '\n' + area_table(config) + '\n' +
        fmt::format("Sense voltages, {} samples of each state, RA {} and TMR {} (one sigma), {}\n",
                    config.mram.variation.iterations, core::format_percent(config.mram.variation.sigma_ra),
                    core::format_percent(config.mram.variation.sigma_tmr),
                    core::format_current(config.mram.variation.sense_current)) +
        margin_table(margins) + '\n' + margin_effects(config, margins) + '\n' + frames;
    result.extras = {{"sense_margins.csv", margins_csv(margins)},
                     {"sense_voltages.csv", distributions_csv(margins)}};
    return result;
}

} // namespace hydravp::platform
