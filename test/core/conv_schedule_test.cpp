// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/conv_schedule.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
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
        } while (std::uint64_t{g.filters} * g.positions() * g.channels * g.taps() > 200'000);
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

    LayerGeometry any() {
        LayerGeometry g;
        g.kernel_height = from(1, 5);
        g.kernel_width = from(1, 5);
        g.stride_height = from(1, 4);
        g.stride_width = from(1, 4);
        g.pad_top = from(0, 6);
        g.pad_left = from(0, 3);
        const std::uint32_t pad_bottom = from(0, 6);
        const std::uint32_t pad_right = from(0, 3);
        g.in_height = from(g.kernel_height, 17);
        g.in_width = from(g.kernel_width, 17);
        g.out_height = (g.in_height + g.pad_top + pad_bottom - g.kernel_height) / g.stride_height + 1;
        g.out_width = (g.in_width + g.pad_left + pad_right - g.kernel_width) / g.stride_width + 1;
        g.channels = one_of({1U, 2U, 3U, 5U, 6U, 10U, 16U, 24U, 33U, 48U});
        g.filters = from(1, 45);
        g.units = one_of({1U, 2U, 4U, 8U, 12U, 16U, 32U});
        g.channel_split = divisor(g.units, g.channels);
        const std::uint32_t slices = g.units / g.channel_split;
        g.filter_split = divisor(slices, slices);
        g.position_split = slices / g.filter_split;
        g.lanes = one_of({1U, 4U, 7U, 32U});
        g.tile_positions = from(1, g.positions() + 3);
        g.filter_group = from(1, g.filters + 2);
        g.channels_per_fetch = from(1, g.local_channels());
        g.reduction_chunk = from(1, g.channels_per_fetch * g.taps());
        return g;
    }

    std::mt19937_64 random_;
};

constexpr int rounds = 300;

} // namespace

TEST_CASE("every product is computed exactly once, by a unit of its channel's residue class") {
    Geometries geometries(1);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::vector<std::uint8_t> count(std::size_t{g.filters} * g.positions() * g.channels * g.taps());
        bool in_fetch = true;
        for (std::uint32_t u = 0; u < g.units; ++u) {
            const Unit unit{u};
            for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
                const Range filters = schedule.filters(unit, pass);
                const Range positions = schedule.positions(unit, pass);
                REQUIRE(filters.begin <= filters.end);
                REQUIRE(positions.begin <= positions.end);
                REQUIRE(schedule.outputs(unit, pass) == filters.size() * positions.size());
                if (filters.empty() || positions.empty()) {
                    continue;
                }
                REQUIRE(filters.end <= g.filters);
                REQUIRE(positions.end <= g.positions());
                REQUIRE(filters.size() <= schedule.group_filters(schedule.group_of(pass)));
                REQUIRE(positions.size() <= g.tile_positions);
                for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                    const Range fetched = schedule.fetch_channels(fetch);
                    for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                        const Range steps = schedule.chunk_steps(fetch, chunk);
                        for (std::uint32_t step = steps.begin; step < steps.end; ++step) {
                            const std::uint32_t local = step / g.taps();
                            in_fetch &= local >= fetched.begin && local < fetched.end;
                            const std::uint32_t channel = local * g.channel_split + u % g.channel_split;
                            for (std::uint32_t k = filters.begin; k < filters.end; ++k) {
                                for (std::uint32_t p = positions.begin; p < positions.end; ++p) {
                                    ++count[((std::size_t{k} * g.positions() + p) * g.channels + channel) *
                                                g.taps() +
                                            step % g.taps()];
                                }
                            }
                        }
                    }
                }
            }
        }
        REQUIRE(in_fetch);
        REQUIRE(std::all_of(count.begin(), count.end(), [](std::uint8_t n) { return n == 1; }));
    }
}

