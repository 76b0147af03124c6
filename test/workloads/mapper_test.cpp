// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/mapper.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"
#include "hydravp/workloads/network_library.h"

#include "network_maker.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::ConvSchedule;
using core::LayerDescriptor;
using core::LayerGeometry;
using core::LayerKind;
using core::LayerWork;
using core::Network;
using core::Range;
using core::TensorPlacement;
using core::Unit;
using test::machine_of;
using test::machines;
using test::NamedMachine;
using test::NetworkMaker;

namespace {

std::uint64_t executed_macs(const LayerGeometry& g) {
    const ConvSchedule schedule(g);
    std::uint64_t macs = 0;
    for (std::uint32_t u = 0; u < g.units; ++u) {
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            std::uint64_t steps = 0;
            for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                    steps += schedule.own_steps(Unit{u}, schedule.chunk_steps(pass, fetch, chunk)).size();
                }
            }
            macs += schedule.group_outputs(Unit{u}, pass) * steps;
        }
    }
    return macs;
}

/// Reduction steps of the busiest unit.
std::uint64_t busiest_steps(const LayerGeometry& g) {
    const ConvSchedule schedule(g);
    std::uint64_t most = 0;
    for (std::uint32_t u = 0; u < g.units; ++u) {
        std::uint64_t groups = 0;
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            groups += schedule.lane_groups(Unit{u}, pass);
        }
        most = std::max(most, groups);
    }
    return most * g.pass_channels() * g.taps();
}

void check_geometry(const LayerGeometry& g, const LayerDescriptor& layer, const MachineShape& m) {
    REQUIRE(g.in_height == layer.in.height);
    REQUIRE(g.in_width == layer.in.width);
    REQUIRE(g.out_height == layer.out.height);
    REQUIRE(g.out_width == layer.out.width);
    REQUIRE(g.kernel_height == layer.kernel_height);
    REQUIRE(g.kernel_width == layer.kernel_width);
    REQUIRE(g.stride_height == layer.stride_height);
    REQUIRE(g.stride_width == layer.stride_width);
    REQUIRE(g.pad_top == layer.pad_top);
    REQUIRE(g.pad_left == layer.pad_left);
    REQUIRE(g.channels == layer.in.channels);
    REQUIRE(g.filters == layer.out.channels);
    REQUIRE(g.units == m.units);
    REQUIRE(g.lanes == m.lanes);
    REQUIRE(g.dilation_height == layer.dilation_height);
    REQUIRE(g.dilation_width == layer.dilation_width);
    REQUIRE(g.groups == layer.groups);
    REQUIRE(g.executable());
}

void check_activation_buffer(const LayerGeometry& g, const MachineShape& m) {
    const ConvSchedule schedule(g);
    std::uint64_t most = 0;
    for (std::uint32_t u = 0; u < g.units; ++u) {
        for (std::uint32_t pass = 0; pass < schedule.passes(); pass += schedule.passes_per_tile()) {
            const Range positions = schedule.positions(Unit{u}, pass);
            most = std::max<std::uint64_t>(most, g.input_rows(positions).size());
        }
    }
    std::uint32_t channels = 0;
    for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
        channels = std::max(channels, schedule.fetch_channels(0, fetch).size());
    }
    REQUIRE(most * g.in_width * 2 * channels <= m.activation_half_bytes);
}

void check_convolution(const LayerWork& work, const LayerDescriptor& layer, const MachineShape& m) {
    const LayerGeometry& g = work.unit.geometry;
    const ConvSchedule schedule(g);
    REQUIRE(g.units == g.channel_split * g.filter_split * g.position_split);
    REQUIRE(std::uint64_t{g.groups_per_pass} * g.filter_group * g.tile_positions <= m.output_half_words);
    for (std::uint32_t pass = 0; pass < schedule.passes_per_tile(); ++pass) {
        for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
            for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                if (schedule.chunk_bytes(pass, schedule.chunk_steps(pass, fetch, chunk)) >
                    m.weight_half_bytes) {
                    FAIL("a chunk does not fit half a weight buffer");
                }
            }
        }
    }
    REQUIRE(executed_macs(g) == layer.macs());
    REQUIRE(work.model_bytes == (layer.out.channels * 8 + 63) / 64 * 64 +
                                    schedule.weight_bytes_per_unit() * std::uint64_t{m.units});
}

