// SPDX-License-Identifier: Apache-2.0
#include "trace_source.h"

#include "hydravp/core/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace hydravp::workloads {

bool TraceSource::fill() {
    begin_ = 0;
    end_ = bytes_.read(buffer_.data(), buffer_.size());
    return end_ > 0;
}

std::string_view TraceSource::peek() {
    if (begin_ == end_) {
        fill();
    }
    return {buffer_.data() + begin_, end_ - begin_};
}

bool TraceSource::line(std::string_view& text) {
    constexpr std::size_t longest = std::size_t{4}
                                    << 20; // the largest access of the stl format with its data
    long_line_.clear();
    bool whole = false;
    for (std::string_view rest = peek(); !whole; rest = peek()) {
        if (rest.empty()) {
            if (long_line_.empty()) {
                return false;
            }
            break;
        }
        const std::size_t newline = rest.find('\n');
        whole = newline != std::string_view::npos;
        text = rest.substr(0, newline);
        begin_ += whole ? newline + 1 : rest.size();
        if (whole && long_line_.empty()) {
            break;
        }
        if (long_line_.size() + text.size() > longest) {
            throw core::InputError(
                fmt::format("{}:{}: found a line of more than {} bytes, expected an access", path(),
                            line_number_ + 1, longest));
        }
        long_line_ += text;
        if (whole) {
            break;
        }
    }
    ++line_number_;
    if (!long_line_.empty()) {
        text = long_line_;
    }
    if (!text.empty() && text.back() == '\r') {
        text.remove_suffix(1);
    }
    return true;
}

} // namespace hydravp::workloads
