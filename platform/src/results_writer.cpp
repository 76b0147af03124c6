// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/results_writer.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/transfer_energy.h"

#include "results_json.h"
#include "text_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

namespace hydravp::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* schema_name = "hydravp-results-1";

Json optional_figure(const std::optional<double>& value) {
    return value ? Json(finite(*value)) : Json(nullptr);
}

double latency_ms(const LayerResult& layer) {
    return layer.end_ms - layer.start_ms;
}

/// The accounts of any layer or of the frame, in alphabetical order.
std::set<std::string> names_of(const RunResults& results, Figures Activity::*figures) {
    std::set<std::string> names;
    for (const auto& [name, value] : results.total.*figures) {
        names.insert(name);
    }
    for (const LayerResult& layer : results.layers) {
        for (const auto& [name, value] : layer.activity.*figures) {
            names.insert(name);
        }
    }
    return names;
}

/// What the frame's and each layer's figures have alike.
void add_figures(Json& json, const Activity& activity) {
    add_activity(json, activity);
    json["energy_split_mj"] = reals(energy_split(activity.energy_mj));
    json["transfer_mj"] = reals(activity.transfer_mj);
}

Json hardware_json(const HardwareFigures& hardware) {
    Json json;
    json["area_mm2"] = finite(hardware.area_mm2);
    json["area_share"] = finite(hardware.area_share);
    json["power_w"] = finite(hardware.power_w);
    json["mean_power_w"] = finite(hardware.mean_power_w);
    json["units"] = hardware.units;
    json["working_units"] = hardware.working_units;
    return json;
}

Json endurance_json(const std::vector<EnduranceFigures>& memories) {
    Json json = Json::array();
    for (const EnduranceFigures& figures : memories) {
        Json entry;
        entry["memory"] = figures.memory;
        entry["technology"] = figures.technology;
        entry["endurance"] = figures.endurance;
        entry["capacity_bytes"] = figures.capacity_bytes;
        entry["array_words"] = count(figures.array_words);
        entry["most_writes"] = count(figures.most_writes);
        entry["years"] = optional_figure(figures.years);
        entry["years_levelled"] = optional_figure(figures.years_levelled);
        json.push_back(std::move(entry));
    }
    return json;
}

/// Years, or days and less where that is no number to read.
std::string lifetime(double years) {
    constexpr double days_per_year = 365.25;
    return years >= 1 ? fmt::format("{:.4g} years", years)
                      : fmt::format("{:.4g} days", years * days_per_year);
}

std::string hardware_text(const RunResults& results) {
    const HardwareFigures& hardware = results.hardware;
    std::string text =
        fmt::format("area      {:.4g} mm2 of all units, {:.2f} % of a DRAM\n"
                    "power     {:.4g} W while all units compute, {:.4g} W on average\n",
                    hardware.area_mm2, 100 * hardware.area_share, hardware.power_w, hardware.mean_power_w);
    if (hardware.working_units < hardware.units && hardware.working_units > 0) {
        text += fmt::format("units     {} of {} work; with more of them the mapping would be no faster\n",
                            hardware.working_units, hardware.units);
    }
    for (const EnduranceFigures& figures : results.endurance) {
        text += fmt::format("lifetime  {} ({}): ", figures.memory, figures.technology);
        text += figures.years && figures.years_levelled
                    ? fmt::format("{} until the first word wears out, {} with ideal levelling\n",
                                  lifetime(*figures.years), lifetime(*figures.years_levelled))
                    : "nothing is written into its cells\n";
    }
    return text;
}

/// Share of the time that a resource was busy; `-` for what takes no time or was not used.
std::string percentage(double busy_ms, double of_ms) {
    return of_ms > 0 && busy_ms > 0 ? fmt::format("{:.1f}", 100 * busy_ms / of_ms) : "-";
}

std::vector<std::string> table_row(const std::string& name, const std::string& kind, double latency,
                                   std::uint64_t macs, const std::string& bound_by,
                                   const Activity& activity) {
    const auto busy = [&](const char* resource) {
        return percentage(figure(activity.busy_ms, resource), latency);
    };
    const auto megabytes = [&](const char* account) {
        return fmt::format("{:.3f}", figure(activity.bytes, account) * 1e-6);
    };
    return {name,
            kind,
            bound_by,
            fmt::format("{:.4f}", latency),
            fmt::format("{:.2f}", static_cast<double>(macs) * 1e-6),
            busy("mac"),
            busy("chip_bus"),
            busy("channel"),
            busy("pcm"),
            megabytes("dram_read"),
            megabytes("dram_written"),
            megabytes("pcm_read"),
            fmt::format("{:.3f}", sum(activity.energy_mj))};
}

