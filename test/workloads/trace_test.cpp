// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/trace.h"

#include "hydravp/core/error.h"

#include "temporary_file.h"
#include "trace_files.h"

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <catch2/catch.hpp>

#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using Catch::Contains;
using Catch::StartsWith;
using namespace hydravp;
using namespace hydravp::workloads;
using core::Picoseconds;
using test::read_all;

namespace {

std::string error_of(const std::string& path, const TraceOptions& options = {}) {
    try {
        read_all(path, options);
    } catch (const core::InputError& error) {
        return error.what();
    }
    return "no error";
}

template <class Compressor>
std::string compressed(const std::string& plain, const Compressor& compressor) {
    std::ostringstream out;
    boost::iostreams::filtering_ostream stream;
    stream.push(compressor);
    stream.push(out);
    stream << plain;
    stream.reset();
    return out.str();
}
std::string gzip(const std::string& plain) {
    return compressed(plain, boost::iostreams::gzip_compressor());
}
std::string zstd(const std::string& plain) {
    return compressed(plain, boost::iostreams::zstd_compressor());
}

const std::string magic("\x89HVT\r\n\x1a\n\x01", 9);

} // namespace

TEST_CASE("traces of DRAMSys") {
    TraceOptions options;
    options.clock_period = Picoseconds{2500};
    const TemporaryFile file(
        "# a comment\n\n31: read 0x400140\n33:\tread\t400160\r\n56: write 0x7FFF8000 0x123456789abcdef\n"
        "  \n81 (128) read 0x400180",
        ".stl");
    const std::vector<TraceAccess> expected{{Picoseconds{77500}, false, 0x400140, 64},
                                            {Picoseconds{82500}, false, 0x400160, 64},
                                            {Picoseconds{140000}, true, 0x7fff8000, 64},
                                            {Picoseconds{202500}, false, 0x400180, 128}};
    CHECK(read_all(file.path(), options) == expected);
    CHECK(open_trace(file.path())->format() == TraceFormat::stl);
    const TemporaryFile elsewhere("31: read 0x400140\n", ".txt");
    CHECK(open_trace(elsewhere.path())->format() == TraceFormat::stl);
}

TEST_CASE("traces of Ramulator 2") {
    const TemporaryFile file("LD 0x100000\nST 1114176\nR 0X40\nW 64\n", ".trace");
    const std::vector<TraceAccess> expected{{Picoseconds{0}, false, 0x100000, 32},
                                            {Picoseconds{0}, true, 1114176, 32},
                                            {Picoseconds{0}, false, 0x40, 32},
                                            {Picoseconds{0}, true, 64, 32}};
    TraceOptions options;
    options.bytes_per_access = 32;
    CHECK(read_all(file.path(), options) == expected);
    CHECK(open_trace(file.path())->format() == TraceFormat::ramulator);
    CHECK_FALSE(open_trace(file.path())->counts_cycles());
}

TEST_CASE("traces of DRAMsim3, and of DRAMSim2") {
    const TemporaryFile file("0x1000 READ 5\n7fc0 WRITE 6\n0x10 P_MEM_WR 7\n0x20 P_FETCH 7\n0x30  BOFF\t8\n");
    const std::vector<TraceAccess> expected{{Picoseconds{5000}, false, 0x1000, 64},
                                            {Picoseconds{6000}, true, 0x7fc0, 64},
                                            {Picoseconds{7000}, true, 0x10, 64},
                                            {Picoseconds{7000}, false, 0x20, 64},
                                            {Picoseconds{8000}, true, 0x30, 64}};
    CHECK(read_all(file.path()) == expected);
    CHECK(open_trace(file.path())->format() == TraceFormat::dramsim3);
    CHECK(open_trace(file.path())->counts_cycles());
}

TEST_CASE("traces of NVMain, with and without the version") {
    const std::string data(128, 'a');
    const std::vector<TraceAccess> expected{{Picoseconds{10000}, false, 0xbcd40, 64},
                                            {Picoseconds{12000}, true, 0x40, 64}};
    const TemporaryFile newer(
        "NVMV1\n10 R bcd40 " + data + " " + data + " 0\n12 W 0x40 " + data + " " + data + " 3\n", ".nvt");
    CHECK(read_all(newer.path()) == expected);
    CHECK(open_trace(newer.path())->format() == TraceFormat::nvmain);
    const TemporaryFile older("10 R bcd40 " + data + " 0\n12 W 0x40 " + data + " 3\n");
    CHECK(read_all(older.path()) == expected);
    CHECK(open_trace(older.path())->format() == TraceFormat::nvmain);
}

