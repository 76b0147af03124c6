// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

/// FX16: 16-bit two's complement with a power-of-two scale per tensor. A word w with `fraction` bits
/// stands for w * 2^-fraction; `fraction` may be negative or above 15.
namespace hydravp::core {

/// x / 2^shift, rounded half to even; a negative shift multiplies exactly.
constexpr std::int64_t round_shift(std::int64_t x, int shift) {
    if (shift <= 0) {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << -shift);
    }
    if (shift > 63) { // at most one half, and zero is even
        return 0;
    }
    const std::int64_t floor = x >> shift;
    const std::int64_t rest = x - static_cast<std::int64_t>(static_cast<std::uint64_t>(floor) << shift);
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    if (rest > half || (rest == half && (floor & 1) != 0)) {
        return floor + 1;
    }
    return floor;
}

/// n / d for d > 0, rounded half to even.
constexpr std::int64_t round_divide(std::int64_t n, std::int64_t d) {
    std::int64_t q = n / d;
    std::int64_t r = n % d;
    if (r < 0) {
        r += d;
        --q;
    }
    if (r > d - r || (r == d - r && (q & 1) != 0)) {
        ++q;
    }
    return q;
}

/// x clamped to a two's complement number of `bits` bits (1 <= bits <= 63).
constexpr std::int64_t saturate(std::int64_t x, int bits) {
    const std::int64_t top = (std::int64_t{1} << (bits - 1)) - 1;
    const std::int64_t bottom = -top - 1;
    return x > top ? top : (x < bottom ? bottom : x);
}

constexpr std::int16_t saturate16(std::int64_t x) {
    return static_cast<std::int16_t>(saturate(x, 16));
}

/// The slope of a leaky ReLU is an unsigned word of 16 bits, all of them behind the point.
constexpr int slope_fraction = 16;
/// Its multiplier takes a sum saturated to so many bits; the product then fits 64.
constexpr int slope_operand_bits = 48;

} // namespace hydravp::core
