// SPDX-License-Identifier: Apache-2.0
// The formats of other simulators: one access a line.
#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include "trace_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace hydravp::workloads {

namespace {

using std::string_view;

/// Fields between blanks and tabs.
struct Fields {
    static constexpr std::size_t most = 8;
    std::array<string_view, most> at;
    std::size_t count = 0; ///< all fields of the line, also those beyond `most`

    explicit Fields(string_view line) {
        constexpr const char* blanks = " \t";
        for (std::size_t begin = line.find_first_not_of(blanks); begin != string_view::npos;) {
            const std::size_t end = std::min(line.find_first_of(blanks, begin), line.size());
            if (count < most) {
                at[count] = line.substr(begin, end - begin);
            }
            ++count;
            begin = line.find_first_not_of(blanks, end);
        }
    }
};

bool is_hex(string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == string_view::npos;
}

string_view without_0x(string_view text) {
    return text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X" ? text.substr(2) : text;
}

bool parse_number(string_view text, int base, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size();
}

/// What the formats have in common: lines, blank ones and comments, errors with their place.
class TextReader : public TraceReader {
public:
    TextReader(std::unique_ptr<TraceSource> source, const TraceOptions& options)
        : source_(std::move(source)), options_(options) {}

    TraceFormat format() const override { return options_.format; }
    double progress() const override { return source_->progress(); }

    bool next(TraceAccess& access) override {
        string_view line;
        while (source_->line(line)) {
            const Fields fields(line);
            if (fields.count == 0 || fields.at[0][0] == '#') {
                continue;
            }
            TraceAccess found;
            found.bytes = options_.bytes_per_access;
            if (parse(line, fields, found)) {
                access = found;
                return true;
            }
        }
        return false;
    }

protected:
    /// False if the line is none of an access.
    virtual bool parse(string_view line, const Fields& fields, TraceAccess& access) = 0;

    [[noreturn]] void fail(string_view found, const std::string& expected) const {
        throw core::InputError(fmt::format("{}:{}: found {}, expected {}", source_->path(),
                                           source_->line_number(), core::in_quotes(found), expected));
    }

    std::uint64_t hex_address(string_view text) const {
        std::uint64_t address = 0;
        if (!parse_number(without_0x(text), 16, address)) {
            fail(text, "a hexadecimal address of at most 64 bits");
        }
        return address;
    }

    core::Picoseconds time_of_cycle(string_view text) const {
        std::uint64_t cycle = 0;
        if (!parse_number(text, 10, cycle)) {
            fail(text, "a cycle, a whole decimal number");
        }
        constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        const auto period = static_cast<std::uint64_t>(options_.clock_period.count());
        if (cycle > last / period) {
            fail(text,
                 fmt::format("a cycle of at most {}, with a clock period of {} ps", last / period, period));
        }
        return core::Picoseconds{static_cast<std::int64_t>(cycle * period)};
    }

    const TraceSource& source() const { return *source_; }

private:
    std::unique_ptr<TraceSource> source_;
    TraceOptions options_;
};

/// `31: (64) read 0x400140 0x1234...`: cycle, length in bytes (optional), command, address, data (optional).
class StlReader : public TextReader {
public:
    using TextReader::TextReader;

private:
    bool parse(string_view line, const Fields& fields, TraceAccess& access) override {
        const bool has_length = fields.count > 1 && fields.at[1][0] == '(';
        const std::size_t command = has_length ? 2 : 1;
        if (fields.count < command + 2 || fields.count > command + 3) {
            fail(line, "'CYCLE: [(BYTES)] read|write ADDRESS [DATA]'");
        }
        string_view cycle = fields.at[0];
        if (cycle.back() == ':') {
            cycle.remove_suffix(1);
        }
        access.time = time_of_cycle(cycle);
        if (has_length) {
            access.bytes = length(fields.at[1]);
        }
        if (fields.at[command] != "read" && fields.at[command] != "write") {
            fail(fields.at[command], "read or write");
        }
        access.write = fields.at[command] == "write";
        access.address = hex_address(fields.at[command + 1]);
        if (fields.count > command + 2 && !is_hex(without_0x(fields.at[command + 2]))) {
            fail(fields.at[command + 2], "data as hexadecimal digits");
        }
        return true;
    }

