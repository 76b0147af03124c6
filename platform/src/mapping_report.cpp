// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/mapping_report.h"

#include "hydravp/core/conv_schedule.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/onnx_reader.h"

#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace hydravp::platform {
namespace {

constexpr double ms_per_ps = 1e-9;
constexpr double mega = 1e-6;
constexpr double giga = 1e-9;
constexpr double ps_per_s = 1e12;

core::Network load_network(const std::string& name) {
    return std::filesystem::path(name).extension() == ".onnx" ? workloads::read_onnx(name).network
                                                              : workloads::make_network(name);
}

double channel_bytes(const workloads::LayerCost& cost) {
    return cost.weight_bytes + cost.sum_bytes + cost.result_bytes;
}

/// Multiply-accumulates by the bytes that they need from one place; 0: none are needed.
double intensity(const MappedLayer& layer, double bytes) {
    return bytes > 0 ? layer.cost.macs / bytes : 0;
}

/// Rate that the bytes allow, the MACs' own at most; in 1/s.
double roof(double macs_per_byte, double bytes_per_s, double peak) {
    return macs_per_byte > 0 ? std::min(peak, macs_per_byte * bytes_per_s) : peak;
}

struct Rooflines {
    double channel_intensity, chip_intensity, channel_roof, chip_roof, estimate;
};

Rooflines rooflines(const MappingReport& report, const MappedLayer& layer) {
    Rooflines r{};
    const double units = layer.work.unit.geometry.units;
    r.channel_intensity = intensity(layer, channel_bytes(layer.cost));
    r.chip_intensity = intensity(layer, layer.cost.activation_bytes * units);
    r.channel_roof = roof(r.channel_intensity, report.channel_bytes_per_s, report.peak_macs_per_s);
    r.chip_roof = roof(r.chip_intensity, report.chip_bytes_per_s, report.peak_macs_per_s);
    r.estimate = layer.cost.macs / (layer.cost.latency / ps_per_s);
    return r;
}

/// `4 x 4 x 1`: units that share the channels, the filters, the positions.
std::string split_text(const core::LayerGeometry& g) {
    return fmt::format("{} x {} x {}", g.channel_split, g.filter_split, g.position_split);
}

/// Filters of a pass: `8`, or `12 x 1` in twelve groups of a grouped convolution.
std::string filters_text(const core::LayerGeometry& g) {
    return g.groups == 1 ? fmt::format("{}", g.filter_group)
                         : fmt::format("{} x {}", g.groups_per_pass, g.filter_group);
}

const char* order_text(const core::LayerGeometry& g) {
    return g.order == core::LoopOrder::filters ? "filters" : "tiles";
}

std::string times(double ps) {
    return fmt::format("{:.4f}", ps * ms_per_ps);
}

const std::vector<std::string> mapping_columns{
    "layer",         "kind",         "bound by", "channels x filters x positions",
    "tile",          "filters",      "passes",   "channels",
    "outer loop",    "weights",      "copies",   "mac [ms]",
    "chip bus [ms]", "channel [ms]", "pcm [ms]", "accumulation [ms]",
    "latency [ms]"};

std::vector<std::string> mapping_row(const MappedLayer& mapped) {
    if (mapped.layer.is_concat()) {
        std::vector<std::string> row(mapping_columns.size(), "-");
        row[0] = mapped.layer.name;
        row[1] = core::to_string(mapped.layer.kind);
        row[2] = "joined in place";
        return row;
    }
    const core::LayerGeometry& g = mapped.work.unit.geometry;
    const core::ConvSchedule schedule(g);
    const workloads::LayerCost& cost = mapped.cost;
    const bool pool = mapped.layer.is_pool();
    const auto of_convolution = [&](const std::string& text) { return pool ? std::string("-") : text; };
    const std::uint32_t copies = g.units / std::max<std::uint32_t>(mapped.work.controller.output.split, 1);
    return {mapped.layer.name,
            core::to_string(mapped.layer.kind),
            cost.bound_by(),
            split_text(g),
            g.frames_per_tile == 1 ? fmt::format("{}", g.tile_positions)
                                   : fmt::format("{} x {}", g.frames_per_tile, g.tile_positions),
            of_convolution(filters_text(g)),
            fmt::format("{}", schedule.passes()),
            fmt::format("{}", g.channels_per_fetch),
            of_convolution(order_text(g)),
            of_convolution(schedule.weights_resident() ? "once" : fmt::format("{} x", schedule.tiles())),
            fmt::format("{} x", copies),
            times(cost.mac),
            times(cost.chip_bus),
            of_convolution(times(cost.channel)),
            of_convolution(times(cost.pcm)),
            of_convolution(times(cost.accumulation)),
            times(cost.latency)};
}

} // namespace

MappingReport map_report(const PlatformConfig& config, const std::string& name) {
    const core::Network network = load_network(name);
    const workloads::MachineShape machine = machine_shape(config);
    const workloads::MappedNetwork mapped = workloads::map_network(network, {}, machine);
    MappingReport report;
    report.platform = config.name;
    report.network = network.name;
    report.asked_for = to_string(config.mapping);
    report.mapping = to_string(mapped.mapping);
    report.transfers = to_string(config.transfers);
    report.precision = config.hydra.precision;
    report.batch = machine.frames;
    report.units = machine.units;
    report.working_units = mapped.units;
    constexpr double burst = 8; // bytes of a chip
    const double macs = static_cast<double>(mapped.units) * machine.lanes;
    report.peak_macs_per_s = macs / machine.step_ps * ps_per_s;
    report.channel_bytes_per_s = burst * machine.chips_per_rank / machine.channel_slot_ps * ps_per_s;
    report.chip_bytes_per_s = burst * mapped.units / machine.chip_slot_ps * ps_per_s;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const core::LayerWork& work = mapped.layers[i];
        const workloads::LayerContext context{work.unit.kind, work.controller.output.split,
                                              work.controller.has_residual != 0};
        report.layers.push_back(
            {network.layers[i], work,
             workloads::estimate_cost(work.unit.geometry, context, machine).per_frame(machine.frames)});
    }
    return report;
}

