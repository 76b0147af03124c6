// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"

#include <algorithm>
#include <cstdint>

namespace hydravp::core {

/// A half-open range of filters, positions, channels or reduction steps.
struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t size() const { return end - begin; }
    bool empty() const { return end <= begin; }
    friend bool operator==(Range a, Range b) { return a.begin == b.begin && a.end == b.end; }
};

constexpr std::uint32_t ceil_divide(std::uint32_t a, std::uint32_t b) {
    return (a + b - 1) / b;
}
constexpr std::uint64_t align_up(std::uint64_t x, std::uint64_t to) {
    return (x + to - 1) / to * to;
}

/// Which of the loops over the passes is the outer one.
enum class LoopOrder : std::uint8_t {
    tiles,  ///< all filters of a tile, then the next tile: its activations may stay in their buffer
    filters ///< all tiles for a group of filters, whose weights stay in theirs, then the next group
};

/// Everything that fixes how one convolution (or fully-connected layer, or pooling) is cut into pieces. It is
/// written into the register stack of every unit and of the memory controller, so that all of them walk the
/// same loop nest.
struct LayerGeometry {
    std::uint32_t in_height = 1, in_width = 1;
    std::uint32_t kernel_height = 1, kernel_width = 1;
    std::uint16_t stride_height = 1, stride_width = 1;
    std::uint16_t dilation_height = 1, dilation_width = 1; ///< distance of neighbouring taps
    std::uint32_t pad_top = 0, pad_left = 0;
    std::uint32_t out_height = 1, out_width = 1;
    std::uint32_t channels = 1; ///< input channels
    std::uint32_t filters = 1;  ///< output channels
    /// Groups of a grouped convolution: filter f sees the channels c with c / group_channels() ==
    /// f / group_filters().
    std::uint32_t groups = 1;
    /// Frames of a batch: each has an input and an output of its own, the weights are theirs together.
    std::uint16_t frames = 1;

    // What the machine bounds has 16 bits, so that the register stack stays small.
    std::uint16_t units = 1;
    /// units == channel_split * filter_split * position_split. Unit u accumulates the input channels c with
    /// c mod channel_split == u mod channel_split; the units u / channel_split share the outputs. With
    /// groups, one of channel_split and group_channels() divides the other.
    std::uint16_t channel_split = 1, filter_split = 1, position_split = 1;

    std::uint16_t frames_per_tile = 1;
    std::uint32_t tile_positions = 1;     ///< output positions of a pass, in each of its frames
    std::uint32_t filter_group = 1;       ///< filters of a pass, in each of its groups
    std::uint32_t reduction_chunk = 1;    ///< (channel, tap) steps whose weights fit half a weight buffer
    std::uint32_t channels_per_fetch = 1; ///< channels whose tile fits half an activation buffer
    std::uint16_t groups_per_pass = 1;    ///< of a unit's local groups; divides local_groups()
    /// `filters` only if all weights of a pass are one chunk.
    LoopOrder order = LoopOrder::tiles;
    std::uint8_t reserved = 0;
    std::uint16_t lanes = 32; ///< MACs of a unit
    /// 0: the lanes are filled from the flattened list of filters and positions; 1: a group of lanes works on
    /// positions of one filter only, so that the last group of each filter may be partly idle.
    std::uint8_t lanes_per_filter = 0;
    std::uint8_t word_bytes = 2; ///< of activations, weights and results: 2, or 1 in 8-bit precision