/// Pooling: every unit all positions of the channels in its chip; results beside the tile.
void check_pooling(const LayerWork& work, const MachineShape& m) {
    const LayerGeometry& g = work.unit.geometry;
    const ConvSchedule schedule(g);
    REQUIRE(work.model_bytes == 0);
    REQUIRE(std::uint64_t{g.tile_positions} * g.channels_per_fetch <= m.output_half_words);
    for (std::uint32_t u = 0; u < g.units; ++u) {
        std::uint32_t next = 0;
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            const Range positions = schedule.positions(Unit{u}, pass);
            REQUIRE(positions.begin == next);
            next = positions.end;
        }
        REQUIRE(next == g.positions());
    }
}

/// The tensors from which poolings and concats lead to this one, or the other way round, and it.
std::set<int> family(const Network& net, int index) {
    std::set<int> found{index};
    for (std::size_t before = 0; before != found.size();) {
        before = found.size();
        for (std::size_t i = 0; i < net.layers.size(); ++i) {
            if (!net.layers[i].has_weights()) {
                std::vector<int> tensors = net.layers[i].sources();
                tensors.push_back(static_cast<int>(i));
                if (std::any_of(tensors.begin(), tensors.end(), [&](int t) { return found.count(t) != 0; })) {
                    found.insert(tensors.begin(), tensors.end());
                }
            }
        }
    }
    return found;
}

/// The most residue classes that suit the channels of a tensor's family, and all grouped convolutions which
/// read one of it.
std::uint32_t expected_split(const Network& net, int index, const MachineShape& m) {
    const std::set<int> tensors = family(net, index);
    const auto suits = [&](std::uint32_t split) {
        return std::all_of(net.layers.begin(), net.layers.end(), [&](const LayerDescriptor& layer) {
            const std::uint32_t channels = layer.in.channels / layer.groups;
            return layer.groups == 1 || tensors.count(layer.input) == 0 || channels % split == 0 ||
                   split % channels == 0;
        });
    };
    std::uint32_t most = m.units;
    for (const int tensor : tensors) {
        most = std::gcd(most, net.shape_of(tensor).channels);
    }
    std::uint32_t best = 1;
    for (std::uint32_t split = 1; split <= most; ++split) {
        best = most % split == 0 && suits(split) ? split : best;
    }
    return best;
}

void check_placement(const Network& net, int index, const TensorPlacement& tensor, const MachineShape& m) {
    const core::TensorShape& shape = net.shape_of(index);
    REQUIRE(tensor.channels == shape.channels);
    REQUIRE(tensor.height == shape.height);
    REQUIRE(tensor.width == shape.width);
    REQUIRE(tensor.split == expected_split(net, index, m));
    REQUIRE(tensor.plane_bytes >= shape.positions() * 2);
    REQUIRE((shape.positions() == 1 || tensor.base % 8 == 0));
    REQUIRE((shape.positions() == 1 || tensor.plane_bytes % 8 == 0));
    const std::uint64_t bytes = std::uint64_t{tensor.plane_bytes} * (shape.channels / tensor.split);
    REQUIRE(tensor.bytes_per_chip() == bytes);
    REQUIRE(tensor.base / m.bank_bytes == (tensor.base + bytes - 1) / m.bank_bytes);
    REQUIRE(tensor.base + bytes <= m.bank_bytes * m.banks);
}

