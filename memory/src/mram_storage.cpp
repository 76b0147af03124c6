// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_storage.h"

#include <algorithm>
#include <cstring>

namespace hydravp::memory {

void MramStorage::read(std::uint64_t address, unsigned char* data, std::size_t bytes) const {
    while (bytes > 0) {
        const std::size_t offset = address % MramCells::bytes;
        const std::size_t part = std::min(bytes, MramCells::bytes - offset);
        const auto& cells = cells_[address / MramCells::bytes];
        if (cells) {
            std::memcpy(data, reinterpret_cast<const unsigned char*>(cells->row.data()) + offset, part);
        } else {
            std::memset(data, 0, part);
        }
        address += part;
        data += part;
        bytes -= part;
    }
}

void MramStorage::write(std::uint64_t address, const unsigned char* data, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t offset = address % MramCells::bytes;
        const std::size_t part = std::min(bytes, MramCells::bytes - offset);
        std::memcpy(reinterpret_cast<unsigned char*>(subarray(address / MramCells::bytes).row.data()) +
                        offset,
                    data, part);
        address += part;
        data += part;
        bytes -= part;
    }
}

std::size_t MramStorage::resident_subarrays() const {
    return static_cast<std::size_t>(
        std::count_if(cells_.begin(), cells_.end(), [](const auto& cells) { return cells != nullptr; }));
}

} // namespace hydravp::memory
