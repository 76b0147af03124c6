// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/modules/config.h"

/// Ready-made configurations: the memory of the Hydra paper, without a file to read. The same values, each
/// with its source, are in configs/hydra.yaml and configs/memory/; a test compares the two.
namespace hydravp::modules {

/// DDR2-800 timing with the energies of Lee et al. (configs/memory/hydra-dram.yaml).
memory::Technology hydra_dram_technology();
/// Phase-change memory of Lee et al. (configs/memory/lee-pcm.yaml).
memory::Technology lee_pcm_technology();
/// 8 GiB of that DRAM in one channel and 32 GiB of that PCM in four.
HybridMemoryConfig hydra_memory();

} // namespace hydravp::modules
