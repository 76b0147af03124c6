// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/conv_schedule.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

using namespace hydravp::core;

namespace {

/// Seeded geometries, mostly unfriendly ones: nothing divides anything unless it must.
class Geometries {
public:
    explicit Geometries(std::uint64_t seed) : random_(seed) {}

    LayerGeometry next() {
        LayerGeometry g;
        do {
            g = any();
        } while (std::uint64_t{g.frames} * g.filters * g.positions() * g.group_channels() * g.taps() >
                 300'000);
        return g;
    }
    std::uint32_t from(std::uint32_t least, std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
    }

private:
    template <class T>
    T one_of(std::initializer_list<T> list) {
        return *(list.begin() + from(0, static_cast<std::uint32_t>(list.size()) - 1));
    }
    /// A number that divides both.
    std::uint32_t divisor(std::uint32_t a, std::uint32_t b) {
        std::vector<std::uint32_t> all;
        for (std::uint32_t d = 1; d <= std::min(a, b); ++d) {
            if (a % d == 0 && b % d == 0) {
                all.push_back(d);
            }
        }
        return all[from(0, static_cast<std::uint32_t>(all.size()) - 1)];
    }

    /// Groups and residue classes: either divides the other, if there is more than one group.
    void set_groups(LayerGeometry& g) {
        if (from(0, 1) == 0) {
            g.channel_split = divisor(g.units, g.channels);
            return;
        }
        g.groups = divisor(g.channels, g.channels);
        g.filters = g.groups * from(1, std::max(2U, 45 / g.groups));
        do {
            g.channel_split = divisor(g.units, g.units);
        } while (g.group_channels() % g.channel_split != 0 && g.channel_split % g.group_channels() != 0);
        g.groups_per_pass = divisor(g.local_groups(), g.local_groups());
    }

    LayerGeometry any() {
        LayerGeometry g;
        g.dilation_height = from(1, 3);
        g.dilation_width = from(1, 3);
        g.kernel_height = from(1, 5);
        g.kernel_width = from(1, 5);
        g.stride_height = from(1, 4);
        g.stride_width = from(1, 4);
        g.pad_top = from(0, 6);
        g.pad_left = from(0, 3);
        const std::uint32_t pad_bottom = from(0, 6);
        const std::uint32_t pad_right = from(0, 3);
        const std::uint32_t span_height = (g.kernel_height - 1) * g.dilation_height + 1;
        const std::uint32_t span_width = (g.kernel_width - 1) * g.dilation_width + 1;
        g.in_height = from(span_height, 17);
        g.in_width = from(span_width, 17);
        g.out_height = (g.in_height + g.pad_top + pad_bottom - span_height) / g.stride_height + 1;
        g.out_width = (g.in_width + g.pad_left + pad_right - span_width) / g.stride_width + 1;
        g.channels = one_of({1U, 2U, 3U, 5U, 6U, 10U, 16U, 24U, 33U, 48U});
        g.filters = from(1, 45);
        g.units = one_of({1U, 2U, 4U, 8U, 12U, 16U, 32U});
        set_groups(g);
        const std::uint32_t slices = g.units / g.channel_split;
        g.filter_split = divisor(slices, slices);
        g.position_split = slices / g.filter_split;
        g.lanes = one_of({1U, 4U, 7U, 32U});
        g.tile_positions = from(1, g.positions() + 3);
        g.frames = static_cast<std::uint16_t>(from(0, 1) == 0 ? 1 : from(2, 5));
        g.frames_per_tile = static_cast<std::uint16_t>(from(1, g.frames));
        g.filter_group = from(1, g.group_filters() + 2);
        g.channels_per_fetch = from(1, g.pass_channels());
        g.reduction_chunk = from(1, g.channels_per_fetch * g.taps());
        if (from(0, 2) == 0) {
            g.order = LoopOrder::filters;
            g.channels_per_fetch = g.pass_channels();
            g.reduction_chunk = g.pass_channels() * g.taps();
        }
        return g;
    }

    std::mt19937_64 random_;
};

constexpr int rounds = 300;

} // namespace

TEST_CASE("every product is computed exactly once, by a unit of its channel's residue class") {
    Geometries geometries(1);
    int grouped = 0;
    int depthwise = 0;
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        REQUIRE(g.executable());
        grouped += g.groups > 1 ? 1 : 0;
        depthwise += g.groups > 1 && g.groups == g.channels ? 1 : 0;
        const std::uint32_t seen_channels = g.channels / g.groups; // by each filter
        const std::uint32_t filters_of_group = g.filters / g.groups;
        CAPTURE(round);
        std::vector<std::uint8_t> count(std::size_t{g.frames} * g.filters * g.positions() * seen_channels *
                                        g.taps());
        bool in_fetch = true;
        bool in_group = true;
        for (std::uint32_t u = 0; u < g.units; ++u) {
            const Unit unit{u};
            for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
                const Range positions = schedule.positions(unit, pass);
                REQUIRE(positions.begin <= positions.end);
                REQUIRE(positions.end <= std::max(g.positions(), positions.begin));
                REQUIRE(positions.size() <= g.tile_positions);
                const Range frames = schedule.frames(pass);
                REQUIRE(!frames.empty());
                REQUIRE(frames.end <= g.frames);
                REQUIRE(frames.size() <= g.frames_per_tile);
                std::uint32_t outputs = 0;
                for (std::uint32_t i = 0; i < schedule.groups(unit, pass); ++i) {
                    const Range filters = schedule.filters(unit, pass, i);
                    REQUIRE(filters.begin <= filters.end);
                    REQUIRE(filters.end <= g.filters);
                    REQUIRE(filters.size() <= schedule.step_filters(pass));
                    outputs += filters.size() * positions.size() * frames.size();
                }
                const bool has_channels = u % g.channel_split < g.channels;
                REQUIRE(schedule.outputs(unit, pass) == (has_channels ? outputs : 0));
                for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                    const Range fetched = schedule.fetch_channels(pass, fetch);
                    for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                        const Range steps =
                            schedule.own_steps(unit, schedule.chunk_steps(pass, fetch, chunk));
                        for (std::uint32_t step = steps.begin; step < steps.end; ++step) {
                            const std::uint32_t local = step / g.taps();
                            in_fetch &= local >= fetched.begin && local < fetched.end;
                            const std::uint32_t channel = local * g.channel_split + u % g.channel_split;
                            const Range filters =
                                schedule.filters(unit, pass, schedule.group_index(pass, step));
                            for (std::uint32_t k = filters.begin; k < filters.end; ++k) {
                                in_group &= k / filters_of_group == channel / seen_channels;
                                for (std::uint32_t p = positions.begin; p < positions.end; ++p) {
                                    for (std::uint32_t f = frames.begin; f < frames.end; ++f) {
                                        const std::size_t output =
                                            (std::size_t{f} * g.filters + k) * g.positions() + p;
                                        ++count[(output * seen_channels + channel % seen_channels) *
                                                    g.taps() +
                                                step % g.taps()];
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        REQUIRE(in_fetch);
        REQUIRE(in_group);
        REQUIRE(std::all_of(count.begin(), count.end(), [](std::uint8_t n) { return n == 1; }));
    }
    REQUIRE(grouped > rounds / 4);
    REQUIRE(depthwise > rounds / 20);
}

TEST_CASE("fetches and chunks cut the local channels without gap, none of them empty") {
    Geometries geometries(2);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::uint32_t set_begin = 0;
        for (std::uint32_t index = 0; index < schedule.passes_per_tile(); ++index) {
            const std::uint32_t pass = schedule.pass_of(0, index);
            std::uint32_t channel = set_begin;
            std::uint32_t step = channel * g.taps();
            std::uint32_t chunks = 0;
            for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                const Range channels = schedule.fetch_channels(pass, fetch);
                REQUIRE(channels.begin == channel);
                REQUIRE(!channels.empty());
                REQUIRE(channels.size() <= g.channels_per_fetch);
                channel = channels.end;
                REQUIRE(schedule.chunks(fetch) > 0);
                for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk, ++chunks) {
                    const Range steps = schedule.chunk_steps(pass, fetch, chunk);
                    REQUIRE(steps.begin == step);
                    REQUIRE(!steps.empty());
                    REQUIRE(steps.size() <= g.reduction_chunk);
                    step = steps.end;
                }
                REQUIRE(step == channel * g.taps()); // a chunk never needs the next fetch
            }
            REQUIRE(chunks == schedule.chunks());
            if (schedule.filter_group_of(pass) + 1 == schedule.filter_groups()) {
                set_begin = channel; // the next set of groups goes on here
            }
        }
        REQUIRE(set_begin == g.local_channels());
    }
}

TEST_CASE("the units of a slice work on the same outputs, those of other slices on others") {
    Geometries geometries(3);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> seen; // frame, filter, position
        std::size_t outputs = 0;
        for (std::uint32_t slice = 0; slice < g.output_slices(); ++slice) {
            for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
                const Unit first = g.first_unit(slice);
                const Range positions = schedule.positions(first, pass);
                for (std::uint32_t i = 0; i < schedule.groups(first, pass); ++i) {
                    const Range filters = schedule.filters(first, pass, i);
                    for (std::uint32_t n = 1; n < g.contributors(); ++n) {
                        const Unit other{first.value() + std::size_t{n}};
                        REQUIRE(schedule.groups(other, pass) == schedule.groups(first, pass));
                        REQUIRE(schedule.filters(other, pass, i) == filters);
                        REQUIRE(schedule.positions(other, pass) == positions);
                    }
                    for (std::uint32_t k = filters.begin; k < filters.end; ++k) {
                        for (std::uint32_t p = positions.begin; p < positions.end; ++p) {
                            for (std::uint32_t f = schedule.frames(pass).begin; f < schedule.frames(pass).end;
                                 ++f, ++outputs) {
                                seen.emplace(f, k, p);
                            }
                        }
                    }
                }
            }
        }
        REQUIRE(outputs == seen.size());
        REQUIRE(seen.size() == std::size_t{g.frames} * g.filters * g.positions());
    }
}

