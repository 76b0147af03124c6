// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/error.h"
#include "hydravp/modules/config_check.h"
#include "hydravp/platform/config.h"
#include "hydravp/platform/endurance.h"
#include "hydravp/platform/inference.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/platform/transfer_energy.h"
#include "hydravp/platform/waveform.h"
#include "hydravp/workloads/golden_executor.h"
#include "hydravp/workloads/idx_reader.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/onnx_reader.h"
#include "hydravp/workloads/quantizer.h"
#include "hydravp/workloads/random_network.h"

#include "accuracy_tally.h"
#include "load_alone.h"
#include "simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace hydravp::platform {

namespace {

using Image = std::vector<std::uint8_t>;

/// Everything a run computes on, read and checked before anything is simulated.
struct Workload {
    core::Network network;
    workloads::QuantizedNetwork quantized; ///< empty layers in timing mode
    bool functional = false;
    std::vector<Image> random_images; ///< where no file gives any
    std::optional<workloads::ImageSet> images;
    std::vector<std::uint8_t> labels;
    std::uint64_t frames = 1;
    std::string calibration;

    Image image(std::uint64_t frame) const { return images ? images->image(frame) : random_images[frame]; }
};

constexpr std::size_t calibration_images = 500;

bool is_file(const std::string& network) {
    return std::filesystem::path(network).extension() == ".onnx";
}

void read_images(Workload& work, const RunOptions& options) {
    const std::uint64_t count = options.count.value_or(0);
    const core::TensorShape& input = work.network.input;
    if (options.labels.empty()) {
        work.images = workloads::read_idx_images(options.images, count);
    } else {
        const std::uint32_t classes = work.network.layers.back().out.channels;
        workloads::LabelledImages set =
            workloads::read_idx_dataset(options.images, options.labels, classes, count);
        work.images = std::move(set.images);
        work.labels = std::move(set.labels);
    }
    if (input.channels != 1 || input.height != work.images->rows || input.width != work.images->columns) {
        throw core::InputError(fmt::format("{}: images are 1x{}x{}, the network '{}' wants {}x{}x{}",
                                           options.images, work.images->rows, work.images->columns,
                                           work.network.name, input.channels, input.height, input.width));
    }
    if (options.count && *options.count > work.images->count) {
        throw core::InputError(fmt::format("{}: found {} images, --count asks for {}", options.images,
                                           work.images->count, *options.count));
    }
    work.frames = work.images->count;
}

/// The images that fix the scales: the training images beside a set of test images, or the run's own.
std::vector<Image> calibration_set(Workload& work, const RunOptions& options) {
    if (!work.images) {
        work.calibration = "the run's own random images";
        return work.random_images;
    }
    std::filesystem::path training(options.images);
    const std::string name = training.filename().string();
    if (name.rfind("t10k-", 0) == 0) {
        training.replace_filename("train-" + name.substr(5));
        if (std::filesystem::exists(training)) {
            work.calibration = fmt::format("first {} images of {}", calibration_images, training.string());
            return workloads::read_idx_images(training.string(), calibration_images)
                .first(calibration_images);
        }
    }
    work.calibration = fmt::format("first {} of the run's own images", calibration_images);
    return work.images->first(calibration_images);
}

/// The machine that the network is mapped for: no larger batches than there are frames.
workloads::MachineShape machine_for(const PlatformConfig& config, std::uint64_t frames) {
    workloads::MachineShape shape = machine_shape(config);
    shape.frames = static_cast<std::uint32_t>(std::min<std::uint64_t>(shape.frames, frames));
    return shape;
}

Workload prepare(const PlatformConfig& config, const RunOptions& options) {
    Workload work;
    const bool file = is_file(options.network);
    work.functional = options.functional.value_or(file || !options.images.empty());
    if (!work.functional && !options.images.empty()) {
        throw core::InputError("--images needs --data functional: timing mode computes on no data");
    }
    if (!work.functional) {
        try {
            modules::check_hybrid_data("--data timing", config.memory, false);
        } catch (const core::InputError& e) {
            throw core::InputError(fmt::format("{} (--data functional keeps them)", e.what()));
        }
    }
    if (options.images.empty() && !options.labels.empty()) {
        throw core::InputError("--labels needs --images");
    }
    std::optional<workloads::FloatNetwork> real;
    if (file) {
        real = workloads::read_onnx(options.network);
        work.network = real->network;
    } else {
        work.network = workloads::make_network(options.network);
        if (work.functional) {
            real = workloads::random_network(work.network, options.seed);
        }
    }
    if (!options.images.empty()) {
        read_images(work, options);
    } else {
        work.frames = options.count.value_or(config.batch);
        for (std::uint64_t frame = 0; work.functional && frame < work.frames; ++frame) {
            work.random_images.push_back(workloads::random_image(work.network.input, options.seed + frame));
        }
    }
    if (work.frames == 0) {
        throw core::InputError("no image to run: --count is 0");
    }
    if (work.functional) {
        workloads::QuantizerOptions quantizer;
        quantizer.partial_sum_bits = config.partial_sum_bits;
        quantizer.word_bits = static_cast<int>(config.hydra.precision);
        quantizer.channel_splits = workloads::channel_splits(
            workloads::map_network(work.network, {}, machine_for(config, work.frames)));
        work.quantized = workloads::quantize(*real, calibration_set(work, options), quantizer);
    }
    return work;
}

/// Compares what is in the simulated DRAM with the golden executor and the labels, frame by frame.
class Judge {
public:
    Judge(const Workload& work, bool golden) : work_(work) {
        if (golden) {
            golden_ = std::make_unique<workloads::GoldenExecutor>(work.quantized);
        }
    }

