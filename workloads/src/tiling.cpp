// SPDX-License-Identifier: Apache-2.0
#include "tiling.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace hydravp::workloads {

using core::align_up;
using core::ceil_divide;
using core::ConvSchedule;
using core::LayerGeometry;
using core::Range;
using core::Unit;

namespace {

/// Shares the outputs among the slices so that the busiest has the fewest lane groups; filters rather than
/// positions, because a unit with fewer filters needs fewer weights.
void split_outputs(LayerGeometry& g, std::uint32_t slices) {
    std::uint64_t best = ~std::uint64_t{0};
    for (std::uint32_t filter_split = slices; filter_split >= 1; --filter_split) {
        if (slices % filter_split != 0) {
            continue;
        }
        const std::uint32_t position_split = slices / filter_split;
        std::uint64_t positions = ceil_divide(g.positions(), position_split);
        positions = position_split > 1 ? align_up(positions, g.lanes) : positions;
        const std::uint64_t groups =
            align_up(ceil_divide(g.group_filters(), filter_split) * positions, g.lanes) / g.lanes;
        if (groups < best) {
            best = groups;
            g.filter_split = filter_split;
            g.position_split = position_split;
        }
    }
}

/// Slots of the channel on which the outputs of one pass are written back: filters that share a slot's
/// address in different chips of a rank travel together.
std::uint64_t write_back_slots(const ConvSchedule& schedule, const MachineShape& machine,
                               std::uint32_t consumer_split) {
    const LayerGeometry& g = schedule.geometry();
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>>
        groups; // rank, local channel, first position
    for (std::uint32_t slice = 0; slice < g.output_slices(); ++slice) {
        const Unit unit = g.first_unit(slice);
        for (std::uint32_t group = 0; group < schedule.groups(unit, 0); ++group) {
            const Range filters = schedule.filters(unit, 0, group);
            for (std::uint32_t filter = filters.begin; filter < filters.end; ++filter) {
                for (std::uint32_t to = filter % consumer_split; to < g.units; to += consumer_split) {
                    groups.emplace(to / machine.chips_per_rank, filter / consumer_split,
                                   schedule.positions(unit, 0).begin);
                }
            }
        }
    }
    const std::uint64_t bytes =
        g.positions() == 1 ? g.word_bytes : align_up(std::uint64_t{g.tile_positions} * g.word_bytes, 8) + 8;
    return ceil_divide(static_cast<std::uint32_t>(groups.size() * bytes), 8);
}

struct Cost {
    std::uint64_t steps; ///< of a lane group
    double time;
    friend bool operator<(const Cost& a, const Cost& b) {
        return std::tie(a.steps, a.time) < std::tie(b.steps, b.time);
    }
};

Cost estimate(const LayerGeometry& g, const MachineShape& machine, std::uint32_t consumer_split) {
    const ConvSchedule schedule(g);
    const std::uint32_t ranks = ceil_divide(g.units, machine.chips_per_rank);
    Cost cost{0, 0};
    for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
        cost.steps += std::uint64_t{schedule.lane_groups(Unit{0}, pass)} * g.pass_channels() * g.taps();
    }
    const double outputs = static_cast<double>(schedule.outputs(Unit{0}, 0)) * schedule.passes();
    const double sums = outputs * machine.partial_sum_bits / 8;
    const double weights = static_cast<double>(schedule.weight_bytes_per_unit()) * schedule.weight_loads();
    const double fetched = static_cast<double>(g.pass_channels()) * tile_rows(g) * g.in_width * g.word_bytes *
                           schedule.tile_loads();
    const double write_back =
        static_cast<double>(write_back_slots(schedule, machine, consumer_split)) * schedule.passes();
    const double over_channel = machine.weights == core::WeightSource::stream ? weights : 0;
    const double channel = (over_channel + sums) / 8 * ranks + write_back;
    cost.time =
        std::max({static_cast<double>(cost.steps) * machine.step_ps,
                  (fetched + weights + sums) / 8 * machine.chip_slot_ps, channel * machine.channel_slot_ps});
    return cost;
}

} // namespace