TEST_CASE("slices of positions begin with a whole lane group") {
    Geometries geometries(4);
    int split = 0;
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        if (g.position_split == 1) {
            continue;
        }
        ++split;
        const ConvSchedule schedule(g);
        CAPTURE(round);
        for (std::uint32_t u = 0; u < g.units; ++u) {
            const Range first = schedule.positions(Unit{u}, 0);
            REQUIRE((first.empty() || first.begin % g.lanes == 0));
        }
    }
    REQUIRE(split > 20);
}

TEST_CASE("unit 0 is never less busy than any other, and lanes are the only thing rounded up") {
    Geometries geometries(5);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            for (std::uint32_t u = 0; u < g.units; ++u) {
                const std::uint64_t outputs = schedule.group_outputs(Unit{u}, pass);
                const std::uint64_t groups = schedule.lane_groups(Unit{u}, pass);
                REQUIRE(groups * g.lanes >= outputs);
                REQUIRE((groups == 0 || (groups - 1) * g.lanes < outputs));
                REQUIRE(groups <= schedule.lane_groups(Unit{0}, pass));
            }
        }
    }
}

TEST_CASE("chunks are whole bursts that hold their words, and their sum is the layer's weight bytes") {
    Geometries geometries(6);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::uint64_t sum = 0;
        std::uint32_t filters = 0;
        for (std::uint32_t index = 0; index < schedule.passes_per_tile(); ++index) {
            const std::uint32_t pass = schedule.pass_of(0, index);
            REQUIRE(schedule.step_filters(pass) > 0);
            REQUIRE(schedule.step_filters(pass) <= g.filter_group);
            filters += schedule.step_filters(pass);
            for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                    const Range steps = schedule.chunk_steps(pass, fetch, chunk);
                    const std::uint32_t words = steps.size() * schedule.step_filters(pass);
                    const std::uint32_t bytes = schedule.chunk_bytes(pass, steps);
                    REQUIRE(bytes % 8 == 0);
                    REQUIRE(bytes >= words * 2);
                    REQUIRE(bytes < words * 2 + 8);
                    sum += bytes;
                }
            }
        }
        REQUIRE(filters ==
                (g.filters / g.groups + g.filter_split - 1) / g.filter_split * schedule.group_sets());
        REQUIRE(schedule.weight_bytes_per_unit() == sum);
        REQUIRE(schedule.weights_resident() == (schedule.chunks() == 1 && (schedule.passes_per_tile() == 1 ||
                                                                           g.order == LoopOrder::filters)));
    }
}

