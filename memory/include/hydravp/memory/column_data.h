// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

/// Which bytes of a column access each chip moves, and where they lie in the payload's data.
class ColumnData {
public:
    /// @param chips   of the rank
    /// @param data    of the payload; may be null
    /// @param enables laid out like the data; null: every byte
    ColumnData(const CommandExtension& command, std::uint32_t chips, unsigned char* data,
               const unsigned char* enables)
        : command_(command), chips_(chips), data_(data), enables_(enables) {}

    bool interleaved() const { return command_.layout == DataLayout::interleaved; }
    bool selected(std::uint32_t chip) const { return (command_.chips >> chip & 1u) != 0; }
    /// Every chip of the rank moves all of the command's bytes.
    bool alike() const {
        const std::uint32_t all = first_chips(chips_);
        return enables_ == nullptr && (command_.chips & all) == all &&
               (!interleaved() ||
                (command_.lane == 0 && command_.interleaved_bytes == std::uint64_t{command_.bytes} * chips_));
    }
    unsigned char* data() const { return data_; }
    /// Byte `i` of the chip's `bytes`, which has to be one that the chip moves.
    unsigned char* at(std::uint32_t chip, std::uint32_t i) const { return data_ + place(chip, i); }
    /// From byte to byte of a chip.
    std::size_t stride() const { return interleaved() ? chips_ : 1; }

    /// Calls `run(begin, end)` for each stretch of the chip's `bytes` that it moves.
    template <class Run>
    void for_each_run(std::uint32_t chip, Run run) const {
        std::uint32_t begin = 0;
        std::uint32_t end = command_.bytes;
        if (interleaved()) { // not every chip has a byte of the first and the last beat
            const std::uint32_t last = (command_.lane + command_.interleaved_bytes - 1) % chips_;
            begin += chip < command_.lane ? 1 : 0;
            end -= chip > last ? 1 : 0;
        }
        if (enables_ == nullptr) {
            if (begin < end) {
                run(begin, end);
            }
            return;
        }
        for (std::uint32_t i = begin; i < end;) {
            while (i < end && enables_[place(chip, i)] == 0) {
                ++i;
            }
            const std::uint32_t first = i;
            while (i < end && enables_[place(chip, i)] != 0) {
                ++i;
            }
            if (first < i) {
                run(first, i);
            }
        }
    }
    /// The same of the interleaved bytes.
    template <class Run>
    void for_each_interleaved_run(Run run) const {
        const std::uint32_t bytes = command_.interleaved_bytes;
        if (enables_ == nullptr) {
            run(std::uint32_t{0}, bytes);
            return;
        }
        const auto enabled = [](unsigned char enable) { return enable != 0; };
        const unsigned char* const last = enables_ + bytes;
        for (const unsigned char* end = enables_; end != last;) {
            const unsigned char* const begin = std::find_if(end, last, enabled);
            end = std::find_if_not(begin, last, enabled);
            if (begin != end) {
                run(static_cast<std::uint32_t>(begin - enables_), static_cast<std::uint32_t>(end - enables_));
            }
        }
    }

private:
    std::size_t place(std::uint32_t chip, std::uint32_t i) const {
        return interleaved() ? std::size_t{i} * chips_ + chip - command_.lane
                             : chip * command_.chip_stride + i;
    }

    const CommandExtension& command_;
    std::uint32_t chips_;
    unsigned char* data_;
    const unsigned char* enables_;
};

} // namespace hydravp::memory