/// Every channel of a concat is in the same chips and at the same address as in its member.
void check_concat(const LayerDescriptor& layer, const MappedNetwork& mapped, const TensorPlacement& whole) {
    std::uint32_t next = 0;
    for (const int member : layer.members) {
        const TensorPlacement& part = mapped.outputs[static_cast<std::size_t>(member)];
        REQUIRE(part.split == whole.split);
        REQUIRE(part.frame_distance == whole.frame_distance);
        for (std::uint32_t channel = 0; channel < part.channels; ++channel, ++next) {
            REQUIRE(channel % part.split == next % whole.split);
            REQUIRE(part.address(channel) == whole.address(next));
        }
    }
    REQUIRE(next == whole.channels);
}

void require_disjoint(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges) {
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        REQUIRE(ranges[i - 1].second <= ranges[i].first);
    }
}

bool same(const TensorPlacement& a, const TensorPlacement& b) {
    return a.base == b.base && a.plane_bytes == b.plane_bytes && a.split == b.split &&
           a.channels == b.channels && a.height == b.height && a.width == b.width;
}

void check_mapping(const Network& net, const MappedNetwork& mapped, const MachineShape& m) {
    REQUIRE(mapped.layers.size() == net.layers.size());
    REQUIRE(mapped.outputs.size() == net.layers.size());
    std::vector<std::pair<std::uint64_t, std::uint64_t>> tensors{
        {mapped.input.base, mapped.input.base + mapped.input.bytes_per_chip()}};
    std::vector<std::pair<std::uint64_t, std::uint64_t>> models;
    check_placement(net, core::network_input, mapped.input, m);
    const auto placed = [&](int index) {
        return index == core::network_input ? mapped.input : mapped.outputs[static_cast<std::size_t>(index)];
    };
    std::set<int> members;
    for (const LayerDescriptor& layer : net.layers) {
        members.insert(layer.members.begin(), layer.members.end());
    }
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        const LayerDescriptor& layer = net.layers[i];
        const LayerWork& work = mapped.layers[i];
        INFO("layer " << layer.name);
        check_placement(net, static_cast<int>(i), mapped.outputs[i], m);
        if (members.count(static_cast<int>(i)) == 0) {
            tensors.emplace_back(mapped.outputs[i].base,
                                 mapped.outputs[i].base + mapped.outputs[i].bytes_per_chip());
        }
        REQUIRE(work.unit.kind == layer.kind);
        REQUIRE(work.controller.kind == layer.kind);
        REQUIRE(work.unit.layer == i);
        REQUIRE(work.controller.layer == i);
        if (layer.is_concat()) {
            check_concat(layer, mapped, mapped.outputs[i]);
            continue;
        }
        REQUIRE(same(work.unit.input, placed(layer.input)));
        REQUIRE(same(work.controller.input, placed(layer.input)));
        REQUIRE(same(work.unit.output, mapped.outputs[i]));
        REQUIRE(same(work.controller.output, mapped.outputs[i]));
        REQUIRE(work.controller.activation == layer.activation);
        REQUIRE((work.controller.has_residual != 0) == layer.residual.has_value());
        if (layer.residual) {
            REQUIRE(same(work.controller.residual, placed(layer.residual->source)));
            REQUIRE(work.controller.residual_subsample == layer.residual->subsample);
        }
        REQUIRE(std::memcmp(&work.unit.geometry, &work.controller.geometry, sizeof(LayerGeometry)) == 0);
        check_geometry(work.unit.geometry, layer, m);
        REQUIRE(work.unit.geometry.channel_split == work.unit.input.split);
        check_activation_buffer(work.unit.geometry, m);
        if (m.banks > 1) { // the unit reads from one leased bank, the results go to another
            REQUIRE(work.unit.input.base / m.bank_bytes != work.unit.output.base / m.bank_bytes);
        }
        if (layer.is_pool()) {
            check_pooling(work, m);
            continue;
        }
        check_convolution(work, layer, m);
        models.emplace_back(work.controller.model_address, work.controller.model_address + work.model_bytes);
        REQUIRE(work.controller.model_address >= m.pcm_base);
        REQUIRE(models.back().second <= m.pcm_base + m.pcm_bytes);
        REQUIRE(models.back().second <= m.pcm_base + mapped.model_bytes);
        REQUIRE(work.controller.model_address % 64 == 0);
    }
    require_disjoint(tensors);
    require_disjoint(models);
    std::uint64_t data = 0;
    for (const auto& [begin, end] : tensors) {
        data += end - begin;
    }
    REQUIRE(mapped.data_bytes_per_chip >= data);
}

