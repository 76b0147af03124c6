// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sparse_storage.h"

#include <algorithm>
#include <cstring>

namespace hydravp::memory {

void SparseStorage::read(std::uint64_t address, unsigned char* data, std::size_t bytes) const {
    while (bytes > 0) {
        const std::size_t offset = address % page_bytes;
        const std::size_t piece = std::min(bytes, page_bytes - offset);
        const std::unique_ptr<Page>& page = pages_[static_cast<std::size_t>(address / page_bytes)];
        if (page) {
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
        std::unique_ptr<Page>& page = pages_[static_cast<std::size_t>(address / page_bytes)];
        if (!page) {
            page = std::make_unique<Page>(); // value-initialised: zeros
            ++resident_pages_;
        }
        std::memcpy(page->data() + offset, data, piece);
        address += piece;
        data += piece;
        bytes -= piece;
    }
}

} // namespace hydravp::memory
