// SPDX-License-Identifier: Apache-2.0
#include "child_runs.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/config_reader.h"

#include "arguments.h"
#include "terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace hydravp {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (fs::temp_directory_path() / "hydravp-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw core::SimulationError(
                fmt::format("{}: no temporary folder can be made: {}", name, std::strerror(errno)));
        }
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// Processes of this program; those that still run at the end are killed.
class Children {
public:
    Children() = default;
    ~Children() {
        for (const auto& [pid, name] : running_) {
            kill(pid, SIGKILL);
        }
        for (const auto& [pid, name] : running_) {
            while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
            }
        }
    }
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;

    std::size_t running() const { return running_.size(); }

    /// Standard output goes nowhere, standard error to the file `errors`.
    void start(const std::string& name, std::vector<std::string> arguments, const std::string& errors) {
        std::vector<char*> pointers;
        for (std::string& argument : arguments) {
            pointers.push_back(argument.data());
        }
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
        pid_t pid = 0;
        const int error = posix_spawn(&pid, "/proc/self/exe", &files, nullptr, pointers.data(), environ);
        posix_spawn_file_actions_destroy(&files);
        if (error != 0) {
            throw core::SimulationError(fmt::format("{}: cannot be started: {}", name, std::strerror(error)));
        }
        running_[pid] = name;
    }

    struct Ended {
        std::string name; ///< empty: a signal came first
        int status = 0;
    };
    Ended wait_for_one() {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, 0);
        const auto child = running_.find(pid);
        if (child == running_.end()) {
            return {};
        }
        const std::string name = child->second;
        running_.erase(child);
        return {name, status};
    }

private:
    std::map<pid_t, std::string> running_;
};

/// What a failed run said, without the program's name.
std::string message_in(const fs::path& errors) {
    std::ifstream file(errors);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string prefix = "hydravp: error: ";
    if (text.compare(0, prefix.size(), prefix) == 0) {
        text.erase(0, prefix.size());
    }
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

void check(const std::string& name, int status, const fs::path& errors) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    const std::string message = message_in(errors);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
        throw core::InputError(fmt::format("run '{}': {}", name, message));
    }
    const std::string how = WIFSIGNALED(status) ? fmt::format("ended by signal {}. ", WTERMSIG(status)) : "";
    throw core::SimulationError(fmt::format("run '{}': {}{}", name, how, message));
}

} // namespace

platform::Measurements ChildRuns::measure(const std::vector<platform::StudyRun>& runs) const {
    constexpr std::size_t at_once = 2;
    const TemporaryFolder folder;
    Children children;
    platform::Measurements measurements;
    for (std::size_t next = 0; measurements.size() < runs.size();) {
        for (; next < runs.size() && children.running() < at_once; ++next) {
            const platform::StudyRun& run = runs[next];
            const fs::path out = folder.path() / run.name;
            const std::string configuration =
                run.platform.empty() ? platform : find_default_platform(run.platform);
            std::vector<std::string> arguments{"hydravp", "run", configuration, "--out", out.string()};
            if (!run.network.empty()) {
                arguments.insert(arguments.end(), {"--network", run.network});
            }
            arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
            for (const auto* settings : {&overrides, &run.overrides}) {
                for (const std::string& setting : *settings) {
                    arguments.push_back("--set=" + setting);
                }
            }
            children.start(run.name, std::move(arguments), out.string() + ".errors");
        }
        const Children::Ended ended = children.wait_for_one();
        if (stop && stop()) {
            break;
        }
        if (!ended.name.empty()) {
            const fs::path out = folder.path() / ended.name;
            check(ended.name, ended.status, out.string() + ".errors");
            platform::Figures& figures = measurements[ended.name];
            figures = platform::read_results_json((out / "results.json").string());
            figures.merge(platform::config_figures(platform::load_config((out / "platform.yaml").string())));
            if (progress) {
                progress(measurements.size(), runs.size());
            }
        }
    }
    return measurements;
}

std::optional<platform::Measurements> measure_with_progress(const std::string& platform,
                                                            const std::vector<std::string>& overrides,
                                                            const std::vector<platform::StudyRun>& runs) {
    stop_on_signals();
    ProgressBar progress;
    ChildRuns children;
    children.platform = platform;
    children.overrides = overrides;
    children.stop = stopping;
    children.progress = [&progress](std::size_t done, std::size_t of) {
        progress.draw(static_cast<double>(done) / static_cast<double>(of),
                      fmt::format("run {}/{}", done, of));
    };
    progress.draw(0, "");
    platform::Measurements measurements = children.measure(runs);
    progress.clear();
    if (stopping()) {
        fmt::print(stderr, "hydravp: interrupted\n");
        return std::nullopt;
    }
    return measurements;
}

} // namespace hydravp
