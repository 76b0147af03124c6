// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/inference.h"

#include "hydravp/core/time.h"

#include <cstring>
#include <utility>

namespace hydravp::platform {

using core::TensorPlacement;

Inference::Inference(HybridPlatform& platform, const workloads::MappedNetwork& mapped,
                     const std::vector<workloads::QuantizedLayer>& quantized,
                     std::vector<std::string> layer_names)
    : platform_(platform),
      mapped_(mapped),
      quantized_(quantized),
      driver_(platform.host, platform.controller.address_map(), mapped.layers, std::move(layer_names)) {}

void Inference::install(std::uint64_t frames, Callbacks callbacks) {
    callbacks_ = std::move(callbacks);
    platform_.host.set_program([this, frames](modules::Host&) { program(frames); });
}

void Inference::program(std::uint64_t frames) {
    background_ = core::collect_background_consumers();
    load_model();
    for (std::uint64_t frame = 0; frame < frames; ++frame) {
        if (!quantized_.empty()) {
            const std::vector<std::int16_t> words = callbacks_.input(frame);
            write_tensor(mapped_.input, words);
            loaded_bytes_ += words.size() * 2;
        }
        platform_.controller.clear_completed_layers();
        const core::Picoseconds begin = core::now();
        background_charged_until_ = begin;
        driver_.run_frame([&](std::size_t layer) {
            charge_background(static_cast<core::LayerId>(layer));
            if (callbacks_.layer_done) {
                callbacks_.layer_done(frame, layer);
            }
        });
        frames_.push_back({begin, core::now(), platform_.controller.completed_layers()});
        if (callbacks_.frame_done) {
            callbacks_.frame_done(frame);
        }
    }
}

void Inference::load_model() {
    const std::uint32_t chips = platform_.dram.geometry().chips_per_rank;
    for (std::size_t i = 0; i < mapped_.layers.size() && !quantized_.empty(); ++i) {
        const core::LayerWork& work = mapped_.layers[i];
        if (work.model_bytes == 0) {
            continue;
        }
        const std::vector<unsigned char> image = workloads::model_image(work, quantized_[i], chips);
        platform_.host.debug_write(work.controller.model_address, image.data(), image.size());
        loaded_bytes_ += image.size();
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
    return chip_address(channel % tensor.split, tensor.address(channel) + std::uint64_t{position} * 2);
}

std::vector<std::int16_t> Inference::read_tensor(const TensorPlacement& tensor) {
    const std::size_t positions = std::size_t{tensor.height} * tensor.width;
    std::vector<std::int16_t> words(positions * tensor.channels);
    std::vector<unsigned char> chip(tensor.bytes_per_chip());
    for (std::uint32_t unit = 0; unit < tensor.split; ++unit) {
        platform_.host.debug_read(chip_address(unit, tensor.base), chip.data(), chip.size());
        for (std::uint32_t channel = unit; channel < tensor.channels; channel += tensor.split) {
            std::memcpy(words.data() + channel * positions,
                        chip.data() + (tensor.address(channel) - tensor.base), positions * 2);
        }
    }
    return words;
}

void Inference::write_tensor(const TensorPlacement& tensor, const std::vector<std::int16_t>& words) {
    const std::size_t positions = std::size_t{tensor.height} * tensor.width;
    std::vector<unsigned char> chip(tensor.bytes_per_chip());
    for (std::uint32_t unit = 0; unit < platform_.units.size(); ++unit) {
        for (std::uint32_t channel = unit % tensor.split; channel < tensor.channels;
             channel += tensor.split) {
            std::memcpy(chip.data() + (tensor.address(channel) - tensor.base),
                        words.data() + channel * positions, positions * 2);
        }
        platform_.host.debug_write(chip_address(unit, tensor.base), chip.data(), chip.size());
    }
}

} // namespace hydravp::platform
