// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/mapper.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"
#include "hydravp/core/words.h"

#include "data_layout.h"
#include "optimizer.h"
#include "tensor_classes.h"
#include "tiling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace hydravp::workloads {

using core::LayerDescriptor;
using core::LayerWork;
using core::TensorPlacement;

namespace {

/// How a layer is cut: by the optimizer, or by the rules of the paper's mappings if there is none.
core::LayerGeometry tile(const core::Network& network, std::size_t index, const MachineShape& machine,
                         std::uint32_t input_split, std::uint32_t output_split, Optimizer* optimizer) {
    const LayerDescriptor& layer = network.layers[index];
    core::LayerGeometry g = shape_geometry(layer);
    g.word_bytes = static_cast<std::uint8_t>(machine.word_bytes);
    g.channel_split = input_split;
    const bool fits = optimizer != nullptr ? optimizer->tile(index, g)
                      : layer.is_pool()    ? tile_pooling(g, machine)
                                           : tile_convolution(g, machine, context_of(layer, output_split));
    g.frames = static_cast<std::uint16_t>(machine.frames); // if the optimizer has thought of one only
    if (!fits) {
        throw core::InputError(fmt::format(
            "layer '{}' does not fit the units' buffers: no tile of its {} words wide rows stays within half "
            "an activation buffer ({} bytes), half a weight buffer ({} bytes) and half an output buffer ({} "
            "words)",
            layer.name, layer.in.width, machine.activation_half_bytes, machine.weight_half_bytes,
            machine.output_half_words));
    }
    if (!layer.is_pool() && !sums_fit(g)) {
        throw core::InputError(
            fmt::format("layer '{}': {} products per output and unit could overflow the 48-bit "
                        "accumulators",
                        layer.name, std::uint64_t{g.group_local_channels()} * g.taps()));
    }
    return g;
}

/// Of a concat, which is not cut because nothing is done.
core::LayerGeometry joined_geometry(const LayerDescriptor& layer, const MachineShape& machine,
                                    std::uint32_t split) {
    core::LayerGeometry g = shape_geometry(layer);
    g.units = machine.units;
    g.lanes = machine.lanes;
    g.word_bytes = static_cast<std::uint8_t>(machine.word_bytes);
    g.channel_split = static_cast<std::uint16_t>(split);
    g.frames = static_cast<std::uint16_t>(machine.frames);
    return g;
}

void fill_arithmetic(LayerWork& work, const LayerDescriptor& layer, const QuantizedLayer* quantized,
                     int bits) {
    core::LayerRegisters& r = work.controller;
    r.activation = layer.activation;
    r.partial_sum_bits = static_cast<std::uint32_t>(bits);
    if (quantized != nullptr && layer.has_weights()) {
        r.output_shift = quantized->output_shift;
        r.output_ceiling = quantized->output_ceiling;
        r.negative_slope = quantized->negative_slope;
        r.residual_shift = quantized->residual_shift;
        r.partial_sum_bits = static_cast<std::uint32_t>(quantized->partial_sum.bits);
        r.partial_sum_shift = static_cast<std::uint32_t>(quantized->partial_sum.shift);
    }
    work.unit.partial_sum_bits = static_cast<std::uint8_t>(r.partial_sum_bits);
    work.unit.partial_sum_shift = static_cast<std::uint8_t>(r.partial_sum_shift);
}

/// Gives weights that the units fetch from their own chips an address there.
void place_weights(LayerWork& work, const LayerDescriptor& layer, const MachineShape& machine,
                   std::uint64_t bytes_per_unit, DataLayout& data) {
    core::LayerRegisters& r = work.controller;
    work.unit.weight_source = r.weight_source = machine.weights;
    if (machine.weights == core::WeightSource::stream) {
        return;
    }
    r.weight_bytes_per_chip = bytes_per_unit;
    r.weights_base = work.unit.weights_base =
        data.allocate(bytes_per_unit, fmt::format("the weights of layer '{}'", layer.name));
    if (machine.weights == core::WeightSource::resident) {
        const std::uint32_t chips = std::min(machine.chips_per_rank, machine.units);
        r.biases_base = data.allocate(std::uint64_t{core::ceil_divide(layer.out.channels, chips)} * 8,
                                      fmt::format("the biases of layer '{}'", layer.name));
    }
}

/// Writes a unit's chunk, [step][filter], into zeroed memory.
void fill_chunk(const core::ConvSchedule& schedule, const QuantizedLayer& layer, core::Unit unit,
                std::uint32_t pass, core::Range steps, unsigned char* to) {
    const core::LayerGeometry& g = schedule.geometry();
    const std::uint32_t stride = schedule.step_filters(pass);
    const core::Range own = schedule.own_steps(unit, steps);
    for (std::uint32_t step = own.begin; step < own.end; ++step) {
        const core::Range filters = schedule.filters(unit, pass, schedule.group_index(pass, step));
        const std::uint32_t channel = step / g.taps() * g.channel_split + unit.value() % g.channel_split;
        const std::uint32_t of_group = channel % g.group_channels();
        for (std::uint32_t filter = filters.begin; filter < filters.end; ++filter) {
            const std::size_t word = std::size_t{step - steps.begin} * stride + (filter - filters.begin);
            const std::int16_t weight =
                layer.weights[(std::size_t{filter} * g.group_channels() + of_group) * g.taps() +
                              step % g.taps()];
            core::store_words(&weight, 1, g.word_bytes, to + word * g.word_bytes);
        }
    }
}

} // namespace

