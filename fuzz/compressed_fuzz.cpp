// SPDX-License-Identifier: Apache-2.0
// Files compressed with gzip or zstd, in pieces of changing size.
#include "hydravp/core/error.h"

#include "byte_source.h"
#include "target.h"

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    // A small file may well hold gigabytes, and whoever reads them decides how many; here this is enough.
    constexpr std::size_t enough = std::size_t{8} << 20;
    const fuzz::InputFile file(data, size);
    fuzz::refused = !fuzz::accepts<core::InputError>([&] {
        workloads::ByteSource source(file.path());
        std::vector<char> piece(std::size_t{1} << 16);
        std::size_t total = 0;
        for (std::size_t wanted = 1; total < enough; wanted = wanted % piece.size() + 1021) {
            wanted = wanted < piece.size() ? wanted : piece.size();
            const std::size_t got = source.read(piece.data(), wanted);
            fuzz::require(got <= wanted, "no more is read than asked for");
            total += got;
            if (got < wanted) {
                break;
            }
        }
        fuzz::require(source.progress() >= 0 && source.progress() <= 1, "progress is a share");
    });
    return 0;
}
