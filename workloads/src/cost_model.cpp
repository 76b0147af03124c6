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
    Pieces frames, tiles, groups;
    std::uint32_t group_sets; ///< of convolution groups, for each of the filter groups

    explicit Slice(const LayerGeometry& g)
        : frames(pieces(g.frames, g.frames_per_tile)),
          tiles(pieces(std::min(slice_positions(g), g.positions()), g.tile_positions)),
          groups(pieces(ceil_divide(g.group_filters(), g.filter_split), g.filter_group)),
          group_sets(g.local_groups() / g.groups_per_pass) {}

    /// Calls work(frames, positions, count) for each kind of tile.
    template <class Work>
    void for_each_tile(Work work) const {
        for_each(frames, [&](std::uint32_t of_tile, std::uint32_t frames_alike) {
            for_each(tiles, [&](std::uint32_t positions, std::uint32_t tiles_alike) {
                work(of_tile, positions, frames_alike * tiles_alike);
            });
        });
    }
    /// Calls work(positions of all frames, filters of each convolution group, count) for each kind of pass.
    template <class Work>
    void for_each_pass(Work work) const {
        for_each_tile([&](std::uint32_t of_tile, std::uint32_t positions, std::uint32_t tiles_alike) {
            for_each(groups, [&](std::uint32_t filters, std::uint32_t groups_alike) {
                work(of_tile * positions, filters, tiles_alike * groups_alike * group_sets);
            });
        });
    }
};

std::uint32_t lane_groups(const LayerGeometry& g, std::uint32_t points, std::uint32_t filters) {
    return g.lanes_per_filter == 0 || g.positions() == 1 ? ceil_divide(points * filters, g.lanes)
                                                         : filters * ceil_divide(points, g.lanes);
}

/// Bursts of 8 bytes in which a unit gets the weights of a pass over a group of filters once.
double weight_bursts(const LayerGeometry& g, std::uint32_t filters) {
    double bursts = 0;
    for_each(
        pieces(g.pass_channels(), g.channels_per_fetch), [&](std::uint32_t channels, std::uint32_t fetches) {
            for_each(pieces(channels * g.taps(), g.reduction_chunk), [&](std::uint32_t steps,
                                                                         std::uint32_t chunks) {
                bursts += static_cast<double>(align_up(std::uint64_t{filters} * steps * g.word_bytes, 8)) /
                          8 * chunks * fetches;
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
        const std::uint32_t slice_filters = ceil_divide(g_.group_filters(), g_.filter_split);
        const std::uint32_t groups = g_.groups_per_pass * g_.blocks(); // of all units in a pass
        double rows = 0;
        for (std::uint32_t group = 0; group < g_.groups; group += groups) {
            for (std::uint32_t first = 0; first < slice_filters; first += g_.filter_group) {
                rows += of_pass({group, std::min(group + groups, g_.groups)},
                                {first, std::min(first + g_.filter_group, slice_filters)}, slice_filters);
            }
        }
        return rows * ceil_divide(g_.positions(), slice_positions(g_)); // slices that have any
    }

private:
    /// Filters `range` of every slice of some convolution groups; a local channel may go on in the next
    /// slice, and in the next group.
    double of_pass(core::Range groups, core::Range range, std::uint32_t slice_filters) const {
        double rows = 0;
        std::uint64_t ranks = 0;
        std::uint32_t channel = 0;
        const auto add = [&](std::uint32_t at, std::uint32_t end) {
            while (at < end) {
                if (at / split_ != channel) {
                    rows += number(ranks);
                    ranks = 0;
                    channel = at / split_;
                }
                const std::uint32_t next = std::min(end, (channel + 1) * split_);
                ranks |= of_residues(at % split_, (next - 1) % split_ + 1);
                at = next;
            }
        };
        for (std::uint32_t group = groups.begin; group < groups.end; ++group) {
            const std::uint32_t of_group = group * g_.group_filters();
            for (std::uint32_t slice = 0; slice < g_.filter_split; ++slice) {
                const std::uint32_t first = slice * slice_filters;
                add(of_group + first + range.begin,
                    of_group + std::min(first + range.end, g_.group_filters()));
            }
        }
        return rows + number(ranks);
    }

    std::uint64_t of_residues(std::uint32_t first, std::uint32_t last) const {
        return std::accumulate(ranks_.begin() + first, ranks_.begin() + last, std::uint64_t{0},
                               std::bit_or<>());
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
    for (std::uint32_t tile = 0; tile < schedule.position_tiles(); ++tile) {
        rows += g.input_rows(schedule.positions(unit, schedule.pass_of(tile, 0))).size();
    }
    return rows / schedule.position_tiles();
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
                     steps += static_cast<double>(ceil_divide(of_fetch * positions, g.lanes)) * g.taps() *
                              fetches * count;
                 });
        fetched += std::ceil(rows * g.in_width * g.word_bytes / 8) * channels * count;
    });
    steps *= g.frames;
    fetched *= g.frames;
    const double written = std::ceil(g.positions() * g.word_bytes / 8.0) * channels * g.frames;
    cost.mac = steps * m.pool_step_ps;
    cost.chip_bus = (fetched + written) * m.chip_slot_ps;
    cost.activation_bytes = fetched * 8;
    // A tile is read, then pooled and written, while the next one is read.
    cost.latency = std::max(cost.chip_bus, cost.mac);
    return cost;
}

