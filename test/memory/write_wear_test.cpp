// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/write_wear.h"

#include "command_driver.h"
#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <utility>

using namespace hydravp;
using namespace hydravp::test;
using memory::CommandKind;
using memory::ModifiedWords;
using memory::WriteWear;

TEST_CASE("counts are those of a map of words, in rows of any length") {
    std::mt19937 random(11);
    for (const std::uint32_t row_bytes : {8U, 1000U, 1024U}) {
        WriteWear own(row_bytes);
        WriteWear lockstep(row_bytes);
        std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> counts;
        std::array<std::uint64_t, 2> words{};
        std::uint64_t most = 0;
        REQUIRE(own.most_writes(lockstep) == 0);
        for (int n = 0; n < 2000; ++n) {
            const std::uint64_t row = random() % 3 + (std::uint64_t{1} << 40);
            const bool alike = random() % 2 == 0;
            WriteWear& wear = alike ? lockstep : own;
            ModifiedWords modified(row_bytes);
            if (random() % 10 == 0) {
                modified.mark(0, row_bytes, 0);
                wear.note_row(row, row_bytes);
            } else {
                const auto first = static_cast<std::uint32_t>(random() % row_bytes);
                modified.mark(first, static_cast<std::uint32_t>(random() % (row_bytes - first) + 1), 0);
                wear.note(row, modified);
            }
            for (std::uint32_t word = 0; word < row_bytes / 2; ++word) {
                if ((modified.bits()[word / 64] >> word % 64 & 1) != 0) {
                    most = std::max(most, ++counts[{row, word}]);
                    ++words[alike ? 1 : 0];
                }
            }
            if (n % 97 == 0) {
                REQUIRE(own.most_writes(lockstep) == most);
            }
        }
        REQUIRE(own.words() == words[0]);
        REQUIRE(lockstep.words() == words[1]);
        REQUIRE(own.most_writes(lockstep) == most);
        REQUIRE(most > 100);
    }
}

namespace {

/// Random rows, words and chips; rows are closed by precharges and by refreshes.
/// @param placed the commands come with their times, as from a controller without near-memory units
void check_channel(bool placed) {
    memory::Technology technology = dram();
    technology.endurance = 1000;
    const memory::Geometry shape = geometry(2, 64);
    CommandDriver d(technology, shape);
    run_in_thread([&] {
        using Cell = std::array<std::uint32_t, 5>; // rank, chip, bank, row, word
        std::map<Cell, std::uint64_t> counts;
        std::uint64_t words = 0;
        std::uint64_t most = 0;
        std::mt19937 random(5);
        std::vector<unsigned char> data(std::size_t{shape.row_bytes} * 8);
        core::Picoseconds now{0};
        const auto issue = [&](memory::CommandExtension command) {
            now += clocks(100);
            command.placed = placed;
            command.earliest = command.issued = command.last_issued = now;
            REQUIRE(d.issue(command, data.data()) == tlm::TLM_OK_RESPONSE);
        };
        for (int n = 0; n < 300; ++n) {
            const std::uint32_t rank = random() % 2;
            const std::uint32_t bank = random() % 2;
            const std::uint32_t row = random() % 2;
            issue(make(CommandKind::activate, rank, bank, row));
            std::set<Cell> modified;
            const bool all_alike = random() % 2 == 0;
            for (std::uint32_t write = random() % 4; write > 0; --write) {
                auto command = make(CommandKind::write, rank, bank, row, random() % 4 * 8, random() % 24 + 1);
                command.chips = all_alike ? 0xFF : random() % 255 + 1;
                issue(command);
                for (std::uint32_t chip = 0; chip < 8; ++chip) {
                    for (std::uint32_t byte = 0; byte < command.bytes && (command.chips >> chip & 1) != 0;
                         ++byte) {
                        modified.insert({rank, chip, bank, row, (command.column + byte) / 2});
                    }
                }
            }
            issue(make(random() % 4 == 0 ? CommandKind::refresh : CommandKind::precharge, rank, bank));
            words += modified.size();
            for (const Cell& cell : modified) {
                most = std::max(most, ++counts[cell]);
            }
        }
        const memory::WearSummary wear = d.channel.wear();
        REQUIRE(wear.words == words);
        REQUIRE(wear.most_writes == most);
        REQUIRE(most > 10);
    });
}

} // namespace

TEST_CASE("a channel counts the write-backs of each word of each chip") {
    check_channel(false);
}

TEST_CASE("a channel counts them as well if its controller places the commands") {
    check_channel(true);
}

TEST_CASE("a memory without an endurance counts nothing") {
    CommandDriver d(dram(), geometry());
    run_in_thread([&] {
        std::vector<unsigned char> data(64);
        d.issue(make(CommandKind::activate, 0, 0));
        d.issue(make(CommandKind::write, 0, 0, 0, 0, 8), data.data());
        d.issue(make(CommandKind::precharge, 0, 0));
        REQUIRE(d.channel.wear().words == 0);
        REQUIRE(d.channel.wear().most_writes == 0);
    });
}