std::uint32_t MachineShape::channel_split(std::uint32_t channels) const {
    return mapping == Mapping::paper_text ? units : core::channel_split(channels, units);
}

core::LayerGeometry shape_geometry(const LayerDescriptor& layer) {
    core::LayerGeometry g;
    g.in_height = layer.in.height;
    g.in_width = layer.in.width;
    g.kernel_height = layer.kernel_height;
    g.kernel_width = layer.kernel_width;
    g.stride_height = layer.stride_height;
    g.stride_width = layer.stride_width;
    g.dilation_height = layer.dilation_height;
    g.dilation_width = layer.dilation_width;
    g.pad_top = layer.pad_top;
    g.pad_left = layer.pad_left;
    g.out_height = layer.out.height;
    g.out_width = layer.out.width;
    g.channels = layer.in.channels;
    g.filters = layer.out.channels;
    g.groups = layer.groups;
    return g;
}

bool sums_fit(const core::LayerGeometry& g) {
    constexpr std::uint64_t most = 1U << 17; // 2^30 per product; the accumulators have 48 bits
    return std::uint64_t{g.group_local_channels()} * g.taps() < most;
}

namespace {

/// @param optimizer null: a mapping of the paper's
MappedNetwork map_with(const core::Network& network, const std::vector<QuantizedLayer>& quantized,
                       const MachineShape& machine, Optimizer* optimizer) {
    MappedNetwork mapped;
    mapped.mapping = optimizer != nullptr ? Mapping::optimized : machine.mapping;
    mapped.word_bytes = machine.word_bytes;
    mapped.units = machine.units;
    const TensorClasses classes(network);
    const auto split_of = [&](int tensor) {
        const std::size_t set = classes.set_of(tensor);
        return optimizer != nullptr
                   ? optimizer->splits()[set]
                   : classes.largest(set, machine.channel_split(classes.common_channels(set)));
    };
    DataLayout data(network, machine, split_of);
    mapped.input = data.place(core::network_input);
    std::uint64_t model = machine.pcm_base;
    std::string first_beyond; // layer that no longer fits the PCM
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const LayerDescriptor& layer = network.layers[i];
        const TensorPlacement output = data.place(static_cast<int>(i));
        mapped.outputs.push_back(output);
        LayerWork work;
        work.unit.kind = work.controller.kind = layer.kind;
        work.unit.layer = work.controller.layer = static_cast<std::uint32_t>(i);
        work.unit.output = work.controller.output = output;
        if (layer.is_concat()) {
            work.unit.input = work.controller.input = output;
            work.unit.geometry = work.controller.geometry = joined_geometry(layer, machine, output.split);
            mapped.layers.push_back(work);
            continue; // its members have been written in place
        }
        work.unit.pad_bottom = static_cast<std::uint16_t>(layer.pad_bottom);
        work.unit.pad_right = static_cast<std::uint16_t>(layer.pad_right);
        work.unit.count_include_pad = layer.count_include_pad ? 1 : 0;
        work.unit.input = work.controller.input = data.place(layer.input);
        work.unit.geometry = work.controller.geometry =
            tile(network, i, machine, work.unit.input.split, output.split, optimizer);
        fill_arithmetic(work, layer, quantized.empty() ? nullptr : &quantized[i], machine.partial_sum_bits);
        if (layer.residual) {
            work.controller.has_residual = 1;
            work.controller.residual = data.place(layer.residual->source);
            work.controller.residual_subsample = layer.residual->subsample;
        }
        if (layer.has_weights()) {
            const core::ConvSchedule schedule(work.unit.geometry);
            work.controller.model_address = model;
            work.model_bytes =
                core::bias_block_bytes(layer.out.channels) + schedule.weight_bytes_per_unit() * machine.units;
            place_weights(work, layer, machine, schedule.weight_bytes_per_unit(), data);
            if (machine.weights == core::WeightSource::resident) {
                mapped.layers.push_back(work);
                continue; // nothing of it lies in PCM
            }
            model += core::align_up(work.model_bytes, 8192);
            if (first_beyond.empty() && model - machine.pcm_base > machine.pcm_bytes) {
                first_beyond = layer.name;
            }
        }
        mapped.layers.push_back(work);
    }
    mapped.model_bytes = model - machine.pcm_base;
    mapped.data_bytes_per_chip = data.total();
    if (mapped.model_bytes > machine.pcm_bytes) {
        throw core::InputError(
            fmt::format("the network does not fit the PCM: its model needs {} bytes, there are {}; they end "
                        "in layer '{}'",
                        mapped.model_bytes, machine.pcm_bytes, first_beyond));
    }
    return mapped;
}