TEST_CASE("a malformed line is named, with what was found and expected") {
    struct Case {
        const char* format;
        const char* good; ///< first line
        const char* bad;  ///< second line
        const char* expected;
    };
    const Case cases[] = {
        {"stl", "1: read 0x0", "2: read", ":2: found \"2: read\", expected 'CYCLE:"},
        {"stl", "1: read 0x0", "x: read 0x0", ":2: found \"x\", expected a cycle"},
        {"stl", "1: read 0x0", "-1: read 0x0", "expected a cycle"},
        {"stl", "1: read 0x0", "1.5: read 0x0", "expected a cycle"},
        {"stl", "1: read 0x0", ": read 0x0", "expected a cycle"},
        {"stl", "1: read 0x0", "9223372036854776: read 0x0", "expected a cycle of at most 9223372036854775,"},
        {"stl", "1: read 0x0", "99999999999999999999: read 0x0", "expected a cycle"},
        {"stl", "1: read 0x0", "2: Read 0x0", ":2: found \"Read\", expected read or write"},
        {"stl", "1: read 0x0", "2: load 0x0", "expected read or write"},
        {"stl", "1: read 0x0", "2: (0) read 0x0", ":2: found \"(0)\", expected a length in bytes from (1)"},
        {"stl", "1: read 0x0", "2: (1048577) read 0x0", "expected a length in bytes"},
        {"stl", "1: read 0x0", "2: (64 read 0x0", "expected a length in bytes"},
        {"stl", "1: read 0x0", "2: () read 0x0", "expected a length in bytes"},
        {"stl", "1: read 0x0", "2: (-4) read 0x0", "expected a length in bytes"},
        {"stl", "1: read 0x0", "2: (64) read", "expected 'CYCLE:"},
        {"stl", "1: read 0x0", "2: read 0xg", "expected a hexadecimal address"},
        {"stl", "1: read 0x0", "2: read 0x", "expected a hexadecimal address"},
        {"stl", "1: read 0x0", "2: read -4", "expected a hexadecimal address"},
        {"stl", "1: read 0x0", "2: read 0x10000000000000000", "address of at most 64 bits"},
        {"stl", "1: read 0x0", "2: write 0x0 0xzz", "expected data as hexadecimal digits"},
        {"stl", "1: read 0x0", "2: write 0x0 0x12 34", "expected 'CYCLE:"},
        {"ramulator", "LD 0x0", "LD", ":2: found \"LD\", expected 'LD|ST|R|W ADDRESS'"},
        {"ramulator", "LD 0x0", "LD 0x0 1", "expected 'LD|ST|R|W ADDRESS'"},
        {"ramulator", "LD 0x0", "3 20734016", ":2: found \"3\", expected LD, ST, R or W"},
        {"ramulator", "LD 0x0", "ld 0x0", "expected LD, ST, R or W"},
        {"ramulator", "LD 0x0", "R 0,0,1,2,3,4", "expected one address; a vector"},
        {"ramulator", "LD 0x0", "LD 12ab", "hexadecimal after 0x, otherwise decimal"},
        {"ramulator", "LD 0x0", "LD -64", "otherwise decimal"},
        {"ramulator", "LD 0x0", "LD 18446744073709551616", "at most 64 bits"},
        {"dramsim3", "0x0 READ 1", "0x0 READ", ":2: found \"0x0 READ\", expected 'ADDRESS READ|WRITE CYCLE'"},
        {"dramsim3", "0x0 READ 1", "0x0 READ 1 2", "expected 'ADDRESS READ|WRITE CYCLE'"},
        {"dramsim3", "0x0 READ 1", "zz READ 1", "expected a hexadecimal address"},
        {"dramsim3", "0x0 READ 1", "0x0 FETCH 1", ":2: found \"FETCH\", expected READ or WRITE"},
        {"dramsim3", "0x0 READ 1", "0x0 WRITE now", ":2: found \"now\", expected a cycle"},
        {"nvmain", "NVMV1", "1 R 0 00 0",
         ":2: found \"1 R 0 00 0\", expected 'CYCLE R|W ADDRESS DATA OLDDATA"},
        {"nvmain", "1 R 0 00 0", "1 R 0 00 00 0", "expected 'CYCLE R|W ADDRESS DATA THREAD' (with OLDDATA"},
        {"nvmain", "NVMV2", "", ":1: found \"NVMV2\", expected the version NVMV0 or NVMV1"},
        {"nvmain", "NVMV1 x", "", ":1: found \"NVMV1 x\", expected the version"},
        {"nvmain", "NVMV1", "NVMV1", ":2: found \"NVMV1\", expected 'CYCLE"},
        {"nvmain", "NVMV1", "a R 0 00 00 0", "expected a cycle"},
        {"nvmain", "NVMV1", "1 X 0 00 00 0", ":2: found \"X\", expected R or W"},
        {"nvmain", "NVMV1", "1 W q 00 00 0", "expected a hexadecimal address"},
        {"nvmain", "NVMV1", "1 W 0 0g 00 0", ":2: found \"0g\", expected data"},
        {"nvmain", "NVMV1", "1 W 0 00 x0 0", ":2: found \"x0\", expected data"},
        {"nvmain", "NVMV1", "1 W 0 00 00 t", ":2: found \"t\", expected a thread"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.format, c.bad);
        TraceOptions options;
        options.format = trace_format_from(c.format);
        const std::string text = std::string(c.good) + "\n" + c.bad + "\n";
        for (const std::string& content : {text, gzip(text), zstd(text)}) {
            const TemporaryFile file(content);
            const std::string message = error_of(file.path(), options);
            CHECK_THAT(message, StartsWith(file.path() + ":"));
            std::string expected = c.expected;
            for (std::size_t at = 0; (at = expected.find('"', at)) != std::string::npos;) {
                expected.replace(at, 1, "'");
            }
            CHECK_THAT(message, Contains(expected));
        }
    }
}

