// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <numeric>

namespace hydravp::core {

/// Into how many residue classes a layer's input channels are divided when `units` units share them: the
/// greatest divisor of `units` that divides `channels`, so that every class has the same number of channels
/// and the same number of units (16 units: 3 channels -> 1, 24 -> 8, 64 -> 16).
constexpr std::uint32_t channel_split(std::uint32_t channels, std::uint32_t units) {
    return channels == 0 || units == 0 ? 1 : std::gcd(channels, units);
}

} // namespace hydravp::core
