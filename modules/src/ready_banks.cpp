// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/ready_banks.h"

namespace hydravp::modules {

std::uint32_t ReadyBanks::add_class(bool column, const core::Picoseconds* in_rank,
                                    const core::Picoseconds* in_group) {
    Class c;
    c.column = column;
    c.in_rank = in_rank;
    c.in_group = in_group;
    c.entries.reserve(places_.size());
    classes_.push_back(std::move(c));
    active_.reserve(classes_.size());
    activated_.push_back(0);
    return static_cast<std::uint32_t>(classes_.size() - 1);
}

void ReadyBanks::put(std::uint32_t number, const Entry& entry) {
    Place& place = places_[entry.slot];
    if (place.number == number && number != none) {
        Class& c = classes_[number];
        const bool was_first = c.entries[place.index].ready == c.first;
        c.entries[place.index] = entry;
        c.first = std::min(c.first, entry.ready);
        if (was_first) {
            find_first(c);
        }
        return;
    }
    if (place.number != none) {
        take_out(place);
    }
    if (number == none) {
        return;
    }
    std::vector<Entry>& entries = classes_[number].entries;
    classes_[number].first = std::min(classes_[number].first, entry.ready);
    if (entries.empty()) {
        activated_[number] = static_cast<std::uint32_t>(active_.size());
        active_.push_back(number);
    }
    place = {number, static_cast<std::uint32_t>(entries.size())};
    entries.push_back(entry);
}

void ReadyBanks::take_out(Place& place) {
    Class& c = classes_[place.number];
    std::vector<Entry>& entries = c.entries;
    const bool was_first = entries[place.index].ready == c.first;
    entries[place.index] = entries.back();
    places_[entries[place.index].slot].index = place.index;
    entries.pop_back();
    if (was_first) {
        find_first(c);
    }
    if (entries.empty()) {
        const std::uint32_t index = activated_[place.number];
        active_[index] = active_.back();
        activated_[active_[index]] = index;
        active_.pop_back();
    }
    place.number = none;
}

void ReadyBanks::find_first(Class& c) {
    c.first = core::Picoseconds::max();
    for (const Entry& entry : c.entries) {
        c.first = std::min(c.first, entry.ready);
    }
}

} // namespace hydravp::modules
