// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/technology.h"

#include <optional>

namespace hydravp::memory {

/// Supply currents of one chip, as JEDEC's data sheets define them.
struct DatasheetCurrents {
    core::Voltage vdd;
    core::Current idd0;                   ///< one bank opened and closed every t_rc
    std::optional<core::Current> idd2p;   ///< precharge power-down; none: as idd2n
    core::Current idd2n;                  ///< precharge standby
    std::optional<core::Current> idd3p;   ///< active power-down; none: as idd3n
    core::Current idd3n;                  ///< active standby
    core::Current idd4r;                  ///< reads without a pause, one row open
    core::Current idd4w;                  ///< writes likewise
    core::Current idd5;                   ///< while a refresh of all banks is under way; 0: needs no refresh
    std::optional<core::Current> idd5_pb; ///< while one of a bank is under way; none: a share of idd5
    std::optional<core::Current> idd6;    ///< self-refresh; none: as idd2p
};

/// Sets the energies and powers of a technology by the equations of JEDEC's current definitions, as in
/// Micron's TN-41-01 (Calculating Memory System Power for DDR3). What a command costs is what it draws beyond
/// standby, which the powers by state count:
///
///     row cycle    (IDD0 t_rc - IDD3N t_ras - IDD2N (t_rc - t_ras)) VDD: an activate and its precharge
///     read burst   (IDD4R - IDD3N) VDD max(t_ccd, burst), the same with IDD4W for writes
///     refresh      (IDD5 - IDD3N) VDD t_rfc; of one bank (IDD5PB - IDD3N) VDD t_rfc_pb
///     powers       IDD2N, IDD3N, IDD2P, IDD3P, IDD6 times VDD
///
/// The row cycle is charged when the row is opened (`array_read`) and restores the cells, so `array_write` is
/// 0. Without IDD5PB the refresh of a bank takes its share of a refresh of all. Not in the equations: the
/// power of output drivers and termination, which is the channel's.
///
/// Needs the technology's times. A difference below zero counts as zero.
void derive_energies(Technology& technology, const DatasheetCurrents& currents, const Geometry& geometry);

} // namespace hydravp::memory
