// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/layer.h"

#include <string>
#include <string_view>
#include <vector>

namespace hydravp::workloads {

struct NetworkInfo {
    std::string name;
    std::string description;
};

/// The topologies that `make_network` knows, in the order in which they should be listed.
std::vector<NetworkInfo> known_networks();

/// A known topology without weights.
/// Throws core::InputError for an unknown name; the message proposes the nearest one.
core::Network make_network(std::string_view name);

} // namespace hydravp::workloads
