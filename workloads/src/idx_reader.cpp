// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/idx_reader.h"

#include "hydravp/core/error.h"

#include "byte_source.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

namespace hydravp::workloads {

namespace {

constexpr std::uint8_t unsigned_byte = 0x08;
constexpr std::uint32_t largest_side = 1U << 14;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw core::InputError(path + ": " + what);
}

std::string hex(std::uint8_t value) {
    constexpr const char* digits = "0123456789abcdef";
    return std::string("0x") + digits[value >> 4] + digits[value & 15];
}

std::size_t read(ByteSource& source, std::uint8_t* to, std::size_t size) {
    return source.read(reinterpret_cast<char*>(to), size);
}

/// Bytes of an uncompressed file; -1 if unknown.
std::int64_t file_size(const ByteSource& source) {
    if (source.compressed()) {
        return -1;
    }
    std::ifstream probe(source.path(), std::ios::binary | std::ios::ate);
    return probe ? static_cast<std::int64_t>(probe.tellg()) : -1;
}

struct IdxData {
    std::vector<std::uint32_t> sizes; ///< of the file, the number of items first
    std::size_t count = 0;            ///< items read
    std::vector<std::uint8_t> bytes;
};

std::uint32_t read_word(ByteSource& source, const std::string& path) {
    std::array<std::uint8_t, 4> b{};
    if (read(source, b.data(), b.size()) != b.size()) {
        fail(path, "ends inside the idx header");
    }
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

std::vector<std::uint32_t> read_header(ByteSource& source, const std::string& path, unsigned dimensions) {
    const std::uint32_t magic = read_word(source, path);
    if (magic >> 16 != 0) {
        fail(path, "not an idx file: starts with " + hex(static_cast<std::uint8_t>(magic >> 24)) + " " +
                       hex(static_cast<std::uint8_t>(magic >> 16)) + ", expected 0x00 0x00");
    }
    const auto type = static_cast<std::uint8_t>(magic >> 8);
    if (type != unsigned_byte) {
        fail(path, "element type is " + hex(type) + ", expected " + hex(unsigned_byte) + " (unsigned byte)");
    }
    if ((magic & 0xFF) != dimensions) {
        fail(path, "has " + std::to_string(magic & 0xFF) + " dimensions, expected " +
                       std::to_string(dimensions) + (dimensions == 3 ? " (images)" : " (labels)"));
    }
    std::vector<std::uint32_t> sizes(dimensions);
    for (auto& size : sizes) {
        size = read_word(source, path);
    }
    for (std::size_t i = 1; i < sizes.size(); ++i) {
        if (sizes[i] == 0 || sizes[i] > largest_side) {
            fail(path, "image side of " + std::to_string(sizes[i]) + " pixels, expected 1 to " +
                           std::to_string(largest_side));
        }
    }
    return sizes;
}

IdxData read_idx(const std::string& path, unsigned dimensions, std::size_t max_count) {
    ByteSource source(path);
    IdxData data;
    data.sizes = read_header(source, path, dimensions);
    std::uint64_t item = 1;
    for (std::size_t i = 1; i < data.sizes.size(); ++i) {
        item *= data.sizes[i];
    }
    // At most 2^32 * 2^28 bytes: no overflow.
    const std::uint64_t total = item * data.sizes[0];
    const std::uint64_t header = 4 + 4 * std::uint64_t{dimensions};
    const std::int64_t bytes_there = file_size(source);
    if (bytes_there >= 0 && static_cast<std::uint64_t>(bytes_there) != header + total) {
        fail(path, "file has " + std::to_string(bytes_there) + " bytes, expected " +
                       std::to_string(header + total) + " for " + std::to_string(data.sizes[0]) + " items");
    }
    data.count = max_count == 0 ? data.sizes[0] : std::min<std::size_t>(max_count, data.sizes[0]);
    const std::uint64_t wanted = item * data.count;
    // A compressed header can promise anything, so memory follows what really arrives.
    constexpr std::uint64_t piece = 1U << 22;
    while (data.bytes.size() < wanted) {
        const auto old = data.bytes.size();
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece, wanted - old));
        data.bytes.resize(old + size);
        const auto got = read(source, data.bytes.data() + old, size);
        if (got != size) {
            fail(path, "ends after " + std::to_string(old + got) + " data bytes, expected " +
                           std::to_string(total) + " for " + std::to_string(data.sizes[0]) + " items");
        }
    }
    std::uint8_t after = 0;
    if (data.count == data.sizes[0] && read(source, &after, 1) != 0) {
        fail(path, "has bytes after the last of its " + std::to_string(data.sizes[0]) + " items, expected " +
                       std::to_string(total) + " data bytes");
    }
    return data;
}

ImageSet to_images(IdxData data) {
    ImageSet set;
    set.count = data.count;
    set.rows = data.sizes[1];
    set.columns = data.sizes[2];
    set.pixels = std::move(data.bytes);
    set.count_in_file = data.sizes[0];
    return set;
}

} // namespace

std::vector<std::vector<std::uint8_t>> ImageSet::first(std::size_t n) const {
    std::vector<std::vector<std::uint8_t>> result;
    for (std::size_t i = 0; i < std::min(n, count); ++i) {
        result.push_back(image(i));
    }
    return result;
}

ImageSet read_idx_images(const std::string& path, std::size_t max_count) {
    return to_images(read_idx(path, 3, max_count));
}

std::vector<std::uint8_t> read_idx_labels(const std::string& path, std::size_t max_count) {
    return read_idx(path, 1, max_count).bytes;
}

LabelledImages read_idx_dataset(const std::string& image_path, const std::string& label_path,
                                std::uint32_t classes, std::size_t max_count) {
    LabelledImages set;
    set.images = read_idx_images(image_path, max_count);
    IdxData labels = read_idx(label_path, 1, max_count);
    if (labels.sizes[0] != set.images.count_in_file) {
        fail(label_path, "has " + std::to_string(labels.sizes[0]) + " labels, expected " +
                             std::to_string(set.images.count_in_file) + " as in " + image_path);
    }
    for (std::size_t i = 0; i < labels.bytes.size(); ++i) {
        if (labels.bytes[i] >= classes) {
            fail(label_path, "label " + std::to_string(i) + " is " + std::to_string(labels.bytes[i]) +
                                 ", expected below " + std::to_string(classes));
        }
    }
    set.labels = std::move(labels.bytes);
    return set;
}

} // namespace hydravp::workloads
