// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

/// From now on SIGINT and SIGTERM only ask the run to stop. A signal that is ignored (nohup) stays so.
void stop_on_signals();
/// Whether one of them came.
bool stopping();

/// A line on the terminal that shows how far the run is; nothing if standard error is not a terminal.
class ProgressBar {
public:
    ProgressBar();
    ~ProgressBar() { clear(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(std::uint64_t frame, std::uint64_t frames, std::size_t layer, std::size_t layers);
    /// @param done from 0 to 1
    void draw(double done, const std::string& text);
    void clear();

private:
    bool visible_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_{};
};
