// SPDX-License-Identifier: Apache-2.0
// The figures of papers that `hydravp reproduce` compares with: a row each.
#include "hydravp/core/error.h"
#include "hydravp/platform/nearest_name.h"
#include "hydravp/platform/reproduction.h"

#include <fmt/format.h>

namespace hydravp::platform {
namespace {

using Model = std::function<double(const Measurements&)>;

/// A figure as a run reports it; `place` as in results.json.
Model figure(const std::string& run, const std::string& place) {
    return [run, place](const Measurements& measurements) {
        const auto figures = measurements.find(run);
        if (figures == measurements.end()) {
            throw core::SimulationError(fmt::format("the run '{}' has no results", run));
        }
        const auto value = figures->second.find(place);
        if (value == figures->second.end()) {
            throw core::SimulationError(fmt::format("the results of '{}' have no figure {}", run, place));
        }
        return value->second;
    };
}

Model latency(const std::string& run) {
    return figure(run, "/latency_ms");
}

Model writes_avoided(const std::string& run) {
    return figure(run, "/writes/pcm_words_avoided");
}

/// Das, Joshi, Kapoor: "Hydra: A near hybrid memory accelerator for CNN inference".
Study hydra() {
    constexpr double hundredth = 0.005;  // half of the last digit of 81.22
    constexpr double three_digits = 5e4; // half of the last digit of 1.36E7
    constexpr bool calibrated = true;
    const char* const cycles = "Fig. 5; 8 cycles of 336 ps per MAC are fitted to the paper's latencies";
    const char* const table_2 = "Table II; a clock of 626 ps is fitted to the two latencies";
    const char* const words = "Fig. 7 divided by its 100,000 images; outputs of CONV and FC layers";
    const char* const timed = "paper assumes ideal transfers";
    Study study;
    study.name = "hydra";
    study.description = "Hydra: a near hybrid memory accelerator for CNN inference (Das, Joshi, Kapoor)";
    study.runs = {
        {"vgg16", "vgg16", {"transfers=ideal"}},
        {"vgg19", "vgg19", {"transfers=ideal"}},
        {"resnet34", "resnet34", {"transfers=ideal"}},
        {"vgg16-626ps", "vgg16", {"transfers=ideal", "hydra.clock_period=626 ps"}},
        {"vgg19-626ps", "vgg19", {"transfers=ideal", "hydra.clock_period=626 ps"}},
        {"vgg16-timed", "vgg16", {"transfers=timed"}},
        {"vgg19-timed", "vgg19", {"transfers=timed"}},
        {"resnet34-timed", "resnet34", {"transfers=timed"}},
    };
    study.rows = {
        {"VGG-16 latency", "ms", 81.22, hundredth, latency("vgg16"), calibrated, cycles},
        {"VGG-19 latency", "ms", 103.07, hundredth, latency("vgg19"), calibrated, cycles},
        {"ResNet-34 latency", "ms", 19.13, hundredth, latency("resnet34"), calibrated, cycles},
        {"VGG-16 latency, 626 ps", "ms", 151.32, hundredth, latency("vgg16-626ps"), calibrated, table_2},
        {"VGG-19 latency, 626 ps", "ms", 192.03, hundredth, latency("vgg19-626ps"), calibrated, table_2},
        {"VGG-16 PCM writes avoided", "words", 1.36e7, three_digits, writes_avoided("vgg16"), false, words},
        {"VGG-19 PCM writes avoided", "words", 1.49e7, three_digits, writes_avoided("vgg19"), false, words},
        {"VGG-16 latency, timed", "ms", 81.22, std::nullopt, latency("vgg16-timed"), calibrated, timed},
        {"VGG-19 latency, timed", "ms", 103.07, std::nullopt, latency("vgg19-timed"), calibrated, timed},
        {"ResNet-34 latency, timed", "ms", 19.13, std::nullopt, latency("resnet34-timed"), calibrated, timed},
    };
    return study;
}

} // namespace

const std::vector<Study>& known_studies() {
    static const std::vector<Study> studies{hydra()};
    return studies;
}

const Study& find_study(const std::string& name) {
    std::vector<std::string> names;
    std::string list;
    for (const Study& study : known_studies()) {
        if (study.name == name) {
            return study;
        }
        names.push_back(study.name);
        list += (list.empty() ? "" : ", ") + study.name;
    }
    names.emplace_back("mram"); // not a study of runs, but known to the program
    list += ", mram";
    throw core::InputError(
        fmt::format("found {}, expected a paper to reproduce: {}{}", name, list, did_you_mean(name, names)));
}

} // namespace hydravp::platform
