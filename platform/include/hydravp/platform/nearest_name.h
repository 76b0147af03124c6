// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hydravp::platform {

/// The candidate that `name` was probably meant to be, by edit distance; empty if none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// The `count` candidates nearest to `name`, however far they are, nearest first.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       std::size_t count);

/// ` (did you mean X?)`, or nothing if no candidate is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

} // namespace hydravp::platform
