// SPDX-License-Identifier: Apache-2.0
// Bad input and bad surroundings, through the program: one message, the right exit code, no results.
#include "program.h"

#include <catch2/catch.hpp>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>

using Catch::Contains;
using namespace hydravp;
using test::check_bad_input;
using test::hydravp_in;
using test::Outcome;
using test::read_file;
using test::TemporaryFolder;
using test::write_file;
namespace fs = std::filesystem;

namespace {

const std::string model = HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx";

std::string garbage(std::size_t bytes) {
    std::mt19937 random(1);
    std::string text(bytes, '\0');
    std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
    return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size(), ++count) {
        text.replace(at, from.size(), to);
    }
    REQUIRE(count > 0);
    return text;
}

std::string big_endian(std::uint32_t value) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0}) {
        bytes += static_cast<char>(value >> shift);
    }
    return bytes;
}

/// An idx file whose header promises `promised` images or labels and that holds `held`.
std::string idx_images(std::uint32_t promised, std::uint32_t held) {
    return std::string("\0\0\x08\x03", 4) + big_endian(promised) + big_endian(28) + big_endian(28) +
           std::string(std::size_t{held} * 28 * 28, '\x40');
}
std::string idx_labels(std::uint32_t promised, std::uint32_t held) {
    return std::string("\0\0\x08\x01", 4) + big_endian(promised) + std::string(held, '\x03');
}

/// The program could not write its results.
void check_not_written(const Outcome& outcome, const fs::path& folder) {
    CHECK(outcome.code == 1);
    // A sanitizer may have a word before it: the run has unwound a thread.
    CHECK_THAT(outcome.text, Contains("hydravp: error: ") && Contains("cannot be written"));
    for (const auto& file : fs::directory_iterator(folder)) {
        CAPTURE(file.path());
        CHECK(file.path().filename() == "platform.yaml"); // no results, nothing half written
    }
}

} // namespace

