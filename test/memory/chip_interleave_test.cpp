// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/chip_interleave.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <vector>

using hydravp::memory::ChipInterleave;

TEST_CASE("byte b of a beat lies in chip b, for any number of chips and beats") {
    for (const std::uint32_t chips : {1u, 3u, 4u, 8u, 16u}) {
        for (const std::size_t beats : {1u, 7u, 8u, 9u, 64u, 1023u}) {
            const ChipInterleave interleave(chips);
            const std::size_t stride = beats + 3;
            std::vector<unsigned char> line(beats * chips);
            std::iota(line.begin(), line.end(), static_cast<unsigned char>(1));
            std::vector<unsigned char> split(stride * chips, 0xEE);
            interleave.split(line.data(), beats, split.data(), stride);
            bool right = true;
            for (std::size_t chip = 0; chip < chips; ++chip) {
                for (std::size_t beat = 0; beat < stride; ++beat) {
                    right &= split[chip * stride + beat] == (beat < beats ? line[beat * chips + chip] : 0xEE);
                }
            }
            CHECK(right);
            std::vector<unsigned char> joined(line.size());
            interleave.join(split.data(), stride, beats, joined.data());
            CHECK(joined == line);
        }
    }
}
