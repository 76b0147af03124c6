// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <vector>

namespace hydravp::test {

/// Stands between a controller and a channel and writes down when the commands go.
class CommandTap : public sc_core::sc_module {
public:
    struct Command {
        memory::CommandKind kind;
        std::size_t rank;
        std::size_t bank;
        core::Picoseconds time; ///< of the first of a run
    };
    tlm_utils::simple_target_socket<CommandTap> front{"front"};
    tlm_utils::simple_initiator_socket<CommandTap> back{"back"};
    std::vector<Command> commands;

    explicit CommandTap(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        front.register_b_transport(this, &CommandTap::transport);
    }

    std::vector<core::Picoseconds> times(memory::CommandKind kind) const {
        std::vector<core::Picoseconds> result;
        for (const Command& command : commands) {
            if (command.kind == kind) {
                result.push_back(command.time);
            }
        }
        return result;
    }

private:
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        back->b_transport(payload, delay);
        const auto* command = payload.get_extension<memory::CommandExtension>();
        commands.push_back({command->kind, command->rank.value(), command->bank.value(), command->issued});
    }
};

} // namespace hydravp::test
