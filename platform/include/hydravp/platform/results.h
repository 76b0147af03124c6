// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::platform {

/// One account name -> value; what `total` means is up to the writer.
using Figures = std::map<std::string, double>;

/// What one layer, or the whole frame, moved and spent. All values are per frame (means over the frames).
struct Activity {
    Figures
        energy_mj;  ///< by account, e.g. dram_array_read, pcm_buffer_read, hydra_mac, link; without the total
    Figures bytes;  ///< dram_read, dram_written, pcm_read, pcm_written, link, ...
    Figures writes; ///< dram_words, pcm_words, pcm_words_avoided, dram_array_words, pcm_array_words,
                    ///< dram_words_activation, ...
    Figures counts; ///< events, e.g. l1d_hits, l2_misses; unique words: weight_words, output_words
    Figures busy_ms;     ///< mac, chip_bus, channel, pcm: the busiest instance of each
    Figures transfer_mj; ///< data-transfer energy by accounting (`transfer_energies`)
};

struct LayerResult {
    std::string name;
    std::string kind;
    double start_ms = 0; ///< relative to the frame's first unit start
    double end_ms = 0;
    std::uint64_t macs = 0; ///< executed, counted by the units
    std::string bound_by;   ///< the resource with the largest busy time in this layer
    Activity activity;
};

struct Accuracy {
    std::uint64_t images = 0;
    std::optional<double> top1;             ///< fraction; absent without labels
    std::optional<double> golden_agreement; ///< fraction of all output words equal to the golden executor's
};

/// What the background load of the cores got, over the time of all frames.
struct LoadFigures {
    double accesses = 0; ///< per frame
    double mean_latency_ns = 0;
    // Latencies that so many of the accesses do not exceed.
    double median_latency_ns = 0;
    double p95_latency_ns = 0;
    double p99_latency_ns = 0;
    double max_latency_ns = 0;
    double bandwidth_gb_s = 0; ///< of all cores
};

/// Wear of one memory and what follows from it, per frame.
struct EnduranceFigures {
    std::string memory;     ///< its section in the configuration
    std::string technology; ///< its name
    std::uint64_t endurance = 0;
    std::uint64_t capacity_bytes = 0;
    double array_words = 0;               ///< written into cells
    double most_writes = 0;               ///< of one word; a mean over the frames
    std::optional<double> years;          ///< until the first word wears out; absent: nothing is written
    std::optional<double> years_levelled; ///< if all words were written alike
};

/// Area and power of the units.
struct HardwareFigures {
    double area_mm2 = 0;
    double area_share = 0;   ///< of the DRAM that carries them
    double power_w = 0;      ///< while all of them compute
    double mean_power_w = 0; ///< their energy by the time of a frame
    std::uint32_t units = 0;
    std::uint32_t working_units = 0; ///< the mapping may leave some idle
};

struct HostFigures {
    double wall_s = 0;
    double peak_rss_mb = 0;
    std::uint64_t kernel_events = 0;
};

/// Of frames that the units compute together.
struct BatchFigures {
    std::uint32_t frames = 0;
    double latency_ms = 0; ///< of a full batch, or of the largest that there was
};

/// What only a processing-in-MRAM bank reports.
struct MramFigures {
    std::uint32_t batch = 0; ///< frames that are computed together; `latency_ms` is the batch's
    double frames_per_s = 0;
    double frames_per_j = 0;
    double area_mm2 = 0; ///< of the die, with what processing adds
    struct Layer {
        double subarrays = 0; ///< that compute at the same time, at most
        double columns = 0;   ///< share of their bit lines in use
    };
    std::vector<Layer> layers;
};

/// Everything a run reports: the content of results.json.
struct RunResults {
    bool complete = false;
    std::string platform;
    std::string network;
    std::string transfers;
    std::string mapping;
    int partial_sum_bits = 0;
    int precision = 0; ///< bits of activations, weights and results; 0 in MRAM
    std::string data;  ///< functional or timing
    std::uint64_t frames = 0;
    double latency_ms = 0;  ///< per frame: first unit's start to last layer's completion; of a batch, its
                            ///< share
    double control_ms = 0;  ///< per frame: the host's set-up and interrupt handling
    double load_bytes = 0;  ///< model and images written untimed before the frames
    std::uint64_t macs = 0; ///< per frame, executed
    Activity total;
    std::vector<LayerResult> layers;
    HardwareFigures hardware;
    std::vector<EnduranceFigures> endurance; ///< of memories whose technology has one
    std::optional<BatchFigures> batch;       ///< absent if frames are computed one by one
    std::optional<LoadFigures> load;         ///< absent without a load
    std::optional<Accuracy> accuracy;
    std::optional<MramFigures> mram; ///< absent on other platforms
    HostFigures host;
};

} // namespace hydravp::platform
