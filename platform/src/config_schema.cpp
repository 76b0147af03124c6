// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/memory/technology_check.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>

namespace hydravp::platform {
namespace {

using core::in_quotes;
using core::InputError;
using core::Picoseconds;

[[noreturn]] void refuse(const std::string& text, const std::string& expected) {
    throw InputError(fmt::format("found {}, expected {}", in_quotes(text), expected));
}

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// As a YAML scalar: plain where nobody can misread it.
std::string yaml_text(const std::string& text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
    const bool begins_with_letter =
        !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
    if (plain && begins_with_letter && text != "null" && text != "Null" && text != "NULL") {
        return text;
    }
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + '"';
}

bool is_power_of_two(std::uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

/// The time that `text` stands for, if sums of such times fit their type.
Picoseconds bounded(Picoseconds time, const std::string& text) {
    constexpr Picoseconds longest = std::chrono::hours{1};
    if (time > longest) {
        refuse(text, "a time of at most 3600 s");
    }
    return time;
}

} // namespace

/// Adds keys to the section it stands in.
class ConfigSchema::Binder {
public:
    explicit Binder(ConfigSchema& schema) : schema_(schema) {}

    template <class Body>
    void section(const char* name, const Body& body) {
        const std::string outer = prefix_;
        schema_.sections_.insert(prefix_ + name);
        prefix_ += std::string(name) + '.';
        body();
        prefix_ = outer;
    }

    ConfigKey& text(const char* name, std::string& field, const char* meaning) {
        const std::string expected = "a name";
        return add(
            name, expected, meaning,
            [&field, expected](const std::string& text) {
                const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
                    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
                });
                if (text.empty() || !printable) {
                    refuse(text, expected);
                }
                field = text;
            },
            [&field] { return yaml_text(field); });
    }

    /// Fields of an address; whether they fit the geometry is not known here.
    ConfigKey& mapping(const char* name, std::string& field, const char* meaning) {
        const std::string expected = "fields of an address, e.g. row rank bank column offset";
        return add(
            name, expected, meaning,
            [&field, expected](const std::string& text) {
                if (text.empty()) {
                    refuse(text, expected);
                }
                field = text;
            },
            [&field] { return field.empty() ? std::string{} : yaml_text(field); });
    }

    template <class Value>
    ConfigKey& choice(const char* name, Value& field, std::vector<std::pair<std::string, Value>> values,
                      const char* meaning) {
        std::string expected;
        for (std::size_t i = 0; i < values.size(); ++i) {
            expected += i == 0 ? "" : i + 1 == values.size() ? " or " : ", ";
            expected += values[i].first;
        }
        return add(
            name, expected, meaning,
            [&field, values, expected](const std::string& text) {
                for (const auto& [label, value] : values) {
                    if (label == text) {
                        field = value;
                        return;
                    }
                }
                refuse(text, expected);
            },
            [&field, values] {
                for (const auto& [label, value] : values) {
                    if (value == field) {
                        return label;
                    }
                }
                return std::string{};
            });
    }

    ConfigKey& count(const char* name, std::uint32_t& field, const char* meaning) {
        return number(
            name, field, [](std::uint32_t n) { return n >= 1; }, "a whole number, at least 1", meaning);
    }

    ConfigKey& depth(const char* name, std::uint32_t& field, const char* meaning) {
        return number(
            name, field, [](std::uint32_t n) { return n >= 1 && n <= 4096; }, "a whole number from 1 to 4096",
            meaning);
    }

    ConfigKey& power_of_two(const char* name, std::uint32_t& field, const char* meaning) {
        return number(name, field, is_power_of_two, "a power of two", meaning);
    }

    ConfigKey& power_of_two_or_zero(const char* name, std::uint32_t& field, const char* meaning) {
        return number(
            name, field, [](std::uint32_t n) { return n == 0 || is_power_of_two(n); }, "a power of two or 0",
            meaning);
    }

    ConfigKey& number(const char* name, std::uint32_t& field,
                      const std::function<bool(std::uint32_t)>& is_allowed, const std::string& expected,
                      const char* meaning) {
        return add(
            name, expected, meaning,
            [&field, is_allowed, expected](const std::string& text) {
                const auto value = parse_number<std::uint32_t>(text);
                if (!value || !is_allowed(*value)) {
                    refuse(text, expected);
                }
                field = *value;
            },
            [&field] { return std::to_string(field); });
    }

