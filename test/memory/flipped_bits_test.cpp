// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/flipped_bits.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bitset>
#include <random>
#include <vector>

using namespace hydravp;
using core::Row;
using memory::FlippedBits;

namespace {

/// A row with its buffer, whose every write is counted.
struct OpenRow {
    FlippedBits flipped{64};
    std::vector<unsigned char> cells = std::vector<unsigned char>(64, 0);

    void write(std::uint32_t first, const std::vector<unsigned char>& data, core::LayerId layer = 0) {
        flipped.write(Row{5}, first, data.size(), cells.data() + first, data.data(), 1, layer);
        std::copy(data.begin(), data.end(), cells.begin() + first);
    }
    void overwrite(std::uint32_t first, const std::vector<unsigned char>& data, Row row = Row{5}) {
        flipped.overwrite(row, first, data.size(), cells.data() + first);
        std::copy(data.begin(), data.end(), cells.begin() + first);
    }
};

} // namespace

TEST_CASE("bits that change are set or reset, by hand") {
    OpenRow row;
    row.cells[3] = 0b1010'0000;
    row.write(3, {0b1100'0001, 0xFF}, 4);
    CHECK(row.flipped.set() == 2 + 8);
    CHECK(row.flipped.reset() == 1);
    CHECK(row.flipped.last_writer() == 4);
    row.write(3, {0b1010'0000}, 6); // the old value again: costs nothing
    CHECK(row.flipped.set() == 8);
    CHECK(row.flipped.reset() == 0);
    CHECK(row.flipped.last_writer() == 6);
    row.write(4, {0x0F});
    CHECK(row.flipped.set() == 4);
    row.flipped.clear();
    CHECK(row.flipped.set() == 0);
    row.write(4, {0xF0}); // what the row was closed with is the old value now
    CHECK(row.flipped.set() == 4);
    CHECK(row.flipped.reset() == 4);
    row.write(10, {0, 0, 0});
    CHECK(row.flipped.set() == 4);
}

TEST_CASE("data may lie apart") {
    FlippedBits flipped(8);
    const unsigned char old[2] = {0, 0};
    const unsigned char data[9] = {1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 3};
    flipped.write(Row{0}, 2, 2, old, data, 8, 0);
    CHECK(flipped.set() == 3);
    CHECK(flipped.reset() == 0);
}

TEST_CASE("what debug transport puts into the open row is nobody's") {
    OpenRow row;
    row.write(0, {0xFF, 0xFF});
    row.overwrite(0, {0x00}); // also what was to be written there
    CHECK(row.flipped.set() == 8);
    row.write(0, {0x01});
    CHECK(row.flipped.set() == 9);
    row.overwrite(1, {0x00}, Row{6}); // another row
    CHECK(row.flipped.set() == 9);
    row.flipped.clear();
    row.overwrite(0, {0xFF, 0xFF});
    CHECK(row.flipped.set() == 0);
    CHECK(row.flipped.reset() == 0);
}

TEST_CASE("random writes: the sums are those of the values at opening and at closing") {
    std::mt19937 random(3);
    OpenRow row;
    bool right = true;
    for (int opened = 0; opened < 300; ++opened) {
        const std::vector<unsigned char> before = row.cells;
        for (std::size_t writes = random() % 12; writes > 0; --writes) {
            const auto first = static_cast<std::uint32_t>(random() % 64);
            std::vector<unsigned char> data(1 + random() % (64 - first));
            std::generate(data.begin(), data.end(),
                          [&] { return static_cast<unsigned char>(random() % 4 == 0 ? 0 : random()); });
            row.write(first, data);
        }
        std::uint64_t set = 0;
        std::uint64_t reset = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            set += std::bitset<8>(row.cells[i] & ~before[i] & 0xFF).count();
            reset += std::bitset<8>(before[i] & ~row.cells[i] & 0xFF).count();
        }
        right &= row.flipped.set() == set && row.flipped.reset() == reset;
        row.flipped.clear();
    }
    CHECK(right);
}