TEST_CASE("weights stay from one pass to the next as long as it needs the same") {
    Geometries geometries(10);
    int staying = 0;
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::uint32_t loads = 0; // of the weights of a pass
        bool in_buffer = false;
        std::set<std::pair<std::uint32_t, std::uint32_t>> passes;
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            passes.emplace(schedule.tile_of(pass), schedule.index_of(pass));
            REQUIRE(schedule.pass_of(schedule.tile_of(pass), schedule.index_of(pass)) == pass);
            loads += in_buffer ? 0 : 1;
            if (in_buffer) {
                ++staying;
                REQUIRE(schedule.chunks() == 1);
                for (std::uint32_t u = 0; u < g.units; ++u) {
                    for (std::uint32_t i = 0; i < schedule.groups(Unit{u}, pass); ++i) {
                        REQUIRE(schedule.filters(Unit{u}, pass, i) == schedule.filters(Unit{u}, pass - 1, i));
                    }
                }
                REQUIRE(schedule.chunk_steps(pass, 0, 0) == schedule.chunk_steps(pass - 1, 0, 0));
            }
            in_buffer = !schedule.last_use(pass);
        }
        REQUIRE_FALSE(in_buffer);
        REQUIRE(loads == schedule.weight_loads() * schedule.passes_per_tile());
        REQUIRE(passes.size() == schedule.passes()); // each pair of a tile and an index once
    }
    REQUIRE(staying > 100);
}