    ConfigKey& fraction(const char* name, double& field, const char* meaning) {
        const std::string expected = "a number from 0 to 1";
        return add(
            name, expected, meaning,
            [&field, expected](const std::string& text) {
                const auto value = parse_number<double>(text);
                if (!value || !(*value >= 0 && *value <= 1)) {
                    refuse(text, expected);
                }
                field = *value;
            },
            [&field] { return fmt::format("{}", field); });
    }

    ConfigKey& clock(const char* name, Picoseconds& field, const char* meaning) {
        return add(
            name, "a clock period or frequency with its unit, e.g. 336 ps or 3 GHz", meaning,
            [&field](const std::string& text) {
                field = bounded(core::parse_clock_period(text), text);
                if (field.count() == 0) {
                    refuse(text, "a period above zero");
                }
            },
            [&field] { return core::format_time(field); });
    }

    ConfigKey& time(const char* name, Picoseconds& field, const char* meaning) {
        return add(
            name, "a time with its unit, e.g. 2.5 ns", meaning,
            [&field](const std::string& text) { field = bounded(core::parse_time(text), text); },
            [&field] { return core::format_time(field); });
    }

    /// A time that may also be given in cycles of `clock`, a key before it.
    ConfigKey& time(const char* name, Picoseconds& field, const Picoseconds& clock, const char* meaning) {
        return add(
            name, "a time with its unit, e.g. 2.5 ns, or clock cycles, e.g. 5 cy", meaning,
            [&field, &clock](const std::string& text) {
                // An invalid clock is an error of its own; any period lets the check of this key go on.
                field = bounded(core::parse_time(text, std::max(clock, Picoseconds{1})), text);
            },
            [&field] { return core::format_time(field); });
    }

    ConfigKey& size(const char* name, std::uint32_t& field, const char* meaning) {
        return add(
            name, "a size with its unit, e.g. 1 KiB", meaning,
            [&field](const std::string& text) {
                const core::Bytes size = core::parse_size(text);
                if (size.count > std::numeric_limits<std::uint32_t>::max()) {
                    refuse(text, "a size below 4 GiB");
                }
                field = static_cast<std::uint32_t>(size.count);
            },
            [&field] { return core::format_size({field}); });
    }

    ConfigKey& size(const char* name, core::Bytes& field, const char* meaning) {
        return add(
            name, "a size with its unit, e.g. 16 MiB", meaning,
            [&field](const std::string& text) { field = core::parse_size(text); },
            [&field] { return core::format_size(field); });
    }

    ConfigKey& buffer(const char* name, core::Bytes& field, const char* meaning) {
        return add(
            name, "a size with its unit, e.g. 32 KiB", meaning,
            [&field](const std::string& text) {
                field = core::parse_size(text);
                if (field.count == 0 || field.count % 16 != 0 || field.count > 1ULL << 30) {
                    refuse(text, "two halves of whole 8-byte bursts, at most 1 GiB");
                }
            },
            [&field] { return core::format_size(field); });
    }

    ConfigKey& energy_per_bit(const char* name, core::EnergyPerBit& field, const char* meaning) {
        return add(
            name, "an energy per bit with its unit, e.g. 1.17 pJ/bit", meaning,
            [&field](const std::string& text) { field = core::parse_energy_per_bit(text); },
            [&field] { return core::format_energy_per_bit(field); });
    }

    ConfigKey& energy(const char* name, core::Energy& field, const char* meaning) {
        return add(
            name, "an energy with its unit, e.g. 69.1 nJ", meaning,
            [&field](const std::string& text) { field = core::parse_energy(text); },
            [&field] { return core::format_energy(field); });
    }

    ConfigKey& power(const char* name, core::Power& field, const char* meaning) {
        return add(
            name, "a power with its unit, e.g. 43 mW", meaning,
            [&field](const std::string& text) { field = core::parse_power(text); },
            [&field] { return core::format_power(field); });
    }

    ConfigKey& voltage(const char* name, core::Voltage& field, const char* meaning) {
        return add(
            name, "a voltage with its unit, e.g. 1.2 V", meaning,
            [&field](const std::string& text) { field = core::parse_voltage(text); }, nullptr);
    }

    ConfigKey& current(const char* name, core::Current& field, const char* meaning) {
        return add(
            name, "a current with its unit, e.g. 55 mA", meaning,
            [&field](const std::string& text) { field = core::parse_current(text); }, nullptr);
    }

    ConfigKey& bandwidth(const char* name, core::Bandwidth& field, const char* meaning) {
        return add(
            name, "a bandwidth with its unit, e.g. 15.75 GB/s", meaning,
            [&field](const std::string& text) { field = core::parse_bandwidth(text); },
            [&field] { return core::format_bandwidth(field); });
    }

