// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/rank_data.h"

#include <algorithm>

namespace hydravp::modules {

RankData::RankData(const memory::Geometry& geometry)
    : geometry_(geometry),
      interleave_(geometry.chips_per_rank),
      staging_(row_bytes()),
      enables_(staging_.size()) {}

RankStretch RankData::interleaved(const AddressMapping::Place& place, std::uint64_t bytes) const {
    return {place.rank, place.bank, place.row, chip_byte(place.row_byte), chip_bytes(place.row_byte, bytes)};
}

RankStretch RankData::chip_local(core::Rank rank, std::uint64_t chip_address, std::uint64_t bytes) const {
    const std::uint64_t row = chip_address / geometry_.row_bytes;
    RankStretch stretch;
    stretch.rank = rank;
    stretch.bank = core::Bank{static_cast<std::size_t>(row / geometry_.rows)};
    stretch.row = core::Row{static_cast<std::size_t>(row % geometry_.rows)};
    stretch.first = static_cast<std::uint32_t>(chip_address % geometry_.row_bytes);
    stretch.bytes = static_cast<std::uint32_t>(bytes);
    return stretch;
}

RankData::Bus RankData::lay_out(bool write, std::uint64_t row_byte, std::uint64_t bytes,
                                const unsigned char* data, const ByteEnables& enables, std::uint64_t offset) {
    Bus bus{data != nullptr ? staging_.data() : nullptr, nullptr, chip_bytes(row_byte, bytes)};
    if (whole_beats(row_byte, bytes) && enables.pattern == nullptr) {
        if (bus.data != nullptr && write) {
            interleave_.split(data, bus.stride, bus.data, bus.stride);
        }
        return bus;
    }
    // Beats of which not every byte takes part go with byte enables.
    std::fill_n(enables_.begin(), bus.stride * geometry_.chips_per_rank, static_cast<unsigned char>(0));
    bus.enables = enables_.data();
    for (std::size_t i = 0; i < bytes; ++i) {
        const std::size_t at = place(row_byte, i, bus.stride);
        enables_[at] = enables[offset + i] ? 0xFF : 0;
        if (bus.data != nullptr && write) {
            bus.data[at] = data[i];
        }
    }
    return bus;
}

void RankData::collect(std::uint64_t row_byte, std::uint64_t bytes, unsigned char* data,
                       const ByteEnables& enables, std::uint64_t offset) const {
    const std::size_t stride = chip_bytes(row_byte, bytes);
    if (whole_beats(row_byte, bytes) && enables.pattern == nullptr) {
        interleave_.join(staging_.data(), stride, stride, data);
        return;
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        if (enables[offset + i]) {
            data[i] = staging_[place(row_byte, i, stride)];
        }
    }
}

unsigned char* RankData::chip_local_enables(const ByteEnables& enables, std::size_t stride,
                                            std::uint64_t offset, std::uint64_t bytes) {
    if (enables.pattern == nullptr) {
        return nullptr;
    }
    const std::size_t needed = stride * (geometry_.chips_per_rank - 1) + bytes;
    if (enables_.size() < needed) {
        enables_.resize(needed);
    }
    for (std::size_t chip = 0; chip < geometry_.chips_per_rank; ++chip) {
        for (std::size_t i = 0; i < bytes; ++i) {
            const std::size_t at = chip * stride + i;
            enables_[at] = enables[at + offset] ? 0xFF : 0;
        }
    }
    return enables_.data();
}

} // namespace hydravp::modules
