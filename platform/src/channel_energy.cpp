// SPDX-License-Identifier: Apache-2.0
#include "channel_energy.h"

#include "hydravp/core/meter.h"

#include <string>

namespace hydravp::platform {

namespace {

using core::Energy;
using memory::EnergyBreakdown;
using memory::Geometry;
using memory::Technology;

/// Of all meters below a module.
Energy metered(const sc_core::sc_object& module, const std::string& account) {
    Energy energy;
    for (const core::Meter* meter : core::collect_meters(module)) {
        energy = energy + Energy{meter->total(account)};
    }
    return energy;
}

EnergyBreakdown energy_of(const modules::BankStatistics& bank, const Technology& t, const Geometry& g) {
    const double chips = g.chips_per_rank;
    const double burst_bits = 8.0 * g.burst_bytes() * chips;
    EnergyBreakdown energy;
    energy.array_read =
        t.array_read.for_bits(8.0 * g.row_bytes * chips) * static_cast<double>(bank.activates);
    energy.buffer_read = t.buffer_read.for_bits(burst_bits) * static_cast<double>(bank.reads);
    energy.buffer_write = t.buffer_write.for_bits(burst_bits) * static_cast<double>(bank.writes);
    energy.refresh = t.refresh_bank * (chips * static_cast<double>(bank.refreshes));
    return energy;
}

} // namespace

ChannelEnergy energy_of(memory::Channel& channel, modules::ChannelController& controller) {
    const Technology& t = channel.technology();
    const Geometry& g = channel.geometry();
    const modules::ChannelStatistics& statistics = controller.statistics();
    const std::string background = std::string(memory::to_string(t.kind)) + "_background";
    ChannelEnergy energy;
    for (std::size_t rank = 0; rank < g.ranks; ++rank) {
        EnergyBreakdown of_rank;
        for (std::size_t bank = 0; bank < g.banks; ++bank) {
            EnergyBreakdown of_bank = energy_of(statistics.banks[rank * g.banks + bank], t, g);
            for (std::size_t chip = 0; chip < g.chips_per_rank; ++chip) {
                of_bank.array_write =
                    of_bank.array_write +
                    channel.chip(core::Rank{rank}, core::Chip{chip}).array_write_energy(core::Bank{bank});
            }
            of_rank += of_bank;
            energy.banks.push_back(of_bank);
        }
        of_rank.refresh =
            of_rank.refresh + t.refresh * (static_cast<double>(g.chips_per_rank) *
                                           static_cast<double>(statistics.ranks[rank].refreshes));
        for (std::size_t chip = 0; chip < g.chips_per_rank; ++chip) {
            of_rank.background =
                of_rank.background + metered(channel.chip(core::Rank{rank}, core::Chip{chip}), background);
        }
        energy.total += of_rank;
        energy.ranks.push_back(of_rank);
    }
    energy.total.io = metered(controller, "channel_io");
    return energy;
}

} // namespace hydravp::platform
