// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"
#include "hydravp/modules/address_mapping.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// Byte enables as TLM has them: a pattern, repeated over the data.
struct ByteEnables {
    const unsigned char* pattern = nullptr; ///< null: every byte
    std::size_t length = 0;
    bool operator[](std::size_t i) const { return pattern == nullptr || pattern[i % length] != 0; }
};

/// A stretch of one row as every chip of the rank sees it.
struct RankStretch {
    core::Rank rank;
    core::Bank bank;
    core::Row row;
    std::uint32_t first = 0; ///< byte within each chip's row
    std::uint32_t bytes = 0; ///< per chip
};

/// Where the bytes of a request lie in a rank's row, and what a column command says of them.
class RankData {
public:
    explicit RankData(const memory::Geometry& geometry);

    /// Bytes of a row, all chips together.
    std::uint64_t row_bytes() const { return std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank; }
    /// Where bytes of a rank's row lie in each chip's row: the first of them, and their number.
    std::uint32_t chip_byte(std::uint64_t row_byte) const {
        return static_cast<std::uint32_t>(row_byte / geometry_.chips_per_rank);
    }
    std::uint32_t chip_bytes(std::uint64_t row_byte, std::uint64_t bytes) const {
        return chip_byte(row_byte + bytes - 1) - chip_byte(row_byte) + 1;
    }
    /// @param bytes at least one, within the row
    RankStretch interleaved(const AddressMapping::Place& place, std::uint64_t bytes) const;
    RankStretch chip_local(core::Rank rank, std::uint64_t chip_address, std::uint64_t bytes) const;

    /// Says in a column command of a whole rank that its data are interleaved.
    /// @param row_byte of the first byte in the rank's row
    void interleave(memory::CommandExtension& command, std::uint64_t row_byte, std::uint64_t bytes) const;
    /// Byte enables of interleaved data, [offset, offset + bytes) of the request; null: every byte. Valid
    /// until the next call, as the next.
    unsigned char* interleaved_enables(const ByteEnables& enables, std::uint64_t offset, std::uint64_t bytes);
    /// Byte enables of chip-local data, [offset, offset + bytes) of every chip.
    unsigned char* chip_local_enables(const ByteEnables& enables, std::size_t stride, std::uint64_t offset,
                                      std::uint64_t bytes);

private:
    memory::Geometry geometry_;
    std::vector<unsigned char> enables_;
};

} // namespace hydravp::modules
