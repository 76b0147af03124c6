// SPDX-License-Identifier: Apache-2.0
#include "text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hydravp::platform {

void TextTable::add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) {
        widths_[i] = std::max(widths_[i], row[i].size());
    }
    rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
    std::string text;
    for (const std::vector<std::string>& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < widths_.size(); ++i) {
            line += i == 0 ? "" : "  ";
            if (row.empty()) {
                line += std::string(widths_[i], '-');
            } else if (i < left_ || i - left_ >= right_) {
                line += fmt::format("{:<{}}", row[i], widths_[i]);
            } else {
                line += fmt::format("{:>{}}", row[i], widths_[i]);
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string field = "\"";
    for (const char c : text) {
        field += c == '"' ? "\"\"" : std::string(1, c);
    }
    return field + '"';
}

std::string markdown_row(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (std::string cell : cells) {
        for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) {
            cell.insert(at, "\\");
        }
        text += ' ' + cell + " |";
    }
    return text + '\n';
}

std::string list_figures(const Figures& figures, const char* format) {
    std::size_t width = 0;
    for (const auto& [name, value] : figures) {
        width = std::max(width, name.size());
    }
    std::string text;
    for (const auto& [name, value] : figures) {
        text += fmt::format("  {:<{}}  {:>16}\n", name, width, fmt::format(fmt::runtime(format), value));
    }
    return text;
}

} // namespace hydravp::platform
