// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hydravp::memory {

/// Bytes that take host memory only where they have been written; the others read as zero.
/// Ranges outside `size` are the caller's mistake and are not checked.
class SparseStorage {
public:
    static constexpr std::size_t page_bytes = std::size_t{64} * 1024;

    explicit SparseStorage(std::uint64_t size)
        : pages_(static_cast<std::size_t>((size + page_bytes - 1) / page_bytes)) {}

    void read(std::uint64_t address, unsigned char* data, std::size_t bytes) const;
    void write(std::uint64_t address, const unsigned char* data, std::size_t bytes);
    std::size_t resident_pages() const { return resident_pages_; }

private:
    using Page = std::array<unsigned char, page_bytes>;

    std::vector<std::unique_ptr<Page>> pages_;
    std::size_t resident_pages_ = 0;
};

} // namespace hydravp::memory
