// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/time.h"
#include "hydravp/core/units.h"
#include "hydravp/core/vcd_writer.h"

#include <systemc>

#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::core {

/// A signal as its module holds it. It is null unless somebody traces the signal; then all it does is one
/// test.
class TraceSignal {
public:
    TraceSignal() = default;
    TraceSignal(VcdWriter& writer, VcdWriter::Id id) : writer_(&writer), id_(id) {}
    explicit operator bool() const { return writer_ != nullptr; }

    /// The signal changes now.
    void set(std::uint64_t value) const {
        if (writer_ != nullptr) {
            writer_->change(id_, now(), value);
        }
    }
    void set_at(Picoseconds t, std::uint64_t value) const {
        if (writer_ != nullptr) {
            writer_->change(id_, t, value);
        }
    }
    /// The value holds for [begin, end), then `idle` unless something else begins at `end`. Nothing if
    /// the interval is empty.
    void hold(Picoseconds begin, Picoseconds end, std::uint64_t value, std::uint64_t idle = 0) const {
        if (writer_ != nullptr && begin < end) {
            writer_->change(id_, begin, value);
            writer_->change_back(id_, end, idle);
        }
    }

private:
    VcdWriter* writer_ = nullptr;
    VcdWriter::Id id_ = 0;
};

/// The same for a real number.
class TraceReal {
public:
    TraceReal() = default;
    TraceReal(VcdWriter& writer, VcdWriter::Id id) : writer_(&writer), id_(id) {}
    explicit operator bool() const { return writer_ != nullptr; }
    void set(double value) const {
        if (writer_ != nullptr) {
            writer_->change_real(id_, now(), value);
        }
    }

private:
    VcdWriter* writer_ = nullptr;
    VcdWriter::Id id_ = 0;
};

/// Takes the signals that modules offer, and gives those a place in the waveform whose hierarchical name
/// (`platform.hydra0.state`) matches one of the patterns.
class Tracer {
public:
    /// @param patterns as of a shell: `*` (dots, too), `?`, `[...]`; none: every signal
    Tracer(VcdWriter& writer, std::vector<std::string> patterns);

    /// A number of so many bits. The signal belongs to `module`.
    TraceSignal wire(const sc_core::sc_object& module, const std::string& name, unsigned bits,
                     std::uint64_t initial = 0);
    /// One of the named states, encoded 0, 1, ... in their order; it begins as the first.
    TraceSignal states(const sc_core::sc_object& module, const std::string& name,
                       const std::vector<std::string>& states);
    TraceReal real(const sc_core::sc_object& module, const std::string& name);

    /// Every signal that was offered.
    const std::vector<std::string>& names() const { return names_; }
    /// Patterns that no signal matched.
    std::vector<std::string> unmatched() const;

private:
    bool selected(const std::string& name);

    VcdWriter& writer_;
    std::vector<std::string> patterns_;
    std::vector<bool> matched_;
    std::vector<std::string> names_;
};

/// Bits of a wire that has to show 0 to `largest`.
constexpr unsigned bits_for(std::uint64_t largest) {
    unsigned bits = 1;
    while (bits < 63 && largest >> bits != 0) {
        ++bits;
    }
    return bits;
}

/// A module with signals to show.
class Traceable {
public:
    virtual ~Traceable() = default;
    /// Offers the module's signals; called at most once, after the modules are bound and before the
    /// simulation starts.
    virtual void trace(Tracer& tracer) = 0;
};

/// Every traceable module of the present simulation, in hierarchical order.
std::vector<Traceable*> collect_traceables();

} // namespace hydravp::core