/// What came out of the network, compared.
std::string accuracy_line(const Accuracy& accuracy) {
    std::string text = fmt::format("accuracy  {} image{}", accuracy.images, accuracy.images == 1 ? "" : "s");
    if (accuracy.top1) {
        text += fmt::format(", top-1 {:.2f} %", 100 * *accuracy.top1);
    }
    if (accuracy.golden_agreement) {
        text += fmt::format(", {:.4f} % of the output words as in the golden executor",
                            100 * *accuracy.golden_agreement);
    }
    return text + '\n';
}

constexpr const char* mram_accounts[] = {"mram_map", "mram_add", "mram_count", "mram_htree", "mram_dpu"};

std::vector<std::string> mram_row(const std::string& name, const std::string& kind,
                                  const std::string& bound_by, double latency, std::uint64_t macs,
                                  const MramFigures::Layer* layer, const Activity& activity) {
    constexpr double us_per_ms = 1e3;
    constexpr double uj_per_mj = 1e3;
    std::vector<std::string> cells{name,
                                   kind,
                                   bound_by,
                                   fmt::format("{:.3f}", latency * us_per_ms),
                                   fmt::format("{:.2f}", static_cast<double>(macs) * 1e-6),
                                   layer == nullptr ? "" : fmt::format("{:.0f}", layer->subarrays),
                                   layer == nullptr ? "" : fmt::format("{:.0f}", 100 * layer->columns)};
    for (const char* account : mram_accounts) {
        cells.push_back(fmt::format("{:.3f}", figure(activity.energy_mj, account) * uj_per_mj));
    }
    cells.push_back(fmt::format("{:.3f}", sum(activity.energy_mj) * uj_per_mj));
    return cells;
}

std::string format_mram_table(const RunResults& results) {
    const MramFigures& mram = *results.mram;
    std::string text =
        fmt::format("{} on {}: data {}, {} frame{}, {} at a time\n", results.network, results.platform,
                    results.data, results.frames, results.frames == 1 ? "" : "s", mram.batch);
    if (!results.complete) {
        text += "INCOMPLETE: the run ended before its last frame; these are the complete batches\n";
    }
    text += '\n';
    std::vector<std::string> head{"layer",    "kind",       "bound by",   "batch [us]",
                                  "MACs [M]", "sub-arrays", "columns [%]"};
    for (const char* account : mram_accounts) {
        head.push_back(fmt::format("{} [uJ]", std::string(account).substr(std::string("mram_").size())));
    }
    head.emplace_back("energy [uJ]");
    TextTable table(head, 3);
    table.add_rule();
    for (std::size_t i = 0; i < results.layers.size(); ++i) {
        const LayerResult& layer = results.layers[i];
        table.add(mram_row(layer.name, layer.kind, layer.bound_by, latency_ms(layer), layer.macs,
                           i < mram.layers.size() ? &mram.layers[i] : nullptr, layer.activity));
    }
    table.add_rule();
    table.add(mram_row("frame", "", "", results.latency_ms, results.macs, nullptr, results.total));
    text += table.text();
    text += fmt::format("\nspeed     {:.1f} frames/s, {:.3f} per mm2; {:.4f} ms per batch, control {:.4f} ms "
                        "beside it\n",
                        mram.frames_per_s, mram.frames_per_s / mram.area_mm2, results.latency_ms,
                        results.control_ms);
    text += fmt::format("energy    {:.1f} frames/J, {:.3f} per mm2; die {:.1f} mm2\n", mram.frames_per_j,
                        mram.frames_per_j / mram.area_mm2, mram.area_mm2);
    if (results.accuracy) {
        text += accuracy_line(*results.accuracy);
    }
    text += fmt::format("\nenergy per frame [mJ], total {:.6f}\n", sum(results.total.energy_mj));
    text += list_figures(results.total.energy_mj, "{:.6f}");
    return text;
}

} // namespace

void prepare_output_folder(const std::string& path) {
    if (path.empty()) {
        throw core::InputError("found no name of an output folder, expected one");
    }
    std::error_code error;
    fs::create_directories(path, error);
    if (error) {
        throw core::InputError(
            fmt::format("{}: the output folder cannot be created: {}", path, error.message()));
    }
    if (!fs::is_directory(path, error)) {
        throw core::InputError(fmt::format("{}: found a file, expected an output folder", path));
    }
    if (access(path.c_str(), W_OK | X_OK) != 0) {
        throw core::InputError(
            fmt::format("{}: the output folder is not writable: {}", path, std::strerror(errno)));
    }
}

