// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/memory/chip_interleave.h"
#include "hydravp/memory/technology.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

namespace hydravp::memory {

/// The cells of the chips of one rank, a row of all chips after the other. A row takes host memory when it is
/// first written or shared; before that it reads as zeros.
///
/// A row is reached in two ways, interleaved as ordinary memory sees it, and chip by chip as a near-memory
/// unit does. It is kept in the layout of its first write. An access of the other kind converts the bytes
/// that it touches; when such accesses have moved as many bytes as the row has, the row itself is converted.
///
/// A shared row stays interleaved at one address, for those who reach it by a pointer, until it is taken
/// back: by a write chip by chip, by a conversion, or by the owner of the storage.
/// Places outside the geometry are the caller's mistake and are not checked.
class RankStorage {
public:
    /// Told of a shared row that is taken back; before anything changes in it.
    using TakenBack = std::function<void(core::Bank, core::Row)>;

    explicit RankStorage(const Geometry& geometry);

    /// Of all chips together.
    std::uint32_t row_bytes() const { return row_bytes_; }

    /// @name Bytes [first, first + bytes) of the rank's row, interleaved
    /// @{
    void read(core::Bank bank, core::Row row, std::uint32_t first, unsigned char* data, std::size_t bytes);
    void write(core::Bank bank, core::Row row, std::uint32_t first, const unsigned char* data,
               std::size_t bytes);
    /// @}
    /// @name Bytes [first, first + bytes) of the row in one chip
    /// @{
    void read_chip(core::Chip chip, core::Bank bank, core::Row row, std::uint32_t first, unsigned char* data,
                   std::size_t bytes);
    void write_chip(core::Chip chip, core::Bank bank, core::Row row, std::uint32_t first,
                    const unsigned char* data, std::size_t bytes);
    /// Reads without counting as an access that a layout could suit.
    void peek_chip(core::Chip chip, core::Bank bank, core::Row row, std::uint32_t first, unsigned char* data,
                   std::size_t bytes) const;
    /// @}

    /// The interleaved row as host memory.
    unsigned char* share(core::Bank bank, core::Row row);
    bool shared(core::Bank bank, core::Row row) const { return entry(bank, row).shared; }
    void take_back(core::Bank bank, core::Row row);
    void take_back(core::Bank bank); ///< all of its rows
    void on_taken_back(TakenBack function) { taken_back_ = std::move(function); }

    std::size_t resident_rows() const { return resident_rows_; }
    DataLayout layout(core::Bank bank, core::Row row) const { return entry(bank, row).layout; }

private:
    struct Entry {
        unsigned char* cells;  ///< null: never written
        std::uint32_t foreign; ///< bytes moved by accesses that the layout does not suit
        DataLayout layout;
        bool shared;
    };
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };

    const Entry& entry(core::Bank bank, core::Row row) const {
        return entries_.get()[bank.value() * rows_ + row.value()];
    }
    Entry& entry(core::Bank bank, core::Row row) {
        return entries_.get()[bank.value() * rows_ + row.value()];
    }
    unsigned char* allocate_row();
    bool suits(Entry& entry, DataLayout wanted, std::size_t bytes, core::Bank bank, core::Row row);
    void convert(Entry& entry);

    std::size_t chips_;
    std::size_t rows_;
    std::size_t chip_row_bytes_;
    std::uint32_t row_bytes_;
    ChipInterleave interleave_;
    std::unique_ptr<Entry, Free> entries_; ///< as `calloc` gives them: their pages are taken when touched
    std::vector<std::unique_ptr<unsigned char, Free>> chunks_; ///< likewise
    std::size_t rows_per_chunk_;
    std::size_t resident_rows_ = 0;
    std::vector<unsigned char> scratch_;
    core::IndexedVector<core::Bank, std::vector<core::Row>> shared_;
    TakenBack taken_back_;
};

} // namespace hydravp::memory