    std::uint32_t positions() const { return out_height * out_width; } ///< of a frame
    std::uint32_t taps() const { return kernel_height * kernel_width; }
    /// Input channels of a unit; where channel_split doesn't divide the channels, of the units that have
    /// most.
    std::uint32_t local_channels() const { return ceil_divide(channels, channel_split); }
    std::uint32_t local_channels(Unit unit) const {
        const std::uint32_t first = unit.value() % channel_split;
        return first < channels ? ceil_divide(channels - first, channel_split) : 0;
    }
    std::uint32_t group_channels() const { return channels / groups; }
    std::uint32_t group_filters() const { return filters / groups; }
    /// Units that make a partial sum of the same output: neighbours. If a group has fewer channels than there
    /// are residue classes, only the classes of its channels contribute, and the classes fall into blocks,
    /// one group each.
    std::uint32_t contributors() const {
        return groups == 1 ? channel_split : std::min<std::uint32_t>(channel_split, group_channels());
    }
    std::uint32_t blocks() const { return channel_split / contributors(); }
    /// Groups that a unit has channels of: local group j of block b is group j * blocks() + b.
    std::uint32_t local_groups() const { return ceil_divide(groups, blocks()); }
    /// Local channels of one group, in the units that have most.
    std::uint32_t group_local_channels() const { return ceil_divide(group_channels(), contributors()); }
    /// Local channels whose products belong to one pass.
    std::uint32_t pass_channels() const { return std::uint32_t{groups_per_pass} * group_local_channels(); }
    /// Runs of `contributors()` units that make the same outputs.
    std::uint32_t output_slices() const { return filter_split * position_split * blocks(); }
    Unit first_unit(std::uint32_t output_slice) const {
        return Unit{std::size_t{output_slice} * contributors()};
    }
    /// A residue class has either a part of each group's channels or one channel of some groups.
    bool split_fits_groups() const {
        return groups == 1 ||
               (group_channels() % channel_split == 0 || channel_split % group_channels() == 0);
    }
    /// No field is zero that divides, and the splits fit the units and the groups.
    bool executable() const {
        return units > 0 && channel_split > 0 && filter_split > 0 && position_split > 0 && lanes > 0 &&
               channel_split * filter_split * position_split <= units && tile_positions > 0 &&
               filter_group > 0 && reduction_chunk > 0 && channels_per_fetch > 0 && positions() > 0 &&
               taps() > 0 && stride_height > 0 && stride_width > 0 && dilation_height > 0 &&
               dilation_width > 0 && channels > 0 && filters > 0 && frames > 0 && frames_per_tile > 0 &&
               (word_bytes == 1 || word_bytes == 2) && groups_fit() && order_fits();
    }
    /// The least and the largest of the words.
    std::int16_t lowest_word() const { return word_bytes == 1 ? -128 : -32768; }
    std::int16_t highest_word() const { return word_bytes == 1 ? 127 : 32767; }
    /// Input rows [begin, end) that an output range needs, padding left out.
    Range input_rows(Range positions) const;

private:
    bool order_fits() const {
        return order == LoopOrder::tiles ||
               (order == LoopOrder::filters && channels_per_fetch >= pass_channels() &&
                reduction_chunk >= pass_channels() * taps());
    }
    bool groups_fit() const {
        return groups > 0 && channels % groups == 0 && filters % groups == 0 && split_fits_groups() &&
               groups_per_pass > 0 && local_groups() % groups_per_pass == 0;
    }
};

/// The loop nest of a layer: tile of output positions in one or more frames, set of local groups (one, unless
/// the convolution is grouped), filters of each (together a pass), fetch of activations (some local
/// channels), chunk of weights. With `LoopOrder::filters` the tiles come after the filters. A pure function
/// of the geometry; the units, the weight streamer and the result accumulation unit each walk their own copy
/// and stay in step without talking about it.
class ConvSchedule {
public:
    ConvSchedule() = default;
    explicit ConvSchedule(const LayerGeometry& geometry);

    const LayerGeometry& geometry() const { return g_; }

