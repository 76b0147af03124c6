// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/results.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace hydravp::platform {

/// Adds up what a run's frames are worth: answers against labels, output words against a golden executor.
class AccuracyTally {
public:
    void add_frame() { ++frames_; }
    /// The frame has a label.
    void add_answer(bool correct) {
        ++answers_;
        correct_ += correct ? 1 : 0;
    }
    /// All words of a layer.
    template <class Found, class Expected>
    void compare(const Found& found, const Expected& expected) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            equal_words_ += found[i] == expected[i] ? 1 : 0;
        }
        words_ += found.size();
    }

    /// Nothing before the first frame is complete.
    std::optional<Accuracy> accuracy() const {
        if (frames_ == 0) {
            return std::nullopt;
        }
        const auto share = [](std::uint64_t part, std::uint64_t all) {
            return all == 0 ? std::nullopt
                            : std::optional(static_cast<double>(part) / static_cast<double>(all));
        };
        Accuracy result;
        result.images = frames_;
        result.top1 = share(correct_, answers_);
        result.golden_agreement = share(equal_words_, words_);
        return result;
    }

private:
    std::uint64_t frames_ = 0, answers_ = 0, correct_ = 0, equal_words_ = 0, words_ = 0;
};

} // namespace hydravp::platform
