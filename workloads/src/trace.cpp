// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include "trace_binary.h"
#include "trace_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace hydravp::workloads {

namespace {

using std::string_view;

constexpr std::array formats{
    std::pair{TraceFormat::automatic, "auto"},      std::pair{TraceFormat::stl, "stl"},
    std::pair{TraceFormat::ramulator, "ramulator"}, std::pair{TraceFormat::dramsim3, "dramsim3"},
    std::pair{TraceFormat::nvmain, "nvmain"},       std::pair{TraceFormat::binary, "binary"}};

constexpr const char* blanks = " \t\r";

/// Takes the next of a line's fields away.
string_view take_field(string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const string_view field = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(field.size());
    return field;
}

/// The first line with content.
string_view first_line(string_view text) {
    while (!text.empty()) {
        const string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t begin = line.find_first_not_of(blanks);
        if (begin != string_view::npos && line[begin] != '#') {
            return line;
        }
    }
    return {};
}

/// By an access's looks; automatic if it is none that we know.
TraceFormat format_of_line(string_view line) {
    const string_view first = take_field(line);
    const string_view second = take_field(line);
    if (first == "LD" || first == "ST" || first == "R" || first == "W") {
        return TraceFormat::ramulator;
    }
    if (first.substr(0, 4) == "NVMV" || second == "R" || second == "W") {
        return TraceFormat::nvmain;
    }
    if (second == "read" || second == "write" || second.substr(0, 1) == "(") {
        return TraceFormat::stl;
    }
    for (const char* command : {"READ", "WRITE", "IFETCH", "P_FETCH", "P_MEM_RD", "P_MEM_WR", "BOFF"}) {
        if (second == command) {
            return TraceFormat::dramsim3;
        }
    }
    return TraceFormat::automatic;
}

TraceFormat format_of_name(const std::string& path) {
    std::filesystem::path name(path);
    if (name.extension() == ".gz" || name.extension() == ".zst") {
        name = name.stem();
    }
    if (name.extension() == ".rstl") {
        throw core::InputError(path +
                               ": found a relative trace (.rstl), whose times depend on the memory that "
                               "it was made for; expected absolute times (.stl)");
    }
    return name.extension() == ".stl"   ? TraceFormat::stl
           : name.extension() == ".nvt" ? TraceFormat::nvmain
                                        : TraceFormat::automatic;
}

TraceFormat find_format(const std::string& path, string_view content) {
    if (content.substr(0, binary_trace::magic.size()) == binary_trace::magic) {
        return TraceFormat::binary;
    }
    TraceFormat format = format_of_name(path);
    const string_view line = first_line(content);
    if (format == TraceFormat::automatic) {
        format = format_of_line(line);
    }
    if (format == TraceFormat::automatic) {
        throw core::InputError(fmt::format(
            "{}: found {}, expected an access in one of the known formats; if it is one, name the "
            "format: stl, ramulator, dramsim3, nvmain or binary",
            path, core::in_quotes(line)));
    }
    return format;
}

} // namespace

const char* to_string(TraceFormat format) {
    return formats[static_cast<std::size_t>(format)].second;
}

TraceFormat trace_format_from(const std::string& name) {
    std::string known;
    for (const auto& [format, format_name] : formats) {
        if (name == format_name) {
            return format;
        }
        known += (known.empty() ? "" : ", ") + std::string(format_name);
    }
    throw core::InputError(
        fmt::format("found trace format {}, expected one of {}", core::in_quotes(name), known));
}

std::unique_ptr<TraceReader> open_trace(const std::string& path, const TraceOptions& options) {
    if (options.clock_period.count() <= 0 || options.bytes_per_access == 0 ||
        options.bytes_per_access > largest_trace_access) {
        throw std::invalid_argument("trace: needs a clock period above zero and accesses of 1 byte to 1 MiB");
    }
    auto source = std::make_unique<TraceSource>(path);
    const string_view content = source->peek();
    if (content.empty()) {
        throw core::InputError(path + ": found an empty file, expected a trace");
    }
    TraceOptions known = options;
    if (known.format == TraceFormat::automatic) {
        known.format = find_format(path, content);
    }
    return known.format == TraceFormat::binary ? make_binary_reader(std::move(source))
                                               : make_text_reader(std::move(source), known);
}

} // namespace hydravp::workloads