    std::uint32_t passes() const { return tiles_ * passes_per_tile(); }
    std::uint32_t passes_per_tile() const { return group_sets_ * filter_groups_; }
    std::uint32_t tiles() const { return tiles_; }
    std::uint32_t filter_groups() const { return filter_groups_; }
    std::uint32_t group_sets() const { return group_sets_; }
    /// Tiles of one frame, or of the frames that a tile takes together.
    std::uint32_t position_tiles() const { return position_tiles_; }
    /// Which tile a pass is over, and which of the passes over a tile it is: its set of groups and filters.
    std::uint32_t tile_of(std::uint32_t pass) const {
        return g_.order == LoopOrder::tiles ? pass / passes_per_tile() : pass % tiles_;
    }
    std::uint32_t index_of(std::uint32_t pass) const {
        return g_.order == LoopOrder::tiles ? pass % passes_per_tile() : pass / tiles_;
    }
    std::uint32_t pass_of(std::uint32_t tile, std::uint32_t index) const {
        return g_.order == LoopOrder::tiles ? tile * passes_per_tile() + index : index * tiles_ + tile;
    }
    std::uint32_t filter_group_of(std::uint32_t pass) const { return index_of(pass) % filter_groups_; }
    std::uint32_t group_set_of(std::uint32_t pass) const { return index_of(pass) / filter_groups_; }

    /// Frames of a pass (the same for all units).
    Range frames(std::uint32_t pass) const {
        const std::uint32_t begin = tile_of(pass) / position_tiles_ * g_.frames_per_tile;
        return {begin, std::min<std::uint32_t>(begin + g_.frames_per_tile, g_.frames)};
    }
    /// Groups that `unit` works on in a pass.
    std::uint32_t groups(Unit unit, std::uint32_t pass) const;
    /// Filters, in the pass's `index`-th group, and output positions that `unit` computes in a pass; one of
    /// them empty: nothing to do.
    Range filters(Unit unit, std::uint32_t pass, std::uint32_t index = 0) const;
    Range positions(Unit unit, std::uint32_t pass) const;
    /// Outputs of `unit` in one group of a pass, and in all of them, in the order group, frame, filter,
    /// position; none if no input channel is its own.
    std::uint32_t group_outputs(Unit unit, std::uint32_t pass) const {
        return g_.local_channels(unit) == 0 ? 0 : filters(unit, pass).size() * points(unit, pass);
    }
    std::uint32_t outputs(Unit unit, std::uint32_t pass) const {
        return groups(unit, pass) * group_outputs(unit, pass);
    }
    /// Groups of `lanes` outputs that the unit works through in a reduction step of a pass, filters, frames
    /// and positions taken as one list. A step is one channel's, so these are outputs of one group.
    std::uint32_t lane_groups(Unit unit, std::uint32_t pass) const {
        const std::uint32_t all = group_outputs(unit, pass);
        return g_.lanes_per_filter == 0 || g_.positions() == 1 || all == 0
                   ? ceil_divide(all, g_.lanes)
                   : filters(unit, pass).size() * ceil_divide(points(unit, pass), g_.lanes);
    }

    /// Filters for which a reduction step of a pass has weights (the same for all units).
    std::uint32_t step_filters(std::uint32_t pass) const;

    std::uint32_t fetches() const { return fetches_; }
    /// Local channels of a fetch; in a given unit only those that it has.
    Range fetch_channels(std::uint32_t pass, std::uint32_t fetch) const;
    Range fetch_channels(Unit unit, std::uint32_t pass, std::uint32_t fetch) const {
        const Range all = fetch_channels(pass, fetch);
        const std::uint32_t own = g_.local_channels(unit);
        return {std::min(all.begin, own), std::min(all.end, own)};
    }
    /// A tile's activations are fetched once for all filters.
    bool tiles_stay() const { return fetches_ == 1 && (g_.order == LoopOrder::tiles || tiles_ == 1); }
    /// How often the activations of some tile are fetched, those of each set of groups on their own.
    std::uint32_t tile_loads() const { return tiles_stay() ? passes() / filter_groups_ : passes(); }
    /// The activations of a pass are those already in the buffer from the pass before.
    bool fetch_resident(std::uint32_t pass) const {
        return fetches_ == 1 && pass > 0 && tile_of(pass) == tile_of(pass - 1) &&
               group_set_of(pass) == group_set_of(pass - 1);
    }

