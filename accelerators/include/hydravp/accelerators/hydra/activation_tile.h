// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::accelerators::hydra {

/// The content of one half of the activation buffer (AB): some rows of some local channels of the input.
class ActivationTile {
public:
    /// Prepares the tile for rows [rows) of the local channels [channels); its words are then filled by
    /// fetches.
    void reset(const core::LayerGeometry& geometry, core::Range channels, core::Range rows, bool keep_data);

    /// Where row `rows().begin` of a local channel goes; rows follow each other without gap.
    std::int16_t* channel(std::uint32_t local_channel) {
        return words_.data() + (local_channel - channels_.begin) * channel_words();
    }
    const std::int16_t* channel(std::uint32_t local_channel) const {
        return words_.data() + (local_channel - channels_.begin) * channel_words();
    }
    core::Range channels() const { return channels_; }
    core::Range rows() const { return rows_; }
    std::size_t channel_words() const { return std::size_t{rows_.size()} * geometry_.in_width; }

    /// Operand of one reduction step (local channel step / taps, tap step % taps) for each output position of
    /// the range, zero in the padding. Writes positions.size() words.
    void gather(std::uint32_t step, core::Range positions, std::int16_t* to) const;
    /// Operands of several reduction steps for one output position, `distance` words apart.
    void gather_steps(core::Range steps, std::uint32_t position, std::int16_t* to,
                      std::size_t distance) const;

private:
    core::LayerGeometry geometry_;
    core::Range channels_, rows_;
    std::vector<std::int16_t> words_;
};

/// One half of the activation buffer: the same rows and channels of one frame after the other.
using FrameTiles = std::vector<ActivationTile>;

} // namespace hydravp::accelerators::hydra