    void cache(const char* name, modules::HostCachesConfig::Level& level, const Picoseconds& clock) {
        section(name, [&] {
            size("size", level.size_bytes, "whole sets").optional();
            count("ways", level.ways, "associativity").optional();
            time("hit_latency", level.hit_latency, clock, "of a lookup").optional();
        });
    }

    /// The name of a file with more keys of this section; the reader opens it.
    void technology_file() {
        add("technology", "the name of a technology file", "", nullptr, nullptr).optional();
    }

    void memory(const char* name, modules::MemoryConfig& memory) {
        section(name, [&] {
            memory::Technology& t = memory.technology;
            technology_file();
            text("name", t.name, "name of the technology");
            choice<memory::MemoryKind>("kind", t.kind,
                                       {{"dram", memory::MemoryKind::dram}, {"pcm", memory::MemoryKind::pcm}},
                                       "accounts in the results that it is counted under");
            power_of_two_or_zero("channels", memory.channels,
                                 "channels behind one address range; 0: no such memory");
            geometry(memory);
            section("timing", [&] { timing(t); });
            currents(memory);
            section("energy", [&] { energies(t); });
        });
    }

private:
    /// The shape of a channel: keys of the memory itself, and of its section `geometry`, where a technology
    /// file has them.
    void geometry(modules::MemoryConfig& memory) {
        memory::Geometry& g = memory.geometry;
        shape(power_of_two("ranks", g.ranks, "per channel"));
        shape(power_of_two("chips_per_rank", g.chips_per_rank, "in lockstep"));
        shape(power_of_two("banks", g.banks, "per rank"));
        shape(power_of_two("rows", g.rows, "per bank"));
        shape(size("row_size", g.row_bytes, "per chip"));
        shape(power_of_two("bank_groups", g.bank_groups, "of consecutive banks; 1: none").optional());
        shape(power_of_two("device_bits", g.device_bits, "data lines of a chip").optional());
        shape(power_of_two("burst_length", g.burst_length, "transfers of a column access").optional());
        shape(mapping("mapping", memory.address_mapping, "of addresses, of a memory used alone").optional());
    }

    void shape(const ConfigKey& key) {
        const std::string section = prefix_ + "geometry";
        schema_.sections_.insert(section);
        schema_.aliases_[section + key.path.substr(prefix_.size() - 1)] = key.path;
    }

    void timing(memory::Technology& t) {
        const Picoseconds& ck = t.t_ck;
        clock("t_ck", t.t_ck, "command clock; one cy of the others");
        time("t_rcd", t.t_rcd, ck, "activate to column command");
        time("t_cl", t.t_cl, ck, "read command to first data");
        time("t_wl", t.t_wl, ck, "write command to first data");
        time("t_ccd", t.t_ccd, ck, "column command to column command");
        time("t_burst", t.t_burst, ck, "one burst on the data bus; 0: t_ccd").optional();
        time("t_wr", t.t_wr, ck, "last write data to precharge");
        time("t_rtp", t.t_rtp, ck, "read command to precharge");
        time("t_rp", t.t_rp, ck, "precharge to activate, same bank");
        time("t_ras", t.t_ras, ck, "activate to precharge, same bank");
        time("t_rc", t.t_rc, ck, "activate to activate, same bank");
        time("t_rrd", t.t_rrd, ck, "activate to activate, different banks");
        time("t_rrd_pre", t.t_rrd_pre, ck, "precharge to precharge, different banks; 0: no rule").optional();
        time("t_faw", t.t_faw, ck, "window of at most four activates; 0: no rule").optional();
        time("t_wtr", t.t_wtr, ck, "last write data to read command, same rank");
        time("t_ccd_l", t.t_ccd_l, ck, "t_ccd within a bank group; 0: t_ccd").optional();
        time("t_rrd_l", t.t_rrd_l, ck, "t_rrd within a bank group; 0: t_rrd").optional();
        time("t_wtr_l", t.t_wtr_l, ck, "t_wtr within a bank group; 0: t_wtr").optional();
        time("t_rtrs", t.t_rtrs, ck, "gap on the data bus when rank or direction changes");
        time("t_refi", t.t_refi, ck, "mean interval of refreshes; 0: no refresh").optional();
        time("t_rfc", t.t_rfc, ck, "refresh to activate").optional();
        time("t_rfc_pb", t.t_rfc_pb, ck, "refresh of one bank to activate; 0: all banks only").optional();
        time("t_cke", t.t_cke, ck, "shortest stay in power-down or self-refresh; 0: has neither").optional();
        time("t_xp", t.t_xp, ck, "end of power-down to first command").optional();
        time("t_xs", t.t_xs, ck, "end of self-refresh to first command").optional();
    }

