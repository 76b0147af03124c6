// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// The lines on which somebody is at work, common to all caches of a coherence domain: what is known of a
/// line, in whichever of them, changes only under its lock. Threads wait, in no time unless the owner takes
/// some.
class LineLocks {
public:
    bool is_locked(std::uint64_t line) const {
        return std::find(locked_.begin(), locked_.end(), line) != locked_.end();
    }
    void lock(std::uint64_t line) {
        while (is_locked(line)) {
            wait_for_release();
        }
        locked_.push_back(line);
    }
    void unlock(std::uint64_t line) {
        locked_.erase(std::find(locked_.begin(), locked_.end(), line));
        if (waiting_ > 0) {
            released_.notify();
        }
    }
    void wait_for_release() {
        ++waiting_;
        sc_core::wait(released_);
        --waiting_;
    }

private:
    std::vector<std::uint64_t> locked_; // a few: one per access that is under way
    unsigned waiting_ = 0;
    sc_core::sc_event released_;
};

/// A locked line for the length of a scope.
class LineLock {
public:
    LineLock(LineLocks& locks, std::uint64_t line) : locks_(&locks), line_(line) { locks.lock(line); }
    ~LineLock() {
        if (locks_ != nullptr) {
            locks_->unlock(line_);
        }
    }
    LineLock(const LineLock&) = delete;
    LineLock& operator=(const LineLock&) = delete;
    /// Somebody else unlocks it.
    void hand_over() { locks_ = nullptr; }

private:
    LineLocks* locks_;
    std::uint64_t line_;
};

} // namespace hydravp::modules
