// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/network_library.h"

#include "studies.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::platform {
namespace {

/// Half of the last digit of a figure that is printed with so many digits behind the point.
double half_digit(int digits) {
    return 0.5 * std::pow(10.0, -digits);
}

constexpr std::optional<double> none;

/// A figure as a run reports it; `place` as in results.json.
ModelFigure figure(const std::string& run, const std::string& place) {
    return [run, place](const Measurements& measurements) { return figure_of(measurements, run, place); };
}

ModelFigure operator/(ModelFigure a, ModelFigure b) {
    return [a = std::move(a), b = std::move(b)](const Measurements& m) { return a(m) / b(m); };
}
ModelFigure operator-(ModelFigure a, ModelFigure b) {
    return [a = std::move(a), b = std::move(b)](const Measurements& m) { return a(m) - b(m); };
}
ModelFigure operator*(ModelFigure a, double factor) {
    return [a = std::move(a), factor](const Measurements& m) { return a(m) * factor; };
}
ModelFigure constant(double value) {
    return [value](const Measurements&) { return value; };
}
ModelFigure mean(const std::vector<ModelFigure>& figures) {
    return [figures](const Measurements& m) {
        double sum = 0;
        for (const ModelFigure& one : figures) {
            sum += one(m);
        }
        return sum / static_cast<double>(figures.size());
    };
}

struct PaperNetwork {
    std::string name;  ///< of the model
    std::string title; ///< of the paper
    double latency_ms; ///< Fig. 5
};

const std::vector<PaperNetwork> networks{
    {"vgg16", "VGG-16", 81.22}, {"vgg19", "VGG-19", 103.07}, {"resnet34", "ResNet-34", 19.13}};

struct System {
    std::string name;  ///< of its runs
    std::string title; ///< in the rows
    std::string platform;
};

const std::vector<System> systems{
    {"", "Hydra", ""}, {"-dram", "pure DRAM", "pure-dram.yaml"}, {"-pcm", "pure PCM", "pure-pcm.yaml"}};

const char* const clock_626 = "-626ps";

std::string timed(const std::string& run) {
    return run + "-timed";
}

/// Adds the rows of one section.
class Section {
public:
    Section(Study& study, std::string title) : study_(study), title_(std::move(title)) {}

    StudyRow& add(std::string name, std::string unit, std::optional<double> paper,
                  std::optional<double> rounding, ModelFigure model, ModelFigure timed = {}) {
        study_.rows.push_back({title_, std::move(name), std::move(unit), paper, rounding, std::move(model),
                               std::move(timed), false, ""});
        return study_.rows.back();
    }