std::vector<QuantizedLayer> random_layers(const Network& net, std::uint32_t units, std::mt19937_64& random) {
    std::vector<QuantizedLayer> layers;
    for (const LayerDescriptor& layer : net.layers) {
        QuantizedLayer q;
        q.weights.resize(layer.weights());
        for (std::int16_t& w : q.weights) {
            w = static_cast<std::int16_t>(random());
        }
        q.bias.resize(layer.has_weights() ? layer.out.channels : 0);
        for (std::int64_t& b : q.bias) {
            b = static_cast<std::int64_t>(random()) >> 17;
        }
        q.output_shift = static_cast<int>(random() % 20);
        q.residual_shift = static_cast<int>(random() % 9) - 4;
        q.partial_sum.channel_split = core::channel_split(layer.in.channels, units);
        q.partial_sum.bits = 16;
        q.partial_sum.shift = static_cast<int>(random() % 7);
        layers.push_back(std::move(q));
    }
    return layers;
}

/// Reads the image as a unit would: piece by piece, from nothing but the words of work_item.h and the
/// geometry's numbers.
void check_image(const std::vector<unsigned char>& image, const LayerGeometry& g,
                 const QuantizedLayer& layer) {
    std::vector<std::int64_t> biases(g.filters);
    std::memcpy(biases.data(), image.data(), biases.size() * 8);
    REQUIRE(biases == layer.bias);
    std::size_t at = (std::size_t{g.filters} * 8 + 63) / 64 * 64;
    REQUIRE(std::all_of(image.begin() + g.filters * 8, image.begin() + static_cast<std::ptrdiff_t>(at),
                        [](unsigned char byte) { return byte == 0; }));
    const std::uint32_t taps = g.kernel_height * g.kernel_width;
    const std::uint32_t group_channels = g.channels / g.groups;
    const std::uint32_t group_filters = g.filters / g.groups;
    const std::uint32_t local_channels = (g.channels + g.channel_split - 1) / g.channel_split;
    const std::uint32_t slice_filters = (group_filters + g.filter_split - 1) / g.filter_split;
    // how often a unit of each slice of positions got each weight
    std::vector<std::uint16_t> copies(layer.weights.size());
    bool right = true;
    bool padded = true;
    // Reads the chunk [step][filter] of each unit; the filters are `first` and so on of each slice.
    const auto read_chunk = [&](std::uint32_t step, std::uint32_t steps, std::uint32_t first,
                                std::uint32_t width) {
        const std::size_t bytes = (std::size_t{steps} * width * 2 + 7) / 8 * 8;
        for (std::uint32_t unit = 0; unit < g.units; ++unit, at += bytes) {
            REQUIRE(at + bytes <= image.size());
            const std::uint32_t slice = unit / (g.channel_split * g.position_split);
            for (std::size_t i = 0; i < bytes / 2; ++i) {
                std::int16_t word = 0;
                std::memcpy(&word, image.data() + at + i * 2, 2);
                const std::uint32_t s = step + static_cast<std::uint32_t>(i / width);
                const std::uint32_t c = s / taps * g.channel_split + unit % g.channel_split;
                const std::uint32_t filter =
                    slice * slice_filters + first + static_cast<std::uint32_t>(i % width);
                if (i >= std::size_t{steps} * width || filter >= group_filters || c >= g.channels) {
                    padded &= word == 0;
                    continue;
                }
                const std::size_t of_group = std::size_t{c / group_channels} * group_filters;
                const std::size_t index =
                    ((of_group + filter) * group_channels + c % group_channels) * taps + s % taps;
                right &= layer.weights[index] == word;
                ++copies[index];
            }
        }
    };
    const std::uint32_t pass_channels =
        g.groups == 1 ? local_channels : g.groups_per_pass * std::max(1U, group_channels / g.channel_split);
    for (std::uint32_t set = 0; set < local_channels; set += pass_channels) {
        for (std::uint32_t first = 0; first < slice_filters; first += g.filter_group) {
            for (std::uint32_t fetch = 0; fetch < pass_channels; fetch += g.channels_per_fetch) {
                const std::uint32_t last =
                    (set + std::min(fetch + g.channels_per_fetch, pass_channels)) * taps;
                for (std::uint32_t step = (set + fetch) * taps; step < last; step += g.reduction_chunk) {
                    read_chunk(step, std::min(g.reduction_chunk, last - step), first,
                               std::min(g.filter_group, slice_filters - first));
                }
            }
        }
    }
    REQUIRE(right);
    REQUIRE(padded);
    REQUIRE(at == image.size());
    REQUIRE(
        std::all_of(copies.begin(), copies.end(), [&](std::uint16_t n) { return n == g.position_split; }));
}

