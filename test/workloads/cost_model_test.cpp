// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cost_model.h"

#include "hydravp/workloads/mapper.h"
#include "hydravp/workloads/network_library.h"

#include "network_maker.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>

using namespace hydravp;
using namespace hydravp::workloads;
using core::ConvSchedule;
using core::LayerGeometry;
using core::Range;
using core::Unit;
using test::machines;
using test::NamedMachine;
using test::NetworkMaker;

namespace {

/// What a run would count, by walking all passes of all units.
struct Walked {
    std::uint64_t busiest_groups = 0; ///< lane groups of the busiest unit, pass by pass
    std::uint64_t weight_slots = 0;   ///< 64-byte slots: bursts of a unit, rank by rank
    std::uint64_t sum_slots = 0;
    std::uint64_t rows = 0; ///< that results are written to
    std::uint64_t macs = 0;
};

std::uint64_t written_rows(const ConvSchedule& schedule, std::uint32_t pass, std::uint32_t split,
                           const MachineShape& m) {
    const LayerGeometry& g = schedule.geometry();
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>>
        rows; // of a frame: rank, local channel, first position
    for (std::uint32_t unit = 0; unit < g.units; ++unit) {
        const Range positions = schedule.positions(Unit{unit}, pass);
        for (std::uint32_t group = 0; group < schedule.groups(Unit{unit}, pass); ++group) {
            const Range filters = schedule.filters(Unit{unit}, pass, group);
            for (std::uint32_t filter = filters.begin; filter < filters.end && !positions.empty(); ++filter) {
                for (std::uint32_t to = filter % split; to < g.units; to += split) {
                    rows.emplace(to / m.chips_per_rank, filter / split, positions.begin);
                }
            }
        }
    }
    return rows.size() * schedule.frames(pass).size();
}

Walked walk(const LayerGeometry& g, std::uint32_t split, const MachineShape& m) {
    const ConvSchedule schedule(g);
    const std::uint32_t ranks = core::ceil_divide(g.units, m.chips_per_rank);
    Walked w;
    for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
        std::uint32_t groups = 0;
        std::uint32_t most = 0;
        for (std::uint32_t u = 0; u < g.units; ++u) {
            groups = std::max(groups, schedule.lane_groups(Unit{u}, pass));
            most = std::max(most, schedule.outputs(Unit{u}, pass));
            w.macs += std::uint64_t{schedule.outputs(Unit{u}, pass)} *
                      (g.groups == 1 ? g.local_channels(Unit{u}) : g.group_local_channels()) * g.taps();
        }
        w.busiest_groups += groups;
        w.sum_slots += std::uint64_t{ranks} *
                       ((std::uint64_t{most} * static_cast<std::uint32_t>(m.partial_sum_bits) + 63) / 64);
        w.rows += written_rows(schedule, pass, split, m);
        if (pass > 0 && !schedule.last_use(pass - 1)) {
            continue;
        }
        for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
            for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                w.weight_slots += std::uint64_t{ranks} *
                                  schedule.chunk_bytes(pass, schedule.chunk_steps(pass, fetch, chunk)) / 8;
            }
        }
    }
    return w;
}

void check(const LayerGeometry& g, const LayerContext& context, const MachineShape& m) {
    CAPTURE(g.filters, g.out_height, g.out_width, g.channels, g.channel_split, g.filter_split,
            g.position_split, g.tile_positions, g.filter_group, context.output_split);
    const Walked w = walk(g, context.output_split, m);
    const LayerCost cost = estimate_cost(g, context, m);
    const double steps = static_cast<double>(g.pass_channels()) * g.taps();
    REQUIRE(cost.mac == Approx(static_cast<double>(w.busiest_groups) * steps * m.step_ps));
    REQUIRE(ideal_latency(g, context, m) ==
            Approx(static_cast<double>(w.busiest_groups) * steps * m.ideal_step_ps));
    REQUIRE(cost.macs == Approx(static_cast<double>(w.macs)));
    REQUIRE(cost.weight_bytes == Approx(64.0 * static_cast<double>(w.weight_slots)));
    REQUIRE(cost.sum_bytes == Approx(64.0 * static_cast<double>(w.sum_slots)));
    // At least the words themselves, with their copies, at most a burst more at each end of a row's stretch.
    const double words = static_cast<double>(g.frames) * g.filters * g.positions();
    if (g.positions() > 1) {
        const double copies = static_cast<double>(g.units) / context.output_split;
        REQUIRE(cost.result_bytes * (1 + 1e-9) >=
                2 * words * copies * 8 / std::min(8U, m.chips_per_rank) / 8);
        REQUIRE(cost.result_bytes >= 64.0 * static_cast<double>(w.rows));
        REQUIRE(cost.result_bytes <= 64.0 * static_cast<double>(w.rows) * (g.tile_positions / 4 + 2));
    }
    REQUIRE(cost.migration == 0);
    for (const double busy : {cost.mac, cost.chip_bus, cost.channel, cost.pcm, cost.accumulation}) {
        REQUIRE(cost.latency >= busy);
    }
}

} // namespace

TEST_CASE("busy times and traffic are those of walking the schedule, under every mapping") {
    for (const NamedMachine& machine : machines()) {
        for (const Mapping mapping : {Mapping::paper_numbers, Mapping::paper_text, Mapping::optimized}) {
            MachineShape shape = machine.shape;
            shape.mapping = mapping;
            NetworkMaker maker(5);
            for (int round = 0; round < 12; ++round) {
                shape.frames = round % 3 == 0 ? maker.from(2, 6) : 1;
                const core::Network net = maker.next();
                CAPTURE(machine.name, static_cast<int>(mapping), round);
                const MappedNetwork mapped = map_network(net, {}, shape);
                for (const core::LayerWork& work : mapped.layers) {
                    if (work.unit.kind == core::LayerKind::conv ||
                        work.unit.kind == core::LayerKind::fully_connected) {
                        check(
                            work.unit.geometry,
                            {work.unit.kind, work.controller.output.split, work.controller.has_residual != 0},
                            shape);
                    }
                }
            }
        }
    }
}

TEST_CASE("wider sums, slower buses and slower MACs are never estimated faster") {
    const core::Network net = make_network("resnet34");
    const MachineShape base;
    const MappedNetwork mapped = map_network(net, {}, base);
    const auto total = [&](const MachineShape& m) {
        double sum = 0;
        for (const core::LayerWork& work : mapped.layers) {
            sum += estimate_cost(
                       work.unit.geometry,
                       {work.unit.kind, work.controller.output.split, work.controller.has_residual != 0}, m)
                       .latency;
        }
        return sum;
    };
    MachineShape wider = base;
    wider.partial_sum_bits = 48;
    MachineShape slow_channel = base;
    slow_channel.channel_slot_ps *= 2;
    MachineShape slow_chips = base;
    slow_chips.chip_slot_ps *= 2;
    MachineShape slow_macs = base;
    slow_macs.step_ps *= 2;
    for (const MachineShape& slower : {wider, slow_channel, slow_chips, slow_macs}) {
        CHECK(total(slower) > total(base));
    }
}