    /// Weight chunks of one pass, all fetches together; `chunks(fetch)` of them belong to a fetch.
    std::uint32_t chunks() const { return chunks_; }
    std::uint32_t chunks(std::uint32_t fetch) const;
    /// Reduction steps of a chunk of a fetch: step k stands for local channel k / taps, tap k % taps.
    /// The chunk's room in the weight buffer is the same in every unit; `own_steps` are those a unit has
    /// weights for.
    Range chunk_steps(std::uint32_t pass, std::uint32_t fetch, std::uint32_t chunk) const;
    Range own_steps(Unit unit, Range steps) const {
        const std::uint32_t own = g_.local_channels(unit) * g_.taps();
        return {std::min(steps.begin, own), std::min(steps.end, own)};
    }
    /// Which of the pass's groups a step belongs to, and the first step behind that group's.
    std::uint32_t group_index(std::uint32_t pass, std::uint32_t step) const {
        return step / group_steps() - group_set_of(pass) * g_.groups_per_pass;
    }
    std::uint32_t group_end(std::uint32_t step) const { return (step / group_steps() + 1) * group_steps(); }
    bool begins_group(std::uint32_t step) const { return step % group_steps() == 0; }
    /// Bytes of a chunk per unit: [step][filter] words, padded to whole bursts.
    std::uint32_t chunk_bytes(std::uint32_t pass, Range steps) const;
    /// The weights of a pass are one chunk that stays for every tile, so that all are loaded once.
    bool weights_resident() const {
        return chunks_ == 1 && (passes_per_tile() == 1 || g_.order == LoopOrder::filters);
    }
    /// How often all weights are loaded.
    std::uint32_t weight_loads() const { return weights_resident() ? 1 : tiles_; }
    /// No later pass uses the weights that this one has in the buffer.
    bool last_use(std::uint32_t pass) const { return !weights_resident() || tile_of(pass) + 1 == tiles_; }
    /// Calls work(pass, steps, bytes per unit) for each chunk of one load of all weights, in the order of
    /// their use, which is that in memory.
    template <class Work>
    void for_each_chunk(std::uint32_t load, Work work) const {
        for (std::uint32_t index = 0; index < passes_per_tile(); ++index) {
            const std::uint32_t pass = pass_of(load, index);
            for (std::uint32_t fetch = 0; fetch < fetches_; ++fetch) {
                for (std::uint32_t chunk = 0; chunk < chunks(fetch); ++chunk) {
                    const Range steps = chunk_steps(pass, fetch, chunk);
                    work(pass, steps, chunk_bytes(pass, steps));
                }
            }
        }
    }
    /// Bytes per unit of all chunks of all passes over a tile.
    std::uint64_t weight_bytes_per_unit() const;

private:
    /// Of the weights for so many steps and filters.
    std::uint64_t bytes_of(std::uint64_t steps, std::uint32_t filters) const {
        return align_up(steps * filters * g_.word_bytes, 8);
    }
    std::uint64_t fetch_bytes(std::uint32_t channels, std::uint32_t filters) const;
    std::uint32_t group_steps() const { return g_.group_local_channels() * g_.taps(); }
    /// Outputs of a filter: positions in all frames of a pass.
    std::uint32_t points(Unit unit, std::uint32_t pass) const {
        return positions(unit, pass).size() * frames(pass).size();
    }

    LayerGeometry g_;
    std::uint32_t slice_filters_ = 0, slice_positions_ = 0;
    std::uint32_t tiles_ = 0, position_tiles_ = 1, group_sets_ = 1, filter_groups_ = 1, fetches_ = 0,
                  chunks_ = 0;
};

} // namespace hydravp::core