/// One convolution.
Network single(core::TensorShape in, std::uint32_t filters, std::uint32_t kernel) {
    Network net;
    net.name = "single";
    net.input = in;
    LayerDescriptor layer;
    layer.name = "the-only-one";
    layer.in = in;
    layer.kernel_height = layer.kernel_width = kernel;
    layer.out = {filters, in.height - kernel + 1, in.width - kernel + 1};
    net.layers = {layer};
    return net;
}

} // namespace

TEST_CASE("the built-in networks respect every buffer and bank, on every machine") {
    const std::string name = GENERATE("vgg16", "vgg19", "resnet34", "resnet34-projection", "mobilenet-v2",
                                      "googlenet", "squeezenet");
    const Network net = make_network(name);
    for (const std::uint32_t units : {1U, 2U, 8U, 16U, 32U}) {
        CAPTURE(name, units);
        check_mapping(net, map_network(net, {}, machine_of(units)), machine_of(units));
    }
}

TEST_CASE("random networks respect every buffer and bank, on every machine") {
    int mapped = 0;
    for (const NamedMachine& machine : machines()) {
        NetworkMaker maker(11);
        for (int round = 0; round < 25; ++round) {
            const Network net = maker.next();
            CAPTURE(machine.name, round);
            check_mapping(net, map_network(net, {}, machine.shape), machine.shape);
            ++mapped;
        }
    }
    REQUIRE(mapped > 100);
}

TEST_CASE("every weight is streamed to its units exactly once, biases come first") {
    for (const NamedMachine& machine : machines()) {
        NetworkMaker maker(12);
        for (int round = 0; round < 12; ++round) {
            const Network net = maker.next();
            const auto layers = random_layers(net, machine.shape.units, maker.random());
            const MappedNetwork mapped = map_network(net, layers, machine.shape);
            for (std::size_t i = 0; i < net.layers.size(); ++i) {
                const LayerDescriptor& layer = net.layers[i];
                if (!layer.has_weights() || layer.weights() > 300'000) {
                    continue;
                }
                CAPTURE(machine.name, round, i);
                const LayerWork& work = mapped.layers[i];
                std::vector<unsigned char> image;
                write_model(work, layers[i], [&](std::uint64_t offset, const auto& bytes) {
                    REQUIRE(offset == image.size());
                    image.insert(image.end(), bytes.begin(), bytes.end());
                });
                REQUIRE(image.size() == work.model_bytes);
                check_image(image, work.unit.geometry, layers[i]);
            }
        }
    }
}

