// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/rank_storage.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

using namespace hydravp;
using core::Bank;
using core::Chip;
using core::Row;
using memory::DataLayout;
using memory::RankStorage;

namespace {

memory::Geometry shape(std::uint32_t chips, std::uint32_t row_bytes = 64) {
    memory::Geometry g;
    g.ranks = 1;
    g.chips_per_rank = chips;
    g.banks = 2;
    g.rows = 4;
    g.row_bytes = row_bytes;
    return g;
}

using Bytes = std::vector<unsigned char>;

Bytes row_of(RankStorage& storage, Bank bank, Row row) {
    Bytes bytes(storage.row_bytes());
    storage.read(bank, row, 0, bytes.data(), bytes.size());
    return bytes;
}

} // namespace

TEST_CASE("40 GB cost nothing, and what was not written reads as zero") {
    memory::Geometry g;
    g.chips_per_rank = 8;
    g.banks = 16;
    g.row_bytes = 1024;
    g.rows = 40 * 8192;
    RankStorage storage(g);
    Bytes data(8192, 1);
    storage.read(Bank{15}, Row{g.rows - 1}, 0, data.data(), data.size());
    REQUIRE(data == Bytes(8192, 0));
    std::fill(data.begin(), data.end(), 1);
    storage.read_chip(Chip{7}, Bank{15}, Row{g.rows - 1}, 0, data.data(), 1024);
    REQUIRE(std::count(data.begin(), data.begin() + 1024, 0) == 1024);
    REQUIRE(storage.resident_rows() == 0);
    storage.write_chip(Chip{7}, Bank{15}, Row{g.rows - 1}, 1023, data.data() + 1024, 1);
    REQUIRE(storage.resident_rows() == 1);
    REQUIRE(row_of(storage, Bank{15}, Row{g.rows - 1}).back() == 1);
    storage.share(Bank{0}, Row{0});
    REQUIRE(storage.resident_rows() == 2);
}

TEST_CASE("both views reach the same cells, whatever the layout has become") {
    std::mt19937 random(7);
    for (const std::uint32_t chips : {1u, 2u, 3u, 8u, 16u}) {
        const memory::Geometry g = shape(chips);
        RankStorage storage(g);
        // The reference keeps a byte per (bank, row, byte of the rank's row).
        std::vector<Bytes> golden(8, Bytes(storage.row_bytes(), 0));
        std::size_t turns = 0;
        std::vector<DataLayout> before(8, DataLayout::chip_by_chip);
        bool right = true;
        for (int step = 0; step < 20000; ++step) {
            const Bank bank{random() % 2};
            const Row row{random() % 4};
            const std::size_t index = bank.value() * 4 + row.value();
            Bytes& cells = golden[index];
            const bool local = random() % 2 != 0;
            const std::size_t size = local ? g.row_bytes : storage.row_bytes();
            const auto first = static_cast<std::uint32_t>(random() % size);
            const std::size_t bytes = 1 + random() % (size - first);
            const Chip chip{random() % chips};
            const auto place = [&](std::size_t i) {
                return local ? (first + i) * chips + chip.value() : first + i;
            };
            Bytes data(bytes);
            if (random() % 2 != 0) {
                std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
                local ? storage.write_chip(chip, bank, row, first, data.data(), bytes)
                      : storage.write(bank, row, first, data.data(), bytes);
                for (std::size_t i = 0; i < bytes; ++i) {
                    cells[place(i)] = data[i];
                }
            } else {
                local ? storage.read_chip(chip, bank, row, first, data.data(), bytes)
                      : storage.read(bank, row, first, data.data(), bytes);
                for (std::size_t i = 0; i < bytes; ++i) {
                    right &= data[i] == cells[place(i)];
                }
            }
            turns += storage.layout(bank, row) != before[index] ? 1 : 0;
            before[index] = storage.layout(bank, row);
        }
        CHECK(right);
        CHECK((chips == 1 || turns > 100)); // rows have been converted again and again
    }
}

