// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>

#include <vector>

namespace hydravp::core {

/// Every object below `objects`, and of them, that is a T, in hierarchical order.
template <class T, class Out>
void collect(const std::vector<sc_core::sc_object*>& objects, Out& found) {
    for (sc_core::sc_object* object : objects) {
        if (auto* match = dynamic_cast<T*>(object)) {
            found.push_back(match);
        }
        collect<T>(object->get_child_objects(), found);
    }
}

} // namespace hydravp::core