/// The best of the paper's mappings, by the estimate.
MappedNetwork map_as_in_paper(const core::Network& network, const std::vector<QuantizedLayer>& quantized,
                              MachineShape machine) {
    machine.mapping = Mapping::paper_numbers;
    MappedNetwork numbers = map_with(network, quantized, machine, nullptr);
    machine.mapping = Mapping::paper_text;
    try {
        MappedNetwork text = map_with(network, quantized, machine, nullptr);
        if (estimated_latency(text, machine) < estimated_latency(numbers, machine)) {
            return text;
        }
    } catch (const core::InputError&) { // does not fit that way
    }
    return numbers;
}

/// What the search finds for one machine, cut for another, which differs in the frames of a batch only.
std::optional<MappedNetwork> map_searched(const core::Network& network,
                                          const std::vector<QuantizedLayer>& quantized,
                                          const MachineShape& machine, const MachineShape& searched) {
    Optimizer optimizer(network, searched);
    if (optimizer.splits().empty()) {
        return std::nullopt;
    }
    try {
        return map_with(network, quantized, machine, &optimizer);
    } catch (const core::InputError&) { // its copies take too much room
        return std::nullopt;
    }
}

constexpr double impossible = std::numeric_limits<double>::infinity();

/// Whether half of the units, in whole ranks, could be faster than `latency`, as far as their MACs go.
bool fewer_may_do(const core::Network& network, const MachineShape& machine, double latency) {
    constexpr std::uint32_t units_of_a_mask = 64;
    if (machine.ideal_transfers || machine.units > units_of_a_mask ||
        machine.units % (2 * machine.chips_per_rank) != 0) {
        return false;
    }
    const double lanes = machine.units / 2.0 * machine.lanes;
    return static_cast<double>(network.macs()) * machine.frames / lanes * machine.step_ps < latency;
}

