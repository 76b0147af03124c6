// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cnn_traffic.h"

#include "hydravp/core/error.h"

#include "layer_words.h"
#include "tensor_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace hydravp::workloads {

using core::LayerGeometry;
using core::LayerWork;
using core::Range;
using core::Unit;

namespace {

/// Tensors and a layer's weights begin at multiples of it: with a row of common memories.
constexpr std::uint64_t alignment = 8192;

bool overlap(const TrafficRegion& a, const TrafficRegion& b) {
    return a.bytes > 0 && b.bytes > 0 && a.base < b.base + b.bytes && b.base < a.base + a.bytes;
}

TrafficTensor make_tensor(const core::TensorPlacement& placement, std::uint32_t word_bytes) {
    TrafficTensor tensor;
    tensor.channels = placement.channels;
    tensor.split = placement.split;
    tensor.plane_bytes = std::uint64_t{placement.height} * placement.width * word_bytes;
    tensor.all_channels = tensor.channels;
    tensor.region.bytes = tensor.channels * tensor.plane_bytes;
    return tensor;
}

} // namespace

const char* to_string(AccessKind kind) {
    switch (kind) {
    case AccessKind::weight_read:
        return "weight read";
    case AccessKind::activation_read:
        return "activation read";
    case AccessKind::residual_read:
        return "residual read";
    case AccessKind::output_write:
        return "output write";
    }
    return "";
}

std::uint64_t LayerTraffic::total() const {
    return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

std::uint64_t TrafficTensor::address(std::uint32_t channel) const {
    channel += first_channel;
    const std::uint32_t residue = channel % split;
    const std::uint64_t before =
        std::uint64_t{residue} * (all_channels / split) + std::min(residue, all_channels % split);
    return region.base + (before + channel / split) * plane_bytes;
}

LayerTraffic layer_traffic(const LayerWork& work) {
    if (work.unit.kind == core::LayerKind::concat) {
        return {};
    }
    const LayerGeometry& g = work.unit.geometry;
    const core::ConvSchedule schedule(g);
    const bool pooling = is_pooling(work);
    LayerTraffic traffic;
    traffic[AccessKind::output_write] = std::uint64_t{g.filters} * g.positions() * g.word_bytes;
    if (!pooling) {
        traffic[AccessKind::weight_read] =
            core::bias_block_bytes(g.filters) +
            schedule.weight_bytes_per_unit() * g.units * schedule.weight_loads();
    }
    // Slices that share the filters see different positions, and the other way round.
    std::uint64_t input_fetches = 0; // of the tile, by all filter slices together
    for (std::uint32_t slice = 0; slice < (pooling ? 1 : g.filter_split); ++slice) {
        std::uint32_t groups = 0;
        for (std::uint32_t group = 0; group < schedule.filter_groups(); ++group) { // passes over a group set
            const Unit unit{std::size_t{slice} * g.position_split * g.channel_split};
            groups += pooling || !schedule.filters(unit, schedule.pass_of(0, group)).empty() ? 1 : 0;
        }
        input_fetches += schedule.tiles_stay() && !pooling ? std::min(groups, 1U) : groups;
    }
    const core::LayerRegisters& r = work.controller;
    for (std::uint32_t slice = 0; slice < (pooling ? 1 : g.position_split); ++slice) {
        for (std::uint32_t tile = 0; tile < schedule.tiles(); ++tile) {
            const Range positions =
                schedule.positions(Unit{std::size_t{slice} * g.channel_split}, schedule.pass_of(tile, 0));
            traffic[AccessKind::activation_read] +=
                input_fetches * g.input_rows(positions).size() * g.in_width * g.channels * g.word_bytes;
            if (r.has_residual != 0 && !positions.empty()) {
                traffic[AccessKind::residual_read] += std::uint64_t{residual_words(r, positions).size()} *
                                                      std::min(g.filters, r.residual.channels) * g.word_bytes;
            }
        }
    }
    return traffic;
}

// ---- layout

CnnTraffic::CnnTraffic(const core::Network& network, const MappedNetwork& mapped,
                       const TrafficLayout& layout) {
    if (mapped.input.frames != 1) {
        throw std::invalid_argument("the traffic is that of one frame, the network is mapped for a batch");
    }
    for (std::size_t i = 0; i < mapped.layers.size(); ++i) {
        Plan plan;
        plan.name = network.layers[i].name;
        plan.work = mapped.layers[i];
        plan.traffic = layer_traffic(plan.work);
        plan.input = network.layers[i].input;
        if (network.layers[i].residual) {
            plan.residual = network.layers[i].residual->source;
        }
        plan.weights = {weights_.bytes, plan.work.model_bytes};
        weights_.bytes += core::align_up(plan.work.model_bytes, alignment);
        plans_.push_back(std::move(plan));
    }
    place_tensors(network, mapped);
    place_regions(layout);
}

/// The last layer that reads each tensor or one that it shares a concat with, the network's input first; a
/// tensor that nobody reads is a result and stays.
std::vector<std::size_t> CnnTraffic::last_readers(const core::Network& network) const {
    std::vector<std::size_t> last(network.layers.size() + 1, network.layers.size());
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        for (const int source : network.layers[i].sources()) {
            last[place_of(source)] = i;
        }
    }
    std::vector<std::size_t> of_root(last.size(), 0);
    for (std::size_t slot = 0; slot < last.size(); ++slot) {
        std::size_t& root = of_root[place_of(root_of_[slot])];
        root = std::max(root, last[slot]);
    }
    for (std::size_t slot = 0; slot < last.size(); ++slot) {
        last[slot] = of_root[place_of(root_of_[slot])];
    }
    return last;
}

