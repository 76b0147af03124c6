// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/protocol_checker.h"
#include "hydravp/memory/channel.h"
#include "hydravp/memory/command_auditor.h"
#include "hydravp/modules/hybrid_memory_controller.h"

#include "at_initiator.h"
#include "memory_fixture.h"

#include <systemc>

#include <memory>
#include <string>
#include <vector>

namespace hydravp::test {

inline modules::HybridMemoryConfig small_hybrid() {
    modules::HybridMemoryConfig config;
    config.dram = {1, geometry(2, 4), refreshed_dram()}; // 1 MiB
    config.dram.technology.kind = memory::MemoryKind::dram;
    config.pcm = {4, geometry(1, 2), pcm()}; // 4 x 256 KiB
    config.pcm.technology.kind = memory::MemoryKind::pcm;
    config.accumulation.clock_period = clock_period;
    return config;
}

/// A hybrid memory without near-memory units, and an initiator; a protocol checker between the two, and one
/// and an auditor on every channel.
class HybridFixture : public sc_core::sc_module {
public:
    AtInitiator initiator{"initiator"};
    core::ProtocolChecker checker{"checker"};
    modules::HybridMemoryController controller;
    std::vector<std::unique_ptr<memory::Channel>> channels; ///< the DRAM, then the PCM
    std::vector<std::unique_ptr<core::ProtocolChecker>> channel_checkers;
    std::vector<std::unique_ptr<memory::CommandAuditor>> auditors;
    sc_core::sc_signal<bool> interrupt{"interrupt"};

    explicit HybridFixture(const modules::HybridMemoryConfig& config = small_hybrid(),
                           const sc_core::sc_module_name& name = "hybrid")
        : sc_core::sc_module(name), controller("controller", config, 0, true) {
        initiator.socket.bind(checker.front);
        checker.back.bind(controller.front);
        controller.interrupt(interrupt);
        add(config.dram, "dram", controller.dram_channel());
        for (std::size_t i = 0; i < config.pcm.channels; ++i) {
            add(config.pcm, "pcm", controller.pcm_channel(i));
        }
    }

    /// The violations that any of the checkers and auditors saw.
    std::string violations() const {
        std::string all = checker.summary();
        for (const auto& channel_checker : channel_checkers) {
            all += channel_checker->summary();
        }
        for (const auto& auditor : auditors) {
            all += auditor->summary();
        }
        return all;
    }

private:
    void add(const modules::MemoryConfig& config, const std::string& kind,
             tlm_utils::simple_initiator_socket<modules::ChannelController>& from) {
        const std::string number = std::to_string(channels.size());
        channels.push_back(std::make_unique<memory::Channel>((kind + number).c_str(), config.technology,
                                                             config.geometry, kind, kind + "_bus"));
        core::ProtocolChecker::Options options;
        options.null_data_allowed = true;
        channel_checkers.push_back(
            std::make_unique<core::ProtocolChecker>(("checker" + number).c_str(), options));
        auditors.push_back(std::make_unique<memory::CommandAuditor>(("auditor" + number).c_str(),
                                                                    config.technology, config.geometry));
        from.bind(channel_checkers.back()->front);
        channel_checkers.back()->back.bind(auditors.back()->front);
        auditors.back()->back.bind(channels.back()->commands);
    }
};

} // namespace hydravp::test
