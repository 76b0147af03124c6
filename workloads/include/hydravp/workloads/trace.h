// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstdint>
#include <memory>
#include <string>

/// Memory traces: readers of the formats that other simulators use, and of one of our own. All of them are
/// described in docs/traces.md.
namespace hydravp::workloads {

/// One access of a trace.
struct TraceAccess {
    core::Picoseconds time{}; ///< when it is to be issued, from the start of the simulation
    bool write = false;
    std::uint64_t address = 0; ///< of its first byte
    std::uint32_t bytes = 0;   ///< 1 to `largest_trace_access`

    friend bool operator==(const TraceAccess& a, const TraceAccess& b) {
        return a.time == b.time && a.write == b.write && a.address == b.address && a.bytes == b.bytes;
    }
};

/// In bytes.
inline constexpr std::uint32_t largest_trace_access = 1U << 20;

enum class TraceFormat {
    automatic, ///< by the content, or by the ending (.stl, .nvt) of the file's name
    stl,       ///< DRAMSys, `31: (64) read 0x400140`; source: configs/README.md and StlPlayer.cpp of DRAMSys
    ramulator, ///< Ramulator 2, `LD 0x400140`, `W 4194624`; source: loadstore_trace.cpp, readwrite_trace.cpp
    dramsim3,  ///< DRAMsim3, `0x400140 READ 31`; source: common.cc, and for k6 names DRAMSim2
    nvmain,    ///< NVMain, `31 R 400140 <data> <old data> 0`; source: NVMainTraceReader.cpp
    binary     ///< our own, compact and with times in picoseconds: docs/traces.md
};

/// `stl`, `ramulator`, ...
const char* to_string(TraceFormat format);
/// The inverse, with `auto`; throws core::InputError for an unknown name.
TraceFormat trace_format_from(const std::string& name);

struct TraceOptions {
    TraceFormat format = TraceFormat::automatic;
    /// Of the cycles that stl, dramsim3 and nvmain count; above zero.
    core::Picoseconds clock_period{1000};
    /// Of accesses whose line doesn't say: all but those of the binary format and of stl with a length.
    std::uint32_t bytes_per_access = 64;
};

/// The accesses of a trace, one after the other. Holds a buffer, never the trace.
class TraceReader {
public:
    virtual ~TraceReader() = default;

    /// The next access; false at the end of the trace, `access` is then as it was. Throws core::InputError
    /// for a line that is none of the format's: `file:line: found X, expected Y` (binary: `file: access N`).
    virtual bool next(TraceAccess& access) = 0;
    /// Never `automatic`.
    virtual TraceFormat format() const = 0;
    /// The format counts cycles of `TraceOptions::clock_period`.
    bool counts_cycles() const {
        return format() == TraceFormat::stl || format() == TraceFormat::dramsim3 ||
               format() == TraceFormat::nvmain;
    }
    /// The format says when accesses are to be issued; otherwise their time is 0.
    bool has_times() const { return format() != TraceFormat::ramulator; }
    /// Share of the file that has been read, from 0 to 1; 0 if its size is unknown (a pipe).
    virtual double progress() const = 0;
};

/// Opens a trace, which may be compressed with gzip or zstd (known by its content). Throws core::InputError
/// if it can't be read, is empty or of no known format, std::invalid_argument for options that make no sense.
std::unique_ptr<TraceReader> open_trace(const std::string& path, const TraceOptions& options = {});

} // namespace hydravp::workloads
