// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_port.h"

#include "hydravp/core/error.h"
#include "hydravp/core/time.h"

#include <fmt/format.h>

namespace hydravp::modules {

ChannelPort::Times ChannelPort::chip_local(tlm::tlm_command command, const ChannelRequest& request,
                                           unsigned char* data, core::Picoseconds delay) {
    request_ = request;
    request_.view = DataView::chip_local;
    return transport(command, request.chip_address, request.bytes_per_chip, data, delay);
}

ChannelPort::Times ChannelPort::interleaved(tlm::tlm_command command, std::uint64_t address,
                                            std::uint32_t bytes, unsigned char* data, core::LayerId layer,
                                            memory::WriteCause cause) {
    request_ = ChannelRequest{};
    request_.layer = layer;
    request_.cause = cause;
    return transport(command, address, bytes, data, {});
}

ChannelPort::Times ChannelPort::transport(tlm::tlm_command command, std::uint64_t address,
                                          std::uint32_t bytes, unsigned char* data, core::Picoseconds delay) {
    core::PooledPayload payload(payloads_);
    payload->set_command(command);
    payload->set_address(address);
    payload->set_data_ptr(data);
    payload->set_data_length(bytes);
    payload->set_streaming_width(bytes);
    payload->set_extension(&request_);
    sc_core::sc_time annotated = core::to_sc_time(delay);
    (*socket_)->b_transport(*payload, annotated);
    payload->clear_extension(&request_);
    if (payload->is_response_error()) {
        throw core::SimulationError(fmt::format("{}: {} of {} bytes at {:#x} failed: {}", socket_->name(),
                                                command == tlm::TLM_READ_COMMAND ? "read" : "write", bytes,
                                                address, payload->get_response_string()));
    }
    return {request_.accepted, request_.finished};
}

} // namespace hydravp::modules
