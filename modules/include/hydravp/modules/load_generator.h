// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/latency_histogram.h"
#include "hydravp/core/meter.h"
#include "hydravp/core/payload_pool.h"
#include "hydravp/modules/config.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <exception>
#include <random>
#include <vector>

namespace hydravp::modules {

/// One core's background load: reads and writes of a fixed size at a fixed rate, in a footprint of its own.
///
/// As many accesses as `outstanding` are under way at a time; if all are, the next one waits and the rate is
/// not reached. Addresses, the choice of read or write and written bytes come from a seeded generator: the
/// same configuration gives the same accesses. It begins with the simulation and issues nothing after
/// `stop()`. What it costs belongs to no layer.
class LoadGenerator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<LoadGenerator> memory{"memory"};

    /// @param core        changes the seed
    /// @param outstanding accesses under way at a time
    LoadGenerator(const sc_core::sc_module_name& name, const LoadConfig& config, std::uint32_t core,
                  std::uint32_t outstanding);

    /// No further accesses.
    void stop() { stopped_ = true; }
    /// Throws core::SimulationError if memory refused an access; the load has stopped then.
    void rethrow() const;
    const core::Meter& meter() const { return meter_; }
    /// Of the completed accesses, from issue to completion.
    const core::LatencyHistogram& latencies() const { return latencies_; }

private:
    void end_of_elaboration() override;
    void run(std::vector<unsigned char>& data);
    void access(std::vector<unsigned char>& data);
    std::uint64_t next_address();
    double random_fraction();

    LoadConfig config_;
    std::vector<std::vector<unsigned char>> data_; ///< of each access under way
    core::Picoseconds interval_;
    core::Picoseconds next_issue_{0};
    std::uint64_t offset_ = 0; ///< of the next access in the footprint, if it goes on there
    std::mt19937_64 random_;
    bool stopped_ = false;
    std::exception_ptr failure_;
    core::PayloadPool payloads_;
    core::Meter meter_{"meter"};
    core::Meter::Account accesses_, latency_, bytes_;
    core::LatencyHistogram latencies_;
};

} // namespace hydravp::modules