/// The estimate of a convolution or fully-connected layer.
class ConvolutionEstimate {
public:
    ConvolutionEstimate(const LayerGeometry& geometry, const LayerContext& layer, const MachineShape& machine)
        : g_(geometry),
          m_(machine),
          schedule_(geometry),
          slice_(geometry),
          ranks_(ceil_divide(geometry.units, machine.chips_per_rank)),
          steps_(static_cast<double>(geometry.pass_channels()) * geometry.taps()) {
        count_outputs(layer);
        count_weights();
        const double rows_bytes = mean_tile_rows(g_, schedule_) * g_.in_width * g_.word_bytes;
        fetches_ = schedule_.tile_loads();
        const double frames = g_.frames * static_cast<double>(schedule_.position_tiles()) / schedule_.tiles();
        fetched_ = std::ceil(rows_bytes / 8 + 0.5) * frames * g_.pass_channels() * fetches_;
    }

    LayerCost cost() const {
        LayerCost cost = busy_times();
        const double fetch = fetch_time(cost);
        const double pace = units_pace(cost, fetch);
        // The first tile has to come before anything is computed; the last pass is read and written alone.
        const double last =
            pace > cost.accumulation ? cost.accumulation / schedule_.passes() : widest_ * steps_ * m_.step_ps;
        const double fill = fetch * g_.channels_per_fetch + last;
        const double others = std::max({pace, cost.channel, cost.pcm, cost.accumulation, cost.migration,
                                        alternating(pace, cost.accumulation)});
        // A unit's accesses wait for the channel's and for each other: two resources that are busy nearly all
        // the time take longer than either. The exponent is fitted to simulated layers.
        constexpr double exponent = 7;
        const double most = std::max(others, cost.chip_bus);
        const double both = std::pow(others / most, exponent) + std::pow(cost.chip_bus / most, exponent);
        cost.latency = most * std::pow(both, 1 / exponent) + fill;
        return cost;
    }

private:
    /// With filters outside, a large tile and what is left of the positions take turns: while the sums of one
    /// are added, only the other one is worked on.
    double alternating(double pace, double accumulation) const {
        if (g_.order == core::LoopOrder::tiles) {
            return 0;
        }
        const double positions = slice_positions(g_);
        return overlapped(pieces(slice_positions(g_), g_.tile_positions), pace / positions,
                          accumulation / positions);
    }

    bool streams() const { return m_.weights == core::WeightSource::stream; }
    bool migrates() const { return m_.weights == core::WeightSource::migrate; }

    /// Slots of the channel that a row of results takes. Positions seldom begin at a burst; a single one is a
    /// word beside others.
    double result_slots(std::uint32_t positions) const {
        const double at_the_ends = schedule_.position_tiles() > 1 ? 0.5 : 0;
        const double burst_words = 8.0 / g_.word_bytes;
        return g_.positions() == 1 ? 1 / burst_words : std::ceil(positions / burst_words + at_the_ends);
    }
    /// Bursts of a unit's partial sums of one pass.
    /// @param points positions of all its frames
    double sum_bursts(std::uint32_t points, std::uint32_t filters) const {
        return std::ceil(static_cast<double>(points) * filters * g_.groups_per_pass * m_.partial_sum_bits /
                         64);
    }

