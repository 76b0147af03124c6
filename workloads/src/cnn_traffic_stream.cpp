// SPDX-License-Identifier: Apache-2.0
// The accesses of a layer in the order of its loop nest.
#include "hydravp/workloads/cnn_traffic.h"

#include "layer_words.h"

#include <algorithm>
#include <stdexcept>

namespace hydravp::workloads {

using core::LayerGeometry;
using core::Range;
using core::Unit;

LayerStream::LayerStream(const CnnTraffic& traffic, std::size_t layer, std::uint32_t access_bytes)
    : layer_(static_cast<core::LayerId>(layer)), access_bytes_(access_bytes), step_(Step::biases) {
    if (access_bytes == 0 || access_bytes % 2 != 0) {
        throw std::invalid_argument("accesses are whole words of 2 bytes");
    }
    const CnnTraffic::Plan& plan = traffic.plans_[layer];
    work_ = &plan.work;
    pooling_ = is_pooling(plan.work);
    schedule_ = core::ConvSchedule(plan.work.unit.geometry);
    input_ = &traffic.tensor(plan.input);
    output_ = &traffic.tensor(static_cast<int>(layer));
    residual_ = plan.residual ? &traffic.tensor(*plan.residual) : nullptr;
    weights_ = plan.weights;
    if (plan.work.unit.kind == core::LayerKind::concat) {
        step_ = Step::end; // nothing moves
    }
}

bool LayerStream::next(TrafficAccess& access) {
    while (left_ == 0) {
        if (block_.count > 1) {
            --block_.count;
            block_.address += block_.stride;
        } else if (!next_block()) {
            return false;
        }
        address_ = block_.address;
        left_ = block_.bytes;
    }
    const std::uint64_t bytes = std::min<std::uint64_t>(left_, access_bytes_ - address_ % access_bytes_);
    access = {layer_, block_.kind, address_, static_cast<std::uint32_t>(bytes)};
    address_ += bytes;
    left_ -= bytes;
    return true;
}

/// Goes on to the next block that is not empty; false at the end of the layer.
bool LayerStream::next_block() {
    const LayerGeometry* const g = step_ == Step::end ? nullptr : &schedule_.geometry();
    for (;;) {
        switch (step_) {
        case Step::biases:
            begin(Step::activations);
            if (!pooling_) {
                block_ = {AccessKind::weight_read, weights_.base, 0, core::bias_block_bytes(g->filters), 1};
                return true;
            }
            break;
        case Step::activations:
            while (outer_ < units_at_work()) {
                if (activation_block(Unit{outer_++})) {
                    return true;
                }
            }
            begin(Step::weights);
            break;
        case Step::weights: {
            const bool found = !pooling_ && weight_block();
            after_weights();
            if (found) {
                return true;
            }
            break;
        }
        case Step::residual:
            for (; residual_ != nullptr && outer_ < output_parts(); ++outer_, inner_ = 0) {
                while (inner_ < residual_->split) {
                    if (residual_block(outer_, inner_++)) {
                        return true;
                    }
                }
            }
            begin(Step::outputs);
            break;
        case Step::outputs:
            while (pooling_ && outer_ < units_at_work()) {
                if (pooled_block(Unit{outer_++})) {
                    return true;
                }
            }
            for (; !pooling_ && outer_ < output_parts(); ++outer_, inner_ = 0) {
                while (inner_ < output_->split) {
                    if (output_block(outer_, inner_++)) {
                        return true;
                    }
                }
            }
            after_outputs();
            break;
        case Step::end:
            block_.count = 0;
            return false;
        }
    }
}

void LayerStream::begin(Step step) {
    step_ = step;
    outer_ = inner_ = 0;
}

/// The next fetch of the pass, or the end of the pass. Pooled words leave after every fetch.
void LayerStream::after_weights() {
    if (pooling_) {
        begin(Step::outputs);
    } else if (++fetch_ < schedule_.fetches()) {
        begin(Step::activations);
    } else {
        begin(Step::residual);
    }
}

void LayerStream::after_outputs() {
    if (pooling_ && ++fetch_ < schedule_.fetches()) {
        begin(Step::activations);
        return;
    }
    fetch_ = 0;
    begin(++pass_ < schedule_.passes() ? Step::activations : Step::end);
}

std::uint32_t LayerStream::units_at_work() const {
    const LayerGeometry& g = schedule_.geometry();
    return g.channel_split * (pooling_ ? 1 : g.filter_split * g.position_split);
}

/// What a pass makes: in each slice the outputs of each of its groups.
std::uint32_t LayerStream::output_parts() const {
    const LayerGeometry& g = schedule_.geometry();
    return g.output_slices() * g.groups_per_pass;
}

Range LayerStream::filters_of(std::uint32_t part) const {
    const LayerGeometry& g = schedule_.geometry();
    return schedule_.filters(g.first_unit(part / g.groups_per_pass), pass_, part % g.groups_per_pass);
}

Range LayerStream::positions_of(std::uint32_t part) const {
    const LayerGeometry& g = schedule_.geometry();
    return schedule_.positions(g.first_unit(part / g.groups_per_pass), pass_);
}

bool LayerStream::activation_block(Unit unit) {
    const LayerGeometry& g = schedule_.geometry();
    if (!pooling_ && (schedule_.outputs(unit, pass_) == 0 || schedule_.fetch_resident(pass_))) {
        return false;
    }
    const Range channels = schedule_.fetch_channels(unit, pass_, fetch_);
    const Range rows = g.input_rows(schedule_.positions(unit, pass_));
    return set_planes(AccessKind::activation_read, *input_,
                      unit.value() % g.channel_split + channels.begin * g.channel_split, channels.size(),
                      {rows.begin * g.in_width, rows.end * g.in_width});
}

/// The chunks of all units for one fetch: they follow each other in memory, as all fetches and passes do.
bool LayerStream::weight_block() {
    if (schedule_.weights_resident() && schedule_.tile_of(pass_) > 0) {
        return false;
    }
    if (schedule_.index_of(pass_) == 0 && fetch_ == 0) { // another load of all weights begins
        next_weights_ = weights_.base + core::bias_block_bytes(schedule_.geometry().filters);
    }
    std::uint64_t bytes = 0;
    for (std::uint32_t chunk = 0; chunk < schedule_.chunks(fetch_); ++chunk) {
        bytes += schedule_.chunk_bytes(pass_, schedule_.chunk_steps(pass_, fetch_, chunk));
    }
    bytes *= schedule_.geometry().units;
    block_ = {AccessKind::weight_read, next_weights_, 0, bytes, 1};
    next_weights_ += bytes;
    return bytes > 0;
}

bool LayerStream::residual_block(std::uint32_t part, std::uint32_t residue) {
    Range filters = filters_of(part);
    filters.end =
        std::min(filters.end, residual_->channels); // channels that the source doesn't have are zero
    const Range positions = positions_of(part);
    if (filters.empty() || positions.empty()) {
        return false;
    }
    return set_filters(AccessKind::residual_read, *residual_, filters, residue,
                       residual_words(work_->controller, positions));
}

bool LayerStream::output_block(std::uint32_t part, std::uint32_t residue) {
    return set_filters(AccessKind::output_write, *output_, filters_of(part), residue, positions_of(part));
}

bool LayerStream::pooled_block(Unit unit) {
    const LayerGeometry& g = schedule_.geometry();
    const Range channels = schedule_.fetch_channels(unit, pass_, fetch_);
    return set_planes(AccessKind::output_write, *output_, unit.value() + channels.begin * g.channel_split,
                      channels.size(), schedule_.positions(unit, pass_));
}

/// Words of the filters of one residue class of the tensor's channels.
bool LayerStream::set_filters(AccessKind kind, const TrafficTensor& tensor, Range filters,
                              std::uint32_t residue, Range words) {
    const std::uint32_t first =
        filters.begin + (residue + tensor.split - filters.begin % tensor.split) % tensor.split;
    if (first >= filters.end) {
        return false;
    }
    return set_planes(kind, tensor, first, core::ceil_divide(filters.end - first, tensor.split), words);
}

/// Words of as many planes that follow each other in the tensor, from that of `first_channel` on; whole
/// planes are one piece.
bool LayerStream::set_planes(AccessKind kind, const TrafficTensor& tensor, std::uint32_t first_channel,
                             std::uint32_t channels, Range words) {
    if (channels == 0 || words.empty()) {
        return false;
    }
    const std::uint64_t word_bytes = schedule_.geometry().word_bytes;
    const std::uint64_t bytes = words.size() * word_bytes;
    block_ = {kind, tensor.address(first_channel) + words.begin * word_bytes, tensor.plane_bytes, bytes,
              channels};
    if (bytes == tensor.plane_bytes) {
        block_.bytes *= channels;
        block_.count = 1;
    }
    return true;
}

} // namespace hydravp::workloads
