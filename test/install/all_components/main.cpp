// SPDX-License-Identifier: Apache-2.0
// Links every library and reads the installed configurations.
#include "hydravp/memory/command_auditor.h"
#include "hydravp/modules/hybrid_memory.h"
#include "hydravp/modules/memory_channel.h"
#include "hydravp/platform/config_reader.h"
#include "hydravp/platform/hybrid_platform.h"
#include "hydravp/workloads/network_library.h"
#include "hydravp/workloads/onnx_reader.h"

#include <cstdio>
#include <exception>

int sc_main(int, char**) {
    using namespace hydravp;
    const platform::PlatformConfig config = platform::load_config(CONFIG_DIR "/hydra.yaml");
    const platform::HybridPlatform platform("platform", config, false);
    const modules::HybridMemory memory("memory", platform::load_hybrid_memory(CONFIG_DIR "/hydra.yaml"));
    const modules::MemoryChannel channel("channel", config.memory.pcm, config.memory.controller);
    const memory::CommandAuditor auditor("auditor", config.memory.pcm.technology, config.memory.pcm.geometry);
    std::printf("%zu networks, %zu units\n", workloads::known_networks().size(), platform.units.size());
    std::printf("%llu GiB, %llu GiB\n",
                static_cast<unsigned long long>(
                    (memory.address_map().dram_bytes + memory.address_map().pcm_bytes) >> 30),
                static_cast<unsigned long long>(channel.capacity_bytes() >> 30));
    try {
        workloads::read_onnx("/nonexistent.onnx");
    } catch (const std::exception& e) {
        std::printf("%s\n", e.what());
        return 0;
    }
    return 1;
}
