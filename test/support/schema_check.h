// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

namespace hydravp::test {

/// An object has every name that its schema requires and describes, and no other.
inline void check_names(const nlohmann::json& object, const nlohmann::json& schema) {
    for (const nlohmann::json& name : schema.at("required")) {
        CAPTURE(name);
        CHECK(object.contains(name.get<std::string>()));
        CHECK(schema.at("properties").contains(name.get<std::string>()));
    }
    CHECK(object.size() == schema.at("required").size());
}

} // namespace hydravp::test