    /// The same figure of a run with ideal and of one with timed transfers.
    StudyRow& add_both(std::string name, std::string unit, std::optional<double> paper,
                       std::optional<double> rounding, const std::string& run, const std::string& place) {
        return add(std::move(name), std::move(unit), paper, rounding, figure(run, place),
                   figure(platform::timed(run), place));
    }

private:
    Study& study_;
    std::string title_;
};

StudyRow& calibrated(StudyRow& row, const char* note) {
    row.calibrated = true;
    row.note = note;
    return row;
}

void add_runs(Study& study) {
    const auto add = [&](const std::string& name, const std::string& network,
                         const std::vector<std::string>& overrides, const std::string& platform) {
        for (const char* transfers : {"ideal", "timed"}) {
            std::vector<std::string> all{std::string("transfers=") + transfers};
            all.insert(all.end(), overrides.begin(), overrides.end());
            study.runs.push_back(
                {transfers == std::string("timed") ? timed(name) : name, network, all, platform});
        }
    };
    for (const PaperNetwork& network : networks) {
        for (const System& system : systems) {
            add(network.name + system.name, network.name, {}, system.platform);
        }
    }
    for (const char* network : {"vgg16", "vgg19"}) { // 2.7 mm2 of 16 units
        add(network + std::string(clock_626), network,
            {"hydra.clock_period=626 ps", "hydra.power=3.63 W", "hydra.unit_area=0.16875 mm2"}, "");
    }
}

void add_memory(Section& table, const std::string& title, const std::string& section, double t_rp,
                double t_rcd, double array_read, double array_write) {
    const auto row = [&](const char* name, const char* unit, double paper, const char* key) {
        table.add(title + ' ' + name, unit, paper, 0.0, figure("vgg16", "/config/" + section + '/' + key));
    };
    row("t_RP", "cycles", t_rp, "t_rp");
    row("t_CCD", "cycles", 4, "t_ccd");
    row("t_RCD", "cycles", t_rcd, "t_rcd");
    row("t_CL", "cycles", 5, "t_cl");
    row("t_WL", "cycles", 4, "t_wl");
    row("t_WR", "cycles", 6, "t_wr");
    row("t_RTP", "cycles", 3, "t_rtp");
    row("array read", "pJ/bit", array_read, "array_read");
    row("array write", "pJ/bit", array_write, "array_write");
    row("buffer read", "pJ/bit", 0.93, "buffer_read");
    row("buffer write", "pJ/bit", 1.02, "buffer_write");
}

void add_table_1(Study& study) {
    Section table(study, "Table I: the configuration as simulated");
    const auto row = [&](const char* name, const char* unit, double paper, double rounding,
                         const char* key) -> StudyRow& {
        return table.add(name, unit, paper, rounding, figure("vgg16", std::string("/config/") + key));
    };
    row("host cores", "", 4, 0, "host/cores");
    row("host clock", "GHz", 4, 0, "host/ghz");
    row("L1 instruction cache", "KB", 32, 0, "l1i/kib");
    row("L1 instruction cache ways", "", 4, 0, "l1i/ways");
    row("L1 data cache", "KB", 32, 0, "l1d/kib");
    row("L1 data cache ways", "", 8, 0, "l1d/ways");
    row("L2 cache", "KB", 256, 0, "l2/kib");
    row("L2 cache ways", "", 8, 0, "l2/ways");
    row("cache blocks", "B", 64, 0, "host/line");
    add_memory(table, "DRAM", "dram", 5, 5, 1.17, 0.39);
    row("DRAM", "GB", 8, 0, "dram/gib");
    row("DRAM channels", "", 1, 0, "dram/channels");
    row("DRAM ranks", "", 2, 0, "dram/ranks");
    row("DRAM chips per rank", "", 8, 0, "dram/chips_per_rank");
    row("DRAM banks", "", 16, 0, "dram/banks");
    add_memory(table, "PCM", "pcm", 60, 22, 2.47, 16.82);
    row("PCM", "GB", 32, 0, "pcm/gib");
    row("PCM channels", "", 4, 0, "pcm/channels");
    row("PCM ranks", "", 8, 0, "pcm/ranks");
    row("PCM banks", "", 8, 0, "pcm/banks");
    row("Hydra units", "", 16, 0, "hydra/units");
    row("MACs per unit", "", 32, 0, "hydra/macs");
    row("activation buffer per MAC", "KB", 1, 0, "hydra/activation_kib");
    row("weight buffer per MAC", "B", 128, 0, "hydra/weight_bytes");
    calibrated(row("clock", "GHz", 3, half_digit(0), "hydra/ghz"), "about 3; 336 ps are fitted to Fig. 5");
    table
        .add("power", "W", 1.4, half_digit(1), figure("vgg16", "/hardware/mean_power_w"),
             figure(timed("vgg16"), "/hardware/mean_power_w"))
        .note = "the synthesis figure is a parameter; timed, the units wait";
    table.add("area", "mm2", 1.6, half_digit(1), figure("vgg16", "/hardware/area_mm2")).note =
        "the synthesis figure of a unit is a parameter";
}

void add_figure_5(Study& study) {
    const char* const cycles = "8 cycles of 336 ps per MAC are fitted to the paper's totals";
    for (const PaperNetwork& network : networks) {
        Section figure_5(study, fmt::format("Figure 5: latency of the layers of {}", network.title));
        calibrated(figure_5.add_both(network.title + " latency", "ms", network.latency_ms, half_digit(2),
                                     network.name, "/latency_ms"),
                   cycles);
        const core::Network layers = workloads::make_network(network.name);
        for (std::size_t i = 0; i < layers.layers.size(); ++i) {
            figure_5
                .add_both(layers.layers[i].name, "ms", none, none, network.name,
                          fmt::format("/layers/{}/latency_ms", i))
                .calibrated = true;
        }
    }
    Section text(study, "Section IV-B1: the systems");
    calibrated(text.add("VGG-19 beyond VGG-16", "ms", 21.85, half_digit(2),
                        figure("vgg19", "/latency_ms") - figure("vgg16", "/latency_ms"),
                        figure(timed("vgg19"), "/latency_ms") - figure(timed("vgg16"), "/latency_ms")),
               cycles);
    for (const PaperNetwork& network : networks) {
        for (std::size_t i = 1; i < systems.size(); ++i) {
            calibrated(text.add_both(fmt::format("{} latency, {}", network.title, systems[i].title), "ms",
                                     network.latency_ms, half_digit(2), network.name + systems[i].name,
                                     "/latency_ms"),
                       "the paper: equivalent to Hydra's");
        }
    }
}

struct Accounting {
    const char* title;
    const char* place;
    bool of_the_paper; ///< it gives the paper's ratios
};

const std::vector<Accounting> accountings{
    {"arrays, with the migration write", "/transfer_mj/array_only_migration", true},
    {"arrays", "/transfer_mj/array_only", false},
    {"arrays and buffers, with the migration write", "/transfer_mj/array_buffer_migration", false},
    {"arrays and buffers", "/transfer_mj/array_buffer", false},
    {"arrays, simulated traffic", "/transfer_mj/simulated_array", false},
    {"arrays and buffers, simulated traffic", "/transfer_mj/simulated_array_buffer", false}};

void add_figure_6(Study& study) {
    Section figure_6(study, "Figure 6: data-transfer energy per frame");
    for (const Accounting& accounting : accountings) {
        const std::string place = accounting.place;
        const auto ratio = [&](const PaperNetwork& network, const System& other, bool with_time) {
            const auto run = [&](const System& system) {
                return with_time ? timed(network.name + system.name) : network.name + system.name;
            };
            return figure(run(systems[2]), place) / figure(run(other), place);
        };
        const auto add_mean = [&](const System& other, double paper) {
            std::vector<ModelFigure> ideal;
            std::vector<ModelFigure> in_time;
            for (const PaperNetwork& network : networks) {
                ideal.push_back(ratio(network, other, false));
                in_time.push_back(ratio(network, other, true));
            }
            StudyRow& row = figure_6.add(fmt::format("pure PCM / {}: {}", other.title, accounting.title), "",
                                         paper, accounting.of_the_paper ? std::optional(half_digit(1)) : none,
                                         mean(ideal), mean(in_time));
            if (accounting.of_the_paper) {
                calibrated(row,
                           "mean of the three networks; every unique word once; the accounting was chosen "
                           "because it gives the paper's two ratios");
            }
        };
        add_mean(systems[0], 1.6);
        add_mean(systems[1], 3.5);
    }
    for (const Accounting& accounting : accountings) {
        for (const PaperNetwork& network : networks) {
            for (const System& system : systems) {
                figure_6.add_both(fmt::format("{}, {}: {}", network.title, system.title, accounting.title),
                                  "mJ", none, none, network.name + system.name, accounting.place);
            }
        }
    }
}

void add_figure_7(Study& study) {
    constexpr double images = 1e5;
    const std::pair<const PaperNetwork*, double> totals[] = {{&networks[0], 1.36e7}, {&networks[1], 1.49e7}};
    for (const auto& [network, total] : totals) {
        Section figure_7(study,
                         fmt::format("Figure 7: PCM writes avoided by the layers of {}", network->title));
        const std::string place = "/writes/pcm_words_avoided";
        figure_7.add_both(network->title + " PCM writes avoided", "words", total, 5e4, network->name, place)
            .note = "outputs of convolutions and fully-connected layers, 16 bit each";
        figure_7.add("100,000 images", "words", total * images, 5e4 * images,
                     figure(network->name, place) * images, figure(timed(network->name), place) * images);
        const core::Network layers = workloads::make_network(network->name);
        for (std::size_t i = 0; i < layers.layers.size(); ++i) {
            if (!layers.layers[i].is_pool()) {
                figure_7.add_both(layers.layers[i].name, "words", none, none, network->name,
                                  fmt::format("/layers/{}{}", i, place));
            }
        }
    }
    Section lifetime(study, "Section IV-B2: lifetime of the PCM");
    for (const PaperNetwork& network : networks) {
        lifetime
            .add_both(network.title + ", pure PCM", "years", none, none, network.name + "-pcm",
                      "/endurance/0/years")
            .note = "until the first word of the units' channel has 1E8 writes, frame after frame";
        lifetime
            .add_both(network.title + ", pure PCM, ideal wear levelling", "years", none, none,
                      network.name + "-pcm", "/endurance/0/years_levelled")
            .note = "all words of the units' channel alike";
        lifetime
            .add_both(network.title + ", Hydra: PCM words written", "words", none, none, network.name,
                      "/endurance/0/array_words")
            .note = "no limit by inference";
    }
}

void add_area(Study& study) {
    Section area(study, "Section IV-B3: area");
    area.add("16 units", "mm2", 1.6, half_digit(1), figure("vgg16", "/hardware/area_mm2")).note =
        "0.32 mm x 0.32 mm each, of the paper's synthesis";
    area.add("of a DRAM of 80 mm2", "%", 2, half_digit(0), figure("vgg16", "/hardware/area_share") * 100)
        .note = "all units by one DRAM, as the paper has it";
}

void add_table_2(Study& study) {
    Section table(study, "Table II: Hydra at a comparable node, and DRAM-based accelerators");
    const char* const clock = "a clock of 626 ps is fitted to the two latencies";
    struct Published {
        const PaperNetwork* network;
        double latency_ms, fps, others_ms[2];
    };
    const Published published[] = {{&networks[0], 151.32, 6.61, {3282, 3283}},
                                   {&networks[1], 192.03, 5.21, {3933, 3933}}};
    const char* const others[] = {"DrAcc", "DRISA"};
    const auto fps = [](const std::string& run) { return constant(1000) / figure(run, "/latency_ms"); };
    for (const Published& row : published) {
        const std::string run = row.network->name + clock_626;
        calibrated(table.add_both(row.network->title + " latency", "ms", row.latency_ms, half_digit(2), run,
                                  "/latency_ms"),
                   clock);
        calibrated(table.add(row.network->title + " frames per second", "1/s", row.fps, half_digit(2),
                             fps(run), fps(timed(run))),
                   clock);
    }
    const std::string run = std::string("vgg16") + clock_626;
    const ModelFigure power = figure(run, "/hardware/mean_power_w");
    const ModelFigure timed_power = figure(timed(run), "/hardware/mean_power_w");
    calibrated(table.add("power", "W", 3.63, half_digit(2), power, timed_power),
               "a parameter, from the paper; timed, the units wait");
    calibrated(table.add("area", "mm2", 2.7, half_digit(1), figure(run, "/hardware/area_mm2")),
               "a parameter, from the paper");
    calibrated(table.add("VGG-16 frames per second and watt", "1/(s W)", 1.82, half_digit(2),
                         fps(run) / power, fps(timed(run)) / timed_power),
               clock);
    const char* const as_published = "published, not modelled";
    for (std::size_t other = 0; other < 2; ++other) {
        for (const Published& row : published) {
            table
                .add(fmt::format("{} {} latency", others[other], row.network->title), "ms",
                     row.others_ms[other], none, {})
                .note = as_published;
        }
    }
    const std::pair<const char*, double> figures_of_others[] = {
        {"DrAcc power", 2}, {"DRISA power", 98}, {"DrAcc area", 0.01}, {"DRISA area", 65.2}};
    for (const auto& [name, value] : figures_of_others) {
        const bool is_power = std::string(name).find("power") != std::string::npos;
        table.add(name, is_power ? "W" : "mm2", value, none, {}).note = as_published;
    }
    table.add("DrAcc frames per second and watt", "1/(s W)", 0.15, none, {}).note = as_published;
    table.add("DRISA frames per second and watt", "1/(s W)", 0.0031, none, {}).note = as_published;
    for (std::size_t other = 0; other < 2; ++other) {
        std::vector<ModelFigure> speedups;
        std::vector<ModelFigure> timed_speedups;
        for (const Published& row : published) {
            const std::string of = row.network->name + clock_626;
            speedups.push_back(constant(row.others_ms[other]) / figure(of, "/latency_ms"));
            timed_speedups.push_back(constant(row.others_ms[other]) / figure(timed(of), "/latency_ms"));
        }
        calibrated(
            table.add(fmt::format("speed-up over {}", others[other]), "", 20, none, mean(speedups),
                      mean(timed_speedups)),
            "the paper: around 20; the other's published latency by the model's, mean of both networks");
    }
}

} // namespace

Study hydra_study() {
    Study study;
    study.name = "hydra";
    study.description = "Hydra: a near hybrid memory accelerator for CNN inference (Das, Joshi, Kapoor)";
    add_runs(study);
    add_table_1(study);
    add_figure_5(study);
    add_figure_6(study);
    add_figure_7(study);
    add_area(study);
    add_table_2(study);
    return study;
}

} // namespace hydravp::platform
