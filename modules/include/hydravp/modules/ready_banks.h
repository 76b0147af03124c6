// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::modules {

/// The banks for which a channel controller has a command, in classes whose commands are held up by the same
/// rules of their rank and bank group. So a scheduler looks at few times of ranks and at one number per bank,
/// instead of at every bank with all of its rules.
///
/// A class is made once, with the moments from which its commands may go; they are read when they are needed.
class ReadyBanks {
public:
    struct Entry {
        core::Picoseconds ready{}; ///< of the bank itself and its run
        std::uint64_t turn = 0;    ///< of the run: the lower, the longer it waits
        std::uint32_t slot = 0;
        std::uint32_t bursts = 0; ///< of a column command
    };
    struct Class {
        bool column = false;
        const core::Picoseconds* in_rank = nullptr;
        const core::Picoseconds* in_group = nullptr;
        core::Picoseconds bound{};                          ///< both, as of the last `earliest`
        core::Picoseconds first = core::Picoseconds::max(); ///< `ready` of the entries
        std::vector<Entry> entries;
    };
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    explicit ReadyBanks(std::size_t slots) : places_(slots) {}

    /// Makes a class; its number. The moments are read later: they stay where they are.
    std::uint32_t add_class(bool column, const core::Picoseconds* in_rank, const core::Picoseconds* in_group);
    /// The bank has a command of that class (none: it has none), instead of the one before.
    void put(std::uint32_t number, const Entry& entry);

    bool empty() const { return active_.empty(); }
    /// The first moment at or after `now` at which one of the commands may go, but for the command bus.
    /// max(): there is none.
    core::Picoseconds earliest(core::Picoseconds now) {
        core::Picoseconds first = core::Picoseconds::max();
        for (const std::uint32_t number : active_) {
            Class& c = classes_[number];
            c.bound = std::max(std::max(now, *c.in_rank), *c.in_group);
            first = std::min(first, std::max(c.bound, c.first));
        }
        return first;
    }
    /// When commands of a class may go.
    core::Picoseconds allows(std::uint32_t number, core::Picoseconds now) const {
        const Class& c = classes_[number];
        return std::max(std::max(now, *c.in_rank), *c.in_group);
    }
    /// Calls `function` with every class of which a command may go at `latest` or before.
    template <class Function>
    void for_each_class(core::Picoseconds latest, Function function) const {
        for (const std::uint32_t number : active_) {
            if (std::max(classes_[number].bound, classes_[number].first) <= latest) {
                function(classes_[number]);
            }
        }
    }

private:
    struct Place {
        std::uint32_t number = none;
        std::uint32_t index = 0; ///< of the entry in the class
    };
    void take_out(Place& place);
    static void find_first(Class& c);

    std::vector<Class> classes_;
    std::vector<std::uint32_t> active_;    ///< the classes with entries
    std::vector<std::uint32_t> activated_; ///< by class: its index in `active_`
    std::vector<Place> places_;            ///< by slot
};

} // namespace hydravp::modules
