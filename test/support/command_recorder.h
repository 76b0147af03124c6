// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace hydravp::test {

/// Stands between a controller and a channel and writes down every command.
class CommandRecorder : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<CommandRecorder> front{"front"};
    tlm_utils::simple_initiator_socket<CommandRecorder> back{"back"};
    std::vector<memory::CommandExtension> history; ///< those answered with OK
    std::size_t refused = 0;
    std::size_t delayed = 0; ///< activates and column commands that the channel allowed later than asked for

    explicit CommandRecorder(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        front.register_b_transport(this, &CommandRecorder::transport);
        front.register_transport_dbg(this, &CommandRecorder::debug);
        front.register_get_direct_mem_ptr(this, &CommandRecorder::get_direct_mem_ptr);
        back.register_invalidate_direct_mem_ptr(this, &CommandRecorder::invalidate);
    }

    /// false: for runs too long to be written down.
    void keep_history(bool on) { keeps_history_ = on; }

    std::size_t count(memory::CommandKind kind) const {
        return static_cast<std::size_t>(
            std::count_if(history.begin(), history.end(), [kind](const auto& c) { return c.kind == kind; }));
    }
    const memory::CommandExtension& last(memory::CommandKind kind) const {
        return *std::find_if(history.rbegin(), history.rend(),
                             [kind](const auto& c) { return c.kind == kind; });
    }

private:
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        back->b_transport(payload, delay);
        memory::CommandExtension* command = nullptr;
        payload.get_extension(command);
        if (payload.is_response_ok()) {
            const bool scheduled = command->kind == memory::CommandKind::activate ||
                                   command->kind == memory::CommandKind::read ||
                                   command->kind == memory::CommandKind::write;
            delayed += scheduled && command->issued != command->earliest ? 1 : 0;
            if (keeps_history_) {
                history.push_back(*command);
            }
        } else {
            ++refused;
        }
    }
    unsigned int debug(tlm::tlm_generic_payload& payload) { return back->transport_dbg(payload); }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
        return back->get_direct_mem_ptr(payload, dmi);
    }
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
        front->invalidate_direct_mem_ptr(first, last);
    }

    bool keeps_history_ = true;
};

} // namespace hydravp::test