    void count_outputs(const LayerContext& layer) {
        slice_.for_each_pass([&](std::uint32_t points, std::uint32_t filters, std::uint32_t count) {
            const double groups = lane_groups(g_, points, filters);
            lane_groups_ += groups * count;
            widest_ = std::max(widest_, groups);
            sums_ += sum_bursts(points, filters) * count;
        });
        const double rows_of_tile = WrittenRows(g_, layer.output_split, m_).of_tile();
        for_each(slice_.tiles, [&](std::uint32_t positions, std::uint32_t count) {
            const double rows = static_cast<double>(count) * g_.frames;
            rows_ += rows_of_tile * rows;
            results_ += rows_of_tile * result_slots(positions) * rows;
            for_each(slice_.groups, [&](std::uint32_t filters, std::uint32_t groups_alike) {
                if (layer.has_residual) {
                    residual_ += static_cast<double>(filters) * g_.groups_per_pass * g_.output_slices() / 8 *
                                 result_slots(positions) * rows * groups_alike * slice_.group_sets;
                }
            });
        });
    }

    void count_weights() {
        for_each(slice_.groups, [&](std::uint32_t filters, std::uint32_t count) {
            weights_once_ += weight_bursts(g_, filters) * count * slice_.group_sets;
        });
        weights_ = weights_once_ * schedule_.weight_loads();
    }

    LayerCost busy_times() const {
        LayerCost cost;
        const double weight_slots = (streams() ? weights_ : migrates() ? weights_once_ : 0) * ranks_;
        const double others = sums_ * ranks_ + results_ + residual_;
        cost.mac = lane_groups_ * steps_ * m_.step_ps;
        cost.channel = (weight_slots + others) * m_.channel_slot_ps + schedule_.passes() * m_.turnaround_ps;
        cost.chip_bus =
            (fetched_ + (streams() ? 0 : weights_)) * m_.chip_slot_ps + rank_slots(cost) * m_.channel_slot_ps;
        cost.pcm = weight_slots / ranks_ * g_.units / m_.chips_per_rank * m_.pcm_slot_ps;
        cost.accumulation = others * m_.channel_slot_ps + rows_ / ranks_ * m_.row_cycle_ps +
                            schedule_.passes() * m_.pass_latency_ps;
        if (migrates()) { // chunk by chunk a read and then a write, which nothing overlaps
            const double chunks =
                static_cast<double>(schedule_.chunks()) * schedule_.passes_per_tile() * ranks_;
            cost.migration = chunks * m_.migration_latency_ps + 2 * weight_slots * m_.channel_slot_ps;
        }
        constexpr double slot_bytes = 64;
        cost.weight_bytes = weight_slots * slot_bytes;
        cost.sum_bytes = sums_ * ranks_ * slot_bytes;
        cost.result_bytes = results_ * slot_bytes;
        cost.activation_bytes = fetched_ * 8;
        cost.macs =
            static_cast<double>(g_.filters) * g_.positions() * g_.frames * g_.group_channels() * g_.taps();
        return cost;
    }

    /// A slot of the channel takes the buses of one rank's chips.
    double rank_slots(const LayerCost& cost) const {
        return (cost.channel - schedule_.passes() * m_.turnaround_ps) / m_.channel_slot_ps / ranks_;
    }

    /// How much longer a unit's own transfers take because others use its chip's bus for `others` ps.
    static double slowed(double others, const LayerCost& cost) {
        const double busy = std::max({cost.mac, cost.chip_bus, cost.channel, cost.accumulation});
        constexpr double most = 0.6;
        return 1 / (1 - std::min(most, others / busy));
    }

    /// Of one channel's rows.
    double fetch_time(const LayerCost& cost) const {
        const double others =
            rank_slots(cost) * m_.channel_slot_ps + (streams() ? 0 : weights_ * m_.chip_slot_ps);
        return fetched_ / (fetches_ * g_.pass_channels()) * m_.chip_slot_ps * slowed(others, cost);
    }

