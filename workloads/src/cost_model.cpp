// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cost_model.h"

#include "tiling.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace hydravp::workloads {

using core::align_up;
using core::ceil_divide;
using core::ConvSchedule;
using core::LayerGeometry;

namespace {

/// A whole that is cut into equal pieces, the last of which may be smaller.
struct Piece {
    std::uint32_t size;
    std::uint32_t count;
};
using Pieces = std::array<Piece, 2>;

Pieces pieces(std::uint32_t whole, std::uint32_t part) {
    return {Piece{part, whole / part}, Piece{whole % part, whole % part != 0 ? 1U : 0U}};
}

template <class Work>
void for_each(const Pieces& all, Work work) {
    for (const Piece& piece : all) {
        if (piece.count > 0) {
            work(piece.size, piece.count);
        }
    }
}

/// The busiest slice of a layer's outputs, in its tiles and groups of filters.
struct Slice {
    Pieces tiles, groups;

    explicit Slice(const LayerGeometry& g) {
        tiles = pieces(std::min(slice_positions(g), g.positions()), g.tile_positions);
        groups = pieces(ceil_divide(g.filters, g.filter_split), g.filter_group);
    }

    /// Calls work(positions, filters, count) for each kind of pass.
    template <class Work>
    void for_each_pass(Work work) const {
        for_each(tiles, [&](std::uint32_t positions, std::uint32_t tiles_alike) {
            for_each(groups, [&](std::uint32_t filters, std::uint32_t groups_alike) {
                work(positions, filters, tiles_alike * groups_alike);
            });
        });
    }
};

std::uint32_t lane_groups(const LayerGeometry& g, std::uint32_t positions, std::uint32_t filters) {
    return g.lanes_per_filter == 0 || g.positions() == 1 ? ceil_divide(positions * filters, g.lanes)
                                                         : filters * ceil_divide(positions, g.lanes);
}

/// Bursts of 8 bytes in which a unit gets the weights of a group of filters once.
double weight_bursts(const LayerGeometry& g, std::uint32_t filters) {
    double bursts = 0;
    for_each(pieces(g.local_channels(), g.channels_per_fetch), [&](std::uint32_t channels, std::uint32_t fetches) {
        for_each(pieces(channels * g.taps(), g.reduction_chunk), [&](std::uint32_t steps, std::uint32_t chunks) {
            bursts += static_cast<double>(align_up(std::uint64_t{filters} * steps * 2, 8)) / 8 * chunks * fetches;
        });
    });
    return bursts;
}

/// Rows of the units' memory, of one rank or another, in which the results of all passes over a tile lie: in
/// each pass a row for each local channel and each rank that has a chip of its residue class.
class WrittenRows {
public:
    WrittenRows(const LayerGeometry& g, std::uint32_t split, const MachineShape& m) : g_(g), split_(split) {
        for (std::uint32_t residue = 0; residue < split; ++residue) {
            std::uint64_t ranks = 0;
            for (std::uint32_t unit = residue; unit < g.units; unit += split) {
                ranks |= std::uint64_t{1} << (unit / m.chips_per_rank);
            }
            ranks_.push_back(ranks);
        }
    }

    double of_tile() const {
        const std::uint32_t slice_filters = ceil_divide(g_.filters, g_.filter_split);
        double rows = 0;
        for (std::uint32_t group = 0; group < slice_filters; group += g_.filter_group) {
            rows += of_pass(group, std::min(group + g_.filter_group, slice_filters), slice_filters);
        }
        return rows * ceil_divide(g_.positions(), slice_positions(g_)); // slices that have any
    }

private:
    /// Filters [first, last) of every slice; a local channel may go on in the next slice.
    double of_pass(std::uint32_t first, std::uint32_t last, std::uint32_t slice_filters) const {
        double rows = 0;
        std::uint64_t ranks = 0;
        std::uint32_t channel = 0;
        for (std::uint32_t slice = 0; slice < g_.filter_split; ++slice) {
            const std::uint32_t end = std::min(slice * slice_filters + last, g_.filters);
            for (std::uint32_t at = slice * slice_filters + first; at < end;) {
                if (at / split_ != channel) {
                    rows += number(ranks);
                    ranks = 0;
                    channel = at / split_;
                }
                const std::uint32_t next = std::min(end, (channel + 1) * split_);
                ranks |= of_residues(at % split_, (next - 1) % split_ + 1);
                at = next;
            }
        }
        return rows + number(ranks);
    }

    std::uint64_t of_residues(std::uint32_t first, std::uint32_t last) const {
        return std::accumulate(ranks_.begin() + first, ranks_.begin() + last, std::uint64_t{0}, std::bit_or<>());
    }
    static double number(std::uint64_t ranks) { return static_cast<double>(std::bitset<64>(ranks).count()); }