    void check(std::uint64_t frame, Inference& inference, const workloads::MappedNetwork& mapped) {
        tally_.add_frame();
        if (!work_.labels.empty()) {
            const std::size_t answer =
                workloads::argmax(inference.read_tensor(mapped.outputs.back(), inference.place_of(frame)));
            tally_.add_answer(answer == work_.labels[frame]);
        }
        if (golden_ == nullptr) {
            return;
        }
        const auto& expected = golden_->run(workloads::quantize_image(work_.quantized, work_.image(frame)));
        for (std::size_t layer = 0; layer < expected.size(); ++layer) {
            tally_.compare(inference.read_tensor(mapped.outputs[layer], inference.place_of(frame)),
                           expected[layer]);
        }
    }

    std::optional<Accuracy> accuracy() const { return tally_.accuracy(); }

private:
    const Workload& work_;
    std::unique_ptr<workloads::GoldenExecutor> golden_;
    AccuracyTally tally_;
};

/// Figures that follow from others and the configuration.
void derive_figures(RunResults& results, const PlatformConfig& config) {
    const TransferMemories memories = transfer_memories(config);
    results.total.transfer_mj = transfer_energies(results.total, memories);
    for (LayerResult& layer : results.layers) {
        layer.activity.transfer_mj = transfer_energies(layer.activity, memories);
    }
    const double frame_ms = results.latency_ms + results.control_ms;
    const core::Area area = config.hydra.total_area();
    results.hardware.area_mm2 = area.mm2;
    results.hardware.area_share = config.hydra.dram_area.mm2 > 0 ? area.mm2 / config.hydra.dram_area.mm2 : 0;
    results.hardware.power_w = config.hydra.unit_power().watts * config.hydra.units;
    results.hardware.mean_power_w =
        frame_ms > 0 ? energy_split(results.total.energy_mj)["compute"] / frame_ms : 0;
}

/// After the dirty rows have been written back.
void add_endurance(RunResults& results, const PlatformConfig& config, const HybridPlatform& platform) {
    const double frame_ms = results.latency_ms + results.control_ms;
    const auto add = [&](const char* section, const modules::MemoryConfig& memory,
                         const memory::WearSummary& wear) {
        if (memory.technology.endurance > 0 && memory.channels > 0) {
            results.endurance.push_back(endurance_figures(section, memory.technology, memory.capacity_bytes(),
                                                          wear, results.frames, frame_ms));
        }
    };
    memory::WearSummary pcm;
    for (const auto& channel : platform.pcm) {
        const memory::WearSummary wear = channel->wear();
        pcm.words += wear.words;
        pcm.most_writes = std::max(pcm.most_writes, wear.most_writes);
    }
    add("dram", config.memory.dram, platform.dram.wear());
    add("pcm", config.memory.pcm, pcm);
}

} // namespace

