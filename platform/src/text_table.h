// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/results.h"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace hydravp::platform {

/// Rows of text in columns: the first `left` flush left, the next `right` flush right, the rest flush left.
class TextTable {
public:
    TextTable(std::vector<std::string> head, std::size_t left,
              std::size_t right = std::numeric_limits<std::size_t>::max())
        : left_(left), right_(right) {
        add(std::move(head));
    }
    void add(std::vector<std::string> row);
    void add_rule() { rows_.emplace_back(); }
    std::string text() const;

private:
    std::size_t left_, right_;
    std::vector<std::size_t> widths_;
    std::vector<std::vector<std::string>> rows_; ///< an empty row is a rule
};

/// The text as one field of a CSV file.
std::string csv_field(const std::string& text);

/// The cells as a row of a table in Markdown, with its line end.
std::string markdown_row(const std::vector<std::string>& cells);

/// A line for each figure, name and value, in columns; `format` is fmt's.
std::string list_figures(const Figures& figures, const char* format);

} // namespace hydravp::platform
