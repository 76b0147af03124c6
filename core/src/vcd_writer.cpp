// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/vcd_writer.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace hydravp::core {

namespace {

/// A signal's short name in the file: a number to the base 94, in printable characters.
std::string identifier(std::size_t n) {
    constexpr std::size_t base = '~' - '!' + 1;
    std::string code;
    do {
        code += static_cast<char>('!' + n % base);
        n /= base;
    } while (n > 0);
    return code;
}

std::uint64_t bits_of(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

double real_of(std::uint64_t bits) {
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace

/// The tree that the dots in the names span.
struct VcdWriter::Scope {
    std::string name;
    std::vector<std::unique_ptr<Scope>> children;
    std::vector<std::pair<std::string, const Signal*>> signals;

    Scope& child(const std::string& child_name) {
        for (const auto& scope : children) {
            if (scope->name == child_name) {
                return *scope;
            }
        }
        children.push_back(std::make_unique<Scope>());
        children.back()->name = child_name;
        return *children.back();
    }
};

VcdWriter::VcdWriter(std::string path, Window window, std::function<Picoseconds()> clock)
    : path_(std::move(path)), window_(window), clock_(std::move(clock)) {
    if (window_.from >= window_.to) {
        throw InputError(fmt::format("the trace would begin at {} and end at {}, expected the end after the "
                                     "beginning",
                                     format_time(window_.from), format_time(window_.to)));
    }
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    created_ = file_ >= 0;
    if (file_ < 0 && errno == EEXIST) {
        file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    }
    if (file_ < 0) {
        throw InputError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
    }
    buffer_ = std::make_unique<char[]>(buffer_bytes);
}

VcdWriter::~VcdWriter() {
    if (file_ < 0) {
        return;
    }
    if (begun_ || !pending_.empty()) {
        try {
            finish(last_time_);
        } catch (...) { // the failure that brought us here is the one to report
        }
    } else {
        close();
        if (created_) {
            ::unlink(path_.c_str());
        }
    }
}

VcdWriter::Id VcdWriter::add_wire(const std::string& name, unsigned bits, std::uint64_t initial,
                                  const std::vector<std::string>& states) {
    if (bits < 1 || bits > 63) {
        throw std::logic_error(fmt::format("trace: {} has {} bits, expected 1 to 63", name, bits));
    }
    return add(name, bits, initial, states);
}

VcdWriter::Id VcdWriter::add_real(const std::string& name, double initial) {
    return add(name, 0, bits_of(initial), {});
}

VcdWriter::Id VcdWriter::add(const std::string& name, unsigned bits, std::uint64_t initial,
                             const std::vector<std::string>& states) {
    if (begun_) {
        throw std::logic_error("trace: " + name + " is added after the first change");
    }
    signals_.push_back({name, bits, states, identifier(signals_.size()), initial, initial});
    return static_cast<Id>(signals_.size() - 1);
}

void VcdWriter::change_real(Id id, Picoseconds t, double value) {
    change(id, t, bits_of(value));
}

/// By radix, because it is stable and takes linear time: changes at one time stay in the order in which they
/// came, except that returns to idle go first.
void VcdWriter::sort_pending() {
    if (pending_.empty()) {
        return;
    }
    const auto [first, last] = std::minmax_element(
        pending_.begin(), pending_.end(), [](const Change& a, const Change& b) { return a.time < b.time; });
    const Picoseconds origin = first->time;
    const auto key = [origin](const Change& change) {
        return static_cast<std::uint64_t>((change.time - origin).count()) * 2 + (change.back ? 0 : 1);
    };
    const std::uint64_t largest = static_cast<std::uint64_t>((last->time - origin).count()) * 2 + 1;
    constexpr unsigned digit_bits = 11;
    constexpr std::size_t digits = std::size_t{1} << digit_bits;
    sorted_.resize(pending_.size());
    for (unsigned shift = 0; shift < 64 && largest >> shift != 0; shift += digit_bits) {
        std::array<std::size_t, digits> place{};
        for (const Change& change : pending_) {
            ++place[key(change) >> shift & (digits - 1)];
        }
        std::size_t next = 0;
        for (std::size_t& start : place) {
            next += std::exchange(start, next);
        }
        for (const Change& change : pending_) {
            sorted_[place[key(change) >> shift & (digits - 1)]++] = change;
        }
        pending_.swap(sorted_);
    }
}

void VcdWriter::flush(Picoseconds until) {
    if (!begun_) {
        write_definitions();
    }
    sort_pending();
    auto change = pending_.begin();
    while (change != pending_.end() && change->time < until) {
        const Picoseconds t = change->time;
        if (t > window_.from) {
            write_initial_values();
        }
        touched_.clear();
        for (; change != pending_.end() && change->time == t; ++change) {
            signals_[change->id].value = change->value;
            touched_.push_back(change->id);
        }
        if (t <= window_.from) {
            continue;
        }
        bool any = false;
        for (const Id id : touched_) {
            Signal& signal = signals_[id];
            if (signal.value != signal.written) {
                if (!any) {
                    write_time(t);
                }
                any = true;
                write_value(signal);
            }
        }
    }
    pending_.erase(pending_.begin(), change);
    flushed_until_ = std::max(flushed_until_, until);
    batch_ = std::max(smallest_batch, 2 * pending_.size());
}

void VcdWriter::finish(Picoseconds end) {
    flush(Picoseconds::max());
    write_initial_values();
    end = std::min(end, window_.to);
    if (end > last_time_) {
        write_time(end);
    }
    drain();
    close();
    if (error_ != 0) {
        throw SimulationError(fmt::format("{}: cannot be written: {}", path_, std::strerror(error_)));
    }
}

void VcdWriter::write_definitions() {
    begun_ = true;
    struct stat status {};
    if (::fstat(file_, &status) == 0 && S_ISREG(status.st_mode) && ::ftruncate(file_, 0) != 0) {
        error_ = errno;
    }
    put("$version HydraVP $end\n$timescale 1 ps $end\n");
    Scope root;
    for (const Signal& signal : signals_) {
        Scope* scope = &root;
        std::size_t begin = 0;
        for (std::size_t dot = signal.name.find('.'); dot != std::string::npos;
             begin = dot + 1, dot = signal.name.find('.', begin)) {
            scope = &scope->child(signal.name.substr(begin, dot - begin));
        }
        scope->signals.emplace_back(signal.name.substr(begin), &signal);
    }
    write_scope(root);
    put("$enddefinitions $end\n");
}

void VcdWriter::write_scope(const Scope& scope) {
    if (!scope.name.empty()) {
        put("$scope module " + scope.name + " $end\n");
    }
    for (const auto& [name, signal] : scope.signals) {
        if (!signal->states.empty()) {
            std::string text = "$comment " + name + ":";
            for (std::size_t i = 0; i < signal->states.size(); ++i) {
                text += fmt::format(" {}={}", i, signal->states[i]);
            }
            put(text + " $end\n");
        }
        if (signal->bits == 0) {
            put(fmt::format("$var real 64 {} {} $end\n", signal->code, name));
        } else if (signal->bits == 1) {
            put(fmt::format("$var wire 1 {} {} $end\n", signal->code, name));
        } else {
            put(fmt::format("$var wire {} {} {} [{}:0] $end\n", signal->bits, signal->code, name,
                            signal->bits - 1));
        }
    }
    for (const auto& child : scope.children) {
        write_scope(*child);
    }
    if (!scope.name.empty()) {
        put("$upscope $end\n");
    }
}

void VcdWriter::write_initial_values() {
    if (dumped_) {
        return;
    }
    dumped_ = true;
    write_time(window_.from);
    put("$dumpvars\n");
    for (Signal& signal : signals_) {
        write_value(signal);
    }
    put("$end\n");
}

void VcdWriter::write_time(Picoseconds t) {
    last_time_ = t;
    char text[24] = {'#'};
    char* const end = std::to_chars(text + 1, std::end(text) - 1, t.count()).ptr;
    *end = '\n';
    put(text, static_cast<std::size_t>(end + 1 - text));
}

void VcdWriter::write_value(Signal& signal) {
    signal.written = signal.value;
    char text[96]; // at most 63 digits, or a real number, and a code
    char* at = text;
    if (signal.bits == 0) {
        *at++ = 'r';
        at = std::to_chars(at, std::end(text), real_of(signal.value)).ptr;
        *at++ = ' ';
    } else if (signal.bits == 1) {
        *at++ = signal.value == unknown ? 'x' : static_cast<char>('0' + (signal.value & 1));
    } else {
        *at++ = 'b';
        if (signal.value == unknown) {
            *at++ = 'x';
        } else {
            const std::uint64_t mask = (std::uint64_t{1} << signal.bits) - 1;
            at = std::to_chars(at, std::end(text), signal.value & mask, 2).ptr;
        }
        *at++ = ' ';
    }
    at = std::copy(signal.code.begin(), signal.code.end(), at);
    *at++ = '\n';
    put(text, static_cast<std::size_t>(at - text));
}

void VcdWriter::put(const char* text, std::size_t length) {
    while (length > 0) {
        if (buffered_ == buffer_bytes) {
            drain();
        }
        const std::size_t part = std::min(length, buffer_bytes - buffered_);
        std::memcpy(buffer_.get() + buffered_, text, part);
        buffered_ += part;
        text += part;
        length -= part;
    }
}

void VcdWriter::drain() {
    const char* at = buffer_.get();
    std::size_t left = buffered_;
    while (left > 0 && error_ == 0) {
        const ssize_t done = ::write(file_, at, left);
        if (done >= 0) {
            at += done;
            left -= static_cast<std::size_t>(done);
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    buffered_ = 0;
}

void VcdWriter::close() {
    if (file_ >= 0 && ::close(file_) != 0 && error_ == 0) {
        error_ = errno;
    }
    file_ = -1;
}

} // namespace hydravp::core
