// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mram_run.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/platform/mram_platform.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/platform/waveform.h"
#include "hydravp/workloads/binary_executor.h"
#include "hydravp/workloads/idx_reader.h"
#include "hydravp/workloads/image_fit.h"
#include "hydravp/workloads/mram_mapper.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/onnx_reader.h"
#include "hydravp/workloads/random_network.h"

#include "accuracy_tally.h"
#include "simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace hydravp::platform {
namespace {

using Image = std::vector<std::uint8_t>;
using accelerators::mram_pim::SenseErrors;
using core::MramMap;

constexpr std::size_t calibration_images = 500;

/// Everything a run computes on, read and checked before anything is simulated.
struct Workload {
    workloads::BinaryNetwork network;
    bool functional = false;
    std::optional<workloads::ImageSet> images;
    std::vector<std::uint8_t> labels;
    std::uint64_t frames = 1;
    std::uint64_t seed = 1;

    Image image(std::uint64_t frame) const {
        const core::TensorShape& input = network.network.input;
        return images ? workloads::fit_image(images->image(frame), images->rows, images->columns, input)
                      : workloads::random_image(input, seed + frame);
    }
};

void read_images(Workload& work, const RunOptions& options, std::uint32_t classes) {
    const std::uint64_t count = options.count.value_or(0);
    if (options.labels.empty()) {
        work.images = workloads::read_idx_images(options.images, count);
    } else {
        workloads::LabelledImages set =
            workloads::read_idx_dataset(options.images, options.labels, classes, count);
        work.images = std::move(set.images);
        work.labels = std::move(set.labels);
    }
    if (options.count && *options.count > work.images->count) {
        throw core::InputError(fmt::format("{}: found {} images, --count asks for {}", options.images,
                                           work.images->count, *options.count));
    }
    work.frames = work.images->count;
}

/// The images that fix the scales: the training images beside a set of test images, or the run's own.
std::vector<Image> calibration_set(const Workload& work, const RunOptions& options,
                                   const core::TensorShape& input) {
    std::vector<Image> images;
    if (!work.images) {
        for (std::uint64_t frame = 0; frame < std::min<std::uint64_t>(work.frames, 8); ++frame) {
            images.push_back(workloads::random_image(input, options.seed + frame));
        }
        return images;
    }
    std::optional<workloads::ImageSet> training;
    std::filesystem::path path(options.images);
    const std::string name = path.filename().string();
    if (name.rfind("t10k-", 0) == 0) {
        path.replace_filename("train-" + name.substr(5));
        if (std::filesystem::exists(path)) {
            training = workloads::read_idx_images(path.string(), calibration_images);
        }
    }
    const workloads::ImageSet& set = training ? *training : *work.images;
    for (const Image& image : set.first(calibration_images)) {
        images.push_back(workloads::fit_image(image, set.rows, set.columns, input));
    }
    return images;
}

Workload prepare(const MramPlatformConfig& config, const RunOptions& options) {
    Workload work;
    const bool file = std::filesystem::path(options.network).extension() == ".onnx";
    work.functional = options.functional.value_or(file || !options.images.empty());
    work.seed = options.seed;
    if (!work.functional && !options.images.empty()) {
        throw core::InputError("--images needs --data functional: timing mode computes on no data");
    }
    const workloads::FloatNetwork real =
        file ? workloads::read_onnx(options.network)
             : workloads::random_network(workloads::make_network(options.network), options.seed);
    if (!options.images.empty()) {
        read_images(work, options, real.network.layers.back().out.channels);
    } else {
        work.frames = options.count.value_or(config.batch);
    }
    if (work.frames == 0) {
        throw core::InputError("no image to run: --count is 0");
    }
    // Random weights are binary nowhere; the paper's networks are in all layers but the first and the last.
    const workloads::Binarizer binarizer = !file && config.binarizer == workloads::Binarizer::recognised
                                               ? workloads::Binarizer::deterministic
                                               : config.binarizer;
    work.network = workloads::binarize_network(real, calibration_set(work, options, real.network.input),
                                               binarizer, config.binarizer_seed);
    return work;
}

/// The program of the host: batch by batch, layer by layer.
class BatchRunner {
public:
    BatchRunner(MramPlatform& platform, const Workload& work, const MramPlatformConfig& config)
        : platform_(platform), work_(work), config_(config) {}

