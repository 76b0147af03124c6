// SPDX-License-Identifier: Apache-2.0
#include "optimizer.h"

#include "tiling.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

namespace hydravp::workloads {

using core::ceil_divide;
using core::LayerDescriptor;
using core::LayerGeometry;

namespace {

constexpr double impossible = std::numeric_limits<double>::infinity();

/// Sizes of filter groups worth trying: powers of two, and even shares of the slice.
std::set<std::uint32_t> group_candidates(const LayerGeometry& g, std::uint32_t most) {
    const std::uint32_t slice_filters = ceil_divide(g.group_filters(), g.filter_split);
    std::set<std::uint32_t> sizes;
    for (std::uint32_t parts = 1; parts <= 64 && parts <= slice_filters; parts += parts < 8 ? 1 : parts / 4) {
        sizes.insert(ceil_divide(slice_filters, parts));
    }
    for (std::uint32_t size = 1; size <= slice_filters; size *= 2) {
        sizes.insert(size);
    }
    sizes.erase(sizes.upper_bound(std::min(slice_filters, most)), sizes.end());
    if (g.positions() == 1) { // small groups would leave lanes idle
        const std::uint32_t filled = ceil_divide(g.lanes, g.frames_per_tile);
        sizes.erase(sizes.begin(), sizes.lower_bound(std::min(filled, *sizes.rbegin())));
    }
    return sizes;
}

/// Fetches of the same size, as many as there are: a small one among large ones has no time to hide the next
/// one's transfer.
void even_out_fetches(LayerGeometry& g) {
    g.channels_per_fetch =
        ceil_divide(g.pass_channels(), ceil_divide(g.pass_channels(), g.channels_per_fetch));
    g.reduction_chunk = std::min(g.reduction_chunk, g.channels_per_fetch * g.taps());
}

/// Chunk sizes worth trying: the largest, and the same steps in even chunks, as many or more.
std::set<std::uint32_t> chunk_candidates(const LayerGeometry& g) {
    const std::uint32_t steps = g.channels_per_fetch * g.taps();
    const std::uint32_t fewest = ceil_divide(steps, g.reduction_chunk);
    std::set<std::uint32_t> sizes{g.reduction_chunk};
    for (const std::uint32_t chunks : {fewest, 2 * fewest, 4 * fewest}) {
        sizes.insert(ceil_divide(steps, chunks));
    }
    return sizes;
}

} // namespace

LayerContext context_of(const LayerDescriptor& layer, std::uint32_t output_split) {
    return {layer.kind, output_split, layer.residual.has_value()};
}

Optimizer::Optimizer(const core::Network& network, const MachineShape& machine)
    : network_(network), machine_(machine), classes_(network) {
    for (std::uint32_t split = 1; split <= machine.units; ++split) {
        if (machine.units % split == 0) {
            candidates_.push_back(split);
        }
    }
    find_alike();
    search();
}

bool Optimizer::tile(std::size_t layer, LayerGeometry& geometry) {
    const auto& found = choice(layer, splits_[classes_.set_of(network_.layers[layer].input)],
                               splits_[classes_.set_of(static_cast<int>(layer))]);
    if (found) {
        geometry = found->geometry;
    }
    return found.has_value();
}

void Optimizer::find_alike() {
    const auto alike = [](const LayerDescriptor& a, const LayerDescriptor& b) {
        const LayerGeometry shape_a = shape_geometry(a);
        const LayerGeometry shape_b = shape_geometry(b);
        return a.kind == b.kind && a.residual.has_value() == b.residual.has_value() &&
               std::memcmp(&shape_a, &shape_b, sizeof shape_a) == 0;
    };
    const std::vector<LayerDescriptor>& layers = network_.layers;
    for (const LayerDescriptor& layer : layers) {
        const auto first = std::find_if(layers.begin(), layers.end(),
                                        [&](const LayerDescriptor& other) { return alike(other, layer); });
        like_.push_back(static_cast<std::size_t>(first - layers.begin()));
    }
}

/// Coordinate descent from every choice that is the same for all tensors.
void Optimizer::search() {
    double best = impossible;
    for (const std::uint32_t start : candidates_) {
        std::vector<std::uint32_t> splits;
        for (std::size_t set = 0; set < classes_.sets(); ++set) {
            splits.push_back(classes_.largest(set, start));
        }
        const double cost = improve(splits);
        if (cost < best) {
            best = cost;
            splits_ = splits;
        }
    }
}

double Optimizer::improve(std::vector<std::uint32_t>& splits) {
    double best = total(splits);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t set = 0; set < splits.size(); ++set) {
            std::uint32_t& split = splits[set];
            const std::uint32_t before = split;
            std::uint32_t winner = before;
            for (const std::uint32_t candidate : candidates_) {
                if (!classes_.allows(set, candidate)) {
                    continue;
                }
                split = candidate;
                const double cost = total(splits);
                if (cost < best) {
                    best = cost;
                    winner = candidate;
                }
            }
            split = winner;
            changed = changed || winner != before;
        }
    }
    return best;
}

