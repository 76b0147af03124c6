// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/inference.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"
#include "hydravp/core/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace hydravp::platform {

using core::TensorPlacement;

namespace {

std::vector<std::string> names_of(const std::vector<core::LayerWork>& layers,
                                  const std::vector<std::string>& all_names) {
    std::vector<std::string> names;
    for (const core::LayerWork& work : layers) {
        names.push_back(all_names[work.unit.layer]);
    }
    return names;
}

} // namespace

Inference::Inference(HybridPlatform& platform, const workloads::MappedNetwork& mapped,
                     const std::vector<workloads::QuantizedLayer>& quantized,
                     const std::vector<std::string>& layer_names)
    : platform_(platform),
      mapped_(mapped),
      quantized_(quantized),
      executed_(executed_layers(mapped)),
      driver_(platform.host, platform.controller.address_map(), executed_, names_of(executed_, layer_names)) {
    check_load();
    driver_.set_shared_ranges(shared_ranges());
}

void Inference::install(std::uint64_t frames, Callbacks callbacks) {
    callbacks_ = std::move(callbacks);
    platform_.host.set_program([this, frames](modules::Host&) { program(frames); });
}

void Inference::program(std::uint64_t frames) {
    background_ = core::collect_background_consumers();
    if (mapped_.units < platform_.units.size()) {
        driver_.set_unit_mask((std::uint64_t{1} << mapped_.units) - 1);
    }
    load_model();
    for (std::uint64_t frame = 0; frame < frames; frame += mapped_.input.frames) {
        run_batch(frame,
                  static_cast<std::uint32_t>(std::min<std::uint64_t>(mapped_.input.frames, frames - frame)));
    }
}

void Inference::run_batch(std::uint64_t first, std::uint32_t frames) {
    for (std::uint32_t i = 0; i < frames && !quantized_.empty(); ++i) {
        const std::vector<std::int16_t> words = callbacks_.input(first + i);
        write_tensor(mapped_.input, words, i);
        loaded_bytes_ += words.size() * mapped_.word_bytes;
    }
    platform_.controller.clear_completed_layers();
    const core::Picoseconds begin = core::now();
    background_charged_until_ = begin;
    driver_.set_layers(work_for(frames));
    driver_.run_frames([&](std::size_t index) {
        const auto layer = static_cast<core::LayerId>(executed_[index].unit.layer);
        charge_background(layer);
        if (callbacks_.layer_done) {
            callbacks_.layer_done(first, layer);
        }
    });
    frames_.push_back({frames, begin, core::now(), completed_layers()});
    for (std::uint32_t i = 0; i < frames && callbacks_.frame_done; ++i) {
        callbacks_.frame_done(first + i);
    }
}

std::vector<core::LayerWork> Inference::executed_layers(const workloads::MappedNetwork& mapped) {
    std::vector<core::LayerWork> layers;
    std::copy_if(mapped.layers.begin(), mapped.layers.end(), std::back_inserter(layers),
                 [](const core::LayerWork& work) { return work.unit.kind != core::LayerKind::concat; });
    return layers;
}

std::vector<modules::LayerInterval> Inference::completed_layers() const {
    std::vector<modules::LayerInterval> all;
    auto done = platform_.controller.completed_layers().begin();
    for (const core::LayerWork& work : mapped_.layers) {
        if (work.unit.kind == core::LayerKind::concat) {
            const core::Picoseconds end = all.back().end;
            all.push_back({static_cast<core::LayerId>(work.unit.layer), end, end});
        } else if (done != platform_.controller.completed_layers().end()) {
            all.push_back(*done++);
        } else {
            break;
        }
    }
    return all;
}

const std::vector<core::LayerWork>& Inference::work_for(std::uint32_t frames) {
    if (frames == mapped_.input.frames) {
        return executed_;
    }
    smaller_ = executed_;
    for (core::LayerWork& work : smaller_) {
        work.unit.geometry.frames = work.controller.geometry.frames = static_cast<std::uint16_t>(frames);
    }
    return smaller_;
}

std::uint64_t Inference::frames_done() const {
    return std::accumulate(frames_.begin(), frames_.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const FrameTimes& times) { return sum + times.frames; });
}

std::vector<modules::AddressRange> Inference::ordinary_ranges(const TensorPlacement& tensor) const {
    const memory::Geometry& g = platform_.dram.geometry();
    const std::uint64_t row_bytes = std::uint64_t{g.row_bytes} * g.chips_per_rank;
    const std::uint64_t ranks = (mapped_.units + g.chips_per_rank - 1) / g.chips_per_rank;
    const std::uint64_t end = tensor.base + tensor.bytes_per_chip();
    std::vector<modules::AddressRange> ranges;
    for (std::uint64_t row = tensor.base / g.row_bytes; row * g.row_bytes < end; ++row) {
        for (std::uint64_t rank = 0; rank < ranks; ++rank) {
            const std::uint64_t index = (row % g.rows * g.ranks + rank) * g.banks + row / g.rows;
            ranges.push_back({platform_.controller.address_map().dram_base + index * row_bytes, row_bytes});
        }
    }
    return ranges;
}

