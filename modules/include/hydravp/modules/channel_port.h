// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/payload_pool.h"
#include "hydravp/modules/channel_request.h"

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace hydravp::modules {

class ChannelPort;

/// An access that a `ChannelPort` has under way. As an extension it marks the payload that carries it.
class ChannelTransfer : public tlm::tlm_extension<ChannelTransfer> {
public:
    ChannelTransfer() = default;
    ChannelTransfer(const ChannelTransfer&) = delete;
    ChannelTransfer& operator=(const ChannelTransfer&) = delete;
    bool finished() const { return finished_; }
    /// Of a chip-local access: bytes that each chip has been sent or has been asked for by now.
    std::uint32_t commanded_bytes() const { return request_.commanded_bytes; }
    /// Time of the first column command; below 0 before it.
    core::Picoseconds first_column() const { return request_.first_column; }
    tlm::tlm_response_status response() const { return payload_->get_response_status(); }
    bool dmi_allowed() const { return payload_->is_dmi_allowed(); }
    /// Waits until the last data; from a thread. Throws core::SimulationError on an error response.
    void wait();

    tlm_extension_base* clone() const override { return nullptr; } ///< belongs to one payload only
    void copy_from(const tlm_extension_base&) override {}

private:
    friend class ChannelPort;
    friend struct ChannelTransferDeleter;
    ChannelPort* port_ = nullptr;
    tlm::tlm_generic_payload* payload_ = nullptr;
    ChannelRequest request_;
    std::function<void()> on_finish_;
    sc_core::sc_event finish_event_;
    bool finished_ = false;
};

struct ChannelTransferDeleter {
    void operator()(ChannelTransfer* transfer) const;
};
/// Whoever holds it may give it up only when the transfer has finished (or the simulation has ended).
using ChannelTransferPtr = std::unique_ptr<ChannelTransfer, ChannelTransferDeleter>;

/// The engines' way to a channel controller: an AT initiator that sends one request after the other as the
/// controller takes them, and knows of each when it has finished. Payloads and transfers are pooled.
class ChannelPort : public sc_core::sc_module {
public:
    /// To be bound to a `ChannelController::front`.
    tlm_utils::simple_initiator_socket<ChannelPort> socket{"socket"};

    explicit ChannelPort(const sc_core::sc_module_name& name);
    ~ChannelPort() override;

    /// Begins an access in the chips' own address spaces. The data, null in timing mode, must stay until it
    /// has finished.
    ChannelTransferPtr chip_local(tlm::tlm_command command, const ChannelRequest& request,
                                  unsigned char* data);
    /// Begins an access of an engine to ordinary memory at a channel address.
    ChannelTransferPtr interleaved(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes,
                                   unsigned char* data, core::LayerId layer, memory::WriteCause cause,
                                   Source source);
    /// Begins an access with the attributes of `like`, at a channel address, for somebody who looks at the
    /// response himself. The byte enables must stay until it has finished.
    /// @param on_finish called when it has finished, not before this function has returned
    ChannelTransferPtr forward(const tlm::tlm_generic_payload& like, const ChannelRequest* request,
                               std::function<void()> on_finish);

    unsigned debug(tlm::tlm_generic_payload& payload) { return socket->transport_dbg(payload); }
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
        return socket->get_direct_mem_ptr(payload, dmi);
    }
    /// Called with the first and the last address of what is no longer granted.
    std::function<void(std::uint64_t, std::uint64_t)> on_invalidated;

private:
    friend struct ChannelTransferDeleter;
    ChannelTransferPtr allocate();
    void begin(ChannelTransfer& transfer);
    void send();
    void invalidate(sc_dt::uint64 first, sc_dt::uint64 last);
    void finish(ChannelTransfer& transfer);
    void finish_early();
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);

    core::PayloadPool payloads_;
    std::deque<ChannelTransfer> transfers_;
    std::vector<ChannelTransfer*> free_;
    std::deque<ChannelTransfer*> waiting_; ///< to be sent
    bool request_under_way_ = false;       ///< BEGIN_REQ without END_REQ
    std::deque<ChannelTransfer*> completed_early_;
    sc_core::sc_event completed_early_event_{"completed_early_event"};
};

/// Several transfers of one piece of data.
class ChannelTransfers {
public:
    void add(ChannelTransferPtr transfer) { transfers_.push_back(std::move(transfer)); }
    /// Waits until all have finished, and forgets them; from a thread.
    void wait();

private:
    std::vector<ChannelTransferPtr> transfers_;
};

} // namespace hydravp::modules