double Optimizer::total(const std::vector<std::uint32_t>& splits) {
    double sum = 0;
    for (std::size_t layer = 0; layer < network_.layers.size(); ++layer) {
        sum += layer_cost(layer, splits);
    }
    return sum;
}

double Optimizer::layer_cost(std::size_t layer, const std::vector<std::uint32_t>& splits) {
    const std::uint32_t in = splits[classes_.set_of(network_.layers[layer].input)];
    const std::uint32_t out = splits[classes_.set_of(static_cast<int>(layer))];
    const auto& found = choice(layer, in, out);
    return found ? found->cost : impossible;
}

const std::optional<Optimizer::Choice>& Optimizer::choice(std::size_t layer, std::uint32_t in,
                                                          std::uint32_t out) {
    const Key key{like_[layer], in, out};
    const auto found = choices_.find(key);
    return found != choices_.end() ? found->second : choices_[key] = find_choice(like_[layer], in, out);
}

std::optional<Optimizer::Choice> Optimizer::find_choice(std::size_t index, std::uint32_t in,
                                                        std::uint32_t out) const {
    const LayerDescriptor& layer = network_.layers[index];
    const LayerContext context = context_of(layer, out);
    const std::uint64_t result = std::uint64_t{ceil_divide(layer.out.channels, out)} * layer.out.positions() *
                                 machine_.word_bytes * machine_.frames;
    if (result > machine_.bank_bytes) {
        return std::nullopt;
    }
    LayerGeometry g = shape_geometry(layer);
    g.units = machine_.units;
    g.lanes = machine_.lanes;
    g.word_bytes = static_cast<std::uint8_t>(machine_.word_bytes);
    g.channel_split = static_cast<std::uint16_t>(in);
    g.frames = static_cast<std::uint16_t>(machine_.frames);
    std::optional<Choice> best;
    if (layer.is_concat()) {
        return Choice{0, g};
    }
    if (layer.is_pool()) {
        if (tile_pooling(g, machine_)) {
            best = Choice{cost_of(g, context), g};
        }
        return best;
    }
    if (!g.split_fits_groups() || !sums_fit(g)) {
        return std::nullopt;
    }
    const std::uint32_t slices = machine_.units / in;
    for (const Tiles tiles : {Tiles::usual, Tiles::smaller}) {
        for (std::uint32_t filter_split = 1; filter_split <= slices && (!best || tiles == Tiles::usual);
             ++filter_split) {
            if (slices % filter_split == 0) {
                g.filter_split = filter_split;
                g.position_split = slices / filter_split;
                try_splits(g, context, tiles, best);
            }
        }
    }
    return best;
}

