// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace hydravp::memory {

/// Bytes that take host memory only where they have been written; the others read as zero.
/// Ranges outside `size` are the caller's mistake and are not checked.
class SparseStorage {
public:
    static constexpr std::size_t page_bytes = std::size_t{4} * 1024;

    explicit SparseStorage(std::uint64_t size);

    void read(std::uint64_t address, unsigned char* data, std::size_t bytes) const;
    void write(std::uint64_t address, const unsigned char* data, std::size_t bytes);
    std::size_t resident_pages() const { return pages_.size(); }

private:
    using Page = std::array<unsigned char, page_bytes>;

    /// A directory as `std::calloc` gives it: its own pages are taken when they are touched.
    struct Directory {
        explicit Directory(std::size_t pages);
        ~Directory();
        Directory(const Directory&) = delete;
        Directory& operator=(const Directory&) = delete;
        Page** pages;
    };

    Directory directory_;
    std::deque<Page> pages_;
};

} // namespace hydravp::memory