TEST_CASE("fetches and chunks cut the local channels without gap, none of them empty") {
    Geometries geometries(2);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::uint32_t channel = 0;
        std::uint32_t step = 0;
        std::uint32_t chunks = 0;
        for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
            const Range channels = schedule.fetch_channels(fetch);
            REQUIRE(channels.begin == channel);
            REQUIRE(!channels.empty());
            REQUIRE(channels.size() <= g.channels_per_fetch);
            channel = channels.end;
            REQUIRE(schedule.chunks(fetch) > 0);
            for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk, ++chunks) {
                const Range steps = schedule.chunk_steps(fetch, chunk);
                REQUIRE(steps.begin == step);
                REQUIRE(!steps.empty());
                REQUIRE(steps.size() <= g.reduction_chunk);
                step = steps.end;
            }
            REQUIRE(step == channel * g.taps()); // a chunk never needs the next fetch
        }
        REQUIRE(channel == g.local_channels());
        REQUIRE(chunks == schedule.chunks());
    }
}

TEST_CASE("the units of a slice work on the same outputs, those of other slices on others") {
    Geometries geometries(3);
    for (int round = 0; round < rounds; ++round) {
        const LayerGeometry g = geometries.next();
        const ConvSchedule schedule(g);
        CAPTURE(round);
        std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
        std::size_t outputs = 0;
        for (std::uint32_t slice = 0; slice < g.output_slices(); ++slice) {
            for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
                const Unit first{slice * g.channel_split};
                const Range filters = schedule.filters(first, pass);
                const Range positions = schedule.positions(first, pass);
                for (std::uint32_t i = 1; i < g.channel_split; ++i) {
                    const Unit other{slice * g.channel_split + i};
                    REQUIRE(schedule.filters(other, pass) == filters);
                    REQUIRE(schedule.positions(other, pass) == positions);
                }
                for (std::uint32_t k = filters.begin; k < filters.end; ++k) {
                    for (std::uint32_t p = positions.begin; p < positions.end; ++p, ++outputs) {
                        seen.emplace(k, p);
                    }
                }
            }
        }
        REQUIRE(outputs == seen.size());
        REQUIRE(seen.size() == std::size_t{g.filters} * g.positions());
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
                const std::uint64_t outputs = std::uint64_t{schedule.filters(Unit{u}, pass).size()} *
                                              schedule.positions(Unit{u}, pass).size();
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
        for (std::uint32_t group = 0; group < schedule.groups(); ++group) {
            REQUIRE(schedule.group_filters(group) > 0);
            REQUIRE(schedule.group_filters(group) <= g.filter_group);
            filters += schedule.group_filters(group);
            for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                    const Range steps = schedule.chunk_steps(fetch, chunk);
                    const std::uint32_t words = steps.size() * schedule.group_filters(group);
                    const std::uint32_t bytes = schedule.chunk_bytes(group, steps);
                    REQUIRE(bytes % 8 == 0);
                    REQUIRE(bytes >= words * 2);
                    REQUIRE(bytes < words * 2 + 8);
                    sum += bytes;
                }
            }
        }
        REQUIRE(filters == (g.filters + g.filter_split - 1) / g.filter_split);
        REQUIRE(schedule.weight_bytes_per_unit() == sum);
        REQUIRE(schedule.weights_resident() == (schedule.groups() * schedule.chunks() == 1));
    }
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
                const std::int64_t row =
                    std::int64_t{p / g.out_width} * g.stride_height + k - std::int64_t{g.pad_top};
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
        if (g.stride_height <= g.kernel_height) {
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
            const bool same_tile = schedule.tile_of(pass) == schedule.tile_of(pass - 1);
            REQUIRE(schedule.fetch_resident(pass) ==
                    (same_tile && g.channels_per_fetch == g.local_channels()));
            if (!schedule.fetch_resident(pass)) {
                continue;
            }
            ++resident;
            for (std::uint32_t u = 0; u < g.units; ++u) { // what stays is what the pass needs
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
    REQUIRE(schedule.groups() == 3);
    REQUIRE(schedule.passes() == 9);
    REQUIRE(schedule.filters(Unit{0}, 5) == Range{6, 7});
    REQUIRE(schedule.positions(Unit{0}, 5) == Range{8, 16});
    REQUIRE(schedule.positions(Unit{0}, 8) == Range{16, 20});
    REQUIRE(schedule.lane_groups(Unit{0}, 0) == 1); // 24 outputs on 32 lanes
    REQUIRE(schedule.group_filters(2) == 1);
}
