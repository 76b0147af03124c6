// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace hydravp::modules {

/// Converts between the two layouts of a row-sized piece of data: interleaved, as on the channel's data bus
/// (byte b of a beat lies in chip b), and chip by chip.
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

} // namespace hydravp::modules
