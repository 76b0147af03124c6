// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace hydravp::test {

/// A folder that vanishes with the object.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "hydravp-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

struct Outcome {
    int code = -1;
    std::string text;
};

/// Runs a shell command; the text is standard output and standard error together.
inline Outcome shell(const std::string& command) {
    Outcome outcome;
    FILE* const pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::vector<char> buffer(4096);
    for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        outcome.text.append(buffer.data(), n);
    }
    const int status = pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

/// Runs the program in a folder.
inline Outcome hydravp_in(const TemporaryFolder& folder, const std::string& arguments) {
    return shell("cd '" + folder.path().string() + "' && '" HYDRAVP_PROGRAM "' " + arguments);
}

/// Runs the program in an empty folder.
inline Outcome run_hydravp(const std::string& arguments) {
    return hydravp_in(TemporaryFolder(), arguments);
}

/// The program refuses its input: exit code 2, one message that contains `expected`.
inline void check_bad_input(const Outcome& outcome, const std::string& expected) {
    CHECK(outcome.code == 2);
    CHECK_THAT(outcome.text, Catch::StartsWith("hydravp: error: "));
    CHECK_THAT(outcome.text, Catch::Contains(expected));
}

} // namespace hydravp::test