/// Tile sizes worth trying for the group that is set: the usual ones, and those of whole rows whose channels
/// all fit half the activation buffer, so that they are fetched once for all groups.
std::set<std::uint32_t> Optimizer::tiles_for(LayerGeometry g, Tiles which) const {
    const std::uint32_t limit =
        machine_.output_half_words / (g.groups_per_pass * g.frames_per_tile * g.filter_group);
    if (g.frames_per_tile > 1) { // only frames as a whole
        return slice_positions(g) <= limit ? std::set<std::uint32_t>{slice_positions(g)}
                                           : std::set<std::uint32_t>{};
    }
    if (which == Tiles::smaller) {
        return fit_smaller_tile(g, machine_, limit) ? std::set<std::uint32_t>{g.tile_positions}
                                                    : std::set<std::uint32_t>{};
    }
    const std::vector<std::uint32_t> usual = tile_candidates(g, slice_positions(g), limit);
    std::set<std::uint32_t> tiles(usual.begin(), usual.end());
    const std::uint32_t most_rows = std::min(limit, slice_positions(g)) / g.out_width;
    for (std::uint32_t rows = most_rows; rows >= 1; --rows) {
        g.tile_positions = rows * g.out_width;
        if (fit_buffers(g, machine_) && g.channels_per_fetch == g.pass_channels()) {
            tiles.insert(g.tile_positions);
            break;
        }
    }
    return tiles;
}

/// Every number of groups and frames, filter group and tile for splits that are set.
void Optimizer::try_splits(LayerGeometry g, const LayerContext& context, Tiles tiles,
                           std::optional<Choice>& best) const {
    for (const std::uint32_t groups : groups_per_pass_candidates(g)) {
        for (const std::uint32_t frames : frames_per_tile_candidates(g)) {
            if (std::uint64_t{groups} * frames <= machine_.output_half_words) {
                g.groups_per_pass = static_cast<std::uint16_t>(groups);
                g.frames_per_tile = static_cast<std::uint16_t>(frames);
                try_groups(g, context, tiles, best);
            }
        }
    }
}

void Optimizer::try_groups(LayerGeometry g, const LayerContext& context, Tiles tiles,
                           std::optional<Choice>& best) const {
    for (const std::uint32_t group :
         group_candidates(g, machine_.output_half_words / (g.groups_per_pass * g.frames_per_tile))) {
        g.filter_group = group;
        for (const std::uint32_t tile : tiles_for(g, tiles)) {
            g.tile_positions = tile;
            if (fit_buffers(g, machine_)) {
                even_out_fetches(g);
                for (const std::uint32_t chunk : chunk_candidates(g)) {
                    g.reduction_chunk = chunk;
                    try_orders(g, context, best);
                }
            }
        }
    }
}

/// With tiles outside or, where all weights of a pass stay in half the weight buffer, filters. Tiles of the
/// same size may keep pace better than large ones and a rest.
void Optimizer::try_orders(LayerGeometry g, const LayerContext& context, std::optional<Choice>& best) const {
    const auto consider = [&] {
        const double cost = cost_of(g, context);
        if (!best || cost < best->cost) {
            best = Choice{cost, g};
        }
    };
    const std::uint32_t tiles = ceil_divide(slice_positions(g), g.tile_positions);
    const std::set<std::uint32_t> sizes{g.tile_positions, ceil_divide(slice_positions(g), tiles)};
    for (const std::uint32_t tile : sizes) {
        g.tile_positions = tile;
        g.order = core::LoopOrder::tiles;
        consider();
        g.order = core::LoopOrder::filters;
        const core::ConvSchedule schedule(g);
        if (g.executable() && schedule.passes_per_tile() > 1 && schedule.tiles() > 1) {
            consider();
        }
    }
}

double Optimizer::cost_of(const LayerGeometry& geometry, const LayerContext& context) const {
    const double timed = estimate_cost(geometry, context, machine_).latency;
    // Without transfer times only the MACs count; among equals that which would transfer faster.
    constexpr double tie_breaker = 1e-9;
    return machine_.ideal_transfers ? ideal_latency(geometry, context, machine_) + tie_breaker * timed
                                    : timed;
}

double estimated_latency(const MappedNetwork& mapped, const MachineShape& machine) {
    double sum = 0;
    for (const core::LayerWork& work : mapped.layers) {
        const LayerContext context{work.unit.kind, work.controller.output.split,
                                   work.controller.has_residual != 0};
        sum += machine.ideal_transfers ? ideal_latency(work.unit.geometry, context, machine)
                                       : estimate_cost(work.unit.geometry, context, machine).latency;
    }
    return sum;
}

} // namespace hydravp::workloads
