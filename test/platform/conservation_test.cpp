// SPDX-License-Identifier: Apache-2.0
// What goes in comes out: traffic, work, energy and busy times of whole frames, read from the modules'
// meters, against what the loop nest of each layer says. The expectation is found by walking the nest,
// without the code that moves or estimates anything.
#include "hydravp/core/time.h"
#include "hydravp/platform/reproduction.h"
#include "hydravp/platform/results_collector.h"
#include "hydravp/platform/results_writer.h"
#include "hydravp/workloads/network_library.h"

#include "inference_rig.h"
#include "program.h"
#include "timed_frame.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using core::ConvSchedule;
using core::Range;
using core::Unit;
using core::WeightSource;
using platform::PlatformConfig;
using test::metered;
using test::simulate;
using test::TimedFrame;

namespace {

/// One layer's traffic by its schedule.
struct Expected {
    double macs = 0;
    double pcm_bytes = 0;         ///< biases and weights that leave the PCM
    double fetched = 0;           ///< bytes that units read from their chips
    double pooled = 0;            ///< bytes that units write into their chips
    double unit_bursts = 0;       ///< of both, on the internal buses
    double weight_slots = 0;      ///< of the channel: weights to the units or into their chips
    double sum_slots = 0;         ///< of the channel: partial sums
    double control_slots = 0;     ///< of the channel: registers, START, releases of output buffers
    double activation_words = 0;  ///< results with all their copies
    double migrated_words = 0;    ///< weights copied into the units' chips
    std::vector<double> mac_busy; ///< of each unit, in ps
};

/// Walks one layer as units and controller have to.
class Walk {
public:
    Walk(const core::LayerWork& work, const PlatformConfig& config)
        : unit_(work.unit),
          controller_(work.controller),
          g_(work.unit.geometry),
          schedule_(g_),
          config_(config),
          chips_(config.memory.dram.geometry.chips_per_rank),
          ranks_(core::ceil_divide(g_.units, chips_)),
          pooling_(unit_.kind == core::LayerKind::max_pool || unit_.kind == core::LayerKind::average_pool) {}

    Expected expected() {
        constexpr double register_writes = 2; // PUSH and START
        e_.control_slots = (register_writes + slots(sizeof(core::UnitRegisters))) * ranks_;
        for (std::uint32_t unit = 0; unit < g_.units; ++unit) {
            compute(Unit{unit});
        }
        e_.mac_busy.resize(config_.hydra.units, 0); // the mapping may leave some idle
        if (!pooling_) {
            weights();
            sums();
            results();
        }
        return e_;
    }

private:
    double slots(std::uint64_t bytes_per_chip) const {
        return static_cast<double>(core::ceil_divide(static_cast<std::uint32_t>(bytes_per_chip),
                                                     config_.memory.dram.geometry.burst_bytes()));
    }
    std::uint32_t units_in(std::uint32_t rank) const { return std::min(chips_, g_.units - rank * chips_); }

    /// A unit's access to its chip: row by row, each in whole bursts.
    void chip_access(std::uint64_t address, std::uint64_t bytes, double& account) {
        const memory::Geometry& g = config_.memory.dram.geometry;
        account += static_cast<double>(bytes);
        for (std::uint64_t end = address + bytes; address < end;) {
            const std::uint64_t row_end = std::min(end, (address / g.row_bytes + 1) * g.row_bytes);
            const std::uint64_t first = address / g.burst_bytes();
            e_.unit_bursts += static_cast<double>((row_end - 1) / g.burst_bytes() - first + 1);
            address = row_end;
        }
    }

    void compute(Unit unit) {
        double busy = 0;
        for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
            const bool works = pooling_ || schedule_.outputs(unit, pass) > 0;
            for (std::uint32_t fetch = 0; works && fetch < schedule_.fetches(); ++fetch) {
                const Range channels = schedule_.fetch_channels(unit, pass, fetch);
                if (pooling_ || !schedule_.fetch_resident(pass)) {
                    fetch_tile(schedule_.positions(unit, pass), channels);
                }
                if (pooling_) {
                    write_pooled(schedule_.positions(unit, pass), channels);
                    continue;
                }
                const double steps = static_cast<double>(channels.size()) * g_.taps();
                e_.macs += steps * schedule_.group_outputs(unit, pass);
                busy += steps * schedule_.lane_groups(unit, pass) *
                        static_cast<double>(config_.hydra.step_time().count());
            }
        }
        e_.mac_busy.push_back(busy);
    }