std::uint32_t tile_rows(const LayerGeometry& g) {
    const bool whole_rows = g.tile_positions % g.out_width == 0 && g.position_split == 1;
    const std::uint32_t out_rows = std::min(
        whole_rows ? g.tile_positions / g.out_width : (g.tile_positions + g.out_width - 2) / g.out_width + 1,
        g.out_height);
    return std::min(g.in_height, (std::max(out_rows, 1U) - 1) * g.stride_height +
                                     (g.kernel_height - 1) * g.dilation_height + 1);
}

bool fit_buffers(LayerGeometry& g, const MachineShape& machine) {
    const std::uint32_t channel_bytes = tile_rows(g) * g.in_width * g.word_bytes * g.frames_per_tile;
    g.channels_per_fetch = std::min(g.pass_channels(), machine.activation_half_bytes / channel_bytes);
    g.reduction_chunk = std::min(machine.weight_half_bytes / 8 * 8 / (g.word_bytes * g.filter_group),
                                 g.channels_per_fetch * g.taps());
    return g.channels_per_fetch > 0 && g.reduction_chunk > 0;
}

std::uint32_t slice_positions(const LayerGeometry& g) {
    const std::uint32_t positions = ceil_divide(g.positions(), g.position_split);
    return g.position_split > 1 ? static_cast<std::uint32_t>(align_up(positions, g.lanes)) : positions;
}

std::vector<std::uint32_t> frames_per_tile_candidates(const LayerGeometry& g) {
    std::vector<std::uint32_t> candidates;
    for (std::uint32_t tiles = 1; tiles < g.frames; tiles *= 2) {
        candidates.push_back(ceil_divide(g.frames, tiles));
    }
    if (candidates.empty() || candidates.back() != 1) {
        candidates.push_back(1);
    }
    return candidates;
}

std::vector<std::uint32_t> groups_per_pass_candidates(const LayerGeometry& g) {
    std::vector<std::uint32_t> candidates;
    constexpr std::uint32_t most = std::numeric_limits<decltype(g.groups_per_pass)>::max();
    for (std::uint32_t groups = std::min(g.local_groups(), most); groups >= 1; --groups) {
        if (g.local_groups() % groups == 0) {
            candidates.push_back(groups);
        }
    }
    return candidates;
}

std::vector<std::uint32_t> tile_candidates(const LayerGeometry& g, std::uint32_t slice_positions,
                                           std::uint32_t limit) {
    const std::uint32_t largest = std::min(slice_positions, limit);
    const std::uint32_t lane_step =
        g.lanes_per_filter != 0 ? g.lanes : g.lanes / std::gcd(g.lanes, g.filter_group);
    const std::uint64_t row_step = std::lcm<std::uint64_t>(lane_step, g.out_width);
    std::vector<std::uint32_t> candidates{largest};
    for (const std::uint64_t step : {std::uint64_t{lane_step}, std::uint64_t{g.out_width}, row_step}) {
        if (step > 0 && largest >= step) {
            candidates.push_back(static_cast<std::uint32_t>(largest / step * step));
        }
    }
    return candidates;
}

bool fit_smaller_tile(LayerGeometry& g, const MachineShape& machine, std::uint32_t limit) {
    limit = std::min(limit, slice_positions(g));
    for (std::uint32_t rows = std::min(g.out_height, limit / g.out_width); rows >= 1; --rows) {
        // Where slices begin within a row, so many positions touch no more rows.
        g.tile_positions = g.position_split == 1 ? rows * g.out_width : (rows - 1) * g.out_width + 1;
        if (fit_buffers(g, machine)) {
            return true;
        }
    }
    return false;
}