    const LayerGeometry& g_;
    std::uint32_t split_;
    std::vector<std::uint64_t> ranks_; ///< by residue class, a bit per rank
};

/// Time of a sequence of steps, `pieces` of `work` each, if the next one's load comes during a step's work:
/// each takes the longer of both. It repeats, so that the first one's load comes during the last one.
double overlapped(const Pieces& pieces, double work, double load) {
    const auto at = [&](int worked, int loaded) {
        return std::max(work * pieces[static_cast<std::size_t>(worked)].size,
                        load * pieces[static_cast<std::size_t>(loaded)].size);
    };
    if (pieces[1].count == 0) {
        return pieces[0].count * at(0, 0);
    }
    if (pieces[0].count == 0) {
        return at(1, 1);
    }
    return (pieces[0].count - 1) * at(0, 0) + at(0, 1) + at(1, 0);
}

/// Input rows that a tile needs, on average over a slice that is not at the border if there is one.
double mean_tile_rows(const LayerGeometry& g, const ConvSchedule& schedule) {
    const core::Unit unit{std::size_t{g.position_split > 1 ? 1U : 0U} * g.channel_split};
    double rows = 0;
    for (std::uint32_t tile = 0; tile < schedule.tiles(); ++tile) {
        rows += g.input_rows(schedule.positions(unit, tile * schedule.groups())).size();
    }
    return rows / schedule.tiles();
}

LayerCost pooling_cost(const LayerGeometry& g, const MachineShape& m) {
    LayerCost cost;
    const double channels = g.local_channels();
    const double rows = tile_rows(g);
    const Pieces tiles = pieces(g.positions(), g.tile_positions);
    double steps = 0;
    double fetched = 0;
    for_each(tiles, [&](std::uint32_t positions, std::uint32_t count) {
        for_each(pieces(g.local_channels(), g.channels_per_fetch),
                 [&](std::uint32_t of_fetch, std::uint32_t fetches) {
                     steps += static_cast<double>(ceil_divide(of_fetch * positions, g.lanes)) * g.taps() * fetches * count;
                 });
        fetched += std::ceil(rows * g.in_width * 2 / 8) * channels * count;
    });
    const double written = std::ceil(g.positions() * 2 / 8.0) * channels;
    cost.mac = steps * m.pool_step_ps;
    cost.chip_bus = (fetched + written) * m.chip_slot_ps;
    cost.activation_bytes = fetched * 8;
    // A tile is read, then pooled and written, while the next one is read.
    cost.latency = std::max(cost.chip_bus, cost.mac);
    return cost;
}

} // namespace

const char* LayerCost::bound_by() const {
    const std::array<std::pair<double, const char*>, 5> all{
        {{mac, "mac"}, {chip_bus, "chip_bus"}, {channel, "channel"}, {pcm, "pcm"}, {accumulation, "accumulation"}}};
    return std::max_element(all.begin(), all.end(),
                            [](const auto& a, const auto& b) { return a.first < b.first; })
        ->second;
}

double ideal_latency(const LayerGeometry& g, const LayerContext& layer, const MachineShape& m) {
    if (layer.kind == core::LayerKind::max_pool || layer.kind == core::LayerKind::average_pool) {
        return 0;
    }
    double groups = 0;
    Slice(g).for_each_pass([&](std::uint32_t positions, std::uint32_t filters, std::uint32_t count) {
        groups += static_cast<double>(lane_groups(g, positions, filters)) * count;
    });
    return groups * g.local_channels() * g.taps() * m.ideal_step_ps;
}

