// SPDX-License-Identifier: Apache-2.0
// The binary trace format, which docs/traces.md describes.
#pragma once

#include <cstdint>
#include <string_view>

namespace hydravp::workloads::binary_trace {

/// The first byte is no text, and a transfer that changes line ends or the eighth bit is noticed.
inline constexpr std::string_view magic{"\x89HVT\r\n\x1a\n", 8};
inline constexpr unsigned version = 1;

// Bits of a record's first byte.
inline constexpr unsigned write = 1;
inline constexpr unsigned same_bytes = 2; ///< as the access before
inline constexpr unsigned follows = 4;    ///< the address is the first one after the access before
inline constexpr unsigned same_time = 8;
inline constexpr unsigned known_bits = write | same_bytes | follows | same_time;
inline constexpr unsigned end = 0x80; ///< the end mark, alone; the number of accesses follows

/// Small numbers of either sign as small unsigned ones.
constexpr std::uint64_t zigzag(std::uint64_t difference) {
    return difference << 1 ^ (difference >> 63 != 0 ? ~std::uint64_t{0} : 0);
}
constexpr std::uint64_t unzigzag(std::uint64_t code) {
    return code >> 1 ^ ((code & 1) != 0 ? ~std::uint64_t{0} : 0);
}

} // namespace hydravp::workloads::binary_trace
