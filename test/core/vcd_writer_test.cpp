// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/vcd_writer.h"

#include "hydravp/core/error.h"

#include "vcd_reader.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <stdexcept>

using namespace std::chrono_literals;
using Catch::Contains;
using hydravp::core::InputError;
using hydravp::core::Picoseconds;
using hydravp::core::SimulationError;
using hydravp::core::VcdWriter;
using hydravp::test::VcdReader;
namespace fs = std::filesystem;

namespace {

using Changes = std::vector<std::pair<std::int64_t, double>>;

struct Rig {
    std::string path =
        (fs::temp_directory_path() / ("hydravp_vcd_" + std::to_string(getpid()) + ".vcd")).string();
    Picoseconds now{0};

    ~Rig() { fs::remove(path); }
    VcdWriter writer(VcdWriter::Window window = {}) {
        return {path, window, [this] { return now; }};
    }
};

Picoseconds ps(std::int64_t t) {
    return Picoseconds{t};
}

} // namespace

TEST_CASE("changes are written in the order of their times") {
    Rig rig;
    {
        VcdWriter writer = rig.writer();
        const auto a = writer.add_wire("top.a", 8, 3);
        const auto b = writer.add_wire("top.inner.b", 1, 0);
        const auto r = writer.add_real("top.inner.r", 0.5);
        writer.change(a, ps(30), 255);
        writer.change(b, ps(10), 1);
        writer.change_real(r, ps(20), -1.25);
        writer.change(b, ps(25), VcdWriter::unknown);
        writer.change(a, ps(20), 0);
        writer.finish(ps(100));
    }
    const VcdReader vcd(rig.path);
    CHECK(vcd.end() == 100);
    CHECK(vcd["top.a"].initial == 3);
    CHECK(vcd["top.a"].bits == 8);
    CHECK(vcd["top.a"].changes == Changes{{20, 0}, {30, 255}});
    CHECK(vcd["top.inner.b"].changes == Changes{{10, 1}, {25, VcdReader::unknown}});
    CHECK(vcd["top.inner.r"].initial == 0.5);
    CHECK(vcd["top.inner.r"].changes == Changes{{20, -1.25}});
}

TEST_CASE("the last change at a time wins, a return to idle loses, and no change is not written") {
    Rig rig;
    {
        VcdWriter writer = rig.writer();
        const auto a = writer.add_wire("a", 4, 0);
        writer.change(a, ps(10), 1);
        writer.change(a, ps(20), 2);
        writer.change_back(a, ps(20), 0); // the end of what began at 10 is known later
        writer.change(a, ps(30), 5);
        writer.change(a, ps(30), 6);
        writer.change(a, ps(40), 6);
        writer.change_back(a, ps(50), 0);
        writer.finish(ps(50));
    }
    CHECK(VcdReader(rig.path)["a"].changes == Changes{{10, 1}, {20, 2}, {30, 6}, {50, 0}});
}

TEST_CASE("only the window is written, with the values at its beginning") {
    Rig rig;
    {
        VcdWriter writer = rig.writer({ps(100), ps(200)});
        const auto a = writer.add_wire("a", 8, 0);
        const auto b = writer.add_wire("b", 8, 9);
        writer.change(a, ps(201), 7);
        writer.change(a, ps(200), 6);
        writer.change(a, ps(99), 4);
        writer.change(a, ps(50), 3);
        writer.change(b, ps(100), 5);
        writer.finish(ps(300));
    }
    const VcdReader vcd(rig.path);
    CHECK(vcd.begin() == 100);
    CHECK(vcd.end() == 200);
    CHECK(vcd["a"].initial == 4);
    CHECK(vcd["a"].changes == Changes{{200, 6}});
    CHECK(vcd["b"].initial == 5);
    CHECK(vcd["b"].changes.empty());
}

TEST_CASE("a window that the run does not reach shows the last values") {
    Rig rig;
    {
        VcdWriter writer = rig.writer({ps(1000), Picoseconds::max()});
        const auto a = writer.add_wire("a", 8, 0);
        writer.change(a, ps(10), 4);
        writer.finish(ps(20));
    }
    const VcdReader vcd(rig.path);
    CHECK(vcd.begin() == 1000);
    CHECK(vcd["a"].initial == 4);
}

