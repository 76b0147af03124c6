// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/technology.h"
#include "hydravp/modules/channel_request.h"

#include <tlm>

namespace hydravp::modules {

/// What a channel answers to a request before any of it is served.
/// @param needs_data a null data pointer is an error for a payload without `ChannelRequest`
tlm::tlm_response_status check_request(const tlm::tlm_generic_payload& payload, const ChannelRequest* request,
                                       const memory::Geometry& geometry, bool needs_data);

} // namespace hydravp::modules
