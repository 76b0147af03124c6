// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/rank_storage.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace hydravp::memory {

using core::Bank;
using core::Chip;
using core::Row;

namespace {

constexpr std::size_t chunk_bytes = std::size_t{256} * 1024;

template <class T>
T* zeros(std::size_t count) {
    auto* const memory = static_cast<T*>(std::calloc(std::max<std::size_t>(count, 1), sizeof(T)));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

} // namespace

RankStorage::RankStorage(const Geometry& geometry)
    : chips_(geometry.chips_per_rank),
      rows_(geometry.rows),
      chip_row_bytes_(geometry.row_bytes),
      row_bytes_(geometry.row_bytes * geometry.chips_per_rank),
      interleave_(geometry.chips_per_rank),
      entries_(zeros<Entry>(std::size_t{geometry.banks} * geometry.rows)),
      rows_per_chunk_(std::max<std::size_t>(chunk_bytes / std::max<std::size_t>(row_bytes_, 1), 1)),
      shared_(geometry.banks) {}

unsigned char* RankStorage::allocate_row() {
    const std::size_t index = resident_rows_ % rows_per_chunk_;
    if (index == 0) {
        chunks_.emplace_back(zeros<unsigned char>(rows_per_chunk_ * row_bytes_));
    }
    ++resident_rows_;
    return chunks_.back().get() + index * row_bytes_;
}

/// Whether the row is laid out as the access wants it; its layout may change for that.
bool RankStorage::suits(Entry& entry, DataLayout wanted, std::size_t bytes, Bank bank, Row row) {
    if (entry.layout == wanted || chips_ == 1) {
        return true;
    }
    entry.foreign += static_cast<std::uint32_t>(bytes);
    if (entry.foreign < row_bytes_) {
        return false;
    }
    if (entry.shared) {
        take_back(bank, row);
    }
    convert(entry);
    return true;
}

void RankStorage::convert(Entry& entry) {
    scratch_.assign(entry.cells, entry.cells + row_bytes_);
    if (entry.layout == DataLayout::interleaved) {
        interleave_.split(scratch_.data(), chip_row_bytes_, entry.cells, chip_row_bytes_);
        entry.layout = DataLayout::chip_by_chip;
    } else {
        interleave_.join(scratch_.data(), chip_row_bytes_, chip_row_bytes_, entry.cells);
        entry.layout = DataLayout::interleaved;
    }
    entry.foreign = 0;
}

// ------------------------------------------------------------------------------------------- interleaved

namespace {

/// Calls `whole(byte, beats)` for the whole beats of a stretch, and `single(byte)` for what is around them;
/// `byte` counts from the beginning of the stretch.
template <class Whole, class Single>
void cut_into_beats(std::size_t first, std::size_t bytes, std::size_t chips, Whole whole, Single single) {
    std::size_t i = 0;
    for (; i < bytes && (first + i) % chips != 0; ++i) {
        single(i);
    }
    const std::size_t beats = (bytes - i) / chips;
    if (beats > 0) {
        whole(i, beats);
    }
    for (i += beats * chips; i < bytes; ++i) {
        single(i);
    }
}

} // namespace

void RankStorage::read(Bank bank, Row row, std::uint32_t first, unsigned char* data, std::size_t bytes) {
    Entry& here = entry(bank, row);
    if (here.cells == nullptr) {
        std::memset(data, 0, bytes);
    } else if (suits(here, DataLayout::interleaved, bytes, bank, row)) {
        std::memcpy(data, here.cells + first, bytes);
    } else {
        cut_into_beats(
            first, bytes, chips_,
            [&](std::size_t i, std::size_t beats) {
                interleave_.join(here.cells + (first + i) / chips_, chip_row_bytes_, beats, data + i);
            },
            [&](std::size_t i) {
                data[i] = here.cells[(first + i) % chips_ * chip_row_bytes_ + (first + i) / chips_];
            });
    }
}

void RankStorage::write(Bank bank, Row row, std::uint32_t first, const unsigned char* data,
                        std::size_t bytes) {
    Entry& here = entry(bank, row);
    if (here.cells == nullptr) {
        here.cells = allocate_row();
        here.layout = DataLayout::interleaved;
    }
    if (suits(here, DataLayout::interleaved, bytes, bank, row)) {
        std::memcpy(here.cells + first, data, bytes);
    } else {
        cut_into_beats(
            first, bytes, chips_,
            [&](std::size_t i, std::size_t beats) {
                interleave_.split(data + i, beats, here.cells + (first + i) / chips_, chip_row_bytes_);
            },
            [&](std::size_t i) {
                here.cells[(first + i) % chips_ * chip_row_bytes_ + (first + i) / chips_] = data[i];
            });
    }
}

// ------------------------------------------------------------------------------------------ chip by chip

void RankStorage::read_chip(Chip chip, Bank bank, Row row, std::uint32_t first, unsigned char* data,
                            std::size_t bytes) {
    Entry& here = entry(bank, row);
    if (here.cells != nullptr) {
        suits(here, DataLayout::chip_by_chip, bytes, bank, row);
    }
    peek_chip(chip, bank, row, first, data, bytes);
}

void RankStorage::peek_chip(Chip chip, Bank bank, Row row, std::uint32_t first, unsigned char* data,
                            std::size_t bytes) const {
    const Entry& here = entry(bank, row);
    if (here.cells == nullptr) {
        std::memset(data, 0, bytes);
    } else if (here.layout == DataLayout::chip_by_chip || chips_ == 1) {
        std::memcpy(data, here.cells + chip.value() * chip_row_bytes_ + first, bytes);
    } else {
        const unsigned char* from = here.cells + first * chips_ + chip.value();
        for (std::size_t i = 0; i < bytes; ++i, from += chips_) {
            data[i] = *from;
        }
    }
}

void RankStorage::write_chip(Chip chip, Bank bank, Row row, std::uint32_t first, const unsigned char* data,
                             std::size_t bytes) {
    Entry& here = entry(bank, row);
    if (here.shared) {
        take_back(bank, row);
    }
    if (here.cells == nullptr) {
        here.cells = allocate_row();
        here.layout = DataLayout::chip_by_chip;
    }
    if (suits(here, DataLayout::chip_by_chip, bytes, bank, row)) {
        std::memcpy(here.cells + chip.value() * chip_row_bytes_ + first, data, bytes);
    } else {
        unsigned char* to = here.cells + first * chips_ + chip.value();
        for (std::size_t i = 0; i < bytes; ++i, to += chips_) {
            *to = data[i];
        }
    }
}

// ----------------------------------------------------------------------------------------------- sharing

unsigned char* RankStorage::share(Bank bank, Row row) {
    Entry& here = entry(bank, row);
    if (here.cells == nullptr) {
        here.cells = allocate_row();
        here.layout = DataLayout::interleaved;
    } else if (here.layout != DataLayout::interleaved && chips_ > 1) {
        convert(here);
    }
    if (!here.shared) {
        here.shared = true;
        shared_[bank].push_back(row);
    }
    return here.cells;
}

void RankStorage::take_back(Bank bank, Row row) {
    Entry& here = entry(bank, row);
    if (!here.shared) {
        return;
    }
    std::vector<Row>& rows = shared_[bank];
    const auto found = std::find(rows.begin(), rows.end(), row);
    *found = rows.back();
    rows.pop_back();
    here.shared = false;
    if (taken_back_) {
        taken_back_(bank, row);
    }
}

void RankStorage::take_back(Bank bank) {
    for (const Row row : std::exchange(shared_[bank], {})) {
        entry(bank, row).shared = false;
        if (taken_back_) {
            taken_back_(bank, row);
        }
    }
}

} // namespace hydravp::memory
