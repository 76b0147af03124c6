// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/tile_convolution.h"

#include "hydravp/accelerators/hydra/mac_kernel.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::accelerators::hydra;

namespace {

constexpr std::int16_t lowest = std::numeric_limits<std::int16_t>::min();

/// A layer's input in one unit, a range of its outputs and the tile that they need.
struct Case {
    core::LayerGeometry geometry;
    core::Range positions;
    std::vector<std::int16_t> input; ///< channel, row, column
    std::vector<std::int16_t> weights;
    std::size_t filters = 1, stride = 1;
    ActivationTile tile;

    std::int16_t word(std::uint32_t channel, std::int64_t row, std::int64_t column) const {
        const bool inside = row >= 0 && row < geometry.in_height && column >= 0 && column < geometry.in_width;
        return inside ? input[(std::size_t{channel} * geometry.in_height + static_cast<std::size_t>(row)) *
                                  geometry.in_width +
                              static_cast<std::size_t>(column)]
                      : std::int16_t{0};
    }
    /// By the definition of a convolution.
    std::int64_t sum(std::size_t filter, std::uint32_t position) const {
        const core::LayerGeometry& g = geometry;
        std::int64_t sum = 0;
        for (std::uint32_t c = 0; c < g.channels; ++c) {
            for (std::uint32_t ky = 0; ky < g.kernel_height; ++ky) {
                for (std::uint32_t kx = 0; kx < g.kernel_width; ++kx) {
                    const std::int64_t row =
                        std::int64_t{position / g.out_width} * g.stride_height + ky - g.pad_top;
                    const std::int64_t column =
                        std::int64_t{position % g.out_width} * g.stride_width + kx - g.pad_left;
                    const std::size_t step = (std::size_t{c} * g.kernel_height + ky) * g.kernel_width + kx;
                    sum += std::int64_t{weights[step * stride + filter]} * word(c, row, column);
                }
            }
        }
        return sum;
    }
};

template <class Word, class Weight>
Case make_case(std::mt19937& random, Word word, Weight weight) {
    const auto pick = [&](std::uint32_t low, std::uint32_t high) -> std::uint32_t {
        return low + random() % (high - low + 1);
    };
    Case c;
    core::LayerGeometry& g = c.geometry;
    g.kernel_height = pick(1, 5);
    g.kernel_width = pick(1, 5);
    g.stride_height = pick(1, 3);
    g.stride_width = pick(1, 3);
    g.pad_top = pick(0, 3);
    g.pad_left = pick(0, 3);
    g.in_height = pick(g.kernel_height, 20);
    g.in_width = pick(g.kernel_width, 40);
    g.out_height = (g.in_height + g.pad_top + pick(0, 2) - g.kernel_height) / g.stride_height + 1;
    g.out_width = (g.in_width + g.pad_left + pick(0, 2) - g.kernel_width) / g.stride_width + 1;
    g.channels = pick(1, 7);
    c.filters = pick(1, 11);
    c.stride = c.filters + pick(0, 2);
    const std::uint32_t begin = pick(0, g.positions() - 1);
    c.positions = {begin, pick(begin + 1, g.positions())};
    c.input.resize(std::size_t{g.channels} * g.in_height * g.in_width);
    std::generate(c.input.begin(), c.input.end(), word);
    c.weights.resize(std::size_t{g.channels} * g.taps() * c.stride);
    std::generate(c.weights.begin(), c.weights.end(), weight);

    const core::Range rows = g.input_rows(c.positions);
    c.tile.reset(g, {0, g.channels}, rows, true);
    for (std::uint32_t channel = 0; channel < g.channels; ++channel) {
        const auto first =
            c.input.begin() +
            static_cast<std::ptrdiff_t>((std::size_t{channel} * g.in_height + rows.begin) * g.in_width);
        std::copy_n(first, c.tile.channel_words(), c.tile.channel(channel));
    }
    return c;
}

/// Convolves twice, the second time on top of the first; returns whether it could.
bool agrees(const Case& c, TileOperands& operands, ConvolutionScratch& scratch, bool& fits) {
    operands.load(c.geometry, c.positions, c.tile, {0, c.geometry.channels});
    const PassLayout layout = operands.layout(static_cast<std::uint32_t>(c.filters));
    std::vector<std::int64_t> sums(c.filters * layout.filter_distance, 77);
    fits = true;
    for (const bool add : {false, true}) {
        fits = fits && convolve(operands, c.weights.data(), c.stride, c.filters, add, sums.data(),
                                layout.filter_distance, scratch);
    }
    if (!fits) {
        return std::all_of(sums.begin(), sums.end(), [](std::int64_t sum) { return sum == 77; });
    }
    for (std::size_t filter = 0; filter < c.filters; ++filter) {
        const std::uint32_t first_row = c.positions.begin / c.geometry.out_width;
        for (std::uint32_t position = c.positions.begin; position < c.positions.end; ++position) {
            const std::size_t place =
                std::size_t{position / c.geometry.out_width - first_row} * layout.pitch +
                position % c.geometry.out_width - layout.first_column;
            if (sums[filter * layout.filter_distance + place] != 2 * c.sum(filter, position)) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

TEST_CASE("a tile's convolution is exact for words of every size, on every instruction set") {
    for (const std::string& target : mac_kernel_targets()) {
        select_mac_kernel_target(target);
        std::mt19937 random(1);
        TileOperands operands;
        ConvolutionScratch scratch;
        unsigned taken = 0;
        for (unsigned i = 0; i < 400; ++i) {
            const unsigned word_bits = random() % 16;
            const unsigned weight_bits = random() % 16;
            const auto any = [&](unsigned bits) {
                return static_cast<std::int16_t>(static_cast<std::int16_t>(random()) >> (15 - bits));
            };
            const Case c = make_case(
                random, [&] { return any(word_bits); }, [&] { return any(weight_bits); });
            bool fits = false;
            CAPTURE(target, i, word_bits, weight_bits);
            REQUIRE(agrees(c, operands, scratch, fits));
            taken += fits ? 1 : 0;
            CHECK((fits || word_bits + weight_bits >= 28)); // two products below 2^31 - 2^16
        }
        CHECK(taken > 350);
    }
    select_mac_kernel_target("");
}

TEST_CASE("a tile's convolution refuses words whose products could leave 32 bits, and only those") {
    std::mt19937 random(2);
    TileOperands operands;
    ConvolutionScratch scratch;
    bool fits = true;
    Case c = make_case(
        random, [] { return lowest; }, [] { return lowest; });
    c.geometry.pad_top = c.geometry.pad_left = 0;
    REQUIRE(agrees(c, operands, scratch, fits));
    CHECK_FALSE(fits);

    // One product at a time is just below the limit; all blocks are single taps.
    Case single = make_case(
        random, [] { return lowest; }, [] { return std::int16_t{32766}; });
    while (single.geometry.channels != 1) {
        single = make_case(
            random, [] { return lowest; }, [] { return std::int16_t{32766}; });
    }
    REQUIRE(agrees(single, operands, scratch, fits));
    CHECK(fits);
}

TEST_CASE("no position sees more than a tile's bounds say, and some position as much") {
    std::mt19937 random(3);
    for (unsigned i = 0; i < 50; ++i) {
        const Case c = make_case(
            random, [&] { return static_cast<std::int16_t>(random()); }, [] { return std::int16_t{1}; });
        TileOperands operands;
        operands.load(c.geometry, c.positions, c.tile, {0, c.geometry.channels});
        const core::LayerGeometry& g = c.geometry;
        for (std::size_t pair = 0; pair < operands.channel_pairs(); ++pair) {
            std::int64_t most = 0;
            for (std::uint32_t position = c.positions.begin; position < c.positions.end; ++position) {
                std::int64_t sum = 0;
                for (std::uint32_t tap = 0; tap < g.taps(); ++tap) {
                    const std::int64_t row = std::int64_t{position / g.out_width} * g.stride_height +
                                             tap / g.kernel_width - g.pad_top;
                    const std::int64_t column = std::int64_t{position % g.out_width} * g.stride_width +
                                                tap % g.kernel_width - g.pad_left;
                    const auto channel = static_cast<std::uint32_t>(2 * pair);
                    sum += std::abs(std::int64_t{c.word(channel, row, column)});
                    if (channel + 1 < g.channels) {
                        sum += std::abs(std::int64_t{c.word(channel + 1, row, column)});
                    }
                }
                most = std::max(most, sum);
            }
            const TileOperands::Bounds& bounds = operands.bounds()[pair];
            CHECK(bounds.pair >= most); // places between the rows count along
            CHECK(bounds.row <= bounds.pair);
            CHECK(bounds.tap <= bounds.row);
            CHECK(bounds.pair <= std::int64_t{bounds.tap} * g.taps());
        }
    }
}