    void fetch_tile(Range positions, Range channels) {
        const Range rows = g_.input_rows(positions);
        const std::uint64_t bytes = std::uint64_t{rows.size()} * g_.in_width * 2;
        if (bytes == 0 || channels.empty()) {
            return;
        }
        const core::TensorPlacement& from = unit_.input;
        const std::uint64_t first = from.base + std::uint64_t{channels.begin} * from.plane_bytes +
                                    std::uint64_t{rows.begin} * g_.in_width * 2;
        if (bytes == from.plane_bytes) { // whole planes, one behind the other
            chip_access(first, bytes * channels.size(), e_.fetched);
            return;
        }
        for (std::uint32_t c = 0; c < channels.size(); ++c) {
            chip_access(first + std::uint64_t{c} * from.plane_bytes, bytes, e_.fetched);
        }
    }

    void write_pooled(Range positions, Range channels) {
        const core::TensorPlacement& to = unit_.output;
        const std::uint64_t first = to.base + std::uint64_t{channels.begin} * to.plane_bytes;
        if (positions.size() == g_.positions() && channels.size() > 1) { // planes with the gaps between them
            chip_access(first,
                        std::uint64_t{channels.size() - 1} * to.plane_bytes +
                            std::uint64_t{g_.positions()} * 2,
                        e_.pooled);
            return;
        }
        for (std::uint32_t c = 0; c < channels.size(); ++c) {
            chip_access(first + std::uint64_t{c} * to.plane_bytes + std::uint64_t{positions.begin} * 2,
                        std::uint64_t{positions.size()} * 2, e_.pooled);
        }
    }

    /// Calls use(chip-local address, bytes per unit) for each chunk, in the order of its use.
    template <class Use>
    void for_each_chunk(Use use) const {
        std::uint64_t address = unit_.weights_base;
        for (std::uint32_t index = 0; index < schedule_.passes_per_tile(); ++index) {
            const std::uint32_t pass = schedule_.pass_of(0, index);
            for (std::uint32_t fetch = 0; fetch < schedule_.fetches(); ++fetch) {
                for (std::uint32_t chunk = 0; chunk < schedule_.chunks(fetch); ++chunk) {
                    const std::uint32_t bytes =
                        schedule_.chunk_bytes(pass, schedule_.chunk_steps(pass, fetch, chunk));
                    use(address, bytes);
                    address += bytes;
                }
            }
        }
    }

    void weights() {
        const std::uint32_t times = schedule_.weight_loads();
        const WeightSource source = unit_.weight_source;
        if (source != WeightSource::resident) {
            e_.pcm_bytes = static_cast<double>(core::bias_block_bytes(g_.filters));
        }
        for_each_chunk([&](std::uint64_t address, std::uint32_t bytes) {
            if (source != WeightSource::resident) {
                const double crossings = source == WeightSource::stream ? times : 1;
                e_.pcm_bytes += crossings * bytes * g_.units;
                e_.weight_slots += crossings * ranks_ * slots(bytes);
            }
            if (source == WeightSource::migrate) {
                e_.migrated_words += bytes / 2.0 * g_.units;
            }
            for (std::uint32_t i = 0; source != WeightSource::stream && i < times * g_.units; ++i) {
                chip_access(address, bytes, e_.fetched);
            }
        });
    }

