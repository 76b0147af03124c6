// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void request_stop(int) {
    stop_requested = 1;
    std::signal(SIGINT, SIG_DFL); // the second one kills
    std::signal(SIGTERM, SIG_DFL);
}

} // namespace

void stop_on_signals() {
    for (const int number : {SIGINT, SIGTERM}) {
        struct sigaction action {};
        sigaction(number, nullptr, &action);
        if (action.sa_handler != SIG_IGN) {
            action = {};
            action.sa_handler = request_stop;
            sigaction(number, &action, nullptr); // without SA_RESTART: a call that waits returns
        }
    }
}

bool stopping() {
    return stop_requested != 0;
}

ProgressBar::ProgressBar() : visible_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::show(std::uint64_t frame, std::uint64_t frames, std::size_t layer, std::size_t layers) {
    if (frames > 0 && layers > 0) {
        const double done =
            (static_cast<double>(frame) + static_cast<double>(layer) / static_cast<double>(layers)) /
            static_cast<double>(frames);
        draw(done, fmt::format("frame {}/{}, layer {}/{}", std::min(frame + 1, frames), frames,
                               std::min(layer + 1, layers), layers));
    }
}

void ProgressBar::draw(double done, const std::string& text) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds shortest_interval{100};
    const Clock::time_point now = Clock::now();
    if (!visible_ || (drawn_ && now - last_ < shortest_interval)) {
        return;
    }
    last_ = now;
    drawn_ = true;
    constexpr std::uint64_t width = 40;
    const auto filled = static_cast<std::size_t>(std::min(1.0, done) * width);
    fmt::print(stderr, "\r[{:<{}}] {} \033[K", std::string(filled, '#'), width, text);
    std::fflush(stderr);
}

void ProgressBar::clear() {
    if (drawn_) {
        fmt::print(stderr, "\r\033[K");
        std::fflush(stderr);
        drawn_ = false;
    }
}
