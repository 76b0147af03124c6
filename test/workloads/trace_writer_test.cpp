// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace_writer.h"

#include "hydravp/core/error.h"

#include "temporary_file.h"
#include "trace_files.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::Picoseconds;
using test::read_all;

namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A path in the temporary folder that vanishes with the object.
struct TemporaryPath {
    explicit TemporaryPath(const std::string& ending) {
        const TemporaryFile unused("");
        path = unused.path() + ending;
    }
    ~TemporaryPath() { std::filesystem::remove(path); }
    std::string path;
};

std::vector<TraceAccess> random_accesses(std::size_t count) {
    std::mt19937_64 random(7);
    std::vector<TraceAccess> all;
    TraceAccess access{Picoseconds{0}, false, 0, 64};
    for (std::size_t i = 0; i < count; ++i) {
        access.write = random() % 3 == 0;
        access.address += access.bytes;
        if (random() % 2 == 0) {
            access.address = random() >> random() % 64;
        }
        if (random() % 4 == 0) {
            access.bytes = 1 + static_cast<std::uint32_t>(random() % largest_trace_access);
        }
        if (random() % 3 != 0) {
            access.time = Picoseconds{static_cast<std::int64_t>(random() >> (1 + random() % 60))};
        }
        all.push_back(access);
    }
    return all;
}

} // namespace

TEST_CASE("what is written is read") {
    const std::vector<TraceAccess> accesses = random_accesses(20000);
    for (const char* ending : {".hvt", ".hvt.gz", ".hvt.zst", ".bin"}) {
        CAPTURE(ending);
        const TemporaryPath to(ending);
        TraceWriter writer(to.path);
        for (const TraceAccess& access : accesses) {
            writer.write(access);
        }
        CHECK_FALSE(std::filesystem::exists(to.path)); // not yet complete
        writer.close();
        CHECK(writer.accesses() == accesses.size());
        CHECK(open_trace(to.path)->format() == TraceFormat::binary);
        CHECK(read_all(to.path) == accesses);
    }
}

TEST_CASE("the text that is written for the eye") {
    const TemporaryPath to(".stl");
    TraceWriter writer(to.path, Picoseconds{2500});
    writer.write({Picoseconds{5000}, false, 0x40, 64});
    writer.write({Picoseconds{7499}, true, 0x1000, 8});
    writer.close();
    CHECK(read_file(to.path) == "# cycle: (bytes) command address\n2: (64) read 0x40\n2: (8) write 0x1000\n");
    TraceOptions options;
    options.clock_period = Picoseconds{2500};
    CHECK(read_all(to.path, options) == std::vector<TraceAccess>{{Picoseconds{5000}, false, 0x40, 64},
                                                                 {Picoseconds{5000}, true, 0x1000, 8}});
}

TEST_CASE("a writer's limits") {
    const TemporaryPath to(".hvt");
    {
        TraceWriter writer(to.path);
        writer.write({Picoseconds{1}, true, 64, 3 * largest_trace_access / 2});
        CHECK_THROWS_AS(writer.write({Picoseconds{0}, false, 0, 0}), std::invalid_argument);
        CHECK_THROWS_AS(writer.write({Picoseconds{-1}, false, 0, 1}), std::invalid_argument);
        writer.close();
        CHECK(read_all(to.path) == std::vector<TraceAccess>{{Picoseconds{1}, true, 64, largest_trace_access},
                                                            {Picoseconds{1}, true, 64 + largest_trace_access,
                                                             largest_trace_access / 2}});
    }
    const TemporaryPath given_up(".hvt.gz");
    { TraceWriter(given_up.path).write({Picoseconds{1}, true, 64, 8}); }
    CHECK_FALSE(std::filesystem::exists(given_up.path));
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
        CHECK(entry.path().string().rfind(given_up.path, 0) != 0); // nothing is left beside it either
    }
    CHECK_THROWS_AS(TraceWriter("/nowhere/at/all.hvt"), core::SimulationError);
    CHECK_THROWS_AS(TraceWriter(to.path, Picoseconds{0}), std::invalid_argument);
    const TemporaryFile trace("LD 0\n");
    TraceOptions options;
    options.clock_period = Picoseconds{0};
    CHECK_THROWS_AS(open_trace(trace.path(), options), std::invalid_argument);
}

TEST_CASE("memory does not depend on the length of a trace") {
    const TemporaryPath to(".hvt.zst");
    constexpr std::uint64_t count = 3000000;
    TraceWriter writer(to.path);
    TraceAccess access{Picoseconds{0}, false, 0, 64};
    std::mt19937_64 random(1);
    const auto peak_kb = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    for (std::uint64_t i = 0; i < count / 100; ++i) {
        access.time += Picoseconds{2500};
        access.address = random();
        writer.write(access);
    }
    const long before = peak_kb();
    for (std::uint64_t i = count / 100; i < count; ++i) {
        access.time += Picoseconds{2500};
        access.address = random() % (std::uint64_t{1} << 33);
        writer.write(access);
    }
    writer.close();
    const auto reader = open_trace(to.path);
    std::uint64_t read = 0;
    double last = 0;
    while (reader->next(access)) {
        ++read;
        last = std::max(last, reader->progress());
    }
    CHECK(read == count);
    CHECK(last > 0.99);
    CHECK(peak_kb() - before < 12000); // the file alone has more than that; the decompressor's window is 2 MB
    CHECK(std::filesystem::file_size(to.path) > 14000000);
}
