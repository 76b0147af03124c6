// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/technology.h"

#include <cstdint>

/// Plain configuration structs of the modules; the platform fills them from YAML, a user may fill them by
/// hand.
namespace hydravp::modules {

struct SystemBusConfig {
    core::Picoseconds latency{}; ///< per transaction
    core::Bandwidth bandwidth;
};

struct PcieLinkConfig {
    core::Picoseconds latency{}; ///< each way
    core::Bandwidth bandwidth;   ///< each direction
    std::uint32_t packet_payload_bytes = 64;
    std::uint32_t packet_header_bytes = 24;
    core::EnergyPerBit energy; ///< payload and header bits
};

struct ChannelControllerConfig {
    core::Picoseconds latency{};  ///< front-end pipeline, from acceptance to the first command
    core::EnergyPerBit io_energy; ///< per bit on the channel's data bus
};

/// The result accumulation unit; it works on one word per lane of the channel's width.
struct AccumulationConfig {
    core::Picoseconds latency{}; ///< from the last partial sum to the finished word
    core::Picoseconds clock_period{};
    std::uint32_t operands_per_cycle = 16; ///< partial sums that one lane adds in a clock period
};

/// One memory of the hybrid system: `channels` identical channels behind one address range.
struct MemoryConfig {
    std::uint32_t channels = 1;
    memory::Geometry geometry;
    memory::Technology technology;
    std::uint64_t capacity_bytes() const { return channels * geometry.channel_bytes(); }
};

struct HybridMemoryConfig {
    MemoryConfig dram; ///< exactly one channel; its chips carry the near-memory units
    MemoryConfig pcm;
    ChannelControllerConfig controller;
    AccumulationConfig accumulation;
    std::uint32_t staging_bytes = 64 * 1024; ///< weight prefetch buffer between PCM and the DRAM channel
};

struct HostConfig {
    core::Picoseconds clock_period{};
    /// The driver gives up on a layer whose completion interrupt does not come within this time.
    core::Picoseconds layer_timeout{};
};

} // namespace hydravp::modules
