// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"

#include <systemc>

#include <stdexcept>

namespace hydravp::core {

/// The one boundary between exact picoseconds and the kernel's time. Requires the time resolution to be 1 ps
/// (SystemC's default); what a user builds first (platform, memories) checks that.
inline sc_core::sc_time to_sc_time(Picoseconds t) {
    return sc_core::sc_time::from_value(static_cast<sc_dt::uint64>(t.count()));
}

inline Picoseconds from_sc_time(const sc_core::sc_time& t) {
    return Picoseconds{static_cast<std::int64_t>(t.value())};
}

/// Throws std::logic_error if the kernel's time has another resolution.
inline void check_time_resolution() {
    if (sc_core::sc_get_time_resolution() != sc_core::sc_time(1, sc_core::SC_PS)) {
        throw std::logic_error("HydraVP needs SystemC's default time resolution of 1 ps");
    }
}

inline Picoseconds now() {
    return from_sc_time(sc_core::sc_time_stamp());
}

/// Waits in the calling SC_THREAD until `time`; returns at once if that is not in the future.
inline void wait_until(Picoseconds time) {
    const Picoseconds present = now();
    if (time > present) {
        sc_core::wait(to_sc_time(time - present));
    }
}

} // namespace hydravp::core
