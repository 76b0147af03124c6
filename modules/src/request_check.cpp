// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/request_check.h"

#include <algorithm>
#include <limits>

namespace hydravp::modules {

using memory::AccessSpace;

namespace {

tlm::tlm_response_status check_interleaved(const tlm::tlm_generic_payload& payload,
                                           const memory::Geometry& geometry, bool needs_data) {
    const std::uint64_t capacity = geometry.channel_bytes();
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    if (length == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (payload.get_data_ptr() == nullptr && needs_data) {
        return tlm::TLM_GENERIC_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr && payload.get_byte_enable_length() == 0) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    const std::uint64_t span = width == 0 ? length : std::min(width, length);
    if (span > capacity || payload.get_address() > capacity - span) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status check_chip_local(const tlm::tlm_generic_payload& payload,
                                          const ChannelRequest& request, const memory::Geometry& geometry) {
    if (request.bytes_per_chip == 0) {
        return tlm::TLM_BURST_ERROR_RESPONSE;
    }
    if (request.rank.value() >= geometry.ranks || request.chips == 0 ||
        (request.chips & ~memory::first_chips(geometry.chips_per_rank)) != 0) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    if (payload.get_byte_enable_ptr() != nullptr &&
        (payload.get_byte_enable_length() == 0 || request.space == AccessSpace::unit)) {
        return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    }
    if (request.space == AccessSpace::array) {
        const std::uint64_t capacity = geometry.chip_bytes();
        if (request.bytes_per_chip > capacity || request.chip_address > capacity - request.bytes_per_chip) {
            return tlm::TLM_ADDRESS_ERROR_RESPONSE;
        }
    } else if (request.chip_address > std::numeric_limits<std::uint64_t>::max() - request.bytes_per_chip) {
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    }
    return tlm::TLM_OK_RESPONSE;
}

} // namespace

tlm::tlm_response_status check_request(const tlm::tlm_generic_payload& payload, const ChannelRequest* request,
                                       const memory::Geometry& geometry, bool needs_data) {
    if (request != nullptr && request->view == DataView::chip_local) {
        return check_chip_local(payload, *request, geometry);
    }
    if (request != nullptr && request->space != AccessSpace::array) {
        return tlm::TLM_COMMAND_ERROR_RESPONSE;
    }
    return check_interleaved(payload, geometry, needs_data && request == nullptr);
}

} // namespace hydravp::modules