    /// Not kept, and so not written; the energies that derive from them are.
    void currents(modules::MemoryConfig& memory) {
        const std::string owner = prefix_.substr(0, prefix_.size() - 1);
        schema_.currents_.push_back({owner, memory, {}});
        memory::DatasheetCurrents& i = schema_.currents_.back().values;
        section("currents", [&] {
            const std::string here = owner + ".currents";
            voltage("vdd", i.vdd, "supply").only_with = here;
            current("idd0", i.idd0, "a bank opened and closed every t_rc").only_with = here;
            current("idd2p", i.idd2p, "precharge power-down; 0: as idd2n").optional();
            current("idd2n", i.idd2n, "precharge standby").only_with = here;
            current("idd3p", i.idd3p, "active power-down; 0: as idd3n").optional();
            current("idd3n", i.idd3n, "active standby").only_with = here;
            current("idd4r", i.idd4r, "reads without a pause").only_with = here;
            current("idd4w", i.idd4w, "writes without a pause").only_with = here;
            current("idd5", i.idd5, "during t_rfc").optional();
            current("idd5_pb", i.idd5_pb, "during t_rfc_pb; 0: a bank's share of idd5").optional();
            current("idd6", i.idd6, "self-refresh; 0: as idd2p").optional();
        });
    }

    void energies(memory::Technology& t) {
        const std::string currents = prefix_.substr(0, prefix_.rfind('.', prefix_.size() - 2)) + ".currents";
        energy_per_bit("array_read", t.array_read, "per bit of a row that is opened").unless = currents;
        energy_per_bit("array_write", t.array_write, "per bit written back when a dirty row is closed")
            .unless = currents;
        energy_per_bit("buffer_read", t.buffer_read, "per bit read from the row buffer").unless = currents;
        energy_per_bit("buffer_write", t.buffer_write, "per bit written into the row buffer").unless =
            currents;
        power("background", t.background, "of one chip, all banks closed (precharge standby)").unless =
            currents;
        power("active_standby", t.active_standby, "of one chip, a row open; 0: as background").optional();
        power("power_down", t.power_down, "of one chip, all banks closed; 0: as background").optional();
        power("active_power_down", t.active_power_down, "of one chip, a row open; 0: as standby").optional();
        power("self_refresh", t.self_refresh, "of one chip, with its refreshes; 0: as power_down").optional();
        energy("refresh", t.refresh, "one refresh command, one chip").optional();
        energy("refresh_bank", t.refresh_bank, "one refresh command of one bank, one chip").optional();
        choice<memory::ArrayWritePolicy>("array_write_policy", t.array_write_policy,
                                         {{"modified-words", memory::ArrayWritePolicy::modified_words},
                                          {"whole-row", memory::ArrayWritePolicy::whole_row}},
                                         "what an array write is charged for")
            .optional();
    }

    ConfigKey& add(const char* name, std::string expected, const char* meaning,
                   std::function<void(const std::string&)> read, std::function<std::string()> write) {
        schema_.keys_.push_back({prefix_ + name,
                                 std::move(expected),
                                 meaning,
                                 true,
                                 {},
                                 {},
                                 {},
                                 {},
                                 std::move(read),
                                 std::move(write)});
        return schema_.keys_.back();
    }

    ConfigSchema& schema_;
    std::string prefix_;
};

