// SPDX-License-Identifier: Apache-2.0
#include "simulate.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/hybrid_platform.h"

#include <sys/resource.h>
#include <sysc/kernel/sc_dynamic_processes.h> // sc_spawn

namespace hydravp::platform {

bool simulate(const sc_core::sc_event& end, const std::function<bool()>& finished,
              const std::function<bool()>& stop) {
    const sc_core::sc_time slice(10, sc_core::SC_US); // a frame takes some milliseconds
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.dont_initialize();
    options.set_sensitivity(&end);
    sc_core::sc_spawn([] { sc_core::sc_stop(); }, "end_of_run", &options);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    sc_core::sc_set_stop_mode(sc_core::SC_STOP_FINISH_DELTA);
    try {
        do {
            if (stop && stop()) {
                return false;
            }
            sc_core::sc_start(slice);
        } while (!finished() && sc_core::sc_pending_activity());
    } catch (const sc_core::sc_report& report) {
        throw core::SimulationError(report.get_msg());
    }
    return true;
}

bool simulate_host(HybridPlatform& platform, const std::function<bool()>& stop) {
    const bool complete = simulate(
        platform.host.finished_event(), [&platform] { return platform.host.finished(); }, stop);
    if (!complete) {
        return false;
    }
    platform.host.rethrow();
    for (const auto& generator : platform.load) {
        generator->rethrow();
    }
    if (!platform.host.finished()) {
        throw core::SimulationError("the simulation ended before the host's program did");
    }
    return true;
}

HostFigures host_figures(std::chrono::steady_clock::time_point begin) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    HostFigures figures;
    figures.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    figures.peak_rss_mb = static_cast<double>(usage.ru_maxrss) / 1024; // kilobytes on Linux
    figures.kernel_events = sc_core::sc_delta_count();
    return figures;
}

} // namespace hydravp::platform
