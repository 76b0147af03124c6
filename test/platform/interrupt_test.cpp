// SPDX-License-Identifier: Apache-2.0
// A run that is interrupted, or fails: what it leaves behind.
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/run_options.h"
#include "hydravp/workloads/network_library.h"

#include "program.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using Catch::Contains;
using namespace hydravp;
using test::read_file;
using test::TemporaryFolder;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// The program as a process of its own, which may be sent signals; output goes to the file `text`.
class Process {
public:
    Process(const TemporaryFolder& folder, std::vector<std::string> arguments) : text_(folder / "text") {
        arguments.insert(arguments.begin(), HYDRAVP_PROGRAM);
        std::vector<char*> pointers;
        for (std::string& argument : arguments) {
            pointers.push_back(argument.data());
        }
        pointers.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            const int file = open(text_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            dup2(file, STDOUT_FILENO);
            dup2(file, STDERR_FILENO);
            std::signal(SIGINT, SIG_DFL);
            std::signal(SIGTERM, SIG_DFL);
            if (chdir(folder.path().c_str()) == 0) {
                execv(pointers[0], pointers.data());
            }
            _exit(127);
        }
        REQUIRE(pid_ > 0);
    }
    ~Process() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Whether the program has a handler for it.
    bool catches(int signal) const {
        const std::string proc = "/proc/" + std::to_string(pid_);
        std::error_code error;
        if (!fs::equivalent(proc + "/exe", HYDRAVP_PROGRAM, error)) {
            return false; // still this test's own copy
        }
        const std::string status = read_file(proc + "/status");
        const std::size_t at = status.find("SigCgt:");
        return at != std::string::npos &&
               ((std::stoull(status.substr(at + 7), nullptr, 16) >> (signal - 1)) & 1U) != 0;
    }
    void send(int signal) const { REQUIRE(kill(pid_, signal) == 0); }
    /// Seconds of processor time so far.
    double worked() const {
        const std::string stat = read_file("/proc/" + std::to_string(pid_) + "/stat");
        std::istringstream fields(stat.substr(stat.rfind(')') + 2));
        std::string skipped;
        for (int i = 0; i < 11; ++i) {
            fields >> skipped;
        }
        double ticks = 0;
        fields >> ticks;
        return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    /// Waits until the signal handler is there and then for some work.
    void wait_until_it_works(double seconds) const {
        const auto begin = std::chrono::steady_clock::now();
        while (!catches(SIGINT) || worked() < seconds) {
            REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::minutes(5));
            REQUIRE(waitpid(pid_, nullptr, WNOHANG) == 0); // it works still
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    /// Waits until a file that the program writes has at least so many bytes.
    void wait_until_written(const fs::path& file, std::uintmax_t bytes) const {
        const auto begin = std::chrono::steady_clock::now();
        std::error_code error;
        while (!fs::exists(file) || fs::file_size(file, error) < bytes) {
            REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::minutes(5));
            REQUIRE(waitpid(pid_, nullptr, WNOHANG) == 0); // it works still
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    int wait() {
        int status = 0;
        REQUIRE(waitpid(pid_, &status, 0) == pid_);
        pid_ = 0;
        return status;
    }
    std::string text() const { return read_file(text_); }

private:
    std::string text_;
    pid_t pid_ = 0;
};

void check_fields(const Json& results) {
    const Json schema = Json::parse(read_file(HYDRAVP_SOURCE_DIR "/docs/results.schema.json"));
    for (const Json& name : schema.at("required")) {
        CAPTURE(name);
        CHECK(results.contains(name.get<std::string>()));
    }
    CHECK(results.size() == schema.at("required").size());
    for (const Json& layer : results.at("layers")) {
        for (const Json& name : schema.at("$defs").at("layer").at("required")) {
            CAPTURE(name);
            CHECK(layer.contains(name.get<std::string>()));
        }
        CHECK(layer.at("latency_ms") > 0);
    }
    CHECK(results.at("complete") == false);
}

} // namespace

TEST_CASE("SIGINT ends a run of many frames, and the complete ones are the results") {
    const TemporaryFolder folder;
    const std::string network =
        HYDRAVP_SOURCE_DIR "/workloads/models/vggs_fashion.onnx"; // frames take milliseconds
    Process run(folder,
                {"run", "--network", network, "--data", "timing", "--count", "100000", "--out", "out"});
    run.wait_until_it_works(3);
    run.send(SIGINT);
    const int status = run.wait();
    CAPTURE(run.text());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK_THAT(run.text(), Contains("INCOMPLETE: ") && Contains("hydravp: interrupted"));
    const Json results = Json::parse(read_file(folder / "out/results.json"));
    check_fields(results);
    CHECK(fs::exists(folder / "out/layers.csv"));
    CHECK(fs::exists(folder / "out/platform.yaml"));
    const double frames = results.at("frames");
    REQUIRE(frames >= 1);
    CHECK(frames < 100000);
    // each frame is the same, so the means are those of one frame
    const test::Outcome one =
        test::hydravp_in(folder, "run --network '" + network + "' --data timing --out one");
    REQUIRE(one.code == 0);
    const Json complete = Json::parse(read_file(folder / "one/results.json"));
    CHECK(results.at("macs") == complete.at("macs"));
    CHECK(results.at("layers").size() == complete.at("layers").size());
    CHECK(results.at("latency_ms").get<double>() ==
          Approx(complete.at("latency_ms").get<double>()).epsilon(0.01));
    CHECK(results.at("bytes").at("pcm_read").get<double>() ==
          Approx(complete.at("bytes").at("pcm_read").get<double>()).epsilon(1e-9));
}

TEST_CASE("SIGINT ends a replay with the complete layers") {
    const TemporaryFolder folder;
    Process replay(folder, {"replay-layers", "--network", "vgg19", "--access-bytes", "8", "--memory",
                            HYDRAVP_SOURCE_DIR "/configs/memory/hydra-dram.yaml", "--out", "out"});
    replay.wait_until_it_works(1);
    replay.send(SIGINT);
    const int status = replay.wait();
    CAPTURE(replay.text());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK_THAT(replay.text(), Contains("INCOMPLETE: ") && Contains("hydravp: interrupted"));
    const Json results = Json::parse(read_file(folder / "out/replay.json"));
    CHECK(results.at("complete") == false);
    CHECK(results.at("layers").size() < workloads::make_network("vgg19").layers.size());
    CHECK(fs::exists(folder / "out/replay.csv"));
}

TEST_CASE("a run that is stopped in its first frame reports exactly the complete layers") {
    platform::RunOptions options;
    options.network = "resnet34";
    options.count = 3;
    std::size_t done = 0;
    options.progress = [&](std::uint64_t, std::uint64_t, std::size_t layer, std::size_t) { done = layer; };
    options.stop = [&] { return done >= 4; };
    const platform::RunResults results =
        platform::run(platform::load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", {}), options);
    const core::Network network = workloads::make_network("resnet34");
    CHECK_FALSE(results.complete);
    CHECK(results.frames == 0);
    REQUIRE(results.layers.size() == done);
    std::uint64_t macs = 0;
    double bytes = 0;
    for (std::size_t i = 0; i < done; ++i) {
        CHECK(results.layers[i].name == network.layers[i].name);
        CHECK(results.layers[i].macs == network.layers[i].macs());
        CHECK(results.layers[i].end_ms > results.layers[i].start_ms);
        macs += results.layers[i].macs;
        bytes += results.layers[i].activity.bytes.at("dram_read");
    }
    CHECK(results.macs == macs);
    CHECK(results.total.bytes.at("dram_read") == bytes);
    CHECK(results.latency_ms == results.layers.back().end_ms);
}

TEST_CASE("a run that is stopped in its third frame reports two frames") {
    platform::RunOptions options;
    options.network = "resnet34";
    options.count = 5;
    bool enough = false;
    options.progress = [&](std::uint64_t frame, std::uint64_t, std::size_t layer, std::size_t) {
        enough = enough || (frame == 2 && layer >= 4);
    };
    options.stop = [&] { return enough; };
    const platform::RunResults results =
        platform::run(platform::load_config(HYDRAVP_SOURCE_DIR "/configs/hydra.yaml", {}), options);
    CHECK_FALSE(results.complete);
    CHECK(results.frames == 2);
    CHECK(results.macs == workloads::make_network("resnet34").macs());
    CHECK(results.layers.size() == workloads::make_network("resnet34").layers.size());
    CHECK(results.total.writes.at("pcm_words_avoided") > 0);
    CHECK(results.total.writes.at("pcm_words_avoided") ==
          std::floor(results.total.writes.at("pcm_words_avoided")));
}

TEST_CASE("SIGTERM in the first frame leaves the frame's complete layers") {
    const TemporaryFolder folder;
    test::write_file(folder / "results.json", "of an earlier run");
    Process run(folder, {"run", "--network", "resnet34", "--data", "functional", "--golden", "off", "--vcd",
                         "frame.vcd", "--out", "."});
    run.wait_until_written(folder / "frame.vcd", 1'000'000); // of some 180 MB in a frame
    run.send(SIGTERM);
    const int status = run.wait();
    CAPTURE(run.text());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK_THAT(run.text(), Contains("INCOMPLETE: ") && !Contains("frames/s"));
    const Json results = Json::parse(read_file(folder / "results.json"));
    check_fields(results);
    CHECK(results.at("frames") == 0);
    CHECK(results.at("accuracy").is_null());
    CHECK(results.at("layers").size() < 36);
    double macs = 0;
    for (const Json& layer : results.at("layers")) {
        macs += layer.at("macs").get<double>();
    }
    CHECK(results.at("macs").get<double>() == macs);
}

TEST_CASE("a second SIGINT kills") {
    const TemporaryFolder folder;
    // preparing the weights of this network takes a while, in which nobody asks for the flag
    Process run(folder, {"run", "--data", "functional", "--golden", "off", "--out", "out"});
    run.wait_until_it_works(0);
    run.send(SIGINT);
    for (int i = 0; i < 500 && run.catches(SIGINT); ++i) { // the handler gives itself up
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK_FALSE(run.catches(SIGINT));
    run.send(SIGINT);
    const int status = run.wait();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGINT);
    CHECK_FALSE(fs::exists(folder / "out/results.json"));
}

TEST_CASE("an interrupted reproduction leaves no child and no file") {
    const TemporaryFolder folder;
    Process run(folder, {"reproduce", "hydra", "--out", "out"});
    run.wait_until_it_works(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(200)); // the first runs begin
    run.send(SIGINT);
    const int status = run.wait();
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK(fs::is_empty(folder / "out"));
    for (const auto& process : fs::directory_iterator("/proc")) {
        std::error_code error;
        CHECK(fs::read_symlink(process.path() / "cwd", error) != folder.path());
    }
}

TEST_CASE("a run that fails leaves no results, also none of an earlier run") {
    const TemporaryFolder folder;
    REQUIRE(test::hydravp_in(folder, "run --network resnet34 --out out").code == 0);
    REQUIRE(fs::exists(folder / "out/results.json"));
    test::write_file(folder / "out/notes", "mine");
    const test::Outcome failed = test::hydravp_in(
        folder, "run out/platform.yaml --network resnet34 --out out --set 'host.layer_timeout=1 us'");
    CHECK(failed.code == 1);
    CHECK_THAT(failed.text, Contains("did not complete"));
    CHECK_FALSE(fs::exists(folder / "out/results.json"));
    CHECK_FALSE(fs::exists(folder / "out/layers.csv"));
    CHECK(fs::exists(folder / "out/platform.yaml")); // may be the next run's input
    CHECK(fs::exists(folder / "out/notes"));
}
