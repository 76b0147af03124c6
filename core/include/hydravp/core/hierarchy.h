// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>

#include <vector>

namespace hydravp::core {

/// Every object below `objects`, and of them, that is a T, in hierarchical order.
template <class T, class Out>
void collect(const std::vector<sc_core::sc_object*>& objects, Out& found) {
    for (sc_core::sc_object* object : objects) {
        const std::vector<sc_core::sc_object*>& children = object->get_child_objects();
        if (auto* match = dynamic_cast<T*>(object)) {
            found.push_back(match);
        }
        collect<T>(children, found);
    }
}

} // namespace hydravp::core
