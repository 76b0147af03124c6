// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/payload_pool.h"
#include "hydravp/modules/channel_request.h"

#include <tlm>

namespace hydravp::modules {

/// An engine's way to a channel controller: fills pooled payloads, checks responses.
class ChannelPort {
public:
    struct Times {
        core::Picoseconds accepted; ///< the next request may be made without the data bus idling
        core::Picoseconds finished; ///< last data
    };

    /// @param socket bound to a `ChannelController::front` by the time of the first access
    explicit ChannelPort(tlm::tlm_initiator_socket<>& socket) : socket_(&socket) {}

    /// An access in the chips' own address spaces, made now or `delay` from now; `data` is null in timing
    /// mode. Throws core::SimulationError on an error response.
    Times chip_local(tlm::tlm_command command, const ChannelRequest& request, unsigned char* data,
                     core::Picoseconds delay = {});
    /// An access to ordinary memory at a channel address, made now.
    Times interleaved(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes,
                      unsigned char* data, core::LayerId layer, memory::WriteCause cause);

private:
    Times transport(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes, unsigned char* data,
                    core::Picoseconds delay);

    tlm::tlm_initiator_socket<>* socket_;
    core::PayloadPool payloads_;
    ChannelRequest request_;
};

} // namespace hydravp::modules
