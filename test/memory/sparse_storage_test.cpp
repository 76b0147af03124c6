// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/sparse_storage.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <vector>

using hydravp::memory::SparseStorage;

TEST_CASE("what was not written reads as zero and takes no memory") {
    SparseStorage storage(std::uint64_t{40} << 30);
    std::vector<unsigned char> data(200000, 1);
    storage.read((std::uint64_t{40} << 30) - 200000, data.data(), data.size());
    REQUIRE(data == std::vector<unsigned char>(200000, 0));
    REQUIRE(storage.resident_pages() == 0);
}

TEST_CASE("data cross page borders") {
    SparseStorage storage(1 << 20);
    std::vector<unsigned char> data(3 * SparseStorage::page_bytes);
    std::iota(data.begin(), data.end(), static_cast<unsigned char>(3));
    storage.write(100, data.data(), data.size());
    REQUIRE(storage.resident_pages() == 4);
    std::vector<unsigned char> back(data.size() + 200);
    storage.read(0, back.data(), back.size());
    REQUIRE(std::vector<unsigned char>(back.begin() + 100, back.end() - 100) == data);
    REQUIRE(back[99] == 0);
    REQUIRE(back[100 + data.size()] == 0);
}
