// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace_writer.h"

#include "hydravp/core/error.h"

#include "trace_binary.h"

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace hydravp::workloads {

namespace io = boost::iostreams;
namespace bits = binary_trace;
namespace fs = std::filesystem;

struct TraceWriter::File {
    std::string temporary;
    std::ofstream stream;
    io::filtering_streambuf<io::output> chain; ///< ends before the stream does
};

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
    throw core::SimulationError(fmt::format("{}: cannot be written: {}", path, reason));
}

} // namespace

TraceWriter::TraceWriter(const std::string& path, core::Picoseconds clock_period)
    : path_(path), file_(std::make_unique<File>()), clock_period_(clock_period) {
    if (clock_period.count() <= 0) {
        throw std::invalid_argument("trace: needs a clock period above zero");
    }
    fs::path name(path);
    if (name.extension() == ".gz") {
        file_->chain.push(io::gzip_compressor());
        name = name.stem();
    } else if (name.extension() == ".zst") {
        file_->chain.push(io::zstd_compressor());
        name = name.stem();
    }
    text_ = name.extension() == ".stl";
    file_->temporary = fmt::format("{}.tmp.{}", path, getpid());
    file_->stream.open(file_->temporary, std::ios::binary | std::ios::trunc);
    if (!file_->stream) {
        fail(path, std::strerror(errno));
    }
    file_->chain.push(file_->stream);
    buffer_ = text_ ? "# cycle: (bytes) command address\n" : std::string(bits::magic) + char{bits::version};
}

TraceWriter::~TraceWriter() {
    if (file_) {
        std::error_code error;
        fs::remove(file_->temporary, error);
        try {
            file_.reset();
        } catch (...) { // what the compressor holds back is not wanted
        }
    }
}

void TraceWriter::write(const TraceAccess& access) {
    if (access.bytes == 0 || access.time.count() < 0) {
        throw std::invalid_argument("trace: an access needs bytes and a time that is not below 0");
    }
    TraceAccess piece = access;
    for (std::uint32_t done = 0; done < access.bytes; done += piece.bytes) {
        piece.address = access.address + done;
        piece.bytes = std::min(access.bytes - done, largest_trace_access);
        put(piece);
    }
}

void TraceWriter::put(const TraceAccess& access) {
    if (text_) {
        fmt::format_to(std::back_inserter(buffer_), "{}: ({}) {} {:#x}\n", access.time / clock_period_,
                       access.bytes, access.write ? "write" : "read", access.address);
    } else {
        put_binary(access);
    }
    ++accesses_;
    constexpr std::size_t enough = 1U << 16;
    if (buffer_.size() >= enough) {
        send();
    }
}

void TraceWriter::put_binary(const TraceAccess& access) {
    const std::uint64_t next = last_.address + last_.bytes;
    const bool same_time = access.time == last_.time;
    const bool follows = access.address == next;
    const bool same_bytes = access.bytes == last_.bytes;
    buffer_ += static_cast<char>((access.write ? bits::write : 0) | (same_bytes ? bits::same_bytes : 0) |
                                 (follows ? bits::follows : 0) | (same_time ? bits::same_time : 0));
    if (!same_time) {
        put_number(bits::zigzag(static_cast<std::uint64_t>((access.time - last_.time).count())));
    }
    if (!follows) {
        put_number(bits::zigzag(access.address - next));
    }
    if (!same_bytes) {
        put_number(access.bytes);
    }
    last_ = access;
}

void TraceWriter::put_number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        buffer_ += static_cast<char>((value & 0x7F) | 0x80);
    }
    buffer_ += static_cast<char>(value);
}

void TraceWriter::send() {
    if (!file_) {
        throw std::logic_error("trace: write after close");
    }
    try {
        const auto size = static_cast<std::streamsize>(buffer_.size());
        if (file_->chain.sputn(buffer_.data(), size) != size || !file_->stream) {
            fail(path_, std::strerror(errno));
        }
    } catch (const std::ios_base::failure& error) {
        fail(path_, error.what());
    }
    buffer_.clear();
}

void TraceWriter::close() {
    if (!text_) {
        buffer_ += static_cast<char>(bits::end);
        put_number(accesses_);
    }
    send();
    try {
        file_->chain.reset(); // the compressor's rest
    } catch (const std::ios_base::failure& error) {
        fail(path_, error.what());
    }
    file_->stream.close();
    if (!file_->stream) {
        fail(path_, std::strerror(errno));
    }
    std::error_code error;
    fs::rename(file_->temporary, path_, error);
    if (error) {
        fail(path_, error.message());
    }
    file_.reset();
}

} // namespace hydravp::workloads
