// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/error.h"

#include "trace_binary.h"
#include "trace_reader.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace hydravp::workloads {

namespace {

namespace bits = binary_trace;

class BinaryReader : public TraceReader {
public:
    explicit BinaryReader(std::unique_ptr<TraceSource> source) : source_(std::move(source)) {
        for (const char expected : bits::magic) {
            if (source_->byte() != static_cast<unsigned char>(expected)) {
                throw core::InputError(
                    source_->path() +
                    ": found another beginning, expected that of a binary trace of HydraVP");
            }
        }
        const int version = source_->byte();
        if (version != static_cast<int>(bits::version)) {
            throw core::InputError(
                fmt::format("{}: found version {} of the binary format, expected {}", source_->path(),
                            version < 0 ? "none" : std::to_string(version), bits::version));
        }
        offset_ = bits::magic.size() + 1;
    }

    TraceFormat format() const override { return TraceFormat::binary; }
    double progress() const override { return source_->progress(); }

    bool next(TraceAccess& access) override {
        if (ended_) {
            return false;
        }
        const unsigned head = byte();
        if (head == bits::end) {
            check_end();
            return false;
        }
        if ((head & ~bits::known_bits) != 0) {
            fail(fmt::format("a first byte of {:#04x}", head), "bits 0 to 3 only, or the end mark 0x80");
        }
        TraceAccess found = last_;
        found.write = (head & bits::write) != 0;
        found.address = last_.address + last_.bytes;
        if ((head & bits::same_time) == 0) {
            const std::uint64_t time =
                static_cast<std::uint64_t>(last_.time.count()) + bits::unzigzag(number());
            if (time >> 63 != 0) {
                fail("a time before 0 or beyond 2^63 ps", "one within");
            }
            found.time = core::Picoseconds{static_cast<std::int64_t>(time)};
        }
        if ((head & bits::follows) == 0) {
            found.address += bits::unzigzag(number()); // modulo 2^64
        }
        if ((head & bits::same_bytes) == 0) {
            const std::uint64_t bytes = number();
            if (bytes == 0 || bytes > largest_trace_access) {
                fail(fmt::format("{} bytes", bytes), fmt::format("1 to {}", largest_trace_access));
            }
            found.bytes = static_cast<std::uint32_t>(bytes);
        } else if (found.bytes == 0) {
            fail("no number of bytes", "one in the first access");
        }
        access = last_ = found;
        ++accesses_;
        return true;
    }

private:
    [[noreturn]] void fail(const std::string& found, const std::string& expected) const {
        throw core::InputError(
            fmt::format("{}: access {} (before byte {} of the trace): found {}, expected {}", source_->path(),
                        accesses_ + 1, offset_, found, expected));
    }

    unsigned byte() {
        const int value = source_->byte();
        if (value < 0) {
            fail("the end of the file", "more, up to the end mark: the trace is truncated");
        }
        ++offset_;
        return static_cast<unsigned>(value);
    }

    /// Seven bits a byte, the lowest ones first.
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const unsigned next = byte();
            if (shift > 63 || (shift == 63 && next > 1)) {
                fail("a number of more than 64 bits", "at most 64");
            }
            value |= std::uint64_t{next & 0x7F} << shift;
            if ((next & 0x80) == 0) {
                return value;
            }
        }
    }

    void check_end() {
        const std::uint64_t written = number();
        if (written != accesses_) {
            fail(fmt::format("an end mark that counts {} accesses", written), fmt::format("{}", accesses_));
        }
        if (source_->byte() >= 0) {
            fail("bytes after the end mark", "the end of the file");
        }
        ended_ = true;
    }

    std::unique_ptr<TraceSource> source_;
    TraceAccess last_;
    std::uint64_t accesses_ = 0;
    std::uint64_t offset_ = 0; ///< in the uncompressed trace
    bool ended_ = false;
};

} // namespace

std::unique_ptr<TraceReader> make_binary_reader(std::unique_ptr<TraceSource> source) {
    return std::make_unique<BinaryReader>(std::move(source));
}

} // namespace hydravp::workloads
