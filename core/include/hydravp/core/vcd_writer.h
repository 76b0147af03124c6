// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hydravp::core {

/// Writes a value change dump (VCD, IEEE 1364) in steps of 1 ps, as waveform viewers read it.
///
/// Changes come with their own time and in any order: a loosely timed model knows ahead when its resources
/// will be busy, and some things only afterwards. They are held back, sorted, and written once the kernel's
/// time is `lag` beyond them; what comes later still is moved up to the time that is already written. Of
/// several changes of a signal at one time the last one wins, and a return to idle (`change_back`) loses
/// against every other.
///
/// Dots in a signal's name separate scopes. Only what lies in the window is written, beginning with all
/// values as they are at `from`.
class VcdWriter {
public:
    using Id = std::uint32_t;
    struct Window {
        Picoseconds from{0};
        Picoseconds to = Picoseconds::max();
    };
    /// Value of a wire that has none at the moment ("x").
    static constexpr std::uint64_t unknown = ~std::uint64_t{0};
    /// Longest time by which a change may be known only afterwards. A unit's transfer is known when it ends
    /// or pauses, and a refresh pauses it every few microseconds.
    static constexpr Picoseconds lag{50'000'000};

    /// Opens the file; nothing in it changes before the first change is due. Throws core::InputError if it
    /// can't be written, or if the window is empty.
    /// @param clock the kernel's time
    VcdWriter(std::string path, Window window, std::function<Picoseconds()> clock);
    /// Completes the file if changes have come but `finish()` has not been called: a run that failed.
    ~VcdWriter();
    VcdWriter(const VcdWriter&) = delete;
    VcdWriter& operator=(const VcdWriter&) = delete;

    /// All signals are added before the first change. A wire has 1 to 63 bits.
    /// @param states names of the values 0, 1, ..., written as a comment; empty: a number
    Id add_wire(const std::string& name, unsigned bits, std::uint64_t initial,
                const std::vector<std::string>& states = {});
    Id add_real(const std::string& name, double initial);

    void change(Id id, Picoseconds t, std::uint64_t value) { record(t, value, id, false); }
    void change_back(Id id, Picoseconds t, std::uint64_t value) { record(t, value, id, true); }
    void change_real(Id id, Picoseconds t, double value);

    /// Writes what is left and closes the file. Throws core::SimulationError if anything could not be
    /// written.
    void finish(Picoseconds end);
    /// Changes that came too late to be shown at their time.
    std::uint64_t late_changes() const { return late_; }

private:
    struct Signal {
        std::string name;
        unsigned bits; ///< 0: real
        std::vector<std::string> states;
        std::string code; ///< its identifier in the file
        std::uint64_t value;
        std::uint64_t written;
    };
    struct Change {
        Picoseconds time;
        std::uint64_t value;
        Id id;
        bool back; ///< a return to idle
    };
    struct Scope;

    void record(Picoseconds t, std::uint64_t value, Id id, bool back) {
        if (t < flushed_until_) {
            t = flushed_until_;
            ++late_;
        }
        if (t > window_.to) {
            return;
        }
        pending_.push_back({t, value, id, back});
        if (pending_.size() >= batch_) {
            flush(clock_() - lag);
        }
    }
    Id add(const std::string& name, unsigned bits, std::uint64_t initial,
           const std::vector<std::string>& states);
    void flush(Picoseconds until);
    void sort_pending();
    void write_definitions();
    void write_scope(const Scope& scope);
    void write_initial_values();
    void write_time(Picoseconds t);
    void write_value(Signal& signal);
    void put(const char* text, std::size_t length);
    void put(const std::string& text) { put(text.data(), text.size()); }
    void drain();
    void close();

    static constexpr std::size_t smallest_batch = std::size_t{1} << 13;
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;

    std::string path_;
    Window window_;
    std::function<Picoseconds()> clock_;
    int file_ = -1;
    bool created_ = false; ///< the file was not there before
    bool begun_ = false;   ///< the definitions are written
    bool dumped_ = false;  ///< so are the initial values
    int error_ = 0;
    std::vector<Signal> signals_;
    std::vector<Change> pending_, sorted_;
    std::vector<Id> touched_;
    std::size_t batch_ = smallest_batch;
    std::uint64_t late_ = 0;
    Picoseconds flushed_until_{0}; ///< every change before is written
    Picoseconds last_time_{0};
    std::unique_ptr<char[]> buffer_;
    std::size_t buffered_ = 0;
};

} // namespace hydravp::core
