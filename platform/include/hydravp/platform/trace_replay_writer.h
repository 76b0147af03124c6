// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/trace_replay.h"

#include <string>

namespace hydravp::platform {

/// trace.json, as docs/trace.schema.json describes it.
void write_trace_json(const std::string& path, const TraceReplayResults& results);

/// histogram.csv: a row per bucket of latencies that is not empty, with the reads and writes in it.
void write_latency_histogram(const std::string& path, const TraceReplayResults& results);

/// What was replayed, a table of reads and writes, totals, for a terminal.
std::string format_trace_replay(const TraceReplayResults& results);

} // namespace hydravp::platform
