// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/workloads/trace.h"

#include "target.h"

namespace hydravp::fuzz {

/// Reads a trace to its end and checks what every access promises. False if it is refused.
inline bool reads_trace(const std::string& path, workloads::TraceFormat format) {
    workloads::TraceOptions options;
    options.format = format;
    return accepts<core::InputError>([&] {
        const auto reader = workloads::open_trace(path, options);
        require(reader->format() != workloads::TraceFormat::automatic, "an open trace has a format");
        workloads::TraceAccess access;
        while (reader->next(access)) {
            require(access.time.count() >= 0, "no time is below 0");
            require(access.bytes > 0 && access.bytes <= workloads::largest_trace_access,
                    "an access has a sensible number of bytes");
            require(reader->progress() >= 0 && reader->progress() <= 1, "progress is a share");
        }
        require(!reader->next(access), "the end of a trace stays its end");
    });
}

} // namespace hydravp::fuzz
