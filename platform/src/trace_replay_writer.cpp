// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/trace_replay_writer.h"

#include "hydravp/platform/results_writer.h"

#include "results_json.h"
#include "text_table.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::platform {
namespace {

using core::LatencyHistogram;
using core::Picoseconds;
using memory::EnergyBreakdown;
using modules::AccessStatistics;
using modules::BankStatistics;
using modules::QueueOccupancy;
using modules::RankStatistics;
using workloads::TraceDirectionStatistics;
using workloads::TraceStatistics;

constexpr const char* schema_name = "hydravp-trace-1";

constexpr std::array<std::pair<const char*, double>, 5> percentiles{
    std::pair{"p50", 50.0}, std::pair{"p90", 90.0}, std::pair{"p95", 95.0}, std::pair{"p99", 99.0},
    std::pair{"p99_9", 99.9}};

double to_ns(Picoseconds time) {
    return static_cast<double>(time.count()) / 1e3;
}

/// Nothing if nothing takes time.
std::optional<double> bandwidth_gb_s(std::uint64_t bytes, Picoseconds time) {
    constexpr double gb_s_per_byte_ps = 1e3;
    if (time.count() <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(bytes) / static_cast<double>(time.count()) * gb_s_per_byte_ps;
}

Json json_or_null(const std::optional<double>& value) {
    return value ? Json(finite(*value)) : Json(nullptr);
}

double mean_ns(Picoseconds sum, std::uint64_t count) {
    return count == 0 ? 0 : to_ns(sum) / static_cast<double>(count);
}

/// The parts of the latencies; null where there are no accesses.
void add_parts(Json& json, const AccessStatistics& parts) {
    json["queueing_ns"] = nullptr;
    json["service_ns"] = nullptr;
    if (parts.accesses > 0) {
        json["queueing_ns"] = {{"mean", finite(mean_ns(parts.queueing, parts.accesses))},
                               {"max", to_ns(parts.longest_queueing)}};
        json["service_ns"] = {{"mean", finite(mean_ns(parts.service, parts.accesses))},
                              {"max", to_ns(parts.longest_service)}};
    }
}

/// Null if there are no accesses.
Json latency_json(const LatencyHistogram& latency) {
    if (latency.count() == 0) {
        return nullptr;
    }
    Json figures;
    figures["min"] = to_ns(latency.min());
    figures["mean"] = finite(latency.mean_ps() * 1e-3);
    for (const auto& [name, percent] : percentiles) {
        figures[name] = to_ns(latency.percentile(percent));
    }
    figures["max"] = to_ns(latency.max());
    return figures;
}

/// Whose energy it is: what a bank, or a rank, has no part in is left out.
enum class Place { bank, rank, channel };

Json energy_json(const EnergyBreakdown& energy, Place place) {
    constexpr double mj_per_pj = 1e-9;
    Json json;
    const auto add = [&json](const char* name, core::Energy e) { json[name] = finite(e.pj * mj_per_pj); };
    add("array_read", energy.array_read);
    add("array_write", energy.array_write);
    add("buffer_read", energy.buffer_read);
    add("buffer_write", energy.buffer_write);
    add("refresh", energy.refresh);
    if (place != Place::bank) {
        add("background", energy.background);
    }
    if (place == Place::channel) {
        add("io", energy.io);
    }
    add("total", energy.total());
    return json;
}

Json bank_json(const BankStatistics& bank) {
    Json json;
    json["runs"] = bank.runs;
    json["row_hits"] = bank.row_hits;
    json["row_misses"] = bank.row_misses;
    json["row_conflicts"] = bank.row_conflicts;
    json["forwarded"] = bank.forwarded;
    Json& commands = json["commands"];
    commands["activate"] = bank.activates;
    commands["precharge"] = bank.precharges;
    commands["read"] = bank.reads;
    commands["write"] = bank.writes;
    commands["refresh_bank"] = bank.refreshes;
    commands["pause_write"] = bank.write_pauses;
    commands["cancel_write"] = bank.write_cancellations;
    return json;
}

/// Of a rank, or of more than one.
Json rank_json(const BankStatistics& banks, const RankStatistics& ranks) {
    Json json = bank_json(banks);
    json["commands"]["refresh"] = ranks.refreshes;
    json["commands"]["precharge_all"] = ranks.precharge_alls;
    json["commands"]["power_down"] = ranks.power_downs;
    json["commands"]["self_refresh"] = ranks.self_refreshes;
    return json;
}

/// Sums over the ranks and banks of a channel; `rank` only that one.
std::pair<BankStatistics, RankStatistics> sums(const TraceReplayResults::Channel& channel,
                                               std::optional<std::size_t> rank = std::nullopt) {
    std::pair<BankStatistics, RankStatistics> result;
    for (std::size_t i = 0; i < channel.statistics.ranks.size(); ++i) {
        if (rank && i != *rank) {
            continue;
        }
        result.second += channel.statistics.ranks[i];
        for (std::size_t bank = 0; bank < channel.banks; ++bank) {
            result.first += channel.statistics.banks[i * channel.banks + bank];
        }
    }
    return result;
}

std::pair<BankStatistics, RankStatistics> sums(const TraceReplayResults& results) {
    std::pair<BankStatistics, RankStatistics> result;
    for (const TraceReplayResults::Channel& channel : results.channels) {
        const auto [banks, ranks] = sums(channel);
        result.first += banks;
        result.second += ranks;
    }
    return result;
}

/// Reads, or writes, of the trace or of a channel.
/// @param parts of the latencies
Json direction_json(std::uint64_t accesses, std::uint64_t bytes, const LatencyHistogram& latency,
                    const AccessStatistics& parts, Picoseconds duration) {
    Json json;
    json["accesses"] = accesses;
    json["bytes"] = bytes;
    json["bandwidth_gb_s"] = json_or_null(bandwidth_gb_s(bytes, duration));
    add_parts(json, parts);
    json["latency_ns"] = latency_json(latency);
    return json;
}

Json direction_json(const AccessStatistics& direction, Picoseconds duration) {
    return direction_json(direction.accesses, direction.bytes, direction.latency, direction, duration);
}

double mean_runs(const QueueOccupancy& occupancy, bool write, Picoseconds duration) {
    return duration.count() <= 0 ? 0 : occupancy.area_ps(write) / static_cast<double>(duration.count());
}

Json queue_json(const QueueOccupancy& occupancy, bool write, Picoseconds duration) {
    Json json;
    json["mean_runs"] = finite(mean_runs(occupancy, write, duration));
    json["max_runs"] = occupancy.max(write);
    json["series_runs"] = occupancy.series(write);
    return json;
}

Json channel_json(const TraceReplayResults::Channel& channel, Picoseconds duration) {
    const auto& s = channel.statistics;
    Json json = {{"name", channel.name}};
    const auto [all_banks, all_ranks] = sums(channel);
    json.update(rank_json(all_banks, all_ranks));
    json["energy_mj"] = energy_json(channel.energy.total, Place::channel);
    json["read"] = direction_json(s.read, duration);
    json["write"] = direction_json(s.write, duration);
    Json& queues = json["queues"];
    queues["from_ns"] = to_ns(s.occupancy.from());
    queues["interval_ns"] = to_ns(s.occupancy.interval());
    queues["read"] = queue_json(s.occupancy, false, duration);
    queues["write"] = queue_json(s.occupancy, true, duration);
    json["ranks"] = Json::array();
    for (std::size_t rank = 0; rank < s.ranks.size(); ++rank) {
        const auto [banks, ranks] = sums(channel, rank);
        Json entry = rank_json(banks, ranks);
        entry["energy_mj"] = energy_json(channel.energy.ranks[rank], Place::rank);
        entry["banks"] = Json::array();
        for (std::size_t bank = 0; bank < channel.banks; ++bank) {
            const std::size_t slot = rank * channel.banks + bank;
            entry["banks"].push_back(bank_json(s.banks[slot]));
            entry["banks"].back()["energy_mj"] = energy_json(channel.energy.banks[slot], Place::bank);
        }
        json["ranks"].push_back(std::move(entry));
    }
    return json;
}

EnergyBreakdown energy_of(const TraceReplayResults& results) {
    EnergyBreakdown energy;
    for (const TraceReplayResults::Channel& channel : results.channels) {
        energy += channel.energy.total;
    }
    return energy;
}

/// A line per channel, and their sum.
std::string channel_table(const TraceReplayResults& results) {
    TextTable table({"", "runs", "hits", "misses", "conflicts", "ACT", "PRE", "RD", "WR", "REF", "mean reads",
                     "mean writes", "energy [mJ]"},
                    1);
    table.add_rule();
    const auto add = [&table](const std::string& name, const BankStatistics& b, const RankStatistics& r,
                              const std::string& reads, const std::string& writes,
                              const EnergyBreakdown& energy) {
        table.add({name, std::to_string(b.runs), std::to_string(b.row_hits), std::to_string(b.row_misses),
                   std::to_string(b.row_conflicts), std::to_string(b.activates), std::to_string(b.precharges),
                   std::to_string(b.reads), std::to_string(b.writes), std::to_string(r.refreshes), reads,
                   writes, fmt::format("{:.4f}", energy.total().pj * 1e-9)});
    };
    const Picoseconds duration = results.statistics.duration();
    for (const TraceReplayResults::Channel& channel : results.channels) {
        const auto [banks, ranks] = sums(channel);
        const QueueOccupancy& occupancy = channel.statistics.occupancy;
        add(channel.name, banks, ranks, fmt::format("{:.2f}", mean_runs(occupancy, false, duration)),
            fmt::format("{:.2f}", mean_runs(occupancy, true, duration)), channel.energy.total);
    }
    const auto [banks, ranks] = sums(results);
    add("total", banks, ranks, "", "", energy_of(results));
    return table.text();
}

Json direction_json(const TraceDirectionStatistics& direction, const AccessStatistics& parts,
                    Picoseconds duration) {
    return direction_json(direction.accesses, direction.bytes, direction.latency, parts, duration);
}

/// @tparam Direction TraceDirectionStatistics or AccessStatistics
template <class Direction>
std::vector<std::string> table_row(const std::string& name, const Direction& direction,
                                   Picoseconds duration) {
    const LatencyHistogram& latency = direction.latency;
    const std::optional<double> bandwidth = bandwidth_gb_s(direction.bytes, duration);
    std::vector<std::string> row{name, fmt::format("{}", direction.accesses),
                                 fmt::format("{:.3f}", static_cast<double>(direction.bytes) * 1e-6),
                                 bandwidth ? fmt::format("{:.3f}", *bandwidth) : "-"};
    const auto add = [&](double ns) {
        row.push_back(latency.count() == 0 ? "-" : fmt::format("{:.1f}", ns));
    };
    add(to_ns(latency.min()));
    add(latency.mean_ps() * 1e-3);
    for (const auto& percentile : percentiles) {
        add(to_ns(latency.percentile(percentile.second)));
    }
    add(to_ns(latency.max()));
    return row;
}

/// A line for every bucket with a read or a write in it.
void add_histogram(std::string& text, const std::string& name, const LatencyHistogram& reads,
                   const LatencyHistogram& writes) {
    struct Row {
        Picoseconds last{};
        std::uint64_t reads = 0, writes = 0;
    };
    std::map<Picoseconds, Row> rows; // by the bucket's smallest value
    for (const auto& bucket : reads.buckets()) {
        rows[bucket.from] = {bucket.last, bucket.count, 0};
    }
    for (const auto& bucket : writes.buckets()) {
        Row& row = rows[bucket.from];
        row.last = bucket.last;
        row.writes = bucket.count;
    }
    for (const auto& [from, row] : rows) {
        text += fmt::format("{},{:.3f},{:.3f},{},{}\n", name, to_ns(from), to_ns(row.last), row.reads,
                            row.writes);
    }
}

} // namespace

void write_trace_json(const std::string& path, const TraceReplayResults& results) {
    const TraceStatistics& s = results.statistics;
    Json json;
    json["schema"] = schema_name;
    json["complete"] = results.complete;
    json["memory"] = results.memory;
    json["trace"] = results.trace;
    json["format"] = results.format;
    json["clock_period_ns"] = results.clock_period ? Json(to_ns(*results.clock_period)) : Json(nullptr);
    json["transfers"] = results.transfers;
    json["timing"] = results.timing;
    json["outstanding"] = results.outstanding;
    json["first_request_ns"] = to_ns(s.first);
    json["last_response_ns"] = to_ns(s.last);
    json["duration_ns"] = to_ns(s.duration());
    json["accesses"] = s.accesses();
    json["address_errors"] = s.address_errors;
    json["other_errors"] = s.other_errors;
    json["late_accesses"] = s.late_accesses;
    json["max_lateness_ns"] = to_ns(s.max_lateness);
    json["bandwidth_gb_s"] = json_or_null(bandwidth_gb_s(s.read.bytes + s.write.bytes, s.duration()));
    json["read"] = direction_json(s.read, results.read, s.duration());
    json["write"] = direction_json(s.write, results.write, s.duration());
    const auto [banks, ranks] = sums(results);
    json["total"] = rank_json(banks, ranks);
    json["total"]["energy_mj"] = energy_json(energy_of(results), Place::channel);
    json["channels"] = Json::array();
    for (const TraceReplayResults::Channel& channel : results.channels) {
        json["channels"].push_back(channel_json(channel, s.duration()));
    }
    add_activity(json, results.activity);
    json["host"]["wall_s"] = finite(results.host.wall_s);
    json["host"]["peak_rss_mb"] = finite(results.host.peak_rss_mb);
    json["host"]["kernel_events"] = results.host.kernel_events;
    write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void write_latency_histogram(const std::string& path, const TraceReplayResults& results) {
    std::string text = "channel,latency_from_ns,latency_to_ns,reads,writes\n";
    add_histogram(text, "all", results.statistics.read.latency, results.statistics.write.latency);
    for (const TraceReplayResults::Channel& channel : results.channels) {
        add_histogram(text, channel.name, channel.statistics.read.latency, channel.statistics.write.latency);
    }
    write_file(path, text);
}

std::string format_trace_replay(const TraceReplayResults& results) {
    const TraceStatistics& s = results.statistics;
    std::string text = fmt::format(
        "{} ({}{}) replayed into {}: transfers {}, timing {}, at most {} under way\n", results.trace,
        results.format,
        results.clock_period ? fmt::format(", cycles of {} ns", to_ns(*results.clock_period)) : "",
        results.memory, results.transfers, results.timing, results.outstanding);
    if (!results.complete) {
        text +=
            "INCOMPLETE: the replay ended before the trace did; these are the accesses that are complete\n";
    }
    text += "\nlatency [ns]\n";
    TextTable table({"", "accesses", "moved [MB]", "bandwidth [GB/s]", "min", "mean", "50 %", "90 %", "95 %",
                     "99 %", "99.9 %", "max"},
                    1);
    table.add_rule();
    table.add(table_row("read", s.read, s.duration()));
    table.add(table_row("write", s.write, s.duration()));
    if (results.channels.size() > 1) {
        for (const TraceReplayResults::Channel& channel : results.channels) {
            table.add(table_row(channel.name + " read", channel.statistics.read, s.duration()));
            table.add(table_row(channel.name + " write", channel.statistics.write, s.duration()));
        }
    }
    text += table.text();
    for (const auto& [name, parts] : {std::pair("read", &results.read), std::pair("write", &results.write)}) {
        if (parts->accesses > 0) {
            text += fmt::format("{:<5} mean: {:.1f} queueing, {:.1f} service\n", name,
                                mean_ns(parts->queueing, parts->accesses),
                                mean_ns(parts->service, parts->accesses));
        }
    }
    text +=
        "\nruns of column accesses to a row by the state of their bank, commands, and runs in the queues\n";
    text += channel_table(results);
    const std::optional<double> bandwidth = bandwidth_gb_s(s.read.bytes + s.write.bytes, s.duration());
    text += fmt::format("\naccesses   {}\n", s.accesses());
    text += fmt::format(
        "time       {:.3f} ns, from the first request at {:.3f} ns to the last response at {:.3f} ns\n",
        to_ns(s.duration()), to_ns(s.first), to_ns(s.last));
    if (bandwidth) {
        text += fmt::format("bandwidth  {:.3f} GB/s\n", *bandwidth);
    }
    if (s.late_accesses > 0) {
        text += fmt::format("late       {} accesses, issued up to {:.3f} ns after their time\n",
                            s.late_accesses, to_ns(s.max_lateness));
    }
    if (s.address_errors > 0 || s.other_errors > 0) {
        text += fmt::format("errors     {} accesses without an address in the memory, {} others\n",
                            s.address_errors, s.other_errors);
    }
    text += fmt::format("\nenergy [mJ], total {:.3f}\n", sum(results.activity.energy_mj));
    text += list_figures(results.activity.energy_mj, "{:.4f}");
    return text;
}

} // namespace hydravp::platform