TEST_CASE("input rows are those that some tap of some position touches") {
    Geometries geometries(7);
    int overlapping = 0;
    for (int round = 0; round < 20 * rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const std::uint32_t begin = geometries.from(0, g.positions() - 1);
        const Range positions{begin, geometries.from(begin + 1, g.positions())};
        std::set<std::int64_t> needed;
        for (std::uint32_t p = positions.begin; p < positions.end; ++p) {
            for (std::uint32_t k = 0; k < g.kernel_height; ++k) {
                const std::int64_t row = std::int64_t{p / g.out_width} * g.stride_height +
                                         std::int64_t{k} * g.dilation_height - std::int64_t{g.pad_top};
                if (row >= 0 && row < std::int64_t{g.in_height}) {
                    needed.insert(row);
                }
            }
        }
        const Range rows = g.input_rows(positions);
        CAPTURE(round, g.in_height, g.kernel_height, g.stride_height, g.pad_top, positions.begin,
                positions.end, rows.begin, rows.end);
        REQUIRE(rows.begin <= rows.end);
        REQUIRE(rows.end <= g.in_height);
        if (!needed.empty()) { // a window that steps over rows may fetch those as well
            REQUIRE(rows.begin <= *needed.begin());
            REQUIRE(rows.end > *needed.rbegin());
        }
        if (g.dilation_height == 1 && g.stride_height <= g.kernel_height) {
            ++overlapping;
            REQUIRE(rows.size() == needed.size());
        }
    }
    REQUIRE(overlapping > 1000);
    REQUIRE(LayerGeometry{}.input_rows({3, 3}).empty());
}