    /// A rank's units are read at once, as long as the one that holds most, and released.
    void sums() {
        for (std::uint32_t pass = 0; pass < schedule_.passes(); ++pass) {
            for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
                std::uint32_t most = 0;
                for (std::uint32_t i = 0; i < units_in(rank); ++i) {
                    most = std::max(most, schedule_.outputs(Unit{rank * chips_ + i}, pass));
                }
                e_.sum_slots += slots(std::uint64_t{most} * (unit_.partial_sum_bits / 8));
                e_.control_slots += most > 0 ? 1 : 0;
            }
        }
    }

    void results() {
        const core::TensorPlacement& to = controller_.output;
        for (std::uint32_t filter = 0; filter < g_.filters; ++filter) {
            for (std::uint32_t unit = filter % to.split; unit < g_.units; unit += to.split) {
                e_.activation_words += g_.positions();
            }
        }
    }

    const core::UnitRegisters& unit_;
    const core::LayerRegisters& controller_;
    const core::LayerGeometry& g_;
    ConvSchedule schedule_;
    const PlatformConfig& config_;
    std::uint32_t chips_, ranks_;
    bool pooling_;
    Expected e_;
};

/// The channel's data bus is busy exactly as long as its bytes take, layer by layer.
void check_channel(const memory::Channel& channel, const std::string& kind, const std::string& busy,
                   std::size_t layers, const modules::MemoryConfig& memory, bool timed) {
    const double slot_bytes = memory.geometry.burst_bytes() * memory.geometry.chips_per_rank;
    const double slot_ps = timed ? static_cast<double>(memory.technology.burst_time().count()) : 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        const double bytes =
            metered(channel, kind + "_bus_read", layer) + metered(channel, kind + "_bus_written", layer);
        CAPTURE(channel.name(), layer, bytes);
        REQUIRE(std::fmod(bytes, slot_bytes) == 0);
        REQUIRE(metered(channel, busy, layer) == bytes / slot_bytes * slot_ps);
    }
}

