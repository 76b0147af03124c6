// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share. Each target defines LLVMFuzzerTestOneInput: libFuzzer calls it with inputs of
// its own, corpus_replay.cpp with the files of the corpus.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hydravp::fuzz {

/// The last input was refused, by the exception that the reader documents.
inline bool refused = false;

[[noreturn]] inline void finding(const std::string& what) {
    std::fprintf(stderr, "finding: %s\n", what.c_str());
    std::abort();
}

/// Ends the program if a promise is broken.
inline void require(bool holds, const std::string& promise) {
    if (!holds) {
        finding("not kept: " + promise);
    }
}

/// Whether `read` returns. It may throw `Refusal`; any other exception leaves, and is a finding.
template <class Refusal, class Read>
bool accepts(const Read& read) {
    try {
        read();
        return true;
    } catch (const Refusal&) {
        return false;
    }
}

/// The input as a file for readers that want a name.
class InputFile {
public:
    InputFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("input", 0)) {
        const auto bytes = static_cast<ssize_t>(size);
        if (descriptor_ < 0 || ::write(descriptor_, data, size) != bytes) {
            finding("no memory for a file");
        }
    }
    ~InputFile() { close(descriptor_); }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

/// A temporary folder for readers of files that name other files.
class InputFolder {
public:
    InputFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "hydravp-fuzz-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            finding("no temporary folder");
        }
        path_ = name;
    }
    ~InputFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    InputFolder(const InputFolder&) = delete;
    InputFolder& operator=(const InputFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    /// The path of a new file with this content.
    std::string write(const std::string& name, const std::string& content) const {
        const std::filesystem::path file = path_ / name;
        std::ofstream(file, std::ios::binary) << content;
        return file.string();
    }

private:
    std::filesystem::path path_;
};

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace hydravp::fuzz
