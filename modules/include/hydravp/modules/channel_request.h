// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/command.h"

#include <cstddef>
#include <cstdint>

namespace hydravp::modules {

/// How the bytes of a request map to the chips of the rank.
enum class DataView {
    interleaved, ///< ordinary memory: the payload's address and length; byte b of a beat lies in chip b
    chip_local   ///< the extension's rank and chip address; each selected chip moves its own bytes
};

/// Who makes a request. Requests of one source keep their places among themselves; between sources the bursts
/// of a long run take turns.
enum class Source : std::uint8_t { host, weight_streamer, accumulation };
constexpr std::size_t sources = 3;

/// What an engine of the memory controller asks of a channel controller beyond the base protocol. A payload
/// without it is an ordinary access of the host: interleaved, no layer.
class ChannelRequest : public tlm::tlm_extension<ChannelRequest> {
public:
    DataView view = DataView::interleaved;
    memory::AccessSpace space = memory::AccessSpace::array; ///< unit: chip_local only
    core::Rank rank;
    std::uint32_t chips = 0;        ///< mask of the chips that take part
    std::uint64_t chip_address = 0; ///< byte address within each chip (or unit)
    std::uint32_t bytes_per_chip = 0;
    std::size_t chip_stride = 0; ///< chip i's bytes are at data + i * chip_stride
    core::LayerId layer = core::no_layer;
    memory::WriteCause cause = memory::WriteCause::host;
    Source source = Source::host;
    std::uint32_t initiator = 0; ///< below `core::InitiatorId::most`; 0: as an `InitiatorId` says

    /// Out, of a chip-local request: bytes that each chip has been sent or has been asked for by now.
    std::uint32_t commanded_bytes = 0;
    /// Out: time of the first column command, or of the write queue's answer; below 0 before it.
    core::Picoseconds first_column{-1};

    tlm_extension_base* clone() const override { return new ChannelRequest(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = static_cast<const ChannelRequest&>(other);
    }
};

} // namespace hydravp::modules
