// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <systemc>

#include <cstdint>

namespace hydravp::modules {

/// Side-band lines from a near-memory unit to the memory controller: a DIMM can't start a transaction by
/// itself, so its units show their buffers' state on wires.
class UnitLinesIf : public virtual sc_core::sc_interface {
public:
    /// Free bytes of the weight buffer, bytes on their way to it counted as used.
    virtual std::uint32_t weight_space() const = 0;
    /// Finished passes that wait in the output buffer to be read out.
    virtual std::uint32_t passes_waiting() const = 0;
    /// From START to the end of the layer's last pass.
    virtual bool running() const = 0;
    /// Layers finished since reset.
    virtual std::uint32_t layers_done() const = 0;
    /// Time of the last START.
    virtual core::Picoseconds started_at() const = 0;
    /// Notified whenever one of the above changed.
    virtual const sc_core::sc_event& changed() const = 0;
};

} // namespace hydravp::modules
