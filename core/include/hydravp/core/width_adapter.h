// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

namespace hydravp::core {

/// Binds an initiator whose socket is `InitiatorBits` wide to a target whose socket is `TargetBits` wide,
/// e.g. a 64-bit core to a memory of this library, whose sockets have TLM's default of 32. The width of a
/// socket is a type in TLM-2.0 and says nothing about a payload, so every call passes unchanged and takes no
/// time.
template <unsigned int InitiatorBits, unsigned int TargetBits = 32>
class WidthAdapter : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<WidthAdapter, InitiatorBits> front{"front"};
    tlm_utils::simple_initiator_socket<WidthAdapter, TargetBits> back{"back"};

    explicit WidthAdapter(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        front.register_b_transport(this, &WidthAdapter::b_transport);
        front.register_nb_transport_fw(this, &WidthAdapter::nb_transport_fw);
        front.register_transport_dbg(this, &WidthAdapter::transport_dbg);
        front.register_get_direct_mem_ptr(this, &WidthAdapter::get_direct_mem_ptr);
        back.register_nb_transport_bw(this, &WidthAdapter::nb_transport_bw);
        back.register_invalidate_direct_mem_ptr(this, &WidthAdapter::invalidate_direct_mem_ptr);
    }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        back->b_transport(payload, delay);
    }
    tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return back->nb_transport_fw(payload, phase, delay);
    }
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
        return front->nb_transport_bw(payload, phase, delay);
    }
    unsigned int transport_dbg(tlm::tlm_generic_payload& payload) { return back->transport_dbg(payload); }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
        return back->get_direct_mem_ptr(payload, dmi);
    }
    void invalidate_direct_mem_ptr(sc_dt::uint64 begin, sc_dt::uint64 end) {
        front->invalidate_direct_mem_ptr(begin, end);
    }
};

} // namespace hydravp::core