TEST_CASE("the shifts of the quantised network reach both register blocks") {
    NetworkMaker maker(13);
    for (int round = 0; round < 20; ++round) {
        const Network net = maker.next();
        const auto layers = random_layers(net, 16, maker.random());
        const MappedNetwork mapped = map_network(net, layers, machine_of(16));
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (!net.layers[i].has_weights()) {
                continue;
            }
            const core::LayerRegisters& r = mapped.layers[i].controller;
            REQUIRE(r.output_shift == layers[i].output_shift);
            REQUIRE(r.residual_shift == layers[i].residual_shift);
            REQUIRE(r.partial_sum_bits == 16);
            REQUIRE(r.partial_sum_shift == static_cast<std::uint32_t>(layers[i].partial_sum.shift));
            REQUIRE(mapped.layers[i].unit.partial_sum_bits == 16);
            REQUIRE(mapped.layers[i].unit.partial_sum_shift == r.partial_sum_shift);
        }
        REQUIRE(map_network(net, {}, machine_of(16)).layers[0].unit.partial_sum_bits == 32);
    }
}

TEST_CASE("the MACs of the built-in networks take the papers' time") {
    const std::map<std::string, double> expected_ms{
        {"vgg16", 81.219}, {"vgg19", 103.069}, {"resnet34", 19.134}, {"resnet34-projection", 19.235}};
    constexpr std::uint64_t step_ps = 8 * 336;
    for (const auto& [name, ms] : expected_ms) {
        const Network net = make_network(name);
        const MappedNetwork mapped = map_network(net, {}, machine_of(16));
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < net.layers.size(); ++i) {
            const LayerDescriptor& layer = net.layers[i];
            if (layer.is_pool()) {
                continue;
            }
            CAPTURE(name, layer.name);
            const std::uint64_t ps = busiest_steps(mapped.layers[i].unit.geometry) * step_ps;
            const std::uint64_t groups = (layer.out.words() + 31) / 32;
            // 16 units share either the channels or the outputs; both divide evenly here
            REQUIRE(ps == groups * layer.in.channels * layer.taps() * step_ps / 16);
            total += ps;
        }
        CAPTURE(name);
        CHECK(static_cast<double>(total) * 1e-9 == Approx(ms).margin(0.005));
    }
}

TEST_CASE("twice the units take half the time where there is enough work") {
    const Network net = make_network("vgg16");
    std::uint64_t last = 0;
    for (const std::uint32_t units : {1U, 2U, 4U, 8U, 16U, 32U}) {
        std::uint64_t steps = 0;
        for (const LayerWork& work : map_network(net, {}, machine_of(units)).layers) {
            steps += work.model_bytes == 0 ? 0 : busiest_steps(work.unit.geometry);
        }
        CAPTURE(units);
        if (last > 0) {
            REQUIRE(static_cast<double>(steps) / static_cast<double>(last) == Approx(0.5).epsilon(0.001));
        }
        last = steps;
    }
}

TEST_CASE("a long stride or few filters make tiles small, not impossible") {
    // As many positions as the output buffer holds need more input rows than the activation buffer does.
    for (const Mapping mapping : {Mapping::paper_numbers, Mapping::paper_text, Mapping::optimized}) {
        for (const std::uint32_t channels : {1U, 3U, 64U}) {
            for (const std::uint32_t filters : {1U, 2U, 4U}) {
                Network net;
                net.name = "strided";
                net.input = {channels, 224, 224};
                LayerDescriptor layer;
                layer.name = "strided";
                layer.in = net.input;
                layer.stride_height = layer.stride_width = 4;
                layer.out = {filters, 56, 56};
                net.layers.push_back(layer);
                MachineShape machine;
                machine.mapping = mapping;
                CAPTURE(static_cast<int>(mapping), channels, filters);
                const MappedNetwork mapped = map_network(net, {}, machine);
                const LayerGeometry& g = mapped.layers.front().unit.geometry;
                REQUIRE(executed_macs(g) == layer.macs());
                check_activation_buffer(g, machine);
            }
        }
    }
}