namespace {

/// As far as one frame goes.
bool tile_frame(LayerGeometry& g, const MachineShape& machine, std::uint32_t consumer_split) {
    g.units = machine.units;
    g.lanes = machine.lanes;
    g.lanes_per_filter = machine.mapping == Mapping::paper_text ? 1 : 0;
    split_outputs(g, machine.units / g.channel_split);
    const std::uint32_t slice_filters = ceil_divide(g.group_filters(), g.filter_split);
    bool found = false;
    std::pair<Cost, LayerGeometry> best;
    const auto consider = [&] {
        const Cost cost = estimate(g, machine, consumer_split);
        if (!found || cost < best.first) {
            found = true;
            best = {cost, g};
        }
    };
    for (const std::uint32_t groups : groups_per_pass_candidates(g)) {
        g.groups_per_pass = static_cast<std::uint16_t>(groups);
        const std::uint32_t sums = machine.output_half_words / groups;
        for (std::uint32_t group = 1; group <= std::min(slice_filters, sums); ++group) {
            if (group > 64 && group % 32 != 0 && group != slice_filters) {
                continue; // large groups only in whole lane groups
            }
            g.filter_group = group;
            for (const std::uint32_t tile : tile_candidates(g, slice_positions(g), sums / group)) {
                g.tile_positions = tile;
                if (fit_buffers(g, machine)) {
                    consider();
                }
            }
        }
    }
    for (const std::uint32_t groups : found ? std::vector<std::uint32_t>() : groups_per_pass_candidates(g)) {
        g.groups_per_pass = static_cast<std::uint16_t>(groups);
        const std::uint32_t sums = machine.output_half_words / groups;
        for (std::uint32_t group = 1; group <= std::min(slice_filters, sums); ++group) {
            g.filter_group = group;
            if (fit_smaller_tile(g, machine, sums / group)) {
                consider();
            }
        }
    }
    if (found) {
        g = best.second;
    }
    return found;
}

std::uint64_t busiest_steps(const LayerGeometry& g) {
    const ConvSchedule schedule(g);
    std::uint64_t steps = 0;
    for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
        steps += std::uint64_t{schedule.lane_groups(Unit{0}, pass)} * g.pass_channels() * g.taps();
    }
    return steps;
}

/// Lets tiles that cover the positions of a slice take several frames of the batch, if that needs no more
/// steps and is clearly faster by the estimate, whatever the transfer model.
void tile_frames(LayerGeometry& g, const MachineShape& machine, const LayerContext& layer) {
    constexpr double sure = 0.97; // the estimate is not exact
    const std::uint64_t most_steps = busiest_steps(g);
    double bound = sure * estimate_cost(g, layer, machine).latency;
    LayerGeometry best = g;
    g.tile_positions = slice_positions(g);
    const std::uint32_t slice_filters = ceil_divide(g.group_filters(), g.filter_split);
    for (const std::uint32_t frames : frames_per_tile_candidates(g)) {
        g.frames_per_tile = static_cast<std::uint16_t>(frames);
        for (const std::uint32_t groups : groups_per_pass_candidates(g)) {
            g.groups_per_pass = static_cast<std::uint16_t>(groups);
            const std::uint64_t sums = std::uint64_t{g.tile_positions} * frames * groups;
            const auto most = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(slice_filters, machine.output_half_words / sums));
            for (std::uint32_t group = 1; group <= most; ++group) {
                if (group > 64 && group % 32 != 0 && group != slice_filters) {
                    continue; // as for a single frame
                }
                g.filter_group = group;
                if (!fit_buffers(g, machine) || busiest_steps(g) > most_steps) {
                    continue;
                }
                const double latency = estimate_cost(g, layer, machine).latency;
                if (latency < bound) {
                    bound = latency;
                    best = g;
                }
            }
        }
    }
    g = best;
}

} // namespace

bool tile_convolution(LayerGeometry& g, const MachineShape& machine, const LayerContext& layer) {
    if (!tile_frame(g, machine, layer.output_split)) {
        return false;
    }
    if (machine.frames > 1) {
        g.frames = static_cast<std::uint16_t>(machine.frames);
        tile_frames(g, machine, layer);
    }
    return true;
}

bool tile_pooling(LayerGeometry& g, const MachineShape& machine) {
    g.units = machine.units;
    g.lanes = machine.lanes;
    g.filter_split = g.position_split = 1;
    g.frames = static_cast<std::uint16_t>(machine.frames);
    g.filter_group = g.filters;
    g.reduction_chunk = 1;
    for (std::uint32_t rows = g.out_height; rows >= 1; --rows) { // as many whole rows as the buffers hold
        g.tile_positions = rows * g.out_width;
        const std::uint32_t in_bytes = tile_rows(g) * g.in_width * g.word_bytes;
        const std::uint32_t out_words = rows * g.out_width;
        const std::uint32_t channels =
            std::min({g.local_channels(), machine.activation_half_bytes / std::max(in_bytes, 1U),
                      machine.output_half_words / out_words});
        if (channels > 0) {
            g.channels_per_fetch = rows == g.out_height ? channels : 1;
            return true;
        }
    }
    return false;
}

} // namespace hydravp::workloads
