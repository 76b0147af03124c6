// SPDX-License-Identifier: Apache-2.0
// Traces of DRAMSys (stl), Ramulator 2, DRAMsim3 and NVMain, in the format that they look like and in each of
// the four.
#include "target.h"
#include "trace_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    using workloads::TraceFormat;
    const fuzz::InputFile file(data, size);
    for (const auto format :
         {TraceFormat::stl, TraceFormat::ramulator, TraceFormat::dramsim3, TraceFormat::nvmain}) {
        fuzz::reads_trace(file.path(), format);
    }
    fuzz::refused = !fuzz::reads_trace(file.path(), TraceFormat::automatic);
    return 0;
}
