// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/activation_tile.h"
#include "hydravp/accelerators/hydra/mac_kernel.h"
#include "hydravp/accelerators/hydra/pass_sums.h"
#include "hydravp/accelerators/hydra/tile_convolution.h"
#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/index.h"

#include <cstdint>
#include <vector>

namespace hydravp::accelerators::hydra {

/// The arithmetic of a unit's MACs, exact and without their time: of one pass after the other it takes the
/// weights chunk by chunk and multiplies all of a fetch at once, while its activations are in the buffer.
///
/// A fully-connected layer, whose weights are used once, is multiplied chunk by chunk.
class MacArray {
public:
    void begin_layer() { loaded_ = false; }
    /// A pass of a layer in which `unit` has outputs; its sums are zero.
    void begin_pass(const core::ConvSchedule& schedule, core::Unit unit, std::uint32_t pass);
    /// The weights of the reduction steps [steps) (channel step / taps, tap step % taps) of the channels in
    /// `tiles`: `stride` words per step, the filters' first. Ascending, and all before `end_fetch`.
    void take(const std::int16_t* weights, std::uint32_t stride, core::Range steps, const FrameTiles& tiles);
    /// Multiplies the weights taken since the last call.
    /// @param same_tiles the tiles and the positions are those of the call before
    void end_fetch(const FrameTiles& tiles, bool same_tiles);

    const std::int64_t* sums() const { return sums_.data(); }
    const PassLayout& layout() const { return layout_; }

private:
    bool shares_activations() const { return positions_.size() == 1; }
    void multiply_list(const std::int16_t* weights, std::uint32_t stride, core::Range steps,
                       const FrameTiles& tiles, std::int64_t* sums);
    void multiply_group(core::Range steps, std::uint32_t frame, const ActivationTile& tile,
                        const TileOperands& operands);
    void multiply_rows(core::Range steps, const std::int16_t* weights, const ActivationTile& tile,
                       std::int64_t* sums);
    /// Calls work(steps) for the steps of one convolution group after the other.
    template <class Work>
    void for_each_group(core::Range steps, Work work) const;

    core::ConvSchedule schedule_;
    std::uint32_t pass_ = 0;
    std::uint32_t groups_ = 0, filters_ = 0, frames_ = 0; ///< of the pass; filters in each group
    core::Range positions_;
    PassLayout layout_;
    std::vector<std::int64_t> sums_; ///< group after group, of each frame after frame

    core::Range steps_; ///< whose weights are here
    std::uint32_t stride_ = 0;
    std::vector<std::int16_t> weights_;
    bool loaded_ = false;
    std::vector<TileOperands> operands_; ///< of the tiles, by convolution group and frame
    ConvolutionScratch convolution_;
    MacScratch scratch_;
    std::vector<std::int16_t> gathered_;
    std::vector<const std::int16_t*> rows_;
};

} // namespace hydravp::accelerators::hydra
