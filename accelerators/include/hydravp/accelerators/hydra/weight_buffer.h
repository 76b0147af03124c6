// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace hydravp::accelerators::hydra {

/// The weight buffer (WB): a byte FIFO filled by the channel's WRITE commands and drained chunk by chunk.
///
/// Bytes are reserved when the command is issued and valid when its last data has arrived.
class WeightBuffer {
public:
    /// @param keep_data false in timing mode: only the number of bytes is tracked
    WeightBuffer(std::uint32_t capacity, bool keep_data);

    std::uint32_t space() const { return capacity_ - used_; }
    std::uint32_t used() const { return used_; }
    /// Appends `count` bytes that are valid from `ready` on. False if they don't fit.
    bool append(const unsigned char* data, std::uint32_t count, core::Picoseconds ready);
    /// When the oldest `count` bytes are all valid; empty while some are not even on their way.
    std::optional<core::Picoseconds> ready_time(std::uint32_t count) const;
    /// The oldest bytes, contiguous; valid until the next append or consume. Null in timing mode.
    const unsigned char* front() const;
    void consume(std::uint32_t count);

private:
    struct Arrival {
        std::uint32_t bytes;
        core::Picoseconds ready;
    };
    std::uint32_t capacity_;
    bool keep_data_;
    std::uint32_t used_ = 0;
    std::deque<Arrival> arrivals_;
    std::vector<unsigned char>
        data_;               ///< twice the capacity, so that the head can run before it is moved back
    std::uint32_t head_ = 0; ///< byte offset of the oldest byte in data_
};

} // namespace hydravp::accelerators::hydra
