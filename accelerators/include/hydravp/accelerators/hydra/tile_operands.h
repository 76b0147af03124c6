// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/accelerators/hydra/activation_tile.h"
#include "hydravp/accelerators/hydra/pass_sums.h"
#include "hydravp/core/conv_schedule.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::accelerators::hydra {

/// The words of an activation tile as operands of a convolution, whatever the number of filters.
///
/// Two channels at a time lie together in one list of 32-bit pairs, padding included, cut by the phases of
/// the stride: for every tap the operands of neighbouring output positions are then neighbours, and a tap is
/// a mere offset. The rows of outputs are `pitch` apart; what lies between the end of one and the next
/// belongs to no output.
class TileOperands {
public:
    /// A whole vector reads and writes up to so many words beyond the last.
    static constexpr std::size_t margin = 32;

    /// Takes the words of some channels of `tile` for a range of outputs.
    void load(const core::LayerGeometry& geometry, core::Range positions, const ActivationTile& tile,
              core::Range channels);

    std::uint32_t channels() const { return channels_; }
    std::size_t channel_pairs() const { return (channels_ + 1) / 2; }
    std::uint32_t taps() const { return static_cast<std::uint32_t>(offsets_.size()); }
    std::uint32_t kernel_width() const { return kernel_width_; }
    /// Where the sums of `filters` filters go.
    PassLayout layout(std::uint32_t filters) const;
    std::size_t length() const { return length_; }

    /// Operand of the first position for a pair of channels and a tap; the others follow.
    const std::int32_t* at(std::size_t pair, std::size_t tap) const {
        return words_.data() + pair * plane_ + offsets_[tap];
    }
    /// No position's sum of |words| exceeds this: over all taps of a pair of channels, over the taps of any
    /// one kernel row, over any one tap.
    struct Bounds {
        std::int64_t pair, row, tap;
    };
    const std::vector<Bounds>& bounds() const { return bounds_; }

private:
    void load_channels(const core::LayerGeometry& geometry, const std::int16_t* first,
                       const std::int16_t* second, core::Range rows, std::int32_t* plane) const;

    /// Place in a plane of row `y` (from the origin on) and of the column phase of a residue.
    std::size_t place(std::uint32_t y, std::uint32_t residue) const {
        const std::uint32_t stride = row_stride_;
        const std::size_t phase = std::size_t{row_phases_.place(y % stride)} * column_phases_.count() +
                                  column_phases_.place(residue);
        return (phase * rows_ + y / stride) * pitch_;
    }

    /// Residues of tap * dilation modulo stride that occur, in a list without gaps.
    class Phases {
    public:
        void set(std::uint32_t taps, std::uint32_t dilation, std::uint32_t stride);
        std::uint32_t count() const { return count_; }
        bool used(std::uint32_t residue) const { return places_[residue] != unused; }
        std::uint32_t place(std::uint32_t residue) const { return places_[residue]; }

    private:
        static constexpr std::uint32_t unused = ~0U;
        std::vector<std::uint32_t> places_;
        std::uint32_t count_ = 0;
    };

    std::uint32_t channels_ = 0, kernel_width_ = 1, row_stride_ = 1;
    std::uint32_t positions_ = 0, columns_ = 1, first_column_ = 0, pitch_ = 1;
    std::size_t length_ = 0;
    std::size_t rows_ = 0;    ///< of each phase
    std::size_t plane_ = 0;   ///< words of a pair of channels
    std::int64_t origin_ = 0; ///< input row of the first row
    Phases row_phases_, column_phases_;
    std::vector<std::int16_t> no_channel_; ///< zeros
    std::vector<std::int32_t> words_, magnitudes_;
    std::vector<std::size_t> offsets_; ///< per tap
    std::vector<Bounds> bounds_;
};

} // namespace hydravp::accelerators::hydra