void remove_old_files(const std::string& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const fs::path path = fs::path(folder) / name;
        std::error_code error;
        fs::remove(path, error);
        if (error) {
            throw core::InputError(fmt::format("{}: the file of an earlier run cannot be removed: {}",
                                               path.string(), error.message()));
        }
    }
}

void write_file(const std::string& path, const std::string& text) {
    const std::string temporary = fmt::format("{}.tmp.{}", path, getpid());
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    std::error_code error;
    if (!file) {
        const std::string reason = std::strerror(errno);
        fs::remove(temporary, error);
        throw core::SimulationError(fmt::format("{}: cannot be written: {}", path, reason));
    }
    fs::rename(temporary, path, error);
    if (error) {
        const std::string reason = error.message();
        fs::remove(temporary, error);
        throw core::SimulationError(fmt::format("{}: cannot be written: {}", path, reason));
    }
}

void write_results_json(const std::string& path, const RunResults& results) {
    Json json;
    json["schema"] = schema_name;
    json["complete"] = results.complete;
    json["platform"] = results.platform;
    json["network"] = results.network;
    json["transfers"] = results.transfers;
    json["mapping"] = results.mapping;
    json["partial_sum_bits"] = results.partial_sum_bits;
    json["precision"] = results.precision;
    json["data"] = results.data;
    json["frames"] = results.frames;
    json["latency_ms"] = finite(results.latency_ms);
    json["control_ms"] = finite(results.control_ms);
    json["load_bytes"] = count(results.load_bytes);
    json["macs"] = results.macs;
    add_figures(json, results.total);
    json["hardware"] = hardware_json(results.hardware);
    json["endurance"] = endurance_json(results.endurance);
    json["layers"] = Json::array();
    for (const LayerResult& layer : results.layers) {
        Json entry;
        entry["name"] = layer.name;
        entry["kind"] = layer.kind;
        entry["start_ms"] = finite(layer.start_ms);
        entry["end_ms"] = finite(layer.end_ms);
        entry["latency_ms"] = finite(latency_ms(layer));
        entry["macs"] = layer.macs;
        entry["bound_by"] = layer.bound_by;
        add_figures(entry, layer.activity);
        json["layers"].push_back(std::move(entry));
    }
    if (results.batch) {
        json["batch"]["frames"] = results.batch->frames;
        json["batch"]["latency_ms"] = finite(results.batch->latency_ms);
    }
    json["load"] = nullptr;
    if (results.load) {
        json["load"] = Json::object();
        json["load"]["accesses"] = count(results.load->accesses);
        json["load"]["mean_latency_ns"] = finite(results.load->mean_latency_ns);
        json["load"]["median_latency_ns"] = finite(results.load->median_latency_ns);
        json["load"]["p95_latency_ns"] = finite(results.load->p95_latency_ns);
        json["load"]["p99_latency_ns"] = finite(results.load->p99_latency_ns);
        json["load"]["max_latency_ns"] = finite(results.load->max_latency_ns);
        json["load"]["bandwidth_gb_s"] = finite(results.load->bandwidth_gb_s);
    }
    json["accuracy"] = nullptr;
    if (results.accuracy) {
        json["accuracy"] = Json::object();
        json["accuracy"]["images"] = results.accuracy->images;
        json["accuracy"]["top1"] = optional_figure(results.accuracy->top1);
        json["accuracy"]["golden_agreement"] = optional_figure(results.accuracy->golden_agreement);
    }
    if (results.mram) {
        Json& mram = json["mram"];
        mram["batch"] = results.mram->batch;
        mram["frames_per_s"] = finite(results.mram->frames_per_s);
        mram["frames_per_j"] = finite(results.mram->frames_per_j);
        mram["area_mm2"] = finite(results.mram->area_mm2);
        mram["frames_per_s_mm2"] = finite(results.mram->frames_per_s / results.mram->area_mm2);
        mram["frames_per_j_mm2"] = finite(results.mram->frames_per_j / results.mram->area_mm2);
        mram["layers"] = Json::array();
        for (const MramFigures::Layer& layer : results.mram->layers) {
            mram["layers"].push_back(
                {{"subarrays", finite(layer.subarrays)}, {"columns", finite(layer.columns)}});
        }
    }
    json["host"]["wall_s"] = finite(results.host.wall_s);
    json["host"]["peak_rss_mb"] = finite(results.host.peak_rss_mb);
    json["host"]["kernel_events"] = results.host.kernel_events;
    write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void write_layers_csv(const std::string& path, const RunResults& results) {
    struct Group {
        const char* name;
        Figures Activity::*figures;
        std::set<std::string> accounts;
    };
    std::vector<Group> groups;
    for (const auto& [name, figures] :
         {std::pair("energy_mj", &Activity::energy_mj), std::pair("bytes", &Activity::bytes),
          std::pair("writes", &Activity::writes), std::pair("counts", &Activity::counts),
          std::pair("busy_ms", &Activity::busy_ms), std::pair("transfer_mj", &Activity::transfer_mj)}) {
        groups.push_back({name, figures, names_of(results, figures)});
    }

    std::string text = "name,kind,start_ms,end_ms,latency_ms,macs,bound_by,energy_mj.total";
    for (const Group& group : groups) {
        for (const std::string& account : group.accounts) {
            text += ',' + csv_field(fmt::format("{}.{}", group.name, account));
        }
    }
    text += '\n';
    for (const LayerResult& layer : results.layers) {
        text += fmt::format("{},{},{},{},{},{},{},{}", csv_field(layer.name), csv_field(layer.kind),
                            finite(layer.start_ms), finite(layer.end_ms), finite(latency_ms(layer)),
                            layer.macs, csv_field(layer.bound_by), finite(sum(layer.activity.energy_mj)));
        for (const Group& group : groups) {
            for (const std::string& account : group.accounts) {
                text += ',' + count(figure(layer.activity.*group.figures, account)).dump();
            }
        }
        text += '\n';
    }
    write_file(path, text);
}

std::string format_table(const RunResults& results) {
    if (results.mram) {
        return format_mram_table(results);
    }
    std::string text = fmt::format(
        "{} on {}: transfers {}, mapping {}, words {} bit, partial sums {} bit, data {}, {} frame{}\n",
        results.network, results.platform, results.transfers, results.mapping, results.precision,
        results.partial_sum_bits, results.data, results.frames, results.frames == 1 ? "" : "s");
    if (!results.complete) {
        text += results.frames > 0
                    ? "INCOMPLETE: the run ended before its last frame; these are the complete frames\n"
                    : "INCOMPLETE: the run ended in its first frame; these are the frame's complete layers\n";
    }
    text += '\n';

    TextTable table({"layer", "kind", "bound by", "latency [ms]", "MACs [M]", "mac [%]", "chip bus [%]",
                     "channel [%]", "pcm [%]", "DRAM read [MB]", "DRAM written [MB]", "PCM read [MB]",
                     "energy [mJ]"},
                    3);
    table.add_rule();
    for (const LayerResult& layer : results.layers) {
        table.add(
            table_row(layer.name, layer.kind, latency_ms(layer), layer.macs, layer.bound_by, layer.activity));
    }
    table.add_rule();
    table.add(table_row("frame", "", results.latency_ms, results.macs, "", results.total));
    text += table.text();

    if (results.complete || results.frames > 0) {
        text += fmt::format(
            "\nlatency   {:.4f} ms per frame ({:.2f} frames/s), control {:.4f} ms beside it\n",
            results.latency_ms, results.latency_ms > 0 ? 1000 / results.latency_ms : 0.0, results.control_ms);
        if (results.batch) {
            text += fmt::format("batch     {:.4f} ms for {} frames together\n", results.batch->latency_ms,
                                results.batch->frames);
        }
    }
    if (results.load) {
        text += fmt::format(
            "load      {:.0f} accesses per frame, {:.1f} ns each on average, 95 % within {:.1f} ns, "
            "{:.3f} GB/s\n",
            results.load->accesses, results.load->mean_latency_ns, results.load->p95_latency_ns,
            results.load->bandwidth_gb_s);
    }
    if (results.accuracy) {
        text += accuracy_line(*results.accuracy);
    }
    text += hardware_text(results);
    text += fmt::format("\nenergy per frame [mJ], total {:.3f}\n", sum(results.total.energy_mj));
    text += list_figures(energy_split(results.total.energy_mj), "{:.4f}");
    text += "of which\n";
    text += list_figures(results.total.energy_mj, "{:.4f}");
    text += "\ndata-transfer energy per frame [mJ]: every unique word once, and as simulated\n";
    text += list_figures(results.total.transfer_mj, "{:.4f}");
    text += "\nwritten words per frame (16 bit)\n";
    text += list_figures(results.total.writes, "{:.0f}");
    Figures bits; // of array_write_policy: flipped-bits
    for (const auto& [name, count] : results.total.counts) {
        if (name.find("_array_bits_") != std::string::npos) {
            bits[name] = count;
        }
    }
    if (!bits.empty()) {
        text += "\nbits that changed in the cells per frame\n" + list_figures(bits, "{:.0f}");
    }
    return text;
}

} // namespace hydravp::platform