RunResults run(const PlatformConfig& config, const RunOptions& options) {
    if (options.load_alone) {
        RunResults results = run_load_alone(config, options);
        derive_figures(results, config);
        return results;
    }
    const auto begin = std::chrono::steady_clock::now();
    std::optional<Waveform> waveform;
    if (!options.trace.file.empty()) {
        waveform.emplace(options.trace);
    }
    Workload work = prepare(config, options);
    const workloads::MappedNetwork mapped =
        workloads::map_network(work.network, work.quantized.layers, machine_for(config, work.frames));
    std::vector<std::string> names;
    for (const core::LayerDescriptor& layer : work.network.layers) {
        names.push_back(layer.name);
    }
    HybridPlatform platform("platform", config, work.functional);
    Inference inference(platform, mapped, work.quantized.layers, names);
    std::optional<Judge> judge;
    if (work.functional) {
        judge.emplace(work, options.golden);
    }
    Inference::Callbacks callbacks;
    callbacks.input = [&](std::uint64_t frame) {
        return workloads::quantize_image(work.quantized, work.image(frame));
    };
    callbacks.layer_loaded = [&](std::size_t layer) {
        if (!options.golden) { // nobody else needs them, and they are as large as the simulated memory's
            std::vector<std::int16_t>().swap(work.quantized.layers[layer].weights);
        }
    };
    std::size_t layers_done = 0;
    MeterReadings after_frame; // what an interrupted run reports
    callbacks.layer_done = [&](std::uint64_t frame, std::size_t layer) {
        if (waveform) {
            waveform->sample_energy();
        }
        layers_done = layer + 1;
        if (options.progress) {
            options.progress(frame, work.frames, layer + 1, names.size());
        }
    };
    callbacks.frame_done = [&](std::uint64_t frame) {
        if (judge) {
            judge->check(frame, inference, mapped);
        }
        if (options.stop) {
            after_frame.update();
        }
    };
    inference.install(work.frames, callbacks);
    if (waveform) {
        waveform->connect(platform);
    }
    RunResults results;
    results.complete = simulate_host(platform, options.stop);
    if (waveform) {
        waveform->finish();
    }
    results.platform = config.name;
    results.network = work.network.name;
    results.transfers = to_string(config.transfers);
    results.mapping = to_string(config.mapping);
    results.partial_sum_bits = config.partial_sum_bits;
    results.precision = static_cast<int>(config.hydra.precision);
    results.hardware.units = config.hydra.units;
    results.hardware.working_units = mapped.units;
    results.data = work.functional ? "functional" : "timing";
    results.frames = inference.frames_done();
    results.load_bytes = static_cast<double>(inference.loaded_bytes());
    if (results.complete) {
        platform.dram.flush();
        for (const auto& channel : platform.pcm) {
            channel->flush();
        }
        collect_results(results, work.network, inference.frames());
        add_endurance(results, config, platform);
    } else if (results.frames > 0) {
        collect_results(results, work.network, inference.frames(), after_frame);
    } else {
        std::vector<modules::LayerInterval> layers = inference.completed_layers();
        layers.resize(std::min(layers.size(), layers_done));
        collect_partial_results(results, work.network, layers, mapped.input.frames);
    }
    add_load_latencies(results, platform.load_latencies());
    derive_figures(results, config);
    if (judge) {
        results.accuracy = judge->accuracy();
    }
    results.host = host_figures(begin);
    return results;
}

} // namespace hydravp::platform
