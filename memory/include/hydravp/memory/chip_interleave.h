// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace hydravp::memory {

/// How the bytes of a rank's row, or of a piece of it, lie one behind the other.
enum class DataLayout : std::uint8_t {
    chip_by_chip, ///< all of the first chip, then of the next
    interleaved   ///< as on the channel's data bus: byte b of a beat lies in chip b
};

/// Converts between the two layouts of a piece of data.
class ChipInterleave {
public:
    explicit ChipInterleave(std::uint32_t chips) : chips_(chips) {}

    /// Chip i's byte s becomes interleaved[s * chips + i] and back; chip i's bytes start at i * stride.
    void split(const unsigned char* interleaved, std::size_t bytes_per_chip, unsigned char* chips,
               std::size_t stride) const;
    void join(const unsigned char* chips, std::size_t stride, std::size_t bytes_per_chip,
              unsigned char* interleaved) const;

private:
    std::uint32_t chips_;
};

} // namespace hydravp::memory