void check_layer(TimedFrame& frame, const PlatformConfig& config, std::size_t i) {
    const core::LayerDescriptor& layer = frame.network().layers[i];
    const core::LayerWork& work = frame.mapped().layers[i];
    const Expected e = Walk(work, config).expected();
    CAPTURE(i, layer.name, core::to_string(layer.kind));
    platform::HybridPlatform& machine = frame.machine();
    const std::string chips = memory::to_string(config.memory.dram.technology.kind);
    const auto in_chips = [&](const std::string& account) {
        return metered(machine.dram, chips + account, i);
    };

    // Work.
    REQUIRE(e.macs == static_cast<double>(layer.macs()));
    REQUIRE(metered(machine, "macs", i) == e.macs);
    REQUIRE(metered(machine, "weight_words", i) == static_cast<double>(layer.weights()));
    REQUIRE(metered(machine, "output_words", i) ==
            (layer.is_pool() ? 0 : static_cast<double>(layer.out.words())));
    for (std::size_t unit = 0; unit < machine.units.size(); ++unit) {
        CAPTURE(unit);
        REQUIRE(metered(*machine.units[unit], "mac", i) == e.mac_busy[unit]);
    }

    // Weights out of the PCM: what the schedule asks for, and each of them at least once.
    double pcm_read = 0;
    double pcm_slots = 0;
    for (const auto& channel : machine.pcm) {
        pcm_read += metered(*channel, "pcm_read", i);
        pcm_slots += metered(*channel, "pcm_bus_read", i);
        REQUIRE(metered(*channel, "pcm_bus_written", i) == 0);
        REQUIRE(metered(*channel, "pcm_written", i) == 0);
    }
    REQUIRE(pcm_read == e.pcm_bytes);
    REQUIRE(pcm_slots >= pcm_read);
    if (config.weights != WeightSource::resident) {
        REQUIRE(pcm_read >= 2.0 * static_cast<double>(layer.weights()));
    } else {
        REQUIRE(e.fetched >= 2.0 * static_cast<double>(layer.weights()));
    }

    // Into the units' chips.
    REQUIRE(in_chips("_words_activation") == e.activation_words);
    REQUIRE(in_chips("_words_pool") == e.pooled / 2);
    REQUIRE(in_chips("_words_migration") == e.migrated_words);
    REQUIRE(in_chips("_words_host") == 0);
    REQUIRE(in_chips("_written") == 2 * (e.activation_words + e.migrated_words) + e.pooled);

    // Out of them: a unit's own reads, shortcuts, and biases where they are resident.
    constexpr double bias_bytes = 8;
    double others = in_chips("_read") - e.fetched;
    if (config.weights == WeightSource::resident && layer.has_weights()) {
        const double in_rank =
            std::min<std::uint32_t>(config.memory.dram.geometry.chips_per_rank, work.unit.geometry.units);
        others -= std::ceil(layer.out.channels / in_rank) * in_rank * bias_bytes;
    }
    if (layer.residual) {
        const core::TensorShape& source = frame.network().shape_of(layer.residual->source);
        REQUIRE(others >= 2.0 * static_cast<double>(std::min(source.channels, layer.out.channels) *
                                                    layer.out.positions()));
    } else {
        REQUIRE(others == 0);
    }

    // Over the channel, slot by slot. A row of results shares slots with those of other chips and may begin
    // and end within a slot.
    constexpr double slot_bytes = 64;
    const double written = in_chips("_bus_written") / slot_bytes - e.weight_slots - e.control_slots;
    REQUIRE(written * slot_bytes >= 2 * e.activation_words);
    const double rows = layer.is_pool() ? 0
                                        : static_cast<double>(layer.out.channels) * work.unit.geometry.units *
                                              ConvSchedule(work.unit.geometry).tiles() *
                                              work.unit.geometry.position_split;
    REQUIRE(written * slot_bytes <=
            2 * e.activation_words * config.memory.dram.geometry.chips_per_rank + 2 * slot_bytes * rows);
    const double read = in_chips("_bus_read") / slot_bytes - e.sum_slots;
    if (!layer.residual && config.weights != WeightSource::resident) {
        REQUIRE(read == 0);
    } else {
        REQUIRE(read * slot_bytes >= others);
    }

    // A slot takes the internal buses of a rank's chips, a unit's burst that of its own.
    const double t_burst = config.transfers == platform::TransferModel::timed
                               ? static_cast<double>(config.memory.dram.technology.burst_time().count())
                               : 0;
    double chip_bus = 0;
    for (const core::Meter* meter : core::collect_meters(machine.dram)) {
        for (const auto& account : meter->accounts()) {
            chip_bus += account.name == "chip_bus" && i < account.by_layer.size() ? account.by_layer[i] : 0;
        }
    }
    const double slots = (in_chips("_bus_written") + in_chips("_bus_read")) / slot_bytes;
    if (config.hydra.units % config.memory.dram.geometry.chips_per_rank == 0) {
        REQUIRE(chip_bus == (slots * config.memory.dram.geometry.chips_per_rank + e.unit_bursts) * t_burst);
    } else {
        REQUIRE(chip_bus <= (slots * config.memory.dram.geometry.chips_per_rank + e.unit_bursts) * t_burst);
    }
}

