// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"
#include "hydravp/memory/technology.h"
#include "hydravp/modules/address_mapping.h"
#include "hydravp/modules/channel_request.h"
#include "hydravp/modules/rank_data.h"

#include <tlm>

#include <functional>

namespace hydravp::modules {

/// Debug transport of a channel: turns requests into accesses to a `memory::Channel`'s debug transport.
class ChannelDebug {
public:
    using Send = std::function<unsigned int(tlm::tlm_generic_payload&)>;

    /// @param send the channel's transport_dbg
    ChannelDebug(const memory::Geometry& geometry, const AddressMapping& map, Send send);
    ~ChannelDebug() { payload_.clear_extension(&command_); }
    ChannelDebug(const ChannelDebug&) = delete;
    ChannelDebug& operator=(const ChannelDebug&) = delete;

    /// Bytes that were moved, of a chip-local request all chips together; stops at the end of the memory.
    unsigned int transport(tlm::tlm_generic_payload& payload);

private:
    unsigned int chip_local(tlm::tlm_generic_payload& payload, const ChannelRequest& request);
    unsigned int interleaved(tlm::tlm_generic_payload& payload);
    memory::CommandExtension& command(const RankStretch& stretch, bool write);
    unsigned int access(unsigned char* data);

    memory::Geometry geometry_;
    AddressMapping map_;
    RankData data_;
    Send send_;
    tlm::tlm_generic_payload payload_;
    memory::CommandExtension command_;
};

} // namespace hydravp::modules
