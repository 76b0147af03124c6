// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hydravp::platform {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    return last[b.size()];
}

} // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
    constexpr std::size_t longest_sensible_name = 100;
    if (name.size() > longest_sensible_name) {
        return {};
    }
    std::string nearest;
    std::size_t smallest = longest_sensible_name;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(name, candidate);
        const std::size_t tolerated = (std::min(name.size(), candidate.size()) + 2) / 3;
        if (distance <= tolerated && distance < smallest) {
            smallest = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       std::size_t count) {
    std::vector<std::pair<std::size_t, std::size_t>> ranking; // distance, place among the candidates
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        ranking.emplace_back(edit_distance(name, candidates[i]), i);
    }
    std::sort(ranking.begin(), ranking.end());
    std::vector<std::string> nearest;
    for (std::size_t i = 0; i < std::min(count, ranking.size()); ++i) {
        nearest.push_back(candidates[ranking[i].second]);
    }
    return nearest;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
    const std::string nearest = nearest_name(name, candidates);
    return nearest.empty() ? std::string{} : " (did you mean " + nearest + "?)";
}

} // namespace hydravp::platform
