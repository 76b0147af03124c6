// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sparse_storage.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace hydravp::memory {

SparseStorage::Directory::Directory(std::size_t count)
    : pages(static_cast<Page**>(std::calloc(std::max<std::size_t>(count, 1), sizeof(Page*)))) {
    if (pages == nullptr) {
        throw std::bad_alloc();
    }
}

SparseStorage::Directory::~Directory() {
    std::free(pages);
}

SparseStorage::SparseStorage(std::uint64_t size)
    : directory_(static_cast<std::size_t>((size + page_bytes - 1) / page_bytes)) {}

void SparseStorage::read(std::uint64_t address, unsigned char* data, std::size_t bytes) const {
    while (bytes > 0) {
        const std::size_t offset = address % page_bytes;
        const std::size_t piece = std::min(bytes, page_bytes - offset);
        const Page* const page = directory_.pages[address / page_bytes];
        if (page != nullptr) {
            std::memcpy(data, page->data() + offset, piece);
        } else {
            std::memset(data, 0, piece);
        }
        address += piece;
        data += piece;
        bytes -= piece;
    }
}

void SparseStorage::write(std::uint64_t address, const unsigned char* data, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t offset = address % page_bytes;
        const std::size_t piece = std::min(bytes, page_bytes - offset);
        Page*& page = directory_.pages[address / page_bytes];
        if (page == nullptr) {
            page = &pages_.emplace_back(); // value-initialised: zeros
        }
        std::memcpy(page->data() + offset, data, piece);
        address += piece;
        data += piece;
        bytes -= piece;
    }
}

} // namespace hydravp::memory