/// Gives every tensor a region and a place in it, relative to the region's base.
void CnnTraffic::place_tensors(const core::Network& network, const MappedNetwork& mapped) {
    const std::vector<TensorView> views = tensor_views(network);
    for (const TensorView& view : views) {
        root_of_.push_back(view.root);
    }
    const std::vector<std::size_t> last_reader = last_readers(network);
    const auto place = [&](TrafficTensor tensor, std::uint8_t region, std::size_t layer) {
        std::vector<TrafficRegion> occupied;
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
            if (region_of_[i] == region && last_reader[i] >= layer) {
                occupied.push_back(tensors_[i].region);
            }
        }
        std::sort(occupied.begin(), occupied.end(),
                  [](const TrafficRegion& a, const TrafficRegion& b) { return a.base < b.base; });
        for (const TrafficRegion& other : occupied) { // the first gap that is large enough
            if (overlap(tensor.region, other)) {
                tensor.region.base = core::align_up(other.base + other.bytes, alignment);
            }
        }
        TrafficRegion& whole = activations_[region];
        whole.bytes =
            std::max(whole.bytes, core::align_up(tensor.region.base + tensor.region.bytes, alignment));
        tensors_.push_back(tensor);
        region_of_.push_back(region);
    };
    place(make_tensor(mapped.input, mapped.word_bytes), 0, 0);
    std::map<int, std::size_t> placed; // roots, and a tensor that lies in them
    for (std::size_t i = 0; i < plans_.size(); ++i) {
        const TensorView& view = views[i + 1];
        const auto known = placed.find(view.root);
        if (known == placed.end()) {
            placed[view.root] = tensors_.size();
            place(make_tensor(mapped.outputs[static_cast<std::size_t>(view.root)], mapped.word_bytes),
                  region_of_[place_of(plans_[i].input)] == 0 ? 1 : 0, i);
        } else {
            tensors_.push_back(tensors_[known->second]);
            region_of_.push_back(region_of_[known->second]);
        }
        tensors_.back().first_channel = view.first_channel;
        tensors_.back().channels = mapped.outputs[i].channels;
    }
}

void CnnTraffic::place_regions(const TrafficLayout& layout) {
    const auto behind = [](const TrafficRegion& region) { return region.base + region.bytes; };
    activations_[0].base = layout.activations_base;
    activations_[1].base = layout.second_activations_base.value_or(behind(activations_[0]));
    weights_.base = layout.weights_base.value_or(std::max(behind(activations_[0]), behind(activations_[1])));
    const std::array<std::pair<const char*, const TrafficRegion*>, 3> regions{
        {{"activations", &activations_[0]},
         {"second activations", &activations_[1]},
         {"weights", &weights_}}};
    for (std::size_t i = 0; i < regions.size(); ++i) {
        for (std::size_t j = i + 1; j < regions.size(); ++j) {
            const auto& [name, a] = regions[i];
            const auto& [other, b] = regions[j];
            if (overlap(*a, *b)) {
                throw core::InputError(fmt::format("the regions of the {} ({} bytes from {:#x}) and of the "
                                                   "{} ({} bytes from {:#x}) overlap",
                                                   name, a->bytes, a->base, other, b->bytes, b->base));
            }
        }
    }
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
        tensors_[i].region.base += activations_[region_of_[i]].base;
    }
    for (Plan& plan : plans_) {
        plan.weights.base += weights_.base;
    }
}

int CnnTraffic::tensor_of(std::size_t layer, AccessKind kind) const {
    const Plan& plan = plans_[layer];
    int tensor = plan.input;
    if (kind == AccessKind::residual_read && plan.residual) {
        tensor = *plan.residual;
    } else if (kind == AccessKind::output_write) {
        tensor = static_cast<int>(layer);
    }
    return root_of_[place_of(tensor)];
}

LayerStream CnnTraffic::stream(std::size_t layer, std::uint32_t access_bytes) const {
    return {*this, layer, access_bytes};
}

} // namespace hydravp::workloads
