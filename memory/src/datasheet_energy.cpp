// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/datasheet_energy.h"

#include <algorithm>
#include <optional>

namespace hydravp::memory {

void derive_energies(Technology& technology, const DatasheetCurrents& currents, const Geometry& geometry) {
    const DatasheetCurrents& i = currents;
    Technology& t = technology;
    const auto beyond_active_standby = [&i](core::Current current, core::Picoseconds time) {
        const core::Energy energy = (current * i.vdd).over(time) + (i.idd3n * i.vdd).over(-time);
        return core::Energy{std::max(energy.pj, 0.0)};
    };

    // IDD0 is the mean over t_rc, of which a row is open for t_ras.
    const core::Energy standby = (i.idd3n * i.vdd).over(t.t_ras) + (i.idd2n * i.vdd).over(t.t_rc - t.t_ras);
    const double row_cycle = std::max((i.idd0 * i.vdd).over(t.t_rc).pj - standby.pj, 0.0);
    t.array_read.pj = row_cycle / (8.0 * geometry.row_bytes);
    t.array_write.pj = 0;

    const core::Picoseconds burst = std::max(t.t_ccd, t.burst_time()); // apart in the measurement of IDD4
    const double burst_bits = 8.0 * geometry.burst_bytes();
    t.buffer_read.pj = beyond_active_standby(i.idd4r, burst).pj / burst_bits;
    t.buffer_write.pj = beyond_active_standby(i.idd4w, burst).pj / burst_bits;

    t.refresh = beyond_active_standby(i.idd5, t.t_rfc);
    t.refresh_bank = core::Energy{};
    if (t.t_rfc_pb.count() > 0) {
        t.refresh_bank =
            i.idd5_pb ? beyond_active_standby(*i.idd5_pb, t.t_rfc_pb) : t.refresh * (1.0 / geometry.banks);
    }

    t.background = i.idd2n * i.vdd;
    t.active_standby = i.idd3n * i.vdd;
    const auto power = [&i](const std::optional<core::Current>& current) {
        return current ? std::optional(*current * i.vdd) : std::nullopt;
    };
    t.power_down = power(i.idd2p);
    t.active_power_down = power(i.idd3p);
    t.self_refresh = power(i.idd6);
}

} // namespace hydravp::memory
