// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/units.h"
#include "hydravp/memory/technology.h"

#include <cstdint>
#include <string>
#include <vector>

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

enum class SchedulingPolicy {
    fr_fcfs, ///< first ready, first come first served
    fcfs     ///< strictly in the order of arrival
};

/// When an open row is closed that nobody in the queues wants.
enum class PagePolicy {
    open,   ///< when another row of the bank is wanted
    closed, ///< at once
    timeout ///< when it has not been accessed for `page_timeout`
};

enum class RefreshMode { all_banks, per_bank };

/// Between initiators that share a channel; see `core::InitiatorId`.
enum class Fairness {
    none, ///< as the other rules have it
    batch ///< parallelism-aware batches; see `RequestBatches`
};

/// What a read does that waits for a bank whose array write is under way; see `WriteInterruptionPolicy`.
enum class WriteInterruption {
    none,  ///< it waits
    pause, ///< the write pauses between two of its iterations
    cancel ///< it is cancelled, and done anew
};

struct ChannelControllerConfig {
    core::Picoseconds latency{};             ///< front-end pipeline, from acceptance to the first command
    core::EnergyPerBit io_energy;            ///< per bit on the channel's data bus
    std::uint32_t read_queue = 32;           ///< runs of column accesses to one row that wait to be served
    std::uint32_t write_queue = 32;          ///< likewise
    std::uint32_t write_high_watermark = 24; ///< waiting writes that start a drain
    std::uint32_t write_low_watermark = 8;   ///< and end it
    std::uint32_t burst_group = 32;          ///< column commands of one run before other runs have their turn
    core::Picoseconds starvation_limit{2'000'000}; ///< a run that waits longer goes first
    SchedulingPolicy scheduling = SchedulingPolicy::fr_fcfs;
    Fairness fairness = Fairness::none;
    std::uint32_t batch_cap = 5; ///< Fairness::batch: runs of one initiator in one bank that a batch takes
    PagePolicy page_policy = PagePolicy::open;
    core::Picoseconds page_timeout{1'000'000}; ///< PagePolicy::timeout
    RefreshMode refresh = RefreshMode::all_banks;
    bool forwarding = true; ///< FR-FCFS: reads whose bytes wait in one run of the write queue get them there
    WriteInterruption write_interruption = WriteInterruption::none; ///< where the memory allows it
    std::uint32_t postponed_refreshes = 0;  ///< of a rank that may wait until it is idle, at most 8
    core::Picoseconds power_down_after{};   ///< of a rank that has nothing to do; 0: never
    core::Picoseconds self_refresh_after{}; ///< likewise
    /// See `AddressMapping`; empty: that of the memory. The hybrid memory's DRAM has its default only.
    std::string address_mapping;
    /// The controller wakes for every command, not only when data have passed; the same results, slower.
    bool command_by_command = false;
    /// Near-memory units share the channel: every command is issued at its own time.
    bool shares_with_units = false;
    bool keep_data = true; ///< false: commands, times and counts only; reads return nothing
    /// Grants DMI. What goes by it takes no simulated time here, and no energy, write count or statistic
    /// knows of it: for programs that are to run fast, not for figures.
    bool dmi = false;
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
    std::string address_mapping = {}; ///< where the controller's is empty; empty: the default
    std::uint64_t capacity_bytes() const { return channels * geometry.channel_bytes(); }
};

struct HybridMemoryConfig {
    MemoryConfig dram; ///< exactly one channel; its chips carry the near-memory units
    MemoryConfig pcm;
    ChannelControllerConfig controller;
    AccumulationConfig accumulation;
    std::uint32_t front_queue = 64;          ///< accesses at the front that may be under way at a time
    std::uint32_t staging_bytes = 64 * 1024; ///< weight prefetch buffer between PCM and the DRAM channel
};

/// System addresses [base, base + bytes).
struct AddressRange {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
    bool contains(std::uint64_t address) const { return address >= base && address - base < bytes; }
};

struct CacheConfig {
    std::uint32_t size_bytes = 32 * 1024;
    std::uint32_t ways = 8;
    std::uint32_t line_bytes = 64;           ///< a power of two
    core::Picoseconds hit_latency{};         ///< of a lookup, hit or miss
    std::uint32_t outstanding_misses = 10;   ///< lines that are fetched at a time; 0: any number
    std::uint32_t write_buffer_lines = 10;   ///< evicted lines on their way to memory, at least 1
    std::vector<AddressRange> uncached = {}; ///< bounds at borders of lines
};

/// The caches of the host's cores; every line of all of them has the same size.
struct HostCachesConfig {
    struct Level {
        std::uint32_t size_bytes;
        std::uint32_t ways;
        core::Picoseconds hit_latency{};
    };
    std::uint32_t line_bytes = 64;
    std::uint32_t outstanding_misses = 10; ///< of each private cache
    std::uint32_t write_buffer_lines = 10; ///< of the shared L2
    Level l1i{32 * 1024, 4};               ///< private
    Level l1d{32 * 1024, 8};               ///< private
    Level l2{256 * 1024, 8};               ///< shared
};

/// Accesses of cores that have nothing to do with the inference. The footprint is cut into blocks of
/// consecutive bytes, `stride_bytes` apart; with a block of a rank's row, the stride decides which banks it
/// lies in.
struct LoadConfig {
    std::uint32_t cores = 0;         ///< cores that carry it, the last ones; 0: no load
    core::Bandwidth rate{1e9};       ///< asked for, per core
    std::uint32_t access_bytes = 64; ///< of each access, aligned to it
    double read_share = 0.7;         ///< of the accesses
    double locality = 0.5;           ///< probability of going on right behind the access before
    core::Bytes footprint{std::uint64_t{16} << 20}; ///< bytes touched, common to all cores
    core::Bytes base{std::uint64_t{4} << 30};       ///< system address of the first block
    core::Bytes block{8192};
    core::Bytes stride{8192};
    std::uint32_t seed = 1;

    /// Bytes from `base` to the end of the last block.
    std::uint64_t span() const { return (footprint.count / block.count - 1) * stride.count + block.count; }
};

struct HostConfig {
    core::Picoseconds clock_period{};
    /// The driver gives up on a layer whose completion interrupt does not come within this time.
    core::Picoseconds layer_timeout{};
    std::uint32_t cores = 4; ///< the driver runs on the first
    HostCachesConfig caches = {};
    LoadConfig load = {};
};

} // namespace hydravp::modules