TEST_CASE("a configuration that is empty or no text is refused") {
    const TemporaryFolder folder;
    write_file(folder / "empty.yaml", "");
    write_file(folder / "garbage.yaml", garbage(5000));
    for (const char* command : {"run ", "config ", "reproduce hydra "}) {
        CAPTURE(command);
        check_bad_input(hydravp_in(folder, std::string(command) + "empty.yaml"), "empty.yaml: found nothing");
        check_bad_input(hydravp_in(folder, std::string(command) + "garbage.yaml"), "garbage.yaml: ");
    }
    CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("all errors of a configuration are said at once, each with its place") {
    const TemporaryFolder folder;
    std::string yaml = read_file(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml");
    yaml = replaced(yaml, "memory/", HYDRAVP_SOURCE_DIR "/configs/memory/");
    yaml = replaced(yaml, "  units: 16", "  unit: 16");
    yaml = replaced(yaml, "latency: 250 ns", "latency: 250");
    write_file(folder / "p.yaml", yaml);
    const Outcome outcome = hydravp_in(folder, "run p.yaml --set dram.ranks=x --set hydra.mac_cycles=-1");
    check_bad_input(outcome, "4 errors in the configuration");
    CHECK_THAT(outcome.text, Contains("hydra.unit: unknown key (did you mean hydra.units?)") &&
                                 Contains("link.latency: found '250'") && Contains("dram.ranks: found 'x'") &&
                                 Contains("hydra.mac_cycles: found"));
    CHECK_THAT(outcome.text, Contains("p.yaml:"));
}

TEST_CASE("an ONNX file that is empty, garbage or truncated is refused") {
    const TemporaryFolder folder;
    const std::string whole = read_file(model);
    REQUIRE(whole.size() > 1000);
    write_file(folder / "empty.onnx", "");
    write_file(folder / "garbage.onnx", garbage(5000));
    write_file(folder / "cut.onnx", whole.substr(0, whole.size() / 2));
    for (const char* name : {"empty.onnx", "garbage.onnx", "cut.onnx"}) {
        CAPTURE(name);
        check_bad_input(hydravp_in(folder, std::string("run --out out --network ") + name),
                        std::string(name) + ": not an ONNX model");
    }
    CHECK(fs::is_empty(folder / "out"));
}

TEST_CASE("an unsupported operator is named, with its node") {
    const TemporaryFolder folder;
    write_file(folder / "selu.onnx", replaced(read_file(model), "Relu", "Selu"));
    check_bad_input(hydravp_in(folder, "run --network selu.onnx"),
                    "selu.onnx: node 'relu1' (Selu): operator is not supported");
}

TEST_CASE("a network that is too big for the memory says for which and by how much") {
    const TemporaryFolder folder;
    const Outcome pcm = hydravp_in(folder, "run --set pcm.channels=1 --set pcm.ranks=1 --set pcm.rows=512");
    check_bad_input(pcm, "does not fit the PCM: its model needs 276865024 bytes, there are 33554432");
    check_bad_input(hydravp_in(folder, "run --set dram.rows=64"), "does not fit the units' memory");
}

TEST_CASE("image and label files with wrong counts are refused") {
    const TemporaryFolder folder;
    write_file(folder / "images", idx_images(3, 3));
    write_file(folder / "short", idx_images(3, 2));
    write_file(folder / "long", idx_images(2, 3));
    write_file(folder / "labels", idx_labels(3, 3));
    write_file(folder / "two", idx_labels(2, 2));
    write_file(folder / "short_labels", idx_labels(3, 2));
    write_file(folder / "empty", "");
    const auto run = [&](const std::string& arguments) {
        return hydravp_in(folder, "run --network '" + model + "' " + arguments);
    };
    CHECK(run("--images images --labels labels").code == 0);
    check_bad_input(run("--images short"), "short: ");
    check_bad_input(run("--images long"), "long: ");
    check_bad_input(run("--images empty"), "empty: ends inside the idx header");
    check_bad_input(run("--images labels"), "labels: has 1 dimension");
    check_bad_input(run("--images images --labels two"), "two: has 2 labels, expected 3 as in images");
    check_bad_input(run("--images images --labels short_labels"), "short_labels: ");
    check_bad_input(run("--images images --labels images"), "images: has 3 dimensions");
    check_bad_input(run("--images images --count 4"), "found 3 images, --count asks for 4");
}

TEST_CASE("an output folder below a file is refused before anything runs") {
    const TemporaryFolder folder;
    write_file(folder / "file", "mine");
    check_bad_input(hydravp_in(folder, "run --out file/below"), "file/below: the output folder");
    check_bad_input(hydravp_in(folder, "run --out file"), "file: ");
    check_bad_input(hydravp_in(folder, "reproduce hydra --out file/below"), "file/below: the output folder");
    CHECK(read_file(folder / "file") == "mine");
}

TEST_CASE("a file that may not grow is an error, and leaves no results") {
    const TemporaryFolder folder;
    fs::create_directory(folder / "out");
    write_file(folder / "out/results.json", "of an earlier run");
    const Outcome outcome =
        test::shell("cd '" + folder.path().string() +
                    "' && ulimit -f 16 && '" HYDRAVP_PROGRAM "' run --network resnet34 --out out");
    check_not_written(outcome, folder / "out");
}

TEST_CASE("a disk that fills is an error, and leaves no results") {
    const TemporaryFolder folder;
    fs::create_directory(folder / "disk");
    if (mount("tmpfs", (folder / "disk").c_str(), "tmpfs", 0, "size=16k") != 0) {
        WARN("skipped: a small disk cannot be mounted here: " << std::strerror(errno));
        return;
    }
    const Outcome outcome = hydravp_in(folder, "run --network resnet34 --out disk");
    check_not_written(outcome, folder / "disk");
    CHECK_THAT(outcome.text, Contains("No space left on device"));
    CHECK(umount((folder / "disk").c_str()) == 0);
}
