// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "byte_source.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hydravp::workloads {

/// A file as lines or as bytes, through a buffer of fixed size.
class TraceSource {
public:
    explicit TraceSource(const std::string& path) : bytes_(path), buffer_(std::size_t{1} << 16) {}

    /// What comes next, up to a buffer full; empty at the end of the file. Takes nothing away.
    std::string_view peek();
    /// The next line without its end ("\n" or "\r\n"); the view holds until the next call. False at the end.
    bool line(std::string_view& text);
    /// The next byte, or -1 at the end.
    int byte() { return begin_ < end_ || fill() ? static_cast<unsigned char>(buffer_[begin_++]) : -1; }

    std::uint64_t line_number() const { return line_number_; } ///< of the last line, from 1
    double progress() const { return bytes_.progress(); }
    const std::string& path() const { return bytes_.path(); }

private:
    bool fill();

    ByteSource bytes_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0; ///< what is left in the buffer
    std::size_t end_ = 0;
    std::uint64_t line_number_ = 0;
    std::string long_line_; ///< a line that lies across the buffer's end
};

} // namespace hydravp::workloads
