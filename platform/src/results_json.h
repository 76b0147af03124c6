// SPDX-License-Identifier: Apache-2.0
// What the writers of JSON results share.
#pragma once

#include "hydravp/core/error.h"
#include "hydravp/platform/results.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace hydravp::platform {

using Json = nlohmann::ordered_json;

/// The value, which must be a number: throws core::SimulationError otherwise.
inline double finite(double value) {
    if (!std::isfinite(value)) {
        throw core::SimulationError("a figure of the results is not a number");
    }
    return value;
}

/// A mean of counts: whole as an integer, otherwise as it is.
inline Json count(double value) {
    constexpr double exact = 9007199254740992.0; // 2^53
    if (std::abs(finite(value)) < exact && value == std::floor(value)) {
        return static_cast<std::int64_t>(value);
    }
    return value;
}

inline double sum(const Figures& figures) {
    double total = 0;
    for (const auto& [name, value] : figures) {
        total += value;
    }
    return total;
}

inline double figure(const Figures& figures, const std::string& name) {
    const auto found = figures.find(name);
    return found == figures.end() ? 0 : found->second;
}

inline Json reals(const Figures& figures) {
    Json json = Json::object();
    for (const auto& [name, value] : figures) {
        json[name] = finite(value);
    }
    return json;
}

inline Json counts(const Figures& figures) {
    Json json = Json::object();
    for (const auto& [name, value] : figures) {
        json[name] = count(value);
    }
    return json;
}

inline void add_activity(Json& json, const Activity& activity) {
    json["energy_mj"] = reals(activity.energy_mj);
    json["energy_mj"]["total"] = finite(sum(activity.energy_mj));
    json["bytes"] = counts(activity.bytes);
    json["writes"] = counts(activity.writes);
    json["counts"] = counts(activity.counts);
    json["busy_ms"] = reals(activity.busy_ms);
}

} // namespace hydravp::platform
