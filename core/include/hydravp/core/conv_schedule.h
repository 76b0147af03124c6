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

/// Everything that fixes how one convolution (or fully-connected layer, or pooling) is cut into pieces. It is
/// written into the register stack of every unit and of the memory controller, so that all of them walk the
/// same loop nest.
struct LayerGeometry {
    std::uint32_t in_height = 1, in_width = 1;
    std::uint32_t kernel_height = 1, kernel_width = 1;
    std::uint32_t stride_height = 1, stride_width = 1;
    std::uint32_t pad_top = 0, pad_left = 0;
    std::uint32_t out_height = 1, out_width = 1;
    std::uint32_t channels = 1; ///< input channels
    std::uint32_t filters = 1;  ///< output channels

    std::uint32_t units = 1;
    /// units == channel_split * filter_split * position_split. Unit u accumulates the input channels c with
    /// c mod channel_split == u mod channel_split; the units u / channel_split share the outputs.
    std::uint32_t channel_split = 1, filter_split = 1, position_split = 1;

    std::uint32_t tile_positions = 1;     ///< output positions of a pass
    std::uint32_t filter_group = 1;       ///< filters of a pass
    std::uint32_t reduction_chunk = 1;    ///< (channel, tap) steps whose weights fit half a weight buffer
    std::uint32_t channels_per_fetch = 1; ///< channels whose tile fits half an activation buffer
    std::uint32_t lanes = 32;             ///< MACs of a unit

    std::uint32_t positions() const { return out_height * out_width; }
    std::uint32_t taps() const { return kernel_height * kernel_width; }
    /// Input channels of one unit; channel_split divides channels.
    std::uint32_t local_channels() const { return channels / channel_split; }
    std::uint32_t output_slices() const { return filter_split * position_split; }
    /// No field is zero that divides, and the splits fit the units.
    bool executable() const {
        return units > 0 && channel_split > 0 && filter_split > 0 && position_split > 0 && lanes > 0 &&
               channel_split * filter_split * position_split <= units && channels % channel_split == 0 &&
               tile_positions > 0 && filter_group > 0 && reduction_chunk > 0 && channels_per_fetch > 0 &&
               positions() > 0 && taps() > 0 && stride_height > 0 && stride_width > 0 && channels > 0 &&
               filters > 0;
    }
    /// Input rows [begin, end) that an output range needs, padding left out.
    Range input_rows(Range positions) const;
};

/// The loop nest of a layer: tile of output positions, filter group (together a pass), fetch of activations
/// (a group of local channels), chunk of weights. A pure function of the geometry; the units, the weight
/// streamer and the result accumulation unit each walk their own copy and stay in step without talking about
/// it.
class ConvSchedule {
public:
    ConvSchedule() = default;
    explicit ConvSchedule(const LayerGeometry& geometry);

    const LayerGeometry& geometry() const { return g_; }

    std::uint32_t passes() const { return tiles_ * groups_; }
    std::uint32_t tiles() const { return tiles_; }
    std::uint32_t groups() const { return groups_; }
    std::uint32_t tile_of(std::uint32_t pass) const { return pass / groups_; }
    std::uint32_t group_of(std::uint32_t pass) const { return pass % groups_; }

    /// Filters and output positions that `unit` computes in a pass; one of them empty: nothing to do.
    Range filters(Unit unit, std::uint32_t pass) const;
    Range positions(Unit unit, std::uint32_t pass) const;
    /// Outputs of `unit` in a pass.
    std::uint32_t outputs(Unit unit, std::uint32_t pass) const {
        return filters(unit, pass).size() * positions(unit, pass).size();
    }
    /// Groups of `lanes` outputs that the unit works through in a pass, filters and positions taken as one
    /// list.
    std::uint32_t lane_groups(Unit unit, std::uint32_t pass) const {
        return ceil_divide(outputs(unit, pass), g_.lanes);
    }

    /// Filters that the weight layout of a group reserves room for (the same for all units).
    std::uint32_t group_filters(std::uint32_t group) const;

    std::uint32_t fetches() const { return fetches_; }
    /// Local channels of a fetch.
    Range fetch_channels(std::uint32_t fetch) const;
    /// The activations of a pass are those already in the buffer from the pass before.
    bool fetch_resident(std::uint32_t pass) const {
        return fetches_ == 1 && pass > 0 && tile_of(pass) == tile_of(pass - 1);
    }

    /// Weight chunks of one pass, all fetches together; `chunks(fetch)` of them belong to a fetch.
    std::uint32_t chunks() const { return chunks_; }
    std::uint32_t chunks(std::uint32_t fetch) const;
    /// Reduction steps of a chunk of a fetch: step k stands for local channel k / taps, tap k % taps.
    Range chunk_steps(std::uint32_t fetch, std::uint32_t chunk) const;
    /// Bytes of a chunk per unit: [step][filter of the group] words, padded to whole bursts.
    std::uint32_t chunk_bytes(std::uint32_t group, Range steps) const;
    /// All weights of the layer are one chunk: it is loaded once and stays for every tile.
    bool weights_resident() const { return groups_ == 1 && chunks_ == 1; }
    /// Bytes per unit of all chunks of all groups, once.
    std::uint64_t weight_bytes_per_unit() const;

private:
    LayerGeometry g_;
    std::uint32_t slice_filters_ = 0, slice_positions_ = 0;
    std::uint32_t tiles_ = 0, groups_ = 0, fetches_ = 0, chunks_ = 0;
};

} // namespace hydravp::core