LayerCost estimate_cost(const LayerGeometry& g, const LayerContext& layer, const MachineShape& m) {
    if (layer.kind == core::LayerKind::max_pool || layer.kind == core::LayerKind::average_pool) {
        return pooling_cost(g, m);
    }
    const ConvSchedule schedule(g);
    const double ranks = ceil_divide(g.units, m.chips_per_rank);
    const Slice slice(g);
    const double tiles = schedule.tiles();
    const double steps = static_cast<double>(g.local_channels()) * g.taps();
    const bool streamed_once = schedule.weights_resident();
    const bool stream = m.weights == core::WeightSource::stream;

    double lanes = 0;    // lane groups
    double sums = 0;     // bursts of partial sums of a unit
    double results = 0;  // slots of the channel for results, all ranks
    double rows = 0;     // that are opened for them
    double residual = 0; // slots
    double widest = 0;   // lane groups of the largest pass
    // Positions seldom begin at a burst; a single one is a word beside others.
    const auto bursts_of = [&](std::uint32_t positions) {
        return g.positions() == 1 ? 0.25 : std::ceil(positions / 4.0 + (tiles > 1 ? 0.5 : 0.0));
    };
    slice.for_each_pass([&](std::uint32_t positions, std::uint32_t filters, std::uint32_t count) {
        const double groups = lane_groups(g, positions, filters);
        lanes += groups * count;
        widest = std::max(widest, groups);
        sums += std::ceil(static_cast<double>(positions) * filters * m.partial_sum_bits / 64) * count;
        residual += layer.has_residual
                        ? static_cast<double>(filters) * g.output_slices() / 8 * bursts_of(positions) * count
                        : 0;
    });
    const double rows_of_tile = WrittenRows(g, layer.output_split, m).of_tile();
    for_each(slice.tiles, [&](std::uint32_t positions, std::uint32_t count) {
        rows += rows_of_tile * count;
        results += rows_of_tile * bursts_of(positions) * count;
    });
    double weights = 0; // bursts of a unit
    for_each(slice.groups, [&](std::uint32_t filters, std::uint32_t count) {
        weights += weight_bursts(g, filters) * count * (streamed_once ? 1 : tiles);
    });
    const double fetches = schedule.fetches() == 1 ? tiles : static_cast<double>(schedule.passes());
    const double fetched =
        std::ceil(mean_tile_rows(g, schedule) * g.in_width * 2 / 8 + 0.5) * g.local_channels() * fetches;

    LayerCost cost;
    cost.mac = lanes * steps * m.step_ps;
    const double weight_slots = stream ? weights * ranks : 0;
    const double slots = weight_slots + sums * ranks + results + residual;
    cost.channel = slots * m.channel_slot_ps + schedule.passes() * m.turnaround_ps;
    // A slot of the channel takes the buses of one rank's chips.
    cost.chip_bus = (fetched + (stream ? 0 : weights)) * m.chip_slot_ps + slots / ranks * m.channel_slot_ps;
    cost.pcm = m.weights == core::WeightSource::resident || m.pcm_slot_ps == 0
                   ? 0
                   : weights * g.units / 8 * m.pcm_slot_ps / (stream || streamed_once ? 1 : tiles);
    cost.accumulation = (sums * ranks + results + residual) * m.channel_slot_ps + rows / ranks * m.row_cycle_ps +
                        schedule.passes() * m.pass_latency_ps;
    constexpr double burst_bytes = 64;
    cost.weight_bytes = weight_slots * burst_bytes;
    cost.sum_bytes = sums * ranks * burst_bytes;
    cost.result_bytes = results * burst_bytes;
    cost.activation_bytes = fetched * 8;
    cost.macs = static_cast<double>(g.filters) * g.positions() * g.channels * g.taps();

    // The units' own pace: weights and activations come chunk by chunk and fetch by fetch while the ones before
    // are worked on. Of the chip's bus they get what the channel leaves.
    const double busy = std::max({cost.mac, cost.chip_bus, cost.channel, cost.accumulation});
    const auto slowed = [busy](double others) { return 1 / (1 - std::min(0.6, others / busy)); };
    const double burst = stream ? m.channel_slot_ps * ranks
                                : m.chip_slot_ps * slowed(cost.channel / ranks + fetched * m.chip_slot_ps);
    const double channel_fetch =
        fetched / (fetches * g.local_channels()) * m.chip_slot_ps *
        slowed(slots / ranks * m.channel_slot_ps + (stream ? 0 : weights * m.chip_slot_ps));
    const Pieces by_fetch = pieces(g.local_channels(), g.channels_per_fetch);
    double pace = 0;
    slice.for_each_pass([&](std::uint32_t positions, std::uint32_t filters, std::uint32_t count) {
        const double work = lane_groups(g, positions, filters) * m.step_ps;
        const double load = streamed_once ? 0 : filters / 4.0 * burst;
        double chunked = 0; // all fetches of the pass, waiting for weights only
        for_each(by_fetch, [&](std::uint32_t channels, std::uint32_t alike) {
            chunked += overlapped(pieces(channels * g.taps(), g.reduction_chunk), work, load) * alike;
        });
        if (stream && !streamed_once) {
            // While the sums of the pass before are read, no weights come; those in the buffer have to do.
            const double reading = std::ceil(static_cast<double>(positions) * filters * m.partial_sum_bits / 64) *
                                   ranks * m.channel_slot_ps;
            const std::uint32_t chunk_steps = std::min(g.reduction_chunk, g.channels_per_fetch * g.taps());
            const double chunk_bytes = static_cast<double>(align_up(std::uint64_t{filters} * chunk_steps * 2, 8));
            const double there = std::min(std::floor(2.0 * m.weight_half_bytes / chunk_bytes) * chunk_steps, steps);
            chunked = std::max(chunked, steps * work + std::max(0.0, reading + chunk_steps * load - there * work));
        }
        pace += count * (schedule.fetches() == 1
                             ? chunked
                             : overlapped(by_fetch, chunked / g.local_channels(), channel_fetch));
    });

    // The first tile has to come before anything is computed; the last pass is read and written alone.
    const double passes = schedule.passes();
    const double first = channel_fetch * g.channels_per_fetch;
    const double last = cost.accumulation / passes;
    const double fill = first + (pace > cost.accumulation ? last : widest * steps * m.step_ps);
    const double others = std::max({pace, cost.channel, cost.pcm, cost.accumulation});
    // A unit's accesses wait for the channel's and for each other: two resources that are busy nearly all the
    // time take longer than either. The exponent is fitted to simulated layers.
    constexpr double exponent = 7;
    const double most = std::max(others, cost.chip_bus);
    cost.latency = most * std::pow(std::pow(others / most, exponent) + std::pow(cost.chip_bus / most, exponent),
                                   1 / exponent) +
                   fill;
    return cost;
}

} // namespace hydravp::workloads