    std::function<void(std::uint64_t frame, std::size_t layer)> layer_done;
    std::function<void(std::uint64_t frame, const workloads::MappedBinaryNetwork& mapped)> batch_done;

    /// The frames' network mapped for so many of them at a time.
    const workloads::MappedBinaryNetwork& mapped(std::uint32_t batch) {
        const auto found = mapped_.find(batch);
        if (found != mapped_.end()) {
            return found->second;
        }
        return mapped_
            .emplace(batch, workloads::map_binary_network(
                                work_.network, accelerators::mram_pim::bank_shape(config_.mram),
                                platform_.bank.tensor_address(), platform_.bank.tensor_bytes(), batch))
            .first->second;
    }

    void install() {
        platform_.host.set_program([this](modules::Host&) { run(); });
    }

    const std::vector<FrameTimes>& batches() const { return batches_; }
    std::uint64_t frames_done() const { return frames_done_; }
    std::uint64_t loaded_bytes() const { return loaded_bytes_; }

    std::vector<unsigned char> read_output(const core::MramLayerRegisters& layer) {
        std::vector<unsigned char> bytes(layer.outputs() * layer.batch * layer.output_bytes);
        platform_.host.debug_read(layer.output, bytes.data(), bytes.size());
        return bytes;
    }

private:
    void run() {
        for (std::uint64_t frame = 0; frame < work_.frames;) {
            const auto batch =
                static_cast<std::uint32_t>(std::min<std::uint64_t>(config_.batch, work_.frames - frame));
            run_batch(frame, batch);
            frame += batch;
        }
    }

    void run_batch(std::uint64_t first, std::uint32_t batch) {
        const workloads::MappedBinaryNetwork& net = mapped(batch);
        if (work_.functional) {
            load(net, first);
        }
        platform_.bank.clear_completed_layers();
        FrameTimes times;
        times.begin = core::now();
        for (std::size_t i = 0; i < net.layers.size(); ++i) {
            core::MramLayerRegisters layer = net.layers[i];
            layer.layer = static_cast<std::uint32_t>(i);
            const core::Picoseconds begin = core::now();
            run_layer(layer, work_.network.network.layers[i].name);
            const auto& done = platform_.bank.completed_layers().back();
            platform_.bank.charge_background(core::now() - begin, static_cast<core::LayerId>(i));
            modules::LayerInterval interval;
            interval.start = done.start;
            interval.end = done.end;
            times.layers.push_back(interval);
            if (layer_done) {
                layer_done(first, i);
            }
        }
        times.end = core::now();
        batches_.push_back(std::move(times));
        frames_done_ += batch;
        if (batch_done) {
            batch_done(first, net);
        }
    }

    void load(const workloads::MappedBinaryNetwork& net, std::uint64_t first) {
        modules::Host& host = platform_.host;
        if (loaded_batch_ != net.batch) { // another batch size has other addresses
            loaded_batch_ = net.batch;
            for (const auto& piece : net.loads) {
                host.debug_write(piece.address, piece.bytes.data(), piece.bytes.size());
                loaded_bytes_ += piece.bytes.size();
            }
        }
        for (std::uint32_t i = 0; i < net.batch; ++i) {
            const Image image = work_.image(first + i);
            host.debug_write(net.input + i * image.size(), image.data(), image.size());
            loaded_bytes_ += image.size();
        }
    }

