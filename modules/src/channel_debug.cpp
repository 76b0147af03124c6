// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/channel_debug.h"

#include "hydravp/modules/request_check.h"

#include <algorithm>
#include <utility>

namespace hydravp::modules {

using memory::AccessSpace;
using memory::CommandExtension;
using memory::CommandKind;

ChannelDebug::ChannelDebug(const memory::Geometry& geometry, const AddressMapping& map, Send send)
    : geometry_(geometry), map_(map), data_(geometry), send_(std::move(send)) {
    payload_.set_extension(&command_);
}

unsigned int ChannelDebug::transport(tlm::tlm_generic_payload& payload) {
    if (payload.get_data_ptr() == nullptr || payload.is_read() == payload.is_write()) {
        return 0;
    }
    const auto* request = payload.get_extension<ChannelRequest>();
    if (request != nullptr && request->view == DataView::chip_local) {
        return chip_local(payload, *request);
    }
    return request == nullptr || request->space == AccessSpace::array ? interleaved(payload) : 0;
}

unsigned int ChannelDebug::chip_local(tlm::tlm_generic_payload& payload, const ChannelRequest& request) {
    if (check_request(payload, &request, geometry_, false) != tlm::TLM_OK_RESPONSE) {
        return 0;
    }
    const bool array = request.space == AccessSpace::array;
    unsigned int moved = 0;
    for (std::uint32_t done = 0; done < request.bytes_per_chip;) {
        const std::uint64_t first = request.chip_address + done;
        const std::uint64_t left = geometry_.row_bytes - (array ? first % geometry_.row_bytes : 0);
        const std::uint64_t bytes = std::min<std::uint64_t>(request.bytes_per_chip - done, left);
        CommandExtension& here =
            command(data_.chip_local(request.rank, array ? first : 0, bytes), payload.is_write());
        here.space = request.space;
        here.unit_address = first;
        here.chips = request.chips;
        here.chip_stride = request.chip_stride;
        moved += access(payload.get_data_ptr() + done);
        done += static_cast<std::uint32_t>(bytes);
    }
    return moved;
}

unsigned int ChannelDebug::interleaved(tlm::tlm_generic_payload& payload) {
    const std::uint64_t capacity = geometry_.channel_bytes();
    const std::uint64_t address = payload.get_address();
    if (address >= capacity) {
        return 0;
    }
    const std::uint64_t bytes = std::min<std::uint64_t>(payload.get_data_length(), capacity - address);
    for (std::uint64_t done = 0; done < bytes;) {
        const AddressMapping::Place place = map_.place(address + done);
        const std::uint64_t length = std::min(bytes - done, map_.stretch() - place.row_byte % map_.stretch());
        unsigned char* const data = payload.get_data_ptr() + done;
        CommandExtension& here = command(data_.interleaved(place, length), payload.is_write());
        data_.interleave(here, place.row_byte, length);
        access(data);
        done += length;
    }
    return static_cast<unsigned int>(bytes);
}

CommandExtension& ChannelDebug::command(const RankStretch& stretch, bool write) {
    command_ = CommandExtension{};
    command_.kind = write ? CommandKind::write : CommandKind::read;
    command_.rank = stretch.rank;
    command_.bank = stretch.bank;
    command_.row = stretch.row;
    command_.chips = memory::first_chips(geometry_.chips_per_rank);
    command_.skip = stretch.first % geometry_.burst_bytes();
    command_.column = stretch.first - command_.skip;
    command_.bytes = stretch.bytes;
    return command_;
}

unsigned int ChannelDebug::access(unsigned char* data) {
    payload_.set_command(command_.kind == CommandKind::write ? tlm::TLM_WRITE_COMMAND
                                                             : tlm::TLM_READ_COMMAND);
    payload_.set_data_ptr(data);
    payload_.set_byte_enable_ptr(nullptr);
    return send_(payload_);
}

} // namespace hydravp::modules
