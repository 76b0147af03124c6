// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/mram_subarray.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hydravp::memory {

/// The cells of all sub-arrays of a bank, as linear memory: sub-array after sub-array, row after row, 64
/// bytes in a row. Takes host memory only for sub-arrays that have been written; the others read as zero.
class MramStorage {
public:
    explicit MramStorage(std::uint32_t subarrays) : cells_(subarrays) {}

    std::uint64_t size() const { return cells_.size() * MramCells::bytes; }
    std::uint32_t subarrays() const { return static_cast<std::uint32_t>(cells_.size()); }
    MramCells& subarray(std::uint64_t index) {
        std::unique_ptr<MramCells>& cells = cells_[index];
        if (!cells) {
            cells = std::make_unique<MramCells>();
        }
        return *cells;
    }

    /// The range must lie within the memory.
    void read(std::uint64_t address, unsigned char* data, std::size_t bytes) const;
    void write(std::uint64_t address, const unsigned char* data, std::size_t bytes);
    std::size_t resident_subarrays() const;

private:
    std::vector<std::unique_ptr<MramCells>> cells_;
};

} // namespace hydravp::memory
