// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/transfer_energy.h"

#include "results_json.h"

#include <string>

namespace hydravp::platform {
namespace {

constexpr double mj_per_pj = 1e-9;

double read_pj(const memory::Technology& technology, bool buffers) {
    return technology.array_read.pj + (buffers ? technology.buffer_read.pj : 0);
}

double write_pj(const memory::Technology& technology, bool buffers) {
    return technology.array_write.pj + (buffers ? technology.buffer_write.pj : 0);
}

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

bool ends_with(const std::string& text, const std::string& suffix) {
    return text.size() >= suffix.size() &&
           text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

} // namespace

TransferMemories transfer_memories(const PlatformConfig& config) {
    TransferMemories memories;
    memories.activations = config.memory.dram.technology;
    const bool resident = config.weights == core::WeightSource::resident;
    memories.weights = resident ? memories.activations : config.memory.pcm.technology;
    memories.word_bits = config.hydra.precision;
    memories.migrates = memories.weights.kind != memories.activations.kind;
    return memories;
}

double transfer_energy_mj(double weights, double outputs, const TransferMemories& memories,
                          TransferAccounting accounting) {
    const memory::Technology& to = memories.activations;
    double per_weight = read_pj(memories.weights, accounting.buffers);
    if (accounting.migration && memories.migrates) {
        per_weight += write_pj(to, accounting.buffers);
    }
    const double per_output = write_pj(to, accounting.buffers) + read_pj(to, accounting.buffers);
    return memories.word_bits * (weights * per_weight + outputs * per_output) * mj_per_pj;
}

Figures transfer_energies(const Activity& activity, const TransferMemories& memories) {
    const double weights = figure(activity.counts, "weight_words");
    const double outputs = figure(activity.counts, "output_words");
    const auto energy = [&](bool buffers, bool migration) {
        return transfer_energy_mj(weights, outputs, memories, {buffers, migration});
    };
    double array = 0;
    double buffer = 0;
    for (const auto& [name, value] : activity.energy_mj) {
        array += ends_with(name, "_array_read") || ends_with(name, "_array_write") ? value : 0;
        buffer += ends_with(name, "_buffer_read") || ends_with(name, "_buffer_write") ? value : 0;
    }
    return {{"array_only", energy(false, false)},
            {"array_only_migration", energy(false, true)},
            {"array_buffer", energy(true, false)},
            {"array_buffer_migration", energy(true, true)},
            {"simulated_array", array},
            {"simulated_array_buffer", array + buffer}};
}

Figures energy_split(const Figures& energy_mj) {
    Figures split{{"compute", 0}, {"transfer", 0}, {"background", 0}, {"refresh", 0}};
    for (const auto& [name, value] : energy_mj) {
        const char* const part = starts_with(name, "hydra_")      ? "compute"
                                 : ends_with(name, "_background") ? "background"
                                 : ends_with(name, "_refresh")    ? "refresh"
                                                                  : "transfer";
        split[part] += value;
    }
    return split;
}

} // namespace hydravp::platform