TEST_CASE("a layer whose rows do not fit an activation buffer is refused by name") {
    const Network wide = single({16, 4, 9000}, 8, 1);
    REQUIRE_THROWS_AS(map_network(wide, {}, machine_of(16)), core::InputError);
    REQUIRE_THROWS_WITH(map_network(wide, {}, machine_of(16)),
                        Catch::Contains("'the-only-one'") && Catch::Contains("9000"));
    REQUIRE_NOTHROW(map_network(single({16, 4, 2730}, 8, 3), {}, machine_of(16))); // three rows, just so
    REQUIRE_THROWS_AS(map_network(single({16, 4, 2731}, 8, 3), {}, machine_of(16)), core::InputError);
    REQUIRE_THROWS_AS(map_network(single({16, 4, 4096}, 8, 3), {}, machine_of(16)), core::InputError);
    Network pool = single({16, 4, 9000}, 16, 2);
    pool.layers[0].kind = LayerKind::max_pool;
    REQUIRE_THROWS_WITH(map_network(pool, {}, machine_of(16)), Catch::Contains("'the-only-one'"));
}

TEST_CASE("a model too large for the PCM is refused by the layer that does not fit") {
    const Network net = make_network("vgg16");
    MachineShape machine = machine_of(16);
    const std::uint64_t needed = map_network(net, {}, machine).model_bytes;
    machine.pcm_bytes = needed;
    REQUIRE_NOTHROW(map_network(net, {}, machine));
    machine.pcm_bytes = needed - 8192;
    REQUIRE_THROWS_AS(map_network(net, {}, machine), core::InputError);
    REQUIRE_THROWS_WITH(map_network(net, {}, machine), Catch::Contains("PCM") && Catch::Contains("'fc8'") &&
                                                           Catch::Contains(std::to_string(needed)));
    machine.pcm_bytes = needed / 2; // fc6 alone is most of it
    REQUIRE_THROWS_WITH(map_network(net, {}, machine), Catch::Contains("'fc6'"));
}

TEST_CASE("a tensor too large for the DRAM is refused by its layer") {
    MachineShape machine = machine_of(16);
    machine.bank_bytes = 400'000; // the first feature maps have 401408 bytes per chip
    const Network net = make_network("vgg16");
    REQUIRE_THROWS_AS(map_network(net, {}, machine), core::InputError);
    REQUIRE_THROWS_WITH(map_network(net, {}, machine),
                        Catch::Contains("units' memory") && Catch::Contains("'conv1_1'"));
    machine.bank_bytes = 100'000;
    REQUIRE_THROWS_WITH(map_network(net, {}, machine), Catch::Contains("input"));
    machine.bank_bytes = 3'000'000; // seven frames
    machine.frames = 7;
    REQUIRE_NOTHROW(map_network(net, {}, machine));
    machine.frames = 8;
    REQUIRE_THROWS_WITH(map_network(net, {}, machine),
                        Catch::Contains("'conv1_1'") && Catch::Contains("8 frames"));
    machine.frames = 1;
    machine.bank_bytes = 1 << 20;
    machine.banks = 2; // 2 MiB in all
    REQUIRE_THROWS_AS(map_network(net, {}, machine), core::InputError);
}

TEST_CASE("a plane beyond 32 bits does not look small") {
    const Network net = single({1, 1 << 20, 1 << 11}, 1, 1); // 2^31 positions, 2^32 bytes
    REQUIRE_THROWS_WITH(map_network(net, {}, machine_of(16)), Catch::Contains("units' memory"));
}

TEST_CASE("sums that could leave the accumulators are refused, pooling has none") {
    Network net = single({32, 64, 64}, 1, 64); // 2 local channels of 2^12 taps
    REQUIRE_NOTHROW(map_network(net, {}, machine_of(16)));
    net = single({32, 64, 64}, 1, 64);
    REQUIRE_THROWS_WITH(map_network(net, {}, machine_of(1)),
                        Catch::Contains("'the-only-one'") && Catch::Contains("131072"));
    net.layers[0].kind = LayerKind::average_pool;
    net.layers[0].out.channels = 32;
    REQUIRE_NOTHROW(map_network(net, {}, machine_of(1)));
}

TEST_CASE("a network that contradicts itself is not mapped") {
    Network net = single({3, 8, 8}, 4, 3);
    net.layers[0].out.width = 7;
    REQUIRE_THROWS_AS(map_network(net, {}, machine_of(16)), std::invalid_argument);
}