TEST_CASE("what is no trace is refused") {
    CHECK_THAT(error_of("/nowhere/trace.stl"), Contains("can't open the file"));
    CHECK_THAT(error_of("/tmp"), Contains("/tmp: "));
    CHECK_THAT(error_of(TemporaryFile("").path() + "x"), Contains("can't open"));
    const TemporaryFile empty("");
    CHECK_THAT(error_of(empty.path()), Contains("found an empty file, expected a trace"));
    const TemporaryFile empty_gzip(gzip(""));
    CHECK_THAT(error_of(empty_gzip.path()), Contains("found an empty file"));
    const TemporaryFile text("it was a dark and stormy night\n");
    CHECK_THAT(error_of(text.path()), Contains("found 'it was a dark"));
    CHECK_THAT(error_of(text.path()), Contains("name the format: stl, ramulator"));
    const TemporaryFile comments("# nothing\n\n");
    CHECK_THAT(error_of(comments.path()), Contains("expected an access in one of the known formats"));
    const TemporaryFile relative("1: read 0x0\n", ".rstl");
    CHECK_THAT(error_of(relative.path()), Contains("found a relative trace (.rstl)"));
    std::string garbage;
    std::mt19937 random(3);
    for (int i = 0; i < 100000; ++i) {
        garbage += static_cast<char>(random());
    }
    const TemporaryFile noise(garbage);
    CHECK_THAT(error_of(noise.path()), Contains("expected an access"));
    for (const char* format : {"stl", "ramulator", "dramsim3", "nvmain"}) {
        TraceOptions options;
        options.format = trace_format_from(format);
        CHECK_THAT(error_of(noise.path(), options), StartsWith(noise.path() + ":1: found "));
    }
    TraceOptions stl;
    stl.format = TraceFormat::stl;
    const TemporaryFile endless(std::string(5000000, '1'));
    CHECK_THAT(error_of(endless.path(), stl), Contains(":1: found a line of more than 4194304 bytes"));
    CHECK_THROWS_WITH(trace_format_from("elf"),
                      Contains("found trace format 'elf', expected one of auto, stl"));
}