    std::uint32_t length(string_view text) const {
        std::uint64_t bytes = 0;
        if (text.size() < 3 || text.back() != ')' ||
            !parse_number(text.substr(1, text.size() - 2), 10, bytes) || bytes == 0 ||
            bytes > largest_trace_access) {
            fail(text, fmt::format("a length in bytes from (1) to ({})", largest_trace_access));
        }
        return static_cast<std::uint32_t>(bytes);
    }
};

/// `LD 0x400140`, `ST 4194624` (LoadStoreTrace) and `R`, `W` with one address (ReadWriteTrace): no times.
class RamulatorReader : public TextReader {
public:
    using TextReader::TextReader;

private:
    bool parse(string_view line, const Fields& fields, TraceAccess& access) override {
        if (fields.count != 2) {
            fail(line, "'LD|ST|R|W ADDRESS'");
        }
        const string_view command = fields.at[0];
        const string_view address = fields.at[1];
        access.write = command == "ST" || command == "W";
        if (!access.write && command != "LD" && command != "R") {
            fail(command, "LD, ST, R or W");
        }
        if (address.find(',') != string_view::npos) {
            fail(address,
                 "one address; a vector of channel, rank, bank ... depends on the device it was made for");
        }
        const bool hex = without_0x(address).size() != address.size();
        if (!parse_number(without_0x(address), hex ? 16 : 10, access.address)) {
            fail(address, "an address of at most 64 bits, hexadecimal after 0x, otherwise decimal");
        }
        return true;
    }
};

/// `0x400140 READ 31`: address, command, cycle.
class DramSim3Reader : public TextReader {
public:
    using TextReader::TextReader;

private:
    bool parse(string_view line, const Fields& fields, TraceAccess& access) override {
        if (fields.count != 3) {
            fail(line, "'ADDRESS READ|WRITE CYCLE'");
        }
        access.address = hex_address(fields.at[0]);
        const string_view command = fields.at[1];
        access.write = command == "WRITE" || command == "P_MEM_WR" || command == "BOFF";
        if (!access.write && command != "READ" && command != "IFETCH" && command != "P_MEM_RD" &&
            command != "P_FETCH") {
            fail(command, "READ or WRITE (or DRAMSim2's IFETCH, P_FETCH, P_MEM_RD, P_MEM_WR, BOFF)");
        }
        access.time = time_of_cycle(fields.at[2]);
        return true;
    }
};

/// `31 R 400140 DATA OLDDATA THREAD` after a first line `NVMV1`, without OLDDATA if there is none.
class NvmainReader : public TextReader {
public:
    using TextReader::TextReader;

private:
    bool parse(string_view line, const Fields& fields, TraceAccess& access) override {
        const bool first = std::exchange(first_, false);
        if (first && fields.at[0].substr(0, 4) == "NVMV") {
            if (fields.count != 1 || (fields.at[0] != "NVMV0" && fields.at[0] != "NVMV1")) {
                fail(line, "the version NVMV0 or NVMV1");
            }
            old_data_ = fields.at[0] == "NVMV1";
            return false;
        }
        if (fields.count != (old_data_ ? 6 : 5)) {
            fail(line, old_data_
                           ? "'CYCLE R|W ADDRESS DATA OLDDATA THREAD'"
                           : "'CYCLE R|W ADDRESS DATA THREAD' (with OLDDATA only after a first line NVMV1)");
        }
        access.time = time_of_cycle(fields.at[0]);
        if (fields.at[1] != "R" && fields.at[1] != "W") {
            fail(fields.at[1], "R or W");
        }
        access.write = fields.at[1] == "W";
        access.address = hex_address(fields.at[2]);
        for (std::size_t data = 3; data < fields.count - 1; ++data) {
            if (!is_hex(without_0x(fields.at[data]))) {
                fail(fields.at[data], "data as hexadecimal digits");
            }
        }
        std::uint64_t thread = 0;
        if (!parse_number(fields.at[fields.count - 1], 10, thread)) {
            fail(fields.at[fields.count - 1], "a thread, a whole decimal number");
        }
        return true;
    }

    bool first_ = true;
    bool old_data_ = false;
};

} // namespace

std::unique_ptr<TraceReader> make_text_reader(std::unique_ptr<TraceSource> source,
                                              const TraceOptions& options) {
    switch (options.format) {
    case TraceFormat::stl:
        return std::make_unique<StlReader>(std::move(source), options);
    case TraceFormat::ramulator:
        return std::make_unique<RamulatorReader>(std::move(source), options);
    case TraceFormat::dramsim3:
        return std::make_unique<DramSim3Reader>(std::move(source), options);
    default:
        return std::make_unique<NvmainReader>(std::move(source), options);
    }
}

} // namespace hydravp::workloads