/// Energies that follow from what else the meters have.
/// @param alone there is no other machine in the simulation
void check_energies(TimedFrame& frame, const PlatformConfig& config, bool alone) {
    platform::HybridPlatform& machine = frame.machine();
    const auto approx = [](double value) { return Approx(value).epsilon(1e-9).margin(1e-6); };
    const auto total = [&](const std::string& account) { return metered(machine, account); };
    constexpr double bits = 8;
    const double bus_bytes =
        total("dram_bus_read") + total("dram_bus_written") + total("pcm_bus_read") + total("pcm_bus_written");
    CHECK(total("channel_io") == approx(bus_bytes * bits * config.memory.controller.io_energy.pj));
    double busy = 0;
    for (const auto& unit : machine.units) {
        busy += metered(*unit, "mac") + metered(*unit, "pool");
    }
    CHECK(total("hydra_mac") + total("hydra_buffer") + total("hydra_control") ==
          approx(busy * config.hydra.unit_power().watts));

    const platform::FrameTimes& times = frame.frames().front();
    const auto frame_ps = static_cast<double>((times.end - times.begin).count());
    const auto check_memory = [&](const sc_core::sc_object& root, const modules::MemoryConfig& memory) {
        const memory::Technology& t = memory.technology;
        const memory::Geometry& g = memory.geometry;
        const std::string kind = memory::to_string(t.kind);
        CAPTURE(root.name());
        const auto of = [&](const std::string& account) { return metered(root, kind + account); };
        CHECK(of("_array_write") == approx(of("_array_words") * 16 * t.array_write.pj));
        const double rows = of("_array_read") / (t.array_read.pj * g.row_bytes * bits);
        CHECK(rows == approx(std::round(rows)));
        const double chips = g.ranks * g.chips_per_rank;
        if (alone) { // a frame charges every memory of the simulation
            CHECK(of("_background") == approx(t.background.watts * frame_ps * chips));
        }
        // Whole bursts, and all bytes are in them.
        const double burst_bits = g.burst_bytes() * bits;
        const double read = of("_buffer_read") / (t.buffer_read.pj * burst_bits);
        const double written = of("_buffer_write") / (t.buffer_write.pj * burst_bits);
        CHECK(read == approx(std::round(read)));
        CHECK(written == approx(std::round(written)));
        CHECK(read * g.burst_bytes() >= of("_read") * (1 - 1e-9));
        CHECK(written * g.burst_bytes() >= of("_written") * (1 - 1e-9));
        // A refresh per t_refi of each rank, but for those on their way at the end.
        if (t.t_refi.count() > 0) {
            const double refreshes = of("_refresh") / t.refresh.pj / chips;
            const double due =
                static_cast<double>(core::now().count()) / static_cast<double>(t.t_refi.count());
            CHECK(std::abs(refreshes - due) <= 2);
        } else {
            CHECK(of("_refresh") == 0);
        }
    };
    check_memory(machine.dram, config.memory.dram);
    for (const auto& channel : machine.pcm) {
        check_memory(*channel, config.memory.pcm);
    }
}

/// Nobody is busy longer than the frame takes.
void check_busy_times(TimedFrame& frame) {
    const platform::FrameTimes& times = frame.frames().front();
    const auto frame_ps = static_cast<double>((times.end - times.begin).count());
    for (const core::Meter* meter : core::collect_meters(frame.machine())) {
        for (const auto& account : meter->accounts()) {
            if (account.quantity == core::Quantity::busy) {
                CAPTURE(meter->name(), account.name);
                CHECK(meter->total(account.name) <= frame_ps);
            }
        }
    }
}

void check_frame(TimedFrame& frame, const PlatformConfig& config, bool alone) {
    platform::HybridPlatform& machine = frame.machine();
    machine.dram.flush();
    for (const auto& channel : machine.pcm) {
        channel->flush();
    }
    const std::size_t layers = frame.layers();
    const bool timed = config.transfers == platform::TransferModel::timed;
    for (std::size_t i = 0; i < layers; ++i) {
        check_layer(frame, config, i);
    }
    check_channel(machine.dram, memory::to_string(config.memory.dram.technology.kind), "channel", layers,
                  config.memory.dram, timed);
    for (const auto& channel : machine.pcm) {
        check_channel(*channel, "pcm", "pcm", layers, config.memory.pcm, timed);
        CHECK(metered(*channel, "pcm_array_words") == 0);
    }
    double macs = 0;
    for (const auto& unit : machine.units) {
        macs += static_cast<double>(unit->mac_count());
    }
    CHECK(macs == static_cast<double>(frame.network().macs()));
    // What is written into the cells is what was written into rows, words that were written twice before
    // their row was closed once.
    const std::string chips = memory::to_string(config.memory.dram.technology.kind);
    const double written = metered(machine.dram, chips + "_written") / 2;
    const double array_words = metered(machine.dram, chips + "_array_words");
    CHECK(array_words <= written);
    CHECK(array_words > 0);
    check_energies(frame, config, alone);
    check_busy_times(frame);
}