std::string format_mapping(const MappingReport& report) {
    std::string text = fmt::format(
        "{} on {}: mapping {}{}, for transfers {}, words of {} bits{}; times estimated, with timed "
        "transfers\n\n",
        report.network, report.platform, report.mapping,
        report.mapping == report.asked_for ? "" : " (as good as any found)", report.transfers,
        report.precision, report.batch == 1 ? "" : fmt::format(", batches of {} frames", report.batch));
    TextTable cuts(mapping_columns, 4);
    cuts.add_rule();
    double total = 0;
    for (const MappedLayer& layer : report.layers) {
        cuts.add(mapping_row(layer));
        total += layer.cost.latency;
    }
    text += cuts.text();
    text += fmt::format(
        "\nestimate {:.4f} ms per frame{}\n"
        "units share a layer by input channels, filters and output positions; a pass is a tile of (frames x) "
        "positions for a group of filters (in so many convolution groups x filters); channels are\nfetched "
        "so many at a time, weights streamed "
        "so many times, results written in so many copies\n",
        total * ms_per_ps,
        report.working_units < report.units
            ? fmt::format(", with {} of the {} units; more of them would be no faster", report.working_units,
                          report.units)
            : "");

    text += fmt::format(
        "\nroofline: {:.2f} GMAC/s of {} units; channel {:.2f} GB/s, ridge at {:.1f} MAC/B; chip buses "
        "{:.2f} GB/s, ridge at {:.1f} MAC/B\n\n",
        report.peak_macs_per_s * giga, report.layers.front().work.unit.geometry.units,
        report.channel_bytes_per_s * giga, report.peak_macs_per_s / report.channel_bytes_per_s,
        report.chip_bytes_per_s * giga, report.peak_macs_per_s / report.chip_bytes_per_s);
    TextTable roofs({"layer", "MACs [M]", "weights [MB]", "sums [MB]", "results [MB]", "channel [MAC/B]",
                     "channel roof [GMAC/s]", "activations [MB]", "chip bus [MAC/B]",
                     "chip bus roof [GMAC/s]", "estimate [GMAC/s]", "of the lower roof [%]"},
                    1);
    roofs.add_rule();
    for (const MappedLayer& layer : report.layers) {
        if (!layer.layer.has_weights()) {
            continue;
        }
        const Rooflines r = rooflines(report, layer);
        const auto number = [](double value, const char* format) {
            return fmt::format(fmt::runtime(format), value);
        };
        const double units = layer.work.unit.geometry.units;
        roofs.add(
            {layer.layer.name, number(layer.cost.macs * mega, "{:.2f}"),
             number(layer.cost.weight_bytes * mega, "{:.3f}"), number(layer.cost.sum_bytes * mega, "{:.3f}"),
             number(layer.cost.result_bytes * mega, "{:.3f}"), number(r.channel_intensity, "{:.2f}"),
             number(r.channel_roof * giga, "{:.2f}"),
             number(layer.cost.activation_bytes * units * mega, "{:.3f}"), number(r.chip_intensity, "{:.2f}"),
             number(r.chip_roof * giga, "{:.2f}"), number(r.estimate * giga, "{:.2f}"),
             number(100 * r.estimate / std::min(r.channel_roof, r.chip_roof), "{:.1f}")});
    }
    return text + roofs.text();
}

std::string mapping_csv(const MappingReport& report) {
    std::string text =
        "name,kind,bound_by,channel_split,filter_split,position_split,frames_per_tile,tile_positions,"
        "groups_per_pass,filter_group,passes,"
        "channels_per_fetch,reduction_chunk,outer_loop,output_split,macs,weight_bytes,sum_bytes,result_bytes,"
        "activation_bytes,mac_ms,chip_bus_ms,channel_ms,pcm_ms,accumulation_ms,latency_ms\n";
    for (const MappedLayer& layer : report.layers) {
        const core::LayerGeometry& g = layer.work.unit.geometry;
        const workloads::LayerCost& cost = layer.cost;
        if (layer.layer.is_concat()) {
            text += fmt::format("{},{},,{},,,,,,,0,,,,{},0,0,0,0,0,0,0,0,0,0,0\n",
                                csv_field(layer.layer.name), core::to_string(layer.layer.kind),
                                g.channel_split, layer.work.controller.output.split);
            continue;
        }
        text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                            csv_field(layer.layer.name), core::to_string(layer.layer.kind), cost.bound_by(),
                            g.channel_split, g.filter_split, g.position_split, g.frames_per_tile,
                            g.tile_positions, g.groups_per_pass, g.filter_group,
                            core::ConvSchedule(g).passes(), g.channels_per_fetch, g.reduction_chunk,
                            order_text(g), layer.work.controller.output.split, cost.macs, cost.weight_bytes,
                            cost.sum_bytes, cost.result_bytes, cost.activation_bytes * g.units,
                            cost.mac * ms_per_ps, cost.chip_bus * ms_per_ps, cost.channel * ms_per_ps,
                            cost.pcm * ms_per_ps, cost.accumulation * ms_per_ps, cost.latency * ms_per_ps);
    }
    return text;
}

} // namespace hydravp::platform