ConfigSchema::ConfigSchema(PlatformConfig& config) {
    Binder b(*this);
    b.text("name", config.name, "name of the platform, repeated in its results");
    b.choice<TransferModel>("transfers", config.transfers,
                            {{to_string(TransferModel::ideal), TransferModel::ideal},
                             {to_string(TransferModel::timed), TransferModel::timed}},
                            "ideal: only multiply-accumulates take time")
        .optional();
    b.choice<Mapping>("mapping", config.mapping,
                      {{to_string(Mapping::paper_numbers), Mapping::paper_numbers},
                       {to_string(Mapping::paper_text), Mapping::paper_text}},
                      "how layers are spread over the units")
        .optional();
    b.choice<int>("partial_sum_bits", config.partial_sum_bits, {{"16", 16}, {"32", 32}, {"48", 48}},
                  "of the sums that leave a unit; 48 is exact")
        .optional();
    b.choice<core::WeightSource>(
         "weights", config.weights,
         {{to_string(core::WeightSource::stream), core::WeightSource::stream},
          {to_string(core::WeightSource::migrate), core::WeightSource::migrate},
          {to_string(core::WeightSource::resident), core::WeightSource::resident}},
         "from PCM into the weight buffers, from PCM by way of the units' chips, or there already")
        .optional();
    b.section("host", [&] {
        b.clock("clock_period", config.host.clock_period, "of a core");
        b.time("layer_timeout", config.host.layer_timeout, "the driver gives up on a layer after it");
        b.number(
             "cores", config.host.cores, [](std::uint32_t n) { return n >= 1 && n <= 32; },
             "a whole number from 1 to 32", "each with private L1 caches; the driver runs on the first")
            .optional();
        b.section("caches", [&] {
            modules::HostCachesConfig& caches = config.host.caches;
            b.size("line", caches.line_bytes, "of all caches").optional();
            b.count("outstanding_misses", caches.outstanding_misses, "of each L1 cache").optional();
            b.count("write_buffer", caches.write_buffer_lines, "lines on their way from the L2 to memory")
                .optional();
            b.cache("l1i", caches.l1i, config.host.clock_period);
            b.cache("l1d", caches.l1d, config.host.clock_period);
            b.cache("l2", caches.l2, config.host.clock_period);
        });
        b.section("load", [&] {
            modules::LoadConfig& load = config.host.load;
            b.number(
                 "cores", load.cores, [](std::uint32_t) { return true; }, "a whole number",
                 "that carry a background load, the last ones; 0: no load")
                .optional();
            b.bandwidth("rate", load.rate, "asked for, per core").optional();
            b.size("access", load.access_bytes, "of each access").optional();
            b.fraction("read_share", load.read_share, "of the accesses").optional();
            b.fraction("locality", load.locality, "probability of going on behind the access before")
                .optional();
            b.size("footprint", load.footprint, "bytes touched, common to all cores").optional();
            b.size("base", load.base, "address of the first block, in the DRAM").optional();
            b.size("block", load.block, "consecutive bytes of the footprint").optional();
            b.size("stride", load.stride, "from block to block").optional();
            b.number(
                 "seed", load.seed, [](std::uint32_t) { return true; }, "a whole number",
                 "of addresses and data")
                .optional();
        });
    });
    b.section("bus", [&] {
        b.time("latency", config.bus.latency, "per transaction");
        b.bandwidth("bandwidth", config.bus.bandwidth, "of the whole bus");
    });
    b.section("link", [&] {
        b.time("latency", config.link.latency, "each way");
        b.bandwidth("bandwidth", config.link.bandwidth, "each direction");
        b.size("packet_payload", config.link.packet_payload_bytes, "largest payload of a packet").optional();
        b.size("packet_header", config.link.packet_header_bytes, "of every packet").optional();
        b.energy_per_bit("energy", config.link.energy, "payload and header bits");
    });
    b.section("controller", [&] {
        b.time("latency", config.memory.controller.latency, "from acceptance to the first command");
        modules::ChannelControllerConfig& controller = config.memory.controller;
        b.energy_per_bit("io_energy", controller.io_energy, "per bit on a channel's data bus");
        b.depth("read_queue", controller.read_queue, "runs of column accesses to one row that may wait")
            .optional();
        b.depth("write_queue", controller.write_queue, "likewise").optional();
        b.count("write_high_watermark", controller.write_high_watermark, "waiting writes that start a drain")
            .optional();
        b.count("write_low_watermark", controller.write_low_watermark, "waiting writes that end it")
            .optional();
        b.count("burst_group", controller.burst_group,
                "column commands of a long run before other requests have their turn")
            .optional();
        b.time("starvation_limit", controller.starvation_limit, "a run that waits longer goes first")
            .optional();
        using modules::PagePolicy;
        using modules::RefreshMode;
        using modules::SchedulingPolicy;
        b.choice<SchedulingPolicy>("scheduling", controller.scheduling,
                                   {{"fr-fcfs", SchedulingPolicy::fr_fcfs}, {"fcfs", SchedulingPolicy::fcfs}},
                                   "first ready, first come first served, or strictly in order")
            .optional();
        b.choice<bool>("forwarding", controller.forwarding, {{"true", true}, {"false", false}},
                       "reads are answered from the write queue, if it has their bytes")
            .optional();
        b.choice<PagePolicy>(
             "page_policy", controller.page_policy,
             {{"open", PagePolicy::open}, {"closed", PagePolicy::closed}, {"timeout", PagePolicy::timeout}},
             "when a row is closed that nobody wants")
            .optional();
        b.time("page_timeout", controller.page_timeout, "from the last access to a row until it is closed")
            .optional()
            .only_where("page_policy: timeout",
                        [&controller] { return controller.page_policy == PagePolicy::timeout; });
        b.choice<RefreshMode>("refresh", controller.refresh,
                              {{"all-banks", RefreshMode::all_banks}, {"per-bank", RefreshMode::per_bank}},
                              "of a rank, or of one bank after the other")
            .optional();
        b.number(
             "postponed_refreshes", controller.postponed_refreshes,
             [](std::uint32_t n) { return n <= modules::most_postponed_refreshes; },
             "a whole number from 0 to 8", "of a rank that may wait until it is idle")
            .optional();
        b.time("power_down_after", controller.power_down_after, "of a rank without anything to do; 0: never")
            .optional();
        b.time("self_refresh_after", controller.self_refresh_after, "likewise").optional();
        b.mapping("address_mapping", controller.address_mapping, "wins over that of the memory").optional();
        b.depth("front_queue", config.memory.front_queue, "accesses of the host under way at a time")
            .optional();
    });
    b.section("accumulation", [&] {
        modules::AccumulationConfig& accumulation = config.memory.accumulation;
        b.clock("clock_period", accumulation.clock_period, "of the result accumulation unit");
        b.time("latency", accumulation.latency, accumulation.clock_period,
               "from the last partial sum to the finished word");
        b.count("operands_per_cycle", accumulation.operands_per_cycle, "partial sums that a lane adds")
            .optional();
    });
    b.section("staging", [&] {
        b.size("size", config.memory.staging_bytes, "weight prefetch buffer between PCM and DRAM").optional();
    });
    b.memory("dram", config.memory.dram);
    b.memory("pcm", config.memory.pcm);
    b.section("hydra", [&] {
        accelerators::hydra::HydraConfig& hydra = config.hydra;
        b.count("units", hydra.units, "one per DRAM chip, filled rank by rank").optional();
        b.count("macs_per_unit", hydra.macs_per_unit, "lanes").optional();
        b.clock("clock_period", hydra.clock_period, "of a unit").optional();
        b.count("mac_cycles", hydra.mac_cycles, "of one multiply-accumulate").optional();
        b.number(
             "ab_port_bits", hydra.ab_port_bits, [](std::uint32_t n) { return n >= 16 && n % 16 == 0; },
             "a multiple of 16", "of the port that fills the stream buffers")
            .optional();
        b.count("pool_cycles", hydra.pool_cycles, "of one comparison or addition").optional();
        b.buffer("activation_buffer", hydra.activation_buffer, "per unit, two halves").optional();
        b.buffer("weight_buffer", hydra.weight_buffer, "per unit, two halves").optional();
        b.buffer("output_buffer", hydra.output_buffer, "per unit, two halves").optional();
        b.power("power", hydra.power, "of 16 units of 32 lanes, while computing").optional();
        b.fraction("mac_power_share", hydra.mac_power_share, "of the power").optional();
        b.fraction("buffer_power_share", hydra.buffer_power_share, "of the power").optional();
        b.fraction("control_power_share", hydra.control_power_share, "of the power").optional();
    });
}