    /// The units' own time: weights and activations come chunk by chunk and fetch by fetch while the ones
    /// before are worked on.
    double units_pace(const LayerCost& cost, double fetch) const {
        const double burst =
            streams() ? m_.channel_slot_ps * ranks_
                      : m_.chip_slot_ps * slowed(cost.channel / ranks_ + fetched_ * m_.chip_slot_ps, cost);
        const Pieces fetches = pieces(g_.pass_channels(), g_.channels_per_fetch);
        double pace = 0;
        slice_.for_each_pass([&](std::uint32_t points, std::uint32_t filters, std::uint32_t count) {
            const double pass = pass_time(points, filters, fetches, burst);
            pace += count *
                    (schedule_.tiles_stay() ? pass : overlapped(fetches, pass / g_.pass_channels(), fetch));
        });
        return pace;
    }

    /// A pass whose activations are there.
    double pass_time(std::uint32_t points, std::uint32_t filters, const Pieces& fetches, double burst) const {
        const double work = lane_groups(g_, points, filters) * m_.step_ps;
        if (schedule_.weights_resident()) {
            return work * steps_;
        }
        const double load = filters * g_.word_bytes / 8.0 * burst; // of a step's weights
        double time = 0;
        for_each(fetches, [&](std::uint32_t channels, std::uint32_t alike) {
            time += overlapped(pieces(channels * g_.taps(), g_.reduction_chunk), work, load) * alike;
        });
        if (streams()) {
            // While the sums of the pass before are read, no weights come; those in the buffer have to do.
            const double reading = sum_bursts(points, filters) * ranks_ * m_.channel_slot_ps;
            const std::uint32_t chunk = std::min(g_.reduction_chunk, g_.channels_per_fetch * g_.taps());
            const double bytes =
                static_cast<double>(align_up(std::uint64_t{filters} * chunk * g_.word_bytes, 8));
            const double there = std::min(std::floor(2.0 * m_.weight_half_bytes / bytes) * chunk, steps_);
            time = std::max(time, steps_ * work + std::max(0.0, reading + chunk * load - there * work));
        }
        return time;
    }

    const LayerGeometry& g_;
    const MachineShape& m_;
    ConvSchedule schedule_;
    Slice slice_;
    double ranks_;
    double steps_;            ///< of a unit's reduction in a pass
    double lane_groups_ = 0;  ///< of all passes
    double widest_ = 0;       ///< lane groups of the largest pass
    double sums_ = 0;         ///< bursts of a unit
    double results_ = 0;      ///< slots of the channel, all ranks
    double rows_ = 0;         ///< that are opened for results
    double residual_ = 0;     ///< slots of the channel
    double weights_once_ = 0; ///< bursts of a unit
    double weights_ = 0;      ///< with those that come again for every tile
    double fetches_ = 0;      ///< of all local channels
    double fetched_ = 0;      ///< bursts of a unit
};

} // namespace

const char* LayerCost::bound_by() const {
    const std::array<std::pair<double, const char*>, 6> all{{{mac, "mac"},
                                                             {chip_bus, "chip_bus"},
                                                             {channel, "channel"},
                                                             {pcm, "pcm"},
                                                             {accumulation, "accumulation"},
                                                             {migration, "migration"}}};
    return std::max_element(all.begin(), all.end(),
                            [](const auto& a, const auto& b) { return a.first < b.first; })
        ->second;
}

LayerCost LayerCost::per_frame(std::uint32_t frames) const {
    LayerCost cost = *this;
    for (double* figure : {&cost.mac, &cost.chip_bus, &cost.channel, &cost.pcm, &cost.accumulation,
                           &cost.migration, &cost.latency, &cost.weight_bytes, &cost.sum_bytes,
                           &cost.result_bytes, &cost.activation_bytes, &cost.macs}) {
        *figure /= frames;
    }
    return cost;
}

double ideal_latency(const LayerGeometry& g, const LayerContext& layer, const MachineShape& m) {
    if (!core::has_weights(layer.kind)) {
        return 0;
    }
    double groups = 0;
    Slice(g).for_each_pass([&](std::uint32_t points, std::uint32_t filters, std::uint32_t count) {
        groups += static_cast<double>(lane_groups(g, points, filters)) * count;
    });
    return groups * g.pass_channels() * g.taps() * m.ideal_step_ps;
}

LayerCost estimate_cost(const LayerGeometry& g, const LayerContext& layer, const MachineShape& m) {
    if (layer.kind == core::LayerKind::concat) {
        return {}; // its members are written in place
    }
    return core::is_pool(layer.kind) ? pooling_cost(g, m) : ConvolutionEstimate(g, layer, m).cost();
}

} // namespace hydravp::workloads
