// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/trace.h"

#include <cstdint>
#include <memory>
#include <string>

namespace hydravp::workloads {

/// Writes a trace, in the binary format, or as DRAMSys's stl for a name that ends with .stl; compressed if
/// the name ends with .gz or .zst.
///
/// The file appears under its name when it is complete (`close()`): what is written before lies beside it,
/// and vanishes with a writer that was not closed. Errors are core::SimulationError.
class TraceWriter {
public:
    /// @param clock_period of the cycles of stl; times are rounded down to it. Above zero.
    explicit TraceWriter(const std::string& path, core::Picoseconds clock_period = core::Picoseconds{1000});
    ~TraceWriter();
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    /// An access of more than `largest_trace_access` bytes is written as several. Throws
    /// std::invalid_argument for 0 bytes or a time below 0.
    void write(const TraceAccess& access);
    /// Ends the file; nothing can be written afterwards.
    void close();
    std::uint64_t accesses() const { return accesses_; } ///< written so far

private:
    struct File;

    void put(const TraceAccess& access);
    void put_binary(const TraceAccess& access);
    void put_number(std::uint64_t value);
    void send();

    std::string path_;
    std::unique_ptr<File> file_; ///< null after `close()`
    bool text_ = false;
    core::Picoseconds clock_period_;
    std::string buffer_;
    TraceAccess last_;
    std::uint64_t accesses_ = 0;
};

} // namespace hydravp::workloads
