// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/trace.h"

#include "trace_source.h"

#include <memory>

namespace hydravp::workloads {

/// A reader of one of the formats of lines, or of our own; `format` is never automatic.
std::unique_ptr<TraceReader> make_text_reader(std::unique_ptr<TraceSource> source,
                                              const TraceOptions& options);
std::unique_ptr<TraceReader> make_binary_reader(std::unique_ptr<TraceSource> source);

} // namespace hydravp::workloads
