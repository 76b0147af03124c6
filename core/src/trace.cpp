// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/trace.h"

#include "hydravp/core/hierarchy.h"

#include <fnmatch.h>

#include <utility>

namespace hydravp::core {

namespace {

std::string full_name(const sc_core::sc_object& module, const std::string& name) {
    return std::string(module.name()) + "." + name;
}

} // namespace

Tracer::Tracer(VcdWriter& writer, std::vector<std::string> patterns)
    : writer_(writer), patterns_(std::move(patterns)), matched_(patterns_.size(), false) {}

bool Tracer::selected(const std::string& name) {
    names_.push_back(name);
    bool match = patterns_.empty();
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        if (fnmatch(patterns_[i].c_str(), name.c_str(), 0) == 0) {
            matched_[i] = true;
            match = true;
        }
    }
    return match;
}

TraceSignal Tracer::wire(const sc_core::sc_object& module, const std::string& name, unsigned bits,
                         std::uint64_t initial) {
    const std::string full = full_name(module, name);
    return selected(full) ? TraceSignal(writer_, writer_.add_wire(full, bits, initial)) : TraceSignal();
}

TraceSignal Tracer::states(const sc_core::sc_object& module, const std::string& name,
                           const std::vector<std::string>& states) {
    const std::string full = full_name(module, name);
    return selected(full)
               ? TraceSignal(writer_, writer_.add_wire(full, bits_for(states.size() - 1), 0, states))
               : TraceSignal();
}

TraceReal Tracer::real(const sc_core::sc_object& module, const std::string& name) {
    const std::string full = full_name(module, name);
    return selected(full) ? TraceReal(writer_, writer_.add_real(full, 0)) : TraceReal();
}

std::vector<std::string> Tracer::unmatched() const {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        if (!matched_[i]) {
            result.push_back(patterns_[i]);
        }
    }
    return result;
}

std::vector<Traceable*> collect_traceables() {
    std::vector<Traceable*> found;
    collect<Traceable>(sc_core::sc_get_top_level_objects(), found);
    return found;
}

} // namespace hydravp::core
