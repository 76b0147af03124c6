// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/technology.h"
#include "hydravp/memory/write_wear.h"
#include "hydravp/platform/results.h"

#include <cstdint>
#include <string>

namespace hydravp::platform {

/// How long a memory lives whose cells survive `endurance` writes, if frames like those of the run follow
/// each other without a pause.
///
/// Without levelling it ends with the word that is written most often; with ideal levelling all words of the
/// memory wear alike.
/// @param memory   its section in the configuration
/// @param wear     of all frames of the run
/// @param frame_ms time from frame to frame
EnduranceFigures endurance_figures(const std::string& memory, const memory::Technology& technology,
                                   std::uint64_t capacity_bytes, const memory::WearSummary& wear,
                                   std::uint64_t frames, double frame_ms);

} // namespace hydravp::platform