TEST_CASE("a damaged binary trace is refused") {
    const auto error = [](const std::string& bytes) {
        const TemporaryFile file(bytes);
        TraceOptions options;
        options.format = TraceFormat::binary;
        return error_of(file.path(), options);
    };
    using namespace std::string_literals;
    CHECK(error(magic + "\x80\x00"s) == "no error");
    CHECK_THAT(error("\x89HVT\n\x1a\n\x01"s), Contains("expected that of a binary trace"));
    CHECK_THAT(error(magic.substr(0, 8)), Contains("found version none"));
    CHECK_THAT(error(magic.substr(0, 8) + "\x02"),
               Contains("found version 2 of the binary format, expected 1"));
    CHECK_THAT(error(magic), Contains("access 1 (before byte 9 of the trace): found the end of the file"));
    CHECK_THAT(error(magic + "\x10"), Contains("found a first byte of 0x10"));
    CHECK_THAT(error(magic + "\x0c"s), Contains("truncated"));
    CHECK_THAT(error(magic + "\x0c\x00"s), Contains("found 0 bytes, expected 1 to 1048576"));
    CHECK_THAT(error(magic + "\x0c\x81\x80\x40"s), Contains("found 1048577 bytes"));
    CHECK_THAT(error(magic + "\x0e"s), Contains("found no number of bytes"));
    CHECK_THAT(error(magic + "\x04\x01\x40"s), Contains("found a time before 0"));
    CHECK_THAT(error(magic + "\x08" + std::string(10, '\xff')),
               Contains("found a number of more than 64 bits"));
    CHECK_THAT(error(magic + "\x0c\x40"s), Contains("access 2"));
    CHECK_THAT(error(magic + "\x0c\x40\x80\x02"s),
               Contains("found an end mark that counts 2 accesses, expected 1"));
    CHECK_THAT(error(magic + "\x0c\x40\x80\x01 "s), Contains("found bytes after the end mark"));
    CHECK(error(magic + "\x0c\x40\x80\x01"s) == "no error");
}

TEST_CASE("truncated and damaged compressed traces are refused") {
    std::string text;
    for (int i = 0; i < 20000; ++i) {
        text += std::to_string(i) + ": read 0x" + std::to_string(i * 37 % 9973) + "\n";
    }
    for (const bool use_gzip : {true, false}) {
        const std::string whole = use_gzip ? gzip(text) : zstd(text);
        const std::string expected =
            use_gzip ? "damaged or truncated gzip data" : "damaged or truncated zstd data";
        const TemporaryFile good(whole, ".stl.zst");
        CHECK(read_all(good.path()).size() == 20000);
        const TemporaryFile twice(whole + whole, ".stl");
        CHECK(read_all(twice.path()).size() == 40000); // members or frames behind each other
        for (const std::size_t size : {std::size_t{5}, std::size_t{20}, whole.size() / 2, whole.size() - 1}) {
            CAPTURE(use_gzip, size);
            const TemporaryFile file(whole.substr(0, size), ".stl");
            CHECK_THAT(error_of(file.path()), Contains(expected));
        }
        std::string damaged = whole;
        damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 0x55);
        const TemporaryFile file(damaged, ".stl");
        CHECK_THAT(error_of(file.path()), StartsWith(file.path() + ":"));
        const TemporaryFile tail(whole + "garbage", ".stl");
        CHECK_THAT(error_of(tail.path()), Contains(expected));
    }
}

TEST_CASE("whatever is done to a trace, it is read or refused") {
    const std::string data(128, '0');
    const std::string traces[] = {
        "# c\n31: (64) read 0x400140 0x12\n33: write 0x400160\n",
        "LD 0x100000\nST 1114176\nR 0x40\nW 64\n",
        "0x1000 READ 5\n7fc0 WRITE 6\n0x10 P_MEM_WR 7\n",
        "NVMV1\n10 R bcd40 " + data + " " + data + " 0\n12 W 0x40 " + data + " " + data + " 3\n",
        magic + std::string("\x0c\x40\x0a\x40\x0f\x80\x03", 7),
        gzip("1: read 0x0\n2: write 0x40\n"),
        zstd("1: read 0x0\n2: write 0x40\n"),
    };
    std::mt19937 random(17);
    const char* const formats[] = {"auto", "stl", "ramulator", "dramsim3", "nvmain", "binary"};
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = traces[random() % std::size(traces)];
        for (unsigned changes = random() % 4 + 1; changes > 0 && !bytes.empty(); --changes) {
            const std::size_t at = random() % bytes.size();
            switch (random() % 3) {
            case 0:
                bytes[at] = static_cast<char>(random());
                break;
            case 1:
                bytes.erase(at, 1 + random() % 3);
                break;
            default:
                bytes.insert(at, 1, " \t\n\r0x:(,9"[random() % 10]);
                break;
            }
        }
        const TemporaryFile file(bytes);
        TraceOptions options;
        options.format = trace_format_from(formats[random() % std::size(formats)]);
        try {
            const auto reader = open_trace(file.path(), options);
            for (TraceAccess access; reader->next(access);) {
                CHECK(access.bytes >= 1);
                CHECK(access.bytes <= largest_trace_access);
                CHECK(access.time >= Picoseconds{0});
            }
        } catch (const core::InputError& error) {
            CHECK_THAT(error.what(), StartsWith(file.path() + ":"));
        }
    }
}
