// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/workloads/trace.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace hydravp::test {

/// All accesses of a trace.
inline std::vector<workloads::TraceAccess> read_all(const std::string& path,
                                                    const workloads::TraceOptions& options = {}) {
    const auto reader = workloads::open_trace(path, options);
    std::vector<workloads::TraceAccess> all;
    for (workloads::TraceAccess access; reader->next(access);) {
        all.push_back(access);
    }
    workloads::TraceAccess after{core::Picoseconds{1}, true, 2, 3};
    CHECK_FALSE(reader->next(after)); // and stays at the end
    CHECK(after == workloads::TraceAccess{core::Picoseconds{1}, true, 2, 3});
    return all;
}

} // namespace hydravp::test
