// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/presets.h"

namespace hydravp::modules {
namespace {

using core::Picoseconds;

// Where a value comes from: [S0] stated in the Hydra paper, Table I; [C] read in a public file; [D] derived
// from other values; [A] assumption. The YAML files name the public files and say how values were derived.
constexpr Picoseconds cycle{2500}; // [C] 400 MHz

constexpr std::uint64_t kibi = 1024;

} // namespace

memory::Technology hydra_dram_technology() {
    memory::Technology t;
    t.name = "hydra-dram";
    t.kind = memory::MemoryKind::dram;
    t.t_ck = cycle;
    t.t_rcd = 5 * cycle;                                             // [S0]
    t.t_cl = 5 * cycle;                                              // [S0]
    t.t_wl = 4 * cycle;                                              // [S0]
    t.t_ccd = 4 * cycle;                                             // [S0]
    t.t_wr = 6 * cycle;                                              // [S0]
    t.t_rtp = 3 * cycle;                                             // [S0]
    t.t_rp = 5 * cycle;                                              // [S0]
    t.t_ras = 16 * cycle;                                            // [C]
    t.t_rc = 22 * cycle;                                             // [A]
    t.t_rrd = 3 * cycle;                                             // [A]
    t.t_rrd_pre = 3 * cycle;                                         // [A]
    t.t_faw = 14 * cycle;                                            // [A]
    t.t_wtr = 3 * cycle;                                             // [C]
    t.t_rtrs = 1 * cycle;                                            // [A]
    t.t_refi = 3120 * cycle;                                         // [C]
    t.t_rfc = 104 * cycle;                                           // [C]
    t.array_read = {1.17};                                           // [S0]
    t.array_write = {0.39};                                          // [S0]
    t.buffer_read = {0.93};                                          // [S0]
    t.buffer_write = {1.02};                                         // [S0]
    t.background = {43.125e-3};                                      // [D]
    t.refresh = {69.1e3};                                            // [D]
    t.array_write_policy = memory::ArrayWritePolicy::modified_words; // [A]
    return t;
}

memory::Technology lee_pcm_technology() {
    memory::Technology t;
    t.name = "lee-pcm";
    t.kind = memory::MemoryKind::pcm;
    t.endurance = 100'000'000; // [C]
    t.t_ck = cycle;
    t.t_rcd = 22 * cycle;                                            // [S0]
    t.t_cl = 5 * cycle;                                              // [S0]
    t.t_wl = 4 * cycle;                                              // [S0]
    t.t_ccd = 4 * cycle;                                             // [S0]
    t.t_wr = 6 * cycle;                                              // [S0]
    t.t_rtp = 3 * cycle;                                             // [S0]
    t.t_rp = 60 * cycle;                                             // [S0]
    t.t_ras = 36 * cycle;                                            // [C]
    t.t_rc = 96 * cycle;                                             // [C]
    t.t_rrd = 2 * cycle;                                             // [D]
    t.t_rrd_pre = 11 * cycle;                                        // [D]
    t.t_faw = Picoseconds{0};                                        // [A]
    t.t_wtr = 3 * cycle;                                             // [A]
    t.t_rtrs = 1 * cycle;                                            // [A]
    t.t_refi = Picoseconds{0};                                       // [S0]
    t.array_read = {2.47};                                           // [S0]
    t.array_write = {16.82};                                         // [S0]
    t.buffer_read = {0.93};                                          // [S0]
    t.buffer_write = {1.02};                                         // [S0]
    t.background = {0};                                              // [S0]
    t.array_write_policy = memory::ArrayWritePolicy::modified_words; // [A]
    t.write_iterations = 4;                                          // [A]
    t.write_cancel_threshold = 0.75;                                 // [A]
    return t;
}

HybridMemoryConfig hydra_memory() {
    HybridMemoryConfig config;
    config.dram.channels = 1;                // [S0]
    config.dram.geometry.ranks = 2;          // [S0]
    config.dram.geometry.chips_per_rank = 8; // [S0]
    config.dram.geometry.banks = 16;         // [S0]
    config.dram.geometry.rows = 32 * kibi;   // [D]
    config.dram.geometry.row_bytes = kibi;   // [A]
    config.dram.technology = hydra_dram_technology();
    config.pcm.channels = 4;                // [S0]
    config.pcm.geometry.ranks = 8;          // [S0]
    config.pcm.geometry.chips_per_rank = 8; // [A]
    config.pcm.geometry.banks = 8;          // [S0]
    config.pcm.geometry.rows = 16 * kibi;   // [D]
    config.pcm.geometry.row_bytes = kibi;   // [A]
    config.pcm.technology = lee_pcm_technology();
    config.controller.latency = 2 * cycle;                       // [A]
    config.controller.io_energy = {5};                           // [A]
    config.controller.read_queue = 32;                           // [A]
    config.controller.write_queue = 32;                          // [A]
    config.controller.write_high_watermark = 24;                 // [A]
    config.controller.write_low_watermark = 8;                   // [A]
    config.controller.burst_group = 32;                          // [A]
    config.controller.starvation_limit = Picoseconds{2'000'000}; // [A]
    config.accumulation.clock_period = cycle;                    // [A]
    config.accumulation.latency = 4 * cycle;                     // [A]
    config.accumulation.operands_per_cycle = 16;                 // [A]
    config.front_queue = 64;                                     // [A]
    config.staging_bytes = 64 * kibi;                            // [A]
    return config;
}

} // namespace hydravp::modules
