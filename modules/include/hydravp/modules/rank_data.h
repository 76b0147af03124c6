// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/memory/technology.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/chip_interleave.h"

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

/// Turns bytes of a rank's row into what each chip moves: byte b of a beat lies in chip b.
class RankData {
public:
    /// The layout chip by chip in which a `memory::Channel` takes and gives its data.
    struct Bus {
        unsigned char* data;    ///< null: none are moved
        unsigned char* enables; ///< null: every byte
        std::size_t stride;     ///< from chip to chip
    };

    explicit RankData(const memory::Geometry& geometry);

    /// Bytes of a row, all chips together.
    std::uint64_t row_bytes() const { return std::uint64_t{geometry_.row_bytes} * geometry_.chips_per_rank; }
    /// Every beat takes part with all of its bytes.
    bool whole_beats(std::uint64_t row_byte, std::uint64_t bytes) const {
        return (row_byte | bytes) % geometry_.chips_per_rank == 0;
    }
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

    /// Lays out interleaved bytes for their way to the chips (reads: makes room for them). Valid until the
    /// next call.
    /// @param row_byte of the first byte in the rank's row
    /// @param data     the first byte; may be null
    /// @param offset   of the first byte in the request, for the byte enables
    Bus lay_out(bool write, std::uint64_t row_byte, std::uint64_t bytes, const unsigned char* data,
                const ByteEnables& enables, std::uint64_t offset);
    /// Takes what the chips returned to the layout of the last `lay_out`; disabled bytes stay as they are.
    void collect(std::uint64_t row_byte, std::uint64_t bytes, unsigned char* data, const ByteEnables& enables,
                 std::uint64_t offset) const;
    /// Byte enables of chip-local data, [offset, offset + bytes) of every chip.
    unsigned char* chip_local_enables(const ByteEnables& enables, std::size_t stride, std::uint64_t offset,
                                      std::uint64_t bytes);

private:
    /// Of byte `i` behind `row_byte` in the layout chip by chip.
    std::size_t place(std::uint64_t row_byte, std::size_t i, std::size_t stride) const {
        const std::size_t x = static_cast<std::size_t>(row_byte % geometry_.chips_per_rank) + i;
        return x % geometry_.chips_per_rank * stride + x / geometry_.chips_per_rank;
    }
    memory::Geometry geometry_;
    ChipInterleave interleave_;
    std::vector<unsigned char> staging_, enables_;
};

} // namespace hydravp::modules