const ConfigKey* ConfigSchema::find(const std::string& path) const {
    const auto found =
        std::find_if(keys_.begin(), keys_.end(), [&path](const ConfigKey& key) { return key.path == path; });
    return found == keys_.end() ? nullptr : &*found;
}

std::string ConfigSchema::canonical(const std::string& path) const {
    const auto alias = aliases_.find(path);
    return alias == aliases_.end() ? path : alias->second;
}

std::vector<std::string> ConfigSchema::names_in(const std::string& section) const {
    const std::string prefix = section.empty() ? "" : section + '.';
    std::vector<std::string> names;
    const auto add = [&](const std::string& path) {
        if (path.compare(0, prefix.size(), prefix) != 0) {
            return;
        }
        const std::string rest = path.substr(prefix.size());
        const std::string name = rest.substr(0, rest.find('.'));
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    };
    for (const ConfigKey& key : keys_) {
        add(key.path);
    }
    for (const auto& alias : aliases_) {
        add(alias.first);
    }
    return names;
}

namespace {

void check_queues(const modules::ChannelControllerConfig& controller, const ReportError& report) {
    if (controller.write_high_watermark > controller.write_queue) {
        report("controller.write_high_watermark",
               fmt::format("found {}, expected at most controller.write_queue = {}",
                           controller.write_high_watermark, controller.write_queue));
    }
    if (controller.write_low_watermark > controller.write_high_watermark) {
        report("controller.write_low_watermark",
               fmt::format("found {}, expected at most controller.write_high_watermark = {}",
                           controller.write_low_watermark, controller.write_high_watermark));
    }
}

void check_caches(const modules::HostConfig& host, const ReportError& report) {
    const std::uint64_t line = host.caches.line_bytes;
    if (!is_power_of_two(line) || line < 8 || line > 4096) {
        report("host.caches.line",
               fmt::format("found {}, expected a power of two from 8 B to 4 KiB", core::format_size({line})));
        return;
    }
    for (const auto& [name, level] : {std::pair("l1i", &host.caches.l1i), std::pair("l1d", &host.caches.l1d),
                                      std::pair("l2", &host.caches.l2)}) {
        const std::uint64_t set = line * level->ways;
        if (level->size_bytes == 0 || level->size_bytes % set != 0 || level->size_bytes > 1U << 30) {
            report(fmt::format("host.caches.{}.size", name),
                   fmt::format("found {}, expected a multiple of {}, a set of {} ways, at most 1 GiB",
                               core::format_size({level->size_bytes}), core::format_size({set}),
                               level->ways));
        }
    }
}

/// @param dram_bytes 0: not known
void check_load(const modules::HostConfig& host, std::uint64_t dram_bytes, const ReportError& report) {
    const modules::LoadConfig& load = host.load;
    const auto expect = [&](const char* key, std::uint64_t found, bool holds, const std::string& expected) {
        if (!holds) {
            report(std::string("host.load.") + key,
                   fmt::format("found {}, expected {}", core::format_size({found}), expected));
        }
        return holds;
    };
    if (load.cores > host.cores) {
        report("host.load.cores",
               fmt::format("found {}, expected at most {}, the cores", load.cores, host.cores));
    }
    if (load.rate.bytes_per_s <= 0) {
        report("host.load.rate",
               "found unlimited, expected a limit: without transfer times there would be no other");
    }
    const bool whole =
        expect("access", load.access_bytes, load.access_bytes > 0 && load.access_bytes <= 4096,
               "1 B to 4 KiB") &&
        expect("block", load.block.count, load.block.count > 0 && load.block.count % load.access_bytes == 0,
               fmt::format("a multiple of host.load.access = {}", core::format_size({load.access_bytes}))) &&
        expect("footprint", load.footprint.count,
               load.footprint.count > 0 && load.footprint.count % load.block.count == 0,
               fmt::format("a multiple of host.load.block = {}", core::format_size(load.block))) &&
        expect("stride", load.stride.count, load.stride.count >= load.block.count,
               fmt::format("at least host.load.block = {}", core::format_size(load.block)));
    if (whole && load.cores > 0 && dram_bytes > 0) {
        const std::uint64_t blocks = load.footprint.count / load.block.count;
        const bool fits = load.stride.count <= dram_bytes && blocks <= dram_bytes / load.stride.count + 1 &&
                          load.span() <= dram_bytes && load.base.count <= dram_bytes - load.span();
        expect("base", load.base.count, fits,
               fmt::format("a footprint that ends within the DRAM of {}", core::format_size({dram_bytes})));
    }
}

constexpr const char* shape_keys[] = {"channels", "ranks",       "chips_per_rank", "banks",       "rows",
                                      "row_size", "bank_groups", "device_bits",    "burst_length"};

void check_memory(const std::string& section, const modules::MemoryConfig& memory,
                  const std::function<bool(const std::string&)>& is_valid, const ReportError& report) {
    const auto report_here = [&](const std::string& key, const std::string& message) {
        report(section + '.' + key, message);
    };
    bool whole = true;
    for (const char* key : shape_keys) {
        whole = whole && is_valid(section + '.' + key);
    }
    if (whole) {
        memory::check_geometry(memory.geometry, memory.channels, report_here);
    }
    if (!is_valid(section + ".timing")) {
        return;
    }
    const memory::Technology& t = memory.technology;
    memory::check_timing(t, report_here);
    if (t.t_refi.count() != 0 && t.t_rfc.count() == 0) { // ideal transfers have no such time
        report_here("timing.t_rfc", "found no refresh time, expected one above zero where t_refi is");
    }
}

/// @param only_default no other mapping is of use there
void check_mapping(const std::string& key, const std::string& mapping, const memory::Geometry& geometry,
                   bool only_default, const ReportError& report) {
    if (mapping.empty()) {
        return;
    }
    try {
        const modules::AddressMapping map(geometry, mapping);
        if (only_default && !map.is_default()) {
            report(key,
                   fmt::format("found {}, expected {} in the hybrid memory: the units and the layout of the "
                               "networks need it",
                               in_quotes(mapping), in_quotes(modules::AddressMapping(geometry).fields())));
        }
    } catch (const std::invalid_argument& e) {
        report(key, e.what());
    }
}

} // namespace

