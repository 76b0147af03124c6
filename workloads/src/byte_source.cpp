// SPDX-License-Identifier: Apache-2.0
#include "byte_source.h"

#include "hydravp/core/error.h"

#include <boost/iostreams/concepts.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace hydravp::workloads {

namespace io = boost::iostreams;

/// The file itself. Its first bytes are looked at before anybody reads them.
struct ByteSource::File {
    std::ifstream stream;
    std::string head;
    std::size_t head_read = 0;
    std::uint64_t size = 0; ///< 0: unknown
    std::uint64_t position = 0;
    bool zstd = false;
    ZstdFrames frames;

    std::streamsize read(char* to, std::streamsize size_wanted) {
        std::streamsize got = 0;
        if (head_read < head.size()) {
            got =
                std::min<std::streamsize>(size_wanted, static_cast<std::streamsize>(head.size() - head_read));
            std::copy_n(head.data() + head_read, got, to);
            head_read += static_cast<std::size_t>(got);
        } else {
            stream.read(to, size_wanted);
            got = stream.gcount();
            if (stream.bad()) {
                throw std::runtime_error("read error");
            }
        }
        position += static_cast<std::uint64_t>(got);
        if (zstd) {
            frames.see(reinterpret_cast<const unsigned char*>(to), static_cast<std::size_t>(got));
            if (got == 0 && !frames.complete()) {
                throw std::runtime_error("zstd error: ends in the middle of a frame");
            }
        }
        return got == 0 ? -1 : got;
    }
};

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw core::InputError(path + ": " + what);
}

/// What Boost reads from.
template <class File>
class FileDevice : public io::source {
public:
    explicit FileDevice(std::shared_ptr<File> file) : file_(std::move(file)) {}
    std::streamsize read(char* to, std::streamsize size) { return file_->read(to, size); }

private:
    std::shared_ptr<File> file_; // Boost copies devices
};

} // namespace

ByteSource::ByteSource(const std::string& path) : path_(path), file_(std::make_shared<File>()) {
    file_->stream.open(path, std::ios::binary);
    if (!file_->stream) {
        fail(path_, "can't open the file");
    }
    file_->head.resize(4);
    file_->stream.read(file_->head.data(), static_cast<std::streamsize>(file_->head.size()));
    if (file_->stream.bad()) {
        fail(path_, "can't read the file");
    }
    file_->head.resize(static_cast<std::size_t>(file_->stream.gcount()));
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    file_->size = error ? 0 : size;
    const std::string_view head = file_->head;
    if (head.substr(0, 2) == "\x1f\x8b") {
        compression_ = Compression::gzip;
        stream_.push(io::gzip_decompressor());
    } else if (head == "\x28\xb5\x2f\xfd") {
        compression_ = Compression::zstd;
        file_->zstd = true;
        stream_.push(io::zstd_decompressor());
    }
    stream_.push(FileDevice<File>(file_));
}

ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(char* to, std::size_t size) {
    try {
        const auto got = stream_.sgetn(to, static_cast<std::streamsize>(size));
        return got < 0 ? 0 : static_cast<std::size_t>(got);
    } catch (const std::exception& error) {
        const char* const what = compression_ == Compression::gzip   ? "gzip data"
                                 : compression_ == Compression::zstd ? "zstd data"
                                                                     : "file";
        fail(path_, std::string("damaged or truncated ") + what + " (" + error.what() + ")");
    }
}

double ByteSource::progress() const {
    return file_->size == 0
               ? 0
               : std::min(1.0, static_cast<double>(file_->position) / static_cast<double>(file_->size));
}

// ---- zstd

std::size_t ZstdFrames::wanted() const {
    switch (part_) {
    case Part::magic:
    case Part::skippable_size:
        return 4;
    case Part::descriptor:
        return 1;
    case Part::block_header:
        return 3;
    case Part::skip:
    case Part::unknown:
        break;
    }
    return 0;
}

void ZstdFrames::see(const unsigned char* data, std::size_t size) {
    while (size > 0 && part_ != Part::unknown) {
        if (part_ == Part::skip) {
            const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, size));
            data += skipped;
            size -= skipped;
            skip(skip_ - skipped, then_);
            continue;
        }
        value_ |= std::uint32_t{*data++} << (8 * collected_++);
        --size;
        if (collected_ == wanted()) {
            const std::uint32_t value = value_;
            value_ = 0;
            collected_ = 0;
            take(value);
        }
    }
}

void ZstdFrames::skip(std::uint64_t bytes, Part then) {
    skip_ = bytes;
    then_ = then;
    part_ = bytes > 0 ? Part::skip : then;
}

void ZstdFrames::take(std::uint32_t value) {
    switch (part_) {
    case Part::magic:
        part_ = value == 0xFD2FB528                  ? Part::descriptor
                : (value & 0xFFFFFFF0) == 0x184D2A50 ? Part::skippable_size
                                                     : Part::unknown; // the decompressor complains
        break;
    case Part::skippable_size:
        skip(value, Part::magic);
        break;
    case Part::descriptor: {
        constexpr std::uint64_t dictionary_bytes[] = {0, 1, 2, 4};
        const bool single_segment = (value & 0x20) != 0;
        const std::uint64_t size_bytes = value >> 6 == 0 ? (single_segment ? 1 : 0) : 1U << (value >> 6);
        checksum_ = (value & 4) != 0;
        skip((single_segment ? 0 : 1) + dictionary_bytes[value & 3] + size_bytes, Part::block_header);
        break;
    }
    case Part::block_header: {
        const bool last = (value & 1) != 0;
        const std::uint32_t bytes = (value >> 1 & 3) == 1 ? 1 : value >> 3; // one byte that repeats
        skip(bytes + (last && checksum_ ? 4U : 0U), last ? Part::magic : Part::block_header);
        break;
    }
    case Part::skip:
    case Part::unknown:
        break;
    }
}

} // namespace hydravp::workloads
