// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_port.h"

#include "hydravp/core/error.h"

#include <fmt/format.h>

#include <utility>

namespace hydravp::modules {

// -------------------------------------------------------------------------------------------- transfers

void ChannelTransfer::wait() {
    while (!finished_) {
        sc_core::wait(finish_event_);
    }
    if (payload_->is_response_error()) {
        throw core::SimulationError(fmt::format(
            "{}: {} of {} bytes at {:#x} failed: {}", port_->name(), payload_->is_read() ? "read" : "write",
            payload_->get_data_length(), payload_->get_address(), payload_->get_response_string()));
    }
}

void ChannelTransferDeleter::operator()(ChannelTransfer* transfer) const {
    transfer->payload_->clear_extension(transfer);
    transfer->payload_->clear_extension<ChannelRequest>();
    transfer->payload_->release();
    transfer->on_finish_ = nullptr;
    transfer->port_->free_.push_back(transfer);
}

void ChannelTransfers::wait() {
    for (const ChannelTransferPtr& transfer : transfers_) {
        transfer->wait();
    }
    transfers_.clear();
}

// ------------------------------------------------------------------------------------------------- port

ChannelPort::ChannelPort(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    socket.register_nb_transport_bw(this, &ChannelPort::nb_transport_bw);
    socket.register_invalidate_direct_mem_ptr(this, &ChannelPort::invalidate);
    SC_HAS_PROCESS(ChannelPort);
    SC_METHOD(finish_early);
    sensitive << completed_early_event_;
    dont_initialize();
}

ChannelPort::~ChannelPort() = default;

ChannelTransferPtr ChannelPort::allocate() {
    if (free_.empty()) {
        free_.push_back(&transfers_.emplace_back());
    }
    ChannelTransfer* const transfer = free_.back();
    free_.pop_back();
    transfer->port_ = this;
    transfer->payload_ = &payloads_.allocate();
    transfer->request_ = ChannelRequest{};
    transfer->finished_ = false;
    transfer->payload_->set_extension(transfer);
    return ChannelTransferPtr(transfer);
}

ChannelTransferPtr ChannelPort::chip_local(tlm::tlm_command command, const ChannelRequest& request,
                                           unsigned char* data) {
    ChannelTransferPtr transfer = allocate();
    transfer->request_ = request;
    transfer->request_.view = DataView::chip_local;
    tlm::tlm_generic_payload& payload = *transfer->payload_;
    payload.set_command(command);
    payload.set_address(request.chip_address);
    payload.set_data_ptr(data);
    payload.set_data_length(request.bytes_per_chip);
    payload.set_streaming_width(request.bytes_per_chip);
    payload.set_extension(&transfer->request_);
    begin(*transfer);
    return transfer;
}

ChannelTransferPtr ChannelPort::interleaved(tlm::tlm_command command, std::uint64_t address,
                                            std::uint32_t bytes, unsigned char* data, core::LayerId layer,
                                            memory::WriteCause cause, Source source) {
    ChannelTransferPtr transfer = allocate();
    transfer->request_.layer = layer;
    transfer->request_.cause = cause;
    transfer->request_.source = source;
    tlm::tlm_generic_payload& payload = *transfer->payload_;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data);
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_extension(&transfer->request_);
    begin(*transfer);
    return transfer;
}

ChannelTransferPtr ChannelPort::forward(const tlm::tlm_generic_payload& like, const ChannelRequest* request,
                                        std::function<void()> on_finish) {
    ChannelTransferPtr transfer = allocate();
    tlm::tlm_generic_payload& payload = *transfer->payload_;
    payload.set_command(like.get_command());
    payload.set_address(like.get_address());
    payload.set_data_ptr(like.get_data_ptr());
    payload.set_data_length(like.get_data_length());
    payload.set_streaming_width(like.get_streaming_width());
    payload.set_byte_enable_ptr(like.get_byte_enable_ptr());
    payload.set_byte_enable_length(like.get_byte_enable_length());
    if (request != nullptr) {
        transfer->request_ = *request;
        payload.set_extension(&transfer->request_);
    }
    transfer->on_finish_ = std::move(on_finish);
    begin(*transfer);
    return transfer;
}

void ChannelPort::begin(ChannelTransfer& transfer) {
    waiting_.push_back(&transfer);
    send();
}

/// Sends requests as long as the controller takes them.
void ChannelPort::send() {
    while (!request_under_way_ && !waiting_.empty()) {
        ChannelTransfer& transfer = *waiting_.front();
        waiting_.pop_front();
        request_under_way_ = true;
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time delay;
        const tlm::tlm_sync_enum answer = socket->nb_transport_fw(*transfer.payload_, phase, delay);
        if (answer == tlm::TLM_COMPLETED) {
            request_under_way_ = false;
            completed_early_.push_back(&transfer);
            completed_early_event_.notify(sc_core::SC_ZERO_TIME);
        } else if (answer == tlm::TLM_UPDATED) {
            request_under_way_ = false; // END_REQ
        }
    }
}

tlm::tlm_sync_enum ChannelPort::nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time&) {
    if (phase == tlm::END_REQ) {
        request_under_way_ = false;
        send();
        return tlm::TLM_ACCEPTED;
    }
    finish(*payload.get_extension<ChannelTransfer>());
    return tlm::TLM_COMPLETED;
}

void ChannelPort::invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
    if (on_invalidated) {
        on_invalidated(first, last);
    }
}

void ChannelPort::finish_early() {
    while (!completed_early_.empty()) {
        ChannelTransfer& transfer = *completed_early_.front();
        completed_early_.pop_front();
        finish(transfer);
    }
}

void ChannelPort::finish(ChannelTransfer& transfer) {
    transfer.finished_ = true;
    transfer.finish_event_.notify();
    const std::function<void()> on_finish = std::move(transfer.on_finish_);
    if (on_finish) {
        on_finish(); // may give the transfer up
    }
}

} // namespace hydravp::modules