std::vector<modules::SharedRanges> Inference::shared_ranges() const {
    std::vector<modules::SharedRanges> all;
    for (const core::LayerWork& work : executed_) {
        const core::LayerRegisters& layer = work.controller;
        modules::SharedRanges ranges;
        ranges.invalidate = ordinary_ranges(layer.output);
        ranges.flush = ranges.invalidate; // lest an old line is written back over the results
        const auto add = [&ranges](const std::vector<modules::AddressRange>& more) {
            ranges.flush.insert(ranges.flush.end(), more.begin(), more.end());
        };
        add(ordinary_ranges(layer.input));
        if (layer.has_residual != 0) {
            add(ordinary_ranges(layer.residual));
        }
        if (work.model_bytes > 0) {
            add({{layer.model_address, work.model_bytes}});
        }
        all.push_back(std::move(ranges));
    }
    return all;
}

void Inference::check_load() const {
    const modules::LoadConfig& load = platform_.host.config().load;
    if (load.cores == 0) {
        return;
    }
    const std::uint64_t blocks = load.footprint.count / load.block.count;
    std::vector<TensorPlacement> tensors = mapped_.outputs;
    tensors.push_back(mapped_.input);
    for (const TensorPlacement& tensor : tensors) {
        for (const modules::AddressRange& row : ordinary_ranges(tensor)) {
            // The first block that ends behind the row's begin.
            const std::uint64_t first_end = load.base.count + load.block.count;
            const std::uint64_t block =
                row.base < first_end ? 0 : (row.base - first_end) / load.stride.count + 1;
            if (block < blocks && load.base.count + block * load.stride.count < row.base + row.bytes) {
                throw core::InputError(
                    fmt::format("host.load: the footprint from {:#x} on overlaps a tensor of the "
                                "network at {:#x}; choose another host.load.base",
                                load.base.count, row.base));
            }
        }
    }
}

void Inference::load_model() {
    for (std::size_t i = 0; i < mapped_.layers.size() && !quantized_.empty(); ++i) {
        const core::LayerWork& work = mapped_.layers[i];
        if (work.model_bytes == 0) {
            continue;
        }
        if (work.controller.weight_source == core::WeightSource::resident) {
            load_into_chips(work, quantized_[i]);
        } else {
            workloads::write_model(work, quantized_[i], [&](std::uint64_t offset, const auto& bytes) {
                platform_.host.debug_write(work.controller.model_address + offset, bytes.data(),
                                           bytes.size());
            });
        }
        loaded_bytes_ += work.model_bytes;
        if (callbacks_.layer_loaded) {
            callbacks_.layer_loaded(i);
        }
    }
}

void Inference::load_into_chips(const core::LayerWork& work, const workloads::QuantizedLayer& layer) {
    for (std::uint32_t unit = 0; unit < mapped_.units; ++unit) {
        const std::vector<unsigned char> image = workloads::unit_weight_image(work, layer, core::Unit{unit});
        platform_.host.debug_write(chip_address(unit, work.controller.weights_base), image.data(),
                                   image.size());
    }
    const std::uint32_t chips = std::min(platform_.dram.geometry().chips_per_rank, mapped_.units);
    for (std::uint32_t filter = 0; filter < layer.bias.size(); ++filter) {
        platform_.host.debug_write(
            chip_address(filter % chips, work.controller.biases_base + std::uint64_t{filter / chips} * 8),
            &layer.bias[filter], 8);
    }
}

void Inference::charge_background(core::LayerId layer) {
    const core::Picoseconds now = core::now();
    for (core::BackgroundConsumer* consumer : background_) {
        consumer->charge_background(now - background_charged_until_, layer);
    }
    background_charged_until_ = now;
}

std::uint64_t Inference::chip_address(std::uint32_t unit, std::uint64_t chip_local) const {
    const core::AddressMap& map = platform_.controller.address_map();
    return map.chip_view_base + unit * map.chip_bytes + chip_local;
}

std::uint64_t Inference::word_address(const TensorPlacement& tensor, std::uint32_t channel,
                                      std::uint32_t position) const {
    return chip_address(channel % tensor.split,
                        tensor.address(channel) + std::uint64_t{position} * mapped_.word_bytes);
}

std::vector<std::int16_t> Inference::read_tensor(const TensorPlacement& tensor, std::uint32_t place) {
    const std::size_t positions = std::size_t{tensor.height} * tensor.width;
    std::vector<std::int16_t> words(positions * tensor.channels);
    std::vector<unsigned char> chip(tensor.frame_bytes());
    const std::uint64_t base = tensor.address(0, place);
    for (std::uint32_t unit = 0; unit < tensor.split; ++unit) {
        platform_.host.debug_read(chip_address(unit, base), chip.data(), chip.size());
        for (std::uint32_t channel = unit; channel < tensor.channels; channel += tensor.split) {
            core::load_words(chip.data() + (tensor.address(channel, place) - base), positions,
                             mapped_.word_bytes, words.data() + channel * positions);
        }
    }
    return words;
}

void Inference::write_tensor(const TensorPlacement& tensor, const std::vector<std::int16_t>& words,
                             std::uint32_t place) {
    const std::size_t positions = std::size_t{tensor.height} * tensor.width;
    std::vector<unsigned char> chip(tensor.frame_bytes());
    const std::uint64_t base = tensor.address(0, place);
    for (std::uint32_t unit = 0; unit < mapped_.units; ++unit) {
        for (std::uint32_t channel = unit % tensor.split; channel < tensor.channels;
             channel += tensor.split) {
            core::store_words(words.data() + channel * positions, positions, mapped_.word_bytes,
                              chip.data() + (tensor.address(channel, place) - base));
        }
        platform_.host.debug_write(chip_address(unit, base), chip.data(), chip.size());
    }
}

} // namespace hydravp::platform