/// What the search finds, unless the estimate says that a mapping of the paper's is as good: then the known
/// one.
MappedNetwork map_optimized(const core::Network& network, const std::vector<QuantizedLayer>& quantized,
                            const MachineShape& machine) {
    // The estimate is not exact: by some hundredths, and in short layers by a few turns of the channel.
    const double sure = machine.ideal_transfers ? 1 : 0.97;
    const double per_layer =
        machine.ideal_transfers ? 0 : 4 * (machine.turnaround_ps + machine.pass_latency_ps);
    const double unsure = per_layer * static_cast<double>(network.layers.size());
    std::optional<MappedNetwork> best;
    try {
        best = map_as_in_paper(network, quantized, machine);
    } catch (const core::InputError&) { // only the search may find a way
    }
    const auto consider = [&](std::optional<MappedNetwork> found, double margin, double more) {
        if (found && (!best || estimated_latency(*found, machine) + more <
                                   margin * estimated_latency(*best, machine))) {
            best = std::move(found);
        }
    };
    if (machine.frames > 1) {
        MachineShape single = machine;
        single.frames = 1;
        // What is best for one frame is known to be no slower; a batch has to be better still.
        const MappedNetwork of_frame = map_optimized(network, quantized, single);
        if (of_frame.mapping == Mapping::optimized && of_frame.units == machine.units) {
            consider(map_searched(network, quantized, machine, single), 1, 0);
        }
    }
    if (fewer_may_do(network, machine, best ? estimated_latency(*best, machine) : impossible)) {
        MachineShape half = machine; // and the others idle: their sums and copies need no bus
        half.units /= 2;
        try {
            MappedNetwork on_half = map_optimized(network, quantized, half);
            on_half.mapping = Mapping::optimized; // whatever it is on half the machine
            consider(std::move(on_half), sure, unsure);
        } catch (const core::InputError&) { // half the chips are too few
        }
    }
    consider(map_searched(network, quantized, machine, machine), sure, unsure);
    return best ? *std::move(best) : map_as_in_paper(network, quantized, machine);
}

} // namespace

std::vector<std::uint32_t> channel_splits(const MappedNetwork& mapped) {
    std::vector<std::uint32_t> splits;
    for (const LayerWork& work : mapped.layers) {
        splits.push_back(work.unit.geometry.channel_split);
    }
    return splits;
}

namespace {

/// What the register stack has 16 bits for.
void check_register_widths(const core::Network& network, const MachineShape& machine) {
    constexpr std::uint32_t most = 0xffff;
    if (machine.lanes > most || machine.units > most || machine.frames > most) {
        throw core::InputError(
            fmt::format("found {} units with {} MACs each, and batches of {}, expected at most {} of all",
                        machine.units, machine.lanes, machine.frames, most));
    }
    for (const LayerDescriptor& layer : network.layers) {
        if (layer.dilation_height > most || layer.dilation_width > most || layer.stride_height > most ||
            layer.stride_width > most) {
            throw core::InputError(fmt::format(
                "layer '{}': found the stride {} x {} and the dilation {} x {}, expected at most {}",
                layer.name, layer.stride_height, layer.stride_width, layer.dilation_height,
                layer.dilation_width, most));
        }
    }
}

} // namespace

MappedNetwork map_network(const core::Network& network, const std::vector<QuantizedLayer>& quantized,
                          const MachineShape& machine) {
    network.validate();
    check_register_widths(network, machine);
    return machine.mapping == Mapping::optimized ? map_optimized(network, quantized, machine)
                                                 : map_with(network, quantized, machine, nullptr);
}

void write_model(const LayerWork& work, const QuantizedLayer& layer, const ModelWriter& write) {
    const core::LayerGeometry& g = work.unit.geometry;
    const core::ConvSchedule schedule(g);
    std::vector<unsigned char> piece(core::bias_block_bytes(g.filters), 0);
    std::memcpy(piece.data(), layer.bias.data(), layer.bias.size() * 8);
    write(0, piece);
    std::uint64_t offset = piece.size();
    schedule.for_each_chunk(0, [&](std::uint32_t pass, core::Range steps, std::uint32_t bytes) {
        piece.assign(std::size_t{bytes} * g.units, 0);
        for (std::uint32_t unit = 0; unit < g.units; ++unit) {
            fill_chunk(schedule, layer, core::Unit{unit}, pass, steps,
                       piece.data() + std::size_t{unit} * bytes);
        }
        write(offset, piece);
        offset += piece.size();
    });
}

std::vector<unsigned char> unit_weight_image(const LayerWork& work, const QuantizedLayer& layer,
                                             core::Unit unit) {
    const core::ConvSchedule schedule(work.unit.geometry);
    std::vector<unsigned char> image(work.controller.weight_bytes_per_chip, 0);
    unsigned char* at = image.data();
    schedule.for_each_chunk(0, [&](std::uint32_t pass, core::Range steps, std::uint32_t bytes) {
        fill_chunk(schedule, layer, unit, pass, steps, at);
        at += bytes;
    });
    return image;
}

} // namespace hydravp::workloads
