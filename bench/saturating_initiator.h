// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/payload_pool.h"
#include "hydravp/core/time.h"
#include "hydravp/workloads/synthetic_traffic.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <vector>

namespace hydravp::bench {

/// Keeps an AT target's queues full at the least cost, without a process of its own: the next request is sent
/// when the target takes the one before.
class SaturatingInitiator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<SaturatingInitiator> socket{"socket"};

    explicit SaturatingInitiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_nb_transport_bw(this, &SaturatingInitiator::nb_transport_bw);
        SC_HAS_PROCESS(SaturatingInitiator);
        SC_METHOD(send);
        sensitive << begin_;
        dont_initialize();
    }

    /// Returns when that many accesses have had their responses; outside of the simulation. Their times are
    /// not looked at, their data are not either.
    void run(workloads::SyntheticTraffic& traffic, std::uint64_t accesses) {
        traffic_ = &traffic;
        left_ = waited_for_ = accesses;
        begin_.notify(sc_core::SC_ZERO_TIME);
        sc_core::sc_start();
    }
    /// BEGIN_RESP of the last access.
    core::Picoseconds end() const { return end_; }

private:
    void send() {
        while (left_ > 0 && !requesting_) {
            --left_;
            const workloads::TraceAccess access = traffic_->next();
            if (data_.size() < access.bytes) {
                data_.resize(access.bytes);
            }
            tlm::tlm_generic_payload& payload = pool_.allocate();
            payload.set_command(access.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
            payload.set_address(access.address);
            payload.set_data_ptr(data_.data());
            payload.set_data_length(access.bytes);
            payload.set_streaming_width(access.bytes);
            tlm::tlm_phase phase = tlm::BEGIN_REQ;
            sc_core::sc_time delay;
            requesting_ = true;
            if (socket->nb_transport_fw(payload, phase, delay) == tlm::TLM_UPDATED) {
                requesting_ = false;
            }
        }
    }
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time&) {
        if (phase == tlm::END_REQ) {
            requesting_ = false;
            send();
            return tlm::TLM_ACCEPTED;
        }
        payload.release();
        if (--waited_for_ == 0) {
            end_ = core::now();
            sc_core::sc_pause();
        }
        return tlm::TLM_COMPLETED;
    }

    core::PayloadPool pool_;
    std::vector<unsigned char> data_; ///< of all accesses; one length at a time
    workloads::SyntheticTraffic* traffic_ = nullptr;
    std::uint64_t left_ = 0, waited_for_ = 0;
    bool requesting_ = false;
    core::Picoseconds end_{};
    sc_core::sc_event begin_{"begin"};
};

} // namespace hydravp::bench
