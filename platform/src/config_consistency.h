// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/config.h"

#include <functional>
#include <string>

namespace hydravp::platform {

/// A rule that joins several keys: reports "found X, expected Y" for `path`.
using ReportError = std::function<void(const std::string& path, const std::string& message)>;

/// Checks what no single key can tell. `is_valid` says whether a section or key was read without errors;
/// rules over others are left out.
/// @param with_units false: the DRAM is used without the units in its chips
void check_consistency(const PlatformConfig& config, bool with_units,
                       const std::function<bool(const std::string&)>& is_valid, const ReportError& report);

} // namespace hydravp::platform
