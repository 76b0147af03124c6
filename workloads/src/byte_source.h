// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/iostreams/filtering_streambuf.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace hydravp::workloads {

/// The bytes of a file, decompressed if it starts like a gzip or zstd file. Reads once from the beginning to
/// the end, so that a pipe will do. All errors are core::InputError with the file's name.
class ByteSource {
public:
    enum class Compression { none, gzip, zstd };

    explicit ByteSource(const std::string& path);
    ~ByteSource();
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    /// Reads up to `size` bytes; fewer only at the end of the file.
    std::size_t read(char* to, std::size_t size);
    bool compressed() const { return compression_ != Compression::none; }
    /// Share of the file that has been read, from 0 to 1; 0 if its size is unknown.
    double progress() const;
    const std::string& path() const { return path_; }

private:
    struct File;

    std::string path_;
    std::shared_ptr<File> file_;
    Compression compression_ = Compression::none;
    boost::iostreams::filtering_streambuf<boost::iostreams::input> stream_;
};

/// Follows the frames and blocks of zstd data (RFC 8878, section 3.1), without decompressing them, to tell
/// whether they are complete: Boost's decompressor takes any end of its input for the end of the data.
class ZstdFrames {
public:
    void see(const unsigned char* data, std::size_t size);
    /// The data seen so far end with a frame.
    bool complete() const { return part_ == Part::magic && collected_ == 0; }

private:
    enum class Part { magic, skippable_size, descriptor, block_header, skip, unknown };

    std::size_t wanted() const;
    void take(std::uint32_t value);
    void skip(std::uint64_t bytes, Part then);

    Part part_ = Part::magic;
    Part then_ = Part::magic; ///< after what is skipped
    std::uint64_t skip_ = 0;
    std::size_t collected_ = 0; ///< bytes of `value_`, little endian
    std::uint32_t value_ = 0;
    bool checksum_ = false;
};

} // namespace hydravp::workloads