TEST_CASE("activations stay only from one pass of a tile to the next, and if they fit at once") {
    Geometries geometries(8);
    int resident = 0;
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        REQUIRE_FALSE(schedule.fetch_resident(0));
        for (std::uint32_t pass = 1; pass < schedule.passes(); ++pass) {
            const bool same = schedule.tile_of(pass) == schedule.tile_of(pass - 1) &&
                              schedule.group_set_of(pass) == schedule.group_set_of(pass - 1);
            REQUIRE(schedule.fetch_resident(pass) == (same && g.channels_per_fetch == g.pass_channels()));
            if (!schedule.fetch_resident(pass)) {
                continue;
            }
            ++resident;
            for (std::uint32_t u = 0; u < g.units; ++u) { // what stays is what the pass needs
                REQUIRE(schedule.frames(pass) == schedule.frames(pass - 1));
                REQUIRE(schedule.positions(Unit{u}, pass) == schedule.positions(Unit{u}, pass - 1));
                REQUIRE((schedule.outputs(Unit{u}, pass) == 0 || schedule.outputs(Unit{u}, pass - 1) > 0));
            }
        }
    }
    REQUIRE(resident > 100);
}

TEST_CASE("passes take the filter groups of a tile one after the other") {
    LayerGeometry g;
    g.out_height = 4;
    g.out_width = 5;
    g.filters = 7;
    g.tile_positions = 8;
    g.filter_group = 3;
    const ConvSchedule schedule(g);
    REQUIRE(schedule.tiles() == 3);
    REQUIRE(schedule.filter_groups() == 3);
    REQUIRE(schedule.passes() == 9);
    REQUIRE(schedule.filters(Unit{0}, 5) == Range{6, 7});
    REQUIRE(schedule.positions(Unit{0}, 5) == Range{8, 16});
    REQUIRE(schedule.positions(Unit{0}, 8) == Range{16, 20});
    REQUIRE(schedule.lane_groups(Unit{0}, 0) == 1); // 24 outputs on 32 lanes
    REQUIRE(schedule.step_filters(2) == 1);
}

TEST_CASE("passes take the tiles of a filter group one after the other if filters are outside") {
    LayerGeometry g;
    g.out_height = 4;
    g.out_width = 5;
    g.filters = 7;
    g.tile_positions = 8;
    g.filter_group = 3;
    g.order = LoopOrder::filters;
    const ConvSchedule schedule(g);
    REQUIRE(schedule.passes() == 9);
    REQUIRE(schedule.filters(Unit{0}, 5) == Range{3, 6});
    REQUIRE(schedule.positions(Unit{0}, 5) == Range{16, 20});
    REQUIRE(schedule.filters(Unit{0}, 6) == Range{6, 7});
    REQUIRE_FALSE(schedule.last_use(4));
    REQUIRE(schedule.last_use(5));
    REQUIRE_FALSE(schedule.tiles_stay());
    g.channels = 2;
    REQUIRE_FALSE(g.executable()); // a second chunk would not find the first one's weights again
}

TEST_CASE("a depthwise layer's residue classes make outputs of their own, group after group") {
    LayerGeometry g;
    g.out_height = g.out_width = 4;
    g.kernel_height = g.kernel_width = 3;
    g.channels = g.filters = g.groups = 12;
    g.units = g.channel_split = 4;
    g.tile_positions = 16;
    g.channels_per_fetch = 3;
    g.reduction_chunk = 9;
    REQUIRE(g.blocks() == 4);
    REQUIRE(g.local_groups() == 3);
    REQUIRE(g.contributors() == 1);
    const ConvSchedule one(g);
    REQUIRE(one.passes() == 3);
    REQUIRE(one.filters(Unit{2}, 1) == Range{6, 7}); // local channel 1 of class 2
    REQUIRE(one.fetch_channels(1, 0) == Range{1, 2});
    g.groups_per_pass = 3;
    const ConvSchedule all(g);
    REQUIRE(all.passes() == 1);
    REQUIRE(all.filters(Unit{2}, 0, 1) == Range{6, 7});
    REQUIRE(all.outputs(Unit{2}, 0) == 48);
    REQUIRE(all.lane_groups(Unit{2}, 0) == 1); // 16 outputs of a step's channel on 32 lanes
}
