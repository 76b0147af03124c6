// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>
#include <tlm>

#include <utility>

namespace hydravp::core {

/// What stands between an initiator and a target: every call passes unchanged and takes no simulated time. A
/// module that looks at calls overrides those that it is interested in, and passes them on itself. Whatever
/// the width of its sockets; `PassThrough` adds them.
class PassThroughBase : public sc_core::sc_module,
                        public tlm::tlm_fw_transport_if<>,
                        public tlm::tlm_bw_transport_if<> {
public:
    // The sockets' interfaces.
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) override {
        target().b_transport(payload, delay);
    }
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override {
        return target().nb_transport_fw(payload, phase, delay);
    }
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) override {
        return initiator().nb_transport_bw(payload, phase, delay);
    }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) override {
        return target().get_direct_mem_ptr(payload, dmi);
    }
    void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) override {
        initiator().invalidate_direct_mem_ptr(start, end);
    }
    unsigned int transport_dbg(tlm::tlm_generic_payload& payload) override {
        return target().transport_dbg(payload);
    }

protected:
    explicit PassThroughBase(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
    virtual tlm::tlm_fw_transport_if<>& target() = 0;
    virtual tlm::tlm_bw_transport_if<>& initiator() = 0;
};

/// A module derived from `PassThroughBase` with its two sockets.
template <class Base, unsigned int BUSWIDTH>
class PassThrough : public Base {
public:
    tlm::tlm_target_socket<BUSWIDTH> front{"front"};
    tlm::tlm_initiator_socket<BUSWIDTH> back{"back"};

protected:
    template <class... Arguments>
    explicit PassThrough(const sc_core::sc_module_name& name, Arguments&&... arguments)
        : Base(name, std::forward<Arguments>(arguments)...) {
        front.bind(static_cast<tlm::tlm_fw_transport_if<>&>(*this));
        back.bind(static_cast<tlm::tlm_bw_transport_if<>&>(*this));
    }

private:
    tlm::tlm_fw_transport_if<>& target() override { return *back.operator->(); }
    tlm::tlm_bw_transport_if<>& initiator() override { return *front.operator->(); }
};

} // namespace hydravp::core
