// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/meter.h"

#include "hydravp/core/hierarchy.h"

#include <numeric>
#include <utility>

namespace hydravp::core {

namespace {

double sum(const Meter::AccountData& data) {
    return std::accumulate(data.by_layer.begin(), data.by_layer.end(), data.unattributed);
}

} // namespace

Meter::Account Meter::add(Quantity quantity, std::string name) {
    accounts_.push_back({quantity, std::move(name), 0.0, {}});
    return accounts_.size() - 1;
}

double Meter::total(Account account) const {
    return sum(accounts_[account]);
}

double Meter::total(const std::string& name) const {
    double result = 0;
    for (const auto& data : accounts_) {
        if (data.name == name) {
            result += sum(data);
        }
    }
    return result;
}

std::vector<const Meter*> collect_meters() {
    std::vector<const Meter*> found;
    collect<Meter>(sc_core::sc_get_top_level_objects(), found);
    return found;
}

std::vector<const Meter*> collect_meters(const sc_core::sc_object& root) {
    std::vector<const Meter*> found;
    collect<Meter>(root.get_child_objects(), found);
    return found;
}

std::vector<BackgroundConsumer*> collect_background_consumers() {
    std::vector<BackgroundConsumer*> found;
    collect<BackgroundConsumer>(sc_core::sc_get_top_level_objects(), found);
    return found;
}

} // namespace hydravp::core
