// SPDX-License-Identifier: Apache-2.0
// Traces in HydraVP's own format.
#include "target.h"
#include "trace_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    const fuzz::InputFile file(data, size);
    fuzz::refused = !fuzz::reads_trace(file.path(), workloads::TraceFormat::binary);
    return 0;
}
