// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Partial sums on their way from a near-memory unit to the memory controller: little-endian two's complement
/// words of 16, 32 or 48 bits, without gaps.
namespace hydravp::core {

/// Packs `count` exact sums of less than 2^62 in magnitude: right shift by `shift` (0 to 62), rounded half to
/// even, saturated to `bits`. `to` has room for 8 bytes more than the words.
void pack_partial_sums(const std::int64_t* sums, std::size_t count, unsigned bits, unsigned shift,
                       unsigned char* to);
/// Adds `count` packed words to `sums`.
void add_partial_sums(const unsigned char* from, std::size_t count, unsigned bits, std::int64_t* sums);

} // namespace hydravp::core
