// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/rank_data.h"

namespace hydravp::modules {

RankData::RankData(const memory::Geometry& geometry) : geometry_(geometry), enables_(row_bytes()) {}

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

void RankData::interleave(memory::CommandExtension& command, std::uint64_t row_byte,
                          std::uint64_t bytes) const {
    const std::uint32_t first = chip_byte(row_byte);
    command.layout = memory::DataLayout::interleaved;
    command.skip = first & (geometry_.burst_bytes() - 1);
    command.column = first - command.skip;
    command.bytes = chip_bytes(row_byte, bytes);
    command.lane = static_cast<std::uint32_t>(row_byte % geometry_.chips_per_rank);
    command.interleaved_bytes = static_cast<std::uint32_t>(bytes);
}

unsigned char* RankData::interleaved_enables(const ByteEnables& enables, std::uint64_t offset,
                                             std::uint64_t bytes) {
    if (enables.pattern == nullptr) {
        return nullptr;
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        enables_[i] = enables[offset + i] ? 0xFF : 0;
    }
    return enables_.data();
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
