// SPDX-License-Identifier: Apache-2.0
// corpus_replay FOLDER: reads every file of a fuzz target's corpus once. Those named valid* have to be
// accepted, the others refused.
#include "target.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <vector>

namespace fs = std::filesystem;

// The SystemC library, which the readers' libraries are linked with, exports main(); the program starts here.
extern "C" int sc_main(int argc, char* argv[]) {
    std::vector<fs::path> files;
    if (argc == 2) {
        std::copy(fs::directory_iterator(argv[1]), fs::directory_iterator(), std::back_inserter(files));
    }
    std::sort(files.begin(), files.end());
    int wrong = files.empty() ? 1 : 0;
    for (const fs::path& path : files) {
        std::ifstream file(path, std::ios::binary);
        const std::string content{std::istreambuf_iterator<char>(file), {}};
        const bool valid = path.filename().string().rfind("valid", 0) == 0;
        std::string result;
        try {
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
            result = hydravp::fuzz::refused ? "refused" : "accepted";
        } catch (const std::exception& error) {
            result = std::string("failed: ") + error.what();
        }
        const bool as_expected = result == (valid ? "accepted" : "refused");
        wrong += as_expected ? 0 : 1;
        std::printf("%s%s: %s\n", as_expected ? "" : "WRONG: ", path.filename().c_str(), result.c_str());
    }
    std::printf("%zu files, %d wrong\n", files.size(), wrong);
    return wrong == 0 ? 0 : 1;
}