void check_consistency(const PlatformConfig& config, bool with_units,
                       const std::function<bool(const std::string&)>& is_valid, const ReportError& report) {
    const modules::MemoryConfig& dram = config.memory.dram;
    const modules::MemoryConfig& pcm = config.memory.pcm;
    const accelerators::hydra::HydraConfig& hydra = config.hydra;

    check_memory("dram", dram, is_valid, report);
    check_memory("pcm", pcm, is_valid, report);
    const bool shape_is_known =
        std::all_of(std::begin(shape_keys), std::end(shape_keys),
                    [&](const char* key) { return is_valid(fmt::format("dram.{}", key)); });
    if (shape_is_known) {
        check_mapping("dram.mapping", dram.address_mapping, dram.geometry, with_units, report);
        check_mapping("controller.address_mapping", config.memory.controller.address_mapping, dram.geometry,
                      with_units, report);
    }
    if (with_units && is_valid("pcm")) {
        check_mapping("pcm.mapping", pcm.address_mapping, pcm.geometry, false, report);
    }
    if (is_valid("controller") && is_valid("dram.timing") && config.transfers == TransferModel::timed) {
        modules::ChannelControllerConfig controller = config.memory.controller;
        controller.shares_with_units = with_units;
        modules::check_sleep_and_refresh(dram.technology, controller,
                                         [&](const char* key, const std::string& message) {
                                             report(fmt::format("controller.{}", key), message);
                                         });
    }
    if (is_valid("pcm.channels") && pcm.channels == 0 && config.weights != core::WeightSource::resident) {
        report("pcm.channels", "found 0, expected a PCM for the weights, or weights: resident");
    }
    if (is_valid("dram.channels") && dram.channels != 1) {
        report("dram.channels",
               fmt::format("found {}, expected 1: the channel that carries the units", dram.channels));
    }
    if (with_units && is_valid("hydra.units") && is_valid("dram.ranks") && is_valid("dram.chips_per_rank")) {
        const std::uint64_t chips = std::uint64_t{dram.geometry.ranks} * dram.geometry.chips_per_rank;
        if (hydra.units > chips) {
            report("hydra.units",
                   fmt::format("found {}, expected at most {}, one per DRAM chip", hydra.units, chips));
        }
    }
    if (with_units && is_valid("staging") && is_valid("dram.chips_per_rank") &&
        is_valid("dram.device_bits") && is_valid("dram.burst_length")) {
        const std::uint64_t burst = std::uint64_t{dram.geometry.chips_per_rank} * dram.geometry.burst_bytes();
        const std::uint32_t size = config.memory.staging_bytes;
        if (size == 0 || size % burst != 0) {
            report("staging.size", fmt::format("found {}, expected a multiple of {}, a burst of the channel",
                                               core::format_size({size}), core::format_size({burst})));
        }
    }
    if (is_valid("link.packet_payload") && config.link.packet_payload_bytes == 0) {
        report("link.packet_payload", "found 0 B, expected a payload above zero");
    }
    if (is_valid("host.layer_timeout") && config.host.layer_timeout.count() == 0) {
        report("host.layer_timeout", "found 0 ps, expected a time above zero");
    }
    if (is_valid("controller")) {
        check_queues(config.memory.controller, report);
    }
    if (is_valid("host")) {
        check_caches(config.host, report);
        check_load(config.host, is_valid("dram") ? dram.capacity_bytes() : 0, report);
    }
    if (is_valid("hydra")) {
        // Each half of a buffer holds at least one operand, or one sum, of every lane.
        const auto at_least = [&](const char* key, core::Bytes size, std::uint64_t bytes_per_lane) {
            const std::uint64_t bound = 2 * bytes_per_lane * hydra.macs_per_unit;
            if (size.count < bound) {
                report(std::string("hydra.") + key,
                       fmt::format("found {}, expected at least {}: two halves of {} B for each of {} lanes",
                                   core::format_size(size), core::format_size({bound}), bytes_per_lane,
                                   hydra.macs_per_unit));
            }
        };
        constexpr std::uint64_t word = 2, exact_sum = 6;
        at_least("activation_buffer", hydra.activation_buffer, word);
        at_least("output_buffer", hydra.output_buffer, exact_sum);
        const double shares = hydra.mac_power_share + hydra.buffer_power_share + hydra.control_power_share;
        if (std::abs(shares - 1) > 1e-9) {
            report("hydra",
                   fmt::format("found shares of mac, buffer and control power that add to {:.6g}, expected 1",
                               shares));
        }
    }
}

} // namespace hydravp::platform
