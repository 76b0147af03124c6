// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/meter.h"
#include "hydravp/core/trace.h"
#include "hydravp/memory/command.h"
#include "hydravp/memory/rank.h"
#include "hydravp/memory/technology.h"

#include <systemc>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <memory>
#include <string>

namespace hydravp::memory {

/// One memory channel: ranks of chips on a shared command and data bus.
///
/// `commands` speaks the protocol of `CommandExtension`, LT: b_transport never waits; it reports the
/// command's times in the extension and adds the time until `data_end` (or `issued`, where no data move) to
/// the delay. Debug transport reads or writes `bytes` of every selected chip at (bank, row, column + skip),
/// any `kind`; the payload's TLM command tells the direction. DMI: the interleaved row at a cell address,
/// ((rank * banks + bank) * rows + row) * bytes of a rank's row; of a row that is taken back the cell
/// addresses are invalidated. Where the energy of writes depends on their data
/// (`Technology::energy_needs_data`), a write to the array without data gets a GENERIC error response. Not
/// modelled: on-die termination.
class Channel : public sc_core::sc_module, public core::Traceable {
public:
    tlm_utils::simple_target_socket<Channel> commands{"commands"};

    /// @param memory_name prefix of the accounts in the meters: "dram" or "pcm"
    /// @param busy_name   account of the data bus: "channel" or "pcm"
    Channel(const sc_core::sc_module_name& name, const Technology& technology, const Geometry& geometry,
            const std::string& memory_name, const std::string& busy_name);

    Chip& chip(core::Rank rank, core::Chip chip) { return ranks_[rank]->chip(chip); }
    const Technology& technology() const { return technology_; }
    const Geometry& geometry() const { return geometry_; }

    /// Charges the array writes of all rows that are still dirty, each to its last writer's layer; for the
    /// end of a run. Takes no time and closes nothing.
    void flush();
    /// What the cells have been through; nothing if the technology has no endurance.
    WearSummary wear() const;

    /// What the command bus and the data bus carry. A command is shown for the first half of its clock
    /// period, so that commands in neighbouring periods stay apart.
    void trace(core::Tracer& tracer) override;

private:
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned int debug(tlm::tlm_generic_payload& payload);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
    std::uint64_t cell_address(std::size_t rank, core::Bank bank, core::Row row) const;
    tlm::tlm_response_status check(const CommandExtension& command) const;
    void charge(const CommandExtension& command, std::uint64_t moved);
    void show(const CommandExtension& command) const;
    std::uint32_t all_chips() const {
        return geometry_.chips_per_rank >= 32 ? ~0u : (1u << geometry_.chips_per_rank) - 1;
    }

    Technology technology_;
    Geometry geometry_;
    CommandBus command_bus_;
    DataBus data_bus_;
    core::Meter meter_{"meter"};
    core::Meter::Account busy_;
    core::Meter::Account bus_read_;
    core::Meter::Account bus_written_;
    std::array<core::Meter::Account, write_causes> words_{};
    core::IndexedVector<core::Rank, std::unique_ptr<Rank>> ranks_;
    core::TraceSignal command_trace_;
    core::TraceSignal data_trace_;
};

} // namespace hydravp::memory