/// A shortcut of half the size, kernels of all sizes, both poolings, 1 to 3 fully-connected layers.
core::Network mixed_network() {
    using test::conv;
    core::Network net;
    net.name = "mixed";
    net.input = {3, 37, 29};
    const auto last = [&] { return static_cast<int>(net.layers.size()) - 1; };
    net.layers.push_back(conv("stem", net.input, core::network_input, 48, 7, 2, 3));
    net.layers.push_back(test::pool("pool1", net.layers.back().out, last(), true, 3, 2, 1));
    net.layers.push_back(conv("a", net.layers.back().out, last(), 48, 3, 1, 1));
    net.layers.back().residual = core::ResidualInput{1, 1};
    net.layers.push_back(conv("b", net.layers.back().out, last(), 80, 3, 2, 1));
    net.layers.back().residual = core::ResidualInput{2, 2};
    net.layers.push_back(conv("c", net.layers.back().out, last(), 33, 1, 1, 0));
    net.layers.push_back(conv("d", net.layers.back().out, last(), 320, 5, 1, 2));
    net.layers.push_back(test::pool("pool2", net.layers.back().out, last(), false, 2, 2, 0));
    net.layers.push_back(test::fully_connected("fc1", net.layers.back().out, last(), 200));
    net.layers.push_back(test::fully_connected("fc2", net.layers.back().out, last(), 10));
    net.validate();
    return net;
}

/// The network above and random ones, on as many machines.
void check_networks(const std::string& system, const std::vector<std::string>& overrides, unsigned seed) {
    constexpr unsigned random_networks = 4;
    const PlatformConfig config = test::shipped_config(system, overrides);
    std::vector<std::unique_ptr<TimedFrame>> frames;
    std::vector<TimedFrame*> all;
    std::mt19937 random(seed);
    for (unsigned i = 0; i <= random_networks; ++i) {
        frames.push_back(std::make_unique<TimedFrame>(i == 0 ? mixed_network() : test::busy_network(random),
                                                      config, fmt::format("platform{}", i)));
        all.push_back(frames.back().get());
    }
    simulate(all);
    for (TimedFrame* frame : all) {
        CAPTURE(frame->machine().name());
        check_frame(*frame, config, false);
    }
}

void check_known(const std::string& system, const std::string& network,
                 const std::vector<std::string>& overrides) {
    const PlatformConfig config = test::shipped_config(system, overrides);
    TimedFrame frame(workloads::make_network(network), config, "platform");
    simulate({&frame});
    check_frame(frame, config, true);
}

} // namespace

TEST_CASE("all is accounted for: hybrid, timed") {
    check_networks("hydra", {}, 1);
}
TEST_CASE("all is accounted for: hybrid, ideal") {
    check_networks("hydra", {"transfers=ideal"}, 2);
}
TEST_CASE("all is accounted for: hybrid, mapped as in the paper's text, 16-bit sums") {
    check_networks("hydra", {"mapping=paper-text", "partial_sum_bits=16"}, 3);
}
TEST_CASE("all is accounted for: hybrid, mapped as in the paper's text, ideal") {
    check_networks("hydra", {"mapping=paper-text", "transfers=ideal"}, 4);
}
TEST_CASE("all is accounted for: hybrid, optimized, 48-bit sums") {
    check_networks("hydra", {"mapping=optimized", "partial_sum_bits=48"}, 5);
}
TEST_CASE("all is accounted for: hybrid, optimized, ideal") {
    check_networks("hydra", {"mapping=optimized", "transfers=ideal"}, 6);
}
TEST_CASE("all is accounted for: hybrid, weights migrate") {
    check_networks("hydra", {"weights=migrate"}, 7);
}
TEST_CASE("all is accounted for: hybrid, weights migrate, optimized") {
    check_networks("hydra", {"weights=migrate", "mapping=optimized"}, 8);
}
TEST_CASE("all is accounted for: pure DRAM") {
    check_networks("pure-dram", {}, 9);
}
TEST_CASE("all is accounted for: pure DRAM, optimized") {
    check_networks("pure-dram", {"mapping=optimized"}, 10);
}
TEST_CASE("all is accounted for: pure DRAM, ideal") {
    check_networks("pure-dram", {"transfers=ideal"}, 11);
}
TEST_CASE("all is accounted for: pure PCM") {
    check_networks("pure-pcm", {}, 12);
}
TEST_CASE("all is accounted for: pure PCM, mapped as in the paper's text") {
    check_networks("pure-pcm", {"mapping=paper-text"}, 13);
}
TEST_CASE("all is accounted for: 5 units") {
    check_networks("hydra", {"hydra.units=5"}, 14);
}
TEST_CASE("all is accounted for: 32 units with small buffers") {
    check_networks("hydra",
                   {"hydra.units=32", "dram.ranks=4", "hydra.weight_buffer=512 B",
                    "hydra.output_buffer=1 KiB", "hydra.activation_buffer=4 KiB"},
                   15);
}
TEST_CASE("all is accounted for: VGG-16, hybrid") {
    check_known("hydra", "vgg16", {});
}
TEST_CASE("all is accounted for: VGG-16, hybrid, ideal") {
    check_known("hydra", "vgg16", {"transfers=ideal"});
}
TEST_CASE("all is accounted for: VGG-16, hybrid, optimized") {
    check_known("hydra", "vgg16", {"mapping=optimized"});
}
TEST_CASE("all is accounted for: VGG-16, hybrid, weights migrate") {
    check_known("hydra", "vgg16", {"weights=migrate"});
}
TEST_CASE("all is accounted for: VGG-16, pure DRAM") {
    check_known("pure-dram", "vgg16", {});
}
TEST_CASE("all is accounted for: VGG-16, pure PCM") {
    check_known("pure-pcm", "vgg16", {});
}
TEST_CASE("all is accounted for: ResNet-34 with projections, hybrid") {
    check_known("hydra", "resnet34-projection", {});
}

