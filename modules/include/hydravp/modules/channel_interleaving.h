// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hydravp::modules {

/// Spreads one address range over several equal channels, a rank's row to each in turn, so that a stream
/// keeps all of them busy with whole rows.
class ChannelInterleaving {
public:
    ChannelInterleaving() = default;
    ChannelInterleaving(std::uint32_t channels, std::uint32_t granule_bytes)
        : channels_(channels), granule_(granule_bytes) {}

    std::uint32_t channel(std::uint64_t offset) const {
        return static_cast<std::uint32_t>(offset / granule_ % channels_);
    }
    /// Address within that channel.
    std::uint64_t address(std::uint64_t offset) const {
        return offset / granule_ / channels_ * granule_ + offset % granule_;
    }
    /// The offset of an address within a channel; the two before backwards.
    std::uint64_t offset(std::uint32_t channel, std::uint64_t address) const {
        return (address / granule_ * channels_ + channel) * granule_ + address % granule_;
    }
    std::uint64_t granule() const { return granule_; }
    /// Bytes from `offset` to the end of its granule.
    std::uint64_t bytes_left(std::uint64_t offset) const { return granule_ - offset % granule_; }

private:
    std::uint64_t channels_ = 1;
    std::uint64_t granule_ = 8192;
};

} // namespace hydravp::modules
