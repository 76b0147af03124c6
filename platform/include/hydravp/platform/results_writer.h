// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/platform/results.h"

#include <string>
#include <vector>

namespace hydravp::platform {

/// Makes sure that results can be written into the folder, creating it and its parents if need be. Throws
/// core::InputError if not; to be called before simulating.
void prepare_output_folder(const std::string& path);

/// Removes what an earlier run left in the folder, so that it is not taken for the result of a later one that
/// fails. Files that are not there don't matter. Throws core::InputError if one cannot be removed.
void remove_old_files(const std::string& folder, const std::vector<std::string>& names);

/// Replaces the file in one step, so that nobody ever sees half of it. Throws core::SimulationError if the
/// text cannot be written completely.
void write_file(const std::string& path, const std::string& text);

/// results.json, as docs/results.schema.json describes it.
void write_results_json(const std::string& path, const RunResults& results);

/// A row per layer; a column per figure of results.json, named as there (`energy_mj.total`).
void write_layers_csv(const std::string& path, const RunResults& results);

/// What was run, a table of the layers and the totals, for a terminal.
std::string format_table(const RunResults& results);

} // namespace hydravp::platform