TEST_CASE("many changes, somewhat out of order, arrive complete") {
    constexpr int signals = 200;
    constexpr int changes = 400000;
    Rig rig;
    std::mt19937 random(7);
    std::map<std::string, Changes> expected;
    {
        VcdWriter writer = rig.writer();
        for (int i = 0; i < signals; ++i) {
            writer.add_wire("s" + std::to_string(i), 32, 0);
        }
        std::vector<std::int64_t> last(signals, 0);
        for (int i = 1; i <= changes; ++i) {
            rig.now = ps(i) * 1000;
            const auto id = random() % signals; // its times lie up to 40 us before and 50 us after now
            const std::int64_t t =
                std::max(last[id] + 1,
                         rig.now.count() - 40'000'000 + static_cast<std::int64_t>(random() % 90'000'000));
            last[id] = t;
            writer.change(static_cast<VcdWriter::Id>(id), ps(t), static_cast<std::uint64_t>(i));
            expected["s" + std::to_string(id)].emplace_back(t, i);
        }
        writer.finish(rig.now);
        CHECK(writer.late_changes() == 0);
    }
    const VcdReader vcd(rig.path);
    for (const auto& [name, list] : expected) {
        CHECK(vcd[name].changes == list);
    }
}

TEST_CASE("what comes too late is moved up, and times never go backwards") {
    Rig rig;
    {
        VcdWriter writer = rig.writer();
        const auto a = writer.add_wire("a", 1, 0);
        const auto b = writer.add_wire("b", 1, 0);
        rig.now = 1'000'000'000ms;
        for (int i = 1; i <= 100000; ++i) {
            writer.change(a, ps(i), static_cast<std::uint64_t>(i % 2));
        }
        writer.change(b, ps(5), 1);
        writer.finish(rig.now);
        CHECK(writer.late_changes() > 0);
    }
    CHECK(VcdReader(rig.path)["b"].changes.size() == 1);
}

TEST_CASE("a run that fails leaves a complete file") {
    Rig rig;
    {
        VcdWriter writer = rig.writer();
        const auto a = writer.add_wire("a", 1, 0);
        writer.change(a, ps(7), 1);
    }
    CHECK(VcdReader(rig.path)["a"].changes == Changes{{7, 1}});
}

TEST_CASE("a run that never begins leaves no file, and an old one as it was") {
    Rig rig;
    { VcdWriter writer = rig.writer(); }
    CHECK_FALSE(fs::exists(rig.path));
    std::ofstream(rig.path) << "old";
    { VcdWriter writer = rig.writer(); }
    CHECK(fs::file_size(rig.path) == 3);
}

TEST_CASE("a longer file of an earlier run is replaced") {
    Rig rig;
    std::ofstream(rig.path) << std::string(100000, '#');
    {
        VcdWriter writer = rig.writer();
        writer.add_wire("a", 1, 1);
        writer.finish(ps(10));
    }
    CHECK(VcdReader(rig.path)["a"].initial == 1);
}

TEST_CASE("mistakes of the user and of the disk are reported") {
    Rig rig;
    CHECK_THROWS_AS(VcdWriter("/nowhere/a.vcd", {}, [] { return ps(0); }), InputError);
    CHECK_THROWS_AS(VcdWriter("/", {}, [] { return ps(0); }), InputError);
    CHECK_THROWS_AS(rig.writer({ps(5), ps(5)}), InputError);
    VcdWriter full("/dev/full", {}, [] { return ps(0); });
    full.add_wire("a", 1, 0);
    CHECK_THROWS_AS(full.finish(ps(10)), SimulationError);
}

TEST_CASE("wires that no viewer could show are refused") {
    Rig rig;
    VcdWriter writer = rig.writer();
    CHECK_THROWS_AS(writer.add_wire("a", 0, 0), std::logic_error);
    CHECK_THROWS_AS(writer.add_wire("a", 64, 0), std::logic_error);
    const auto widest = writer.add_wire("a", 63, 0);
    writer.change(widest, ps(1), (std::uint64_t{1} << 62) + 1);
    writer.finish(ps(2));
    CHECK_THROWS_AS(writer.add_wire("b", 1, 0), std::logic_error);
    CHECK(VcdReader(rig.path)["a"].changes == Changes{{1, std::pow(2.0, 62) + 1}});
}