    void run_layer(const core::MramLayerRegisters& layer, const std::string& name) {
        modules::Host& host = platform_.host;
        const std::uint64_t registers = platform_.bank.register_base();
        host.attribute_to(static_cast<core::LayerId>(layer.layer));
        host.write(registers + MramMap::layer_block, &layer, sizeof layer);
        host.write64(registers + MramMap::go, 1);
        if (!host.wait_interrupt(config_.host.layer_timeout)) {
            throw core::SimulationError(
                fmt::format("layer '{}': no interrupt within {}", name,
                            core::to_sc_time(config_.host.layer_timeout).to_string()));
        }
        const bool refused = host.read64(registers + MramMap::error) != 0;
        host.write64(registers + MramMap::interrupt_clear, 1);
        host.wait_interrupt_cleared();
        if (refused) {
            throw core::SimulationError(
                fmt::format("layer '{}' was refused by the bank: {}", name, platform_.bank.refusal()));
        }
    }

    MramPlatform& platform_;
    const Workload& work_;
    const MramPlatformConfig& config_;
    std::map<std::uint32_t, workloads::MappedBinaryNetwork> mapped_;
    std::vector<FrameTimes> batches_;
    std::uint64_t frames_done_ = 0;
    std::uint64_t loaded_bytes_ = 0;
    std::uint32_t loaded_batch_ = 0;
};

/// Compares what is in the bank with the golden executor and the labels.
class Judge {
public:
    Judge(const Workload& work, bool golden) : work_(work) {
        if (golden) {
            golden_ = std::make_unique<workloads::BinaryExecutor>(work.network);
        }
    }

    void check(std::uint64_t first, BatchRunner& runner, const workloads::MappedBinaryNetwork& mapped) {
        std::vector<std::vector<unsigned char>> outputs;
        for (const core::MramLayerRegisters& layer : mapped.layers) {
            outputs.push_back(runner.read_output(layer));
        }
        for (std::uint32_t i = 0; i < mapped.batch; ++i) {
            tally_.add_frame();
            if (!work_.labels.empty()) {
                const std::vector<std::int32_t> last = words(outputs.back(), mapped.layers.back(), i);
                tally_.add_answer(workloads::largest_output(last) == work_.labels[first + i]);
            }
            if (golden_ == nullptr) {
                continue;
            }
            const auto& expected = golden_->run(work_.image(first + i));
            for (std::size_t layer = 0; layer < expected.size(); ++layer) {
                tally_.compare(words(outputs[layer], mapped.layers[layer], i), expected[layer]);
            }
        }
    }

    std::optional<Accuracy> accuracy() const { return tally_.accuracy(); }

private:
    static std::vector<std::int32_t> words(const std::vector<unsigned char>& bytes,
                                           const core::MramLayerRegisters& layer, std::uint32_t image) {
        std::vector<std::int32_t> result(layer.outputs());
        const std::size_t first = image * result.size();
        for (std::size_t k = 0; k < result.size(); ++k) {
            const std::size_t at = (first + k) * layer.output_bytes;
            result[k] =
                layer.output_bytes == 1
                    ? bytes[at]
                    : static_cast<std::int16_t>(bytes[at] | static_cast<unsigned>(bytes[at + 1]) << 8);
        }
        return result;
    }

