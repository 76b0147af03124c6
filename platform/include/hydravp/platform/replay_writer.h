// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/replay.h"

#include <string>

namespace hydravp::platform {

/// replay.json, as docs/replay.schema.json describes it.
void write_replay_json(const std::string& path, const ReplayResults& results);

/// A row per layer; a column per figure of replay.json, named as there (`traffic.weights`).
void write_replay_csv(const std::string& path, const ReplayResults& results);

/// What was replayed, a table of the layers and the totals, for a terminal.
std::string format_replay(const ReplayResults& results);

} // namespace hydravp::platform
