// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cost_model.h"
#include "hydravp/workloads/mapper.h"
#include "hydravp/workloads/network_library.h"

#include "network_maker.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::ConvSchedule;
using core::LayerGeometry;
using core::Unit;
using test::machine_of;
using test::machines;
using test::NamedMachine;
using test::NetworkMaker;

namespace {

MachineShape optimized(MachineShape machine) {
    machine.mapping = Mapping::optimized;
    return machine;
}

/// Every output of every filter is computed once from every channel, within the buffers.
void check_geometry(const LayerGeometry& g, const core::LayerDescriptor& layer, const MachineShape& m) {
    REQUIRE(g.executable());
    REQUIRE(g.channel_split * g.filter_split * g.position_split == m.units);
    const ConvSchedule schedule(g);
    std::uint64_t macs = 0;
    for (std::uint32_t u = 0; u < g.units; ++u) {
        for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
            const std::uint64_t outputs = schedule.outputs(Unit{u}, pass);
            REQUIRE(outputs <= m.output_half_words);
            for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
                for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                    macs += std::uint64_t{schedule.group_outputs(Unit{u}, pass)} *
                            schedule.own_steps(Unit{u}, schedule.chunk_steps(pass, fetch, chunk)).size();
                }
            }
            const std::uint64_t rows = g.input_rows(schedule.positions(Unit{u}, pass)).size();
            REQUIRE(rows * g.in_width * 2 * g.channels_per_fetch * g.frames_per_tile <=
                    m.activation_half_bytes);
        }
    }
    REQUIRE(g.frames == m.frames);
    REQUIRE(macs == m.frames * layer.macs());
    REQUIRE(std::uint64_t{g.reduction_chunk} * g.filter_group * 2 <= m.weight_half_bytes);
}

void check_network(const core::Network& net, MachineShape m) {
    const MappedNetwork mapped = map_network(net, {}, m);
    REQUIRE(m.units % mapped.units == 0);
    m.units = mapped.units; // the others idle
    const auto placed = [&](int index) {
        return index == core::network_input ? mapped.input : mapped.outputs[static_cast<std::size_t>(index)];
    };
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
        CAPTURE(net.layers[i].name);
        const core::LayerWork& work = mapped.layers[i];
        const core::TensorPlacement input = placed(net.layers[i].input);
        REQUIRE((net.layers[i].is_concat() ? work.unit.output : work.unit.input).base ==
                (net.layers[i].is_concat() ? mapped.outputs[i] : input).base);
        // A unit finds its channels, and no others, one after the other in its own chip.
        REQUIRE(work.unit.geometry.channel_split == input.split);
        REQUIRE(m.units % input.split == 0);
        const core::TensorPlacement& output = mapped.outputs[i];
        REQUIRE(output.base / m.bank_bytes == (output.base + output.bytes_per_chip() - 1) / m.bank_bytes);
        if (!net.layers[i].has_weights()) {
            REQUIRE(output.split == input.split);
        } else if (mapped.mapping == Mapping::optimized) {
            check_geometry(work.unit.geometry, net.layers[i], m);
        }
    }
    REQUIRE(channel_splits(mapped).size() == net.layers.size());
}

double estimated(const MappedNetwork& mapped, const MachineShape& m) {
    double sum = 0;
    for (const core::LayerWork& work : mapped.layers) {
        const LayerContext context{work.unit.kind, work.controller.output.split,
                                   work.controller.has_residual != 0};
        sum += m.ideal_transfers ? ideal_latency(work.unit.geometry, context, m)
                                 : estimate_cost(work.unit.geometry, context, m).latency;
    }
    return sum;
}

/// By the estimate, optimized is as good as each of the paper's mappings; returns how much better.
double check_better(const core::Network& net, MachineShape m) {
    const double found = estimated(map_network(net, {}, optimized(m)), m);
    double best = 0;
    for (const Mapping mapping : {Mapping::paper_numbers, Mapping::paper_text}) {
        m.mapping = mapping;
        const double paper = estimated(map_network(net, {}, m), m);
        CHECK(found <= paper * (1 + 1e-12));
        best = best == 0 ? paper : std::min(best, paper);
    }
    return best / found;
}

} // namespace

TEST_CASE("built-in networks: every output is computed once, within the buffers, from the unit's own chip") {
    for (const char* name : {"vgg16", "resnet34-projection", "googlenet"}) {
        for (const std::uint32_t units : {1U, 8U, 16U, 32U}) {
            CAPTURE(name, units);
            check_network(make_network(name), optimized(machine_of(units)));
        }
    }
}

TEST_CASE("random networks: the same, on every machine") {
    for (const NamedMachine& machine : machines()) {
        NetworkMaker maker(17);
        for (int round = 0; round < 20; ++round) {
            CAPTURE(machine.name, round);
            check_network(maker.next(), optimized(machine.shape));
        }
    }
}

TEST_CASE("random networks: the same for batches, on every machine") {
    for (const NamedMachine& machine : machines()) {
        NetworkMaker maker(19);
        for (int round = 0; round < 8; ++round) {
            CAPTURE(machine.name, round);
            MachineShape m = optimized(machine.shape);
            m.frames = maker.from(2, 9);
            check_network(maker.next(), m);
        }
    }
}

TEST_CASE("optimized is estimated to be as good as the paper's mappings, with and without transfer times") {
    for (const NamedMachine& machine : machines()) {
        NetworkMaker maker(29);
        for (int round = 0; round < 12; ++round) {
            CAPTURE(machine.name, round);
            const core::Network net = maker.next();
            MachineShape m = machine.shape;
            check_better(net, m);
            m.ideal_transfers = true;
            check_better(net, m);
        }
    }
    CHECK(check_better(make_network("vgg16"), machine_of(16)) > 1.2);
    CHECK(check_better(make_network("resnet34"), machine_of(16)) > 1.5);
}

TEST_CASE("a channel without a limit makes copies pointless, fast MACs make them worth more") {
    const core::Network net = make_network("resnet34");
    const auto copies = [&](const MachineShape& m) {
        double sum = 0;
        for (const core::TensorPlacement& output : map_network(net, {}, optimized(m)).outputs) {
            sum += static_cast<double>(m.units) / output.split;
        }
        return sum / static_cast<double>(net.layers.size());
    };
    MachineShape wide = machine_of(16);
    wide.channel_slot_ps = wide.row_cycle_ps = wide.pass_latency_ps = wide.turnaround_ps = wide.pcm_slot_ps =
        0.001;
    MachineShape fast = machine_of(16);
    fast.step_ps /= 8;
    CHECK(copies(wide) < copies(machine_of(16)));
    CHECK(copies(fast) > copies(machine_of(16)));
}

TEST_CASE("copies that do not fit are not made") {
    MachineShape m = optimized(machine_of(16));
    const core::Network net = make_network("vgg16");
    m.bank_bytes = 512 * 1024; // the largest tensor takes 401,408 bytes per chip without copies
    const MappedNetwork mapped = map_network(net, {}, m);
    CHECK(mapped.outputs.front().split == 16);
    check_network(net, m);
}
