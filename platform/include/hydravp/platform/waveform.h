// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/platform/run_options.h"

#include <systemc>

#include <map>
#include <string>
#include <vector>

namespace hydravp::platform {

/// The waveform of a run: the signals of every traceable module, and the energy that has been spent.
class Waveform {
public:
    /// Opens the file. Throws core::InputError if it can't be written or the window is empty.
    explicit Waveform(const TraceOptions& options);

    /// Takes the signals of all modules of the simulation, below `top` also those of the energy accounts.
    /// Call before the simulation starts. Throws core::InputError if a pattern matches no signal.
    void connect(const sc_core::sc_object& top);
    /// Shows the energy accounts as they are now.
    void sample_energy();
    /// Completes the file.
    void finish();

private:
    void check_patterns() const;

    core::VcdWriter writer_;
    core::Tracer tracer_;
    std::vector<const core::Meter*> meters_;
    std::map<std::string, core::TraceReal> energy_; ///< by account, in mJ
};

} // namespace hydravp::platform
