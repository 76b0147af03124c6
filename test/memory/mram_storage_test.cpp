// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_storage.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace hydravp::memory;

TEST_CASE("random accesses agree with a plain array, and only touched sub-arrays take memory") {
    MramStorage storage(16);
    CHECK(storage.size() == 16 * 16384);
    std::vector<unsigned char> golden(storage.size());
    std::mt19937 random(5);
    for (int i = 0; i < 2000; ++i) {
        const std::size_t address = random() % golden.size();
        const std::size_t bytes = std::min<std::size_t>(random() % 40000, golden.size() - address);
        std::vector<unsigned char> data(bytes);
        if (random() % 2 == 0) {
            std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
            storage.write(address, data.data(), bytes);
            std::copy(data.begin(), data.end(), golden.begin() + static_cast<std::ptrdiff_t>(address));
        } else {
            storage.read(address, data.data(), bytes);
            REQUIRE(
                std::equal(data.begin(), data.end(), golden.begin() + static_cast<std::ptrdiff_t>(address)));
        }
    }
    MramStorage sparse(4096);
    CHECK(sparse.size() == 64ULL << 20);
    unsigned char byte = 0x81;
    sparse.write(5 * 16384 + 3 * 64 + 1, &byte, 1);
    CHECK(sparse.resident_subarrays() == 1);
    // bit 0 of the byte is the lowest column
    CHECK(sparse.subarray(5).row[3].bit(8));
    CHECK(sparse.subarray(5).row[3].bit(15));
    CHECK_FALSE(sparse.subarray(5).row[3].bit(9));
    sparse.read(100, &byte, 1);
    CHECK(byte == 0);
}