TEST_CASE("results.json has what the meters have, in total and by layer") {
    const PlatformConfig config = test::shipped_config("hydra");
    TimedFrame frame(workloads::make_network("vgg16"), config, "platform");
    simulate({&frame});
    platform::RunResults results;
    collect_results(results, frame.network(), frame.frames());
    const test::TemporaryFolder folder;
    platform::write_results_json(folder / "results.json", results);
    const platform::Figures json = platform::read_results_json(folder / "results.json");

    std::map<std::string, double> expected; // by place in the file
    std::map<std::string, double> sums;
    for (const core::Meter* meter : core::collect_meters(frame.machine())) {
        for (const auto& account : meter->accounts()) {
            const auto at = [&](const char* group, double unit, const std::string& in, double amount) {
                expected[in + group + account.name] += amount * unit;
            };
            const auto add = [&](const std::string& in, double amount) {
                if (account.quantity == core::Quantity::energy) {
                    at("/energy_mj/", 1e-9, in, amount);
                    expected[in + "/energy_mj/total"] += amount * 1e-9;
                } else if (account.quantity == core::Quantity::bytes) {
                    at("/bytes/", 1, in, amount);
                } else if (account.quantity == core::Quantity::words) {
                    at("/writes/", 1, in, amount);
                } else if (account.quantity == core::Quantity::busy) {
                    double& busiest = expected[in + "/busy_ms/" + account.name];
                    busiest = std::max(busiest, amount * 1e-9);
                } else if (account.name == "macs") {
                    expected[in + "/macs"] += amount;
                }
            };
            double all = account.unattributed;
            for (std::size_t layer = 0; layer < account.by_layer.size(); ++layer) {
                add(fmt::format("/layers/{}", layer), account.by_layer[layer]);
                all += account.by_layer[layer];
            }
            add("", all);
        }
    }
    REQUIRE(expected.size() > 21 * 20);
    for (const auto& [place, amount] : expected) {
        CAPTURE(place);
        const auto found = json.find(place);
        REQUIRE(found != json.end());
        CHECK(found->second == Approx(amount).epsilon(1e-9).margin(1e-12));
    }
    // And every figure of these groups comes from a meter.
    for (const auto& [place, amount] : json) {
        const bool metered_group = place.find("/energy_mj/") != std::string::npos ||
                                   place.find("/bytes/") != std::string::npos ||
                                   place.find("/busy_ms/") != std::string::npos;
        CAPTURE(place);
        CHECK((!metered_group || amount == 0 || expected.count(place) == 1));
    }
}
