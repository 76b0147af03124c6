// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

/// A file with the given content that vanishes with the object.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& content, const std::string& ending = "") {
        static int number = 0;
        path_ = (std::filesystem::temp_directory_path() /
                 ("hydravp_test_" + std::to_string(getpid()) + "_" + std::to_string(number++) + ending))
                    .string();
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};