    const Workload& work_;
    std::unique_ptr<workloads::BinaryExecutor> golden_;
    AccuracyTally tally_;
};

bool simulate_host(MramPlatform& platform, const std::function<bool()>& stop) {
    if (!simulate(
            platform.host.finished_event(), [&platform] { return platform.host.finished(); }, stop)) {
        return false;
    }
    platform.host.rethrow();
    if (!platform.host.finished()) {
        throw core::SimulationError("the simulation ended before the host's program did");
    }
    return true;
}

MramFigures mram_figures(const RunResults& results, const MramPlatformConfig& config, std::uint64_t batches,
                         const workloads::MappedBinaryNetwork& mapped) {
    constexpr double ms_per_s = 1e3;
    constexpr double mj_per_j = 1e3;
    MramFigures figures;
    figures.batch = mapped.batch;
    const double frames = static_cast<double>(results.frames);
    figures.frames_per_s = frames / (results.latency_ms * static_cast<double>(batches)) * ms_per_s;
    double energy = 0;
    for (const auto& [account, mj] : results.total.energy_mj) {
        energy += mj;
    }
    figures.frames_per_j = mj_per_j / energy;
    const memory::MramAreaOverhead added =
        memory::area_overhead(config.mram.area, config.mram.sense_amplifier, config.mram.subarrays);
    figures.area_mm2 = config.mram.technology.die.mm2 + added.total().mm2;
    for (std::size_t i = 0; i < mapped.plans.size(); ++i) {
        const core::MramPlan& plan = mapped.plans[i];
        const core::MramLayerRegisters& layer = mapped.layers[i];
        MramFigures::Layer used;
        used.subarrays = static_cast<double>(plan.subarrays);
        if (plan.groups > 0) {
            used.columns = static_cast<double>(layer.outputs() * layer.batch) /
                           static_cast<double>(plan.groups * core::MramPlan::columns);
        } else if (plan.window_groups > 0) {
            used.columns = static_cast<double>(layer.positions() * layer.batch * layer.terms()) /
                           static_cast<double>(plan.window_groups * plan.slices * core::MramPlan::columns);
        }
        figures.layers.push_back(used);
    }
    return figures;
}

} // namespace

RunResults run_mram(const MramPlatformConfig& config, const RunOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    std::optional<Waveform> waveform;
    if (!options.trace.file.empty()) {
        waveform.emplace(options.trace);
    }
    const Workload work = prepare(config, options);
    MramPlatform platform("platform", config, work.functional);
    std::optional<SenseErrors> errors;
    if (config.inject_failures) {
        errors.emplace(memory::SenseMargins(config.mram.technology.cell, config.mram.variation),
                       config.mram.sense_amplifier, config.mram.variation.seed);
        platform.bank.engine().set_errors(&*errors);
    }
    BatchRunner runner(platform, work, config);
    const workloads::MappedBinaryNetwork& whole =
        runner.mapped(static_cast<std::uint32_t>(std::min<std::uint64_t>(config.batch, work.frames)));
    std::optional<Judge> judge;
    if (work.functional) {
        judge.emplace(work, options.golden);
    }
    const std::size_t layers = work.network.layers.size();
    MeterReadings after_batch; // what an interrupted run reports
    runner.layer_done = [&](std::uint64_t frame, std::size_t layer) {
        if (waveform) {
            waveform->sample_energy();
        }
        if (options.progress) {
            options.progress(frame, work.frames, layer + 1, layers);
        }
    };
    runner.batch_done = [&](std::uint64_t first, const workloads::MappedBinaryNetwork& mapped) {
        if (judge) {
            judge->check(first, runner, mapped);
        }
        after_batch.update();
    };
    runner.install();
    if (waveform) {
        waveform->connect(platform);
    }
    RunResults results;
    results.complete = simulate_host(platform, options.stop);
    if (waveform) {
        waveform->finish();
    }
    results.platform = config.name;
    results.network = work.network.network.name;
    results.transfers = "timed";
    results.mapping = "bit-lines";
    results.data = work.functional ? "functional" : "timing";
    results.frames = runner.frames_done();
    results.load_bytes = static_cast<double>(runner.loaded_bytes());
    if (results.frames > 0) {
        collect_batch_results(results, work.network.network, runner.batches(), after_batch, results.frames);
        results.mram = mram_figures(results, config, runner.batches().size(), whole);
    } else {
        collect_partial_results(results, work.network.network, {});
        results.mram = MramFigures{};
        results.mram->batch = whole.batch;
        results.mram->area_mm2 = config.mram.technology.die.mm2;
    }
    if (judge) {
        results.accuracy = judge->accuracy();
    }
    results.host = host_figures(begin);
    return results;
}

} // namespace hydravp::platform
