// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/protocol_checker.h"
#include "hydravp/core/time.h"
#include "hydravp/memory/channel.h"
#include "hydravp/memory/command_auditor.h"
#include "hydravp/modules/channel_controller.h"

#include "at_initiator.h"
#include "command_recorder.h"
#include "memory_fixture.h"

#include <systemc>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hydravp::test {

/// A controller and its channel with a recorder and an auditor between the two, and an initiator.
class ChannelFixture : public sc_core::sc_module {
public:
    AtInitiator initiator{"initiator"};
    tlm_utils::simple_initiator_socket<AtInitiator>& out = initiator.socket;
    core::ProtocolChecker checker;
    modules::ChannelController controller;
    CommandRecorder recorder{"recorder"};
    memory::CommandAuditor auditor;
    memory::Channel channel;
    std::vector<std::unique_ptr<UnitStub>> units; ///< of rank 0, if asked for

    ChannelFixture(const memory::Technology& technology, const memory::Geometry& shape,
                   unsigned units_in_rank_0 = 0, const modules::ChannelControllerConfig& config = {},
                   const sc_core::sc_module_name& name = "fixture")
        : sc_core::sc_module(name),
          checker("checker", checker_options()),
          controller("controller", with_units(config, units_in_rank_0), technology, shape),
          auditor("auditor", technology, shape),
          channel("channel", technology, shape, "mem", "data_bus") {
        out.bind(checker.front);
        checker.back.bind(controller.front);
        controller.channel.bind(recorder.front);
        recorder.back.bind(auditor.front);
        auditor.back.bind(channel.commands);
        for (unsigned i = 0; i < units_in_rank_0; ++i) {
            units.push_back(std::make_unique<UnitStub>(("unit" + std::to_string(i)).c_str()));
            memory::Chip& chip = channel.chip(core::Rank{0}, core::Chip{i});
            chip.unit.bind(units.back()->registers);
            units.back()->banks.bind(chip.banks);
        }
    }

    static modules::ChannelControllerConfig with_units(modules::ChannelControllerConfig config,
                                                       unsigned units) {
        config.shares_with_units = config.shares_with_units || units > 0;
        return config;
    }

    struct Result {
        tlm::tlm_response_status status;
        Picoseconds end; ///< of the last data, from the call
        Picoseconds at;  ///< the same, absolute
        bool ok() const { return status == tlm::TLM_OK_RESPONSE; }
    };

    Result transport(tlm::tlm_generic_payload& payload, Picoseconds delay = {}) {
        sc_core::sc_time annotated = core::to_sc_time(delay);
        payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        const Picoseconds begin = core::now();
        out->b_transport(payload, annotated);
        const Picoseconds at = core::now() + core::from_sc_time(annotated);
        return {payload.get_response_status(), at - begin, at};
    }

    /// An ordinary access.
    Result access(tlm::tlm_command command, std::uint64_t address, unsigned char* data, std::uint32_t bytes,
                  Picoseconds delay = {}) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data);
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        return transport(payload, delay);
    }
    Result read(std::uint64_t address, unsigned char* data, std::uint32_t bytes, Picoseconds delay = {}) {
        return access(tlm::TLM_READ_COMMAND, address, data, bytes, delay);
    }
    Result write(std::uint64_t address, unsigned char* data, std::uint32_t bytes, Picoseconds delay = {}) {
        return access(tlm::TLM_WRITE_COMMAND, address, data, bytes, delay);
    }

    /// An access with an extension; `bytes` is the payload's length.
    Result request(tlm::tlm_command command, modules::ChannelRequest request, std::uint64_t address,
                   unsigned char* data, std::uint32_t bytes, Picoseconds delay = {}) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data);
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        payload.set_extension(&request);
        const Result result = transport(payload, delay);
        payload.clear_extension(&request);
        return result;
    }

    /// Timing mode has no data; a width of 0 means the length, which the platform's own initiators never use.
    static core::ProtocolChecker::Options checker_options() {
        core::ProtocolChecker::Options options;
        options.null_data_allowed = true;
        return options;
    }

    /// Begins an ordinary access and doesn't wait for its end; from a thread.
    AtInitiator::Transaction& post(tlm::tlm_command command, std::uint64_t address, unsigned char* data,
                                   std::uint32_t bytes) {
        return initiator.access(command, address, data, bytes);
    }

    /// Address of a row in the interleaved view.
    std::uint64_t address(std::uint32_t rank, std::uint32_t bank, std::uint32_t row,
                          std::uint32_t byte = 0) const {
        const memory::Geometry& g = channel.geometry();
        const std::uint64_t index = (std::uint64_t{row} * g.ranks + rank) * g.banks + bank;
        return index * g.row_bytes * g.chips_per_rank + byte;
    }
    /// Address of a row in the chip-local view.
    std::uint64_t chip_address(std::uint32_t bank, std::uint32_t row, std::uint32_t column = 0) const {
        const memory::Geometry& g = channel.geometry();
        return (std::uint64_t{bank} * g.rows + row) * g.row_bytes + column;
    }
};

} // namespace hydravp::test
