// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::memory {

/// The bits of a chip's open row whose values are other ones than those that the cells had when the row was
/// opened: what a write that compares before it programs has to change when the row is closed. A bit that is
/// written back to its old value is not among them.
class FlippedBits {
public:
    explicit FlippedBits(std::uint32_t row_bytes)
        : before_(row_bytes, 0), written_((row_bytes + 63) / 64, 0) {}

    /// Bytes [first, first + bytes) of the row are written.
    /// @param old    what they are at present
    /// @param stride from byte to byte in `data`
    void write(core::Row row, std::uint32_t first, std::size_t bytes, const unsigned char* old,
               const unsigned char* data, std::size_t stride, core::LayerId writer);
    /// The bytes get new values, that nobody pays for, in the cells and in the row buffer alike.
    void overwrite(core::Row row, std::uint32_t first, std::size_t bytes, const unsigned char* old);

    std::uint64_t set() const { return set_; }     ///< from 0 to 1
    std::uint64_t reset() const { return reset_; } ///< from 1 to 0
    core::LayerId last_writer() const { return last_writer_; }
    /// The row is closed.
    void clear();

private:
    void count(unsigned char before, unsigned char now, std::uint64_t sign);

    std::vector<unsigned char> before_;  ///< of the written bytes
    std::vector<std::uint64_t> written_; ///< a bit for each byte
    std::uint64_t set_ = 0, reset_ = 0;
    core::Row row_; ///< of the written bytes
    bool any_ = false;
    core::LayerId last_writer_ = core::no_layer;
};

} // namespace hydravp::memory