TEST_CASE("the first write decides on the layout, and a row's worth of the other kind changes it") {
    RankStorage storage(shape(8));
    Bytes data(512);
    for (std::size_t i = 0; i < data.size(); ++i) {
        data[i] = static_cast<unsigned char>(i * 7);
    }
    storage.write_chip(Chip{0}, Bank{0}, Row{0}, 0, data.data(), 8);
    storage.write(Bank{0}, Row{1}, 0, data.data(), data.size());
    REQUIRE(storage.layout(Bank{0}, Row{0}) == DataLayout::chip_by_chip);
    REQUIRE(storage.layout(Bank{0}, Row{1}) == DataLayout::interleaved);
    Bytes chip(64);
    for (std::uint32_t i = 0; i < 7; ++i) { // 448 of 512 bytes
        storage.read_chip(Chip{i}, Bank{0}, Row{1}, 0, chip.data(), 64);
        REQUIRE(storage.layout(Bank{0}, Row{1}) == DataLayout::interleaved);
    }
    storage.peek_chip(Chip{7}, Bank{0}, Row{1}, 0, chip.data(), 64);
    REQUIRE(storage.layout(Bank{0}, Row{1}) == DataLayout::interleaved);
    storage.read_chip(Chip{7}, Bank{0}, Row{1}, 0, chip.data(), 64);
    REQUIRE(storage.layout(Bank{0}, Row{1}) == DataLayout::chip_by_chip);
    REQUIRE(chip[63] == data[511]);
    REQUIRE(row_of(storage, Bank{0}, Row{1}) == data); // of 512 bytes: turned back
    REQUIRE(storage.layout(Bank{0}, Row{1}) == DataLayout::interleaved);
}

TEST_CASE("a shared row is host memory until somebody writes chip by chip") {
    RankStorage storage(shape(8));
    std::vector<std::pair<Bank, Row>> taken;
    storage.on_taken_back([&](Bank bank, Row row) { taken.emplace_back(bank, row); });
    Bytes chip(64);
    for (std::size_t i = 0; i < chip.size(); ++i) {
        chip[i] = static_cast<unsigned char>(i + 1);
    }
    storage.write_chip(Chip{3}, Bank{1}, Row{2}, 0, chip.data(), 64);
    unsigned char* const cells = storage.share(Bank{1}, Row{2});
    REQUIRE(storage.share(Bank{1}, Row{2}) == cells);
    for (std::size_t i = 0; i < 512; ++i) {
        REQUIRE(cells[i] == (i % 8 == 3 ? i / 8 + 1 : 0));
    }
    cells[4] = 99; // chip 4, column 0
    unsigned char byte = 0;
    storage.read_chip(Chip{4}, Bank{1}, Row{2}, 0, &byte, 1);
    REQUIRE(byte == 99);
    const unsigned char hundred = 100;
    storage.write(Bank{1}, Row{2}, 5, &hundred, 1);
    REQUIRE(cells[5] == 100);
    REQUIRE(taken.empty());
    REQUIRE(storage.shared(Bank{1}, Row{2}));

    storage.write_chip(Chip{0}, Bank{1}, Row{2}, 1, &hundred, 1);
    REQUIRE(taken == std::vector<std::pair<Bank, Row>>{{Bank{1}, Row{2}}});
    REQUIRE_FALSE(storage.shared(Bank{1}, Row{2}));
    storage.write_chip(Chip{0}, Bank{1}, Row{2}, 1, &hundred, 1); // not shared any more
    REQUIRE(taken.size() == 1);
    REQUIRE(row_of(storage, Bank{1}, Row{2})[8] == 100);
}

TEST_CASE("reading chip by chip takes a shared row back when it is converted, and not before") {
    RankStorage storage(shape(8));
    std::size_t taken = 0;
    bool interleaved_when_told = false;
    storage.on_taken_back([&](Bank bank, Row row) {
        ++taken;
        interleaved_when_told = storage.layout(bank, row) == DataLayout::interleaved;
    });
    unsigned char* const cells = storage.share(Bank{0}, Row{0});
    cells[1] = 17;
    Bytes chip(64);
    for (std::uint32_t i = 0; i < 8; ++i) {
        REQUIRE(taken == 0);
        storage.read_chip(Chip{i}, Bank{0}, Row{0}, 0, chip.data(), 64);
    }
    REQUIRE(taken == 1);
    REQUIRE(interleaved_when_told);
    storage.read_chip(Chip{1}, Bank{0}, Row{0}, 0, chip.data(), 64);
    REQUIRE(chip[0] == 17);
}

TEST_CASE("the rows of a bank can be taken back together") {
    RankStorage storage(shape(2));
    std::vector<std::uint32_t> taken;
    storage.on_taken_back([&](Bank bank, Row row) { taken.push_back(bank.value() * 10 + row.value()); });
    for (const std::uint32_t row : {0u, 1u, 3u}) {
        storage.share(Bank{1}, Row{row});
    }
    storage.share(Bank{0}, Row{2});
    storage.take_back(Bank{1}, Row{1});
    storage.take_back(Bank{1}, Row{1});
    REQUIRE(taken == std::vector<std::uint32_t>{11});
    storage.take_back(Bank{1});
    std::sort(taken.begin(), taken.end());
    REQUIRE(taken == std::vector<std::uint32_t>{10, 11, 13});
    REQUIRE(storage.shared(Bank{0}, Row{2}));
    storage.share(Bank{1}, Row{1});
    storage.take_back(Bank{1});
    REQUIRE(taken.size() == 4);
}
